//! Gradient checkpointing: keep a network's levels, not what lies inside of them, and compute a level again when its
//! gradient is wanted. Knows no network.
//!
//! Chen et al., "Training deep nets with sublinear memory cost", 2016. The graph is cut after every level: its output
//! becomes a leaf. Once the loss has left a gradient in the last leaf, [`Tape::backward`] goes from the last level to
//! the first, computes each again and lets the gradient of its leaf flow on.

use super::NnError;
use tch::{Kind, Tensor};

/// Computes a level; the same result each time.
pub type Level<'a> = Box<dyn Fn() -> Result<Tensor, NnError> + 'a>;

/// Levels in the order in which they were computed.
#[derive(Default)]
pub struct Tape<'a> {
    levels: Vec<(Tensor, Level<'a>)>,
}

impl<'a> Tape<'a> {
    /// Computes a level without remembering its inside; the output is a leaf that gathers a gradient.
    ///
    /// # Errors
    /// What the level returns.
    pub fn record(&mut self, level: Level<'a>) -> Result<Tensor, NnError> {
        let output = tch::no_grad(&level)?.detach().set_requires_grad(true);
        self.levels.push((output.shallow_clone(), level));
        Ok(output)
    }

    /// Lets the gradients flow through all levels, from the last to the first. Call it once the loss has gone backward.
    ///
    /// # Errors
    /// What a level returns, and libtorch's.
    pub fn backward(self) -> Result<(), NnError> {
        for (output, level) in self.levels.into_iter().rev() {
            let gradient = output.f_grad()?;
            if !gradient.defined() {
                continue;
            }
            // The gradient of the sum of (y * g) by what y depends on is that of y, weighted with g.
            level()?.f_mul(&gradient)?.f_sum(Kind::Float)?.f_backward()?;
        }
        Ok(())
    }
}
