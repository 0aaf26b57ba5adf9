//! Follows a plan from the first phase to the last and tells an observer. Knows no screen.

use super::augment::Variation;
use super::dataset::{self, Case};
use super::event::{Event, Step, Validation};
use super::loader::Loader;
use super::plan::{NetworkPlan, Phase, Stage};
use super::run_dir::RunDir;
use super::stage::{Batch, Learner, coarse_volume, refined_volume, validate};
use super::{TrainError, TrainPlan};
use crate::nn::model::{self, Architecture, InputRange, RefineArchitecture};
use crate::nn::runtime::DeviceChoice;
use crate::nn::unet::UNet;
use crate::nn::{Model, ModelCard, NnError, Precision, coarse, refine};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tch::{Device, Kind};

/// Decay of the running average of the weights.
const AVERAGE_DECAY: f64 = 0.997;
/// The model with the least validation error of the last phase of each stage.
const BEST_MODEL: &str = "best";
/// The model at the end of the run.
const FINAL_MODEL: &str = "final";

/// Whether an observer wants to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Stop after this event.
    Stop,
}

/// Trains as the plan says and keeps the run in `folder`.
///
/// # Errors
/// [`TrainError`] for a plan, case, device or folder that cannot be used, and where the loss is no number.
pub fn train(
    plan: &TrainPlan,
    folder: &Path,
    device: DeviceChoice,
    observer: &mut dyn FnMut(&Event) -> Control,
) -> Result<(), TrainError> {
    let device = device.device()?;
    let (training, validation) = dataset::load(&plan.data)?;
    let names = |cases: &[Case]| cases.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    let started = Event::Started { training: names(&training), validation: names(&validation) };
    let mut session = Session {
        plan,
        device,
        precision: Precision::fastest(device),
        run: RunDir::create(folder, plan)?,
        training: Arc::new(training),
        validation,
        observer,
    };
    session.tell(&started)?;
    session.run_phases()
}

struct Session<'a> {
    plan: &'a TrainPlan,
    device: Device,
    precision: Precision,
    run: RunDir,
    training: Arc<Vec<Case>>,
    validation: Vec<Case>,
    observer: &'a mut dyn FnMut(&Event) -> Control,
}

impl Session<'_> {
    fn tell(&mut self, event: &Event) -> Result<(), TrainError> {
        self.run.record(event)?;
        match (self.observer)(event) {
            Control::Continue => Ok(()),
            Control::Stop => Err(TrainError::Stopped),
        }
    }

    fn run_phases(&mut self) -> Result<(), TrainError> {
        let shape = self.plan.network;
        tch::manual_seed(self.plan.seed as i64);
        let (mut coarse, mut refine) = self.first_networks()?;
        for (index, phase) in self.plan.phase.iter().enumerate() {
            self.tell(&Event::PhaseStarted { phase: index, stage: phase.stage, side: phase.side })?;
            match phase.stage {
                Stage::Coarse => coarse = self.coarse_phase(index, phase, coarse)?,
                Stage::Refine => {
                    let net = refine.take().map_or_else(|| fresh_refiner(&shape, self.device), Ok)?;
                    refine = Some(self.refine_phase(index, phase, &coarse, net)?);
                }
            }
        }
        self.save(FINAL_MODEL, &coarse, refine.as_ref())?;
        self.tell(&Event::Finished)
    }

    /// Fresh networks, or those of the model the plan starts from.
    fn first_networks(&self) -> Result<(UNet, Option<UNet>), TrainError> {
        let shape = self.plan.network;
        let Some(folder) = &self.plan.start_from else {
            return Ok((UNet::new(coarse::config(shape.coarse_width, shape.input), self.device)?, None));
        };
        let model = Model::load(folder, self.device)?;
        let found = model.card().architecture;
        if (found.coarse_width, found.input) != (shape.coarse_width, shape.input) {
            let cause =
                format!("start_from has width {} and input {:?}, the plan another", found.coarse_width, found.input);
            return Err(TrainError::Plan(cause));
        }
        Ok(model.into_networks())
    }

    fn coarse_phase(&mut self, index: usize, phase: &Phase, net: UNet) -> Result<UNet, TrainError> {
        let (input, device, precision) = (self.plan.network.input, self.device, self.precision);
        let mut learner = Learner::new(net, AVERAGE_DECAY, precision)?;
        let mut best = f64::INFINITY;
        self.steps(index, phase, |session, batch, clock| {
            let (loss, gradient) = learner.coarse_step(batch, clock.lr, clock.step)?;
            if clock.validates {
                let errors = learner.with_average(|net| {
                    validate(&session.validation, phase.side, input, device, |b| coarse_volume(net, b, precision))
                })?;
                let mean = session.report(index, clock.step, errors)?;
                if mean < best {
                    best = mean;
                    learner.with_average(|net| session.save(BEST_MODEL, net, None))?;
                }
            }
            Ok((loss, gradient))
        })?;
        learner.into_averaged()
    }

    fn refine_phase(&mut self, index: usize, phase: &Phase, coarse: &UNet, net: UNet) -> Result<UNet, TrainError> {
        let (network, device, precision) = (self.plan.network, self.device, self.precision);
        let mut rng = ChaCha8Rng::seed_from_u64(self.plan.seed ^ index as u64);
        let mut learner = Learner::new(net, AVERAGE_DECAY, precision)?;
        let mut best = f64::INFINITY;
        self.steps(index, phase, |session, batch, clock| {
            let volume = coarse_volume(coarse, batch, precision)?;
            let (loss, gradient) =
                learner.refine_step(&volume, batch, network.refine, clock.lr, clock.step, &mut rng)?;
            if clock.validates {
                let errors = learner.with_average(|net| {
                    validate(&session.validation, phase.side, network.input, device, |b| {
                        let volume = coarse_volume(coarse, b, precision)?;
                        Ok(refined_volume(net, &volume, network.refine, precision)?)
                    })
                })?;
                let mean = session.report(index, clock.step, errors)?;
                if mean < best {
                    best = mean;
                    learner.with_average(|net| session.save(BEST_MODEL, coarse, Some(net)))?;
                }
            }
            Ok((loss, gradient))
        })?;
        learner.into_averaged()
    }

    /// Runs the steps of a phase until its steps or its minutes are used up.
    fn steps(
        &mut self,
        index: usize,
        phase: &Phase,
        mut learn: impl FnMut(&mut Self, &Batch, &Clock) -> Result<(f64, f64), TrainError>,
    ) -> Result<(), TrainError> {
        let variation = Variation {
            synthetic_share: self.plan.data.synthetic_share,
            radiograph_share: self.plan.data.radiograph_share,
            input: self.plan.network.input,
        };
        // Each phase has a stream of its own, so that adding a phase leaves the others as they were.
        let first = (index as u64) << 32;
        let loader = Loader::start(self.training.clone(), variation, phase.side, self.plan.seed, first)?;
        let begun = Instant::now();
        for step in 1..=phase.steps {
            let start = Instant::now();
            let elapsed = phase.minutes.map_or(0.0, |m| begun.elapsed().as_secs_f64() / (60.0 * m));
            let share = ((step - 1) as f64 / phase.steps as f64).max(elapsed);
            let last = step == phase.steps || share >= 1.0;
            let batch = Batch::new(&loader.next_sample()?, variation.input, self.device)?;
            let waited = start.elapsed().as_secs_f64();
            let validates = last || step % phase.validate_every == 0;
            let clock = Clock { step, lr: phase.learning_rate(share), validates };
            let (loss, gradient) = learn(self, &batch, &clock)?;
            let seconds = start.elapsed().as_secs_f64();
            let done = Step { phase: index, step, share, loss, gradient, lr: clock.lr, seconds, waited };
            self.tell(&Event::Step(done))?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn report(&mut self, phase: usize, step: u64, errors: Vec<(String, f64)>) -> Result<f64, TrainError> {
        let mean = errors.iter().map(|(_, e)| e).sum::<f64>() / errors.len().max(1) as f64;
        self.tell(&Event::Validated(Validation { phase, step, mae_hu: errors, mean_mae_hu: mean }))?;
        Ok(mean)
    }

    fn save(&mut self, name: &str, coarse: &UNet, refine: Option<&UNet>) -> Result<(), TrainError> {
        let folder = self.run.model(name);
        let card = self.card(refine.is_some());
        model::save(&folder, card, coarse.parameters(), refine.map(UNet::parameters), Kind::Float)?;
        self.tell(&Event::Saved(folder))
    }

    fn card(&self, refined: bool) -> ModelCard {
        let network = self.plan.network;
        let refine = refined.then_some(RefineArchitecture { width: network.refine_width, input: network.refine });
        let card = self.plan.card.clone();
        ModelCard {
            name: if card.name.is_empty() { format!("biplane width {}", network.coarse_width) } else { card.name },
            description: card.description,
            licence: card.licence,
            sha256: String::new(),
            architecture: Architecture { coarse_width: network.coarse_width, input: network.input, refine },
            input: InputRange {
                frontal_deg: vec![0.0, 180.0],
                lateral_deg: vec![90.0, 270.0],
                angle_tolerance_deg: 4.0,
                normalisation:
                    "films averaged to 1.7 mm at the isocentre; (p - p1) / (p99 - p1), clamped to [-0.2, 1.5]".into(),
            },
            data: card.data,
            training: card.training,
            metrics: Vec::new(),
        }
    }
}

/// Where a phase stands.
struct Clock {
    step: u64,
    lr: f64,
    validates: bool,
}

/// A refining network before its first step; a residual one begins by changing nothing.
fn fresh_refiner(shape: &NetworkPlan, device: Device) -> Result<UNet, NnError> {
    let mut net = UNet::new(refine::config(shape.refine_width, shape.refine), device)?;
    if shape.refine.residual {
        net.silence_head()?;
    }
    Ok(net)
}
