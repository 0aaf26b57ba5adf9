//! AdamW on one flat vector of parameters, its moments in tensors of our own. Knows no network.
//!
//! Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

use super::TrainError;
use tch::{Kind, Tensor};

/// Decay of the first moment.
const BETA1: f64 = 0.9;
/// Decay of the second moment.
const BETA2: f64 = 0.999;
/// Guards the division.
const EPS: f64 = 1e-8;
/// Decoupled weight decay.
const WEIGHT_DECAY: f64 = 0.01;
/// Gradients longer than this are shortened to it.
const MAX_GRADIENT: f64 = 1.0;

/// The optimiser's state.
pub struct AdamW {
    first: Tensor,
    second: Tensor,
    step: i32,
}

impl AdamW {
    /// A fresh state for parameters like `flat`.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(flat: &Tensor) -> Result<Self, TrainError> {
        Ok(Self { first: flat.f_zeros_like()?, second: flat.f_zeros_like()?, step: 0 })
    }

    /// One step of `flat` against `gradient` at rate `lr`; returns the gradient's length before shortening.
    ///
    /// # Errors
    /// libtorch's.
    pub fn step(&mut self, flat: &mut Tensor, gradient: &Tensor, lr: f64) -> Result<f64, TrainError> {
        let _guard = tch::no_grad_guard();
        let length = gradient.f_norm()?.f_double_value(&[])?;
        let shorten = if length > MAX_GRADIENT { MAX_GRADIENT / length } else { 1.0 };
        let g = gradient.f_mul_scalar(shorten)?;
        self.step += 1;
        let _ = self.first.f_lerp_(&g, 1.0 - BETA1)?;
        let _ = self.second.f_mul_scalar_(BETA2)?.f_addcmul_(&g, &(&g * (1.0 - BETA2)))?;
        let correction1 = 1.0 - BETA1.powi(self.step);
        let correction2 = (1.0 - BETA2.powi(self.step)).sqrt();
        let denominator = self.second.f_sqrt()?.f_div_scalar(correction2)?.f_add_scalar(EPS)?;
        let _ = flat.f_mul_scalar_(1.0 - lr * WEIGHT_DECAY)?;
        let update = self.first.f_div(&denominator)?.f_mul_scalar(lr / correction1)?;
        let _ = flat.f_sub_(&update)?;
        Ok(length)
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
}
