//! The folder of a run: plan, environment, tables, previews, checkpoint, models. A run folder explains itself.
//! Knows no network's inside.

use super::checkpoint::State;
use super::event::{Event, Step, Term, Validation};
use super::preview::Preview;
use super::table::{LOSS_FILE, MEAN_CASE, Tables, VALIDATION_FILE};
use super::{TrainError, TrainPlan, curve};
use crate::metrics::detail::{DEFINITIONS, Definition, Detail};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The plan as it is followed.
pub const PLAN_FILE: &str = "plan.toml";
/// Where and with what it was computed, an entry a start.
pub const ENVIRONMENT_FILE: &str = "environment.toml";
/// The curves, drawn anew at every validation.
pub const CURVE_FILE: &str = "curves.svg";
/// Pictures of a validation case.
pub const PREVIEW_FOLDER: &str = "previews";
/// The model with the least smoothed score of the stage that was trained last.
pub const BEST_MODEL: &str = "best";
/// Locked while a process trains in the folder.
pub const LOCK_FILE: &str = "run.lock";
/// How often, and how long apart, a lock is tried for.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(30);
/// The model at the end of the run.
pub const FINAL_MODEL: &str = "final";

/// With what a run was started or resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// Seconds since 1970, UTC.
    pub unix_secs: u64,
    /// Version of the program.
    pub program: String,
    /// Commit it was built from, where known.
    pub commit: String,
    /// The device.
    pub device: String,
    /// Precision of the convolutions.
    pub precision: String,
    /// Threads of libtorch.
    pub threads: i32,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of the data set's manifest, where it has one.
    pub manifest_sha256: Option<String>,
    /// Phase (from 0) and step from which it went on.
    pub from: [u64; 2],
    /// Layers and origin of the perceptual network, once stage 2 has begun with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perceptual: Option<String>,
}

/// Every start of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// In order.
    #[serde(default)]
    pub start: Vec<Start>,
}

/// An open run folder.
pub struct RunDir {
    folder: PathBuf,
    /// Held as long as the run is open.
    _lock: Option<File>,
    losses: File,
    validations: File,
}

impl RunDir {
    /// Makes the folder; one that already holds a run is refused.
    ///
    /// # Errors
    /// [`TrainError::Write`]; for a folder that holds a run, [`TrainError::Plan`].
    pub fn create(folder: &Path, plan: &TrainPlan) -> Result<Self, TrainError> {
        let path = folder.join(PLAN_FILE);
        if path.exists() {
            let cause = format!("{} already holds a run; resume it or choose another folder", folder.display());
            return Err(TrainError::Plan(cause));
        }
        fs::create_dir_all(folder).map_err(write_error(folder))?;
        let lock = lock(folder)?;
        let terms: String = Term::ALL.iter().map(|t| format!("{},", t.name())).collect();
        let header = format!("phase,epoch,step,share,lr,loss,{terms}gradient,seconds,waited\n");
        write(&folder.join(LOSS_FILE), header.as_bytes())?;
        write(&folder.join(VALIDATION_FILE), validation_header().as_bytes())?;
        // The plan last: a folder with a plan is a run.
        write(&path, plan.to_toml()?.as_bytes())?;
        Self::open(folder, lock)
    }

    /// Opens a run's folder to go on from a checkpoint: lines of steps after it are dropped, so that no step is told
    /// twice.
    ///
    /// # Errors
    /// [`TrainError::Write`] where the tables cannot be written; [`TrainError::Data`] where another process trains in it.
    pub fn reopen(folder: &Path, state: &State) -> Result<Self, TrainError> {
        let lock = lock(folder)?;
        for (name, step_column) in [(LOSS_FILE, 2), (VALIDATION_FILE, 1)] {
            let path = folder.join(name);
            let text = fs::read_to_string(&path).map_err(write_error(&path))?;
            let kept: String = text.split_inclusive('\n').filter(|line| is_before(line, step_column, state)).collect();
            write(&path, kept.as_bytes())?;
        }
        Self::open(folder, lock)
    }

    fn open(folder: &Path, lock: Option<File>) -> Result<Self, TrainError> {
        let table = |name: &str| {
            let path = folder.join(name);
            OpenOptions::new().append(true).open(&path).map_err(write_error(&path))
        };
        let (losses, validations) = (table(LOSS_FILE)?, table(VALIDATION_FILE)?);
        Ok(Self { folder: folder.to_owned(), _lock: lock, losses, validations })
    }

    /// Where the run is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a model of this run goes.
    pub fn model(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Adds a start to the environment file.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn note_start(&self, start: Start) -> Result<(), TrainError> {
        self.change_environment(|environment| environment.start.push(start))
    }

    /// Adds to the last start with which perceptual network stage 2 works.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn note_perceptual(&self, text: String) -> Result<(), TrainError> {
        self.change_environment(|environment| {
            if let Some(start) = environment.start.last_mut() {
                start.perceptual = Some(text);
            }
        })
    }

    fn change_environment(&self, change: impl FnOnce(&mut Environment)) -> Result<(), TrainError> {
        let path = self.folder.join(ENVIRONMENT_FILE);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut environment: Environment = toml::from_str(&text).unwrap_or_default();
        change(&mut environment);
        let text = toml::to_string_pretty(&environment).map_err(|e| TrainError::Plan(e.to_string()))?;
        write(&path, text.as_bytes())
    }

    /// Writes what belongs into the tables and pictures.
    ///
    /// # Errors
    /// [`TrainError::Write`].
    pub fn record(&mut self, event: &Event) -> Result<(), TrainError> {
        match event {
            Event::Step(step) => self.record_step(step),
            Event::Validated(validation) => self.record_validation(validation),
            _ => Ok(()),
        }
    }

    fn record_step(&mut self, s: &Step) -> Result<(), TrainError> {
        let path = self.folder.join(LOSS_FILE);
        let mut line = format!("{},{},{},{:.5},{:.4e},{:.6}", s.phase, s.epoch, s.step, s.share, s.lr, s.loss);
        for term in Term::ALL {
            line.push(',');
            if let Some((_, value)) = s.terms.iter().find(|(t, _)| *t == term) {
                let _ = write!(line, "{value:.6}");
            }
        }
        let _ = writeln!(line, ",{:.4},{:.3},{:.3}", s.gradient, s.seconds, s.waited);
        // One call a line, so that a kill leaves whole lines but for the last.
        self.losses.write_all(line.as_bytes()).map_err(write_error(&path))
    }

    fn record_validation(&mut self, v: &Validation) -> Result<(), TrainError> {
        let path = self.folder.join(VALIDATION_FILE);
        let line = |case: &str, mae: f64, detail: &Detail| {
            let cell = |measure: &Definition| (measure.value)(detail).map_or(String::new(), |v| format!("{v:.4}"));
            let cells = DEFINITIONS.each_ref().map(cell);
            format!("{},{},{case},{mae:.3},{}\n", v.phase, v.step, cells.join(","))
        };
        let cases = v.mae_hu.iter().zip(&v.detail).map(|((case, mae), detail)| line(case, *mae, detail));
        let mean = line(MEAN_CASE, v.mean_mae_hu, &Detail::mean_of(&v.detail));
        let text: String = cases.chain([mean]).collect();
        self.validations.write_all(text.as_bytes()).map_err(write_error(&path))?;
        if let Some(preview) = &v.preview {
            self.write_preview(v, preview)?;
        }
        let tables = Tables::read(&self.folder)?;
        write(&self.folder.join(CURVE_FILE), curve::svg(&tables).as_bytes())
    }

    fn write_preview(&self, v: &Validation, preview: &Preview) -> Result<(), TrainError> {
        let folder = self.folder.join(PREVIEW_FOLDER);
        fs::create_dir_all(&folder).map_err(write_error(&folder))?;
        let path = folder.join(format!("phase{}-step{:06}.png", v.phase + 1, v.step));
        let (size, rgba) = preview.picture();
        crate::io::screen::write(&path, size, &rgba)
            .map_err(|e| TrainError::Write { path, cause: std::io::Error::other(e.to_string()) })
    }
}

/// The head of the validation table.
fn validation_header() -> String {
    let keys = DEFINITIONS.each_ref().map(|measure| measure.key);
    format!("phase,step,case,mae_hu,{}\n", keys.join(","))
}

/// Whether some process trains in this run folder now; a process that was killed holds nothing any more.
pub fn is_in_use(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(LOCK_FILE)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Takes a run folder for this process: two that train in one folder would spoil each other's tables and checkpoint.
/// `None` on a file system that knows no locks.
fn lock(folder: &Path) -> Result<Option<File>, TrainError> {
    let path = folder.join(LOCK_FILE);
    let file = File::create(&path).map_err(write_error(&path))?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            // Perhaps somebody only looks whether it is in use.
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
    let cause = "is being trained by another process; stop it there, or wait for its end".to_owned();
    Err(TrainError::Data { path: folder.to_owned(), cause })
}

/// Whether a table's line tells of a step that the checkpoint has behind it; the header is kept.
fn is_before(line: &str, step_column: usize, state: &State) -> bool {
    let mut cells = line.split(',');
    let phase = cells.next().and_then(|c| c.parse::<usize>().ok());
    let step = line.split(',').nth(step_column).and_then(|c| c.parse::<u64>().ok());
    match (phase, step) {
        (Some(phase), Some(step)) => line.ends_with('\n') && (phase, step) <= (state.phase, state.step),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let temporary = path.with_extension("part");
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|cause| {
        let _ = fs::remove_file(&temporary);
        TrainError::Write { path: path.to_owned(), cause }
    })
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> TrainError + '_ {
    move |cause| TrainError::Write { path: path.to_owned(), cause }
}
