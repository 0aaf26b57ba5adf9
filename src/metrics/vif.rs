//! Visual information fidelity in the pixel domain (Sheikh and Bovik, IEEE TIP 2006) as `vifp` of the package sewar
//! computes it, on axial slices. Knows no files.
//!
//! How much of what a noisy eye would learn from the truth's slice it still learns from the reconstruction's: at four
//! scales, with Gaussian windows of 17, 9, 5 and 3 pixels (sigma a fifth of that), the truth's local variance s, and the
//! reconstruction as g times the truth plus noise of variance v, VIF = sum log(1 + g^2 s / (v + 2)) / sum log(1 + s / 2).
//! Not symmetric, 1 for equal slices, 0 for a constant reconstruction, above 1 for one with more contrast. A slice that
//! is constant in the truth tells nothing, and has no VIF.

use super::window::{filter, gaussian};
use super::{VALUE_RANGE_HU, clip};
use rayon::prelude::*;

/// Variance of the eye's noise, grey values squared (sigma_n^2).
const EYE_NOISE: f64 = 2.0;
/// Grey values that the range of HU becomes.
const GREY_RANGE: f64 = 255.0;
/// Smaller variances are 0 (sewar; piq has 1e-8, which changes no digit that is printed).
const EPSILON: f64 = 1e-10;
/// Sides of the windows, one a scale, pixels.
const WINDOW_SIDES: [usize; 4] = [17, 9, 5, 3];
/// Standard deviation of a window as a share of its side.
const SIGMA_SHARE: f64 = 0.2;
/// With less no window fits at the coarsest scale, pixels.
pub const LEAST_SIDE: usize = 41;

/// The definition of the primary number.
pub const DEFINITION: &str = "pixel-domain VIF-p as sewar's vifp (4 scales, sigma_n^2 = 2), HU clipped to \
    [-1000, 1500] and mapped to [0, 255], mean of axial slices, slices constant in the truth left out";
/// The definition of the number that piq prints.
pub const DEFINITION_PIQ: &str = "as piq's vif_p on all axial slices, those without scan data too: slices constant in \
    the truth count as 1, as piq has it for air (its epsilon is 1e-8, not sewar's 1e-10, and it computes in 32 bits)";

/// VIF of every axial slice, `None` where the truth's slice is constant. `None` altogether where a side of the slices is
/// under [`LEAST_SIDE`] or the values do not fit `dims`.
pub fn vif_by_slices(recon: &[i16], truth: &[i16], dims: [usize; 3]) -> Option<Vec<Option<f64>>> {
    let [nx, ny, nz] = dims;
    let fits = recon.len() == truth.len() && truth.len() == nx * ny * nz && nx.min(ny) >= LEAST_SIDE;
    let slices = || recon.par_chunks(nx * ny).zip(truth.par_chunks(nx * ny));
    fits.then(|| slices().map(|(recon, truth)| vif(recon, truth, nx)).collect())
}

/// The mean over the slices that have a VIF; `None` where none has.
pub fn mean(slices: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = slices.iter().flatten().copied().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The mean with constant slices as 1, as piq has it for air (of another constant its rounding makes any number); `None`
/// where there are no slices.
pub fn mean_piq(slices: &[Option<f64>]) -> Option<f64> {
    let sum: f64 = slices.iter().map(|vif| vif.unwrap_or(1.0)).sum();
    (!slices.is_empty()).then(|| sum / slices.len() as f64)
}

/// VIF of one slice of `cols` columns.
fn vif(recon: &[i16], truth: &[i16], cols: usize) -> Option<f64> {
    let first = clip(*truth.first()?);
    if truth.iter().all(|&hu| clip(hu) == first) {
        return None;
    }
    let (mut truth, mut recon, mut cols) = (grey(truth), grey(recon), cols);
    let (mut seen, mut there) = (Information::none(), Information::none());
    for (scale, side) in WINDOW_SIDES.into_iter().enumerate() {
        let window = gaussian(side / 2, side as f64 * SIGMA_SHARE);
        if scale > 0 {
            let coarse_cols = cols + 1 - side;
            (truth, recon) = (halved(&truth, cols, &window), halved(&recon, cols, &window));
            cols = coarse_cols.div_ceil(2);
        }
        add_scale(&truth, &recon, cols, &window, [&mut seen, &mut there]);
    }
    // What is too faint for `EPSILON` is as good as constant.
    (there.nats() > 0.0).then(|| seen.nats() / there.nats())
}

fn grey(values: &[i16]) -> Vec<f64> {
    let (low, high) = (f64::from(VALUE_RANGE_HU.0), f64::from(VALUE_RANGE_HU.1));
    values.iter().map(|&hu| (f64::from(clip(hu)) - low) / (high - low) * GREY_RANGE).collect()
}

/// The image under the window, every second column and row of it.
fn halved(image: &[f64], cols: usize, window: &[f64]) -> Vec<f64> {
    let filtered = filter(image, cols, window);
    let rows = filtered.chunks_exact(cols + 1 - window.len()).step_by(2);
    rows.flat_map(|row| row.iter().step_by(2)).copied().collect()
}

/// Adds what one scale tells: what is seen of the truth in the reconstruction, and what is there to be seen.
fn add_scale(truth: &[f64], recon: &[f64], cols: usize, window: &[f64], [seen, there]: [&mut Information; 2]) {
    let mean = |a: &[f64], b: &[f64]| filter(&a.iter().zip(b).map(|(a, b)| a * b).collect::<Vec<f64>>(), cols, window);
    let (mean_t, mean_r) = (filter(truth, cols, window), filter(recon, cols, window));
    let [tt, rr, tr] = [mean(truth, truth), mean(recon, recon), mean(truth, recon)];
    for (k, (t, r)) in mean_t.into_iter().zip(mean_r).enumerate() {
        let (variance_t, variance_r) = ((tt[k] - t * t).max(0.0), (rr[k] - r * r).max(0.0));
        let covariance = tr[k] - t * r;
        let gain = covariance / (variance_t + EPSILON);
        // In the order of sewar's code: a flat truth explains nothing, a flat reconstruction tells nothing, and what
        // runs against the truth is noise.
        let (gain, noise) = match (variance_t < EPSILON, variance_r < EPSILON) {
            (_, true) => (0.0, 0.0),
            (true, _) => (0.0, variance_r),
            _ if gain < 0.0 => (0.0, variance_r),
            _ => (gain, variance_r - gain * covariance),
        };
        let variance_t = if variance_t < EPSILON { 0.0 } else { variance_t };
        seen.add(gain * gain * variance_t / (noise.max(EPSILON) + EYE_NOISE));
        there.add(variance_t / EYE_NOISE);
    }
}

/// A sum of ln(1 + x), kept as a product as long as that is no larger than a double can be: logarithms are dear.
struct Information {
    product: f64,
    nats: f64,
}

/// The product is put away above this; one factor more, at most 1 + 255^2 / 2, stays finite.
const PUT_AWAY: f64 = 1e280;

impl Information {
    fn none() -> Self {
        Self { product: 1.0, nats: 0.0 }
    }

    fn add(&mut self, x: f64) {
        self.product *= 1.0 + x;
        if self.product > PUT_AWAY {
            self.nats += self.product.ln();
            self.product = 1.0;
        }
    }

    fn nats(&self) -> f64 {
        self.nats + self.product.ln()
    }
}
