//! What both stages are to the session: something that takes steps, can be looked at, stored and restored.

use super::TrainError;
use super::batch::Batch;
use super::checkpoint::Tensors;
use super::event::Term;
use super::networks::Networks;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tch::Tensor;

/// Where in its phase a step stands.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Step within the phase, from 1.
    pub step: u64,
    /// Share of the phase that is done, 0 to 1.
    pub share: f64,
    /// Learning rate.
    pub lr: f64,
    /// Seed of the phase.
    pub seed: u64,
}

impl Moment {
    /// The step's own random numbers.
    pub fn rng(&self) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(self.step);
        rng
    }

    /// The value, unless it is no number or infinite.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] naming the step.
    pub fn finite(&self, value: f64) -> Result<f64, TrainError> {
        if value.is_finite() { Ok(value) } else { Err(TrainError::NotFinite { step: self.step }) }
    }
}

/// What a step gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The weighted sum that was descended.
    pub loss: f64,
    /// Its parts, unweighted, and what is kept beside them.
    pub terms: Vec<(Term, f64)>,
    /// Length of the gradient.
    pub gradient: f64,
}

/// A stage that learns.
pub trait Learn {
    /// One optimiser step on some volumes, whose gradients are added up.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] where a loss or gradient is no number (the weights are unchanged then); libtorch's.
    fn step(&mut self, batches: &[Batch], moment: &Moment) -> Result<Outcome, TrainError>;

    /// What the averaged weights make of a sample, relative attenuation `[D, H, W]`.
    ///
    /// # Errors
    /// libtorch's.
    fn volume(&mut self, batch: &Batch) -> Result<Tensor, TrainError>;

    /// The volume of a sample before this stage's network refines it, `[D, H, W]`; `None` where the stage refines nothing.
    ///
    /// # Errors
    /// libtorch's.
    fn refines(&self, _batch: &Batch) -> Result<Option<Tensor>, TrainError> {
        Ok(None)
    }

    /// The networks as they would be kept now: averaged weights where they learn, copies where they are frozen.
    ///
    /// # Errors
    /// libtorch's.
    fn networks(&self) -> Result<Networks, TrainError>;

    /// With which perceptual network and layers the stage compares, for the run's record; `None` where it does not.
    fn looks_with(&self) -> Option<String> {
        None
    }

    /// Puts everything a resumed run needs into a checkpoint.
    fn store(&self, into: &mut Tensors);

    /// Takes it out again.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming what does not fit.
    fn restore(&mut self, from: &Tensors) -> Result<(), TrainError>;
}
