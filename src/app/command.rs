//! Every change the person can make, as a value. Panels send these; `apply.rs` is the one place that obeys them.

use super::compare::command::CompareCommand;
use super::film::{Change, Slot};
use super::jobs::Lane;
use super::rebind::KeyChange;
use super::settings::Workspace;
use super::state::{Dialog, ExportForm, Purpose};
use super::train::command::TrainCommand;
use super::viewport::{Scheme, ViewCommand};
use crate::geometry::Preset;
use std::path::PathBuf;

/// A wish of the person at the screen.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens files of any kind: films go to their places, a volume to the planes, a session restores all.
    Open(Vec<PathBuf>),
    /// Opens a film in this place, whatever its header says about its view.
    OpenFilm(Slot, PathBuf),
    /// Opens a file although its header says that it shows no chest.
    OpenAnyway(Lane, PathBuf, Option<Slot>),
    /// Asks for a path: by the system's dialog, and by the path field where the system has none.
    Ask(Purpose),
    /// A path was given for what was asked.
    Given(Purpose, PathBuf),
    /// Opens the films of the bundled case.
    OpenBundled,
    /// Takes the volume off the screen.
    CloseVolume,
    /// Exchanges the two films; each keeps its settings.
    SwapFilms,
    /// Takes the film out of this place.
    CloseFilm(Slot),
    /// Changes a film's settings.
    Film(Slot, Change),
    /// Takes this machine's geometry where the films say nothing.
    SetPreset(Preset),
    /// Chooses a model by its place in the list; beyond the end asks for a model folder.
    SetModel(usize),
    /// Chooses a device by its place in the list.
    SetDevice(usize),
    /// Lets atlases lend anatomy to the next reconstruction, or not.
    SetGuide(bool),
    /// Exchanges the networks' volume and the one guided by atlases.
    SwitchGuidance,
    /// Starts the reconstruction.
    Reconstruct,
    /// Stops the reconstruction; the button answers at once.
    Cancel,
    /// Estimates how far off each voxel of the reconstruction on screen may be.
    EstimateErrors,
    /// Stops that.
    StopEstimate,
    /// Writes what is on screen in this form.
    Export(ExportForm),
    /// Chooses the form exports take.
    SetExportForm(ExportForm),
    /// Changes how the volume is looked at.
    View(ViewCommand),
    /// Chooses what the mouse does.
    SetScheme(Scheme),
    /// Changes what keys and mouse do.
    Keys(KeyChange),
    /// Saves the session under its name, or asks for one.
    SaveSession,
    /// Shows or hides patient names.
    ShowNames(bool),
    /// Shows both films large in place of the volume, or the volume again.
    ShowFilms(bool),
    /// Opens a dialog over the window, or closes the one that is open.
    Show(Option<Dialog>),
    /// The line typed in the path dialog.
    TypePath(String),
    /// Takes a message off the screen.
    Dismiss(u64),
    /// Full screen on or off.
    FullScreen,
    /// Goes to a workspace.
    GoTo(Workspace),
    /// A wish in the workspace Compare.
    Compare(CompareCommand),
    /// A wish in the workspace Train.
    Train(TrainCommand),
}

/// Where panels put commands; they are obeyed after the frame is drawn.
#[derive(Default)]
pub struct Outbox(Vec<Command>);

impl Outbox {
    /// Sends a command.
    pub fn send(&mut self, command: Command) {
        self.0.push(command);
    }

    /// All commands sent so far, in order.
    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}
