//! The folder of a run: plan, loss table, models. A run folder explains itself. Knows no network's inside.

use super::event::{Event, Step, Validation};
use super::{TrainError, TrainPlan};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The plan as it was followed.
const PLAN_FILE: &str = "plan.toml";
/// A line a step.
pub(super) const LOSS_FILE: &str = "losses.csv";
/// A line a validation.
pub(super) const VALIDATION_FILE: &str = "validation.csv";

/// An open run folder.
pub struct RunDir {
    folder: PathBuf,
    losses: File,
    validations: File,
}

impl RunDir {
    /// Makes the folder; one that already holds a run is refused.
    ///
    /// # Errors
    /// [`TrainError::Write`] or, for a folder in use, [`TrainError::Plan`].
    pub fn create(folder: &Path, plan: &TrainPlan) -> Result<Self, TrainError> {
        let plan_path = folder.join(PLAN_FILE);
        if plan_path.exists() {
            return Err(TrainError::Plan(format!("{} already holds a run; choose another folder", folder.display())));
        }
        fs::create_dir_all(folder).map_err(write_error(folder))?;
        fs::write(&plan_path, plan.to_toml()?).map_err(write_error(&plan_path))?;
        let table = |name: &str, header: &str| -> Result<File, TrainError> {
            let path = folder.join(name);
            let mut file = File::create(&path).map_err(write_error(&path))?;
            writeln!(file, "{header}").map_err(write_error(&path))?;
            Ok(file)
        };
        Ok(Self {
            folder: folder.to_owned(),
            losses: table(LOSS_FILE, "phase,step,share,lr,loss,gradient,seconds,waited")?,
            validations: table(VALIDATION_FILE, "phase,step,case,mae_hu")?,
        })
    }

    /// Where a model of this run goes.
    pub fn model(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes what belongs into the tables.
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
        writeln!(
            self.losses,
            "{},{},{:.5},{:.4e},{:.6},{:.4},{:.3},{:.3}",
            s.phase, s.step, s.share, s.lr, s.loss, s.gradient, s.seconds, s.waited
        )
        .map_err(write_error(&path))
    }

    fn record_validation(&mut self, v: &Validation) -> Result<(), TrainError> {
        let path = self.folder.join(VALIDATION_FILE);
        let mean = [("mean".to_owned(), v.mean_mae_hu)];
        for (case, mae) in v.mae_hu.iter().chain(&mean) {
            writeln!(self.validations, "{},{},{case},{mae:.3}", v.phase, v.step).map_err(write_error(&path))?;
        }
        Ok(())
    }
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> TrainError + '_ {
    move |cause| TrainError::Write { path: path.to_owned(), cause }
}
