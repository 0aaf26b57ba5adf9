//! All numbers about a reconstruction against its truth, and how they are said. Knows no files.

use super::body::body;
use super::lung::{LungMask, lung_mask_in};
use super::{body as body_room, dice, lung, mae, psnr, ssim};
use crate::geometry::Volume;
use crate::units::Hu;
use serde::Serialize;
use thiserror::Error;

/// Lung Dice is given at these thresholds, HU: the range of the literature (spec 8).
pub const DICE_THRESHOLDS_HU: [f32; 3] = [-320.0, -400.0, -500.0];

/// Why two volumes cannot be compared.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum MetricsError {
    /// Voxel by voxel needs equal grids.
    #[error("the grids differ: {0:?} against {1:?} voxels")]
    Dims([usize; 3], [usize; 3]),
}

/// Lung overlap and volumes at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
/// (equal volumes) is `None` in JSON, where no such number exists.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// PSNR, peak 4095, dB.
    pub psnr_4095_db: Option<f64>,
    /// Mean PSNR over slices, peak 4095, dB.
    pub psnr_slices_db: Option<f64>,
    /// SSIM, 3D Gaussian.
    pub ssim: Option<f64>,
    /// SSIM, 7^3 uniform.
    pub ssim_uniform: Option<f64>,
    /// SSIM, mean over slices.
    pub ssim_slices: Option<f64>,
    /// Lung overlap at each of [`DICE_THRESHOLDS_HU`].
    pub lung: Vec<LungDice>,
    /// First and last axial slice of the truth that hold scan data.
    pub scanned_slices: Option<(usize, usize)>,
}

/// Compares a reconstruction with its truth, voxel by voxel.
///
/// # Errors
/// [`MetricsError::Dims`] where the grids differ in size.
pub fn compare(recon: &Volume, truth: &Volume) -> Result<Comparison, MetricsError> {
    let dims = truth.frame().dims();
    if recon.frame().dims() != dims {
        return Err(MetricsError::Dims(recon.frame().dims(), dims));
    }
    let (a, b) = (recon.hu(), truth.hu());
    let scanned_slices = truth.data_slices();
    let slices = scanned_slices.unwrap_or((0, dims[2] - 1));
    let plane = dims[0] * dims[1];
    let scanned = slices.0 * plane..(slices.1 + 1) * plane;
    let (scanned_a, scanned_b) = (&a[scanned.clone()], &b[scanned]);
    let true_body = body(truth);
    let recon_body = body(recon);
    let lung = DICE_THRESHOLDS_HU.map(|threshold_hu| {
        let of = |volume, body| lung_mask_in(volume, body, Hu(threshold_hu));
        lung_dice(threshold_hu, &of(recon, &recon_body), &of(truth, &true_body))
    });
    Ok(Comparison {
        mae_hu: mae::mae(a, b),
        mae_scanned_hu: mae::mae(scanned_a, scanned_b),
        mae_body_hu: mae::mae_inside(a, b, &true_body.mask.to_bytes()),
        psnr_db: psnr::psnr(a, b, psnr::PEAK_HU),
        psnr_scanned_db: psnr::psnr(scanned_a, scanned_b, psnr::PEAK_HU),
        psnr_4095_db: psnr::psnr(a, b, psnr::PEAK_X2CT),
        psnr_slices_db: psnr::psnr_by_slices(a, b, dims, psnr::PEAK_X2CT, slices),
        ssim: ssim::ssim(a, b, dims),
        ssim_uniform: ssim::ssim_uniform(a, b, dims),
        ssim_slices: ssim::ssim_by_slices(a, b, dims, slices),
        lung: lung.to_vec(),
        scanned_slices,
    })
}

fn lung_dice(threshold_hu: f32, recon: &LungMask, truth: &LungMask) -> LungDice {
    LungDice {
        threshold_hu,
        dice: dice::dice(&recon.labels, &truth.labels),
        recon_ml: [recon.right_ml, recon.left_ml],
        truth_ml: [truth.right_ml, truth.left_ml],
    }
}

/// One number with its name, unit and definition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its name in tables.
    pub name: String,
    /// The number, rounded for display, or what stands in its place.
    pub value: String,
    /// What exactly it is.
    pub definition: String,
}

impl Comparison {
    /// Every number as it is printed, primary ones first.
    pub fn lines(&self) -> Vec<Line> {
        let slices = match self.scanned_slices {
            Some((first, last)) => format!("axial slices {first} to {last}, which hold scan data"),
            None => "all axial slices (none holds scan data)".to_owned(),
        };
        let within = |definition: &str| format!("{definition}; {slices}");
        let mut lines = vec![
            line("MAE", self.mae_hu, "HU", 2, mae::DEFINITION.to_owned()),
            line("PSNR", self.psnr_db, "dB", 3, psnr::DEFINITION.to_owned()),
            line("SSIM", self.ssim, "", 4, ssim::DEFINITION.to_owned()),
            line(
                "MAE, body",
                self.mae_body_hu,
                "HU",
                2,
                format!("{}; truth's body: {}", mae::DEFINITION, body_room::DEFINITION),
            ),
            line("MAE, scanned slices", self.mae_scanned_hu, "HU", 2, within(mae::DEFINITION)),
            line("PSNR, scanned slices", self.psnr_scanned_db, "dB", 3, within(psnr::DEFINITION)),
            line("PSNR, peak 4095", self.psnr_4095_db, "dB", 3, psnr::DEFINITION_4095.to_owned()),
            line("PSNR, by slices", self.psnr_slices_db, "dB", 3, psnr::DEFINITION_SLICES.to_owned()),
            line("SSIM, uniform", self.ssim_uniform, "", 4, ssim::DEFINITION_UNIFORM.to_owned()),
            line("SSIM, by slices", self.ssim_slices, "", 4, ssim::DEFINITION_SLICES.to_owned()),
        ];
        lines.extend(self.lung.iter().map(LungDice::line));
        lines
    }
}

impl LungDice {
    /// As it is printed: Dice and the volumes of both.
    fn line(&self) -> Line {
        let [recon, truth] = [self.recon_ml, self.truth_ml];
        Line {
            name: format!("Lung Dice at {:.0}", self.threshold_hu),
            value: format!("{:.4}", self.dice),
            definition: format!(
                "right + left {:.0} + {:.0} ml against {:.0} + {:.0} ml; lungs: {}, T = {:.0} HU",
                recon[0],
                recon[1],
                truth[0],
                truth[1],
                lung::DEFINITION,
                self.threshold_hu
            ),
        }
    }
}

fn line(name: &str, value: Option<f64>, unit: &str, digits: usize, definition: String) -> Line {
    let value = match value {
        Some(v) if v.is_infinite() => "infinite (equal)".to_owned(),
        Some(v) => format!("{v:.digits$} {unit}").trim_end().to_owned(),
        None => "not defined (too small)".to_owned(),
    };
    Line { name: name.to_owned(), value, definition }
}
