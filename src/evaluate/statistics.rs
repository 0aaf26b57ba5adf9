//! What a handful of cases allows to say: mean, deviation, intervals by resampling, a paired test between methods.
//! Knows no metric and no file.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// Under so many cases nothing is said but each case: no interval and no p-value (spec 8). A signed-rank test of five
/// pairs cannot fall below 0.0625 whatever they are.
pub const LEAST_CASES: usize = 6;
/// Resamples of a bootstrap interval.
pub const RESAMPLES: usize = 10_000;
/// Share of the resampled means that an interval holds.
pub const LEVEL: f64 = 0.95;
/// Seed of all resampling.
const SEED: u64 = 8;
/// Beyond so many pairs the signed-rank distribution is taken as normal: no study here has as many.
const MOST_EXACT_PAIRS: usize = 400;

/// How the spread is computed, as it is printed.
pub const SPREAD_DEFINITION: &str = "standard deviation between cases, n - 1 in the denominator";
/// How the interval is computed, as it is printed.
pub const INTERVAL_DEFINITION: &str = "95 % percentile bootstrap of the mean: 10,000 resamples of whole cases with \
    replacement, seeded, the same resamples for every method (Efron and Tibshirani, An Introduction to the Bootstrap, \
    1993, section 13.3)";
/// How the test is computed, as it is printed.
pub const TEST_DEFINITION: &str = "two-sided Wilcoxon signed-rank test of the paired differences, cases of no \
    difference left out, mid-ranks for ties, p from the exact distribution (Wilcoxon, Biometrics Bulletin 1, 1945; \
    Streitberg and Roehmel's shift algorithm, 1986)";
/// How several tests are held together, as it is printed.
pub const HOLM_DEFINITION: &str =
    "p adjusted for the number of methods compared within one metric (Holm, Scand J Stat 6, 1979)";

/// A set of numbers in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, n - 1 in the denominator; `None` for a single one.
    pub sd: Option<f64>,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// The summary of finite numbers; `None` where there are none, or one of them is not finite.
pub fn summary(values: &[f64]) -> Option<Summary> {
    if values.is_empty() || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let n = values.len();
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
    let extreme = |start: f64, pick: fn(f64, f64) -> f64| values.iter().copied().fold(start, pick);
    Some(Summary { n, mean, sd, least: extreme(f64::INFINITY, f64::min), most: extreme(f64::NEG_INFINITY, f64::max) })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// From here to there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The interval of the mean as [`INTERVAL_DEFINITION`] says; `None` under [`LEAST_CASES`], or where a number is not
/// finite. Equal counts are resampled alike, so that intervals of several methods go together.
pub fn bootstrap_mean(values: &[f64]) -> Option<Interval> {
    let n = values.len();
    if n < LEAST_CASES || !values.iter().all(|v| v.is_finite()) {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut resampled = || (0..n).map(|_| values[rng.random_range(0..n)]).sum::<f64>() / n as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resampled()).collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - LEVEL) / 2.0;
    Some(Interval { low: quantile(&means, tail), high: quantile(&means, 1.0 - tail) })
}

/// The `q`-quantile of sorted numbers, linear between neighbours (NumPy's default).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, part) = (place as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

/// A paired test between two methods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SignedRank {
    /// Pairs that differ.
    pub pairs: usize,
    /// The smaller of the two rank sums.
    pub statistic: f64,
    /// Two-sided p.
    pub p: f64,
}

/// The test as [`TEST_DEFINITION`] says, of paired differences; `None` under [`LEAST_CASES`], or where a difference is
/// not finite. Where no pair differs, p is 1.
pub fn signed_rank(differences: &[f64]) -> Option<SignedRank> {
    if differences.len() < LEAST_CASES || !differences.iter().all(|d| d.is_finite()) {
        return None;
    }
    let mut differ: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    differ.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranks = doubled_ranks(&differ);
    let all: usize = ranks.iter().sum();
    let above: usize = ranks.iter().zip(&differ).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
    let smaller = above.min(all - above);
    let tail =
        if differ.len() <= MOST_EXACT_PAIRS { exact_tail(&ranks, smaller) } else { normal_tail(&ranks, smaller) };
    Some(SignedRank { pairs: differ.len(), statistic: smaller as f64 / 2.0, p: (2.0 * tail).min(1.0) })
}

/// Twice the mid-ranks of numbers sorted by size: whole numbers, ties included.
fn doubled_ranks(sorted: &[f64]) -> Vec<usize> {
    let mut ranks = vec![0; sorted.len()];
    let mut first = 0;
    while first < sorted.len() {
        let size = sorted[first].abs();
        let end = first + sorted[first..].iter().take_while(|d| d.abs() == size).count();
        // Ranks first + 1 to end; twice their mean.
        ranks[first..end].fill(first + 1 + end);
        first = end;
    }
    ranks
}

/// P(sum of the ranks with a random sign above <= `at_most`), each sign a fair coin.
fn exact_tail(ranks: &[usize], at_most: usize) -> f64 {
    let mut chance = vec![0f64; ranks.iter().sum::<usize>() + 1];
    chance[0] = 1.0;
    let mut reach = 0;
    for &rank in ranks {
        reach += rank;
        for sum in (0..=reach).rev() {
            let with = if sum >= rank { chance[sum - rank] } else { 0.0 };
            chance[sum] = 0.5 * (chance[sum] + with);
        }
    }
    chance[..=at_most].iter().sum()
}

/// The same by the normal distribution, ties counted by the ranks themselves.
fn normal_tail(ranks: &[usize], at_most: usize) -> f64 {
    let all: f64 = ranks.iter().map(|r| *r as f64).sum();
    let spread = (ranks.iter().map(|r| (*r as f64).powi(2)).sum::<f64>() / 4.0).sqrt();
    normal_below((at_most as f64 - all / 2.0) / spread)
}

/// The normal distribution below `z` (Abramowitz and Stegun 26.2.17, to 7.5e-8).
fn normal_below(z: f64) -> f64 {
    const TERMS: [f64; 5] = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = TERMS.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let tail = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * series;
    if z <= 0.0 { tail } else { 1.0 - tail }
}

/// Several p-values held together by Holm's step-down, in the order given.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut largest = 0f64;
    for (step, &at) in order.iter().enumerate() {
        largest = largest.max(((p.len() - step) as f64 * p[at]).min(1.0));
        adjusted[at] = largest;
    }
    adjusted
}
