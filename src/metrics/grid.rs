//! A reconstruction and its truth onto one grid, with words on what was done. Knows no files and no screen.
//!
//! Numbers are taken voxel by voxel, so both must lie on one grid; what has no counterpart there counts as air, and is
//! told as a share.

use super::comparison::MetricsError;
use crate::geometry::resample::resample;
use crate::geometry::{Frame, Vec3, Volume, norm, sub};
use rayon::prelude::*;

/// Two grids closer than this are one grid (mm): headers carry rounded numbers.
const SAME_GRID_MM: f64 = 0.05;
/// A share of voxels that is told as a note when it is missing: less is rounding at a face.
const TOLD_SHARE: f64 = 0.001;

/// What messages call the two volumes.
const RECON: &str = "the reconstruction";
const TRUTH: &str = "the truth";
/// What is said of voxels that the truth's scan does not reach.
const NO_TRUTH: &str = "the voxels have no truth: numbers of the whole volume count them as air, those of scanned \
    slices leave slices without scan data out";

/// A volume on the grid of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    /// The volume on that grid.
    pub volume: Volume,
    /// What was done to it and what lacks a counterpart, a sentence each; empty where it was on that grid already.
    pub notes: Vec<String>,
    /// Share of the grid's voxels where there is both a reconstruction and scan data of the truth, 0 to 1.
    pub covered: f64,
}

/// A reconstruction and its truth on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The reconstruction.
    pub recon: Volume,
    /// The truth.
    pub truth: Volume,
    /// What was done to either and what lacks a counterpart, a sentence each.
    pub notes: Vec<String>,
    /// Share of the grid's voxels where there is both a reconstruction and scan data of the truth, above 0, up to 1.
    pub covered: f64,
}

/// The reconstruction on the truth's grid: as it is where the grids are one, voxel by voxel where both are the networks'
/// cube (one without a known place stands about the isocentre), else resampled.
pub fn on_grid_of(recon: Volume, truth: &Volume) -> Aligned {
    let target = truth.frame();
    let Moved { volume, reach, mut notes } = moved(recon, target, [RECON, TRUTH]);
    let covered = share_inside(&reach, target, truth.data_slices());
    let outside = 1.0 - share_inside(&reach, target, Some((0, target.dims()[2] - 1)));
    notes.extend(missing(outside, "the truth's voxels lie outside of the reconstruction, which counts as air there"));
    notes.extend(missing(1.0 - covered - outside, NO_TRUTH));
    Aligned { volume, notes, covered }
}

/// The truth, of any size, spacing and orientation, on the grid of a reconstruction.
pub fn truth_on_grid_of(truth: Volume, recon: &Frame) -> Aligned {
    let Moved { volume, reach, mut notes } = moved(truth, recon, [TRUTH, RECON]);
    let covered = share_inside(&reach, recon, volume.data_slices());
    notes.extend(missing(1.0 - covered, NO_TRUTH));
    Aligned { volume, notes, covered }
}

/// Both on one grid: the networks' cube where one of them is it, else the truth's grid.
///
/// # Errors
/// [`MetricsError::NoData`] where the truth is padding alone, [`MetricsError::Apart`] where there is no voxel in common.
pub fn on_one_grid(recon: Volume, truth: Volume) -> Result<Pair, MetricsError> {
    truth.data_slices().ok_or(MetricsError::NoData)?;
    let apart_mm = norm(sub(recon.frame().centre_mm(), truth.frame().centre_mm()));
    let pair = if recon.frame().is_cube() && !truth.frame().is_cube() {
        let Aligned { volume, notes, covered } = truth_on_grid_of(truth, recon.frame());
        Pair { recon, truth: volume, notes, covered }
    } else {
        let Aligned { volume, notes, covered } = on_grid_of(recon, &truth);
        Pair { recon: volume, truth, notes, covered }
    };
    if pair.covered > 0.0 { Ok(pair) } else { Err(MetricsError::Apart { apart_mm }) }
}

/// A volume on another grid.
struct Moved {
    volume: Volume,
    /// Where it holds values, among the places of that grid.
    reach: Frame,
    /// What was done to it; nothing where the grids are one.
    notes: Vec<String>,
}

fn moved(volume: Volume, target: &Frame, [name, other]: [&str; 2]) -> Moved {
    let own = volume.frame().clone();
    if same_grid(&own, target) {
        return Moved { volume, reach: target.clone(), notes: Vec::new() };
    }
    if own.is_cube() && target.is_cube() {
        let note = format!("{name} and {other} are cubes at different places: compared voxel by voxel");
        // Cubes are equal in size, so that the other's grid fits.
        let volume = Volume::new(target.clone(), volume.hu().to_vec()).unwrap_or(volume);
        return Moved { volume, reach: target.clone(), notes: vec![note] };
    }
    let [letters, other_letters] = [&own, target].map(axes);
    let turned = if letters == other_letters {
        String::new()
    } else {
        format!("; its voxel axes run to {letters}, those of {other} to {other_letters}")
    };
    let note = format!("{name} ({}) was resampled onto the grid of {other} ({}){turned}", size(&own), size(target));
    Moved { volume: resample(&volume, target), reach: own, notes: vec![note] }
}

/// The share of the voxels of `target` in its slices `first..=last` whose centres lie in `source`, whose voxels count
/// with their whole extent.
fn share_inside(source: &Frame, target: &Frame, slices: Option<(usize, usize)>) -> f64 {
    let Some((first, last)) = slices else { return 0.0 };
    let [nx, ny, _] = target.dims();
    let ends = source.dims().map(|n| n as f64 - 0.5);
    // Rounding of a header must not cost a face.
    let slack = source.spacing_mm().map(|spacing| SAME_GRID_MM / spacing);
    let holds = |p: Vec3| (0..3).all(|k| p[k] >= -0.5 - slack[k] && p[k] <= ends[k] + slack[k]);
    let count = |z: usize| {
        let row = |y: usize| {
            // Along a row the place in the source changes evenly.
            let [start, end] =
                [0.0, 1.0].map(|x| source.voxel_from_world(target.world_from_voxel([x, y as f64, z as f64])));
            let step = sub(end, start);
            (0..nx).filter(|&x| holds(std::array::from_fn(|k| start[k] + step[k] * x as f64))).count()
        };
        (0..ny).map(row).sum::<usize>()
    };
    let voxels: usize = (first..=last).into_par_iter().map(count).sum();
    voxels as f64 / target.len() as f64
}

/// A share of voxels that lack something, as a sentence.
fn missing(share: f64, what: &str) -> Option<String> {
    (share > TOLD_SHARE).then(|| format!("{:.1} % of {what}", 100.0 * share))
}

fn size(frame: &Frame) -> String {
    let ([nx, ny, nz], [sx, sy, sz]) = (frame.dims(), frame.spacing_mm());
    format!("{nx} x {ny} x {nz} voxels of {sx:.2} x {sy:.2} x {sz:.2} mm")
}

/// The patient directions to which the voxel axes run, as LPH.
fn axes(frame: &Frame) -> String {
    (0..3).map(|k| frame.axis_letter(k)).collect()
}

/// Whether two grids are one but for the rounding of headers.
pub fn same_grid(a: &Frame, b: &Frame) -> bool {
    let corners = |frame: &Frame| {
        let [nx, ny, nz] = frame.dims().map(|n| (n - 1) as f64);
        [[0.0; 3], [nx, 0.0, 0.0], [0.0, ny, 0.0], [0.0, 0.0, nz]].map(|voxel| frame.world_from_voxel(voxel))
    };
    let near = |(p, q): (&Vec3, &Vec3)| (0..3).all(|k| (p[k] - q[k]).abs() <= SAME_GRID_MM);
    a.dims() == b.dims() && corners(a).iter().zip(&corners(b)).all(near)
}
