//! Structural similarity (Wang 2004) as scikit-image's `structural_similarity` computes it, in 3D and by slices.
//! Knows no files.
//!
//! SSIM = (2 ma mb + C1)(2 cab + C2) / ((ma^2 + mb^2 + C1)(va + vb + C2)), C1 = (0.01 L)^2, C2 = (0.03 L)^2,
//! L = 2500 HU, means and covariances under a window, averaged where the window lies inside the volume. The constants
//! make two equal images, constant ones too, have SSIM 1.

use super::clip;
use super::plane::plane;
use super::window::{LANES, filter, gaussian};
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
/// Slices of the map that share their filtered slices; more saves work, fewer saves memory.
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
/// The definition of the number as X2CT-GAN's code has it (`Structural_Similarity` of its metrics_np.py).
pub const DEFINITION_X2CT: &str = "as X2CT-GAN's code: 2D scikit-image defaults (7^2 uniform, sample covariance on), data \
    range 2500, mean over all slices of each axis, mean of the three";
/// What is averaged in a part of the volume.
pub const DEFINITION_INSIDE: &str = "mean of the map over the voxels whose 11^3 window lies inside the volume";

/// Sums of a, b, aa, bb, ab under the window.
const FIELDS: usize = 5;

/// The weights of a separable window along one axis, and what covariances are multiplied by.
struct Window {
    weights: Vec<f32>,
    sample_covariance: bool,
}

impl Window {
    fn gaussian() -> Self {
        let weights = gaussian(GAUSSIAN_REACH, SIGMA).into_iter().map(|w| w as f32).collect();
        Self { weights, sample_covariance: false }
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
    ssim_3d(a, b, dims, &Window::gaussian(), |_, _| true)
}

/// Mean of the Gaussian SSIM map over the voxels where `inside` is not 0 and whose window lies inside the volume;
/// `None` where there are none, a side is under 11 voxels, or the values do not fit `dims`.
pub fn ssim_inside(a: &[i16], b: &[i16], dims: [usize; 3], inside: &[u8]) -> Option<f64> {
    let [nx, ny, _] = dims;
    if inside.len() != a.len() {
        return None;
    }
    let cols = nx.saturating_sub(2 * GAUSSIAN_REACH).max(1);
    ssim_3d(a, b, dims, &Window::gaussian(), |slice, place| {
        // A place of the map is the corner of its window; the window's middle is the voxel.
        let (x, y, z) = (place % cols + GAUSSIAN_REACH, place / cols + GAUSSIAN_REACH, slice + GAUSSIAN_REACH);
        inside[(z * ny + y) * nx + x] != 0
    })
}

/// 3D SSIM under the 7^3 uniform window; `None` where a side is under 7 voxels or the values do not fit `dims`.
pub fn ssim_uniform(a: &[i16], b: &[i16], dims: [usize; 3]) -> Option<f64> {
    ssim_3d(a, b, dims, &Window::uniform(), |_, _| true)
}

/// 2D SSIM (7^2 uniform) of one image, `[row][col]`; `None` where a side is under 7 pixels or the values do not fit.
pub fn ssim_slice(a: &[i16], b: &[i16], [cols, rows]: [usize; 2]) -> Option<f64> {
    let window = Window::uniform();
    let fits = a.len() == b.len() && a.len() == cols * rows && cols.min(rows) >= window.side();
    fits.then(|| ssim_2d(a, b, cols, &window))
}

/// Mean 2D SSIM (7^2 uniform) over the slices of three axes; axial slices outside of `axial` (first, last) are left
/// out. `None` where a side is under 7 voxels or the values do not fit `dims`.
pub fn ssim_by_slices(a: &[i16], b: &[i16], dims: [usize; 3], axial: (usize, usize)) -> Option<f64> {
    let across = [0..dims[0], 0..dims[1], axial.0..axial.1 + 1];
    let n: usize = across.iter().map(|slices| slices.len()).sum();
    Some(slice_sums(a, b, dims, across)?.iter().sum::<f64>() / n as f64)
}

/// SSIM as X2CT-GAN's code prints it: the mean of the mean 2D SSIM (7^2 uniform) over the slices across each axis, every
/// slice counted. `None` where a side is under 7 voxels or the values do not fit `dims`.
pub fn ssim_x2ct(a: &[i16], b: &[i16], dims: [usize; 3]) -> Option<f64> {
    let sums = slice_sums(a, b, dims, dims.map(|n| 0..n))?;
    Some(sums.iter().zip(dims).map(|(sum, n)| sum / n as f64).sum::<f64>() / 3.0)
}

/// The sums of the 2D SSIM over some slices across each axis.
fn slice_sums(a: &[i16], b: &[i16], dims: [usize; 3], across: [std::ops::Range<usize>; 3]) -> Option<[f64; 3]> {
    let window = Window::uniform();
    check(a, b, dims, &window)?;
    Some([0, 1, 2].map(|axis: usize| {
        let one = |k: usize| {
            let (a, cols, _) = plane(a, dims, axis, k);
            ssim_2d(&a, &plane(b, dims, axis, k).0, cols, &window)
        };
        in_order(across[axis].clone().into_par_iter().map(one))
    }))
}

/// The sum in the order of the parts, so that it does not hang on the number of threads.
fn in_order(parts: impl IndexedParallelIterator<Item = f64>) -> f64 {
    parts.collect::<Vec<f64>>().iter().sum()
}

fn check(a: &[i16], b: &[i16], dims: [usize; 3], window: &Window) -> Option<()> {
    let fits =
        a.len() == b.len() && a.len() == dims.iter().product::<usize>() && dims.iter().all(|&n| n >= window.side());
    fits.then_some(())
}

/// Mean over the places of the map for which `counts` holds: it is given the slice of the map and the place in it.
fn ssim_3d(
    a: &[i16],
    b: &[i16],
    dims: [usize; 3],
    window: &Window,
    counts: impl Fn(usize, usize) -> bool + Sync,
) -> Option<f64> {
    check(a, b, dims, window)?;
    let [nx, ny, nz] = dims;
    let slices = nz + 1 - window.side();
    let starts: Vec<usize> = (0..slices).step_by(CHUNK_SLICES).collect();
    let chunk = |start: usize| {
        let here = start..slices.min(start + CHUNK_SLICES);
        let filtered: Vec<Filtered> = (here.start..here.end + window.side() - 1)
            .map(|z| Filtered::of(&a[z * nx * ny..(z + 1) * nx * ny], &b[z * nx * ny..(z + 1) * nx * ny], nx, window))
            .collect();
        sum_along_z(&filtered, window, |k, place| counts(start + k, place))
    };
    // Collected in order first, so that the sum does not hang on the number of threads.
    let parts: Vec<(f64, usize)> = starts.into_par_iter().map(chunk).collect();
    let (sum, n) = parts.into_iter().fold((0.0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
    (n > 0).then(|| sum / n as f64)
}

/// The sum of SSIM over the places that count, and how many they are, of the slices that `filtered` gives under the
/// window along z. Place after place, so that what is read of a place stays near while all slices use it.
fn sum_along_z(filtered: &[Filtered], window: &Window, counts: impl Fn(usize, usize) -> bool) -> (f64, usize) {
    let (slices, places) = (filtered.len() + 1 - window.side(), filtered.first().map_or(0, |f| f.places));
    let correction = window.correction(3);
    let (mut total, mut n) = (0.0, 0);
    for at in (0..places).step_by(LANES) {
        for k in 0..slices {
            let mut sums = [[0f32; LANES]; FIELDS];
            for (slice, &weight) in filtered[k..].iter().zip(&window.weights) {
                for (sums, field) in sums.iter_mut().zip(&slice.fields) {
                    sums.iter_mut().zip(&field[at..at + LANES]).for_each(|(sum, value)| *sum += weight * value);
                }
            }
            let values = similarities(&sums, correction);
            for (lane, value) in values.iter().enumerate().take(places - at) {
                if counts(k, at + lane) {
                    total += value;
                    n += 1;
                }
            }
        }
    }
    (total, n)
}

/// Mean SSIM of two images of `cols` columns.
fn ssim_2d(a: &[i16], b: &[i16], cols: usize, window: &Window) -> f64 {
    let Filtered { fields, places } = Filtered::of(a, b, cols, window);
    let correction = window.correction(2);
    let mut total = 0.0;
    for at in (0..places).step_by(LANES) {
        let sums: [[f32; LANES]; FIELDS] = std::array::from_fn(|k| std::array::from_fn(|lane| fields[k][at + lane]));
        total += similarities(&sums, correction).iter().take(places - at).sum::<f64>();
    }
    total / places as f64
}

/// The five sums under the window along columns and rows, where it lies inside.
struct Filtered {
    /// Each as long as whole blocks of [`LANES`] are; what lies beyond the places means nothing.
    fields: [Vec<f32>; FIELDS],
    places: usize,
}

impl Filtered {
    fn of(a: &[i16], b: &[i16], cols: usize, window: &Window) -> Self {
        let centred = |values: &[i16]| values.iter().map(|&v| f32::from(clip(v)) - MIDDLE_HU).collect::<Vec<f32>>();
        let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).collect::<Vec<f32>>();
        let (a, b) = (centred(a), centred(b));
        let [aa, bb, ab] = [product(&a, &a), product(&b, &b), product(&a, &b)];
        let mut fields = [a, b, aa, bb, ab].map(|field| filter(&field, cols, &window.weights));
        let places = fields[0].len();
        fields.iter_mut().for_each(|field| field.resize(places.next_multiple_of(LANES), 0.0));
        Self { fields, places }
    }
}

/// SSIM at neighbouring places, side by side so that registers are filled.
fn similarities([a, b, aa, bb, ab]: &[[f32; LANES]; FIELDS], correction: f64) -> [f64; LANES] {
    let (c1, c2) = ((0.01 * RANGE_HU).powi(2), (0.03 * RANGE_HU).powi(2));
    // Means are of the values clip(HU) themselves: the middle goes back in.
    let middle = f64::from(MIDDLE_HU);
    let mut values = [0.0; LANES];
    for lane in 0..LANES {
        let [a, b, aa, bb, ab] = [a[lane], b[lane], aa[lane], bb[lane], ab[lane]].map(f64::from);
        let (va, vb, cab) = (correction * (aa - a * a), correction * (bb - b * b), correction * (ab - a * b));
        let (a, b) = (a + middle, b + middle);
        values[lane] = (2.0 * a * b + c1) * (2.0 * cab + c2) / ((a * a + b * b + c1) * (va + vb + c2));
    }
    values
}
