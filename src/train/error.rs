//! What can go wrong while training.

use crate::nn::NnError;
use std::path::PathBuf;
use thiserror::Error;

/// An error of the training room.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A plan that cannot be followed.
    #[error("the training plan: {0}")]
    Plan(String),
    /// Patients that cannot be split as wanted.
    #[error("the split: {0}")]
    Split(String),
    /// A case or folder that cannot be used.
    #[error("{path}: {cause}")]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The networks' room.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The loss is no longer a number.
    #[error("the loss of step {step} is not a number; lower the learning rate (the last good checkpoint is kept)")]
    NotFinite {
        /// The step.
        step: u64,
    },
    /// The run's folder cannot be written.
    #[error("{path}: cannot be written ({cause}); free some space or choose another folder")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A checkpoint that cannot be gone on from.
    #[error("{path}: {cause}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The observer asked to stop.
    #[error("stopped")]
    Stopped,
}

impl From<tch::TchError> for TrainError {
    fn from(error: tch::TchError) -> Self {
        Self::Network(error.into())
    }
}
