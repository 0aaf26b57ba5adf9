//! The discriminator of stage 2: a 70 x 70 PatchGAN over slices. Knows no schedule.
//!
//! Isola et al., "Image-to-image translation with conditional adversarial networks", CVPR 2017: C64-C128-C256-C512
//! with 4 x 4 convolutions, here with instance norm and the least squares of Mao et al., ICCV 2017.

use crate::nn::NnError;
use crate::nn::parameters::{Declaration, Init, Parameters};
use tch::{Device, Kind, Tensor};

/// What it sees: the coarse slice and the refined or the true one.
const IN_CHANNELS: i64 = 2;
/// Channels and stride of each convolution; the last gives one number a patch.
const LAYERS: [(i64, i64); 5] = [(64, 2), (128, 2), (256, 2), (512, 1), (1, 1)];
/// Side of its convolutions.
const KERNEL: i64 = 4;
/// Slope of its leaky ReLUs, which the paper of 2017 gives.
const SLOPE: f64 = 0.2;
/// Guards the instance norm's division.
const NORM_EPS: f64 = 1e-5;

/// The network.
pub struct Discriminator {
    parameters: Parameters,
    layers: Vec<Layer>,
}

struct Layer {
    weight: usize,
    bias: usize,
    /// Scale and shift of the norm; none at both ends.
    norm: Option<(usize, usize)>,
    stride: i64,
}

impl Discriminator {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn new(device: Device) -> Result<Self, NnError> {
        let mut declare = Declaration::default();
        let mut from = IN_CHANNELS;
        let mut layers = Vec::new();
        for (index, (to, stride)) in LAYERS.into_iter().enumerate() {
            let name = format!("conv{}", index + 1);
            let init = Init::Kaiming { fan: from * KERNEL * KERNEL };
            let inner = index > 0 && index + 1 < LAYERS.len();
            layers.push(Layer {
                weight: declare.add(format!("{name}.weight"), &[to, from, KERNEL, KERNEL], init),
                bias: declare.add(format!("{name}.bias"), &[to], Init::Zero),
                norm: inner.then(|| {
                    let name = format!("norm{}", index + 1);
                    let scale = declare.add(format!("{name}.weight"), &[to], Init::One);
                    (scale, declare.add(format!("{name}.bias"), &[to], Init::Zero))
                }),
                stride,
            });
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

    /// How true each patch looks: `[N, 1, h, w]` from a coarse and a finer slice, `[N, 1, H, W]` each.
    ///
    /// # Errors
    /// libtorch's.
    pub fn forward(&self, coarse: &Tensor, finer: &Tensor) -> Result<Tensor, NnError> {
        let mut x = Tensor::f_cat(&[coarse, finer], 1)?;
        let last = self.layers.len() - 1;
        for (index, layer) in self.layers.iter().enumerate() {
            let get = |i| self.parameters.get(i);
            x = x.f_conv2d(get(layer.weight), Some(get(layer.bias)), [layer.stride; 2], [1; 2], [1; 2], 1)?;
            if let Some((scale, shift)) = layer.norm {
                // A group a channel: instance norm, and the kernel that is fast on the CPU.
                x = x.f_group_norm(x.size()[1], Some(get(scale)), Some(get(shift)), NORM_EPS, false)?;
            }
            if index < last {
                x = x.f_maximum(&x.f_mul_scalar(SLOPE)?)?;
            }
        }
        Ok(x)
    }

    /// The discriminator's own loss: half of (D(true) - 1)^2 + D(refined)^2.
    ///
    /// # Errors
    /// libtorch's.
    pub fn loss(&self, coarse: &Tensor, refined: &Tensor, truth: &Tensor) -> Result<Tensor, NnError> {
        let real = self.forward(coarse, truth)?.f_sub_scalar(1.0)?.f_square()?.f_mean(Kind::Float)?;
        let fake = self.forward(coarse, &refined.f_detach()?)?.f_square()?.f_mean(Kind::Float)?;
        Ok(real.f_add(&fake)?.f_mul_scalar(0.5)?)
    }

    /// The refiner's adversarial loss: (D(refined) - 1)^2.
    ///
    /// # Errors
    /// libtorch's.
    pub fn adversarial_loss(&self, coarse: &Tensor, refined: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.forward(coarse, refined)?.f_sub_scalar(1.0)?.f_square()?.f_mean(Kind::Float)?)
    }
}
