//! Gaussian filter of a volume, equal to `scipy.ndimage.gaussian_filter` with its defaults (mode reflect, truncate 4).

use super::window::{gaussian, weighted_sum};
use rayon::prelude::*;

/// The window reaches so many standard deviations to each side (scipy's `truncate`).
const TRUNCATE: f64 = 4.0;

/// `values`, `[z][y][x]` with sides `dims` (x, y, z), filtered with a standard deviation of `sigma` voxels along x, y, z.
/// The caller has checked that the values fit `dims`.
pub(crate) fn smooth(values: &[f32], [nx, ny, nz]: [usize; 3], sigma: [f64; 3]) -> Vec<f32> {
    let [(reach_x, in_x), (reach_y, in_y), (reach_z, in_z)] = sigma.map(weights);
    let plane = nx * ny;
    let mut in_plane = vec![0f32; values.len()];
    in_plane.par_chunks_mut(plane).zip(values.par_chunks(plane)).for_each(|(out, slice)| {
        let mut along_x = vec![0f32; plane];
        let mut padded = vec![0f32; nx + 2 * reach_x];
        for (row, smooth) in slice.chunks_exact(nx).zip(along_x.chunks_exact_mut(nx)) {
            for (k, value) in padded.iter_mut().enumerate() {
                *value = row[reflected(k, reach_x, nx)];
            }
            weighted_sum(|k| &padded[k..], &in_x, smooth);
        }
        for (y, row) in out.chunks_exact_mut(nx).enumerate() {
            weighted_sum(|k| &along_x[reflected(y + k, reach_y, ny) * nx..][..nx], &in_y, row);
        }
    });
    let mut out = vec![0f32; values.len()];
    out.par_chunks_mut(plane).enumerate().for_each(|(z, slice)| {
        for (y, row) in slice.chunks_exact_mut(nx).enumerate() {
            weighted_sum(|k| &in_plane[(reflected(z + k, reach_z, nz) * ny + y) * nx..][..nx], &in_z, row);
        }
    });
    out
}

/// Reach to each side, in voxels, and weights of a Gaussian window.
fn weights(sigma: f64) -> (usize, Vec<f32>) {
    let reach = (TRUNCATE * sigma + 0.5) as usize;
    (reach, gaussian(reach, sigma).into_iter().map(|w| w as f32).collect())
}

/// Index `place - reach` on a line of `n` samples that is mirrored about its faces as often as needed.
fn reflected(place: usize, reach: usize, n: usize) -> usize {
    let there_and_back = (place as isize - reach as isize).rem_euclid(2 * n as isize) as usize;
    there_and_back.min(2 * n - 1 - there_and_back)
}
