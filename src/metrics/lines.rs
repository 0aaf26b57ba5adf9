//! How the numbers of a comparison are said: each with its unit and its definition, because published numbers of this
//! field do not compare (spec 8). Computes nothing.

use super::comparison::{Comparison, LungDice};
use super::{body, detail, lpips, lung, mae, psnr, ssim, vif};
use crate::nn::perceptual::Backbone;
use serde::{Deserialize, Serialize};

/// One number with its name, unit and definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Its name in tables.
    pub name: String,
    /// The number, rounded for display, or what stands in its place.
    pub value: String,
    /// What exactly it is.
    pub definition: String,
}

/// What stands in the place of a number that is not defined.
const TOO_SMALL: &str = "not defined (too small)";
const NO_BODY: &str = "not defined (no body)";
const NO_SUCH_VOXELS: &str = "not defined (the truth has no such voxels, or they are all alike)";
const NO_DETAIL: &str = "not defined (too small, or constant)";

impl Comparison {
    /// Every number as it is printed, primary ones first.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = vec![
            hu("MAE", self.mae_hu, mae::DEFINITION),
            db("PSNR", self.psnr_db, psnr::DEFINITION),
            plain("SSIM", self.ssim, ssim::DEFINITION),
            Line { definition: self.of_scanned(vif::DEFINITION, true), ..plain("VIF", self.vif, "").or(NO_DETAIL) },
        ];
        lines.extend(Backbone::BY_RANK.into_iter().filter_map(|backbone| self.lpips_line(backbone)));
        lines.extend(self.detail_lines());
        lines.extend(self.body_lines());
        lines.extend(self.scanned_lines());
        lines.extend([
            db("PSNR, peak 4095", self.psnr_4095_db, psnr::DEFINITION_4095),
            db("PSNR, by slices", self.psnr_slices_db, psnr::DEFINITION_SLICES),
            plain("SSIM, uniform", self.ssim_uniform, ssim::DEFINITION_UNIFORM),
            plain("SSIM, by slices", self.ssim_slices, ssim::DEFINITION_SLICES),
            db("PSNR, X2CT-GAN", self.psnr_x2ct_db, psnr::DEFINITION_X2CT),
            plain("SSIM, X2CT-GAN", self.ssim_x2ct, ssim::DEFINITION_X2CT),
            plain("VIF, piq", self.vif_piq, vif::DEFINITION_PIQ),
        ]);
        lines.extend(self.lung.iter().map(LungDice::line));
        lines
    }

    /// LPIPS over a network, headed by its name, where it is known.
    fn lpips_line(&self, backbone: Backbone) -> Option<Line> {
        let value = self.lpips(backbone)?;
        let definition = self.of_scanned(&lpips::definition(backbone), false);
        Some(Line { definition, ..plain(&format!("LPIPS-{}", backbone.title()), Some(value), "") })
    }

    /// Fine detail and bone.
    fn detail_lines(&self) -> impl Iterator<Item = Line> {
        detail::DEFINITIONS.iter().map(|measure| {
            let value = (measure.value)(&self.detail);
            let show = if measure.in_hu { hu } else { plain };
            show(measure.name, value, &measure.text()).or(NO_SUCH_VOXELS)
        })
    }

    /// Inside the truth's body.
    fn body_lines(&self) -> [Line; 3] {
        let reason = if self.mae_body_hu.is_some() { TOO_SMALL } else { NO_BODY };
        let within = |line: Line| {
            Line { definition: format!("{}; truth's body: {}", line.definition, body::DEFINITION), ..line }.or(reason)
        };
        let map = format!("{}; {}", ssim::DEFINITION, ssim::DEFINITION_INSIDE);
        [
            within(hu("MAE, body", self.mae_body_hu, mae::DEFINITION)),
            within(db("PSNR, body", self.psnr_body_db, psnr::DEFINITION_VOXELS)),
            within(plain("SSIM, body", self.ssim_body, &map)),
        ]
    }

    /// Without the slices that the scan did not reach.
    fn scanned_lines(&self) -> [Line; 3] {
        let within = |line: Line| Line { definition: self.of_scanned(&line.definition, false), ..line };
        [
            within(hu("MAE, scanned slices", self.mae_scanned_hu, mae::DEFINITION)),
            within(db("PSNR, scanned slices", self.psnr_scanned_db, psnr::DEFINITION_VOXELS)),
            within(plain("SSIM, scanned slices", self.ssim_scanned, ssim::DEFINITION)),
        ]
    }

    /// A definition with the slices it is about, and how many of them were left out where `counted`.
    fn of_scanned(&self, definition: &str, counted: bool) -> String {
        let slices = match self.scanned_slices {
            Some((first, last)) => format!("axial slices {first} to {last}, which hold scan data"),
            None => "all axial slices (none holds scan data)".to_owned(),
        };
        let left_out = if counted { format!(", {} of them left out", self.vif_slices_left_out) } else { String::new() };
        format!("{definition}; {slices}{left_out}")
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

impl Line {
    /// The same with the reason why there is no number, if there is none.
    fn or(self, reason: &str) -> Self {
        if self.value == TOO_SMALL { Self { value: reason.to_owned(), ..self } } else { self }
    }
}

fn hu(name: &str, value: Option<f64>, definition: &str) -> Line {
    line(name, value.map(|v| format!("{v:.2} HU")), definition)
}

fn db(name: &str, value: Option<f64>, definition: &str) -> Line {
    let text = |v: f64| if v.is_infinite() { "infinite (equal)".to_owned() } else { format!("{v:.3} dB") };
    line(name, value.map(text), definition)
}

fn plain(name: &str, value: Option<f64>, definition: &str) -> Line {
    line(name, value.map(|v| format!("{v:.4}")), definition)
}

fn line(name: &str, value: Option<String>, definition: &str) -> Line {
    let value = value.unwrap_or_else(|| TOO_SMALL.to_owned());
    Line { name: name.to_owned(), value, definition: definition.to_owned() }
}
