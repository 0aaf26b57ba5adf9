//! Which moment of a phase is kept: the one with the least score over the validation cases. The mean error of the whole
//! volume would keep the smoothest one, since most of it is air and soft tissue. Knows no schedule.

use super::TrainError;
use super::batch::Batch;
use super::learner::Learn;
use super::plan::Stage;
use crate::metrics::detail::detail;
use crate::metrics::{Detail, LpipsSet};
use crate::nn::perceptual::Backbone;
use tch::{Device, Tensor};

/// Weight of the error in bone beside that in the body.
const BONE: f64 = 0.25;
/// Weight of what bone stands out too little or too much.
const CONTRAST: f64 = 0.2;
/// A refined volume may be so much worse in the body than the coarse one, as a share of it; beyond, it is not kept.
const MOST_WORSE: f64 = 1.03;

/// Judges the moments of a phase.
#[derive(Default)]
pub(super) struct Selection {
    /// What LPIPS is measured with; nothing where AlexNet is not installed, and in stage 1.
    lpips: LpipsSet,
    /// The coarse volumes' own errors in the body, HU, case by case; they do not change in stage 2.
    before_hu: Vec<f64>,
}

/// What one validation case gave.
pub(super) struct Judged {
    /// Fine detail and bone.
    pub detail: Detail,
    /// LPIPS over the slices with scan data.
    lpips: Option<f64>,
}

impl Selection {
    /// For a phase of a stage.
    pub fn new(stage: Stage, device: Device) -> Self {
        let lpips = if stage == Stage::Refine { LpipsSet::of_user(device) } else { LpipsSet::default() };
        Self { lpips, before_hu: Vec::new() }
    }

    /// Measures a case's volume `[D, H, W]`; `index` is the case's place among the validation cases.
    ///
    /// # Errors
    /// libtorch's.
    pub fn look(
        &mut self,
        index: usize,
        volume: &Tensor,
        batch: &Batch,
        learner: &dyn Learn,
    ) -> Result<Judged, TrainError> {
        let [recon, truth] = batch.volumes(volume)?;
        if self.before_hu.len() == index
            && let Some(coarse) = learner.refines(batch)?
        {
            let [coarse, truth] = batch.volumes(&coarse)?;
            self.before_hu.push(detail(&coarse, &truth).mae_body_skin_hu.unwrap_or(f64::INFINITY));
        }
        let ends = batch.data_slices.first().zip(batch.data_slices.last());
        let lpips = match (self.lpips.over(Backbone::AlexNet), ends) {
            (Some(lpips), Some((first, last))) => lpips.of_slices(&recon, &truth, (*first as usize, *last as usize))?,
            _ => None,
        };
        Ok(Judged { detail: detail(&recon, &truth), lpips })
    }

    /// What a moment is chosen by, less is better. Stage 1: the error in the body and a quarter of that in bone, HU. Stage 2,
    /// which sharpens: LPIPS over AlexNet (where that is not installed, what is missing of the detail's correlation) and a
    /// fifth of what bone stands out too little or too much. `None` where the truth has no bone.
    pub fn score(&self, stage: Stage, cases: &[Judged]) -> Option<f64> {
        let details: Vec<Detail> = cases.iter().map(|case| case.detail).collect();
        let mean = Detail::mean_of(&details);
        let body = mean.mae_body_skin_hu?;
        if stage == Stage::Coarse {
            return Some(body + BONE * mean.mae_bone_hu?);
        }
        let lpips: Option<f64> = cases.iter().map(|case| case.lpips).sum();
        let likeness = match lpips {
            Some(sum) => sum / cases.len() as f64,
            None => 1.0 - mean.detail_correlation?,
        };
        Some(likeness + CONTRAST * (1.0 - mean.bone_contrast?).abs())
    }

    /// Whether a moment may be kept at all: a refined volume sharpens, and must not pay for it with more than 3 % of the
    /// coarse volume's error in the body.
    pub fn admits(&self, cases: &[Judged]) -> bool {
        let before = self.before_hu.iter().sum::<f64>() / self.before_hu.len().max(1) as f64;
        let details: Vec<Detail> = cases.iter().map(|case| case.detail).collect();
        let body = Detail::mean_of(&details).mae_body_skin_hu;
        self.before_hu.is_empty() || body.is_none_or(|body| body <= MOST_WORSE * before)
    }
}
