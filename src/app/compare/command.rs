//! What a person can do in the workspace Compare beside looking (which is `ViewCommand`s), as values.

use super::state::Evidence;
use std::path::PathBuf;

/// A wish of the person in the workspace Compare.
#[derive(Clone, Debug, PartialEq)]
pub enum CompareCommand {
    /// Reads a CT as ground truth.
    OpenTruth(PathBuf),
    /// Takes the CT from which the bundled films were made.
    OpenBundledTruth,
    /// Takes the truth away, or stops reading it.
    CloseTruth,
    /// Compares this result.
    Choose(u64),
    /// Keeps a result when another volume comes on screen, or lets it go.
    Keep(u64, bool),
    /// Runs every model of the list on the films, each a result.
    RunAll,
    /// Finds the shift and turn at which both agree best.
    Align,
    /// Stops the search.
    CancelAlign,
    /// The truth where it stands by itself.
    ResetPose,
    /// Writes numbers, volumes, curves and pictures into a folder that is asked for.
    Export,
    /// Opens a part of the evidence.
    Show(Evidence),
    /// Folds the evidence away, or shows it again.
    Fold(bool),
}

/// What a path is asked for in this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComparePurpose {
    /// A CT as ground truth.
    Truth,
    /// A folder that holds a DICOM series as ground truth.
    TruthSeries,
    /// A folder into which everything is written.
    Export,
}

impl ComparePurpose {
    /// What is asked, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Truth => "Open a CT as ground truth",
            Self::Export => "Choose a folder for the comparison",
            Self::TruthSeries => "Open a folder with a DICOM series as ground truth",
        }
    }

    /// Whether a folder is asked for.
    pub fn is_folder(self) -> bool {
        matches!(self, Self::TruthSeries | Self::Export)
    }
}
