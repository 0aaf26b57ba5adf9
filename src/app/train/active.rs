//! The run that trains in this window, as panels see it. Knows no thread: events of the trainer are taken in by
//! `follow`.

use crate::train::TrainPlan;
use crate::train::plan::Stage;
use std::path::PathBuf;

/// The run that trains in this window.
#[derive(Clone, Debug)]
pub struct Active {
    /// Its folder.
    pub folder: PathBuf,
    /// Its plan, once known.
    pub plan: Option<TrainPlan>,
    /// What is being done.
    pub doing: Doing,
    /// What was asked for.
    pub wish: Wish,
    /// A checkpoint was asked for and is not written yet.
    pub saving: bool,
    /// Where it computes, in words.
    pub device: String,
    /// Cases to learn from and to check with.
    pub cases: [usize; 2],
    /// The phase, from 0.
    pub phase: usize,
    /// Which network, and voxels along the side.
    pub kind: Option<(Stage, usize)>,
    /// Steps of the phase.
    pub steps: u64,
    /// Steps done in it.
    pub step: u64,
    /// Epoch within it, from 1.
    pub epoch: u64,
    /// Share of it that is done.
    pub share: f64,
    /// Smoothed seconds a step, and of them waiting for data.
    pub step_secs: Option<(f64, f64)>,
    /// Smoothed share of the phase that a step is.
    pub step_share: f64,
    /// Learning rate.
    pub lr: f64,
    /// Whether a best model was written.
    pub has_best: bool,
    /// Whether a checkpoint was written since the run was started here.
    pub checkpoint: Option<(usize, u64)>,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Reading cases or a checkpoint.
    Opening,
    /// Making networks and the first samples of a phase.
    Preparing,
    /// Steps.
    Learning,
    /// Held after a step.
    Held,
}

/// What was asked of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// To go on.
    #[default]
    GoOn,
    /// To be held after the present step.
    Pause,
    /// To write a checkpoint and end.
    Stop,
}

impl Active {
    /// A run that was just started.
    pub fn new(folder: PathBuf, plan: Option<TrainPlan>) -> Self {
        Self {
            folder,
            plan,
            doing: Doing::Opening,
            wish: Wish::GoOn,
            saving: false,
            device: String::new(),
            cases: [0; 2],
            phase: 0,
            kind: None,
            steps: 0,
            step: 0,
            epoch: 0,
            share: 0.0,
            step_secs: None,
            step_share: 0.0,
            lr: 0.0,
            has_best: false,
            checkpoint: None,
        }
    }

    /// In a word or two.
    pub fn words(&self) -> &'static str {
        match (self.wish, self.doing) {
            (Wish::Stop, _) => "Stopping",
            (_, Doing::Held) => "Paused",
            (Wish::Pause, _) => "Pausing",
            (_, Doing::Opening) => "Opening the data",
            (_, Doing::Preparing) => "Preparing",
            (_, Doing::Learning) => "Training",
        }
    }

    /// Seconds until the phase ends, at the present pace.
    pub fn rest_secs(&self) -> Option<f64> {
        let (secs, _) = self.step_secs?;
        (self.step_share > 0.0).then(|| (1.0 - self.share).max(0.0) / self.step_share * secs)
    }

    /// Epochs done over all phases.
    pub fn epochs_done(&self) -> f64 {
        let phases = self.plan.iter().flat_map(|p| &p.phase);
        let before: u64 = phases.clone().take(self.phase).map(|p| p.epochs).sum();
        let now = phases.clone().nth(self.phase).map_or(0.0, |p| self.share * p.epochs as f64);
        before as f64 + now
    }
}
