//! Bringing a volume onto another grid: low-pass first where the target is coarser, then linear. Knows no network.

use super::{Frame, Vec3, Volume};
use crate::units::Hu;
use rayon::prelude::*;

/// Resamples `source` onto `target`. Where the target is coarser, each voxel is the mean over its own extent
/// (a box matched to the ratio); where it is finer, linear interpolation. Outside the source it is padding.
pub fn resample(source: &Volume, target: &Frame) -> Volume {
    let smooth = low_pass(source, target);
    let (from, data) = (source.frame().clone(), smooth.as_deref().unwrap_or(source.hu()));
    let [nx, ny, nz] = target.dims();
    let start = from.voxel_from_world(target.world_from_voxel([0.0; 3]));
    let step: [Vec3; 3] = std::array::from_fn(|k| {
        let mut unit = [0.0; 3];
        unit[k] = 1.0;
        super::sub(from.voxel_from_world(target.world_from_voxel(unit)), start)
    });
    let mut hu = vec![Hu::PADDING.0 as i16; nx * ny * nz];
    hu.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for (y, row) in slice.chunks_exact_mut(nx).enumerate() {
            let row_start: Vec3 = std::array::from_fn(|k| start[k] + step[1][k] * y as f64 + step[2][k] * z as f64);
            for (x, out) in row.iter_mut().enumerate() {
                let p: Vec3 = std::array::from_fn(|k| row_start[k] + step[0][k] * x as f64);
                if let Some(value) = trilinear(data, from.dims(), p) {
                    *out = value.round() as i16;
                }
            }
        }
    });
    debug_assert_eq!(hu.len(), nx * ny * nz);
    Volume::new(target.clone(), hu).unwrap_or_else(|_| Volume::filled(target.clone(), Hu::PADDING))
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

/// Box-filters every source axis whose matching target axis is coarser; `None` where none is.
fn low_pass(source: &Volume, target: &Frame) -> Option<Vec<i16>> {
    let from = source.frame();
    let widths: [f64; 3] = std::array::from_fn(|k| {
        let axis = from.axis_direction(k);
        let coarse = (0..3).map(|t| super::dot(axis, target.axis_direction(t)).abs() * target.spacing_mm()[t]);
        coarse.sum::<f64>() / from.spacing_mm()[k]
    });
    let mut smooth: Option<Vec<i16>> = None;
    for (axis, &width) in widths.iter().enumerate() {
        if width > 1.0 + 1e-6 {
            let data = smooth.as_deref().unwrap_or(source.hu());
            smooth = Some(box_filter(data, from.dims(), axis, width));
        }
    }
    smooth
}

/// Running mean over `width` voxels (fractional ends) along one axis; ends average what there is.
fn box_filter(data: &[i16], dims: [usize; 3], axis: usize, width: f64) -> Vec<i16> {
    let reach = (width - 1.0) / 2.0;
    let whole = reach.floor() as isize;
    let edge = (reach - reach.floor()) as f32;
    let stride = [1, dims[0], dims[0] * dims[1]][axis];
    let side = dims[axis] as isize;
    let plane = dims[0] * dims[1];
    let mut out = vec![0i16; data.len()];
    out.par_chunks_mut(plane).enumerate().for_each(|(z, slice)| {
        for (i, value) in slice.iter_mut().enumerate() {
            let place = [i % dims[0], i / dims[0], z][axis] as isize;
            let base = z * plane + i;
            let (mut sum, mut weight) = (0f32, 0f32);
            for d in -whole - 1..=whole + 1 {
                let w = if d.abs() <= whole { 1.0 } else { edge };
                if w > 0.0 && place + d >= 0 && place + d < side {
                    sum += w * f32::from(data[base.wrapping_add_signed(d * stride as isize)]);
                    weight += w;
                }
            }
            *value = (sum / weight).round() as i16;
        }
    });
    out
}
