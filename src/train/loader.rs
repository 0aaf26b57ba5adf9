//! Makes samples ahead of the optimiser on a thread of its own, in a fixed order. Knows no network.

use super::TrainError;
use super::augment::{Sample, Variation, varied_sample};
use super::dataset::Case;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

/// Samples that may wait.
const QUEUE: usize = 3;

/// A stream of samples; dropping it ends the thread.
pub struct Loader {
    samples: Receiver<Result<Sample, String>>,
}

impl Loader {
    /// Starts making samples `first..` of the stream with `seed`.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(
        cases: Arc<Vec<Case>>,
        variation: Variation,
        side: usize,
        seed: u64,
        first: u64,
    ) -> Result<Self, TrainError> {
        let (send, samples) = sync_channel(QUEUE);
        let work = move || {
            for index in first.. {
                let sample = varied_sample(&cases, &variation, side, seed, index).map_err(|e| e.to_string());
                if send.send(sample).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("sample-loader".into()).spawn(work);
        thread.map_err(|e| TrainError::Plan(format!("no thread for the loader ({e})")))?;
        Ok(Self { samples })
    }

    /// The next sample.
    ///
    /// # Errors
    /// Where a sample cannot be made.
    pub fn next_sample(&self) -> Result<Sample, TrainError> {
        let made = self.samples.recv().map_err(|_| TrainError::Plan("the sample loader stopped".into()))?;
        made.map_err(TrainError::Plan)
    }
}
