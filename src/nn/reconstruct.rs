//! Two films to a CT on a thread of its own, stage by stage, cancellable. Knows no screen: it sends events.

use super::guidance::{Guide, GuideTask, Unguided};
use super::model::{Model, ModelCard};
use super::reconstruction::{Reconstruction, StageSeconds};
use super::refine::{self, refine_slices};
use super::runtime::{DeviceChoice, Precision, device_name};
use super::source::ModelSource;
use super::tensor::{from_channels, to_values};
use super::{NnError, unet};
use crate::geometry::{CUBE_SIDE_VOXELS, Frame, Raster, ViewPair, Volume};
use crate::projection::sirt::SirtProgress;
use crate::projection::{
    FilmScale, SirtError, SirtOptions, back_project, back_project_bands, prepare_film, sirt, standardise,
};
use crate::units::MAX_RELATIVE_ATTENUATION;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Instant;
use tch::{Device, Tensor};

/// Slices the refining network does at once on the CPU: small enough to stay in the cache and to be cancelled soon.
pub const CPU_SLICES: i64 = 8;
/// Slices at once on a GPU; halved whenever its memory runs out.
const GPU_SLICES: i64 = CUBE_SIDE_VOXELS as i64;

/// Updates of SIRT after the networks unless told otherwise. None, since they do not improve every figure: on the three
/// patients not trained on (validation, validation, demo) one update changes the MAE by +0.3, -2.2 and -0.6 HU, PSNR by
/// +0.15, +0.20 and +0.16 dB, SSIM by +0.003, +0.005 and +0.007, lung Dice by 0.000, +0.001 and +0.001; ten at full length
/// +3.1, +1.8 and +0.9 HU, +0.44, +0.48 and +0.44 dB, -0.016, -0.016 and +0.004.
pub const CONSISTENCY_STEPS: u32 = 0;

/// Length of these updates: what films do not tell is spread evenly along their rays, air included, so half is better.
const CONSISTENCY_RELAXATION: f32 = 0.5;

/// What to reconstruct.
#[derive(Clone, Debug)]
pub struct Job {
    /// The films in the geometry's own orientation (unflipped), white = dense, affine in the line integral;
    /// NaN outside the collimated field.
    pub films: [Raster; 2],
    /// How they were taken; detector sizes are the films'.
    pub views: ViewPair,
    /// Where the result stands: the cube, its centre at the isocentre ([`Frame::cube`]).
    pub frame: Frame,
    /// Which networks.
    pub model: ModelSource,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Updates of SIRT that bring the networks' volume nearer to the films at the end; see [`CONSISTENCY_STEPS`].
    pub consistency_steps: u32,
    /// What lends anatomy to the networks' volume; the volume stays theirs where there is none.
    pub guide: Option<Arc<dyn Guide>>,
}

/// How far a job is. The last event of every job is `Finished`, `Cancelled` or `Failed`.
#[derive(Clone, Debug)]
pub enum Event {
    /// The films are being back-projected.
    BackProjection,
    /// The coarse network has done some of its convolutions.
    Coarse {
        /// Done.
        done: usize,
        /// Of all.
        of: usize,
    },
    /// The refining network has done some slices.
    Refine {
        /// Done.
        done: usize,
        /// Of all.
        of: usize,
    },
    /// The volume is being brought nearer to the films.
    Consistency {
        /// Updates done.
        done: usize,
        /// Of all.
        of: usize,
    },
    /// The networks' volume is there; the guide goes on from it.
    Network(Arc<Reconstruction>),
    /// The guide has done some of its work.
    Guiding {
        /// Done.
        done: usize,
        /// Of all.
        of: usize,
    },
    /// Something the user should know, as a change of device.
    Notice(String),
    /// Done.
    Finished(Arc<Reconstruction>),
    /// Stopped as asked.
    Cancelled,
    /// Ended by an error: cause and what to do.
    Failed(String),
}

/// Starts jobs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reconstructor;

/// A running job.
pub struct Handle {
    events: Receiver<Event>,
    cancelled: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Handle {
    /// The next event, if one has come.
    ///
    /// # Errors
    /// `Empty` while the job works on, `Disconnected` after its last event.
    pub fn poll(&self) -> Result<Event, TryRecvError> {
        self.events.try_recv()
    }

    /// Waits for the next event; `None` after the last.
    pub fn wait(&self) -> Option<Event> {
        self.events.recv().ok()
    }

    /// Asks the job to stop. Answers at once; the job ends at its next block, with [`Event::Cancelled`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Asks the job to stop and sees its thread end. Whoever ends the process after a job must do so: libtorch takes its
    /// statics down then, and a network that still runs crashes.
    pub fn end(mut self) {
        self.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic was caught inside and told as the last event.
            let _ = thread.join();
        }
    }

    /// The flag behind [`Handle::cancel`], for a signal handler.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }
}

impl Drop for Handle {
    /// A job nobody listens to stops.
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Reconstructor {
    /// Starts a job on a thread of its own. `notify` is called after every event, as to ask for a repaint.
    pub fn start(job: Job, notify: impl Fn() + Send + 'static) -> Handle {
        let (send, events) = channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let run = Run { send, notify: Box::new(notify), cancelled: cancelled.clone() };
        let failed = run.send.clone();
        let thread = std::thread::Builder::new().name("reconstructor".into()).spawn(move || run.finish(job));
        if let Err(error) = &thread {
            // The receiver is held here, so this cannot fail.
            let _ =
                failed.send(Event::Failed(format!("no thread for the reconstruction ({error}); close other programs")));
        }
        Handle { events, cancelled, thread: thread.ok() }
    }

    /// Runs a job on this thread and returns its result; `on_event` sees every event but the last.
    ///
    /// # Errors
    /// As the job's own.
    pub fn run(job: Job, mut on_event: impl FnMut(Event)) -> Result<Arc<Reconstruction>, NnError> {
        let handle = Self::start(job, || {});
        while let Some(event) = handle.wait() {
            match event {
                Event::Finished(result) => return Ok(result),
                Event::Cancelled => return Err(NnError::Cancelled),
                Event::Failed(cause) => return Err(NnError::Input(cause)),
                other => on_event(other),
            }
        }
        Err(NnError::Cancelled)
    }
}

/// What the networks see of the films.
struct Seen {
    /// The coarse network, `[1, C, D, H, W]`.
    input: Tensor,
    /// The refining network beside the coarse volume, `[C, D, H, W]`.
    beside: Option<Tensor>,
}

/// One job at work.
struct Run {
    send: Sender<Event>,
    notify: Box<dyn Fn() + Send>,
    cancelled: Arc<AtomicBool>,
}

impl Run {
    fn tell(&self, event: Event) {
        // Where nobody listens any more the cancel flag is set, and the job ends soon.
        let _ = self.send.send(event);
        (self.notify)();
    }

    fn check(&self) -> Result<(), NnError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(NnError::Cancelled) } else { Ok(()) }
    }

    /// Does the job and sends its last event, whatever happens.
    fn finish(&self, job: Job) {
        let done = catch_unwind(AssertUnwindSafe(|| self.guided(&job, self.reconstruct(&job)?)));
        self.tell(match done {
            Ok(Ok(result)) => Event::Finished(Arc::new(result)),
            Ok(Err(NnError::Cancelled)) => Event::Cancelled,
            Ok(Err(error)) => Event::Failed(error.to_string()),
            Err(_) => Event::Failed("libtorch stopped unexpectedly; try the CPU as device".into()),
        });
    }

    /// With what the job's guide lends, told as a notice where that is nothing.
    fn guided(&self, job: &Job, networks: Reconstruction) -> Result<Reconstruction, NnError> {
        let Some(guide) = &job.guide else { return Ok(networks) };
        self.tell(Event::Network(Arc::new(networks.clone())));
        let task = GuideTask { films: &job.films, views: &job.views, network: &networks.network };
        let mut told = |done, of| {
            self.tell(Event::Guiding { done, of });
            self.check().is_ok()
        };
        // What the networks made is not lost where its guide fails.
        let guided = catch_unwind(AssertUnwindSafe(|| guide.guide(&task, &mut told)));
        let failed = "no guidance: it stopped unexpectedly; the networks' volume stays as it is";
        match guided.unwrap_or_else(|_| Err(Unguided::Notice(failed.to_owned()))) {
            Ok(guided) => {
                let seconds = StageSeconds { guide: guided.seconds, ..networks.seconds };
                Ok(Reconstruction { guided: Some(Arc::new(guided)), seconds, ..networks })
            }
            Err(Unguided::Cancelled) => Err(NnError::Cancelled),
            Err(Unguided::Notice(why)) => {
                self.tell(Event::Notice(why));
                Ok(networks)
            }
        }
    }

    /// On the chosen device; where a GPU's memory runs out, on the CPU.
    fn reconstruct(&self, job: &Job) -> Result<Reconstruction, NnError> {
        let device = job.device.device()?;
        match self.reconstruct_on(job, device) {
            Err(NnError::OutOfMemory { device: name }) if device.is_cuda() => {
                self.tell(Event::Notice(format!("{name} ran out of memory; continuing on the CPU")));
                self.reconstruct_on(job, Device::Cpu)
            }
            done => done,
        }
    }

    fn reconstruct_on(&self, job: &Job, device: Device) -> Result<Reconstruction, NnError> {
        let _guard = tch::no_grad_guard();
        let mut seconds = StageSeconds::default();
        let mut clock = Instant::now();
        let mut lap = || std::mem::replace(&mut clock, Instant::now()).elapsed().as_secs_f64();
        let model = job.model.load(device)?;
        seconds.load = lap();
        let seen = self.back_projected(job, &model, device)?;
        seconds.back_projection = lap();
        let precision = Precision::for_inference(device);
        let coarse = self.coarse(&model, &seen.input, precision)?;
        seconds.coarse = lap();
        let r = match model.refine() {
            Some(_) => {
                let from = refine::Unrefined { volume: &coarse, beside: seen.beside.as_ref() };
                self.refined(&model, &from, precision)?
            }
            None => coarse,
        };
        let values = to_values(&r.f_clamp(0.0, f64::from(MAX_RELATIVE_ATTENUATION))?)?;
        seconds.refine = lap();
        let values = if job.consistency_steps > 0 { self.corrected(job, &values)? } else { values };
        seconds.consistency = lap();
        let volume = Volume::from_relative_attenuation(job.frame.clone(), &values)
            .map_err(|e| NnError::Input(format!("the result does not fit its frame: {e}")))?;
        let ModelCard { name, sha256, detectability, .. } = model.card().clone();
        let device = device_name(device);
        let network = Arc::new(volume);
        Ok(Reconstruction { network, guided: None, seconds, device, model: name, model_sha256: sha256, detectability })
    }

    /// Relative attenuation moved towards what the films measured, by SIRT from the networks' volume: what the films
    /// do not see stays as it is. Their gain and offset are those that fit the volume.
    fn corrected(&self, job: &Job, values: &[f32]) -> Result<Vec<f32>, NnError> {
        let prepared = [0, 1].map(|i: usize| prepare_film(&job.films[i], &job.views.views[i]));
        let views = [prepared[0].1, prepared[1].1];
        let films = prepared.map(|(film, _)| film);
        let options = SirtOptions {
            iterations: job.consistency_steps as usize,
            relaxation: CONSISTENCY_RELAXATION,
            tv_weight: 0.0,
            scale: FilmScale::Unknown,
            ..SirtOptions::default()
        };
        let mut observe = |at: SirtProgress| {
            self.tell(Event::Consistency { done: at.done, of: at.of });
            self.check().is_ok()
        };
        let moved = sirt(&films, &views, &Frame::cube([0.0; 3]), &options, Some(values), &mut observe);
        moved.map_err(|error| match error {
            SirtError::Cancelled => NnError::Cancelled,
            other => NnError::Input(other.to_string()),
        })
    }

    /// What the networks see of the films.
    fn back_projected(&self, job: &Job, model: &Model, device: Device) -> Result<Seen, NnError> {
        self.check()?;
        self.tell(Event::BackProjection);
        let cube = Frame::cube([0.0; 3]);
        if job.frame.dims() != cube.dims() {
            return Err(NnError::Input(format!("the result's frame must be the cube, not {:?}", job.frame.dims())));
        }
        let prepared: [_; 2] = std::array::from_fn(|i| {
            let (film, view) = prepare_film(&job.films[i], &job.views.views[i]);
            (standardise(&film), view)
        });
        let views = [prepared[0].1, prepared[1].1];
        let films = prepared.map(|(film, _)| film);
        if let Some(caution) = model.card().input.caution(&job.views) {
            self.tell(Event::Notice(caution));
        }
        let channels = model.card().architecture.input;
        let values = back_project(&films, &views, &cube, channels);
        let input = from_channels(&values, channels.channels(), cube.dims().map(|n| channels.side(n)), device)?;
        let beside = match model.refine().map_or(0, |(_, sees)| sees.beside_channels()) {
            0 => None,
            channels => {
                let values = back_project_bands(&films, &views, &cube);
                Some(from_channels(&values, channels, cube.dims(), device)?.f_squeeze_dim(0)?)
            }
        };
        Ok(Seen { input, beside })
    }

    /// `[D, H, W]`.
    fn coarse(&self, model: &Model, input: &Tensor, precision: Precision) -> Result<Tensor, NnError> {
        let done = Cell::new(0);
        let interrupt = || {
            self.check()?;
            self.tell(Event::Coarse { done: done.get(), of: model.coarse().parts() });
            done.set(done.get() + 1);
            Ok(())
        };
        let out = model.coarse().forward(input, precision, &interrupt)?;
        Ok(out.f_select(0, 0)?.f_select(0, 0)?)
    }

    /// `[D, H, W]`; smaller batches where a GPU's memory runs out.
    fn refined(&self, model: &Model, from: &refine::Unrefined, precision: Precision) -> Result<Tensor, NnError> {
        let on_gpu = from.volume.device().is_cuda();
        let mut batch = if on_gpu { GPU_SLICES } else { CPU_SLICES };
        loop {
            match self.refined_in(model, from, precision, batch) {
                Err(NnError::OutOfMemory { device }) if batch > 1 && on_gpu => {
                    batch /= 2;
                    self.tell(Event::Notice(format!("{device} is short of memory; refining {batch} slices at once")));
                }
                done => return done,
            }
        }
    }

    fn refined_in(
        &self,
        model: &Model,
        from: &refine::Unrefined,
        precision: Precision,
        batch: i64,
    ) -> Result<Tensor, NnError> {
        let (net, sees) = model.refine().ok_or_else(|| NnError::Input("the model has no refining network".into()))?;
        let depth = from.volume.size()[0];
        let mut parts = Vec::new();
        for first in (0..depth).step_by(batch as usize) {
            self.tell(Event::Refine { done: first as usize, of: depth as usize });
            let slices: Vec<i64> = (first..depth.min(first + batch)).collect();
            let interrupt: unet::Interrupt = &|| self.check();
            parts.push(refine_slices(net, from, &slices, sees, precision, interrupt)?);
        }
        refine::with_air(&Tensor::f_cat(&parts, 0)?.f_select(1, 0)?, from.volume)
    }
}
