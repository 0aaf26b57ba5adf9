//! A CT as it is read through a map: trilinear, with its slope, air all around. Knows no map.

use super::RegistrationError;
use crate::geometry::{CUBE_SIDE_VOXELS, CUBE_SPACING_MM, Volume};
use rayon::prelude::*;

/// Air around the cube, voxels: what lies outside falls off to 0 within one.
const PAD: usize = 1;

/// Values on the networks' cube at some resolution, to be read anywhere.
#[derive(Clone, Debug)]
pub struct Sampled {
    side: usize,
    spacing_mm: f32,
    /// `[z][y][x]` with [`PAD`] zeros on every side.
    padded: Vec<f32>,
}

impl Sampled {
    /// Relative attenuation of a CT on the 128^3 cube.
    ///
    /// # Errors
    /// [`RegistrationError::NotTheCube`].
    pub fn of_volume(volume: &Volume) -> Result<Self, RegistrationError> {
        if !volume.frame().is_cube() {
            return Err(RegistrationError::NotTheCube(volume.frame().dims()));
        }
        Ok(Self::new(CUBE_SIDE_VOXELS, &volume.relative_attenuation()))
    }

    /// Values `[z][y][x]` of the cube with `side` voxels a side; missing ones are 0.
    pub fn new(side: usize, values: &[f32]) -> Self {
        let wide = side + 2 * PAD;
        let mut padded = vec![0f32; wide * wide * wide];
        for (i, row) in values.chunks_exact(side).take(side * side).enumerate() {
            let (y, z) = (i % side, i / side);
            let start = ((z + PAD) * wide + y + PAD) * wide + PAD;
            padded[start..start + side].copy_from_slice(row);
        }
        Self { side, spacing_mm: (CUBE_SPACING_MM * CUBE_SIDE_VOXELS as f64 / side as f64) as f32, padded }
    }

    /// Voxels along a side.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Values and slopes at the places of a row, mm about the centre: `values` in the CT's unit, `slopes` along x, y, z in
    /// that unit per mm. All slices are as long as `values`.
    pub(super) fn read_row(&self, places_mm: [&[f32]; 3], values: &mut [f32], slopes: [&mut [f32]; 3]) {
        let [sx, sy, sz] = slopes;
        let per_mm = 1.0 / self.spacing_mm;
        for i in 0..values.len() {
            let (value, slope) = self.read([places_mm[0][i], places_mm[1][i], places_mm[2][i]]);
            values[i] = value;
            sx[i] = slope[0] * per_mm;
            sy[i] = slope[1] * per_mm;
            sz[i] = slope[2] * per_mm;
        }
    }

    /// Value and slope per voxel at a place, mm about the centre.
    #[inline(always)]
    fn read(&self, place_mm: [f32; 3]) -> (f32, [f32; 3]) {
        let wide = self.side + 2 * PAD;
        let middle = (wide - 1) as f32 / 2.0;
        let last = (wide - 1) as f32;
        let place = place_mm.map(|mm| (mm / self.spacing_mm + middle).clamp(0.0, last));
        let low = place.map(|p| (p as usize).min(wide - 2));
        let [fx, fy, fz] = [place[0] - low[0] as f32, place[1] - low[1] as f32, place[2] - low[2] as f32];
        let at = (low[2] * wide + low[1]) * wide + low[0];
        let (up, back) = (wide * wide, wide);
        // One bound check for all eight corners.
        let v = &self.padded[at..at + up + back + 2];
        let lerp = |a: f32, b: f32, t: f32| a + t * (b - a);
        let (d00, d10, d01, d11) =
            (v[1] - v[0], v[back + 1] - v[back], v[up + 1] - v[up], v[up + back + 1] - v[up + back]);
        let (c00, c10) = (v[0] + fx * d00, v[back] + fx * d10);
        let (c01, c11) = (v[up] + fx * d01, v[up + back] + fx * d11);
        let (c0, c1) = (lerp(c00, c10, fy), lerp(c01, c11, fy));
        let slope_x = lerp(lerp(d00, d10, fy), lerp(d01, d11, fy), fz);
        let slope_y = lerp(c10 - c00, c11 - c01, fz);
        (lerp(c0, c1, fz), [slope_x, slope_y, c1 - c0])
    }

    /// The value at a place, mm about the centre.
    pub fn at(&self, place_mm: [f32; 3]) -> f32 {
        self.read(place_mm).0
    }
}

/// Means over blocks of `factor`^3 voxels of `[z][y][x]` values with `side` voxels a side, which `factor` divides.
pub fn pooled(values: &[f32], side: usize, factor: usize) -> Vec<f32> {
    let small = side / factor;
    let mut out = vec![0f32; small * small * small];
    let share = 1.0 / (factor * factor * factor) as f32;
    out.par_chunks_mut(small * small).enumerate().for_each(|(z, slice)| {
        for dz in 0..factor {
            for y in 0..small * factor {
                let row = &values[((z * factor + dz) * side + y) * side..][..small * factor];
                let sums = &mut slice[y / factor * small..][..small];
                for (sum, block) in sums.iter_mut().zip(row.chunks_exact(factor)) {
                    *sum += block.iter().sum::<f32>() * share;
                }
            }
        }
    });
    out
}
