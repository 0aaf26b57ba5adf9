//! Morphological closing of a mask with a small ball, as on an unbounded grid: nothing is eaten away at the
//! volume's faces. Knows no anatomy.

use super::mask::Mask;
use rayon::prelude::*;

/// Radius of the ball, voxels (spec 8).
pub(crate) const RADIUS_VOXELS: usize = 2;

/// The ball x^2 + y^2 + z^2 <= 4 by rows: offset of the row (y, z) and its reach along x.
const BALL_ROWS: [(isize, isize, u32); 13] = [
    (0, 0, 2),
    (-1, 0, 1),
    (1, 0, 1),
    (0, -1, 1),
    (0, 1, 1),
    (-1, -1, 1),
    (-1, 1, 1),
    (1, -1, 1),
    (1, 1, 1),
    (-2, 0, 0),
    (2, 0, 0),
    (0, -2, 0),
    (0, 2, 0),
];

/// Dilation by the ball, then erosion by the ball.
pub(crate) fn close(mask: &Mask) -> Mask {
    close_times(mask, 1)
}

/// Dilation by the ball so many times, then as many erosions: a closing by a ball that is as many times as large.
pub(crate) fn close_times(mask: &Mask, times: usize) -> Mask {
    let margin = (times * RADIUS_VOXELS) as isize;
    let wide = mask.dims().map(|side| side + 2 * times * RADIUS_VOXELS);
    let mut closed = shifted(mask, wide, margin);
    for _ in 0..times {
        closed = each_row(&closed, 0, |into, row, reach| {
            spread(row, reach, 0).zip(into).for_each(|(bits, word)| *word |= bits);
        });
    }
    // Erosion is the dilation of what is not set; only the inner part is read, whose neighbours all exist.
    for _ in 0..times {
        closed = each_row(&closed, u64::MAX, |into, row, reach| {
            spread(row, reach, u64::MAX).zip(into).for_each(|(bits, word)| *word &= !bits);
        });
    }
    shifted(&closed, mask.dims(), -margin)
}

/// Builds a mask row by row from the rows of the ball about it; rows outside the grid are skipped.
fn each_row(mask: &Mask, start: u64, gather: impl Fn(&mut [u64], &[u64], u32) + Sync) -> Mask {
    let [_, ny, nz] = mask.dims();
    let mut out = Mask::empty(mask.dims());
    let width = mask.row_words();
    out.par_slices_mut().enumerate().for_each(|(z, slice)| {
        for (y, into) in slice.chunks_exact_mut(width).enumerate() {
            into.fill(start);
            for (dy, dz, reach) in BALL_ROWS {
                let place = (y.checked_add_signed(dy), z.checked_add_signed(dz));
                if let (Some(y), Some(z)) = place
                    && y < ny
                    && z < nz
                {
                    gather(into, mask.row(y, z), reach);
                }
            }
        }
    });
    out
}

/// The row XORed with `flip`, each bit spread by up to `reach` (at most 2) voxels to both sides.
fn spread(row: &[u64], reach: u32, flip: u64) -> impl Iterator<Item = u64> + '_ {
    (0..row.len()).map(move |k| {
        let word = row[k] ^ flip;
        let before = if k > 0 { row[k - 1] ^ flip } else { 0 };
        let after = row.get(k + 1).map_or(0, |w| w ^ flip);
        (1..=reach).fold(word, |bits, d| bits | word << d | before >> (64 - d) | word >> d | after << (64 - d))
    })
}

/// The mask on a grid of `dims`, moved by `shift` along every axis; what leaves is dropped.
fn shifted(mask: &Mask, dims: [usize; 3], shift: isize) -> Mask {
    let mut out = Mask::empty(dims);
    let [nx, ny, _] = dims;
    let width = out.row_words();
    let [_, from_ny, from_nz] = mask.dims();
    out.par_slices_mut().enumerate().for_each(|(z, slice)| {
        for y in 0..ny {
            let (Some(from_y), Some(from_z)) = (y.checked_add_signed(-shift), z.checked_add_signed(-shift)) else {
                continue;
            };
            if from_y >= from_ny || from_z >= from_nz {
                continue;
            }
            let row = &mut slice[y * width..(y + 1) * width];
            for run in super::mask::runs(mask.row(from_y, from_z)) {
                let start = (run.start as isize + shift).clamp(0, nx as isize) as u32;
                let end = (run.end as isize + shift).clamp(0, nx as isize) as u32;
                if start < end {
                    super::mask::fill(row, super::mask::Run { start, end });
                }
            }
        }
    });
    out
}
