//! What is drawn: snapshots that panels only read. Changes arrive as commands (see [`crate::app::command`]).

pub use super::purpose::{ExportForm, Purpose};

use super::command::Command;
use super::compare::state::CompareState;
use super::concerns::{self, Advice};
use super::film::{Film, Slot};
use super::jobs::Lane;
use super::rebind::Rebinding;
use super::settings::Workspace;
use super::setup::Setup;
use super::train::state::TrainState;
use super::viewport::{Bindings, Scene, Viewer};
use super::widgets::Tone;
use crate::geometry::{Frame, Volume};
use crate::io::{Progress, Sensitive, SourceInfo};
use crate::metrics::body::Body;
use crate::nn::guidance::Guided;
use crate::nn::{Job, Reconstruction};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Stages shorter than this are not listed, seconds.
const WORTH_TELLING_SECS: f64 = 0.1;
/// Messages kept on screen at once; older ones make room.
const MAX_NOTES: usize = 3;

/// Everything the panels draw from.
#[derive(Default)]
pub struct State {
    /// The workspace on screen.
    pub workspace: Workspace,
    /// The workspace Compare.
    pub compare: CompareState,
    /// The workspace Train.
    pub train: TrainState,
    /// The two films.
    pub films: [Place; 2],
    /// What a reconstruction would run with.
    pub setup: Setup,
    /// The reconstruction that runs, if one does.
    pub run: Option<Run>,
    /// The volume on screen.
    pub case: Option<Arc<Case>>,
    /// The reconstruction on screen with and without borrowed anatomy, where it has both.
    pub pair: Option<super::guided::GuidedPair>,
    /// The same volume as the panes take it, with its mask.
    pub scene: Option<Scene>,
    /// How it is looked at, with undo.
    pub viewer: Viewer,
    /// What hands do.
    pub bindings: Bindings,
    /// The binding that waits for its new gesture.
    pub rebinding: Option<Rebinding>,
    /// The form exports take.
    pub export_form: ExportForm,
    /// The session's file, once it has one.
    pub session_file: Option<PathBuf>,
    /// Files being read.
    pub loading: Vec<Loading>,
    /// The lungs in the volume on screen.
    pub mask: MaskState,
    /// How far off its voxels may be.
    pub estimate: Estimate,
    /// Export that runs, in words.
    pub exporting: Option<String>,
    /// Messages, oldest first.
    pub notes: Vec<Note>,
    /// The films are looked at although there is a volume.
    pub films_large: bool,
    /// Whether patient names are shown.
    pub names_shown: bool,
    /// The dialog over the window.
    pub dialog: Option<Dialog>,
    /// The line of the path dialog as typed so far.
    pub typed_path: String,
    /// Files opened before, newest first.
    pub recent: Vec<PathBuf>,
    /// The graphics card, in words.
    pub adapter: String,
    /// Why the graphics device is gone, once it is.
    pub device_lost: Option<String>,
    /// The number of the next message.
    pub next_note: u64,
}

/// A file being read.
pub struct Loading {
    /// The lane that reads it.
    pub lane: Lane,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub progress: Arc<Progress>,
}

/// A place for a film.
#[derive(Default)]
pub struct Place {
    /// The film, once loaded.
    pub film: Option<Arc<Film>>,
    /// The name of the file being read.
    pub loading: Option<String>,
    /// The hung, standardised, windowed picture, ready to draw.
    pub preview: Option<egui::TextureHandle>,
}

/// A reconstruction under way.
#[derive(Clone, Debug)]
pub struct Run {
    /// When it began.
    pub started: Instant,
    /// The stage, in words.
    pub stage: String,
    /// How much of all is done, in [0, 1]; `None` while unknown.
    pub fraction: Option<f32>,
    /// Cancel was pressed.
    pub cancelling: bool,
}

/// A volume on screen and where it comes from.
pub struct Case {
    /// Grows with every volume shown; results for an older one are stale.
    pub id: u64,
    /// The volume.
    pub volume: Arc<Volume>,
    /// Where it comes from.
    pub origin: Origin,
    /// The body in it, once the mask asked for it: it does not change with the mask's threshold.
    pub body: OnceLock<Body>,
    /// How far off each voxel may be, HU, once that was estimated.
    pub errors: OnceLock<Arc<Volume>>,
    /// What was lent to it, where anything was.
    pub guided: Option<Arc<Guided>>,
}

impl Case {
    /// A volume that comes on screen for the first time.
    pub fn new(volume: Arc<Volume>, origin: Origin, guided: Option<Arc<Guided>>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: NEXT.fetch_add(1, Relaxed), volume, origin, body: OnceLock::new(), errors: OnceLock::new(), guided }
    }
}

/// Where a volume comes from.
#[derive(Clone)]
pub enum Origin {
    /// Reconstructed here from two films.
    Films {
        /// Stage names and times, in order.
        stages: Vec<(String, Duration)>,
        /// The device it ran on, in words.
        device: String,
        /// The model's name.
        model: String,
        /// Which planted nodules the model shows, where its card says so.
        detectability: Option<String>,
        /// The films were made by a projector.
        simulated: bool,
        /// The frame of reference it stands in, where both films name it.
        frame_of_reference: Option<String>,
        /// The patient's number, where both films name the same.
        patient_id: Option<Sensitive>,
    },
    /// Read from a file or folder.
    File {
        /// What the file says.
        info: Box<SourceInfo>,
        /// What is odd about it.
        warnings: Vec<String>,
    },
}

impl Origin {
    /// Where a reconstruction comes from, with the stages that are worth telling.
    pub fn reconstructed(result: &Reconstruction, simulated: bool, frame_of_reference: Option<String>) -> Self {
        let s = result.seconds;
        let stages = [
            ("Model load", s.load),
            ("Back-projection", s.back_projection),
            ("Coarse network", s.coarse),
            ("Refining network", s.refine),
            ("Consistency", s.consistency),
            ("Atlases", s.guide),
        ];
        let stages = stages
            .into_iter()
            .filter(|(_, secs)| *secs >= WORTH_TELLING_SECS)
            .map(|(name, secs)| (name.to_owned(), Duration::from_secs_f64(secs.max(0.0))))
            .collect();
        let (device, model) = (result.device.clone(), result.model.clone());
        let detectability = result.detectability.clone();
        Self::Films { stages, device, model, detectability, simulated, frame_of_reference, patient_id: None }
    }
}

impl Case {
    /// A short name for titles and file names.
    pub fn title(&self) -> String {
        let (name, guided) = match &self.origin {
            Origin::Films { simulated: true, .. } => {
                ("Reconstruction from two simulated films".into(), self.guided.is_some())
            }
            Origin::Films { .. } => ("Reconstruction from two films".into(), self.guided.is_some()),
            Origin::File { info, .. } => {
                (info.path.file_name().map_or_else(|| "Volume".into(), |name| name.to_string_lossy()), info.guided)
            }
        };
        format!("{name}{}", if guided { ", anatomy guided by atlases" } else { "" })
    }
}

/// The lung mask beside its settings (which belong to the view).
#[derive(Default)]
pub struct MaskState {
    /// Volumes, once found.
    pub volumes: Option<LungVolumes>,
    /// Being computed.
    pub busy: bool,
    /// What it was last asked for: volume and threshold.
    pub asked: Option<(u64, f64)>,
}

/// What the expected errors of the volume on screen can be made from.
#[derive(Default)]
pub struct Estimate {
    /// The job it came from, where its model knows errors.
    pub job: Option<Arc<Job>>,
    /// Being computed.
    pub busy: bool,
}

/// Lung volumes, ml.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LungVolumes {
    /// The patient's right.
    pub right_ml: f64,
    /// The patient's left.
    pub left_ml: f64,
}

/// A message on screen.
#[derive(Clone, Debug)]
pub struct Note {
    /// To dismiss it by.
    pub id: u64,
    /// How much it matters.
    pub tone: Tone,
    /// What happened, in a few words.
    pub head: String,
    /// Which file, which cause, what to do.
    pub body: String,
    /// What can be done about it at once: a button's label and what it sends.
    pub offer: Option<(&'static str, Command)>,
}

/// What stands over the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Keys and mouse.
    Help,
    /// What this is, licences, attribution.
    About,
    /// Typing a path for this purpose.
    Path(Purpose),
}

impl State {
    /// The grid of the volume on screen in this workspace.
    pub fn frame_on_screen(&self) -> Option<&Frame> {
        let case = match self.workspace {
            Workspace::Compare => self.compare.entry().map(|e| &e.case),
            Workspace::Reconstruct | Workspace::Train => self.case.as_ref(),
        };
        case.map(|case| case.volume.frame())
    }

    /// The film in a place.
    pub fn film(&self, slot: Slot) -> Option<&Arc<Film>> {
        self.films[slot.index()].film.as_ref()
    }

    /// Both films, if both are there.
    pub fn pair(&self) -> Option<[&Arc<Film>; 2]> {
        Some([self.film(Slot::First)?, self.film(Slot::Second)?])
    }

    /// Puts a message on screen.
    pub fn note(&mut self, tone: Tone, head: impl Into<String>, body: impl Into<String>) {
        let (head, body) = (head.into(), body.into());
        self.notes.retain(|n| (&n.head, &n.body) != (&head, &body));
        self.notes.push(Note { id: self.next_note, tone, head, body, offer: None });
        self.next_note += 1;
        let surplus = self.notes.len().saturating_sub(MAX_NOTES);
        self.notes.drain(..surplus);
    }

    /// Puts a button on the last message.
    pub fn offer(&mut self, label: &'static str, command: Command) {
        if let Some(note) = self.notes.last_mut() {
            note.offer = Some((label, command));
        }
    }

    /// Whether the films shown were made by a projector.
    pub fn films_simulated(&self) -> bool {
        self.films.iter().flat_map(|p| &p.film).any(|f| f.radiograph.simulated)
    }

    /// What speaks against reconstructing now, in words; `None` where nothing does.
    pub fn obstacle(&self) -> Option<String> {
        let Some([first, second]) = self.pair() else {
            return Some(match (self.film(Slot::First), self.film(Slot::Second)) {
                (None, None) => "Open two films first".into(),
                (None, _) => "Open the frontal film".into(),
                _ => "Open the lateral film".into(),
            });
        };
        [first, second].iter().find_map(|f| f.view().err()).map(|cause| cause.to_string())
    }

    /// What should be checked about the pair as a whole.
    pub fn pair_warnings(&self) -> Vec<Advice> {
        let Some([first, second]) = self.pair() else { return Vec::new() };
        let mut lines = Vec::new();
        if first.path == second.path {
            lines.push(Advice {
                text: "Both places show the same file. Open the other film in one of them.".into(),
                fix: Some(("Close one", Command::CloseFilm(Slot::Second))),
            });
        } else {
            lines.extend(concerns::of_pair([first, second]));
        }
        if let (Ok(a), Ok(b)) = (first.view(), second.view()) {
            let pair = crate::geometry::ViewPair { views: [a, b] };
            if pair.is_narrow() {
                let deg = pair.separation_deg();
                lines.push(Advice::plain(format!(
                    "The films are {deg:.0}° apart: under 30° depth is hardly measured. Check the views."
                )));
            }
        }
        lines
    }
}
