//! One method on one case: films are simulated once, networks see them as the workstation would. Knows no metric.

use super::EvaluateError;
use super::consistency::consistency;
use super::event::{Event, Observer, tell};
use super::films::simulated;
use crate::atlas::Guidance;
use crate::geometry::{Raster, ViewPair, Volume};
use crate::nn::guidance::Guide;
use crate::nn::reconstruct::CONSISTENCY_STEPS;
use crate::nn::{self, DeviceChoice, Job, ModelSource, NnError, Precision, Reconstruction, Reconstructor};
use crate::train::dataset::Case;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tch::Device;

/// Shares of the work that end with each stage: back-projection, the coarse network, the refining one.
const STAGE_ENDS: [f64; 3] = [0.05, 0.55, 1.0];

/// What a method gave.
pub struct Made {
    /// The volume, on the truth's grid.
    pub volume: Volume,
    /// Where it was computed.
    pub device: String,
    /// In which precision.
    pub precision: String,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// Seconds of each stage.
    pub seconds: BTreeMap<String, f64>,
}

/// Two films and how they were taken.
type Films = ([Raster; 2], ViewPair);

/// A case with its films.
pub struct Runner<'a> {
    /// The case.
    pub case: &'a Case,
    device: DeviceChoice,
    films: Option<(Films, f64)>,
}

impl<'a> Runner<'a> {
    /// Films are made when they are first wanted.
    pub fn new(case: &'a Case, device: DeviceChoice) -> Self {
        Self { case, device, films: None }
    }

    /// Both films of the default geometry with their views, and the seconds they took.
    fn films(&mut self) -> Result<&(Films, f64), EvaluateError> {
        if self.films.is_none() {
            let start = Instant::now();
            let films = simulated(self.case.volume())?;
            self.films = Some((films, start.elapsed().as_secs_f64()));
        }
        self.films.as_ref().ok_or_else(|| EvaluateError::Input("the films were not made".to_owned()))
    }

    /// Relative error of a volume's projections against the first and the second film.
    ///
    /// # Errors
    /// As [`consistency`].
    pub fn consistency(&mut self, volume: &Volume) -> Result<[f64; 2], EvaluateError> {
        let isocentre_mm = self.case.volume().frame().centre_mm();
        let ((films, views), _) = self.films()?;
        Ok(consistency(volume, films, views, isocentre_mm)?.map(|film| film.relative_error))
    }

    /// The volume of a model.
    ///
    /// # Errors
    /// [`EvaluateError::Cancelled`] as soon as the observer asks; else what ends the reconstruction.
    pub fn reconstruct(
        &mut self,
        name: &str,
        model: &ModelSource,
        guidance: Option<&Guidance>,
        observer: &mut Observer,
    ) -> Result<Made, EvaluateError> {
        let ((films, views), projected) = self.films()?.clone();
        let frame = self.case.volume().frame().clone();
        let (model, device) = (model.clone(), self.device);
        let without = Some(self.case.name.clone());
        let guide = guidance.map(|guidance| Guidance { without, ..guidance.clone() }.load()).transpose()?;
        let guide = guide.map(|guide| Arc::new(guide) as Arc<dyn Guide>);
        let job = Job { films, views, frame, model, device, consistency_steps: CONSISTENCY_STEPS, guide };
        let mut notes = Vec::new();
        let done = self.follow(name, job, &mut notes, observer)?;
        notes.extend(done.guided.iter().map(|guided| guided.note.clone()));
        let s = &done.seconds;
        let stages = [
            ("projection", projected),
            ("load", s.load),
            ("back-projection", s.back_projection),
            ("coarse", s.coarse),
            ("refine", s.refine),
            ("consistency", s.consistency),
            ("guide", s.guide),
        ];
        Ok(Made {
            volume: Volume::clone(done.volume()),
            device: done.device.clone(),
            precision: precision(self.device, &done.device)?,
            notes,
            seconds: stages.into_iter().map(|(stage, seconds)| (stage.to_owned(), seconds)).collect(),
        })
    }

    fn follow(
        &self,
        method: &str,
        job: Job,
        notes: &mut Vec<String>,
        observer: &mut Observer,
    ) -> Result<Arc<Reconstruction>, EvaluateError> {
        let handle = Reconstructor::start(job, || {});
        while let Some(event) = handle.wait() {
            let share = match event {
                nn::Event::BackProjection => 0.0,
                nn::Event::Coarse { done, of } => between(0, done, of),
                nn::Event::Refine { done, of } => between(1, done, of),
                nn::Event::Consistency { .. } | nn::Event::Network(_) | nn::Event::Guiding { .. } => 1.0,
                nn::Event::Notice(text) => {
                    notes.push(text);
                    continue;
                }
                nn::Event::Finished(result) => return Ok(result),
                nn::Event::Cancelled => return Err(EvaluateError::Cancelled),
                nn::Event::Failed(cause) => return Err(NnError::Input(cause).into()),
            };
            let working = Event::Working { case: self.case.name.clone(), method: method.to_owned(), share };
            if let Err(stopped) = tell(observer, &working) {
                handle.end();
                return Err(stopped);
            }
        }
        Err(NnError::Input("the reconstruction ended without a result; try again".to_owned()).into())
    }
}

fn between(stage: usize, done: usize, of: usize) -> f64 {
    let part = done as f64 / of.max(1) as f64;
    STAGE_ENDS[stage] + part * (STAGE_ENDS[stage + 1] - STAGE_ENDS[stage])
}

/// What a result was computed in: where a GPU's memory ran out it was the CPU after all.
fn precision(choice: DeviceChoice, device: &str) -> Result<String, EvaluateError> {
    let wanted = choice.device()?;
    let used = if device.starts_with("CPU") { Device::Cpu } else { wanted };
    let word = serde_json::to_value(Precision::for_inference(used)).ok().and_then(|v| v.as_str().map(str::to_owned));
    Ok(word.unwrap_or_default())
}
