//! Two films as targets of a registration: averaged down to the pixels that a coarse volume can explain.

use super::RegistrationError;
use crate::geometry::{Frame, Raster, View, ViewPair};
use crate::projection::affine::fit;
use crate::projection::film::area_average;
use crate::projection::sirt::FilmScale;
use crate::projection::{Attenuation, project};

/// Width of the mean that is taken off a film to leave its detail, mm at the isocentre.
const DETAIL_WIDTH_MM: f64 = 31.2;

/// Two films with their views, as they were measured.
#[derive(Clone, Debug)]
pub struct FilmTargets {
    films: [Raster; 2],
    views: [View; 2],
    /// How their values stand to line integrals.
    pub scale: FilmScale,
}

impl FilmTargets {
    /// Films in their views' own orientation (unflipped), white = dense, NaN outside of the field.
    ///
    /// # Errors
    /// [`RegistrationError::EmptyFilm`] where a film does not vary.
    pub fn new(films: [Raster; 2], views: &ViewPair, scale: FilmScale) -> Result<Self, RegistrationError> {
        for (i, film) in films.iter().enumerate() {
            match (film.quantile(0.01), film.quantile(0.99)) {
                (Some(low), Some(high)) if high > low => {}
                _ => return Err(RegistrationError::EmptyFilm(i + 1)),
            }
        }
        Ok(Self { films, views: views.views, scale })
    }

    /// The same films as line integrals, their gain and offset those that fit the projections of a volume (relative
    /// attenuation on the 128^3 cube, `[z][y][x]`). A network's volume is blurred, but its mass is right within 3 %; fitted
    /// along with the map instead, gain and density of the bent CT explain one another's errors (body MAE of the validation
    /// patients 141.7 instead of 140.4 HU). Films that are line integrals stay, as do such that fit no projection.
    #[must_use]
    pub fn calibrated_by(&self, r: &[f32]) -> Self {
        let Ok(volume) = Attenuation::from_values(&Frame::cube([0.0; 3]), r) else { return self.clone() };
        if self.scale == FilmScale::LineIntegrals {
            return self.clone();
        }
        let films = [0, 1].map(|i: usize| {
            let (film, view) = (&self.films[i], &self.views[i]);
            let got = project(&volume, view, [0.0; 3]);
            let fitted = fit(film.values(), got.values(), |_| true).map(|fit| fit.affine);
            fitted.filter(|affine| affine.gain > 0.0).map(|affine| film.clone().map(|v| affine.line_integral(v)))
        });
        match films {
            [Some(a), Some(b)] => Self { films: [a, b], scale: FilmScale::LineIntegrals, ..self.clone() },
            _ => self.clone(),
        }
    }

    /// Both films averaged to pixels of about `pitch_mm` at the isocentre; finer ones than measured are never made.
    pub(super) fn at_pitch(&self, pitch_mm: f64) -> [Film; 2] {
        [0, 1].map(|i: usize| {
            let (film, view) = (&self.films[i], &self.views[i]);
            let side = |pixels: usize, pitch: f64| {
                let wanted = (pixels as f64 * pitch / view.magnification() / pitch_mm).round() as usize;
                wanted.clamp(2, pixels.max(2))
            };
            let cols = side(film.cols(), view.detector.pitch_mm[0]);
            let rows = side(film.rows(), view.detector.pitch_mm[1]);
            let small = area_average(film, cols, rows);
            let view = view.resized(cols, rows);
            let pitch = view.detector.pitch_mm[0] / view.magnification();
            let reach = (DETAIL_WIDTH_MM / pitch / 2.0).floor() as usize;
            Film { view, values: small.values().to_vec(), reach: reach.max(1) }
        })
    }
}

/// One film at a working resolution.
pub(super) struct Film {
    /// Its view, of as many pixels.
    pub view: View,
    /// `[row][col]`; NaN outside of the field.
    pub values: Vec<f32>,
    /// Half the side of the mean that detail leaves out, pixels.
    reach: usize,
}

impl Film {
    /// What is left of an image of the film's size when the mean over a square is taken off. Pixels beyond the edge count
    /// as 0, so that this is its own transpose.
    pub fn detail(&self, image: &[f32]) -> Vec<f32> {
        let (cols, rows) = (self.view.detector.cols, self.view.detector.rows);
        let along = box_sums(image, cols, self.reach);
        let turned = transposed(&along, cols);
        let both = transposed(&box_sums(&turned, rows, self.reach), rows);
        let share = 1.0 / ((2 * self.reach + 1) as f32).powi(2);
        image.iter().zip(both).map(|(v, sum)| v - share * sum).collect()
    }
}

/// Sums over `reach` to both sides along rows of `cols`.
fn box_sums(image: &[f32], cols: usize, reach: usize) -> Vec<f32> {
    let mut out = vec![0f32; image.len()];
    let mut sums = vec![0f64; cols + 1];
    for (row, out) in image.chunks_exact(cols).zip(out.chunks_exact_mut(cols)) {
        for (i, value) in row.iter().enumerate() {
            sums[i + 1] = sums[i] + f64::from(*value);
        }
        for (i, out) in out.iter_mut().enumerate() {
            *out = (sums[(i + reach + 1).min(cols)] - sums[i.saturating_sub(reach)]) as f32;
        }
    }
    out
}

/// `[row][col]` of rows of `cols` to `[col][row]`.
fn transposed(image: &[f32], cols: usize) -> Vec<f32> {
    let rows = image.len() / cols;
    (0..image.len()).map(|i| image[(i % rows) * cols + i / rows]).collect()
}
