//! Why a registration cannot be done. Messages read "cause; what to do".

use thiserror::Error;

/// Why a map cannot be fitted.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum RegistrationError {
    /// The volume is not the networks' cube.
    #[error("the volume has {0:?} voxels and is not the 128^3 cube of 2.8 mm; make cubes with `biplane prepare`")]
    NotTheCube([usize; 3]),
    /// A film without two values that differ inside the collimated field.
    #[error("film {0} shows nothing inside its field; check the file and its polarity")]
    EmptyFilm(usize),
    /// Nothing to register to.
    #[error("there is neither a film nor a volume to register to; give one")]
    NoTarget,
    /// A level that is no level.
    #[error("a level has another side than a divisor of 128, or less than 2 nodes; give such")]
    Levels,
    /// A chest without lungs.
    #[error("no lungs were found in one of the volumes; give chest CTs that hold both lungs")]
    NoLungs,
    /// Space folds over itself.
    #[error(
        "the map folds: its Jacobian falls to {least:.2}; the CT does not fit these films, take another or stiffen the map"
    )]
    Folds {
        /// The least determinant.
        least: f64,
    },
    /// Values that are no numbers came up.
    #[error("the fit diverged; check that both CT and films show a chest")]
    Diverged,
    /// Stopped as asked.
    #[error("cancelled")]
    Cancelled,
}
