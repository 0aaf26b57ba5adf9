//! What a training run shall do, as its TOML file says it. Knows no tensor.

use super::TrainError;
use super::augment::FilmInput;
use super::perceptual::{PerceptualPlan, WeightsSource};
use crate::nn::Method;
use crate::nn::coarse::CoarseConfig;
use crate::nn::model::DataSource;
use crate::nn::refine::RefineInput;
use crate::projection::BackProjection;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

pub use super::loss_plan::{CoarseLossPlan, ContrastPlan, LossPlan};

/// A whole run: data, networks, losses, and the phases of its schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainPlan {
    /// Seed of weights, order and augmentation.
    pub seed: u64,
    /// A model folder whose weights the networks start from; fresh ones where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_from: Option<PathBuf>,
    /// Where the cases are.
    pub data: DataPlan,
    /// The networks' shape.
    pub network: NetworkPlan,
    /// How steps are taken.
    #[serde(default)]
    pub steps: StepPlan,
    /// What stage 2 strives for.
    #[serde(default)]
    pub losses: LossPlan,
    /// What the perceptual loss looks with.
    #[serde(default)]
    pub perceptual: PerceptualPlan,
    /// Phases, run one after another.
    pub phase: Vec<Phase>,
    /// What the finished model's card says besides what the run itself tells.
    #[serde(default)]
    pub card: CardPlan,
}

/// The parts of a model card that a run cannot know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardPlan {
    /// The name on screen.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Licence of the weights.
    pub licence: String,
    /// How it was learnt, in words.
    #[serde(default)]
    pub training: Vec<String>,
    /// The collections behind the cases.
    #[serde(default)]
    pub data: Vec<DataSource>,
}

/// Which cases are learnt from and which are only looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// Folder of CT volumes, each already the 128^3 cube of 2.8 mm; absent where only synthetic thoraxes are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// File names (without endings) kept for validation.
    #[serde(default)]
    pub validation: Vec<String>,
    /// File names (without endings) never opened.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// Synthetic thoraxes in each epoch, new ones every time.
    #[serde(default)]
    pub synthetic_cases: usize,
    /// Synthetic thoraxes among the validation cases, always the same.
    #[serde(default)]
    pub synthetic_validation: usize,
    /// Share of samples that are bent part of the way towards another case's shape, 0 to 1; the data set's folder `fields`
    /// holds the maps (`biplane prepare --register`).
    #[serde(default)]
    pub between_share: f64,
    /// Share of samples that are mirrored left to right, body, heart and films alike, 0 to 1.
    #[serde(default)]
    pub mirror_share: f64,
    /// Share of samples whose films are made to look like radiographs of a chest room, 0 to 1.
    #[serde(default)]
    pub radiograph_share: f64,
}

/// The networks' shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlan {
    /// Whose networks; ours where absent.
    #[serde(default)]
    pub method: Method,
    /// Channels of the coarse network's first level.
    pub coarse_width: i64,
    /// Channels of the refining network's first level; the contrast network's too.
    pub refine_width: i64,
    /// How the films enter the coarse network.
    pub input: BackProjection,
    /// Whether the packed network sees the films once more before its head.
    #[serde(default)]
    pub late_input: bool,
    /// What the refining network sees.
    pub refine: RefineInput,
}

impl NetworkPlan {
    /// Shape of the network that makes the volume.
    pub fn coarse(&self) -> CoarseConfig {
        CoarseConfig {
            method: self.method,
            base_width: self.coarse_width,
            input: self.input,
            late_input: self.late_input,
        }
    }

    /// What of the films the networks see in a stage.
    pub fn films(&self, stage: Stage) -> FilmInput {
        FilmInput { coarse: self.input, bands: self.refine.films && stage == Stage::Refine }
    }
}

/// How steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepPlan {
    /// Volumes whose gradients are added up before the optimiser steps.
    pub accumulate: u64,
    /// Axial slices of each volume in a step of stage 2.
    pub slices: usize,
    /// Decay of the running average of the weights, which validates and is kept.
    pub average_decay: f64,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Whether the coarse network keeps its levels only and computes the rest again on the way back: more time, a
    /// fraction of the memory (gradient checkpointing).
    pub recompute: bool,
}

impl Default for StepPlan {
    fn default() -> Self {
        Self { accumulate: 1, slices: 16, average_decay: 0.997, checkpoint_every: 100, recompute: false }
    }
}

/// Which network a phase trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Stage 1: the coarse network, mean squared error.
    Coarse,
    /// Stage 2: the refining network; the coarse network is frozen.
    Refine,
}

/// One phase: a stage at one resolution with one cosine of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Which network.
    pub stage: Stage,
    /// Voxels along the cube's side: 32, 64 or 128.
    pub side: usize,
    /// Visits to every case.
    pub epochs: u64,
    /// Minutes after which the phase ends even with epochs left, its schedule compressed to fit. A run with such a
    /// limit cannot be repeated to the bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// Learning rate at the start.
    pub lr_high: f64,
    /// Learning rate at the end.
    pub lr_low: f64,
    /// Steps over which the rate rises to the cosine at the start, so that fresh moments do not throw good weights away.
    #[serde(default)]
    pub warm_up: u64,
    /// Epochs between two validations.
    pub validate_every: u64,
    /// Validations without a better (smoothed) score after which the phase ends early; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
}

/// The least cube of the packed network: its deepest level is then 2^3 voxels, and a norm needs more than one.
const LEAST_PACKED_SIDE: usize = 64;

impl TrainPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`TrainError::Plan`] for an unknown key, a missing one, or a value that cannot be.
    pub fn from_toml(text: &str) -> Result<Self, TrainError> {
        let plan = Self::parse(text)?;
        plan.check()?;
        Ok(plan)
    }

    /// Reads a plan that may still lack something, as its data.
    ///
    /// # Errors
    /// [`TrainError::Plan`] for an unknown key or one of a wrong type.
    pub fn parse(text: &str) -> Result<Self, TrainError> {
        toml::from_str(text).map_err(|e| TrainError::Plan(e.to_string()))
    }

    /// The plan as TOML.
    ///
    /// # Errors
    /// Where a path is no text.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string_pretty(self).map_err(|e| TrainError::Plan(e.to_string()))
    }

    /// Only the phases of one stage.
    pub fn only(mut self, stage: Stage) -> Self {
        self.phase.retain(|p| p.stage == stage);
        self
    }

    /// The same plan for another method: films, samples, steps and rates stay. Where a method has no refining network, the
    /// steps of stage 2 are further steps of its one network, so that budgets are equal.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Self {
        self.network.method = method;
        if method.needs_both_films() {
            (self.network.input, self.network.late_input) = (BackProjection::PerView, false);
        }
        if !method.refines() {
            self.phase.iter_mut().for_each(|phase| phase.stage = Stage::Coarse);
        }
        self
    }

    /// Whether the plan can be followed.
    ///
    /// # Errors
    /// [`TrainError::Plan`] naming the value that cannot be.
    pub fn check(&self) -> Result<(), TrainError> {
        let checks = [self.check_network(), self.check_data(), self.check_losses()];
        let phases = self.phase.iter().enumerate().map(|(k, phase)| phase.check(k + 1));
        let fault = checks.into_iter().chain(phases).find_map(Result::err);
        let fault = fault.or_else(|| self.phase.is_empty().then(|| "has no [[phase]]".to_owned()));
        fault.map_or(Ok(()), |cause| Err(TrainError::Plan(cause)))
    }

    fn check_network(&self) -> Result<(), String> {
        for (name, width) in [("coarse_width", self.network.coarse_width), ("refine_width", self.network.refine_width)]
        {
            if !(1..=256).contains(&width) {
                return Err(format!("network.{name} is a width of {width}; 1 to 256 is possible, 64 is the paper's"));
            }
        }
        let method = self.network.method;
        if method.needs_both_films() && self.network.input != BackProjection::PerView {
            return Err(format!("network.method = \"{method}\" looks at both films apart; set input = \"per_view\""));
        }
        if self.network.late_input && self.network.input != BackProjection::Packed {
            return Err("network.late_input = true is for the packed network; set input = \"packed\"".into());
        }
        let packed = self.network.input == BackProjection::Packed;
        if packed && self.phase.iter().any(|p| p.side < LEAST_PACKED_SIDE) {
            return Err(format!(
                "network.input = \"packed\" halves the side; make every phase's at least {LEAST_PACKED_SIDE}"
            ));
        }
        if !method.refines() && self.phase.iter().any(|p| p.stage == Stage::Refine) {
            return Err(format!("network.method = \"{method}\" has one network; make every phase stage = \"coarse\""));
        }
        if !(0..=8).contains(&self.network.refine.neighbours) {
            return Err(format!("network.refine.neighbours = {}; 0 to 8 is possible", self.network.refine.neighbours));
        }
        let steps = &self.steps;
        if steps.accumulate == 0 || steps.slices == 0 || steps.checkpoint_every == 0 {
            return Err("steps.accumulate, steps.slices and steps.checkpoint_every must be at least 1".into());
        }
        if !(0.0..1.0).contains(&steps.average_decay) {
            return Err(format!("steps.average_decay = {}; from 0 to below 1 is possible", steps.average_decay));
        }
        Ok(())
    }

    fn check_data(&self) -> Result<(), String> {
        let data = &self.data;
        let shares = [
            ("radiograph_share", data.radiograph_share),
            ("mirror_share", data.mirror_share),
            ("between_share", data.between_share),
        ];
        if let Some((name, share)) = shares.iter().find(|(_, share)| !(0.0..=1.0).contains(share)) {
            return Err(format!("data.{name} is a share of {share}; 0 to 1 is possible"));
        }
        if data.between_share > 0.0 && data.folder.is_none() {
            return Err("data.between_share bends cases towards each other, and data has no folder of cases".into());
        }
        if data.folder.is_none() && data.synthetic_cases == 0 {
            return Err("data has neither a folder nor synthetic_cases: nothing to learn from".into());
        }
        match data.validation.iter().find(|name| data.excluded.contains(name)) {
            Some(both) => Err(format!("data names `{both}` for validation and as excluded")),
            None => Ok(()),
        }
    }

    fn check_losses(&self) -> Result<(), String> {
        let losses = &self.losses;
        let weights = [
            ("l1", losses.l1),
            ("l2", losses.l2),
            ("perceptual", losses.perceptual),
            ("adversarial", losses.adversarial),
            ("semantic", losses.semantic),
            ("anatomy", losses.anatomy),
        ];
        let coarse = [
            ("bone", losses.bone),
            ("coarse.bone", losses.coarse.bone),
            ("coarse.lung", losses.coarse.lung),
            ("coarse.detail", losses.coarse.detail),
        ];
        if let Some((name, weight)) = weights.iter().chain(&coarse).find(|(_, w)| !(*w >= 0.0 && w.is_finite())) {
            return Err(format!("losses.{name} = {weight}; 0 (off) or a positive weight is possible"));
        }
        if losses.perceptual > 0.0 {
            self.perceptual.check().map_err(|e| match e {
                TrainError::Plan(cause) => cause,
                other => other.to_string(),
            })?;
            if self.perceptual.weights == WeightsSource::RandomForTests && self.data.folder.is_some() {
                return Err(
                    "perceptual.weights = \"random-for-tests\" teaches nothing and is for synthetic thoraxes alone; \
                            install VGG16 with `biplane weights`, or set losses.perceptual = 0"
                        .into(),
                );
            }
        }
        if weights.iter().all(|(_, w)| *w == 0.0) && self.phase.iter().any(|p| p.stage == Stage::Refine) {
            return Err("all losses are 0, so stage 2 has nothing to learn".into());
        }
        let c = &losses.contrast;
        let odd = |n: i64| n > 0 && n % 2 == 1;
        if !odd(c.window) || !odd(c.core) || c.core >= c.window {
            return Err(format!("losses.contrast: window {} and core {} must be odd, core < window", c.window, c.core));
        }
        if !(1..=8).contains(&c.semantic_positives) || c.anatomy_positions == 0 || c.anatomy_negatives < 1 {
            return Err(
                "losses.contrast: semantic_positives is 1 to 8, anatomy_positions and _negatives at least 1".into()
            );
        }
        if !(c.temperature > 0.0) || !(0.0..=1.0).contains(&c.momentum) {
            return Err("losses.contrast: temperature must be above 0 and momentum within 0 to 1".into());
        }
        Ok(())
    }
}

impl Phase {
    /// Learning rate at a share (0 to 1) of the phase but for its warm-up: lo + (hi - lo)(1 + cos(pi t)) / 2.
    pub fn cosine(&self, share: f64) -> f64 {
        let cosine = (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos()) / 2.0;
        self.lr_low + (self.lr_high - self.lr_low) * cosine
    }

    /// Learning rate of a step (from 1) at a share of the phase: the cosine, in the warm-up a growing part of it.
    pub fn learning_rate(&self, step: u64, share: f64) -> f64 {
        let rise = self.warm_up.max(1);
        step.min(rise) as f64 / rise as f64 * self.cosine(share)
    }

    fn check(&self, number: usize) -> Result<(), String> {
        if !matches!(self.side, 32 | 64 | 128) {
            return Err(format!("phase {number} has a side of {} voxels; 32, 64 or 128 is possible", self.side));
        }
        if self.epochs == 0 || self.validate_every == 0 || self.patience == Some(0) {
            return Err(format!("phase {number}: epochs, validate_every and patience must be at least 1"));
        }
        if !(self.lr_high >= self.lr_low && self.lr_low > 0.0 && self.lr_high.is_finite()) {
            return Err(format!("phase {number} needs lr_high >= lr_low > 0"));
        }
        if self.minutes.is_some_and(|m| !(m > 0.0)) {
            return Err(format!("phase {number}: minutes must be above 0"));
        }
        Ok(())
    }
}
