//! What is done to a film before the networks see it, the same in training and use. Knows no file format.

use crate::geometry::{Raster, View};
use rand::Rng;

/// Lower percentile of the standardisation: air or the thinnest place.
const LOW_QUANTILE: f64 = 0.01;
/// Upper percentile of the standardisation: the densest place.
const HIGH_QUANTILE: f64 = 0.99;
/// Standardised films are clamped to this range.
const RANGE: (f32, f32) = (-0.2, 1.5);
/// Pixel pitch at the isocentre that films are averaged down to, mm: the simulated detector's 2.6 mm over 1.5.
const WORKING_PITCH_MM: f64 = 2.6 / 1.5;
/// Films whose pixels are at most this much finer are left as they are.
const PITCH_TOLERANCE: f64 = 1.25;

/// The power that takes pictures made for display back towards line integrals. Displayed radiographs are stretched so
/// that lungs are black; the curve of film and of the usual look-up tables is unknown and differs. Chosen on ten public
/// pairs of chest radiographs, of which none was ever trained on: the air enclosed by the chest wall grows in nine of
/// them (1.1 to 3.6 times) and lungs come out at -750 to -830 HU instead of -800 to -900, one pair apart. A power of
/// 0.4 was better on one pair and no better on another; one fitted to each film's own histogram does less.
const DISPLAY_POWER: f32 = 0.6;

/// A picture made for display as something nearer to line integrals: x^0.6 of the standardised film, 0 below it.
/// Monotone, from the film alone; what is no number stays so.
#[must_use]
pub fn from_display(film: &Raster) -> Raster {
    let a = film.quantile(LOW_QUANTILE).unwrap_or(0.0);
    let s = film.quantile(HIGH_QUANTILE).unwrap_or(0.0);
    let scale = if s > a { 1.0 / (s - a) } else { 0.0 };
    film.clone().map(|p| if p.is_nan() { p } else { ((p - a) * scale).max(0.0).powf(DISPLAY_POWER) })
}

/// x = (p - a) / (s - a), a the 1st and s the 99th percentile of the finite values, clamped to [-0.2, 1.5].
/// Pixels that are not a number (outside the collimated field) become 0. A constant film becomes 0.
#[must_use]
pub fn standardise(film: &Raster) -> Raster {
    let a = film.quantile(LOW_QUANTILE).unwrap_or(0.0);
    let s = film.quantile(HIGH_QUANTILE).unwrap_or(0.0);
    let scale = if s > a { 1.0 / (s - a) } else { 0.0 };
    film.clone().map(|p| if p.is_finite() { ((p - a) * scale).clamp(RANGE.0, RANGE.1) } else { 0.0 })
}

/// Averages a film down to the networks' working resolution, with the view that matches it.
#[must_use]
pub fn prepare_film(film: &Raster, view: &View) -> (Raster, View) {
    let side = |pixels: usize, pitch_mm: f64| {
        let ratio = WORKING_PITCH_MM / (pitch_mm / view.magnification());
        if ratio <= PITCH_TOLERANCE { pixels } else { ((pixels as f64 / ratio).round() as usize).max(2) }
    };
    let cols = side(film.cols(), view.detector.pitch_mm[0]);
    let rows = side(film.rows(), view.detector.pitch_mm[1]);
    (area_average(film, cols, rows), view.resized(cols, rows))
}

/// Mean over each new pixel's area; sides may only shrink. NaN spreads to every pixel that touches it.
#[must_use]
pub fn area_average(film: &Raster, cols: usize, rows: usize) -> Raster {
    let narrow = shrink_rows(film.values(), film.cols(), cols);
    let turned = transpose(&narrow, cols, film.rows());
    let small = shrink_rows(&turned, film.rows(), rows);
    let values = transpose(&small, rows, cols);
    Raster::new(cols, rows, values).unwrap_or_else(|| film.clone())
}

/// Shrinks every row of `from` values to `to` by area.
fn shrink_rows(values: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to {
        return values.to_vec();
    }
    let ratio = from as f64 / to as f64;
    let mut out = Vec::with_capacity(values.len() / from * to);
    for row in values.chunks_exact(from) {
        for i in 0..to {
            let (start, end) = (i as f64 * ratio, (i + 1) as f64 * ratio);
            let mut sum = 0.0;
            for j in start as usize..(end.ceil() as usize).min(from) {
                let share = (end.min((j + 1) as f64) - start.max(j as f64)).max(0.0);
                sum += share * f64::from(row[j]);
            }
            out.push((sum / ratio) as f32);
        }
    }
    out
}

/// `[row][col]` to `[col][row]`.
fn transpose(values: &[f32], cols: usize, rows: usize) -> Vec<f32> {
    (0..cols * rows).map(|i| values[(i % rows) * cols + i / rows]).collect()
}

/// Adds quantum noise to a film of line integrals: N0 photons unattenuated, N ~ Poisson(N0 exp(-p)), taken as
/// normal (N is large wherever film is exposed), logged again. At least one photon arrives everywhere.
#[must_use]
pub fn with_quantum_noise(film: Raster, photons: f32, rng: &mut impl Rng) -> Raster {
    let mut noisy = film;
    for p in noisy.values_mut() {
        let mean = photons * (-*p).exp();
        let count = (mean + mean.sqrt() * normal(rng)).max(1.0);
        *p = (photons / count).ln();
    }
    noisy
}

/// A standard normal deviate (Box and Muller).
pub fn normal(rng: &mut impl Rng) -> f32 {
    let u: f32 = rng.random_range(f32::MIN_POSITIVE..1.0);
    let angle: f32 = rng.random_range(0.0..std::f32::consts::TAU);
    (-2.0 * u.ln()).sqrt() * angle.cos()
}
