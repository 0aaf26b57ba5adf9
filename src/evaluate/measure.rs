//! The numbers a report prints: their names, units, digits, which way is better, and their definitions. One place, so
//! that a table cannot print a number without saying what it is. Knows no case.

use crate::metrics::{Comparison, body, detail, lpips, lung, mae, psnr, ssim, vif};
use crate::nn::perceptual::Backbone;
use serde_json::Value;
use std::collections::BTreeMap;

/// Numbers of one comparison by key: `mae_hu`, `lung_400_dice`. A number that is not defined for these volumes, or is
/// infinite (the PSNR of equal volumes), has no entry.
pub type Scores = BTreeMap<String, f64>;

/// One number that is printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// Its key in [`Scores`].
    pub key: &'static str,
    /// Its name in tables.
    pub name: &'static str,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// Whether more is better.
    pub more_is_better: bool,
    /// Its place in the paper's Table 1, where it has one.
    pub in_paper: Option<usize>,
    /// What exactly it is.
    pub definition: String,
}

/// The paper's methods in its Table 1, each with its figures in the order of its columns.
pub const PAPER: [(&str, [f64; 6]); 4] = [
    ("2D CNN", [102.25, 23.77, 0.606, 1.092, 0.445, 0.749]),
    ("3D U-Net", [90.90, 24.48, 0.663, 0.887, 0.572, 0.646]),
    ("X2CT-GAN", [85.38, 25.29, 0.712, 0.813, 0.639, 0.788]),
    ("ours", [75.30, 25.53, 0.734, 0.595, 0.696, 0.875]),
];
/// The columns of the paper's Table 1, with its digits.
pub const PAPER_COLUMNS: [(&str, usize); 6] =
    [("MAE", 2), ("PSNR", 2), ("SSIM", 3), ("LPIPS", 3), ("VIF", 3), ("Dice", 3)];

/// What stands beside the paper's figures.
pub const PAPER_NOTICE: &str = "The paper's figures (Dong et al., Table 1) do not compare with those above: other \
    patients, and it states neither peak, window nor backbone. For one and the same output a peak of 4095 instead of \
    2500 alone is 4.29 dB, and the mean over slices instead of the whole volume another 4.4 dB.";

/// Slices that "scanned" and "by slices" speak of.
const SCANNED: &str = "over the axial slices of the truth that hold scan data";

/// Every number that is printed, primary ones (those of the paper's Table 1) first. LPIPS stands twice, over each network:
/// a table has one of them alone.
pub fn measures() -> Vec<Measure> {
    let mut all = primary();
    all.extend(detail::DEFINITIONS.iter().map(of_detail));
    all.extend(further());
    all
}

fn primary() -> Vec<Measure> {
    let placed = |measure: Measure, column: usize| Measure { in_paper: Some(column), ..measure };
    let distance = |key, name, backbone| {
        let definition = format!("{}, {SCANNED}", lpips::definition(backbone));
        placed(Measure { more_is_better: false, ..share(key, name, definition) }, 3)
    };
    vec![
        placed(error("mae_hu", "MAE", mae::DEFINITION.to_owned()), 0),
        placed(decibel("psnr_db", "PSNR", psnr::DEFINITION.to_owned()), 1),
        placed(share("ssim", "SSIM", ssim::DEFINITION.to_owned()), 2),
        distance("lpips_vgg", "LPIPS-VGG16", Backbone::Vgg16),
        distance("lpips_alex", "LPIPS-AlexNet", Backbone::AlexNet),
        placed(share("vif", "VIF", format!("{}; {SCANNED}", vif::DEFINITION)), 4),
        placed(share("lung_400_dice", "Dice", lungs("-400")), 5),
    ]
}

fn further() -> Vec<Measure> {
    let with = |definition: &str, more: &str| format!("{definition}; {more}");
    let in_body = |definition: &str| with(definition, &format!("truth's body: {}", body::DEFINITION));
    vec![
        error("mae_body_hu", "MAE, body", in_body(mae::DEFINITION)),
        error("mae_scanned_hu", "MAE, scanned slices", with(mae::DEFINITION, SCANNED)),
        decibel("psnr_body_db", "PSNR, body", in_body(psnr::DEFINITION_VOXELS)),
        decibel("psnr_scanned_db", "PSNR, scanned slices", with(psnr::DEFINITION_VOXELS, SCANNED)),
        decibel("psnr_4095_db", "PSNR, peak 4095", psnr::DEFINITION_4095.to_owned()),
        decibel("psnr_slices_db", "PSNR, by slices", with(psnr::DEFINITION_SLICES, SCANNED)),
        share("ssim_body", "SSIM, body", in_body(&with(ssim::DEFINITION, ssim::DEFINITION_INSIDE))),
        share("ssim_scanned", "SSIM, scanned slices", with(ssim::DEFINITION, SCANNED)),
        share("ssim_uniform", "SSIM, uniform", ssim::DEFINITION_UNIFORM.to_owned()),
        share("ssim_slices", "SSIM, by slices", with(ssim::DEFINITION_SLICES, SCANNED)),
        decibel("psnr_x2ct_db", "PSNR, X2CT-GAN", psnr::DEFINITION_X2CT.to_owned()),
        share("ssim_x2ct", "SSIM, X2CT-GAN", ssim::DEFINITION_X2CT.to_owned()),
        share("vif_piq", "VIF, piq", vif::DEFINITION_PIQ.to_owned()),
        share("lung_320_dice", "Dice at -320", lungs("-320")),
        share("lung_500_dice", "Dice at -500", lungs("-500")),
    ]
}

fn of_detail(measure: &detail::Definition) -> Measure {
    let kind = if measure.in_hu { error } else { share };
    kind(measure.key, measure.name, measure.text())
}

fn lungs(threshold_hu: &str) -> String {
    format!("Dice of the lungs of both volumes; lungs: {}, T = {threshold_hu} HU", lung::DEFINITION)
}

fn error(key: &'static str, name: &'static str, definition: String) -> Measure {
    Measure { key, name, unit: "HU", digits: 1, more_is_better: false, in_paper: None, definition }
}

fn decibel(key: &'static str, name: &'static str, definition: String) -> Measure {
    Measure { key, name, unit: "dB", digits: 2, more_is_better: true, in_paper: None, definition }
}

fn share(key: &'static str, name: &'static str, definition: String) -> Measure {
    Measure { key, name, unit: "", digits: 3, more_is_better: true, in_paper: None, definition }
}

impl Measure {
    /// "MAE, HU".
    pub fn title(&self) -> String {
        if self.unit.is_empty() { self.name.to_owned() } else { format!("{} {}", self.name, self.unit) }
    }

    /// A value as it is printed.
    pub fn show(&self, value: f64) -> String {
        format!("{value:.*}", self.digits)
    }

    /// Whether `a` is better than `b`.
    pub fn is_better(&self, a: f64, b: f64) -> bool {
        if self.more_is_better { a > b } else { a < b }
    }
}

/// Every number of a comparison by key: nested names joined, lungs by their threshold.
pub fn scores(comparison: &Comparison) -> Scores {
    let mut scores = Scores::new();
    // A comparison is made of numbers, lists and names: it always has a JSON form.
    if let Ok(value) = serde_json::to_value(comparison) {
        flatten("", &value, &mut scores);
    }
    scores
}

fn flatten(path: &str, value: &Value, scores: &mut Scores) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}_{name}") };
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_f64().filter(|v| v.is_finite()) {
                scores.insert(path.to_owned(), number);
            }
        }
        Value::Array(list) => {
            for (place, item) in list.iter().enumerate() {
                let threshold = item.get("threshold_hu").and_then(Value::as_f64);
                flatten(&below(&threshold.map_or(place.to_string(), |t| format!("{:.0}", t.abs()))), item, scores);
            }
        }
        Value::Object(fields) => fields.iter().for_each(|(name, item)| flatten(&below(name), item, scores)),
        _ => {}
    }
}
