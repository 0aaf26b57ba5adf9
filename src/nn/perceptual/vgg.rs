//! VGG16 and AlexNet up to their last convolution, as torchvision has them, and what they see in a picture. Which
//! convolutions there are is told by the weights. Weights are frozen. Knows no file and no loss.

use super::{Array, WeightsError};
use crate::nn::{NnError, Precision};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Channels of a photograph, which these networks were trained on.
const COLOURS: i64 = 3;
/// The random network of the tests is narrower than the real one by this, so that tests take seconds.
const RANDOM_NARROWING: i64 = 8;

/// A network trained on ImageNet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backbone {
    /// Simonyan and Zisserman, ICLR 2015, configuration D: 13 convolutions.
    Vgg16,
    /// Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014: 5 convolutions.
    AlexNet,
}

/// Kernel side and stride of a max pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pool {
    side: i64,
    stride: i64,
}

/// One convolution, which a ReLU follows, as torchvision's `features` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// N of `features.N.weight`.
    pub index: usize,
    /// Channels in.
    pub from: i64,
    /// Channels out.
    pub to: i64,
    /// Side of the kernel.
    pub side: i64,
    stride: i64,
    padding: i64,
    pool_before: Option<Pool>,
}

const HALVE: Option<Pool> = Some(Pool { side: 2, stride: 2 });
const SHRINK: Option<Pool> = Some(Pool { side: 3, stride: 2 });

const fn conv3(pool_before: Option<Pool>, index: usize, from: i64, to: i64) -> Convolution {
    Convolution { index, from, to, side: 3, stride: 1, padding: 1, pool_before }
}

/// torchvision's `vgg16().features`.
const VGG16: [Convolution; 13] = [
    conv3(None, 0, 3, 64),
    conv3(None, 2, 64, 64),
    conv3(HALVE, 5, 64, 128),
    conv3(None, 7, 128, 128),
    conv3(HALVE, 10, 128, 256),
    conv3(None, 12, 256, 256),
    conv3(None, 14, 256, 256),
    conv3(HALVE, 17, 256, 512),
    conv3(None, 19, 512, 512),
    conv3(None, 21, 512, 512),
    conv3(HALVE, 24, 512, 512),
    conv3(None, 26, 512, 512),
    conv3(None, 28, 512, 512),
];

/// torchvision's `alexnet().features`.
const ALEXNET: [Convolution; 5] = [
    Convolution { index: 0, from: 3, to: 64, side: 11, stride: 4, padding: 2, pool_before: None },
    Convolution { index: 3, from: 64, to: 192, side: 5, stride: 1, padding: 2, pool_before: SHRINK },
    conv3(SHRINK, 6, 192, 384),
    conv3(None, 8, 384, 256),
    conv3(None, 10, 256, 256),
];

impl Backbone {
    /// All its convolutions, in order.
    pub fn convolutions(self) -> &'static [Convolution] {
        match self {
            Self::Vgg16 => &VGG16,
            Self::AlexNet => &ALEXNET,
        }
    }

    /// Both, that which LPIPS is given over first where it is there.
    pub const BY_RANK: [Self; 2] = [Self::Vgg16, Self::AlexNet];

    /// What messages and tables call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vgg16 => "VGG16",
            Self::AlexNet => "AlexNet",
        }
    }

    /// Pictures whose shorter side is less cannot be seen: nothing is left of them before the last pooling, pixels.
    pub fn least_side(self) -> usize {
        match self {
            // Halved four times.
            Self::Vgg16 => 16,
            // (31 - 7) / 4 + 1 = 7, pooled to 3, pooled to 1.
            Self::AlexNet => 31,
        }
    }

    /// The taps at which LPIPS (Zhang et al., CVPR 2018) compares, for [`Network::features`].
    pub fn lpips_taps(self) -> &'static [usize] {
        match self {
            Self::Vgg16 => &[2, 4, 7, 10, 13],
            Self::AlexNet => &[1, 2, 3, 4, 5],
        }
    }
}

/// The ReLU that ends a stage of VGG16, named by stage and place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// Full resolution, 64 channels: edges.
    #[serde(rename = "relu1_2")]
    Relu1_2,
    /// Half resolution, 128 channels: textures.
    #[serde(rename = "relu2_2")]
    Relu2_2,
    /// A quarter of the resolution, 256 channels: motifs.
    #[serde(rename = "relu3_3")]
    Relu3_3,
    /// An eighth of the resolution, 512 channels.
    #[serde(rename = "relu4_3")]
    Relu4_3,
    /// A sixteenth of the resolution, 512 channels.
    #[serde(rename = "relu5_3")]
    Relu5_3,
}

impl Layer {
    /// All of them, from the finest.
    pub const ALL: [Self; 5] = [Self::Relu1_2, Self::Relu2_2, Self::Relu3_3, Self::Relu4_3, Self::Relu5_3];

    /// Its name in plans and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu1_2 => "relu1_2",
            Self::Relu2_2 => "relu2_2",
            Self::Relu3_3 => "relu3_3",
            Self::Relu4_3 => "relu4_3",
            Self::Relu5_3 => "relu5_3",
        }
    }

    /// Its tap, for [`Network::features`]: how many convolutions of VGG16 stand before it.
    pub fn tap(self) -> usize {
        match self {
            Self::Relu1_2 => 2,
            Self::Relu2_2 => 4,
            Self::Relu3_3 => 7,
            Self::Relu4_3 => 10,
            Self::Relu5_3 => 13,
        }
    }

    /// Those that the first `convolutions` of VGG16 give.
    pub fn within(convolutions: usize) -> Vec<Self> {
        Self::ALL.into_iter().filter(|layer| layer.tap() <= convolutions).collect()
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A convolution with its weights.
struct Kernel {
    shape: Convolution,
    /// `[out, in, side, side]`, channels last in memory.
    weight: Tensor,
    /// `[out]`.
    bias: Tensor,
}

/// The first convolutions of a backbone, frozen.
pub struct Network {
    kernels: Vec<Kernel>,
}

impl Network {
    /// As many convolutions as `arrays` hold from the first on (`features.N.weight`, `features.N.bias`). Channel
    /// counts need only fit together, so that tests can use narrow networks. `path` is for messages.
    ///
    /// # Errors
    /// [`WeightsError::Unsuitable`] where the first is missing or shapes do not fit together; libtorch's.
    pub fn new(backbone: Backbone, arrays: &[Array], path: &Path, device: Device) -> Result<Self, NnError> {
        let unsuitable = |cause| WeightsError::Unsuitable { path: path.to_owned(), cause };
        let find = |name: &str| arrays.iter().find(|array| array.name == name);
        let mut kernels = Vec::new();
        let mut from = COLOURS;
        for conv in backbone.convolutions() {
            let names = ["weight", "bias"].map(|part| format!("features.{}.{part}", conv.index));
            let [Some(weight), Some(bias)] = names.each_ref().map(|name| find(name)) else { break };
            let [shape, bias_shape] = [weight, bias].map(|array| array.shape.iter().map(|n| *n as i64).collect());
            let (shape, bias_shape): (Vec<i64>, Vec<i64>) = (shape, bias_shape);
            let to = shape.first().copied().unwrap_or(0);
            if shape != [to, from, conv.side, conv.side] || bias_shape != [to] || to == 0 {
                let cause = format!("`{}` has shape {shape:?}, its bias {bias_shape:?}", names[0]);
                return Err(unsuitable(format!("{cause}; wanted are [C, {from}, {s}, {s}]", s = conv.side)).into());
            }
            let shaped = Convolution { from, to, ..*conv };
            let [weight, bias] = [(weight, &shape), (bias, &bias_shape)]
                .map(|(array, shape)| Tensor::f_from_slice(&array.values)?.f_reshape(shape.as_slice()));
            kernels.push(Kernel::new(shaped, &weight.map_err(NnError::from)?, &bias.map_err(NnError::from)?, device)?);
            from = to;
        }
        if kernels.is_empty() {
            return Err(unsuitable("holds no `features.0.weight` and `features.0.bias`".into()).into());
        }
        Ok(Self { kernels })
    }

    /// The whole backbone, eight times narrower, with uniform random weights (He et al., ICCV 2015) and no bias: for
    /// tests. The seed alone decides; libtorch's generator is not touched.
    ///
    /// # Errors
    /// libtorch's.
    pub fn random(backbone: Backbone, seed: u64, device: Device) -> Result<Self, NnError> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut from = COLOURS;
        let mut kernels = Vec::new();
        for conv in backbone.convolutions() {
            let shape = Convolution { from, to: conv.to / RANDOM_NARROWING, ..*conv };
            let fan = from * conv.side * conv.side;
            let bound = (6.0 / fan as f32).sqrt();
            let values: Vec<f32> = (0..shape.to * fan).map(|_| rng.random_range(-bound..bound)).collect();
            let weight = Tensor::f_from_slice(&values)?.f_reshape([shape.to, from, conv.side, conv.side])?;
            let bias = Tensor::f_zeros([shape.to], (Kind::Float, Device::Cpu))?;
            kernels.push(Kernel::new(shape, &weight, &bias, device)?);
            from = shape.to;
        }
        Ok(Self { kernels })
    }

    /// How many convolutions there are.
    pub fn depth(&self) -> usize {
        self.kernels.len()
    }

    /// What the network sees: for every tap, the activation after the ReLU of that many convolutions, f32.
    /// `input`: `[N, 3, H, W]`, f32, colours standardised as the network was trained. Gradients flow to `input`;
    /// convolutions are computed in `precision`. Nothing behind the last tap is computed.
    ///
    /// # Errors
    /// [`NnError::Input`] where a tap is not there; libtorch's, as a picture too small to be halved.
    pub fn features(&self, input: &Tensor, taps: &[usize], precision: Precision) -> Result<Vec<Tensor>, NnError> {
        let last = taps.iter().copied().max().unwrap_or(0);
        if taps.contains(&0) || last > self.kernels.len() {
            let there = self.kernels.len();
            return Err(NnError::Input(format!("features after convolutions {taps:?}; there are {there} of them")));
        }
        let mut x = channels_last(input)?.f_to_kind(precision.kind())?;
        let mut seen = Vec::with_capacity(taps.len());
        for (number, kernel) in (1..=last).zip(&self.kernels) {
            x = kernel.apply(&x)?;
            for place in (0..taps.len()).filter(|place| taps[*place] == number) {
                seen.push((place, x.f_to_kind(Kind::Float)?));
            }
        }
        seen.sort_by_key(|(place, _)| *place);
        Ok(seen.into_iter().map(|(_, features)| features).collect())
    }
}

impl Kernel {
    fn new(shape: Convolution, weight: &Tensor, bias: &Tensor, device: Device) -> Result<Self, NnError> {
        Ok(Self { shape, weight: channels_last(&weight.f_to_device(device)?)?, bias: bias.f_to_device(device)? })
    }

    fn apply(&self, input: &Tensor) -> Result<Tensor, NnError> {
        let Convolution { stride, padding, pool_before, .. } = self.shape;
        let pooled = match pool_before {
            Some(Pool { side, stride }) => input.f_max_pool2d([side; 2], [stride; 2], [0; 2], [1; 2], false)?,
            None => input.shallow_clone(),
        };
        let kind = input.kind();
        let (weight, bias) = (self.weight.f_to_kind(kind)?, self.bias.f_to_kind(kind)?);
        let mut out = pooled.f_conv2d(&weight, Some(&bias), [stride; 2], [padding; 2], [1; 2], 1)?;
        // In place: a convolution's gradient does not need its own output.
        Ok(out.f_relu_()?)
    }
}

/// The same values with channels fastest in memory, which the CPU's kernels are fastest on.
fn channels_last(x: &Tensor) -> Result<Tensor, NnError> {
    Ok(x.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?)
}
