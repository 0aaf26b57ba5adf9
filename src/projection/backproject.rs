//! The back-projector the networks see: every voxel reads the films where it falls on them. Knows no ray.

use crate::geometry::{Frame, Raster, View};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How the views become channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackProjection {
    /// One channel: the mean over the views that see a voxel (the paper's).
    Sum,
    /// A channel a view: keeps apart what the sum mixes.
    PerView,
}

impl BackProjection {
    /// Channels of the result for two views.
    pub fn channels(self) -> usize {
        match self {
            Self::Sum => 1,
            Self::PerView => 2,
        }
    }
}

/// Back-projects two films onto a grid along LPS whose coordinates count from the isocentre:
/// `[channel][z][y][x]`, film values sampled bilinearly, 0 where no view sees a voxel.
pub fn back_project(films: &[Raster; 2], views: &[View; 2], frame: &Frame, channels: BackProjection) -> Vec<f32> {
    let planes: [Plane; 2] = std::array::from_fn(|i| Plane::new(&views[i], frame));
    let slice_len = frame.dims()[0] * frame.dims()[1];
    let voxels = frame.len();
    let mut out = vec![0f32; channels.channels() * voxels];
    match channels {
        BackProjection::PerView => {
            for ((out, film), plane) in out.chunks_exact_mut(voxels).zip(films).zip(&planes) {
                out.par_chunks_mut(slice_len).enumerate().for_each(|(z, slice)| {
                    plane.sample(film, frame, z, |i, value| slice[i] = value);
                });
            }
        }
        BackProjection::Sum => out.par_chunks_mut(slice_len).enumerate().for_each(|(z, slice)| {
            let mut seen = vec![0f32; slice_len];
            for (film, plane) in films.iter().zip(&planes) {
                plane.sample(film, frame, z, |i, value| {
                    slice[i] += value;
                    seen[i] += 1.0;
                });
            }
            slice.iter_mut().zip(&seen).for_each(|(v, &n)| *v /= n.max(1.0));
        }),
    }
    out
}

/// Where the voxels of every axial slice fall on one detector: the column is the same for all z, the row is
/// linear in z.
struct Plane {
    /// Column of each (y, x).
    cols: Vec<f32>,
    /// Rows per mm of height at each (y, x); NaN at or behind the source.
    rows_per_mm: Vec<f32>,
    row_at_axis: f32,
}

impl Plane {
    fn new(view: &View, frame: &Frame) -> Self {
        let [nx, ny, _] = frame.dims();
        let row_at_axis = view.piercing_px()[1];
        let (mut cols, mut rows_per_mm) = (Vec::with_capacity(nx * ny), Vec::with_capacity(nx * ny));
        for i in 0..nx * ny {
            let mut p = frame.world_from_voxel([(i % nx) as f64, (i / nx) as f64, 0.0]);
            // Any height but 0 tells the slope.
            p[2] = 1.0;
            let [col, row] = view.pixel_from_world(p).unwrap_or([f64::NAN; 2]);
            cols.push(col as f32);
            rows_per_mm.push((row - row_at_axis) as f32);
        }
        Self { cols, rows_per_mm, row_at_axis: row_at_axis as f32 }
    }

    /// Calls `put(index, value)` for every voxel of slice `z` that falls on the film.
    fn sample(&self, film: &Raster, frame: &Frame, z: usize, mut put: impl FnMut(usize, f32)) {
        let (cols, rows, values) = (film.cols(), film.rows(), film.values());
        let height = frame.world_from_voxel([0.0, 0.0, z as f64])[2] as f32;
        let (last_col, last_row) = ((cols - 1) as f32, (rows - 1) as f32);
        for (i, (&col, &slope)) in self.cols.iter().zip(&self.rows_per_mm).enumerate() {
            let row = slope.mul_add(height, self.row_at_axis);
            if !(col >= 0.0 && col <= last_col && row >= 0.0 && row <= last_row) {
                continue;
            }
            let (c, r) = ((col as usize).min(cols - 2), (row as usize).min(rows - 2));
            let (fc, fr) = (col - c as f32, row - r as f32);
            let at = r * cols + c;
            let top = values[at] + fc * (values[at + 1] - values[at]);
            let bottom = values[at + cols] + fc * (values[at + cols + 1] - values[at + cols]);
            put(i, top + fr * (bottom - top));
        }
    }
}
