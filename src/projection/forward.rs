//! Joseph's forward projector, cone and parallel beam, multi-threaded and vectorised.
//! Knows no noise and no film processing.
//!
//! P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE TMI 1(3), 1982:
//! in every plane across the ray's main axis the volume is interpolated linearly. Rays of one detector column
//! share their transverse position in a plane, so two z-lines are blended once and then read by all rows.

use super::Attenuation;
use super::columns::{Column, Crossing, line_index};
use crate::geometry::{Raster, View};
use crate::units::MU_WATER;
use rayon::prelude::*;

/// Columns done together: neighbours read the same lines while these are still in the cache.
const COLUMN_BLOCK: usize = 16;
/// Zeros before the first voxel of a blended line, so that rows just outside read air.
const PAD: usize = 1;
/// Zeros after the last voxel.
const PAD_AFTER: usize = 2;

/// The film of a volume, `[row][col]`: line integrals of mu along each pixel's ray, dimensionless
/// (mu = 0.0193 /mm times r). The volume's frame counts from `isocentre_mm` of the patient's frame.
pub fn project(volume: &Attenuation, view: &View, isocentre_mm: [f64; 3]) -> Raster {
    let frame = volume.frame().moved_to(crate::geometry::sub(volume.frame().centre_mm(), isocentre_mm));
    let (cols, rows) = (view.detector.cols, view.detector.rows);
    let mut columns = vec![0f32; cols * rows];
    columns.par_chunks_mut(COLUMN_BLOCK * rows).enumerate().for_each(|(block, sums)| {
        let first = block * COLUMN_BLOCK;
        let geometry: Vec<Column> =
            (first..first + sums.len() / rows).map(|col| Column::new(view, &frame, col)).collect();
        accumulate(volume, &geometry, rows, sums);
        for (column, sums) in geometry.iter().zip(sums.chunks_exact_mut(rows)) {
            for (row, sum) in sums.iter_mut().enumerate() {
                *sum *= column.step_length_mm(row) * MU_WATER.0 as f32;
            }
        }
    });
    let mut film = Raster::filled(cols, rows, 0.0);
    for (row, line) in film.values_mut().chunks_exact_mut(cols).enumerate() {
        for (col, value) in line.iter_mut().enumerate() {
            *value = columns[col * rows + row];
        }
    }
    film
}

/// Adds up the interpolated values of every plane along each row's ray.
fn accumulate(volume: &Attenuation, columns: &[Column], rows: usize, sums: &mut [f32]) {
    let dims = volume.frame().dims();
    let nz = dims[2];
    let mut blended = vec![0f32; PAD + nz + PAD_AFTER];
    let fast = simd::available();
    for k in 0..dims[0].max(dims[1]) {
        for (column, sums) in columns.iter().zip(sums.chunks_exact_mut(rows)) {
            if k >= dims[column.main] {
                continue;
            }
            let crossing = column.crossing(k);
            let range = crossing.rows(nz, rows);
            if range.is_empty() || !blend(volume, column.main, k, &crossing, &mut blended[PAD..PAD + nz]) {
                continue;
            }
            let first = range.start;
            let sums = &mut sums[range];
            if fast {
                // SAFETY: the features were found on this machine; `rows` keeps z in (-1, nz), so the
                // indices stay within the padded line, and the routine checks the line's length besides.
                unsafe { simd::gather_rows(&blended, crossing.z, first, sums) };
            } else {
                gather_rows(&blended, crossing.z, first, sums);
            }
        }
    }
}

/// Blends the two lines a crossing lies between; false where it misses the volume.
fn blend(volume: &Attenuation, main: usize, k: usize, crossing: &Crossing, out: &mut [f32]) -> bool {
    let dims = volume.frame().dims();
    let nz = dims[2];
    let side = dims[1 - main] as isize;
    let line = |i: isize| {
        (0..side).contains(&i).then(|| {
            let at = line_index(main, dims, k, i as usize) * nz;
            &volume.lines()[at..at + nz]
        })
    };
    let weight = crossing.weight;
    match (line(crossing.line), line(crossing.line + 1)) {
        (Some(a), Some(b)) => {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = a + weight * (b - a);
            }
        }
        (Some(a), None) => out.iter_mut().zip(a).for_each(|(out, &a)| *out = (1.0 - weight) * a),
        (None, Some(b)) => out.iter_mut().zip(b).for_each(|(out, &b)| *out = weight * b),
        (None, None) => return false,
    }
    true
}

/// Adds the line's value at z = z[0] + z[1] * row to each row from `first` on.
fn gather_rows(line: &[f32], z: [f32; 2], first: usize, sums: &mut [f32]) {
    for (i, sum) in sums.iter_mut().enumerate() {
        let place = z[1].mul_add((first + i) as f32, z[0] + PAD as f32).max(0.0);
        let below = (place as usize).min(line.len() - 2);
        let part = place - below as f32;
        *sum += line[below] + part * (line[below + 1] - line[below]);
    }
}

/// The same with AVX2 gathers and fused multiply-add; other processors take the plain loop.
#[cfg(target_arch = "x86_64")]
mod simd {
    use super::PAD;
    use std::arch::x86_64::*;

    pub fn available() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    /// # Safety
    /// The processor must have AVX2 and FMA. Indices are clamped into `line` here.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn gather_rows(line: &[f32], z: [f32; 2], first: usize, sums: &mut [f32]) {
        const LANES: usize = 8;
        assert!(line.len() >= 2);
        let last = _mm256_set1_epi32(line.len() as i32 - 2);
        let start = _mm256_set1_ps(z[0] + PAD as f32);
        let step = _mm256_set1_ps(z[1]);
        let ramp = _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0);
        let whole = sums.len() / LANES * LANES;
        let (wide, rest) = sums.split_at_mut(whole);
        for (i, sums) in wide.chunks_exact_mut(LANES).enumerate() {
            let row = _mm256_add_ps(_mm256_set1_ps((first + i * LANES) as f32), ramp);
            let place = _mm256_max_ps(_mm256_fmadd_ps(step, row, start), _mm256_setzero_ps());
            let below = _mm256_min_epi32(_mm256_cvttps_epi32(place), last);
            let part = _mm256_sub_ps(place, _mm256_cvtepi32_ps(below));
            // SAFETY: 0 <= below <= len - 2, so both gathers stay inside the line.
            let (a, b) = unsafe {
                (_mm256_i32gather_ps::<4>(line.as_ptr(), below), _mm256_i32gather_ps::<4>(line.as_ptr().add(1), below))
            };
            let value = _mm256_fmadd_ps(part, _mm256_sub_ps(b, a), a);
            // SAFETY: the chunk holds LANES floats.
            unsafe {
                let sum = _mm256_loadu_ps(sums.as_ptr());
                _mm256_storeu_ps(sums.as_mut_ptr(), _mm256_add_ps(sum, value));
            }
        }
        super::gather_rows(line, z, first + whole, rest);
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod simd {
    pub fn available() -> bool {
        false
    }

    /// # Safety
    /// Never called: [`available`] says no.
    pub unsafe fn gather_rows(_: &[f32], _: [f32; 2], _: usize, _: &mut [f32]) {}
}
