//! Measures of fine detail and bone: what MAE and PSNR of the whole volume do not see, since a smooth volume without a rib
//! does well by them.
//!
//! r = 1 + HU/1000, clipped to [0, 2.5]; detail is r less its Gaussian mean. Standard deviations are given in mm, so that
//! the same structures count on every grid. All are taken over the voxels of the truth's body and skin.

use super::dice::dice;
use super::mae::mae_inside;
use super::smooth::smooth;
use super::sums::Sums;
use crate::geometry::Volume;
use serde::{Deserialize, Serialize};

/// r is clipped to [0, this].
const MOST_R: f32 = 2.5;
/// Standard deviation of the mean that is taken off: 3 voxels of 2.8 mm.
const DETAIL_SIGMA_MM: f64 = 8.4;
/// Denser than this is body before smoothing.
const BODY_R: f32 = 0.5;
/// Standard deviation of the smoothed body, 2 voxels of 2.8 mm, and where it is cut: half a voxel to two beyond the skin.
const BODY_SIGMA_MM: f64 = 5.6;
const BODY_CUT: f32 = 0.3;
/// Denser than this is bone: 200 HU.
const BONE_R: f32 = 1.2;
/// Less dense than this, inside the body, is lung for the correlation of its detail.
const LUNG_R: f32 = 0.6;
/// Voxels count as near bone where bone, smoothed like the detail, is above this share.
const NEAR_BONE: f32 = 0.05;

/// What all of these measures are taken over.
const BODY: &str = "body with skin: r > 0.5, Gaussian sigma 5.6 mm, > 0.3, in the truth; r = 1 + HU/1000 in [0, 2.5]";
/// What is correlated.
const DETAIL: &str = "r - Gaussian(r, sigma 8.4 mm)";

/// The measures; `None` where the truth has no such voxels, or does not vary there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// MAE over the body with its skin, HU.
    pub mae_body_skin_hu: Option<f64>,
    /// MAE over the truth's bone, HU.
    pub mae_bone_hu: Option<f64>,
    /// Pearson's correlation of the detail of both volumes in the body.
    pub detail_correlation: Option<f64>,
    /// The same in the lungs.
    pub lung_detail: Option<f64>,
    /// Regression slope of the reconstruction's detail on the truth's near bone: 1 where bone stands out as it should.
    pub bone_contrast: Option<f64>,
    /// Dice of what is above 200 HU.
    pub bone_dice: Option<f64>,
}

impl Detail {
    /// From values by the keys of [`DEFINITIONS`].
    pub fn from_keys(value: impl Fn(&str) -> Option<f64>) -> Self {
        Self {
            mae_body_skin_hu: value("mae_body_skin_hu"),
            mae_bone_hu: value("mae_bone_hu"),
            detail_correlation: value("detail_correlation"),
            lung_detail: value("lung_detail"),
            bone_contrast: value("bone_contrast"),
            bone_dice: value("bone_dice"),
        }
    }

    /// The mean of each measure over the volumes that have it.
    pub fn mean_of(all: &[Self]) -> Self {
        Self::from_keys(|key| {
            let measure = DEFINITIONS.iter().find(|measure| measure.key == key)?;
            let values: Vec<f64> = all.iter().filter_map(measure.value).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        })
    }

    /// All measures that there are in one line: "MAE, bone 397.8 HU; bone contrast 0.197".
    pub fn text(&self) -> String {
        let told = DEFINITIONS.iter().filter_map(|measure| {
            let (value, name) = ((measure.value)(self)?, measure.name);
            Some(if measure.in_hu { format!("{name} {value:.1} HU") } else { format!("{name} {value:.3}") })
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// A measure with its name and definition, as tables print it.
pub struct Definition {
    /// Its key in JSON: the field of [`Detail`].
    pub key: &'static str,
    /// Its name in tables.
    pub name: &'static str,
    /// Whether it is an error in HU; a share otherwise.
    pub in_hu: bool,
    /// What exactly it is, without the words on the body.
    pub what: &'static str,
    /// Its value.
    pub value: fn(&Detail) -> Option<f64>,
}

impl Definition {
    /// What exactly it is.
    pub fn text(&self) -> String {
        let what = self.what.replace("DETAIL", DETAIL);
        format!("{what}; {BODY}")
    }
}

/// Every measure, in the order in which they are printed.
pub const DEFINITIONS: [Definition; 6] = [
    Definition {
        key: "mae_body_skin_hu",
        name: "MAE, body with skin",
        in_hu: true,
        what: "mean |recon - truth| over the body with skin",
        value: |d| d.mae_body_skin_hu,
    },
    Definition {
        key: "mae_bone_hu",
        name: "MAE, bone",
        in_hu: true,
        what: "mean |recon - truth| where the truth is above 200 HU in the body with skin",
        value: |d| d.mae_bone_hu,
    },
    Definition {
        key: "detail_correlation",
        name: "Detail",
        in_hu: false,
        what: "Pearson correlation of DETAIL of both volumes over the body with skin",
        value: |d| d.detail_correlation,
    },
    Definition {
        key: "lung_detail",
        name: "Lung detail",
        in_hu: false,
        what: "Pearson correlation of DETAIL of both volumes where the truth has r < 0.6 in the body with skin",
        value: |d| d.lung_detail,
    },
    Definition {
        key: "bone_contrast",
        name: "Bone contrast",
        in_hu: false,
        what: "regression slope of the reconstruction's DETAIL on the truth's where Gaussian(truth's bone, sigma 8.4 mm) \
            > 0.05, bone being r > 1.2 in the body with skin; 1 is right, less is too faint",
        value: |d| d.bone_contrast,
    },
    Definition {
        key: "bone_dice",
        name: "Bone Dice at 200",
        in_hu: false,
        what: "Dice of the truth's r > 1.2 in the body with skin and the reconstruction's r > 1.2",
        value: |d| d.bone_dice,
    },
];

/// Compares two volumes on one grid; nothing is defined where they differ in size.
pub fn detail(recon: &Volume, truth: &Volume) -> Detail {
    let dims = truth.frame().dims();
    if recon.frame().dims() != dims {
        return Detail::default();
    }
    let sigma = |mm: f64| truth.frame().spacing_mm().map(|spacing| mm / spacing);
    let sigma_detail = sigma(DETAIL_SIGMA_MM);
    let (r, t) = (clipped(recon), clipped(truth));
    let dense: Vec<f32> = t.iter().map(|&t| f32::from(u8::from(t > BODY_R))).collect();
    let body: Vec<u8> =
        smooth(&dense, dims, sigma(BODY_SIGMA_MM)).iter().map(|&share| u8::from(share > BODY_CUT)).collect();
    let bone: Vec<u8> = t.iter().zip(&body).map(|(&t, &body)| u8::from(t > BONE_R) & body).collect();
    let near_bone = smooth(&bone.iter().map(|&b| f32::from(b)).collect::<Vec<_>>(), dims, sigma_detail);
    let [dr, dt] = [&r, &t].map(|v| {
        let mean = smooth(v, dims, sigma_detail);
        v.iter().zip(mean).map(|(v, mean)| v - mean).collect::<Vec<f32>>()
    });
    let [mut in_body, mut in_lung, mut at_bone] = [Sums::default(); 3];
    for i in 0..t.len() {
        if near_bone[i] > NEAR_BONE {
            at_bone = at_bone.with(dr[i], dt[i]);
        }
        if body[i] != 0 {
            in_body = in_body.with(dr[i], dt[i]);
            if t[i] < LUNG_R {
                in_lung = in_lung.with(dr[i], dt[i]);
            }
        }
    }
    let found: Vec<u8> = r.iter().map(|&r| u8::from(r > BONE_R)).collect();
    Detail {
        mae_body_skin_hu: mae_inside(recon.hu(), truth.hu(), &body),
        mae_bone_hu: mae_inside(recon.hu(), truth.hu(), &bone),
        detail_correlation: in_body.correlation(),
        lung_detail: in_lung.correlation(),
        bone_contrast: at_bone.slope(),
        bone_dice: Some(dice(&found, &bone)),
    }
}

fn clipped(volume: &Volume) -> Vec<f32> {
    volume.hu().iter().map(|&hu| (1.0 + f32::from(hu) / 1000.0).clamp(0.0, MOST_R)).collect()
}
