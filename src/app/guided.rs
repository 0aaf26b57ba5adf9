//! The networks' volume of a reconstruction and the one that atlases guided: which is on screen, how they are exchanged,
//! and what is borrowed. Knows no widget.

use super::state::{Case, Origin};
use super::widgets::Tone;
use super::{Workstation, estimate};
use crate::geometry::Volume;
use crate::nn::{Job, Reconstruction};
use std::sync::Arc;

/// A reconstruction as the networks made it, and with borrowed anatomy. One of them is on screen.
#[derive(Clone)]
pub struct GuidedPair {
    /// As the networks made it.
    pub network: Arc<Case>,
    /// With what atlases lent.
    pub guided: Arc<Case>,
    /// The job they came from, where the errors of both are known.
    pub job: Option<Arc<Job>>,
}

impl GuidedPair {
    /// The one that is not this case.
    pub fn other(&self, case: &Case) -> &Arc<Case> {
        if self.guided.id == case.id { &self.network } else { &self.guided }
    }
}

impl Workstation {
    /// The networks' volume is looked at while atlases are still being bent.
    pub(super) fn network_came(&mut self, result: &Reconstruction) {
        let case = Arc::new(Case::new(Arc::clone(&result.network), self.origin_of(result), None));
        self.state.pair = None;
        self.put_on_screen(Arc::clone(&case), self.run_kept.as_ref().and_then(|job| unguided(job)));
        self.run_network = Some(case);
    }

    /// The guided volume takes the place of the networks', which stays a key away. Where that one left the screen
    /// meanwhile nothing there changes, and false is returned.
    pub(super) fn finished(&mut self, result: Arc<Reconstruction>) -> bool {
        if self.run_network.is_none() {
            self.network_came(&result);
        }
        let is_shown = |network: &Arc<Case>| self.state.case.as_ref().is_some_and(|case| case.id == network.id);
        let shown = self.run_network.as_ref().is_some_and(is_shown);
        if !shown {
            if result.guided.is_some() {
                let text = "The networks' volume left the screen meanwhile; press Reconstruct to see both.";
                self.state.note(Tone::Notice, "The guided volume is not shown", text);
            }
            self.run_network = None;
        }
        let (network, job) = (self.run_network.take(), self.run_kept.take());
        if let (Some(network), Some(guided)) = (network, &result.guided) {
            let origin = self.origin_of(&result);
            let guided = Arc::new(Case::new(Arc::clone(&guided.volume), origin, Some(Arc::clone(guided))));
            self.put_on_screen(Arc::clone(&guided), job.clone().and_then(guided_job));
            self.state.pair = Some(GuidedPair { network, guided, job });
        }
        (self.run_placement, self.run_patient) = (None, None);
        shown
    }

    /// Puts a reconstruction of simulated films that was made elsewhere on screen.
    pub fn show_reconstruction(&mut self, result: Arc<Reconstruction>) {
        self.run_simulated = true;
        self.finished(result);
    }

    fn origin_of(&self, result: &Reconstruction) -> Origin {
        let frame_of_reference = self.run_placement.as_ref().and_then(|p| p.frame_of_reference.clone());
        let mut origin = Origin::reconstructed(result, self.run_simulated, frame_of_reference);
        if let Origin::Films { patient_id, .. } = &mut origin {
            patient_id.clone_from(&self.run_patient);
        }
        origin
    }

    /// Exchanges the networks' volume and the guided one on screen.
    pub(super) fn switch_guidance(&mut self) {
        let (Some(pair), Some(case)) = (self.state.pair.clone(), self.state.case.clone()) else { return };
        let other = Arc::clone(pair.other(&case));
        let job = pair.job.and_then(|job| if other.guided.is_some() { guided_job(job) } else { unguided(&job) });
        self.put_on_screen(other, job);
    }
}

/// The job where the errors of its guided volume are known.
fn guided_job(job: Arc<Job>) -> Option<Arc<Job>> {
    estimate::is_known(&job.model, true).then_some(job)
}

/// The same job for the networks alone, where their errors are known.
fn unguided(job: &Job) -> Option<Arc<Job>> {
    estimate::is_known(&job.model, false).then(|| Arc::new(Job { guide: None, ..job.clone() }))
}

/// The borrowed shares as a volume to lay over the pictures: 0 to 255.
pub(super) fn borrowed_volume(volume: &Volume, shares: &[u8]) -> Option<Arc<Volume>> {
    let values = shares.iter().map(|share| i16::from(*share)).collect();
    Volume::new(volume.frame().clone(), values).ok().map(Arc::new)
}
