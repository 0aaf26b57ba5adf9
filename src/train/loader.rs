//! Makes samples ahead of the optimiser on threads of their own, in a fixed order. Knows no network.

use super::TrainError;
use super::augment::{Sample, SampleName, Variation, varied_sample};
use super::cases::Cases;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// Keeps the draw of another case apart from the sample's own numbers.
const TOWARDS_SEED: u64 = 0x62_6574_7765_656e;
/// Samples that may wait for each thread.
const QUEUE: usize = 2;
/// Processor cores a thread of the loader is given: a sample is itself made in parallel.
const CORES_PER_THREAD: usize = 4;
/// Threads at most.
const MOST_THREADS: usize = 8;

/// Which samples are made.
#[derive(Clone)]
pub struct Stream {
    /// The cases.
    pub cases: Arc<Cases>,
    /// How samples vary.
    pub variation: Variation,
    /// Voxels along the side.
    pub side: usize,
    /// The run's seed.
    pub seed: u64,
    /// The first epoch, counted over the whole run.
    pub first_epoch: u64,
    /// Cores that making samples may use.
    pub cores: usize,
}

impl Stream {
    /// Sample `index`, counted from the first epoch's first.
    fn sample(&self, index: u64) -> Result<Sample, TrainError> {
        let per_epoch = self.cases.per_epoch() as u64;
        let epoch = self.first_epoch + index / per_epoch;
        let case = order(self.seed, epoch, per_epoch as usize)[(index % per_epoch) as usize];
        let name = SampleName { seed: self.seed, epoch, case: case as u64 };
        let loaded = self.cases.training(case)?;
        let towards = self.cases.towards(case, &mut name.rng_of(TOWARDS_SEED));
        varied_sample(loaded.as_deref(), towards.as_ref(), &self.variation, self.side, &name)
            .map_err(|e| TrainError::Plan(e.to_string()))
    }
}

/// The order of an epoch's cases.
fn order(seed: u64, epoch: u64, count: usize) -> Vec<usize> {
    /// Keeps this stream apart from those of the samples.
    const ORDER_SEED: u64 = 0x6f_7264_6572;
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ ORDER_SEED);
    rng.set_stream(epoch);
    let mut all: Vec<usize> = (0..count).collect();
    all.shuffle(&mut rng);
    all
}

/// Samples one after another; dropping it ends the threads.
pub struct Loader {
    queues: Vec<Receiver<Result<Sample, TrainError>>>,
    next: usize,
}

impl Loader {
    /// Starts making samples from number `first` on.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(stream: &Stream, first: u64) -> Result<Self, TrainError> {
        let threads = (stream.cores / CORES_PER_THREAD).clamp(1, MOST_THREADS);
        let queues =
            (0..threads).map(|k| queue(stream.clone(), first + k as u64, threads)).collect::<Result<_, _>>()?;
        Ok(Self { queues, next: 0 })
    }

    /// The next sample.
    ///
    /// # Errors
    /// Where a case cannot be read any more, named.
    pub fn next_sample(&mut self) -> Result<Sample, TrainError> {
        let queue = &self.queues[self.next % self.queues.len()];
        self.next += 1;
        queue.recv().map_err(|_| TrainError::Plan("the sample loader stopped".into()))?
    }
}

/// A thread that makes every `step`-th sample.
fn queue(stream: Stream, first: u64, step: usize) -> Result<Receiver<Result<Sample, TrainError>>, TrainError> {
    let (send, samples) = sync_channel(QUEUE);
    let fault = |e: &dyn std::fmt::Display| TrainError::Plan(format!("no thread for the loader ({e})"));
    let cores = stream.cores.clamp(1, CORES_PER_THREAD);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(cores)
        .thread_name(|k| format!("sample-{k}"))
        .build()
        .map_err(|e| fault(&e))?;
    let work = move || {
        for index in (first..).step_by(step) {
            let sample = pool.install(|| stream.sample(index));
            let failed = sample.is_err();
            if send.send(sample).is_err() || failed {
                return;
            }
        }
    };
    thread::Builder::new().name("sample-loader".into()).spawn(work).map_err(|e| fault(&e))?;
    Ok(samples)
}
