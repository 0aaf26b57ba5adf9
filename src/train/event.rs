//! What a training run tells its observers. Knows none of them.

use super::plan::Stage;
use super::preview::Preview;
use crate::metrics::Detail;
use std::path::PathBuf;
use std::sync::Arc;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins, or goes on from a checkpoint.
    Started(Started),
    /// A phase begins or goes on.
    PhaseStarted {
        /// Its number, from 0.
        phase: usize,
        /// Which network.
        stage: Stage,
        /// Voxels along the cube's side.
        side: usize,
        /// Steps in all.
        steps: u64,
        /// Steps an earlier start of this run has done.
        done: u64,
    },
    /// An optimiser step was done.
    Step(Step),
    /// The validation cases were reconstructed with the averaged weights.
    Validated(Validation),
    /// Something odd that does not end the run.
    Warning(String),
    /// A checkpoint was written.
    Checkpoint(PathBuf),
    /// A model was written.
    Saved(PathBuf),
    /// Every phase is done.
    Finished,
}

/// What a run begins with.
#[derive(Clone, Debug)]
pub struct Started {
    /// Names of the training cases.
    pub training: Vec<String>,
    /// Names of the validation cases.
    pub validation: Vec<String>,
    /// Where it computes.
    pub device: String,
    /// Whether it goes on from a checkpoint.
    pub resumed: bool,
}

/// A part of the loss, or a number kept beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Stage 1: mean squared error of relative attenuation.
    SquaredError,
    /// Stage 2: mean absolute error of relative attenuation.
    AbsoluteError,
    /// Difference of VGG16 features.
    Perceptual,
    /// The refiner's adversarial loss.
    Adversarial,
    /// Semantic contrastive loss.
    Semantic,
    /// Anatomical contrastive loss.
    Anatomy,
    /// What the anatomical loss is where the networks tell nothing apart: ln(1 + negatives).
    AnatomyChance,
    /// The discriminator's own loss.
    Discriminator,
    /// Deviation of the teacher's semantic features over positions.
    FeatureDeviation,
    /// X2CT-GAN: absolute difference of projections along the axes.
    Projection,
}

impl Term {
    /// All of them, in the order of the loss table.
    pub const ALL: [Self; 10] = [
        Self::SquaredError,
        Self::AbsoluteError,
        Self::Perceptual,
        Self::Adversarial,
        Self::Semantic,
        Self::Anatomy,
        Self::AnatomyChance,
        Self::Discriminator,
        Self::FeatureDeviation,
        Self::Projection,
    ];

    /// The column's name in the loss table.
    pub fn name(self) -> &'static str {
        match self {
            Self::SquaredError => "mse",
            Self::AbsoluteError => "l1",
            Self::Perceptual => "perceptual",
            Self::Adversarial => "adversarial",
            Self::Semantic => "semantic",
            Self::Anatomy => "anatomy",
            Self::AnatomyChance => "anatomy_chance",
            Self::Discriminator => "discriminator",
            Self::FeatureDeviation => "feature_deviation",
            Self::Projection => "projection",
        }
    }
}

/// One optimiser step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Phase, from 0.
    pub phase: usize,
    /// Epoch within the phase, from 1.
    pub epoch: u64,
    /// Step within the phase, from 1.
    pub step: u64,
    /// Share of the phase that is done, 0 to 1.
    pub share: f64,
    /// The weighted sum that the network descends.
    pub loss: f64,
    /// Its parts, unweighted, and what is kept beside them.
    pub terms: Vec<(Term, f64)>,
    /// Length of the gradient.
    pub gradient: f64,
    /// Learning rate.
    pub lr: f64,
    /// Seconds the step took, waiting for data included.
    pub seconds: f64,
    /// Seconds of it spent waiting for data.
    pub waited: f64,
}

/// Errors on the validation cases.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Phase, from 0.
    pub phase: usize,
    /// Step within the phase.
    pub step: u64,
    /// Mean absolute error of each case in HU clipped to [-1000, 1500], over the whole volume.
    pub mae_hu: Vec<(String, f64)>,
    /// Mean of the errors.
    pub mean_mae_hu: f64,
    /// Fine detail and bone of each case, in the order of the errors.
    pub detail: Vec<Detail>,
    /// The running mean, over the phase's validations, of what the best is chosen by: stage 1 the error in the body and a
    /// quarter of that in bone; stage 2 LPIPS (or what lacks in detail) and what lacks in bone contrast.
    pub smoothed_score: f64,
    /// Whether it is the least so far.
    pub best: bool,
    /// Pictures of the first case.
    pub preview: Option<Arc<Preview>>,
}
