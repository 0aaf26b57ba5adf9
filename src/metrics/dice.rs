//! Dice overlap of two label masks. Knows no anatomy.
//!
//! Dice = 2 |A and B| / (|A| + |B|); of empty with empty it is 1, of empty with non-empty 0 (spec 8).

use rayon::prelude::*;

/// Voxels differ from 0 or are not, so labels of several parts count as one mask. Masks of different length have
/// nothing in common beyond the shorter one.
pub fn dice(a: &[u8], b: &[u8]) -> f64 {
    let common = a.par_iter().zip(b).filter(|&(&a, &b)| a != 0 && b != 0).count();
    let count = |mask: &[u8]| mask.par_iter().filter(|&&v| v != 0).count();
    match count(a) + count(b) {
        0 => 1.0,
        both => 2.0 * common as f64 / both as f64,
    }
}
