//! Bringing a volume onto another grid: low-pass first where the target is coarser, then linear. Knows no network.
//!
//! Grids with the same axes (almost all) go axis by axis, each source slice read once and kept only while it is
//! wanted; oblique ones are smoothed along their own axes and sampled point by point.

use super::taps::{AxisMap, Tap};
use super::{Frame, Vec3, Volume, dot, sub};
use crate::units::Hu;
use rayon::prelude::*;

/// Grids whose axes drift apart by less over the whole target have the same axes (source voxels).
const SAME_AXES: f64 = 0.01;
/// Target slices made at a time: few enough that all cores have work, enough that few source slices are read twice.
const SLICES_AT_A_TIME: usize = 8;

/// Resamples `source` onto `target`. Where the target is coarser, each voxel is the mean over its own extent
/// (a box matched to the ratio); where it is finer, linear interpolation. Outside the source it is padding.
pub fn resample(source: &Volume, target: &Frame) -> Volume {
    let map = Map::of(source.frame(), target);
    let hu = if map.has_same_axes() { by_axes(source, &map) } else { by_points(source, &map) };
    debug_assert_eq!(hu.len(), target.len());
    Volume::new(target.clone(), hu).unwrap_or_else(|_| Volume::filled(target.clone(), Hu::PADDING))
}

/// HU at a place in LPS mm, linear between voxels' centres. Half a voxel beyond the outermost centres still belongs to
/// the volume; `None` further out, and where the place is no number.
pub fn sample(volume: &Volume, world_mm: Vec3) -> Option<f32> {
    trilinear(volume.hu(), volume.frame().dims(), volume.frame().voxel_from_world(world_mm))
}

/// Where target voxels lie in the source.
struct Map {
    source_dims: [usize; 3],
    target_dims: [usize; 3],
    /// Source voxel of target voxel (0, 0, 0).
    start: Vec3,
    /// Steps in source voxels along each target axis.
    step: [Vec3; 3],
    /// Extent of a target voxel along each source axis, source voxels.
    widths: Vec3,
}

impl Map {
    fn of(from: &Frame, target: &Frame) -> Self {
        let start = from.voxel_from_world(target.world_from_voxel([0.0; 3]));
        let step = std::array::from_fn(|k| {
            let mut unit = [0.0; 3];
            unit[k] = 1.0;
            sub(from.voxel_from_world(target.world_from_voxel(unit)), start)
        });
        let widths = std::array::from_fn(|k| {
            let axis = from.axis_direction(k);
            let coarse = (0..3).map(|t| dot(axis, target.axis_direction(t)).abs() * target.spacing_mm()[t]);
            coarse.sum::<f64>() / from.spacing_mm()[k]
        });
        Self { source_dims: from.dims(), target_dims: target.dims(), start, step, widths }
    }

    fn has_same_axes(&self) -> bool {
        let drift = |j: usize, k: usize| self.step[j][k].abs() * self.target_dims[j] as f64;
        (0..3).all(|j| (0..3).all(|k| j == k || drift(j, k) <= SAME_AXES))
    }

    /// One axis, where the grids have the same ones.
    fn axis(&self, k: usize) -> AxisMap {
        let (targets, samples) = (self.target_dims[k], self.source_dims[k]);
        AxisMap { start: self.start[k], step: self.step[k][k], targets, samples, width: self.step[k][k].abs() }
    }
}

/// Along y, x and z in turn, a few target slices at a time.
fn by_axes(source: &Volume, map: &Map) -> Vec<i16> {
    let [x_taps, y_taps, z_taps] = [0, 1, 2].map(|k| map.axis(k).taps());
    let [nx, ny, _] = map.target_dims;
    let plane = nx * ny;
    let mut hu = vec![Hu::PADDING.0 as i16; plane * z_taps.len()];
    hu.par_chunks_mut(plane * SLICES_AT_A_TIME).zip(z_taps.par_chunks(SLICES_AT_A_TIME)).for_each(|(slices, taps)| {
        let inside = || taps.iter().filter(|t| !t.is_outside());
        let (Some(first), Some(end)) = (inside().map(|t| t.first).min(), inside().map(Tap::end).max()) else { return };
        // In-plane first: what is kept until the slices are mixed is as small as the target.
        let mut planes = vec![0f32; plane * (end - first)];
        let mut line = vec![0f32; map.source_dims[0]];
        for (z, smooth) in (first..end).zip(planes.chunks_exact_mut(plane)) {
            shrink(source.axial(z), map.source_dims[0], [&x_taps, &y_taps], &mut line, smooth);
        }
        let mut sum = vec![0f32; plane];
        for (slice, tap) in slices.chunks_exact_mut(plane).zip(taps) {
            if !tap.is_outside() {
                let near = &planes[(tap.first - first) * plane..(tap.end() - first) * plane];
                mix(near, &tap.weights, &mut sum);
                store(&sum, [&x_taps, &y_taps], slice);
            }
        }
    });
    hu
}

/// One source slice, `[y][x]` of rows of `cols`, onto the target's rows and columns.
fn shrink(slice: &[i16], cols: usize, [x_taps, y_taps]: [&[Tap]; 2], line: &mut [f32], out: &mut [f32]) {
    for (row, tap) in out.chunks_exact_mut(x_taps.len()).zip(y_taps) {
        if tap.is_outside() {
            continue;
        }
        line.fill(0.0);
        for (from, weight) in slice[tap.first * cols..].chunks_exact(cols).zip(&tap.weights) {
            line.iter_mut().zip(from).for_each(|(sum, v)| *sum += weight * f32::from(*v));
        }
        row.iter_mut().zip(x_taps).filter(|(_, t)| !t.is_outside()).for_each(|(v, t)| *v = t.dot(line));
    }
}

/// The weighted sum of planes that follow one another.
fn mix(planes: &[f32], weights: &[f32], sum: &mut [f32]) {
    sum.fill(0.0);
    for (plane, weight) in planes.chunks_exact(sum.len()).zip(weights) {
        sum.iter_mut().zip(plane).for_each(|(sum, v)| *sum += weight * v);
    }
}

/// Rounds the inside of a slice; the outside stays padding.
fn store(values: &[f32], [x_taps, y_taps]: [&[Tap]; 2], slice: &mut [i16]) {
    let nx = x_taps.len();
    for ((out, values), tap) in slice.chunks_exact_mut(nx).zip(values.chunks_exact(nx)).zip(y_taps) {
        if tap.is_outside() {
            continue;
        }
        for ((out, value), tap) in out.iter_mut().zip(values).zip(x_taps) {
            if !tap.is_outside() {
                *out = value.round() as i16;
            }
        }
    }
}

/// Point by point, after smoothing along the source's axes.
fn by_points(source: &Volume, map: &Map) -> Vec<i16> {
    let smooth = low_pass(source, map.widths);
    let data = smooth.as_deref().unwrap_or(source.hu());
    let [nx, ny, nz] = map.target_dims;
    let (start, step) = (map.start, map.step);
    let mut hu = vec![Hu::PADDING.0 as i16; nx * ny * nz];
    hu.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for (y, row) in slice.chunks_exact_mut(nx).enumerate() {
            let row_start: Vec3 = std::array::from_fn(|k| start[k] + step[1][k] * y as f64 + step[2][k] * z as f64);
            for (x, out) in row.iter_mut().enumerate() {
                let p: Vec3 = std::array::from_fn(|k| row_start[k] + step[0][k] * x as f64);
                if let Some(value) = trilinear(data, map.source_dims, p) {
                    *out = value.round() as i16;
                }
            }
        }
    });
    hu
}

/// Linear sample of `[z][y][x]` data at a voxel coordinate. Half a voxel beyond the outermost centres still
/// belongs to the volume; `None` further out.
fn trilinear(data: &[i16], dims: [usize; 3], p: Vec3) -> Option<f32> {
    let mut low = [0usize; 3];
    let mut high = [0usize; 3];
    let mut part = [0f32; 3];
    for k in 0..3 {
        let last = (dims[k] - 1) as f64;
        if !(p[k] >= -0.5 && p[k] <= last + 0.5) {
            return None;
        }
        let q = p[k].clamp(0.0, last);
        low[k] = q as usize;
        high[k] = (low[k] + 1).min(dims[k] - 1);
        part[k] = (q - low[k] as f64) as f32;
    }
    let at = |x: usize, y: usize, z: usize| f32::from(data[(z * dims[1] + y) * dims[0] + x]);
    let along_x = |y: usize, z: usize| lerp(at(low[0], y, z), at(high[0], y, z), part[0]);
    let along_y = |z: usize| lerp(along_x(low[1], z), along_x(high[1], z), part[1]);
    Some(lerp(along_y(low[2]), along_y(high[2]), part[2]))
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + t * (b - a)
}

/// Box-filters every source axis along which target voxels are wider than source voxels; `None` where none is.
fn low_pass(source: &Volume, widths: Vec3) -> Option<Vec<i16>> {
    let mut smooth: Option<Vec<i16>> = None;
    for (axis, &width) in widths.iter().enumerate() {
        if width > 1.0 + 1e-6 {
            let data = smooth.as_deref().unwrap_or(source.hu());
            smooth = Some(box_filter(data, source.frame().dims(), axis, width));
        }
    }
    smooth
}

/// Running mean over `width` voxels (fractional ends) along one axis; ends average what there is.
fn box_filter(data: &[i16], dims: [usize; 3], axis: usize, width: f64) -> Vec<i16> {
    let [nx, ny, _] = dims;
    let taps = AxisMap { start: 0.0, step: 1.0, targets: dims[axis], samples: dims[axis], width }.taps();
    let mut out = vec![0i16; data.len()];
    let each_row = |sum: &mut Vec<f32>, (index, row): (usize, &mut [i16])| {
        let (y, z) = (index % ny, index / ny);
        let source_row = |y: usize, z: usize| &data[(z * ny + y) * nx..(z * ny + y + 1) * nx];
        if axis == 0 {
            sum.iter_mut().zip(source_row(y, z)).for_each(|(sum, v)| *sum = f32::from(*v));
            row.iter_mut().zip(&taps).for_each(|(out, tap)| *out = tap.dot(sum).round() as i16);
            return;
        }
        let tap = &taps[if axis == 1 { y } else { z }];
        sum.fill(0.0);
        for (k, weight) in (tap.first..tap.end()).zip(&tap.weights) {
            let from = if axis == 1 { source_row(k, z) } else { source_row(y, k) };
            sum.iter_mut().zip(from).for_each(|(sum, v)| *sum += weight * f32::from(*v));
        }
        row.iter_mut().zip(sum).for_each(|(out, sum)| *out = sum.round() as i16);
    };
    out.par_chunks_mut(nx).enumerate().with_min_len(32).for_each_init(|| vec![0f32; nx], each_row);
    out
}
