//! What can go wrong with networks, weights and devices.

use std::path::PathBuf;
use thiserror::Error;

/// An error of the networks' room.
#[derive(Debug, Error)]
pub enum NnError {
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// libtorch refused; its message's first line.
    #[error("libtorch: {0}")]
    Torch(String),
    /// The device ran out of memory.
    #[error(
        "{device} ran out of memory; choose a smaller model, or in training a smaller width or steps.recompute = true"
    )]
    OutOfMemory {
        /// The device's name.
        device: String,
    },
    /// A device that is not there.
    #[error("device {0} is not available; choose auto or cpu, or set up CUDA with `make cuda`")]
    NoDevice(String),
    /// A file of a model cannot be read.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A weight is missing, left over, or of another shape or type.
    #[error("{path}: weight `{name}` {cause}")]
    Weight {
        /// The file.
        path: PathBuf,
        /// The weight's path name.
        name: String,
        /// What is off.
        cause: String,
    },
    /// The input does not suit the networks.
    #[error("{0}")]
    Input(String),
    /// Weights that others trained.
    #[error(transparent)]
    Weights(#[from] super::perceptual::WeightsError),
}

impl From<tch::TchError> for NnError {
    fn from(error: tch::TchError) -> Self {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or("unknown error");
        if first.contains("out of memory") || first.contains("not enough memory") {
            return Self::OutOfMemory { device: if first.contains("CUDA") { "CUDA".into() } else { "CPU".into() } };
        }
        Self::Torch(first.to_owned())
    }
}
