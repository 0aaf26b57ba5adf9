//! What the workspace Train draws from. Changes arrive as commands; knows no file and no thread.

use super::active::Active;
use super::history::History;
use super::lines::ChartOptions;
use crate::nn::DeviceChoice;
use crate::train::{Preflight, Preset, TrainPlan};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Everything the workspace shows.
#[derive(Default)]
pub struct TrainState {
    /// What the middle shows.
    pub page: Page,
    /// The plan of the next run.
    pub draft: Draft,
    /// What the last check of a plan told.
    pub check: Check,
    /// The device the next run computes on.
    pub device: DeviceChoice,
    /// Where runs are kept.
    pub folder: Option<PathBuf>,
    /// Run folders elsewhere that were opened by hand.
    pub opened: Vec<PathBuf>,
    /// The runs there are, newest first.
    pub runs: Vec<RunEntry>,
    /// Whether the runs folder was looked through.
    pub listed: bool,
    /// The run that is looked at.
    pub chosen: Option<PathBuf>,
    /// Runs picked for comparison.
    pub picked: Vec<PathBuf>,
    /// Runs whose tables are in memory.
    pub views: Vec<RunView>,
    /// The run that trains here.
    pub active: Option<Active>,
    /// How charts are drawn.
    pub chart: ChartOptions,
    /// What the machine has left.
    pub resources: Option<Resources>,
    /// Which model of a finished run is taken.
    pub model: ModelChoice,
    /// The offer to resume was put aside.
    pub offer_closed: bool,
    /// Whether the window waits to be closed.
    pub closing: Closing,
}

/// What the middle of the workspace shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The plan of the next run.
    #[default]
    Plan,
    /// Curves of the chosen run.
    Run,
    /// Two runs beside one another.
    Pair,
}

/// The plan that is being edited.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The plan; absent only where the program was built with a broken preset.
    pub plan: Option<TrainPlan>,
    /// The preset it began with, while it is unchanged.
    pub preset: Option<Preset>,
    /// Where it comes from, in words.
    pub origin: String,
    /// Folder of the run to be.
    pub folder: PathBuf,
}

/// The try before a run.
#[derive(Clone, Debug, Default)]
pub enum Check {
    /// Not asked for.
    #[default]
    None,
    /// Steps are being tried.
    Running(Arc<AtomicUsize>),
    /// What was found, and for which plan.
    Done(Box<(TrainPlan, Preflight)>),
    /// Why it could not be tried.
    Failed(String),
}

impl Check {
    /// The phase that is being tried, from 0.
    pub fn phase(&self) -> Option<usize> {
        match self {
            Self::Running(phase) => Some(phase.load(Ordering::Relaxed)),
            _ => None,
        }
    }
}

/// A run folder in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// The folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// How far it is.
    pub stand: Stand,
    /// Least validation error of its last stage, HU.
    pub best_mae_hu: Option<f64>,
    /// Whether a best model lies in it.
    pub has_best: bool,
    /// Seconds since 1970 at which its table was last written.
    pub changed_secs: u64,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stand {
    /// All phases are done.
    Finished,
    /// It can go on from its checkpoint.
    Stopped {
        /// Phase, from 0.
        phase: usize,
        /// Phases of the plan.
        of: usize,
        /// Steps done in it.
        step: u64,
    },
    /// Another process trains in its folder.
    Elsewhere,
    /// Ended before its first checkpoint.
    Lost,
    /// Its checkpoint cannot be read.
    Damaged(String),
}

impl Stand {
    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Finished => "Finished".into(),
            Self::Stopped { phase, of, step } => format!("Stopped in phase {} of {of}, step {step}", phase + 1),
            Self::Elsewhere => "Trains in another process".into(),
            Self::Lost => "Ended before a checkpoint".into(),
            Self::Damaged(_) => "Checkpoint damaged".into(),
        }
    }
}

impl RunEntry {
    /// Whether it can go on.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.stand, Stand::Stopped { .. })
    }
}

/// Which model of a run is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelChoice {
    /// The one with the least validation error.
    #[default]
    Best,
    /// The one at the end.
    Final,
}

/// A run's curves and pictures in memory.
pub struct RunView {
    /// The folder.
    pub folder: PathBuf,
    /// Its plan.
    pub plan: Option<TrainPlan>,
    /// Lines of its plan file.
    pub plan_lines: Vec<String>,
    /// Its curves.
    pub history: History,
    /// Pictures of validations, oldest first.
    pub previews: Vec<PreviewFile>,
    /// The picture looked at, from 0; the newest where absent.
    pub preview: Option<usize>,
    /// The picture on screen: the texture and which validation it shows.
    pub picture: Option<(egui::TextureHandle, (usize, u64))>,
    /// Why it could not be read.
    pub fault: Option<String>,
}

impl RunView {
    /// A run nothing is known of yet.
    pub fn new(folder: PathBuf, smoothing: f64) -> Self {
        let history = History::new(smoothing);
        let (plan, plan_lines, previews) = (None, Vec::new(), Vec::new());
        Self { folder, plan, plan_lines, history, previews, preview: None, picture: None, fault: None }
    }

    /// The picture that is to be shown.
    pub fn wanted_preview(&self) -> Option<&PreviewFile> {
        match self.preview {
            Some(k) => self.previews.get(k),
            None => self.previews.last(),
        }
    }
}

/// A validation's picture in a run folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewFile {
    /// Phase, from 0.
    pub phase: usize,
    /// Step within it.
    pub step: u64,
    /// The file.
    pub path: PathBuf,
}

/// What the machine has left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// Bytes of memory this program holds.
    pub memory_bytes: Option<u64>,
    /// Bytes of memory that programs could still get.
    pub memory_free_bytes: Option<u64>,
    /// Bytes free on the disk of the runs.
    pub disk_free_bytes: Option<u64>,
    /// Processor time of this program, seconds.
    pub processor_secs: Option<f64>,
    /// Share of all cores that this program used since the sample before, 0 to 1.
    pub processor_share: Option<f64>,
    /// When it was taken, seconds on the interface's clock.
    pub at_secs: f64,
}

/// Whether the window waits to be closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closing {
    /// Nobody asked.
    #[default]
    No,
    /// The person is asked what is to become of the run.
    Asking,
    /// It closes as soon as the checkpoint is written.
    Waiting,
}

impl TrainState {
    /// The curves of a run, if they are in memory.
    pub fn view(&self, folder: &Path) -> Option<&RunView> {
        self.views.iter().find(|v| v.folder == folder)
    }

    /// The curves of a run; an empty one is added where it is not in memory.
    pub fn view_mut(&mut self, folder: &Path) -> &mut RunView {
        let place = self.views.iter().position(|v| v.folder == folder).unwrap_or_else(|| {
            self.views.push(RunView::new(folder.to_owned(), self.chart.smoothing));
            self.views.len() - 1
        });
        &mut self.views[place]
    }

    /// The list's line of a run.
    pub fn entry(&self, folder: &Path) -> Option<&RunEntry> {
        self.runs.iter().find(|r| r.folder == folder)
    }

    /// Whether this run trains here.
    pub fn is_active(&self, folder: &Path) -> bool {
        self.active.as_ref().is_some_and(|a| a.folder == folder)
    }

    /// What speaks against starting the plan, in words; `None` where nothing does.
    pub fn obstacle(&self) -> Option<String> {
        let Some(plan) = &self.draft.plan else { return Some("Open a plan or choose a preset".into()) };
        if let Err(fault) = plan.check() {
            return Some(plan_fault(&fault.to_string()));
        }
        if self.draft.folder.as_os_str().is_empty() {
            return Some("Say in which folder the run shall be kept".into());
        }
        if self.entry(&self.draft.folder).is_some() {
            return Some("This folder holds a run already: give another one".into());
        }
        self.active.as_ref().map(|_| "Another run trains in this window: stop it first".into())
    }

    /// The newest run that can go on, unless one trains or the offer was put aside.
    pub fn offer(&self) -> Option<&RunEntry> {
        if self.active.is_some() || self.offer_closed {
            return None;
        }
        self.runs.iter().find(|r| r.is_unfinished())
    }

    /// A folder for a new run that is not taken: `smoke-1`, `smoke-2` and so on.
    pub fn fresh_folder(&self, stem: &str) -> PathBuf {
        let Some(folder) = &self.folder else { return PathBuf::new() };
        let names = (1..).map(|n| folder.join(format!("{stem}-{n}")));
        let mut free = names.filter(|path| self.entry(path).is_none() && !self.is_active(path));
        free.next().unwrap_or_default()
    }
}

/// A plan's fault without its prefix, as a sentence.
pub fn plan_fault(text: &str) -> String {
    let text = text.strip_prefix("the training plan: ").unwrap_or(text);
    let mut letters = text.chars();
    letters.next().map(|c| c.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}
