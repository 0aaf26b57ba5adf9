//! How far off each voxel of a reconstruction may be: asked for with a press, computed on a thread, laid over the
//! pictures. Knows no widget.

use super::Workstation;
use super::jobs::{Done, Lane};
use super::state::Case;
use super::viewport::{ErrorView, ViewCommand};
use super::widgets::Tone;
use super::worker::Cancel;
use crate::evaluate::EvaluateError;
use crate::evaluate::uncertainty::members::{members, spread_volumes};
use crate::evaluate::uncertainty::{ErrorModel, expected_error};
use crate::geometry::Volume;
use crate::nn::{Job, ModelSource};
use crate::projection::prepare_film;
use std::sync::Arc;

/// The job as it is kept beside its result, its films as small as the networks take them; `None` where the model knows
/// no errors.
pub fn kept(job: &Job) -> Option<Arc<Job>> {
    let any = is_known(&job.model, false) || job.guide.is_some() && is_known(&job.model, true);
    if !any {
        return None;
    }
    let mut light = job.clone();
    for (film, view) in light.films.iter_mut().zip(&mut light.views.views) {
        (*film, *view) = prepare_film(film, view);
    }
    Some(Arc::new(light))
}

/// Whether a model knows the errors of its volumes, or of those that atlases guided. Errors that are there but cannot be
/// read are told when somebody asks for them.
pub fn is_known(model: &ModelSource, guided: bool) -> bool {
    !matches!(if guided { model.guided_uncertainty() } else { model.uncertainty() }, Ok(None))
}

/// The expected errors of a volume that came from this job.
fn expected_errors(case: &Case, job: &Job, cancel: &Cancel) -> Result<Volume, EvaluateError> {
    let model = ErrorModel::of(&job.model, case.guided.is_some())?
        .ok_or_else(|| EvaluateError::Input("the model knows no errors; `biplane calibrate` learns them".into()))?;
    let mut members = members(job, &|| cancel.is_raised())?;
    if let Some(guided) = &case.guided {
        members.extend(spread_volumes(&case.volume, &guided.spread_hu));
    }
    expected_error(&case.volume, &members, &model)
}

impl Workstation {
    /// Starts to estimate the errors of the volume on screen.
    pub(super) fn estimate_errors(&mut self) {
        let (Some(case), Some(job)) = (self.state.case.clone(), self.state.estimate.job.clone()) else { return };
        self.state.estimate.busy = true;
        self.jobs.start(Lane::Errors, move |cancel| {
            let result = expected_errors(&case, &job, cancel).map(Arc::new);
            Done::Errors { case: case.id, result }
        });
    }

    /// Stops the estimate.
    pub(super) fn stop_estimate(&mut self) {
        self.jobs.cancel(Lane::Errors);
        self.state.estimate.busy = false;
    }

    /// Takes the estimate in, if its volume is still the one on screen.
    pub(super) fn take_errors(&mut self, ctx: &egui::Context, case: u64, result: Result<Arc<Volume>, EvaluateError>) {
        if self.state.case.as_ref().is_none_or(|shown| shown.id != case) {
            return;
        }
        self.state.estimate.busy = false;
        match result {
            Ok(errors) => {
                self.show_expected_errors(errors);
                let view = ErrorView { on: true, ..self.state.viewer.state.errors };
                self.look(ctx, &ViewCommand::SetErrors(view));
            }
            Err(EvaluateError::Cancelled) => {}
            Err(cause) => self.state.note(Tone::Danger, "No expected errors", cause.to_string()),
        }
    }

    /// Takes in how far off each voxel of the volume on screen may be, HU, so that it can be laid over the pictures.
    pub fn show_expected_errors(&mut self, errors: Arc<Volume>) {
        let Some(case) = &self.state.case else { return };
        if case.errors.set(Arc::clone(&errors)).is_ok() {
            self.state.scene = self.state.scene.take().map(|scene| scene.with_errors(Some(errors)));
        }
    }
}
