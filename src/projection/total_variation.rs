//! The total variation of a volume made smaller: the proximal map, non-negative. Knows no view and no film.
//!
//! A. Beck, M. Teboulle, "Fast gradient-based algorithms for constrained total variation image denoising and deblurring
//! problems", IEEE TIP 18(11), 2009: gradient projection on the dual, here in three dimensions and without momentum,
//! because the dual of one call is a good start for the next. Isotropic, edges counted forwards.

use rayon::prelude::*;

/// Squared norm of the differences' operator in three dimensions is at most 12 (8 in the paper's two).
const DUAL_STEP: f32 = 1.0 / 12.0;

/// The dual variables of a volume: one for each edge towards the next voxel along x, y and z.
pub(super) struct TotalVariation {
    dims: [usize; 3],
    edges: [Vec<f32>; 3],
}

impl TotalVariation {
    /// For volumes of `dims` (x, y, z), with no memory of any yet.
    pub fn new(dims: [usize; 3]) -> Self {
        let n = dims.iter().product();
        Self { dims, edges: std::array::from_fn(|_| vec![0f32; n]) }
    }

    /// Moves `volume`, `[z][y][x]`, towards the minimiser over x >= 0 of |x - volume|^2 / 2 + weight TV(x), by `steps`
    /// of gradient projection that begin where the last call ended.
    pub fn reduce(&mut self, volume: &mut [f32], weight: f32, steps: usize) {
        if !(weight > 0.0) || steps == 0 {
            return;
        }
        let mut smooth = volume.to_vec();
        for _ in 0..steps {
            self.primal(volume, weight, &mut smooth);
            self.ascend(&smooth, weight);
        }
        self.primal(volume, weight, &mut smooth);
        volume.copy_from_slice(&smooth);
    }

    /// x = max(0, volume - weight L p), where L p at a voxel is what its edges forward hold less those behind.
    fn primal(&self, volume: &[f32], weight: f32, out: &mut [f32]) {
        let [nx, ny, _] = self.dims;
        let slice = nx * ny;
        let [ex, ey, ez] = &self.edges;
        out.par_chunks_mut(slice).enumerate().for_each(|(z, out)| {
            for y in 0..ny {
                let row = z * slice + y * nx;
                let out = &mut out[y * nx..][..nx];
                for (x, out) in out.iter_mut().enumerate() {
                    let at = row + x;
                    *out = ex[at] + ey[at] + ez[at] - if x > 0 { ex[at - 1] } else { 0.0 };
                }
                if y > 0 {
                    out.iter_mut().zip(&ey[row - nx..]).for_each(|(out, e)| *out -= e);
                }
                if z > 0 {
                    out.iter_mut().zip(&ez[row - slice..]).for_each(|(out, e)| *out -= e);
                }
                out.iter_mut().zip(&volume[row..]).for_each(|(out, v)| *out = weight.mul_add(-*out, *v).max(0.0));
            }
        });
    }

    /// p = p + step / weight * (differences of x), each voxel's three edges brought back into the unit ball.
    fn ascend(&mut self, x: &[f32], weight: f32) {
        let [nx, ny, nz] = self.dims;
        let slice = nx * ny;
        let step = DUAL_STEP / weight;
        let [ex, ey, ez] = &mut self.edges;
        let edges = ex.par_chunks_mut(slice).zip(ey.par_chunks_mut(slice)).zip(ez.par_chunks_mut(slice));
        edges.enumerate().for_each(|(z, ((ex, ey), ez))| {
            for at in 0..slice {
                let (col, row, here) = (at % nx, at / nx, z * slice + at);
                // The last voxel of a line has no edge forward: its variable stays 0.
                let difference = |ahead: bool, offset: usize| if ahead { x[here] - x[here + offset] } else { 0.0 };
                let a = step.mul_add(difference(col + 1 < nx, 1), ex[at]);
                let b = step.mul_add(difference(row + 1 < ny, nx), ey[at]);
                let c = step.mul_add(difference(z + 1 < nz, slice), ez[at]);
                let shrink = 1.0 / (a * a + b * b + c * c).sqrt().max(1.0);
                (ex[at], ey[at], ez[at]) = (a * shrink, b * shrink, c * shrink);
            }
        });
    }
}
