//! AdamW on flat vectors of parameters, its moments in tensors of our own, so that a checkpoint holds them.
//! Knows no network.
//!
//! Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

use super::TrainError;
use super::checkpoint::Tensors;
use tch::{Kind, Tensor};

/// Decay of the first moment.
const BETA1: f64 = 0.9;
/// The same of an adversary, whose gradient turns as its opponent learns (Radford et al., "Unsupervised representation
/// learning with deep convolutional generative adversarial networks", ICLR 2016).
const ADVERSARY_BETA1: f64 = 0.5;
/// Decay of the second moment.
const BETA2: f64 = 0.999;
/// Guards the division.
const EPS: f64 = 1e-8;
/// Decoupled weight decay.
const WEIGHT_DECAY: f64 = 0.01;
/// Gradients longer than this are shortened to it.
const MAX_GRADIENT: f64 = 1.0;

/// The optimiser's state over one or more vectors that learn together.
pub struct AdamW {
    moments: Vec<Moments>,
    steps: u64,
    beta1: f64,
}

struct Moments {
    first: Tensor,
    second: Tensor,
}

impl AdamW {
    /// A fresh state for vectors like these.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(flats: &[&Tensor]) -> Result<Self, TrainError> {
        let moments = |flat: &&Tensor| Ok(Moments { first: flat.f_zeros_like()?, second: flat.f_zeros_like()? });
        Ok(Self { moments: flats.iter().map(moments).collect::<Result<_, TrainError>>()?, steps: 0, beta1: BETA1 })
    }

    /// A fresh state for an adversary.
    ///
    /// # Errors
    /// As [`AdamW::new`].
    pub fn for_adversary(flats: &[&Tensor]) -> Result<Self, TrainError> {
        Ok(Self { beta1: ADVERSARY_BETA1, ..Self::new(flats)? })
    }

    /// A copy of the state.
    #[must_use]
    pub fn copied(&self) -> Self {
        let moments = self.moments.iter().map(|m| Moments { first: m.first.copy(), second: m.second.copy() }).collect();
        Self { moments, ..*self }
    }

    /// One step of the vectors against their gradients at rate `lr`; returns the length of all gradients together
    /// before shortening. Where that is no finite number, nothing is changed.
    ///
    /// # Errors
    /// libtorch's.
    pub fn step(&mut self, flats: &[&Tensor], gradients: &[Tensor], lr: f64) -> Result<f64, TrainError> {
        let _guard = tch::no_grad_guard();
        let squares = gradients.iter().map(|g| Ok(g.f_norm()?.f_double_value(&[])?.powi(2)));
        let length = squares.sum::<Result<f64, TrainError>>()?.sqrt();
        if !length.is_finite() {
            return Ok(length);
        }
        let shorten = if length > MAX_GRADIENT { MAX_GRADIENT / length } else { 1.0 };
        self.steps += 1;
        let correction1 = 1.0 - self.beta1.powf(self.steps as f64);
        let correction2 = (1.0 - BETA2.powf(self.steps as f64)).sqrt();
        for ((flat, gradient), moments) in flats.iter().zip(gradients).zip(&mut self.moments) {
            let g = gradient.f_mul_scalar(shorten)?;
            let _ = moments.first.f_lerp_(&g, 1.0 - self.beta1)?;
            let _ = moments.second.f_mul_scalar_(BETA2)?.f_addcmul_(&g, &g.f_mul_scalar(1.0 - BETA2)?)?;
            let denominator = moments.second.f_sqrt()?.f_div_scalar(correction2)?.f_add_scalar(EPS)?;
            let mut flat = flat.shallow_clone();
            let _ = flat.f_mul_scalar_(1.0 - lr * WEIGHT_DECAY)?;
            let update = moments.first.f_div(&denominator)?.f_mul_scalar(lr / correction1)?;
            let _ = flat.f_sub_(&update)?;
        }
        Ok(length)
    }

    /// Puts the state into a checkpoint, names beginning with `prefix`.
    pub fn store(&self, prefix: &str, into: &mut Tensors) {
        for (k, moments) in self.moments.iter().enumerate() {
            into.put(format!("{prefix}.{k}.first"), &moments.first);
            into.put(format!("{prefix}.{k}.second"), &moments.second);
        }
        into.put_count(format!("{prefix}.steps"), self.steps);
    }

    /// Takes the state out of a checkpoint.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming what is missing or of another length.
    pub fn restore(&mut self, prefix: &str, from: &Tensors) -> Result<(), TrainError> {
        for (k, moments) in self.moments.iter_mut().enumerate() {
            from.copy_to(&format!("{prefix}.{k}.first"), &moments.first)?;
            from.copy_to(&format!("{prefix}.{k}.second"), &moments.second)?;
        }
        self.steps = from.count(&format!("{prefix}.steps"))?;
        Ok(())
    }
}

/// A running average of parameters, which validates and is shipped.
pub struct Average {
    values: Tensor,
    updates: u64,
    decay: f64,
}

impl Average {
    /// Starts at the given values.
    pub fn new(flat: &Tensor, decay: f64) -> Self {
        Self { values: flat.detach().copy(), updates: 0, decay }
    }

    /// Moves a little towards `flat`; early on faster, so that the start is forgotten.
    ///
    /// # Errors
    /// libtorch's.
    pub fn update(&mut self, flat: &Tensor) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        self.updates += 1;
        let early = (1.0 + self.updates as f64) / (10.0 + self.updates as f64);
        let _ = self.values.f_lerp_(&flat.f_detach()?.f_to_kind(Kind::Float)?, 1.0 - self.decay.min(early))?;
        Ok(())
    }

    /// The average.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Puts the state into a checkpoint.
    pub fn store(&self, prefix: &str, into: &mut Tensors) {
        into.put(format!("{prefix}.values"), &self.values);
        into.put_count(format!("{prefix}.updates"), self.updates);
    }

    /// Takes the state out of a checkpoint.
    ///
    /// # Errors
    /// As [`AdamW::restore`].
    pub fn restore(&mut self, prefix: &str, from: &Tensors) -> Result<(), TrainError> {
        from.copy_to(&format!("{prefix}.values"), &self.values)?;
        self.updates = from.count(&format!("{prefix}.updates"))?;
        Ok(())
    }
}
