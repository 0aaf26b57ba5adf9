//! What the preparation tells its observers. Knows none of them.

use super::manifest::SkippedEntry;
use crate::train::{Control, TrainError};
use serde::Serialize;

/// Who is told; called on the thread that called the preparation.
pub type Observer<'a> = dyn FnMut(&PrepareEvent) -> Control + 'a;

/// Tells, and passes a wish to stop on.
///
/// # Errors
/// [`TrainError::Stopped`].
pub(super) fn tell(observer: &mut Observer, event: &PrepareEvent) -> Result<(), TrainError> {
    match observer(event) {
        Control::Continue | Control::Save => Ok(()),
        Control::Stop => Err(TrainError::Stopped),
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum PrepareEvent {
    /// The source is being looked through.
    Looking {
        /// Folders done.
        done: usize,
        /// Folders in all.
        of: usize,
    },
    /// The work begins.
    Started {
        /// Scans of this part.
        scans: usize,
        /// Of these, those done by an earlier call.
        done: usize,
        /// What was left out at first sight.
        skipped: Vec<SkippedEntry>,
    },
    /// A scan became a cube.
    Made {
        /// The case.
        name: String,
        /// Seconds it took.
        seconds: f64,
    },
    /// A scan was left out.
    Skipped(SkippedEntry),
    /// A case is being registered to the template.
    Registering {
        /// The case.
        name: String,
    },
    /// A cube was compared with the manifest.
    Checked {
        /// Cubes done.
        done: usize,
        /// Cubes in all.
        of: usize,
    },
}

/// What a preparation ended with.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Cubes made by this call.
    pub made: usize,
    /// Cubes made by earlier calls.
    pub kept: usize,
    /// What was not taken.
    pub skipped: Vec<SkippedEntry>,
    /// The manifest's figures; absent after a part, which writes none.
    pub dataset: Option<DatasetSummary>,
}

/// What a manifest holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DatasetSummary {
    /// Cases in all.
    pub cases: usize,
    /// Patients learnt from.
    pub training_patients: usize,
    /// Patients checked with.
    pub validation_patients: usize,
    /// SHA-256 of the manifest.
    pub manifest_sha256: String,
}
