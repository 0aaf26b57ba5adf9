//! The films that cases are judged by: simulated, noiseless, of the whole cube, as `train::figures` makes them; and
//! what a model makes of them. Knows no truth.

use super::EvaluateError;
use crate::atlas::Guidance;
use crate::geometry::{Preset, Raster, ViewPair, Volume};
use crate::nn::guidance::Guide;
use crate::nn::reconstruct::{CONSISTENCY_STEPS, Event, Job, Reconstructor};
use crate::nn::{DeviceChoice, ModelSource, Reconstruction};
use crate::projection::{Attenuation, project};
use crate::train::dataset::Case;
use std::sync::Arc;

/// Two simulated films of a volume that holds the cube, and their views; the isocentre is the cube's centre.
///
/// # Errors
/// [`EvaluateError::Projection`] for a volume whose axes are oblique.
pub fn simulated(volume: &Volume) -> Result<([Raster; 2], ViewPair), EvaluateError> {
    let attenuation = Attenuation::from_volume(volume)?;
    let pair = Preset::Simulated.pair();
    let isocentre_mm = volume.frame().centre_mm();
    Ok((pair.views.map(|view| project(&attenuation, &view, isocentre_mm)), pair))
}

/// The job that reconstructs a volume from its simulated films, onto its own frame.
///
/// # Errors
/// As [`simulated`].
pub fn job(volume: &Volume, model: &ModelSource, device: DeviceChoice) -> Result<Job, EvaluateError> {
    let (films, views) = simulated(volume)?;
    let (frame, model) = (volume.frame().clone(), model.clone());
    Ok(Job { films, views, frame, model, device, consistency_steps: CONSISTENCY_STEPS, guide: None })
}

/// The job of a named case, guided by the bundled atlases but for its own where `guided`.
///
/// # Errors
/// As [`simulated`], and the atlases'.
pub fn job_of(
    case: &Case,
    volume: &Volume,
    model: &ModelSource,
    device: DeviceChoice,
    guided: bool,
) -> Result<Job, EvaluateError> {
    let guidance = Guidance { without: Some(case.name.clone()), ..Guidance::default() };
    let guide = if guided { Some(Arc::new(guidance.load()?) as Arc<dyn Guide>) } else { None };
    Ok(Job { guide, ..job(volume, model, device)? })
}

/// Runs a job on a thread of its own and waits for it; `stop` is asked at each of its events.
///
/// # Errors
/// [`EvaluateError::Cancelled`] as asked; the job's own cause.
pub fn run(job: Job, stop: &dyn Fn() -> bool) -> Result<Volume, EvaluateError> {
    run_whole(job, stop).map(|result| Volume::clone(result.volume()))
}

/// The same with all that belongs to the volume.
///
/// # Errors
/// As [`run`].
pub fn run_whole(job: Job, stop: &dyn Fn() -> bool) -> Result<Arc<Reconstruction>, EvaluateError> {
    let wanted = job.guide.is_some();
    let mut refused = String::new();
    let handle = Reconstructor::start(job, || {});
    while let Some(event) = handle.wait() {
        match event {
            // The networks' volume must not be counted for a guided one.
            Event::Finished(result) if wanted && result.guided.is_none() => return Err(EvaluateError::Input(refused)),
            Event::Finished(result) => return Ok(result),
            Event::Notice(why) => refused = why,
            Event::Failed(cause) => return Err(EvaluateError::Input(cause)),
            Event::Cancelled => {
                handle.end();
                break;
            }
            _ if stop() => handle.cancel(),
            _ => {}
        }
    }
    Err(EvaluateError::Cancelled)
}
