//! Peak signal-to-noise ratio in dB, whole-volume and by slices. Knows no files.
//!
//! PSNR = 10 log10(peak^2 / MSE), HU clipped to [-1000, 1500]. Equal images have an infinite PSNR; in the mean over
//! slices they count as 100 dB, as in X2CT-GAN's code.

use super::clip;
use rayon::prelude::*;

/// Peak of the primary set: the width of [-1000, 1500] HU.
pub const PEAK_HU: f64 = 2500.0;
/// Peak in X2CT-GAN's code, which has values in 0..2500 all the same.
pub const PEAK_X2CT: f64 = 4095.0;
/// What a slice without any error counts as in a mean over slices, dB (X2CT-GAN's code).
const EQUAL_SLICE_DB: f64 = 100.0;
/// Voxels that a thread takes at a time.
const CHUNK: usize = 1 << 14;
/// Voxels whose squares are summed in 32 bits, which fill a register four at a time: 2500^2 times as many still fit.
const FEW: usize = 512;

/// The definition of the primary number.
pub const DEFINITION: &str = "10 log10(2500^2 / MSE), whole volume, HU clipped to [-1000, 1500]";
/// The definition of the number over a part's voxels.
pub const DEFINITION_VOXELS: &str = "10 log10(2500^2 / MSE), HU clipped to [-1000, 1500]";
/// The definition of the whole-volume number with the other peak.
pub const DEFINITION_4095: &str = "10 log10(4095^2 / MSE), whole volume, HU clipped to [-1000, 1500] (0..2500)";
/// The definition of the mean over slices.
pub const DEFINITION_SLICES: &str = "mean over the slices of three axes of 10 log10(4095^2 / MSE), \
    values 0..2500, equal slices 100 dB, axial slices without scan data left out";
/// The definition of the number as X2CT-GAN's code has it (`Peak_Signal_to_Noise_Rate` of its metrics_np.py).
pub const DEFINITION_X2CT: &str = "as X2CT-GAN's code: 10 log10(4095^2 / MSE) of each slice, values 0..2500, equal \
    slices 100 dB, mean over all slices of each axis, mean of the three";

/// PSNR of all voxels, dB; infinite where both are equal, `None` where there are none.
pub fn psnr(a: &[i16], b: &[i16], peak: f64) -> Option<f64> {
    let n = a.len().min(b.len());
    let few = |(a, b): (&[i16], &[i16])| u64::from(a.iter().zip(b).map(|(&a, &b)| square(a, b)).sum::<u32>());
    let chunk = |(a, b): (&[i16], &[i16])| a.chunks(FEW).zip(b.chunks(FEW)).map(few).sum::<u64>();
    let squares: u64 = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK)).map(chunk).sum();
    (n > 0).then(|| decibel(squares, n, peak))
}

/// PSNR of the voxels where `inside` is not 0, dB; infinite where both are equal there, `None` where there are none.
pub fn psnr_inside(a: &[i16], b: &[i16], inside: &[u8], peak: f64) -> Option<f64> {
    let pairs = a.par_iter().zip(b).zip(inside).with_min_len(CHUNK).filter(|&(_, &inside)| inside != 0);
    let (squares, n) =
        pairs.map(|((&a, &b), _)| (u64::from(square(a, b)), 1)).reduce(|| (0, 0), |x, y| (x.0 + y.0, x.1 + y.1));
    (n > 0).then(|| decibel(squares, n, peak))
}

/// Mean PSNR over the slices across all three axes, dB; axial slices outside of `axial` (first, last) are left out.
/// `dims` are the sides (x, y, z); `None` where values and sides do not fit or no slice is left.
pub fn psnr_by_slices(a: &[i16], b: &[i16], dims: [usize; 3], peak: f64, axial: (usize, usize)) -> Option<f64> {
    let [x, y, z] = slices_db(a, b, dims, peak)?;
    let kept = z.get(axial.0..=axial.1)?;
    let all = || x.iter().chain(&y).chain(kept);
    Some(all().sum::<f64>() / all().count() as f64)
}

/// PSNR as X2CT-GAN's code prints it, dB: the mean of the means over the slices across each axis, every slice counted.
/// `None` where values and sides do not fit.
pub fn psnr_x2ct(a: &[i16], b: &[i16], dims: [usize; 3]) -> Option<f64> {
    let axes = slices_db(a, b, dims, PEAK_X2CT)?;
    Some(axes.iter().map(|slices| slices.iter().sum::<f64>() / slices.len() as f64).sum::<f64>() / axes.len() as f64)
}

/// PSNR of every slice across x, y and z.
fn slices_db(a: &[i16], b: &[i16], dims: [usize; 3], peak: f64) -> Option<[Vec<f64>; 3]> {
    let [nx, ny, nz] = dims;
    if a.len() != b.len() || a.len() != nx * ny * nz || a.is_empty() {
        return None;
    }
    // Squares summed over each column of x and row of y, slice by slice of z.
    let planes: Vec<[Vec<u64>; 2]> = (0..nz)
        .into_par_iter()
        .map(|z| {
            let mut sums = [vec![0; nx], vec![0; ny]];
            for y in 0..ny {
                let start = (z * ny + y) * nx;
                for x in 0..nx {
                    let s = u64::from(square(a[start + x], b[start + x]));
                    sums[0][x] += s;
                    sums[1][y] += s;
                }
            }
            sums
        })
        .collect();
    let across = |axis: usize, k: usize| planes.iter().map(|p| p[axis][k]).sum::<u64>();
    Some([
        (0..nx).map(|x| slice_db(across(0, x), ny * nz, peak)).collect(),
        (0..ny).map(|y| slice_db(across(1, y), nx * nz, peak)).collect(),
        planes.iter().map(|p| slice_db(p[1].iter().sum(), nx * ny, peak)).collect(),
    ])
}

fn slice_db(squares: u64, n: usize, peak: f64) -> f64 {
    if squares == 0 { EQUAL_SLICE_DB } else { decibel(squares, n, peak) }
}

fn decibel(squares: u64, n: usize, peak: f64) -> f64 {
    10.0 * (peak * peak * n as f64 / squares as f64).log10()
}

fn square(a: i16, b: i16) -> u32 {
    // Clipped values differ by 2500 at most, which 16 bits hold: eight differences fill a register.
    let difference = i32::from(clip(a) - clip(b));
    (difference * difference) as u32
}
