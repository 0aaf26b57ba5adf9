//! Mean absolute error in HU. Knows neither masks' making nor files.
//!
//! MAE = mean |a - b| over the voxels asked for, HU clipped to [-1000, 1500].

use super::{VALUE_RANGE_HU, clip};
use rayon::prelude::*;

/// The definition in one line.
pub const DEFINITION: &str = "mean |recon - truth|, HU clipped to [-1000, 1500]";

/// Mean absolute error over all voxels, HU; `None` where there are none.
pub fn mae(a: &[i16], b: &[i16]) -> Option<f64> {
    mean_over(a, b, |_| true)
}

/// Mean absolute error over the voxels where `inside` is not 0, HU; `None` where there are none.
pub fn mae_inside(a: &[i16], b: &[i16], inside: &[u8]) -> Option<f64> {
    mean_over(a, b, |k| inside.get(k).is_some_and(|&v| v != 0))
}

fn mean_over(a: &[i16], b: &[i16], counts: impl Fn(usize) -> bool + Sync) -> Option<f64> {
    debug_assert!(VALUE_RANGE_HU.0 < VALUE_RANGE_HU.1);
    let pairs = a.par_iter().zip(b).enumerate().with_min_len(1 << 14).filter(|&(k, _)| counts(k));
    // Whole numbers: the sum is exact and independent of the number of threads.
    let (sum, n) = pairs
        .map(|(_, (&a, &b))| (u64::from(clip(a).abs_diff(clip(b))), 1u64))
        .reduce(|| (0, 0), |x, y| (x.0 + y.0, x.1 + y.1));
    (n > 0).then(|| sum as f64 / n as f64)
}
