//! What a training run tells its observers. Knows none of them.

use super::plan::Stage;
use std::path::PathBuf;

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The run begins: cases to learn from and cases to check with.
    Started {
        /// Names of the training cases.
        training: Vec<String>,
        /// Names of the validation cases.
        validation: Vec<String>,
    },
    /// A phase begins.
    PhaseStarted {
        /// Its number, from 0.
        phase: usize,
        /// Which network.
        stage: Stage,
        /// Voxels along the cube's side.
        side: usize,
    },
    /// An optimiser step was done.
    Step(Step),
    /// The validation cases were reconstructed with the averaged weights.
    Validated(Validation),
    /// The model was written.
    Saved(PathBuf),
    /// Every phase is done.
    Finished,
}

/// One optimiser step.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Phase, from 0.
    pub phase: usize,
    /// Step within the phase, from 1.
    pub step: u64,
    /// Share of the phase that is done, 0 to 1.
    pub share: f64,
    /// The loss.
    pub loss: f64,
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
    /// Their mean.
    pub mean_mae_hu: f64,
}
