//! The primary numbers of a part: one slice, or the truth's body. Knows no files and no screen.
//!
//! Degenerate parts: a part without voxels has no numbers, equal parts have an infinite PSNR, and SSIM is left out where
//! its window fits nowhere. HU are whole numbers, so no value can be no number.

use super::mask::Mask;
use super::plane::plane;
use super::{mae, psnr, ssim};
use crate::geometry::{Axis, Volume};
use serde::Serialize;

/// The definition of a slice's numbers.
pub const DEFINITION_SLICE: &str = "this slice alone: mean |recon - truth| in HU; 10 log10(2500^2 / MSE) in dB; \
    2D scikit-image SSIM defaults (7^2 uniform, sample covariance on), data range 2500; HU clipped to [-1000, 1500]";
/// The definition of the body's numbers.
pub const DEFINITION_BODY: &str = "the voxels of the truth's body: mean |recon - truth| in HU; 10 log10(2500^2 / MSE) \
    in dB; mean of the 3D Gaussian SSIM map (sigma 1.5, data range 2500) over those whose 11^3 window lies inside the \
    volume; HU clipped to [-1000, 1500]";

/// MAE, PSNR and SSIM of a part of two volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Numbers {
    /// Mean absolute error, HU; `None` where the part has no voxels.
    pub mae_hu: Option<f64>,
    /// PSNR, peak 2500, dB; infinite where both are equal, `None` where the part has no voxels.
    pub psnr_db: Option<f64>,
    /// SSIM; `None` where the part is smaller than its window.
    pub ssim: Option<f64>,
}

/// The numbers of slice `index` across an axis of the grid (its x, y or z, which are the patient's where the grid lies
/// along LPS), as [`DEFINITION_SLICE`] says. `None` where the volumes differ in size or there is no such slice.
pub fn slice_numbers(recon: &Volume, truth: &Volume, axis: Axis, index: usize) -> Option<Numbers> {
    let dims = truth.frame().dims();
    if recon.frame().dims() != dims || index >= dims[axis.index()] {
        return None;
    }
    let (a, cols, rows) = plane(recon.hu(), dims, axis.index(), index);
    let (b, ..) = plane(truth.hu(), dims, axis.index(), index);
    Some(Numbers {
        mae_hu: mae::mae(&a, &b),
        psnr_db: psnr::psnr(&a, &b, psnr::PEAK_HU),
        ssim: ssim::ssim_slice(&a, &b, [cols, rows]),
    })
}

/// The numbers inside the truth's body, as [`DEFINITION_BODY`] says. All are `None` where the volumes or the mask
/// differ in size or the body is empty; SSIM alone is where no voxel of the body has its whole window inside.
pub fn body_numbers(recon: &Volume, truth: &Volume, body: &Mask) -> Numbers {
    let dims = truth.frame().dims();
    if recon.frame().dims() != dims || body.dims() != dims {
        return Numbers::default();
    }
    let (a, b, inside) = (recon.hu(), truth.hu(), body.to_bytes());
    Numbers {
        mae_hu: mae::mae_inside(a, b, &inside),
        psnr_db: psnr::psnr_inside(a, b, &inside, psnr::PEAK_HU),
        ssim: ssim::ssim_inside(a, b, dims, &inside),
    }
}
