//! What the networks say to the same films taken a little otherwise: the patient moved by two voxels, the tone bent.
//! Knows no truth.
//!
//! Mirroring left to right is not among them: biplane-w16 never saw a heart on the right, and all models are asked alike.

use crate::evaluate::{EvaluateError, films};
use crate::geometry::{Raster, Vec3, View, Volume};
use crate::nn::{Job, Reconstruction};

/// A way to take the films otherwise.
struct Variation {
    /// The patient is moved by so many voxels along x, y, z, and the result back.
    shift: [isize; 3],
    /// The standardised film to this power.
    tone: f32,
}

/// The variations, balanced about nothing.
const VARIATIONS: [Variation; 2] =
    [Variation { shift: [2, -2, 2], tone: 1.08 }, Variation { shift: [-2, 2, -2], tone: 0.93 }];

/// Members that [`members`] gives: as many reconstructions it takes.
pub const COUNT: usize = VARIATIONS.len();

/// Reconstructs the films of a job once for each variation and moves the results back onto its frame. `stop` is asked
/// at every event of the reconstructor.
///
/// # Errors
/// [`EvaluateError::Cancelled`] as asked; what the reconstructor gives.
pub fn members(job: &Job, stop: &dyn Fn() -> bool) -> Result<Vec<Volume>, EvaluateError> {
    VARIATIONS.iter().map(|variation| member(job, variation, stop)).collect()
}

/// A reconstruction and what it is held against: its [`members`], and where atlases guided it the volume a standard
/// deviation of theirs above and below, so that where atlases differ nobody is sure.
///
/// # Errors
/// As [`members`].
pub fn members_of(job: &Job, whole: &Reconstruction, stop: &dyn Fn() -> bool) -> Result<Vec<Volume>, EvaluateError> {
    let mut all = members(job, stop)?;
    if let Some(guided) = &whole.guided {
        all.extend(spread_volumes(&guided.volume, &guided.spread_hu));
    }
    Ok(all)
}

/// A volume a standard deviation higher and lower.
pub fn spread_volumes(volume: &Volume, spread_hu: &[f32]) -> impl Iterator<Item = Volume> {
    [1.0f32, -1.0].into_iter().filter_map(move |side| {
        let hu = volume.hu().iter().zip(spread_hu).map(|(hu, spread)| (f32::from(*hu) + side * spread).round() as i16);
        Volume::new(volume.frame().clone(), hu.collect()).ok()
    })
}

fn member(job: &Job, variation: &Variation, stop: &dyn Fn() -> bool) -> Result<Volume, EvaluateError> {
    let mut varied = job.clone();
    let spacing_mm = job.frame.spacing_mm();
    let moved_mm: Vec3 = std::array::from_fn(|k| variation.shift[k] as f64 * spacing_mm[k]);
    for view in &mut varied.views.views {
        move_patient(view, moved_mm);
    }
    varied.films = varied.films.map(|film| toned(&film, variation.tone));
    let volume = films::run(varied, stop)?;
    let hu = moved_back(&volume, variation.shift);
    Volume::new(volume.frame().clone(), hu).map_err(|e| EvaluateError::Input(e.to_string()))
}

/// The view under which the same film shows the patient moved: the detector moved the other way, exact at the isocentre.
fn move_patient(view: &mut View, by_mm: Vec3) {
    let (Some(from), Some(to)) = (view.pixel_from_world([0.0; 3]), view.pixel_from_world(by_mm)) else { return };
    for k in 0..2 {
        view.detector.offset_px[k] -= to[k] - from[k];
    }
}

/// The film with its standardised values bent; values below the 1st percentile stay as they are.
fn toned(film: &Raster, power: f32) -> Raster {
    let (Some(low), Some(high)) = (film.quantile(0.01), film.quantile(0.99)) else { return film.clone() };
    if !(high > low) {
        return film.clone();
    }
    let bend = |v: f32| if v > low { low + (high - low) * ((v - low) / (high - low)).powf(power) } else { v };
    film.clone().map(bend)
}

/// Each voxel read `shift` further along; beyond the grid the outermost voxel.
fn moved_back(volume: &Volume, shift: [isize; 3]) -> Vec<i16> {
    let dims = volume.frame().dims();
    let [nx, ny, _] = dims;
    let from = |i: usize, k: usize| i.saturating_add_signed(shift[k]).min(dims[k] - 1);
    let at = |i: usize| (from(i / (nx * ny), 2) * ny + from(i / nx % ny, 1)) * nx + from(i % nx, 0);
    (0..volume.hu().len()).map(|i| volume.hu()[at(i)]).collect()
}
