//! Putting stored axes in the order left, back, head, exactly: a permutation and flips, never a resampling.
//! Knows no file format.

use super::{Frame, FrameError, Vec3, scale};
use rayon::prelude::*;

/// Which stored axis becomes axis 0, 1, 2, and which of them run backward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisOrder {
    /// Target axis k is stored axis `from[k]`.
    from: [usize; 3],
    /// Target axis k runs against its stored axis.
    backward: [bool; 3],
}

/// The six orders of three axes.
const PERMUTATIONS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl AxisOrder {
    /// The order that brings voxel axis 0 nearest to left, 1 to back, 2 to head; `direction[row][column]` as in
    /// [`Frame`].
    pub fn nearest_lps(direction: [Vec3; 3]) -> Self {
        let along = |p: &[usize; 3]| (0..3).map(|k| direction[k][p[k]].abs()).sum::<f64>();
        // On a tie the earlier one stays, so the identity wins where it is as good as another.
        let from = PERMUTATIONS
            .into_iter()
            .fold(PERMUTATIONS[0], |best, p| if along(&p) > along(&best) + TIE { p } else { best });
        Self { from, backward: std::array::from_fn(|k| direction[k][from[k]] < 0.0) }
    }

    /// Whether nothing changes.
    pub fn is_identity(&self) -> bool {
        self.from == PERMUTATIONS[0] && self.backward == [false; 3]
    }

    /// The order that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut back = *self;
        for k in 0..3 {
            back.from[self.from[k]] = k;
            back.backward[self.from[k]] = self.backward[k];
        }
        back
    }

    /// The same grid of points with its axes in this order.
    ///
    /// # Errors
    /// None that `stored` has not passed already; [`Frame::new`] checks again.
    pub fn frame(&self, stored: &Frame) -> Result<Frame, FrameError> {
        let dims = self.from.map(|axis| stored.dims()[axis]);
        let spacing_mm = self.from.map(|axis| stored.spacing_mm()[axis]);
        let mut corner = [0.0; 3];
        let mut direction = [[0.0; 3]; 3];
        for k in 0..3 {
            let axis = self.from[k];
            if self.backward[k] {
                corner[axis] = (stored.dims()[axis] - 1) as f64;
            }
            let unit = scale(stored.axis_direction(axis), if self.backward[k] { -1.0 } else { 1.0 });
            for row in 0..3 {
                direction[row][k] = unit[row];
            }
        }
        Frame::new(dims, spacing_mm, stored.world_from_voxel(corner), direction)
    }

    /// The values, `[axis 2][axis 1][axis 0]` of a grid of `stored_dims`, in this order.
    /// Values that do not fill the grid come back as they are.
    pub fn values<T: Copy + Send + Sync>(&self, stored_dims: [usize; 3], mut values: Vec<T>) -> Vec<T> {
        let [nx, ny, nz] = self.from.map(|axis| stored_dims[axis]);
        if self.is_identity() || values.len() != nx * ny * nz || values.is_empty() {
            return values;
        }
        if self.from == PERMUTATIONS[0] {
            self.flip(&mut values, [nx, ny, nz]);
            return values;
        }
        let stored_stride = [1, stored_dims[0], stored_dims[0] * stored_dims[1]];
        let stride = self.from.map(|axis| stored_stride[axis]);
        let source = |k: usize, i: usize, n: usize| stride[k] * if self.backward[k] { n - 1 - i } else { i };
        let mut ordered = vec![values[0]; values.len()];
        ordered.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
            for (y, row) in slice.chunks_exact_mut(nx).enumerate() {
                let start = source(2, z, nz) + source(1, y, ny);
                for (x, out) in row.iter_mut().enumerate() {
                    *out = values[start + source(0, x, nx)];
                }
            }
        });
        ordered
    }

    /// Flips without a permutation need no second copy of the volume.
    fn flip<T: Copy + Send + Sync>(&self, values: &mut [T], [nx, ny, nz]: [usize; 3]) {
        let [back_x, back_y, back_z] = self.backward;
        values.par_chunks_exact_mut(nx * ny).for_each(|slice| {
            if back_x && back_y {
                slice.reverse();
            } else if back_x {
                slice.chunks_exact_mut(nx).for_each(<[T]>::reverse);
            } else if back_y {
                let half = ny / 2 * nx;
                let (top, bottom) = slice.split_at_mut(half);
                let mirrored = bottom.chunks_exact_mut(nx).rev();
                top.chunks_exact_mut(nx).zip(mirrored).for_each(|(a, b)| a.swap_with_slice(b));
            }
        });
        if back_z {
            let half = nz / 2 * nx * ny;
            let (foot, head) = values.split_at_mut(half);
            let mirrored = head.par_chunks_exact_mut(nx * ny).rev();
            foot.par_chunks_exact_mut(nx * ny).zip(mirrored).for_each(|(a, b)| a.swap_with_slice(b));
        }
    }
}

/// Sums of cosines closer than this are the same (rounding of headers).
const TIE: f64 = 1e-9;
