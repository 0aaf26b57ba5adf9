//! A phase of a plan made ready: what learns in it, from which samples, in how many steps. Knows no file.

use super::augment::Variation;
use super::cases::Cases;
use super::learner::Learn;
use super::loader::Stream;
use super::networks::Networks;
use super::plan::{Phase, Stage};
use super::stage1::Stage1;
use super::stage2::{Stage2, Stage2Plan};
use super::x2ct::X2ctStage;
use super::{TrainError, TrainPlan};
use crate::nn::unet::UNet;
use crate::nn::{Method, Precision};
use std::sync::Arc;
use std::time::Duration;
use tch::Device;

/// What learns in a phase, and a refining network that waits while the coarse one learns.
pub(super) fn begin_phase(
    plan: &TrainPlan,
    phase: &Phase,
    mut networks: Networks,
    precision: Precision,
    device: Device,
) -> Result<(Box<dyn Learn>, Option<UNet>), TrainError> {
    match phase.stage {
        Stage::Coarse if plan.network.method == Method::X2ctGan => {
            let learner = X2ctStage::new(networks.coarse, &plan.steps, precision, device)?;
            Ok((Box::new(learner), networks.refine))
        }
        Stage::Coarse => {
            let learner =
                Stage1::new(networks.coarse, networks.coarse_moments, &plan.steps, plan.losses.coarse, precision)?;
            Ok((Box::new(learner), networks.refine))
        }
        Stage::Refine => {
            let refiner = networks.take_refiner(&plan.network, device)?;
            let learner = Stage2::new(networks.coarse, refiner, Stage2Plan::of(plan, precision), device)?;
            Ok((Box::new(learner), None))
        }
    }
}

/// The samples of a phase. Epochs count on over phases, so that no phase sees what another saw.
pub(super) fn stream(plan: &TrainPlan, index: usize, cases: &Arc<Cases>, cores: usize) -> Stream {
    let phase = &plan.phase[index];
    Stream {
        cases: cases.clone(),
        variation: Variation {
            radiograph_share: plan.data.radiograph_share,
            mirror_share: plan.data.mirror_share,
            input: plan.network.films(phase.stage),
            body: phase.stage == Stage::Refine && plan.losses.anatomy > 0.0,
        },
        side: phase.side,
        seed: plan.seed,
        first_epoch: plan.phase.iter().take(index).map(|p| p.epochs).sum(),
        cores,
    }
}

/// How a phase's steps lie over its epochs and minutes.
pub(super) struct Pace {
    /// Steps in all.
    pub steps: u64,
    /// Volumes of a step.
    pub accumulate: u64,
    per_epoch: u64,
    validate_every: u64,
    minutes: Option<f64>,
}

impl Pace {
    pub fn new(phase: &Phase, per_epoch: u64, accumulate: u64) -> Self {
        let steps = (phase.epochs * per_epoch).div_ceil(accumulate);
        Self { steps, accumulate, per_epoch, validate_every: phase.validate_every, minutes: phase.minutes }
    }

    /// Share of the phase before a step, by steps or by minutes, whichever is further.
    pub fn share(&self, step: u64, elapsed: Duration) -> f64 {
        let by_time = self.minutes.map_or(0.0, |m| elapsed.as_secs_f64() / (60.0 * m));
        ((step - 1) as f64 / self.steps as f64).max(by_time)
    }

    /// The epoch, from 1, in which a step begins.
    pub fn epoch(&self, step: u64) -> u64 {
        (step - 1) * self.accumulate / self.per_epoch + 1
    }

    /// Whether an epoch after which is validated ends with this step.
    pub fn validates(&self, step: u64) -> bool {
        let every = self.validate_every * self.per_epoch;
        step * self.accumulate / every > (step - 1) * self.accumulate / every
    }
}
