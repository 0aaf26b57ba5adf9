//! What a training run shall do, as its TOML file says it. Knows no tensor.

use super::TrainError;
use crate::nn::model::DataSource;
use crate::nn::refine::RefineInput;
use crate::projection::BackProjection;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A whole run: data, networks, and the phases of its schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainPlan {
    /// Where the cases are.
    pub data: DataPlan,
    /// The networks' shape.
    pub network: NetworkPlan,
    /// Phases, run one after another.
    pub phase: Vec<Phase>,
    /// Seed of weights, order and augmentation.
    pub seed: u64,
    /// A model folder whose weights the networks start from; fresh ones where absent.
    #[serde(default)]
    pub start_from: Option<PathBuf>,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataPlan {
    /// Folder of CT volumes, each already the 128^3 cube of 2.8 mm.
    pub folder: PathBuf,
    /// File names (without endings) kept for validation.
    pub validation: Vec<String>,
    /// File names (without endings) never opened.
    pub excluded: Vec<String>,
    /// Share of samples that are synthetic thoraxes, 0 to 1.
    pub synthetic_share: f64,
    /// Share of samples whose films are made to look like radiographs of a chest room, 0 to 1.
    pub radiograph_share: f64,
}

/// The networks' shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlan {
    /// Channels of the coarse network's first level.
    pub coarse_width: i64,
    /// Channels of the refining network's first level.
    pub refine_width: i64,
    /// How the films enter the coarse network.
    pub input: BackProjection,
    /// What the refining network sees.
    pub refine: RefineInput,
}

/// Which network a phase trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The coarse network, mean squared error.
    Coarse,
    /// The refining network, mean absolute error; the coarse network is frozen.
    Refine,
}

/// One phase: a stage at one resolution with one cosine of the learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Which network.
    pub stage: Stage,
    /// Voxels along the cube's side: 64 or 128.
    pub side: usize,
    /// Optimiser steps.
    pub steps: u64,
    /// Wall time at which the phase ends even with steps left, its schedule compressed to fit.
    pub minutes: Option<f64>,
    /// Learning rate at the start.
    pub lr_high: f64,
    /// Learning rate at the end.
    pub lr_low: f64,
    /// Steps between two validations.
    pub validate_every: u64,
}

impl TrainPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`TrainError::Plan`] for an unknown key, a missing one, or a value that cannot be.
    pub fn from_toml(text: &str) -> Result<Self, TrainError> {
        let plan: Self = toml::from_str(text).map_err(|e| TrainError::Plan(e.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// The plan as TOML.
    ///
    /// # Errors
    /// Where a path is no text.
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string_pretty(self).map_err(|e| TrainError::Plan(e.to_string()))
    }

    fn check(&self) -> Result<(), TrainError> {
        let fault = |text: String| Err(TrainError::Plan(text));
        if self.phase.is_empty() {
            return fault("has no [[phase]]".into());
        }
        for width in [self.network.coarse_width, self.network.refine_width] {
            if !(1..=256).contains(&width) {
                return fault(format!("a width of {width}; 1 to 256 is possible, 64 is the paper's"));
            }
        }
        for share in [self.data.synthetic_share, self.data.radiograph_share] {
            if !(0.0..=1.0).contains(&share) {
                return fault(format!("a share of {share}; 0 to 1 is possible"));
            }
        }
        for phase in &self.phase {
            if !matches!(phase.side, 32 | 64 | 128) {
                return fault(format!("a side of {} voxels; 32, 64 or 128 is possible", phase.side));
            }
            if !(phase.lr_high >= phase.lr_low && phase.lr_low > 0.0) || phase.steps == 0 || phase.validate_every == 0 {
                return fault("every phase needs steps, validate_every and lr_high >= lr_low > 0".into());
            }
        }
        Ok(())
    }
}

impl Phase {
    /// Learning rate at a share (0 to 1) of the phase: lo + (hi - lo)(1 + cos(pi t)) / 2.
    pub fn learning_rate(&self, share: f64) -> f64 {
        let cosine = (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos()) / 2.0;
        self.lr_low + (self.lr_high - self.lr_low) * cosine
    }
}
