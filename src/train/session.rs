//! Follows a plan from the first phase to the last and tells an observer. Knows no screen.

use super::augment::plain_sample;
use super::batch::Batch;
use super::cases::Cases;
use super::checkpoint::{self, State, Tensors};
use super::event::{Event, Started, Step, Validation};
use super::learner::{Learn, Moment};
use super::loader::Loader;
use super::memory::KeptMemory;
use super::networks::{Networks, store_refiner};
use super::phase::{Pace, begin_phase, stream};
use super::plan::Phase;
use super::preview::Preview;
use super::run_dir::{BEST_MODEL, FINAL_MODEL, RunDir, Start};
use super::select::Selection;
use super::watch::Watch;
use super::{TrainError, TrainPlan};
use crate::nn::Precision;
use crate::nn::parameters::seed_weights;
use crate::nn::runtime::{DeviceChoice, device_name};
use crate::nn::unet::UNet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tch::Device;

/// Keeps the random numbers of steps apart from those of samples.
const STEP_SEED: u64 = 0x7374_6570;

/// What an observer wants after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Write a checkpoint after this step, then go on.
    Save,
    /// Write a checkpoint and stop.
    Stop,
}

/// Where a run begins.
#[derive(Clone, Debug)]
pub enum Begin {
    /// With the first step of a plan, in a folder that holds no run yet.
    Fresh(Box<TrainPlan>),
    /// After the last step of the folder's checkpoint.
    Resume,
}

/// A training job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where it begins.
    pub begin: Begin,
    /// The run's folder.
    pub folder: PathBuf,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Processor cores to use; all where absent. A resumed run uses as many threads as before.
    pub cores: Option<usize>,
}

impl Job {
    /// A fresh run of a plan with all cores.
    pub fn fresh(plan: TrainPlan, folder: PathBuf, device: DeviceChoice) -> Self {
        Self { begin: Begin::Fresh(Box::new(plan)), folder, device, cores: None }
    }

    /// The same job on so many cores.
    #[must_use]
    pub fn on_cores(self, cores: usize) -> Self {
        Self { cores: Some(cores), ..self }
    }

    /// The cores the job uses.
    pub fn cores_to_use(&self) -> usize {
        self.cores.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get())).max(1)
    }

    /// The rest of a run with all cores.
    pub fn resume(folder: PathBuf, device: DeviceChoice) -> Self {
        Self { begin: Begin::Resume, folder, device, cores: None }
    }
}

/// Trains, keeps the run in its folder, and tells the observer; it ends with [`Event::Finished`] or an error.
///
/// # Errors
/// [`TrainError`] for a plan, case, checkpoint, device or folder that cannot be used, where the loss is no number, and
/// [`TrainError::Stopped`] where the observer asked for it (a checkpoint has been written then).
pub fn train(job: &Job, observer: &mut dyn FnMut(&Event) -> Control) -> Result<(), TrainError> {
    let device = job.device.device()?;
    let cores = job.cores_to_use();
    let found = match &job.begin {
        Begin::Fresh(_) => None,
        Begin::Resume => Some(checkpoint::load(&job.folder)?),
    };
    let plan = match (&job.begin, &found) {
        (Begin::Fresh(plan), _) => {
            plan.check()?;
            plan.as_ref().clone()
        }
        (_, Some((state, _))) => TrainPlan::from_toml(&state.plan)?,
        (Begin::Resume, None) => return Err(TrainError::Plan("nothing to resume".into())),
    };
    let cases = Arc::new(Cases::open(&plan.data)?);
    if cases.per_epoch() == 0 {
        return Err(TrainError::Plan("names no training case: all are excluded or kept for validation".into()));
    }
    let state = match &found {
        Some((state, _)) => same_data(state, &cases)?,
        None => State::new(plan.to_toml()?, cases.manifest_sha256(), Precision::fastest(device), cores as i32),
    };
    tch::set_num_threads(state.threads);
    let _kept = KeptMemory::start();
    let run = match found {
        None => RunDir::create(&job.folder, &plan)?,
        Some(_) => RunDir::reopen(&job.folder, &state)?,
    };
    run.note_start(start(&state, &plan, device))?;
    let session = Session {
        plan: &plan,
        device,
        cores,
        run,
        cases,
        state,
        observer,
        stop: false,
        watch: Watch::default(),
        selection: Selection::default(),
    };
    session.run(found.map(|(_, tensors)| tensors))
}

/// The state of a checkpoint, unless the data set is another one now.
fn same_data(state: &State, cases: &Cases) -> Result<State, TrainError> {
    if state.manifest_sha256 != cases.manifest_sha256() {
        return Err(TrainError::Plan(
            "the data set's manifest has changed since the checkpoint; start a new run, or put the old data set back"
                .into(),
        ));
    }
    Ok(state.clone())
}

fn start(state: &State, plan: &TrainPlan, device: Device) -> Start {
    Start {
        unix_secs: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        program: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("BIPLANE_COMMIT").unwrap_or("unknown").into(),
        device: device_name(device),
        precision: format!("{:?}", state.precision).to_lowercase(),
        threads: state.threads,
        seed: plan.seed,
        manifest_sha256: state.manifest_sha256.clone(),
        from: [state.phase as u64, state.step],
        perceptual: None,
    }
}

struct Session<'a> {
    plan: &'a TrainPlan,
    device: Device,
    cores: usize,
    run: RunDir,
    cases: Arc<Cases>,
    state: State,
    observer: &'a mut dyn FnMut(&Event) -> Control,
    stop: bool,
    watch: Watch,
    selection: Selection,
}

impl Session<'_> {
    /// Records an event and tells it; whether the observer wants a checkpoint.
    fn tell(&mut self, event: &Event) -> Result<bool, TrainError> {
        self.run.record(event)?;
        let wish = (self.observer)(event);
        self.stop |= wish == Control::Stop;
        Ok(wish == Control::Save)
    }

    fn run(mut self, mut stored: Option<Tensors>) -> Result<(), TrainError> {
        let (training, validation) = self.cases.names();
        let (device, resumed) = (device_name(self.device), stored.is_some());
        self.tell(&Event::Started(Started { training, validation, device, resumed }))?;
        let unregistered = self.cases.unregistered();
        if !unregistered.is_empty() {
            let text = format!("no field, so never bent towards another case: {}", unregistered.join(", "));
            self.tell(&Event::Warning(text))?;
        }
        let mut networks = match &stored {
            Some(tensors) => Networks::restore(tensors, &self.plan.network, self.device)?,
            None => {
                seed_weights(self.plan.seed);
                Networks::first(self.plan, self.device)?
            }
        };
        let plan = self.plan;
        for (index, phase) in plan.phase.iter().enumerate().skip(self.state.phase) {
            networks = self.phase(index, phase, networks, stored.take())?;
            self.state.next_phase();
            let mut tensors = Tensors::default();
            networks.store(&mut tensors);
            self.checkpoint(&tensors)?;
            self.obey_stop()?;
        }
        self.save(FINAL_MODEL, &networks)?;
        self.tell(&Event::Finished).map(|_| ())
    }

    /// Runs what is left of a phase; `stored` holds the learner's state where the phase was begun before.
    fn phase(
        &mut self,
        index: usize,
        phase: &Phase,
        networks: Networks,
        stored: Option<Tensors>,
    ) -> Result<Networks, TrainError> {
        // Fresh weights of a phase depend on the seed and the phase alone, however often the run was resumed.
        seed_weights(self.plan.seed ^ ((index as u64) << 32));
        (self.watch, self.selection) = (Watch::default(), Selection::new(phase.stage, self.device));
        let stored = stored.filter(|_| self.state.step > 0);
        let (mut learner, idle) = begin_phase(self.plan, phase, networks, self.state.precision, self.device)?;
        if let Some(text) = learner.looks_with() {
            self.run.note_perceptual(text)?;
        }
        self.steps(index, phase, learner.as_mut(), stored, idle.as_ref())?;
        let kept = learner.networks()?;
        Ok(Networks { refine: kept.refine.or(idle), ..kept })
    }

    /// Runs the steps of a phase until they, its minutes or its patience are used up. `idle` is a refining network that
    /// waits while the coarse one learns.
    fn steps(
        &mut self,
        index: usize,
        phase: &Phase,
        learner: &mut dyn Learn,
        stored: Option<Tensors>,
        idle: Option<&UNet>,
    ) -> Result<(), TrainError> {
        if let Some(tensors) = &stored {
            learner.restore(tensors)?;
        }
        let pace = Pace::new(phase, self.cases.per_epoch() as u64, self.plan.steps.accumulate);
        let (stage, side, done) = (phase.stage, phase.side, self.state.step);
        self.tell(&Event::PhaseStarted { phase: index, stage, side, steps: pace.steps, done })?;
        let mut loader = Loader::start(&stream(self.plan, index, &self.cases, self.cores), done * pace.accumulate)?;
        let begun = Instant::now() - Duration::from_secs_f64(self.state.elapsed_secs);
        for step in done + 1..=pace.steps {
            let started = Instant::now();
            let share = pace.share(step, begun.elapsed());
            let batches = self.batches(&mut loader, pace.accumulate)?;
            let waited = started.elapsed().as_secs_f64();
            let seed = self.plan.seed ^ STEP_SEED ^ ((index as u64) << 32);
            let moment = Moment { step, share, lr: phase.learning_rate(step, share), seed };
            let outcome = learner.step(&batches, &moment)?;
            (self.state.step, self.state.elapsed_secs) = (step, begun.elapsed().as_secs_f64());
            let mut last = step == pace.steps || share >= 1.0;
            let seconds = started.elapsed().as_secs_f64();
            let done = Step {
                phase: index,
                epoch: pace.epoch(step),
                step,
                share,
                loss: outcome.loss,
                terms: outcome.terms,
                gradient: outcome.gradient,
                lr: moment.lr,
                seconds,
                waited,
            };
            if let Some(text) = self.watch.hear(&done) {
                self.tell(&Event::Warning(text))?;
            }
            let wanted = self.tell(&Event::Step(done))?;
            if last || pace.validates(step) {
                self.validate(index, phase, learner)?;
                last |= phase.patience.is_some_and(|p| self.state.judge.stale >= p);
            }
            if wanted || self.stop || step % self.plan.steps.checkpoint_every == 0 {
                let mut tensors = Tensors::default();
                learner.store(&mut tensors);
                idle.into_iter().for_each(|net| store_refiner(net, &mut tensors));
                self.checkpoint(&tensors)?;
            }
            self.obey_stop()?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn batches(&self, loader: &mut Loader, count: u64) -> Result<Vec<Batch>, TrainError> {
        (0..count).map(|_| Batch::new(&loader.next_sample()?, self.plan.network.input, self.device)).collect()
    }

    fn validate(&mut self, index: usize, phase: &Phase, learner: &mut dyn Learn) -> Result<(), TrainError> {
        let count = self.cases.validation_count();
        if count == 0 {
            return self.save(BEST_MODEL, &learner.networks()?);
        }
        let (mut errors, mut judged, mut preview) = (Vec::new(), Vec::new(), None);
        for k in 0..count {
            let case = self.cases.validation(k)?;
            let sample = plain_sample(&case, phase.side, self.plan.network.films(phase.stage))
                .map_err(|e| TrainError::Plan(e.to_string()))?;
            let batch = Batch::new(&sample, self.plan.network.input, self.device)?;
            let volume = learner.volume(&batch)?;
            errors.push((case.name.clone(), batch.mae_hu(&volume)?));
            judged.push(self.selection.look(k, &volume, &batch, &*learner)?);
            if preview.is_none() {
                preview = Some(Arc::new(Preview::new(case.name.clone(), &volume, &batch)?));
            }
        }
        let mean = errors.iter().map(|(_, e)| e).sum::<f64>() / count as f64;
        let score = self.selection.score(phase.stage, &judged).unwrap_or(mean);
        let judge = &mut self.state.judge;
        let best = if self.selection.admits(&judged) { judge.hear(score) } else { judge.pass_over() };
        let (step, smoothed) = (self.state.step, self.state.judge.smoothed.unwrap_or(score));
        self.tell(&Event::Validated(Validation {
            phase: index,
            step,
            mae_hu: errors,
            mean_mae_hu: mean,
            detail: judged.into_iter().map(|case| case.detail).collect(),
            smoothed_score: smoothed,
            best,
            preview,
        }))?;
        if best { self.save(BEST_MODEL, &learner.networks()?) } else { Ok(()) }
    }

    fn checkpoint(&mut self, tensors: &Tensors) -> Result<(), TrainError> {
        let path = checkpoint::save(self.run.folder(), &self.state, tensors)?;
        self.tell(&Event::Checkpoint(path)).map(|_| ())
    }

    fn save(&mut self, name: &str, networks: &Networks) -> Result<(), TrainError> {
        let folder = self.run.model(name);
        networks.save(&folder, self.plan)?;
        self.tell(&Event::Saved(folder)).map(|_| ())
    }

    fn obey_stop(&self) -> Result<(), TrainError> {
        if self.stop { Err(TrainError::Stopped) } else { Ok(()) }
    }
}
