//! What the workspace Train has done on worker threads: looking through runs, reading tables and pictures, plans in
//! and out, the check before a run, the machine's state. Each function takes values and gives values.

use super::history::History;
use super::state::{PreviewFile, Resources, RunEntry, Stand};
use crate::app::worker::Cancel;
use crate::io::{self, IoError};
use crate::train::run_dir::{BEST_MODEL, FINAL_MODEL, PLAN_FILE, PREVIEW_FOLDER};
use crate::train::table::Tables;
use crate::train::table::{LOSS_FILE, VALIDATION_FILE};
use crate::train::{Job, Preflight, TrainError, TrainPlan, checkpoint, machine, preflight, run_dir};
use egui::ColorImage;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::UNIX_EPOCH;

/// Where a job's result belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrainLane {
    /// The list of runs.
    Runs,
    /// The chosen run's tables, or those of the picked ones by their order.
    Run(usize),
    /// The names of a run's pictures.
    Previews,
    /// A picture.
    Picture,
    /// A plan read or written.
    Plan,
    /// The check before a run.
    Check,
    /// The machine's state.
    Resources,
}

impl TrainLane {
    /// What the lane does, for messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Runs => "Looking for runs",
            Self::Run(_) | Self::Previews | Self::Picture => "Reading a run",
            Self::Plan => "The training plan",
            Self::Check => "The check",
            Self::Resources => "Reading the machine's state",
        }
    }
}

/// What a job of this workspace gives.
pub enum TrainDone {
    /// The runs there are.
    Runs(Vec<RunEntry>),
    /// A run's tables.
    Run(PathBuf, Result<Box<RunFiles>, String>),
    /// A run's pictures.
    Previews(PathBuf, Vec<PreviewFile>),
    /// A picture of a run.
    Picture(PathBuf, PreviewFile, Option<ColorImage>),
    /// A plan that was opened.
    Plan(PathBuf, Result<Box<TrainPlan>, String>),
    /// What the check of a plan found.
    Checked(Box<TrainPlan>, Result<Preflight, TrainError>),
    /// The machine's state.
    Resources(Resources),
}

/// What lies in a run folder.
pub struct RunFiles {
    /// The plan.
    pub plan: Option<TrainPlan>,
    /// Lines of the plan's file.
    pub plan_lines: Vec<String>,
    /// The curves.
    pub history: History,
    /// The pictures.
    pub previews: Vec<PreviewFile>,
}

/// The runs in a folder and those opened elsewhere, newest first.
pub fn list_runs(folder: Option<&Path>, opened: &[PathBuf]) -> TrainDone {
    let inside = folder.and_then(|f| std::fs::read_dir(f).ok()).into_iter().flatten().flatten().map(|e| e.path());
    let mut all: Vec<PathBuf> = inside.chain(opened.iter().cloned()).filter(|p| p.join(PLAN_FILE).is_file()).collect();
    all.sort();
    all.dedup();
    let mut runs: Vec<RunEntry> = all.into_iter().map(entry).collect();
    runs.sort_by(|a, b| b.changed_secs.cmp(&a.changed_secs).then_with(|| b.name.cmp(&a.name)));
    TrainDone::Runs(runs)
}

/// A run's line in the list.
fn entry(folder: PathBuf) -> RunEntry {
    let name = folder.file_name().map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into_owned());
    let changed = std::fs::metadata(folder.join(LOSS_FILE)).and_then(|m| m.modified()).ok();
    let changed_secs = changed.and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_secs());
    let plan = std::fs::read_to_string(folder.join(PLAN_FILE)).ok().and_then(|text| TrainPlan::parse(&text).ok());
    let of = plan.as_ref().map_or(0, |p| p.phase.len());
    let stand = match checkpoint::peek(&folder) {
        _ if run_dir::is_in_use(&folder) => Stand::Elsewhere,
        _ if folder.join(FINAL_MODEL).join(crate::nn::model::CARD_FILE).is_file() => Stand::Finished,
        Ok(Some(state)) => Stand::Stopped { phase: state.phase.min(of.saturating_sub(1)), of, step: state.step },
        Ok(None) => Stand::Lost,
        Err(cause) => Stand::Damaged(cause.to_string()),
    };
    let has_best = folder.join(BEST_MODEL).join(crate::nn::model::CARD_FILE).is_file();
    RunEntry { name, stand, best_mae_hu: best_error(&folder, plan.as_ref()), has_best, changed_secs, folder }
}

/// The least validation error of the stage that was trained last.
fn best_error(folder: &Path, plan: Option<&TrainPlan>) -> Option<f64> {
    let text = std::fs::read_to_string(folder.join(VALIDATION_FILE)).ok()?;
    let tables = Tables::parse("", &text);
    let stage = |phase: usize| plan.and_then(|p| p.phase.get(phase)).map(|p| (p.stage, p.side));
    let last = tables.means().last()?.phase;
    let errors = tables.means().filter(|row| stage(row.phase) == stage(last)).map(|row| row.mae_hu);
    errors.filter(|e| e.is_finite()).min_by(f64::total_cmp)
}

/// Everything of a run that is drawn.
///
/// # Errors
/// Which file cannot be read, and why.
pub fn read_run(folder: &Path, smoothing: f64) -> Result<Box<RunFiles>, String> {
    let tables = Tables::read(folder).map_err(|e| e.to_string())?;
    let text = std::fs::read_to_string(folder.join(PLAN_FILE)).unwrap_or_default();
    Ok(Box::new(RunFiles {
        plan: TrainPlan::parse(&text).ok(),
        plan_lines: text.lines().map(str::to_owned).collect(),
        history: History::from_tables(&tables, smoothing),
        previews: previews(folder),
    }))
}

/// A run's pictures, oldest first. Their names say phase and step: `phase1-step000040.png`.
pub fn previews(folder: &Path) -> Vec<PreviewFile> {
    let files = std::fs::read_dir(folder.join(PREVIEW_FOLDER)).into_iter().flatten().flatten().map(|e| e.path());
    let mut all: Vec<PreviewFile> = files.filter_map(preview_file).collect();
    all.sort_by_key(|p| (p.phase, p.step));
    all
}

fn preview_file(path: PathBuf) -> Option<PreviewFile> {
    let name = path.file_name()?.to_str()?;
    let (phase, step) = name.strip_prefix("phase")?.strip_suffix(".png")?.split_once("-step")?;
    let phase = phase.parse::<usize>().ok()?.checked_sub(1)?;
    Some(PreviewFile { phase, step: step.parse().ok()?, path })
}

/// A picture of a validation.
pub fn picture(folder: PathBuf, file: PreviewFile) -> TrainDone {
    let read = io::screen::read(&file.path).ok();
    let image = read.map(|(size, rgba)| ColorImage::from_rgba_unmultiplied(size, &rgba));
    TrainDone::Picture(folder, file, image)
}

/// Reads a plan that may still lack something.
pub fn open_plan(path: PathBuf) -> TrainDone {
    let text = std::fs::read_to_string(&path).map_err(|e| e.to_string());
    let plan = text.and_then(|t| TrainPlan::parse(&t).map_err(|e| e.to_string()));
    TrainDone::Plan(path, plan.map(Box::new))
}

/// Writes a plan as TOML.
///
/// # Errors
/// Where it cannot be written.
pub fn save_plan(path: &Path, plan: &TrainPlan) -> Result<(), IoError> {
    let fault = |e: std::io::Error| IoError::from_write(path, e);
    let text = plan.to_toml().map_err(|e| fault(std::io::Error::other(e)))?;
    std::fs::write(path, text).map_err(fault)
}

/// Tries one step of each phase; `phase` tells which.
pub fn check(job: &Job, plan: TrainPlan, phase: &AtomicUsize, cancel: &Cancel) -> TrainDone {
    let found = preflight(job, &plan, &mut |index| {
        phase.store(index, Ordering::Relaxed);
        !cancel.is_raised()
    });
    TrainDone::Checked(Box::new(plan), found)
}

/// The machine's state now; the processor's share is left to who knows the sample before.
pub fn resources(folder: Option<&Path>, at_secs: f64) -> TrainDone {
    TrainDone::Resources(Resources {
        memory_bytes: machine::own_memory_bytes(),
        memory_free_bytes: machine::available_memory_bytes(),
        disk_free_bytes: folder.and_then(machine::free_disk_bytes),
        processor_secs: machine::processor_secs(),
        processor_share: None,
        at_secs,
    })
}
