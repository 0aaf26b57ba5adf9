//! What a person can do in the workspace Train, as values.

use super::lines::ChartOptions;
use super::state::{ModelChoice, Page};
use crate::nn::DeviceChoice;
use crate::train::{Preset, TrainPlan};
use std::path::PathBuf;

/// A wish of the person in the workspace Train.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainCommand {
    /// Begins a plan with a preset.
    TakePreset(Preset),
    /// The plan was edited.
    SetPlan(Box<TrainPlan>),
    /// The folder of the run to be.
    SetFolder(PathBuf),
    /// The device the next run computes on.
    SetDevice(DeviceChoice),
    /// Edits the plan of a run.
    TakePlanOf(PathBuf),
    /// Tries a step of each phase.
    Check,
    /// Ends the try.
    CancelCheck,
    /// Starts the plan as a new run.
    Start,
    /// Goes on with a run from its checkpoint.
    Resume(PathBuf),
    /// Holds the run after its present step.
    Pause,
    /// Lets the held run go on.
    GoOn,
    /// Writes a checkpoint.
    Save,
    /// Writes a checkpoint and ends the run; the button answers at once.
    Stop,
    /// Looks through the runs folder anew.
    Refresh,
    /// Shows a page.
    Show(Page),
    /// Looks at a run.
    Choose(PathBuf),
    /// Picks a run for comparison, or drops it.
    Pick(PathBuf),
    /// Puts the offer to resume aside.
    CloseOffer,
    /// Changes how charts are drawn.
    SetChart(ChartOptions),
    /// Looks at an earlier preview of a run; the newest where absent.
    ShowPreview(PathBuf, Option<usize>),
    /// Which model is taken.
    SetModel(ModelChoice),
    /// Takes a run's model into the workspace Reconstruct and goes there.
    UseModel(PathBuf),
    /// Shows a run's folder in the system's file manager.
    OpenFolder(PathBuf),
    /// Closes the window once the run has stopped with a checkpoint.
    StopAndClose,
    /// Keeps the window open.
    KeepOpen,
}

/// What a path is asked for in this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrainPurpose {
    /// The folder of the cases.
    Data,
    /// A model or run whose networks a run starts from.
    StartFrom,
    /// A plan to edit.
    OpenPlan,
    /// Where the plan is saved.
    SavePlan,
    /// The folder of the run to be.
    NewRun,
    /// A run folder to add to the list.
    OpenRun,
}

impl TrainPurpose {
    /// What is asked, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Data => "Choose the folder of the cases",
            Self::StartFrom => "Choose a model folder to start from",
            Self::OpenPlan => "Open a training plan",
            Self::SavePlan => "Save the training plan",
            Self::NewRun => "Choose a folder for the new run",
            Self::OpenRun => "Open a run folder",
        }
    }

    /// Whether a folder is asked for.
    pub fn is_folder(self) -> bool {
        !matches!(self, Self::OpenPlan | Self::SavePlan)
    }
}
