//! Looks before a run leaps: are the cases there, is there room, how long will it take. Knows no screen.

use super::batch::Batch;
use super::cases::Cases;
use super::checkpoint::Tensors;
use super::learner::Moment;
use super::loader::Loader;
use super::memory::KeptMemory;
use super::networks::Networks;
use super::phase::{Pace, begin_phase, stream};
use super::plan::{Phase, Stage};
use super::session::Job;
use super::{TrainError, TrainPlan, machine};
use crate::nn::Precision;
use std::sync::Arc;
use std::time::Instant;

/// Checkpoints and models that lie on the disk at once: the last checkpoint, the one being written, best and final.
const FILES_AT_ONCE: u64 = 4;
/// What a step needs besides what was seen to be needed, so that nothing is promised too tightly.
const MEMORY_MARGIN: f64 = 1.2;

/// What a run would need and have.
#[derive(Clone, Debug, PartialEq)]
pub struct Preflight {
    /// Cases of an epoch.
    pub training: usize,
    /// Validation cases.
    pub validation: usize,
    /// Bytes the run's folder will hold at most.
    pub disk_needed_bytes: u64,
    /// Bytes free there, where known.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of memory seen in use while a step was tried, where known.
    pub memory_used_bytes: Option<u64>,
    /// Bytes of memory still available then, where known.
    pub memory_available_bytes: Option<u64>,
    /// Numbers that the networks learn.
    pub parameters: usize,
    /// Each phase.
    pub phases: Vec<PhaseEstimate>,
    /// What speaks against starting.
    pub warnings: Vec<String>,
}

/// What a phase will take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhaseEstimate {
    /// Which network.
    pub stage: Stage,
    /// Voxels along the side.
    pub side: usize,
    /// Optimiser steps.
    pub steps: u64,
    /// Seconds of a measured step, waiting for data included.
    pub step_secs: f64,
    /// Seconds of the phase, validation left out.
    pub phase_secs: f64,
}

impl Preflight {
    /// Seconds of the whole run, validation left out.
    pub fn total_secs(&self) -> f64 {
        self.phases.iter().map(|p| p.phase_secs).sum()
    }
}

/// Tries one step of each phase without writing anything. `told` is called before each phase with its number and ends
/// the try where it returns false.
///
/// # Errors
/// As [`super::train`]; [`TrainError::Stopped`] where `told` returned false.
pub fn preflight(job: &Job, plan: &TrainPlan, told: &mut dyn FnMut(usize) -> bool) -> Result<Preflight, TrainError> {
    plan.check()?;
    let cases = Arc::new(Cases::open(&plan.data)?);
    let mut found = Preflight {
        training: cases.per_epoch(),
        validation: cases.validation_count(),
        disk_needed_bytes: 0,
        disk_free_bytes: machine::free_disk_bytes(&job.folder),
        memory_used_bytes: None,
        memory_available_bytes: machine::available_memory_bytes(),
        parameters: 0,
        phases: Vec::new(),
        warnings: Vec::new(),
    };
    for (index, phase) in plan.phase.iter().enumerate() {
        if !told(index) {
            return Err(TrainError::Stopped);
        }
        let rehearsal = rehearse(job, plan, index, &cases)?;
        found.parameters = found.parameters.max(rehearsal.parameters);
        found.phases.push(estimate(phase, &rehearsal));
        found.disk_needed_bytes = found.disk_needed_bytes.max(FILES_AT_ONCE * rehearsal.stored_bytes);
        found.memory_used_bytes = found.memory_used_bytes.max(rehearsal.memory_bytes);
        let left = found.memory_available_bytes.zip(rehearsal.memory_left_bytes);
        found.memory_available_bytes = left.map(|(before, now)| before.min(now));
    }
    found.warnings = warnings(&found, plan);
    Ok(found)
}

fn estimate(phase: &Phase, rehearsal: &Rehearsal) -> PhaseEstimate {
    let whole = rehearsal.steps as f64 * rehearsal.step_secs;
    PhaseEstimate {
        stage: phase.stage,
        side: phase.side,
        steps: rehearsal.steps,
        step_secs: rehearsal.step_secs,
        phase_secs: phase.minutes.map_or(whole, |m| whole.min(60.0 * m)),
    }
}

fn warnings(found: &Preflight, plan: &TrainPlan) -> Vec<String> {
    let mut all = Vec::new();
    if found.training == 0 {
        all.push("no training case: all are excluded or kept for validation".to_owned());
    }
    if found.validation == 0 {
        all.push("no validation case: the best model cannot be told from the last".to_owned());
    }
    if found.disk_free_bytes.is_some_and(|free| free < found.disk_needed_bytes) {
        all.push("the disk is too full for checkpoints and models".to_owned());
    }
    let needed = found.memory_used_bytes.map(|used| used as f64 * (MEMORY_MARGIN - 1.0));
    if needed.zip(found.memory_available_bytes).is_some_and(|(needed, left)| left < needed as u64) {
        all.push("memory is nearly used up by one step; choose a smaller width".to_owned());
    }
    if plan.phase.first().is_some_and(|p| p.stage == Stage::Refine) && plan.start_from.is_none() {
        all.push("stage 2 begins on a coarse network with fresh weights; give start_from a model".to_owned());
    }
    all
}

/// What trying a phase told.
struct Rehearsal {
    parameters: usize,
    steps: u64,
    step_secs: f64,
    stored_bytes: u64,
    memory_bytes: Option<u64>,
    memory_left_bytes: Option<u64>,
}

/// Takes two steps of a phase on fresh networks; the second one counts, since the first one warms up.
fn rehearse(job: &Job, plan: &TrainPlan, index: usize, cases: &Arc<Cases>) -> Result<Rehearsal, TrainError> {
    let device = job.device.device()?;
    let cores = job.cores_to_use();
    let phase = &plan.phase[index];
    let _kept = KeptMemory::start();
    let precision = Precision::fastest(device);
    let networks = Networks::first(plan, device)?;
    let (mut learner, idle) = begin_phase(plan, phase, networks, precision, device)?;
    let pace = Pace::new(phase, cases.per_epoch() as u64, plan.steps.accumulate);
    let mut loader = Loader::start(&stream(plan, index, cases, cores), 0)?;
    let mut step_secs = 0.0;
    for step in 1..=2 {
        let started = Instant::now();
        let batches = (0..plan.steps.accumulate)
            .map(|_| Batch::new(&loader.next_sample()?, plan.network.input, device))
            .collect::<Result<Vec<_>, _>>()?;
        learner.step(&batches, &Moment { step, share: 0.0, lr: phase.lr_low, seed: plan.seed })?;
        step_secs = started.elapsed().as_secs_f64();
    }
    let mut tensors = Tensors::default();
    learner.store(&mut tensors);
    let kept = learner.networks()?;
    let refiner = kept.refine.as_ref().or(idle.as_ref()).map_or(0, |net| net.parameters().len());
    Ok(Rehearsal {
        parameters: kept.coarse.parameters().len() + refiner,
        steps: pace.steps,
        step_secs,
        stored_bytes: tensors.bytes(),
        memory_bytes: machine::own_memory_bytes(),
        memory_left_bytes: machine::available_memory_bytes(),
    })
}
