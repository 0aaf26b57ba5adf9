//! Methods without networks, run on a case as models are. What they learn is learnt once, when it is first wanted, and
//! kept in the report's folder for other parts and calls. Knows no metric.

use super::EvaluateError;
use super::baselines::sirt_tv;
use super::cases;
use super::event::{Event, Observer, tell};
use super::films::simulated;
use super::method::Floor;
use super::record::write_whole;
use super::run::Made;
use crate::atlas::Guidance;
use crate::geometry::Volume;
use crate::projection::SirtOptions;
use crate::train::TrainError;
use crate::train::dataset::{Case, CaseFile};
use crate::train::figures::Floors;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Digits of the hash in the name of what was learnt.
const NAME_DIGITS: usize = 16;

/// The floors of a study.
pub struct LearntFloors<'a> {
    files: &'a [CaseFile],
    kept: PathBuf,
    /// The cause where they cannot be learnt: told for each case, the other methods go on.
    learnt: Option<Result<Floors, String>>,
}

impl<'a> LearntFloors<'a> {
    /// Of these training cases, whose files together have this hash.
    pub fn new(files: &'a [CaseFile], folder: &Path, sha256: &str) -> Self {
        let digits: String = sha256.chars().take(NAME_DIGITS).collect();
        Self { files, kept: folder.join(format!("floors-{digits}.bin")), learnt: None }
    }

    /// What a floor makes of a case.
    ///
    /// # Errors
    /// [`EvaluateError::Cancelled`] as asked; where the floors cannot be learnt, or the case not be projected.
    pub fn volume(&mut self, case: &Case, floor: Floor, observer: &mut Observer) -> Result<Made, EvaluateError> {
        // Learning is no part of what a case takes.
        let floors = if floor.learns() { Some(self.floors(observer)?) } else { None };
        let start = Instant::now();
        let volume = match (floor, floors) {
            (Floor::BestAtlas, _) => best_atlas(case)?,
            (Floor::SirtTv, _) | (_, None) => solved(case, observer)?,
            (Floor::BackProjection, Some(floors)) => floors.volumes(case)?.map(|(_, volume)| volume)[0].clone(),
            (Floor::MeanVolume, Some(floors)) => floors.volumes(case)?.map(|(_, volume)| volume)[1].clone(),
        };
        let seconds = BTreeMap::from([("floor".to_owned(), start.elapsed().as_secs_f64())]);
        Ok(Made { volume, device: "CPU".to_owned(), precision: "f32".to_owned(), notes: Vec::new(), seconds })
    }

    fn floors(&mut self, observer: &mut Observer) -> Result<&Floors, EvaluateError> {
        if self.learnt.is_none() {
            self.learnt = Some(match self.have(observer) {
                Err(error @ (EvaluateError::Cancelled | EvaluateError::Write { .. })) => return Err(error),
                learnt => learnt.map_err(|e| format!("the floors cannot be learnt: {e}")),
            });
        }
        match &self.learnt {
            Some(Ok(floors)) => Ok(floors),
            Some(Err(cause)) => Err(EvaluateError::Input(cause.clone())),
            None => Err(EvaluateError::Input("the floors were not learnt".to_owned())),
        }
    }

    fn have(&self, observer: &mut Observer) -> Result<Floors, EvaluateError> {
        // What was kept and cannot be read is learnt again.
        if let Some(kept) = std::fs::read(&self.kept).ok().and_then(|bytes| Floors::from_bytes(&bytes)) {
            return Ok(kept);
        }
        let learnt = learn(self.files, observer)?;
        write_whole(&self.kept, &learnt.to_bytes())?;
        Ok(learnt)
    }
}

/// The atlas that fits both films best after an affine fit.
fn best_atlas(case: &Case) -> Result<Volume, EvaluateError> {
    let guide = Guidance { without: Some(case.name.clone()), ..Guidance::default() }.load()?;
    let (films, views) = simulated(case.volume())?;
    let best = guide.best_affine(films, &views, case.volume().frame());
    best.ok_or_else(|| EvaluateError::Input("no atlas fits the films; look at them for a chest".to_owned()))
}

/// SIRT with total variation, which can be stopped before every update.
fn solved(case: &Case, observer: &mut Observer) -> Result<Volume, EvaluateError> {
    let options = SirtOptions::default();
    let (observer, done) = (RefCell::new(observer), Cell::new(0usize));
    let stop = || {
        let share = done.replace(done.get() + 1) as f64 / options.iterations.max(1) as f64;
        let working = Event::Working { case: case.name.clone(), method: Floor::SirtTv.word().to_owned(), share };
        tell(&mut **observer.borrow_mut(), &working).is_err()
    };
    sirt_tv(case, &options, None, &stop)
}

/// Learns from cases that are read one after another.
fn learn(files: &[CaseFile], observer: &mut Observer) -> Result<Floors, EvaluateError> {
    let mut stopped = false;
    let cases = files.iter().enumerate().map(|(done, file)| {
        if tell(observer, &Event::Learning { done, of: files.len() }).is_err() {
            stopped = true;
            return Err(TrainError::Stopped);
        }
        cases::load(file).map(|loaded| loaded.case).map_err(|error| match error {
            EvaluateError::Train(error) => error,
            EvaluateError::Data { path, cause } => TrainError::Data { path, cause },
            other => TrainError::Data { path: file.path.clone(), cause: other.to_string() },
        })
    });
    let learnt = Floors::learn_each(files.len(), cases);
    if stopped {
        return Err(EvaluateError::Cancelled);
    }
    learnt?.ok_or_else(|| EvaluateError::Input("there are no training cases".to_owned()))
}
