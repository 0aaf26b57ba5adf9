//! SIRT with total variation: a volume from two films without anything learnt. Knows no network and no file.
//!
//! x <- x + lambda C A^T R (p - A x), A Joseph's projector, R and C one over its row and column sums (P. Gilbert,
//! "Iterative methods for the three-dimensional reconstruction of an object from projections", J. Theor. Biol. 36,
//! 1972; A. van der Sluis, H. van der Vorst, "SIRT- and CG-type methods", Linear Algebra Appl. 130, 1990: the residual
//! in the norm of R falls for 0 < lambda < 2). After each update negative values become 0 and the total variation is
//! made smaller. Two films leave most of a volume open: what comes out is the start, changed as little as they ask for.

use super::affine::{Affine, fit};
use super::total_variation::TotalVariation;
use super::{Attenuation, AttenuationError, adjoint, project};
use crate::geometry::{Frame, Raster, View};
use thiserror::Error;

/// Rays that touch less than this of the grid tell nothing, in mm of water's attenuation.
const LEAST_ROW_SUM: f32 = 1e-3;

/// How the films' values stand to line integrals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilmScale {
    /// They are line integrals, as of a simulated or calibrated detector.
    #[default]
    LineIntegrals,
    /// Gain and offset are unknown, as of every film of a chest room: they are fitted by least squares to the films of
    /// the start where one is given. Without a start the 1st and 99th percentile are taken to be those of a usual chest.
    Unknown,
}

/// How SIRT runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SirtOptions {
    /// Updates.
    pub iterations: usize,
    /// lambda, between 0 and 2.
    pub relaxation: f32,
    /// Weight of the total variation after each update, relative attenuation; 0 switches it off.
    pub tv_weight: f32,
    /// Steps on the dual of the total variation after each update.
    pub tv_steps: usize,
    /// What the films hold.
    pub scale: FilmScale,
}

impl Default for SirtOptions {
    /// Chosen on two of the shared CTs that models are trained on, by mean absolute error and SSIM: the residual is below
    /// 1 % by then, more updates and a heavier total variation make lungs smaller.
    fn default() -> Self {
        Self { iterations: 40, relaxation: 1.0, tv_weight: 0.01, tv_steps: 4, scale: FilmScale::LineIntegrals }
    }
}

/// Why SIRT gave no volume.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum SirtError {
    /// The grid cannot be projected, or the start does not fit it.
    #[error(transparent)]
    Attenuation(#[from] AttenuationError),
    /// Films and views do not belong together.
    #[error("{films} films for {views} views; give each film its view")]
    Count {
        /// Films given.
        films: usize,
        /// Views given.
        views: usize,
    },
    /// A film that is no picture of the grid.
    #[error("film {number}: {cause}")]
    Film {
        /// Which, counted from 1.
        number: usize,
        /// Why, and what to do.
        cause: String,
    },
    /// The observer asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// How far SIRT is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SirtProgress {
    /// Updates done.
    pub done: usize,
    /// Updates in all.
    pub of: usize,
    /// |p - A x| over |p| in the norm of R, before this update.
    pub relative_residual: f64,
}

/// Reconstructs relative attenuation `[z][y][x]` on `frame`, a grid along LPS that counts from the isocentre, from two
/// or more films of the views' sizes, unflipped, white = dense, NaN outside the collimated field. Begins at `start`
/// (relative attenuation on the same grid), else with air. `observe` is asked before every update; `false` stops.
///
/// # Errors
/// [`SirtError`]: sizes that do not fit, a film without a value on the grid, or the observer's wish.
pub fn sirt(
    films: &[Raster],
    views: &[View],
    frame: &Frame,
    options: &SirtOptions,
    start: Option<&[f32]>,
    observe: &mut dyn FnMut(SirtProgress) -> bool,
) -> Result<Vec<f32>, SirtError> {
    let mut x = start.map_or_else(|| vec![0f32; frame.len()], <[f32]>::to_vec);
    let system = System::new(films, views, frame, options.scale, start)?;
    let mut variation = TotalVariation::new(frame.dims());
    for done in 0..options.iterations {
        let (residuals, relative_residual) = system.residuals(&x)?;
        if !observe(SirtProgress { done, of: options.iterations, relative_residual }) {
            return Err(SirtError::Cancelled);
        }
        for (residual, view) in residuals.iter().zip(views) {
            let back = adjoint(residual, view, frame, [0.0; 3]);
            let update = x.iter_mut().zip(&back).zip(&system.per_column);
            update.for_each(|((x, back), c)| *x += options.relaxation * c * back);
        }
        x.iter_mut().for_each(|x| *x = x.max(0.0));
        variation.reduce(&mut x, options.tv_weight, options.tv_steps);
    }
    Ok(x)
}

/// The films as line integrals, and the sums of the projector's rows and columns.
struct System<'a> {
    frame: &'a Frame,
    views: &'a [View],
    /// Line integrals; 0 where `per_row` is.
    films: Vec<Raster>,
    /// One over the row sum of each pixel; 0 where the pixel is not measured or misses the grid.
    per_row: Vec<Raster>,
    /// One over the column sum of each voxel; 0 where no measured ray passes.
    per_column: Vec<f32>,
}

impl<'a> System<'a> {
    fn new(
        films: &[Raster],
        views: &'a [View],
        frame: &'a Frame,
        scale: FilmScale,
        start: Option<&[f32]>,
    ) -> Result<Self, SirtError> {
        if films.len() != views.len() || films.is_empty() {
            return Err(SirtError::Count { films: films.len(), views: views.len() });
        }
        let ones = Attenuation::from_values(frame, &vec![1.0; frame.len()])?;
        let start = start.map(|start| Attenuation::from_values(frame, start)).transpose()?;
        let (mut integrals, mut per_row) = (Vec::new(), Vec::new());
        let mut columns = vec![0f32; frame.len()];
        for (i, (film, view)) in films.iter().zip(views).enumerate() {
            check_size(i, film, view)?;
            let sums = project(&ones, view, [0.0; 3]);
            let weights = row_weights(film, sums);
            let affine = match scale {
                FilmScale::LineIntegrals => Affine::IDENTITY,
                FilmScale::Unknown => calibration(i, film, view, &weights, start.as_ref())?,
            };
            let measured = weights.clone().map(|w| f32::from(u8::from(w > 0.0)));
            columns.iter_mut().zip(adjoint(&measured, view, frame, [0.0; 3])).for_each(|(sum, v)| *sum += v);
            let mut integral = film.clone().map(|v| affine.line_integral(v));
            integral
                .values_mut()
                .iter_mut()
                .zip(weights.values())
                .filter(|(_, w)| **w == 0.0)
                .for_each(|(p, _)| *p = 0.0);
            integrals.push(integral);
            per_row.push(weights);
        }
        let per_column = columns.into_iter().map(|sum| if sum > LEAST_ROW_SUM { 1.0 / sum } else { 0.0 }).collect();
        Ok(Self { frame, views, films: integrals, per_row, per_column })
    }

    /// R (p - A x) of each film, and the relative residual.
    fn residuals(&self, x: &[f32]) -> Result<(Vec<Raster>, f64), SirtError> {
        let volume = Attenuation::from_values(self.frame, x)?;
        let (mut left, mut all) = (0f64, 0f64);
        let mut weigh = |((film, view), weights): ((&Raster, &View), &Raster)| {
            let mut residual = project(&volume, view, [0.0; 3]);
            for ((value, p), w) in residual.values_mut().iter_mut().zip(film.values()).zip(weights.values()) {
                let off = p - *value;
                left += f64::from(w * off * off);
                all += f64::from(w * p * p);
                *value = w * off;
            }
            residual
        };
        let residuals = self.films.iter().zip(self.views).zip(&self.per_row).map(&mut weigh).collect();
        Ok((residuals, if all > 0.0 { (left / all).sqrt() } else { 0.0 }))
    }
}

fn check_size(index: usize, film: &Raster, view: &View) -> Result<(), SirtError> {
    let (wanted, found) = ((view.detector.cols, view.detector.rows), (film.cols(), film.rows()));
    if wanted == found {
        return Ok(());
    }
    let cause = format!(
        "has {} x {} pixels, its view's detector {} x {}; give the view that belongs to it",
        found.0, found.1, wanted.0, wanted.1
    );
    Err(SirtError::Film { number: index + 1, cause })
}

/// One over the row sums where the film was measured and its ray meets the grid.
fn row_weights(film: &Raster, sums: Raster) -> Raster {
    let mut weights = sums;
    for (weight, value) in weights.values_mut().iter_mut().zip(film.values()) {
        *weight = if value.is_finite() && *weight > LEAST_ROW_SUM { 1.0 / *weight } else { 0.0 };
    }
    weights
}

/// The 1st and 99th percentile of a usual chest's line integrals. The ten shared CTs have 0 to 0.1, and 5.0 to 5.8 in
/// frontal and 5.9 to 7.5 in lateral films.
const USUAL_INTEGRALS: [f64; 2] = [0.0, 6.0];

/// Gain and offset of a film whose scale is not known.
fn calibration(
    index: usize,
    film: &Raster,
    view: &View,
    weights: &Raster,
    start: Option<&Attenuation>,
) -> Result<Affine, SirtError> {
    let blank =
        || SirtError::Film { number: index + 1, cause: "is blank where the grid is; choose another film".into() };
    let counts = |k: usize| weights.values()[k] > 0.0;
    if let Some(start) = start {
        let fitted = fit(film.values(), project(start, view, [0.0; 3]).values(), counts).ok_or_else(blank)?;
        // A start that contradicts the film tells no gain.
        if fitted.affine.gain > 0.0 {
            return Ok(fitted.affine);
        }
    }
    let (low, high) = (film.quantile(0.01), film.quantile(0.99));
    match (low, high) {
        (Some(low), Some(high)) if high > low => {
            let gain = f64::from(high - low) / (USUAL_INTEGRALS[1] - USUAL_INTEGRALS[0]);
            Ok(Affine { gain, offset: f64::from(low) - gain * USUAL_INTEGRALS[0] })
        }
        _ => Err(blank()),
    }
}
