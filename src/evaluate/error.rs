//! What can go wrong while methods are evaluated.

use crate::atlas::AtlasError;
use crate::metrics::MetricsError;
use crate::nn::NnError;
use crate::projection::{AttenuationError, SirtError};
use crate::train::TrainError;
use std::path::PathBuf;
use thiserror::Error;

/// An error of the evaluation room.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// A case, report or model that cannot be used.
    #[error("{path}: {cause}")]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// Why, and what to do.
        cause: String,
    },
    /// Something that does not fit together.
    #[error("{0}")]
    Input(String),
    /// The networks' room.
    #[error(transparent)]
    Network(#[from] NnError),
    /// Atlases that cannot be used.
    #[error(transparent)]
    Atlas(#[from] AtlasError),
    /// Data sets and floors.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Volumes that cannot be compared.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// A volume that cannot be projected.
    #[error(transparent)]
    Projection(#[from] AttenuationError),
    /// Films that give no volume without networks.
    #[error(transparent)]
    Sirt(SirtError),
    /// A result that cannot be written.
    #[error("{path}: cannot be written ({cause}); free some space or choose another folder")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// Stopped as asked.
    #[error("cancelled")]
    Cancelled,
}

impl From<SirtError> for EvaluateError {
    fn from(error: SirtError) -> Self {
        if error == SirtError::Cancelled { Self::Cancelled } else { Self::Sirt(error) }
    }
}
