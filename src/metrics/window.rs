//! Weighted sums under a window that moves over an image, only where it lies inside. Knows no metric.

use std::ops::{AddAssign, Mul};

/// Neighbours summed at a time: few enough that their sums stay in registers, enough to fill them.
pub(crate) const LANES: usize = 16;

/// A kind of number that images are made of.
pub(crate) trait Number: Copy + Default + Mul<Output = Self> + AddAssign {}
impl Number for f32 {}
impl Number for f64 {}

/// The weights of a Gaussian, exp(-d^2 / (2 sigma^2)) over d = -reach..=reach, with the sum 1.
pub(crate) fn gaussian(reach: usize, sigma: f64) -> Vec<f64> {
    let reach = reach as i32;
    let raw: Vec<f64> = (-reach..=reach).map(|d| (-0.5 * (f64::from(d) / sigma).powi(2)).exp()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|w| w / sum).collect()
}

/// The sum of `rows(k)` times `weights[k]`, place by place; every row is at least as long as `out`.
pub(crate) fn weighted_sum<'a, T: Number + 'a>(rows: impl Fn(usize) -> &'a [T], weights: &[T], out: &mut [T]) {
    let (blocks, rest) = out.as_chunks_mut::<LANES>();
    let whole = blocks.len() * LANES;
    for (at, block) in (0..).step_by(LANES).zip(blocks) {
        let mut sums = [T::default(); LANES];
        for (k, &weight) in weights.iter().enumerate() {
            let row = &rows(k)[at..at + LANES];
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += weight * value);
        }
        *block = sums;
    }
    rest.fill(T::default());
    for (k, &weight) in weights.iter().enumerate() {
        rest.iter_mut().zip(&rows(k)[whole..]).for_each(|(sum, &value)| *sum += weight * value);
    }
}

/// The image under a window that is `weights` along columns and rows alike, where it lies inside; the image has `cols`
/// columns, and neither side is shorter than the window.
pub(crate) fn filter<T: Number>(image: &[T], cols: usize, weights: &[T]) -> Vec<T> {
    let (out_cols, out_rows) = (cols + 1 - weights.len(), image.len() / cols + 1 - weights.len());
    let mut along = vec![T::default(); image.len() / cols * out_cols];
    for (row, out) in image.chunks_exact(cols).zip(along.chunks_exact_mut(out_cols)) {
        weighted_sum(|k| &row[k..], weights, out);
    }
    // Rows lie one behind the other, so that going down a row is going on by `out_cols`.
    let mut out = vec![T::default(); out_cols * out_rows];
    for (y, out) in out.chunks_exact_mut(out_cols).enumerate() {
        weighted_sum(|k| &along[(y + k) * out_cols..], weights, out);
    }
    out
}
