//! One line of voxels along z, blended from two and read at evenly spaced places: the forward projector's inner
//! loops, for the widest vectors the processor has. Knows no view and no volume.

/// Zeros before the first voxel of a line, so that rows just outside read air.
const PAD: usize = 1;
/// Zeros after the last voxel: a whole window may be loaded from the last place that is read.
const PAD_AFTER: usize = WINDOW;
/// Floats that two of the widest registers hold, among which one instruction chooses.
const WINDOW: usize = 32;

/// The vector instructions of this processor that the loops are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    /// None: the plain loop.
    One,
    /// AVX2 with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Eight,
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Sixteen,
}

impl Lanes {
    /// The widest there are.
    pub fn found() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return if is_x86_feature_detected!("avx512f") { Self::Sixteen } else { Self::Eight };
        }
        Self::One
    }
}

/// Values along z with zeros around them.
pub(super) struct Line {
    padded: Vec<f32>,
    len: usize,
}

impl Line {
    /// A line of `len` voxels, all 0.
    pub fn new(len: usize) -> Self {
        Self { padded: vec![0.0; PAD + len + PAD_AFTER], len }
    }

    /// Becomes the weighted sum of two lines.
    pub fn blend(&mut self, lines: [&[f32]; 2], weights: [f32; 2], lanes: Lanes) {
        let out = &mut self.padded[PAD..PAD + self.len];
        match lanes {
            // SAFETY: a `Lanes` of this width was found on this processor.
            #[cfg(target_arch = "x86_64")]
            Lanes::Sixteen => unsafe { wide::blend_by_16(lines, weights, out) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Lanes::Eight => unsafe { wide::blend_by_8(lines, weights, out) },
            Lanes::One => blend(lines, weights, out),
        }
    }

    /// Adds the value at z = `z[0] + z[1] * row` (in voxels, between -1 and the length) to each row from `first` on.
    pub fn add_to_rows(&self, z: [f32; 2], first: usize, sums: &mut [f32], lanes: Lanes) {
        match lanes {
            // SAFETY: a `Lanes` of this width was found on this processor.
            #[cfg(target_arch = "x86_64")]
            Lanes::Sixteen if wide::fits_window(z[1]) => unsafe { wide::add_by_16(&self.padded, z, first, sums) },
            // SAFETY: as above; sixteen lanes are only found where eight are.
            #[cfg(target_arch = "x86_64")]
            Lanes::Sixteen | Lanes::Eight => unsafe { wide::add_by_8(&self.padded, z, first, sums) },
            Lanes::One => add_to_rows(&self.padded, z, first, sums),
        }
    }
}

#[inline(always)]
fn blend([a, b]: [&[f32]; 2], weights: [f32; 2], out: &mut [f32]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = weights[0] * a + weights[1] * b;
    }
}

fn add_to_rows(line: &[f32], z: [f32; 2], first: usize, sums: &mut [f32]) {
    for (i, sum) in sums.iter_mut().enumerate() {
        let place = z[1].mul_add((first + i) as f32, z[0] + PAD as f32).max(0.0);
        let below = (place as usize).min(line.len() - WINDOW);
        let part = place - below as f32;
        *sum += line[below] + part * (line[below + 1] - line[below]);
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use super::{PAD, WINDOW};
    use std::arch::x86_64::*;

    /// Whether the places of sixteen rows, `step` voxels apart, and their upper neighbours lie in one window;
    /// rounding may add a voxel.
    pub fn fits_window(step: f32) -> bool {
        15.0 * step.abs() + 3.0 <= WINDOW as f32
    }

    /// # Safety
    /// The processor must have AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn blend_by_16(lines: [&[f32]; 2], weights: [f32; 2], out: &mut [f32]) {
        super::blend(lines, weights, out);
    }

    /// # Safety
    /// The processor must have AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn blend_by_8(lines: [&[f32]; 2], weights: [f32; 2], out: &mut [f32]) {
        super::blend(lines, weights, out);
    }

    /// Sixteen rows read from one window of two registers: a permutation costs a tenth of a gather.
    ///
    /// # Safety
    /// The processor must have AVX-512F. Indices are clamped into `line` here.
    #[target_feature(enable = "avx512f,fma")]
    pub unsafe fn add_by_16(line: &[f32], z: [f32; 2], first: usize, sums: &mut [f32]) {
        const LANES: usize = 16;
        assert!(line.len() >= WINDOW);
        let last = line.len() - WINDOW;
        let (start, step) = (z[0] + PAD as f32, z[1]);
        let ramp = _mm512_cvtepi32_ps(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        // Of sixteen rows the one that reads the lowest place.
        let lowest = if step < 0.0 { LANES - 1 } else { 0 };
        for (i, sums) in sums.chunks_mut(LANES).enumerate() {
            let row = first + i * LANES;
            let base = (step.mul_add((row + lowest) as f32, start).max(0.0) as usize).min(last);
            let rows = _mm512_add_ps(_mm512_set1_ps(row as f32), ramp);
            let place = _mm512_fmadd_ps(_mm512_set1_ps(step), rows, _mm512_set1_ps(start));
            let place = _mm512_max_ps(place, _mm512_setzero_ps());
            let below = _mm512_min_epi32(_mm512_cvttps_epi32(place), _mm512_set1_epi32(last as i32));
            let part = _mm512_sub_ps(place, _mm512_cvtepi32_ps(below));
            let index = _mm512_sub_epi32(below, _mm512_set1_epi32(base as i32));
            let mask = (((1u32 << sums.len()) - 1) & 0xffff) as __mmask16;
            // SAFETY: base + WINDOW <= line.len(), and the mask leaves out what lies beyond `sums`.
            unsafe {
                let (low, high) =
                    (_mm512_loadu_ps(line.as_ptr().add(base)), _mm512_loadu_ps(line.as_ptr().add(base + LANES)));
                let a = _mm512_permutex2var_ps(low, index, high);
                let b = _mm512_permutex2var_ps(low, _mm512_add_epi32(index, _mm512_set1_epi32(1)), high);
                let value = _mm512_fmadd_ps(part, _mm512_sub_ps(b, a), a);
                let sum = _mm512_maskz_loadu_ps(mask, sums.as_ptr());
                _mm512_mask_storeu_ps(sums.as_mut_ptr(), mask, _mm512_add_ps(sum, value));
            }
        }
    }

    /// Eight rows at a time by gathers.
    ///
    /// # Safety
    /// The processor must have AVX2 and FMA. Indices are clamped into `line` here.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn add_by_8(line: &[f32], z: [f32; 2], first: usize, sums: &mut [f32]) {
        const LANES: usize = 8;
        assert!(line.len() >= WINDOW);
        let last = _mm256_set1_epi32((line.len() - WINDOW) as i32);
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
            // SAFETY: 0 <= below <= len - WINDOW, so both gathers stay inside the line; the chunk holds LANES floats.
            unsafe {
                let a = _mm256_i32gather_ps::<4>(line.as_ptr(), below);
                let b = _mm256_i32gather_ps::<4>(line.as_ptr().add(1), below);
                let value = _mm256_fmadd_ps(part, _mm256_sub_ps(b, a), a);
                let sum = _mm256_loadu_ps(sums.as_ptr());
                _mm256_storeu_ps(sums.as_mut_ptr(), _mm256_add_ps(sum, value));
            }
        }
        super::add_to_rows(line, z, first + whole, rest);
    }
}
