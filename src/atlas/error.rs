//! What can be wrong with a set of atlases. Messages read "cause; what to do" and follow the file they are about.

use std::path::PathBuf;
use thiserror::Error;

/// An error of the atlases' room.
#[derive(Debug, Error)]
pub enum AtlasError {
    /// A set or one of its files cannot be used.
    #[error("{path}: {cause}")]
    Set {
        /// The file or folder.
        path: PathBuf,
        /// Why, and what to do.
        cause: String,
    },
    /// A CT that cannot become an atlas.
    #[error("{path}: {cause}")]
    Ct {
        /// The CT.
        path: PathBuf,
        /// Why, and what to do.
        cause: String,
    },
    /// A file cannot be written.
    #[error("{path} cannot be written: {cause}; check the folder's permissions and its free space")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// Stopped as asked.
    #[error("cancelled")]
    Cancelled,
}
