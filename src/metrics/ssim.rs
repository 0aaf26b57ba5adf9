//! Structural similarity (Wang 2004) as scikit-image's `structural_similarity` computes it, in 3D and by slices.
//! Knows no files.
//!
//! SSIM = (2 ma mb + C1)(2 cab + C2) / ((ma^2 + mb^2 + C1)(va + vb + C2)), C1 = (0.01 L)^2, C2 = (0.03 L)^2,
//! L = 2500 HU, means and covariances under a window, averaged where the window lies inside the volume.

use super::clip;
use super::plane::plane;
use rayon::prelude::*;

/// Data range L, HU.
const RANGE_HU: f64 = 2500.0;
/// Subtracted before squares are taken, so that 32 bit floats hold them; variances do not change by it.
const MIDDLE_HU: f32 = 250.0;
/// Standard deviation of the Gaussian window, voxels.
const SIGMA: f64 = 1.5;
/// Reach of the Gaussian window: scikit-image truncates at 3.5 sigma.
const GAUSSIAN_REACH: usize = 5;
/// Side of the uniform window, scikit-image's default.
const UNIFORM_SIDE: usize = 7;
/// Output slices that share their filtered input slices; more saves work, fewer saves memory.
const CHUNK_SLICES: usize = 16;

/// The definition of the primary number.
pub const DEFINITION: &str = "scikit-image 3D, Gaussian sigma 1.5, sample covariance off, data range 2500, \
    HU clipped to [-1000, 1500]";
/// The definition with scikit-image's default window.
pub const DEFINITION_UNIFORM: &str = "scikit-image 3D defaults: 7^3 uniform window, sample covariance on, \
    data range 2500, HU clipped to [-1000, 1500]";
/// The definition of the mean over slices.
pub const DEFINITION_SLICES: &str = "mean of 2D scikit-image defaults (7^2 uniform, sample covariance on) over the \
    slices of three axes, data range 2500, axial slices without scan data left out";

/// Sums of a, b, aa, bb, ab under the window.
const FIELDS: usize = 5;

/// The weights of a separable window along one axis, and what covariances are multiplied by.
struct Window {
    weights: Vec<f32>,
    sample_covariance: bool,
}

impl Window {
    fn gaussian() -> Self {
        let reach = GAUSSIAN_REACH as i32;
        let raw: Vec<f64> = (-reach..=reach).map(|x| (-0.5 * (f64::from(x) / SIGMA).powi(2)).exp()).collect();
        let sum: f64 = raw.iter().sum();
        Self { weights: raw.iter().map(|w| (w / sum) as f32).collect(), sample_covariance: false }
    }

    fn uniform() -> Self {
        Self { weights: vec![1.0 / UNIFORM_SIDE as f32; UNIFORM_SIDE], sample_covariance: true }
    }

    fn side(&self) -> usize {
        self.weights.len()
    }

    /// N / (N - 1) for a window of N voxels in `axes` dimensions, where the sample covariance is asked for.
    fn correction(&self, axes: u32) -> f64 {
        let n = self.side().pow(axes) as f64;
        if self.sample_covariance { n / (n - 1.0) } else { 1.0 }
    }
}

/// 3D SSIM under the Gaussian window; `None` where a side is under 11 voxels or the values do not fit `dims`.
pub fn ssim(a: &[i16], b: &[i16], dims: [usize; 3]) -> Option<f64> {
    let window = Window::gaussian();
    ssim_3d(a, b, dims, &window, &|_, sums| (similarities(sums, window.correction(3)).sum(), sums[0].len()))
}

/// Mean of the Gaussian SSIM map over the voxels where `inside` is not 0 and whose window lies inside the volume;
/// `None` where there are none, a side is under 11 voxels, or the values do not fit `dims`.
pub fn ssim_inside(a: &[i16], b: &[i16], dims: [usize; 3], inside: &[u8]) -> Option<f64> {
    let [nx, ny, _] = dims;
    if inside.len() != a.len() {
        return None;
    }
    let window = Window::gaussian();
    let cols = nx.saturating_sub(2 * GAUSSIAN_REACH).max(1);
    ssim_3d(a, b, dims, &window, &|slice, sums| {
        // A place of the map is the corner of its window; the window's middle is the voxel.
        let here = |k: usize| {
            let (x, y) = (k % cols + GAUSSIAN_REACH, k / cols + GAUSSIAN_REACH);
            inside[((slice + GAUSSIAN_REACH) * ny + y) * nx + x] != 0
        };
        let kept = similarities(sums, window.correction(3)).enumerate().filter(|(k, _)| here(*k));
        kept.fold((0.0, 0), |(sum, n), (_, value)| (sum + value, n + 1))
    })
}

/// 3D SSIM under the 7^3 uniform window; `None` where a side is under 7 voxels or the values do not fit `dims`.
pub fn ssim_uniform(a: &[i16], b: &[i16], dims: [usize; 3]) -> Option<f64> {
    let window = Window::uniform();
    ssim_3d(a, b, dims, &window, &|_, sums| (similarities(sums, window.correction(3)).sum(), sums[0].len()))
}

/// 2D SSIM (7^2 uniform) of one image, `[row][col]`; `None` where a side is under 7 pixels or the values do not fit.
pub fn ssim_slice(a: &[i16], b: &[i16], [cols, rows]: [usize; 2]) -> Option<f64> {
    let window = Window::uniform();
    let fits = a.len() == b.len() && a.len() == cols * rows && cols.min(rows) >= window.side();
    fits.then(|| ssim_2d(&centred(a), &centred(b), cols, rows, &window))
}

/// Mean 2D SSIM (7^2 uniform) over the slices of three axes; axial slices outside of `axial` (first, last) are left
/// out. `None` where a side is under 7 voxels or the values do not fit `dims`.
pub fn ssim_by_slices(a: &[i16], b: &[i16], dims: [usize; 3], axial: (usize, usize)) -> Option<f64> {
    let window = Window::uniform();
    check(a, b, dims, &window)?;
    let mut total = (0.0, 0usize);
    for axis in 0..3 {
        let wanted = if axis == 2 { axial.0..axial.1 + 1 } else { 0..dims[axis] };
        let n = wanted.len();
        let sum: f64 = wanted
            .into_par_iter()
            .map(|k| {
                let (a, cols, rows) = plane(a, dims, axis, k);
                let (b, ..) = plane(b, dims, axis, k);
                ssim_2d(&centred(&a), &centred(&b), cols, rows, &window)
            })
            .sum();
        total = (total.0 + sum, total.1 + n);
    }
    Some(total.0 / total.1 as f64)
}

fn check(a: &[i16], b: &[i16], dims: [usize; 3], window: &Window) -> Option<()> {
    let fits =
        a.len() == b.len() && a.len() == dims.iter().product::<usize>() && dims.iter().all(|&n| n >= window.side());
    fits.then_some(())
}

/// Mean over the places of the map that `count` sums up, slice by slice: it is given the number of a slice of the map
/// and the five sums there, and returns the sum of SSIM and how many places it holds.
fn ssim_3d(
    a: &[i16],
    b: &[i16],
    dims: [usize; 3],
    window: &Window,
    count: &(impl Fn(usize, &[Vec<f32>; FIELDS]) -> (f64, usize) + Sync),
) -> Option<f64> {
    check(a, b, dims, window)?;
    let [nx, ny, nz] = dims;
    let side = window.side();
    let (slices, cells) = (nz + 1 - side, (nx + 1 - side) * (ny + 1 - side));
    let plane = nx * ny;
    let starts: Vec<usize> = (0..slices).step_by(CHUNK_SLICES).collect();
    let both = |x: (f64, usize), y: (f64, usize)| (x.0 + y.0, x.1 + y.1);
    let (sum, n) = starts
        .into_par_iter()
        .map(|start| {
            let outputs = CHUNK_SLICES.min(slices - start);
            let mut sums: Vec<[Vec<f32>; FIELDS]> =
                (0..outputs).map(|_| std::array::from_fn(|_| vec![0f32; cells])).collect();
            for z in start..start + outputs + side - 1 {
                let at = z * plane..(z + 1) * plane;
                let here = windowed(&centred(&a[at.clone()]), &centred(&b[at]), nx, window);
                for (k, sums) in sums.iter_mut().enumerate() {
                    let Some(&weight) = (z - start).checked_sub(k).and_then(|tap| window.weights.get(tap)) else {
                        continue;
                    };
                    sums.iter_mut().zip(&here).for_each(|(sum, field)| add_scaled(sum, field, weight));
                }
            }
            sums.iter().enumerate().map(|(k, sums)| count(start + k, sums)).fold((0.0, 0), both)
        })
        // Collected in order first, so that the sum does not hang on the number of threads.
        .collect::<Vec<_>>()
        .into_iter()
        .fold((0.0, 0), both);
    (n > 0).then(|| sum / n as f64)
}

/// Mean SSIM of two images of `cols` columns.
fn ssim_2d(a: &[f32], b: &[f32], cols: usize, rows: usize, window: &Window) -> f64 {
    let cells = (cols + 1 - window.side()) * (rows + 1 - window.side());
    similarities(&windowed(a, b, cols, window), window.correction(2)).sum::<f64>() / cells as f64
}

/// The five sums under the window along columns and rows, where it lies inside.
fn windowed(a: &[f32], b: &[f32], cols: usize, window: &Window) -> [Vec<f32>; FIELDS] {
    let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<f32>>();
    let of = |field: &[f32]| filter(field, cols, &window.weights);
    [of(a), of(b), of(&product(a, a)), of(&product(b, b)), of(&product(a, b))]
}

/// Correlation with `weights` along columns and rows, only where they lie inside.
fn filter(image: &[f32], cols: usize, weights: &[f32]) -> Vec<f32> {
    let out_cols = cols + 1 - weights.len();
    let rows = image.len() / cols;
    let out_rows = rows + 1 - weights.len();
    let mut out = vec![0f32; out_cols * out_rows];
    let mut along = vec![0f32; out_cols];
    for (y, row) in image.chunks_exact(cols).enumerate() {
        along.fill(0.0);
        weights.iter().enumerate().for_each(|(k, &w)| add_scaled(&mut along, &row[k..k + out_cols], w));
        for (k, &w) in weights.iter().enumerate() {
            if let Some(to) = y.checked_sub(k).filter(|&to| to < out_rows) {
                add_scaled(&mut out[to * out_cols..(to + 1) * out_cols], &along, w);
            }
        }
    }
    out
}

fn add_scaled(into: &mut [f32], from: &[f32], weight: f32) {
    into.iter_mut().zip(from).for_each(|(sum, value)| *sum += weight * value);
}

/// SSIM at each place of the map.
fn similarities(sums: &[Vec<f32>; FIELDS], correction: f64) -> impl Iterator<Item = f64> + '_ {
    let (c1, c2) = ((0.01 * RANGE_HU).powi(2), (0.03 * RANGE_HU).powi(2));
    // Means are of the values clip(HU) themselves: the middle goes back in.
    let middle = f64::from(MIDDLE_HU);
    let [a, b, aa, bb, ab] = sums;
    a.iter().zip(b).zip(aa).zip(bb).zip(ab).map(move |((((a, b), aa), bb), ab)| {
        let [a, b, aa, bb, ab] = [a, b, aa, bb, ab].map(|value| f64::from(*value));
        let (va, vb, cab) = (correction * (aa - a * a), correction * (bb - b * b), correction * (ab - a * b));
        let (a, b) = (a + middle, b + middle);
        (2.0 * a * b + c1) * (2.0 * cab + c2) / ((a * a + b * b + c1) * (va + vb + c2))
    })
}

fn centred(values: &[i16]) -> Vec<f32> {
    values.iter().map(|&v| f32::from(clip(v)) - MIDDLE_HU).collect()
}
