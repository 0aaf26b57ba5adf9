//! The point of a CT on which the networks' cube is centred: in-plane the body's middle, along z the lungs' middle
//! (spec 2). Knows no files and no networks.

use super::body::{body, trunk};
use super::lung::{DEFAULT_THRESHOLD, lung_mask_in};
use super::mask::{Mask, runs};
use crate::geometry::{Frame, Vec3, Volume, resample::resample};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What the cube is centred on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// The body's middle in-plane at the height of the lungs, the lungs' middle along z.
    #[default]
    Anatomy,
    /// The middle of the scan.
    Scan,
}

/// Spacing of the grid on which the anatomy is looked for, mm: the cube's own, so that a fine scan costs no more.
const SEARCH_SPACING_MM: f64 = crate::geometry::CUBE_SPACING_MM;

/// The centre of the cube in LPS mm. A scan without lungs is centred on its own middle along z, and one without a
/// body on its own middle altogether.
pub fn centre_mm(volume: &Volume, centre: Centre) -> Vec3 {
    if centre == Centre::Scan {
        return volume.frame().centre_mm();
    }
    let Some(search) = search_grid(volume.frame()) else { return volume.frame().centre_mm() };
    let small = resample(volume, &search);
    let body = body(&small);
    let lungs = lung_mask_in(&small, &body, DEFAULT_THRESHOLD).labels;
    let slices = lung_slices(&lungs, search.dims());
    let (x, y) = middle_in_plane(&trunk(&small), search.dims(), slices);
    let z = slices.map(|(first, last)| (first + last) as f64 / 2.0);
    let fallback = search.voxel_from_world(search.centre_mm());
    let middle = [x.unwrap_or(fallback[0]), y.unwrap_or(fallback[1]), z.unwrap_or(fallback[2])];
    search.world_from_voxel(middle)
}

/// The networks' cube about [`centre_mm`]; a volume that is such a cube already keeps its own grid.
pub fn cube_frame(volume: &Volume, centre: Centre) -> Frame {
    if volume.frame().is_cube() { volume.frame().clone() } else { Frame::cube(centre_mm(volume, centre)) }
}

/// The volume on [`cube_frame`]: what a reconstruction of it should give, and what the networks learn from.
pub fn to_cube(volume: &Volume, centre: Centre) -> Volume {
    let frame = cube_frame(volume, centre);
    if *volume.frame() == frame { volume.clone() } else { resample(volume, &frame) }
}

/// An LPS grid that covers the volume.
fn search_grid(frame: &Frame) -> Option<Frame> {
    let extent = frame.extent_mm();
    let covered = |lps: usize| (0..3).map(|k| frame.axis_direction(k)[lps].abs() * extent[k]).sum::<f64>();
    let dims = std::array::from_fn(|k| (covered(k) / SEARCH_SPACING_MM).ceil().max(1.0) as usize);
    Frame::centred(dims, [SEARCH_SPACING_MM; 3], frame.centre_mm()).ok()
}

/// First and last slice that hold lung.
fn lung_slices(labels: &[u8], [nx, ny, nz]: [usize; 3]) -> Option<(usize, usize)> {
    let holds: Vec<bool> = labels.par_chunks(nx * ny).map(|slice| slice.iter().any(|&l| l != 0)).collect();
    Some(((0..nz).find(|&z| holds[z])?, (0..nz).rev().find(|&z| holds[z])?))
}

/// The middle of a mask's bounding box in x and y, over the slices that hold lung (all, if none does).
fn middle_in_plane(
    mask: &Mask,
    [nx, ny, nz]: [usize; 3],
    slices: Option<(usize, usize)>,
) -> (Option<f64>, Option<f64>) {
    let (first, last) = slices.unwrap_or((0, nz - 1));
    let (mut cols, mut rows) = (vec![false; nx], vec![false; ny]);
    for (y, z) in (first..=last).flat_map(|z| (0..ny).map(move |y| (y, z))) {
        for run in runs(mask.row(y, z)) {
            rows[y] = true;
            cols[run.start as usize..run.end as usize].fill(true);
        }
    }
    (middle(&cols), middle(&rows))
}

fn middle(set: &[bool]) -> Option<f64> {
    let first = set.iter().position(|&s| s)?;
    let last = set.iter().rposition(|&s| s)?;
    Some((first + last) as f64 / 2.0)
}
