//! All numbers about a reconstruction against its truth. Knows no files; how they are said is told in `lines`.

use super::body::{axis_order, body};
use super::by_slice::body_numbers;
use super::detail::{Detail, detail};
use super::lpips::LpipsSet;
use super::lung::{LungMask, lung_mask_in};
use super::{dice, mae, psnr, ssim, vif};
use crate::geometry::Volume;
use crate::nn::NnError;
use crate::nn::perceptual::Backbone;
use crate::units::Hu;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use thiserror::Error;

/// Lung Dice is given at these thresholds, HU: the range of the literature (spec 8).
pub const DICE_THRESHOLDS_HU: [f32; 3] = [-320.0, -400.0, -500.0];

/// Why two volumes cannot be compared. Messages read "cause; what to do".
#[derive(Debug, Error, Clone, PartialEq)]
pub enum MetricsError {
    /// Voxel by voxel needs equal grids.
    #[error(
        "the grids differ: {0:?} against {1:?} voxels; compare volumes on one grid, or `biplane convert` them onto one"
    )]
    Dims([usize; 3], [usize; 3]),
    /// The volumes stand apart.
    #[error(
        "the reconstruction and the truth have no place in common: their centres are {apart_mm:.0} mm apart; give the truth of this patient in the frame the films were taken in, or reconstruct with --truth"
    )]
    Apart {
        /// Between the centres of both grids, mm.
        apart_mm: f64,
    },
    /// The truth is padding alone.
    #[error("the truth holds no scan data, nothing is above -1024 HU; give the CT itself")]
    NoData,
}

/// Lung overlap and volumes at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LungDice {
    /// The threshold, HU.
    pub threshold_hu: f32,
    /// Dice of both lungs together.
    pub dice: f64,
    /// Lungs of the reconstruction (right, left), ml.
    pub recon_ml: [f64; 2],
    /// Lungs of the truth (right, left), ml.
    pub truth_ml: [f64; 2],
}

/// Everything about one reconstruction. `None` where a number is not defined for such volumes; an infinite PSNR
/// (equal volumes) is `null` in JSON, where no such number exists. HU are whole numbers: nothing here is NaN.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// MAE over the volume, HU.
    pub mae_hu: Option<f64>,
    /// MAE over the axial slices that hold scan data, HU.
    pub mae_scanned_hu: Option<f64>,
    /// MAE inside the truth's body, HU.
    pub mae_body_hu: Option<f64>,
    /// PSNR, peak 2500, dB.
    pub psnr_db: Option<f64>,
    /// PSNR over the axial slices that hold scan data, dB.
    pub psnr_scanned_db: Option<f64>,
    /// PSNR inside the truth's body, peak 2500, dB.
    pub psnr_body_db: Option<f64>,
    /// PSNR, peak 4095, dB.
    pub psnr_4095_db: Option<f64>,
    /// Mean PSNR over slices, peak 4095, dB.
    pub psnr_slices_db: Option<f64>,
    /// SSIM, 3D Gaussian.
    pub ssim: Option<f64>,
    /// SSIM, 3D Gaussian, of the axial slices that hold scan data alone.
    pub ssim_scanned: Option<f64>,
    /// Mean of the 3D Gaussian SSIM map over the truth's body.
    pub ssim_body: Option<f64>,
    /// SSIM, 7^3 uniform.
    pub ssim_uniform: Option<f64>,
    /// SSIM, mean over slices.
    pub ssim_slices: Option<f64>,
    /// PSNR as X2CT-GAN's code has it, dB.
    pub psnr_x2ct_db: Option<f64>,
    /// SSIM as X2CT-GAN's code has it.
    pub ssim_x2ct: Option<f64>,
    /// Fine detail and bone.
    #[serde(flatten)]
    pub detail: Detail,
    /// VIF as sewar has it, mean of the axial slices that hold scan data and are not constant in the truth.
    pub vif: Option<f64>,
    /// Axial slices that hold scan data but are constant in the truth.
    pub vif_slices_left_out: usize,
    /// VIF as piq has it, mean of all axial slices.
    pub vif_piq: Option<f64>,
    /// LPIPS over AlexNet, once [`Comparison::with_lpips`] has added it and the network is installed.
    pub lpips_alex: Option<f64>,
    /// LPIPS over VGG16, likewise.
    pub lpips_vgg: Option<f64>,
    /// Lung overlap at each of [`DICE_THRESHOLDS_HU`].
    pub lung: Vec<LungDice>,
    /// First and last axial slice of the truth that hold scan data.
    pub scanned_slices: Option<(usize, usize)>,
}

/// Compares a reconstruction with its truth, voxel by voxel; needs no weights. Where the truth's voxel axes do not run
/// to left, back and head, both volumes are put in that order first, so that axial slices are axial.
///
/// # Errors
/// [`MetricsError::Dims`] where the grids differ in size.
pub fn compare(recon: &Volume, truth: &Volume) -> Result<Comparison, MetricsError> {
    let [recon, truth] = both_axial(recon, truth)?;
    let (a, b, dims) = (recon.hu(), truth.hu(), truth.frame().dims());
    let scanned_slices = truth.data_slices();
    let slices = scanned_slices.unwrap_or((0, dims[2] - 1));
    let scanned_dims = [dims[0], dims[1], slices.1 + 1 - slices.0];
    let plane = dims[0] * dims[1];
    let scanned = slices.0 * plane..(slices.1 + 1) * plane;
    let (scanned_a, scanned_b) = (&a[scanned.clone()], &b[scanned]);
    let (recon_body, true_body) = (body(&recon), body(&truth));
    let in_body = body_numbers(&recon, &truth, &true_body.mask);
    let lung = DICE_THRESHOLDS_HU.map(|threshold_hu| {
        let of = |volume, body| lung_mask_in(volume, body, Hu(threshold_hu));
        lung_dice(threshold_hu, &of(&recon, &recon_body), &of(&truth, &true_body))
    });
    let vif = vif::vif_by_slices(a, b, dims);
    let vif_scanned = vif.as_ref().and_then(|all| all.get(slices.0..=slices.1)).unwrap_or_default();
    let ssim = ssim::ssim(a, b, dims);
    Ok(Comparison {
        mae_hu: mae::mae(a, b),
        mae_scanned_hu: mae::mae(scanned_a, scanned_b),
        mae_body_hu: in_body.mae_hu,
        psnr_db: psnr::psnr(a, b, psnr::PEAK_HU),
        psnr_scanned_db: psnr::psnr(scanned_a, scanned_b, psnr::PEAK_HU),
        psnr_body_db: in_body.psnr_db,
        psnr_4095_db: psnr::psnr(a, b, psnr::PEAK_X2CT),
        psnr_slices_db: psnr::psnr_by_slices(a, b, dims, psnr::PEAK_X2CT, slices),
        ssim,
        ssim_scanned: if scanned_dims == dims { ssim } else { ssim::ssim(scanned_a, scanned_b, scanned_dims) },
        ssim_body: in_body.ssim,
        ssim_uniform: ssim::ssim_uniform(a, b, dims),
        ssim_slices: ssim::ssim_by_slices(a, b, dims, slices),
        psnr_x2ct_db: psnr::psnr_x2ct(a, b, dims),
        ssim_x2ct: ssim::ssim_x2ct(a, b, dims),
        detail: detail(&recon, &truth),
        vif: vif::mean(vif_scanned),
        vif_slices_left_out: vif_scanned.iter().filter(|vif| vif.is_none()).count(),
        vif_piq: vif.as_ref().and_then(|all| vif::mean_piq(all)),
        lung: lung.to_vec(),
        scanned_slices,
        ..Comparison::default()
    })
}

impl Comparison {
    /// The same with LPIPS over whichever networks are installed.
    ///
    /// # Errors
    /// libtorch's.
    pub fn with_lpips(self, recon: &Volume, truth: &Volume, lpips: &LpipsSet) -> Result<Self, NnError> {
        let Ok([recon, truth]) = both_axial(recon, truth) else { return Ok(self) };
        let slices = truth.data_slices().unwrap_or((0, truth.frame().dims()[2] - 1));
        let over = |backbone| lpips.over(backbone).map(|one| one.of_slices(&recon, &truth, slices)).transpose();
        let (alex, vgg) = (over(Backbone::AlexNet)?.flatten(), over(Backbone::Vgg16)?.flatten());
        Ok(Self { lpips_alex: alex, lpips_vgg: vgg, ..self })
    }

    /// LPIPS over one network, where it is known.
    pub fn lpips(&self, backbone: Backbone) -> Option<f64> {
        match backbone {
            Backbone::Vgg16 => self.lpips_vgg,
            Backbone::AlexNet => self.lpips_alex,
        }
    }
}

/// Both volumes in the order of axes that makes the truth's z planes axial. Almost every volume is so already.
fn both_axial<'a>(recon: &'a Volume, truth: &'a Volume) -> Result<[Cow<'a, Volume>; 2], MetricsError> {
    let (recon_dims, dims) = (recon.frame().dims(), truth.frame().dims());
    if recon_dims != dims {
        return Err(MetricsError::Dims(recon_dims, dims));
    }
    let order = axis_order(truth.frame());
    if order.is_identity() {
        return Ok([Cow::Borrowed(recon), Cow::Borrowed(truth)]);
    }
    // Voxel by voxel, so the reconstruction takes the truth's grid as it is; a valid grid stays one in another order.
    let Ok(frame) = order.frame(truth.frame()) else { return Ok([Cow::Borrowed(recon), Cow::Borrowed(truth)]) };
    let turned = |volume: &'a Volume| {
        let turned = Volume::new(frame.clone(), order.values(dims, volume.hu().to_vec()));
        turned.map_or(Cow::Borrowed(volume), Cow::Owned)
    };
    Ok([turned(recon), turned(truth)])
}

fn lung_dice(threshold_hu: f32, recon: &LungMask, truth: &LungMask) -> LungDice {
    LungDice {
        threshold_hu,
        dice: dice::dice(&recon.labels, &truth.labels),
        recon_ml: [recon.right_ml, recon.left_ml],
        truth_ml: [truth.right_ml, truth.left_ml],
    }
}
