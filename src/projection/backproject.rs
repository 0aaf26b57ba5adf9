//! The back-projector the networks see: every voxel reads the films where it falls on them. Knows no ray.

use super::bands::{self, film_channels};
use crate::geometry::{Frame, Raster, Vec3, View};
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
    /// For the packed network, on a grid of half the side: each view's film with its bands of detail ([`film_channels`]), read
    /// at four places of every coarse voxel, a quarter of its side from the centre along z and across the film.
    Packed,
}

/// Where in a coarse voxel films are read, in quarters of its side along z and across the film, in the channels' order.
const PACKED_PLACES: [[f64; 2]; 4] = [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]];

impl BackProjection {
    /// Channels of the result for two views.
    pub fn channels(self) -> usize {
        match self {
            Self::Sum => 1,
            Self::PerView => 2,
            Self::Packed => 2 * PACKED_PLACES.len() * bands::CHANNELS,
        }
    }

    /// Voxels along the result's side for a cube of `side` voxels.
    pub fn side(self, side: usize) -> usize {
        match self {
            Self::Sum | Self::PerView => side,
            Self::Packed => side / 2,
        }
    }
}

/// Back-projects two films onto a grid along LPS whose coordinates count from the isocentre:
/// `[channel][z][y][x]` of [`BackProjection::side`], film values sampled bilinearly, 0 where no view sees a voxel.
pub fn back_project(films: &[Raster; 2], views: &[View; 2], frame: &Frame, channels: BackProjection) -> Vec<f32> {
    match channels {
        BackProjection::Sum => mean_over_views(films, views, frame),
        BackProjection::PerView => {
            let mut out = vec![0f32; channels.channels() * frame.len()];
            for ((out, film), view) in out.chunks_exact_mut(frame.len()).zip(films).zip(views) {
                Plane::new(view, frame, [0.0; 3]).sample_all(film, frame, out);
            }
            out
        }
        BackProjection::Packed => packed(films, views, frame),
    }
}

fn mean_over_views(films: &[Raster; 2], views: &[View; 2], frame: &Frame) -> Vec<f32> {
    let planes = views.each_ref().map(|view| Plane::new(view, frame, [0.0; 3]));
    let slice_len = frame.dims()[0] * frame.dims()[1];
    let mut out = vec![0f32; frame.len()];
    out.par_chunks_mut(slice_len).enumerate().for_each(|(z, slice)| {
        let mut seen = vec![0f32; slice_len];
        for (film, plane) in films.iter().zip(&planes) {
            plane.sample(film, frame, z, |i, value| {
                slice[i] += value;
                seen[i] += 1.0;
            });
        }
        slice.iter_mut().zip(&seen).for_each(|(v, &n)| *v /= n.max(1.0));
    });
    out
}

/// Both films with their bands of detail ([`film_channels`]) back-projected onto a grid as [`back_project`] does it:
/// `[view and channel][z][y][x]`, a view's channels one after the other.
pub fn back_project_bands(films: &[Raster; 2], views: &[View; 2], frame: &Frame) -> Vec<f32> {
    let voxels = frame.len();
    let mut out = vec![0f32; 2 * bands::CHANNELS * voxels];
    for ((film, view), out) in films.iter().zip(views).zip(out.chunks_exact_mut(bands::CHANNELS * voxels)) {
        let plane = Plane::new(view, frame, [0.0; 3]);
        for (channel, out) in film_channels(film).iter().zip(out.chunks_exact_mut(voxels)) {
            plane.sample_all(channel, frame, out);
        }
    }
    out
}

/// Both films for the packed network: a view's places one after the other, each with all film channels.
fn packed(films: &[Raster; 2], views: &[View; 2], frame: &Frame) -> Vec<f32> {
    let spacing = frame.spacing_mm();
    let half = frame.dims().map(|n| n / 2);
    let Ok(coarse) = Frame::centred(half, spacing.map(|s| 2.0 * s), frame.centre_mm()) else { return Vec::new() };
    let voxels = coarse.len();
    let mut out = vec![0f32; BackProjection::Packed.channels() * voxels];
    for ((film, view), out) in
        films.iter().zip(views).zip(out.chunks_exact_mut(BackProjection::Packed.channels() / 2 * voxels))
    {
        let channels = film_channels(film);
        let column = view.column_direction();
        for ([up, across], out) in PACKED_PLACES.iter().zip(out.chunks_exact_mut(bands::CHANNELS * voxels)) {
            let mut offset = column.map(|c| c * across * spacing[0] / 2.0);
            offset[2] += up * spacing[2] / 2.0;
            let plane = Plane::new(view, &coarse, offset);
            for (channel, out) in channels.iter().zip(out.chunks_exact_mut(voxels)) {
                plane.sample_all(channel, &coarse, out);
            }
        }
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
    /// How far above the voxels' centres the film is read, mm.
    above_mm: f64,
}

impl Plane {
    /// For places `offset_mm` away from the voxels' centres.
    fn new(view: &View, frame: &Frame, offset_mm: Vec3) -> Self {
        let [nx, ny, _] = frame.dims();
        let row_at_axis = view.piercing_px()[1];
        let (mut cols, mut rows_per_mm) = (Vec::with_capacity(nx * ny), Vec::with_capacity(nx * ny));
        for i in 0..nx * ny {
            let mut p = frame.world_from_voxel([(i % nx) as f64, (i / nx) as f64, 0.0]);
            p[0] += offset_mm[0];
            p[1] += offset_mm[1];
            // Any height but 0 tells the slope.
            p[2] = 1.0;
            let [col, row] = view.pixel_from_world(p).unwrap_or([f64::NAN; 2]);
            cols.push(col as f32);
            rows_per_mm.push((row - row_at_axis) as f32);
        }
        Self { cols, rows_per_mm, row_at_axis: row_at_axis as f32, above_mm: offset_mm[2] }
    }

    /// Sets every voxel of a volume that falls on the film.
    fn sample_all(&self, film: &Raster, frame: &Frame, out: &mut [f32]) {
        let slice_len = frame.dims()[0] * frame.dims()[1];
        out.par_chunks_mut(slice_len).enumerate().for_each(|(z, slice)| {
            self.sample(film, frame, z, |i, value| slice[i] = value);
        });
    }

    /// Calls `put(index, value)` for every voxel of slice `z` that falls on the film.
    fn sample(&self, film: &Raster, frame: &Frame, z: usize, mut put: impl FnMut(usize, f32)) {
        let (cols, rows, values) = (film.cols(), film.rows(), film.values());
        let height = (frame.world_from_voxel([0.0, 0.0, z as f64])[2] + self.above_mm) as f32;
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
