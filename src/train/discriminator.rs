//! Discriminators that see patches: over slices in stage 2, over volumes in X2CT-GAN. Knows no schedule.
//!
//! Isola et al., "Image-to-image translation with conditional adversarial networks", CVPR 2017: C64-C128-C256-C512
//! with convolutions of side 4 (70 x 70 pixels a patch), here with instance norm and the least squares of Mao et al.,
//! ICCV 2017.

use super::TrainError;
use super::adamw::AdamW;
use super::checkpoint::Tensors;
use super::learner::Moment;
use crate::nn::NnError;
use crate::nn::blocks::{Conv, Dims, Kernel, Norm};
use crate::nn::parameters::{Declaration, Parameters};
use tch::{Device, Kind, Tensor};

/// Channels over those of the first convolution, and stride, of each convolution; the last one gives one number a patch.
const LAYERS: [(i64, i64); 4] = [(1, 2), (2, 2), (4, 2), (8, 1)];
/// Side of its convolutions.
const KERNEL_SIDE: i64 = 4;
/// Slope of its leaky ReLUs, which the paper of 2017 gives.
const SLOPE: f64 = 0.2;

/// What a discriminator is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    /// Slices or volumes.
    pub dims: Dims,
    /// Channels of the condition and of what is judged, together.
    pub in_channels: i64,
    /// Channels of the first convolution.
    pub width: i64,
}

impl Judge {
    /// Stage 2's: the coarse slice and the refined or the true one.
    pub const SLICES: Self = Self { dims: Dims::Two, in_channels: 2, width: 64 };

    /// X2CT-GAN's: both back-projected films and the reconstructed or the true volume.
    pub fn volumes(width: i64) -> Self {
        Self { dims: Dims::Three, in_channels: 3, width }
    }
}

/// The network.
pub struct Discriminator {
    parameters: Parameters,
    /// The norm is missing at both ends.
    layers: Vec<(Conv, Option<Norm>)>,
}

impl Discriminator {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn new(judge: Judge, device: Device) -> Result<Self, NnError> {
        let mut declare = Declaration::default();
        let mut from = judge.in_channels;
        let last = std::iter::once((1, 1));
        let shapes = LAYERS.iter().map(|(times, stride)| (times * judge.width, *stride)).chain(last);
        let mut layers = Vec::new();
        for (index, (to, stride)) in shapes.enumerate() {
            let kernel = Kernel { side: KERNEL_SIDE, stride, padding: 1 };
            let conv = Conv::declare(&mut declare, &format!("conv{}", index + 1), judge.dims, from, to, kernel);
            let inner = (1..LAYERS.len()).contains(&index);
            layers.push((conv, inner.then(|| Norm::declare(&mut declare, &format!("norm{}", index + 1), to))));
            from = to;
        }
        Ok(Self { parameters: declare.build(device)?, layers })
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Its weights, to change.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// How true each patch looks: `[N, 1, (d,) h, w]` from a condition and what is judged, `[N, C, (D,) H, W]` each.
    ///
    /// # Errors
    /// libtorch's.
    pub fn forward(&self, condition: &Tensor, judged: &Tensor) -> Result<Tensor, NnError> {
        let mut x = Tensor::f_cat(&[condition, judged], 1)?;
        let last = self.layers.len() - 1;
        for (index, (conv, norm)) in self.layers.iter().enumerate() {
            x = conv.apply(&self.parameters, &x)?;
            if let Some(norm) = norm {
                x = norm.apply(&self.parameters, &x)?;
            }
            if index < last {
                x = x.f_maximum(&x.f_mul_scalar(SLOPE)?)?;
            }
        }
        Ok(x)
    }

    /// The discriminator's own loss: half of (D(true) - 1)^2 + D(made)^2.
    ///
    /// # Errors
    /// libtorch's.
    pub fn loss(&self, condition: &Tensor, made: &Tensor, truth: &Tensor) -> Result<Tensor, NnError> {
        let real = self.forward(condition, truth)?.f_sub_scalar(1.0)?.f_square()?.f_mean(Kind::Float)?;
        let fake = self.forward(condition, &made.f_detach()?)?.f_square()?.f_mean(Kind::Float)?;
        Ok(real.f_add(&fake)?.f_mul_scalar(0.5)?)
    }

    /// The maker's adversarial loss: (D(made) - 1)^2.
    ///
    /// # Errors
    /// libtorch's.
    pub fn adversarial_loss(&self, condition: &Tensor, made: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.forward(condition, made)?.f_sub_scalar(1.0)?.f_square()?.f_mean(Kind::Float)?)
    }
}

/// The rate of a discriminator of slices, the same from first step to last: one that follows the refiner's falling rate
/// stops learning while it still should.
const STEADY_RATE: f64 = 2e-4;

/// A discriminator with its own optimiser.
pub struct Adversary {
    net: Discriminator,
    optimiser: AdamW,
    /// Its own rate; the schedule's where it has none.
    rate: Option<f64>,
}

impl Adversary {
    /// One that has learnt nothing yet and follows the schedule.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(judge: Judge, device: Device) -> Result<Self, TrainError> {
        let net = Discriminator::new(judge, device)?;
        let optimiser = AdamW::new(&[net.parameters().flat()])?;
        Ok(Self { net, optimiser, rate: None })
    }

    /// One of slices with a rate of its own.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn steady(device: Device) -> Result<Self, TrainError> {
        let net = Discriminator::new(Judge::SLICES, device)?;
        let optimiser = AdamW::for_adversary(&[net.parameters().flat()])?;
        Ok(Self { net, optimiser, rate: Some(STEADY_RATE) })
    }

    /// The network, judging without learning.
    pub fn judge(&self) -> &Discriminator {
        &self.net
    }

    /// One step of the discriminator; returns its loss.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] where loss or gradient is no number; libtorch's.
    pub fn step(
        &mut self,
        condition: &Tensor,
        made: &Tensor,
        truth: &Tensor,
        moment: &Moment,
    ) -> Result<f64, TrainError> {
        self.net.parameters_mut().track_gradients(true);
        let loss = self.net.loss(condition, made, truth)?;
        let value = moment.finite(loss.f_double_value(&[])?)?;
        loss.f_backward()?;
        let gradient = self.net.parameters_mut().take_gradient()?;
        self.net.parameters_mut().track_gradients(false);
        let rate = self.rate.unwrap_or(moment.lr);
        moment.finite(self.optimiser.step(&[self.net.parameters().flat()], &[gradient], rate)?)?;
        Ok(value)
    }

    /// Puts network and optimiser into a checkpoint, names beginning with `prefix`.
    pub fn store(&self, prefix: &str, into: &mut Tensors) {
        into.put(prefix.to_owned(), self.net.parameters().flat());
        self.optimiser.store(&format!("{prefix}.adamw"), into);
    }

    /// Takes both out again.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] naming what does not fit.
    pub fn restore(&mut self, prefix: &str, from: &Tensors) -> Result<(), TrainError> {
        from.copy_to(prefix, self.net.parameters().flat())?;
        self.optimiser.restore(&format!("{prefix}.adamw"), from)
    }
}
