//! Which HU the reconstruction has where the truth has which: the joint histogram of two volumes, and what is told from
//! it. Knows no files and no colours.

use super::{VALUE_RANGE_HU, clip};
use crate::geometry::Volume;
use rayon::prelude::*;
use serde::Serialize;

/// More bins along a side than this tell nothing more of a CT and only take memory.
pub const MOST_BINS: usize = 1024;

/// The definition of the histogram.
pub const DEFINITION: &str = "voxels by the HU of truth and recon, clipped to [-1000, 1500], equal bins";
/// The definition of the correlation.
pub const DEFINITION_CORRELATION: &str = "Pearson's r of recon and truth over the bins' middles, HU clipped to \
    [-1000, 1500]";
/// The definition of the mutual information.
pub const DEFINITION_MUTUAL_INFORMATION: &str = "sum of p(t, r) ln(p(t, r) / (p(t) p(r))) over the bins of the joint \
    histogram, nats, HU clipped to [-1000, 1500]";

/// A joint histogram of truth and reconstruction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JointHistogram {
    /// Bins along either side.
    pub bins: usize,
    /// The HU that the bins share out: the lower end of the first and the upper end of the last, which belongs to it.
    /// Values outside count in the outermost bins.
    pub range_hu: (i16, i16),
    /// Voxels, `[truth bin][recon bin]`.
    pub counts: Vec<u64>,
}

/// Counts voxels by the truth's and the reconstruction's HU, as numpy's `histogram2d` with equal bins. `None` where the
/// volumes differ in size or `bins` is none of 1 to [`MOST_BINS`].
pub fn joint_histogram(recon: &Volume, truth: &Volume, bins: usize) -> Option<JointHistogram> {
    if recon.frame().dims() != truth.frame().dims() || !(1..=MOST_BINS).contains(&bins) {
        return None;
    }
    let (low, high) = VALUE_RANGE_HU;
    let width = usize::from(high.abs_diff(low));
    let bin = |hu: i16| (usize::from(clip(hu).abs_diff(low)) * bins / width).min(bins - 1);
    let empty = || vec![0u64; bins * bins];
    // A histogram a thread, not a piece: a piece would be smaller than its histogram.
    let piece = truth.hu().len().div_ceil(rayon::current_num_threads());
    let counts = truth.hu().par_chunks(piece).zip(recon.hu().par_chunks(piece)).map(|(truth, recon)| {
        let mut counts = empty();
        truth.iter().zip(recon).for_each(|(&t, &r)| counts[bin(t) * bins + bin(r)] += 1);
        counts
    });
    let both = |mut sum: Vec<u64>, more: Vec<u64>| {
        sum.iter_mut().zip(more).for_each(|(sum, n)| *sum += n);
        sum
    };
    Some(JointHistogram { bins, range_hu: VALUE_RANGE_HU, counts: counts.reduce(empty, both) })
}

impl JointHistogram {
    /// HU in the middle of a bin.
    pub fn middle_hu(&self, bin: usize) -> f64 {
        let (low, high) = (f64::from(self.range_hu.0), f64::from(self.range_hu.1));
        low + (bin as f64 + 0.5) * (high - low) / self.bins as f64
    }

    /// Pearson's correlation coefficient, cov(t, r) / sqrt(var(t) var(r)), of the bins' middles; `None` where either
    /// volume lies in one bin, or nothing was counted.
    pub fn correlation(&self) -> Option<f64> {
        let total = self.total()?;
        let [truth, recon] = self.sides();
        // Bins stand for HU: the coefficient does not change by where they begin and how wide they are.
        let mean = |side: &[u64]| side.iter().enumerate().map(|(k, &n)| k as f64 * n as f64).sum::<f64>() / total;
        let (mean_truth, mean_recon) = (mean(&truth), mean(&recon));
        let variance = |side: &[u64], mean: f64| {
            side.iter().enumerate().map(|(k, &n)| (k as f64 - mean).powi(2) * n as f64).sum::<f64>() / total
        };
        let product = variance(&truth, mean_truth) * variance(&recon, mean_recon);
        let covariance = self.cells().map(|(t, r, n)| (t as f64 - mean_truth) * (r as f64 - mean_recon) * n);
        (product > 0.0).then(|| covariance.sum::<f64>() / total / product.sqrt())
    }

    /// Mutual information, nats (Cover and Thomas, "Elements of Information Theory", 2.28); 0 where one tells nothing of
    /// the other, `None` where nothing was counted.
    pub fn mutual_information_nats(&self) -> Option<f64> {
        let total = self.total()?;
        let [truth, recon] = self.sides();
        let term = |(t, r, n): (usize, usize, f64)| n / total * (n * total / (truth[t] as f64 * recon[r] as f64)).ln();
        // Rounding could leave a hair below 0.
        Some(self.cells().map(term).sum::<f64>().max(0.0))
    }

    /// Voxels counted; `None` where there are none, or as many counts as bins are not there.
    fn total(&self) -> Option<f64> {
        let total: u64 = self.counts.iter().sum();
        (total > 0 && self.counts.len() == self.bins * self.bins).then_some(total as f64)
    }

    /// The histograms of truth and reconstruction alone.
    fn sides(&self) -> [Vec<u64>; 2] {
        let mut sides = [vec![0; self.bins], vec![0; self.bins]];
        for (k, n) in self.counts.iter().enumerate() {
            sides[0][k / self.bins] += n;
            sides[1][k % self.bins] += n;
        }
        sides
    }

    /// The cells that hold voxels: truth bin, recon bin, count.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        let filled = self.counts.iter().enumerate().filter(|(_, n)| **n > 0);
        filled.map(|(k, &n)| (k / self.bins, k % self.bins, n as f64))
    }
}
