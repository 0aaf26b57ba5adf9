//! X2CT-GAN's generator: an encoder-decoder of its own for each film, from 2D to 3D, and a third decoder that fuses
//! both. Knows no loss and no discriminator.
//!
//! Ying et al., "X2CT-GAN: reconstructing CT from biplanar X-rays with generative adversarial networks", CVPR 2019.
//! Connection A: the deepest features go through a fully connected layer from a plane to a volume. Connection B: skips
//! from a plane to a volume, repeated along the ray's axis. Connection C: at every size the decoders of both films are
//! averaged into the fused one. At width 64 dense layers, growth and the decoders' channels are those of the authors'
//! code; smaller widths scale all. Leaner than that code: stem and head of side 3 instead of 7, one convolution a join,
//! no dropout. Richer: connection A sees the deepest features in their places, not their mean.

use super::films;
use crate::nn::blocks::{Conv, Dims, Kernel, Norm, channels_last};
use crate::nn::parameters::{Declaration, Init, Parameters};
use crate::nn::unet::Interrupt;
use crate::nn::{NnError, Precision};
use tch::{Device, Kind, Tensor};

/// Layers of the dense block at each size.
const DENSE_LAYERS: [usize; 5] = [6, 12, 24, 16, 6];
/// Halvings of a film.
const LEVELS: usize = DENSE_LAYERS.len();
/// A dense layer's bottleneck has so many times its growth (Huang et al., CVPR 2017).
const BOTTLENECK: i64 = 4;
/// Side of the deepest features, whatever the film's: the fully connected layer has one size.
const DEEPEST_SIDE: i64 = 4;
/// Every side of the input must be a multiple of this: five halvings.
const SIDE_MULTIPLE: i64 = 32;
/// Channels of the decoders from the finest size on, in quarters of the width.
const DECODER_QUARTERS: [i64; LEVELS + 1] = [1, 2, 4, 4, 8, 16];
/// Calls of the interrupt in a pass: for each film a stem and a block a level, then three decoders a level.
pub const PARTS: usize = 2 * (1 + LEVELS) + LEVELS;

/// Norm, ReLU, convolution, in this order.
struct Step {
    norm: Norm,
    conv: Conv,
}

/// Convolution, norm, ReLU.
struct Stage {
    conv: Conv,
    norm: Norm,
}

/// One size of an encoder: halving, dense layers, transition.
struct Dense {
    halve: Stage,
    layers: Vec<[Step; 2]>,
    transition: Step,
}

/// From a film to features of every size and the deepest volume.
struct Encoder {
    stem: Stage,
    levels: Vec<Dense>,
    /// Connection A: weight and bias.
    linked: [usize; 2],
}

/// One size of a film's decoder.
struct Rise {
    raise: Stage,
    /// Connection B: channels of the plane, then of the volume.
    skip: [Stage; 2],
    join: Stage,
}

/// One size of the fused decoder.
struct Fuse {
    raise: Stage,
    join: Stage,
}

/// The generator.
pub struct X2ct {
    parameters: Parameters,
    encoders: [Encoder; 2],
    rises: [Vec<Rise>; 2],
    fuses: Vec<Fuse>,
    head: Conv,
}

/// The volume's axis along which a film's rays run: the frontal film sees along y, the lateral along x.
const RAY_AXES: [i64; 2] = [3, 4];

impl X2ct {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn new(base_width: i64, device: Device) -> Result<Self, NnError> {
        let mut declare = Declaration::default();
        let channels = DECODER_QUARTERS.map(|quarters| (quarters * base_width / 4).max(1));
        let mut view = |name: &str| {
            let (encoder, skips) = Encoder::declare(&mut declare, name, base_width, channels[LEVELS]);
            let rise =
                |level: usize| Rise::declare(&mut declare, &format!("{name}.up{level}"), &channels, level, &skips);
            (encoder, (0..LEVELS).rev().map(rise).collect::<Vec<Rise>>())
        };
        let (frontal, lateral) = (view("frontal"), view("lateral"));
        let fuses =
            (0..LEVELS).rev().map(|k| Fuse::declare(&mut declare, &format!("fused.up{k}"), &channels, k)).collect();
        let head = Conv::declare(&mut declare, "head", Dims::Three, channels[0], 1, Kernel::SAME);
        Ok(Self {
            parameters: declare.build(device)?,
            encoders: [frontal.0, lateral.0],
            rises: [frontal.1, lateral.1],
            fuses,
            head,
        })
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Its weights, to change.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// `[1, 2, S, S, S]` back-projected films to `[1, 1, S, S, S]` relative attenuation.
    ///
    /// # Errors
    /// [`NnError::Input`] where the sides are no multiples of 32; libtorch's.
    pub fn forward(&self, input: &Tensor, precision: Precision, interrupt: Interrupt) -> Result<Tensor, NnError> {
        let side = input.size().last().copied().unwrap_or(0);
        if side == 0 || side % SIDE_MULTIPLE != 0 {
            return Err(NnError::Input(format!("sides of {side} voxels must be multiples of {SIDE_MULTIPLE}")));
        }
        let seen = films(input)?;
        let kind = precision.kind();
        let [(mut a, skips_a), (mut b, skips_b)] = {
            let encode = |k: usize, film: &Tensor| {
                let film = channels_last(film, Dims::Two)?.f_to_kind(kind)?;
                self.encoders[k].apply(&self.parameters, &film, side, interrupt)
            };
            [encode(0, &seen.frontal)?, encode(1, &seen.lateral)?]
        };
        let mut fused = a.f_add(&b)?.f_mul_scalar(0.5)?;
        for (step, fuse) in self.fuses.iter().enumerate() {
            interrupt()?;
            let skip = LEVELS - 1 - step;
            a = self.rises[0][step].apply(&self.parameters, &a, &skips_a[skip], RAY_AXES[0])?;
            b = self.rises[1][step].apply(&self.parameters, &b, &skips_b[skip], RAY_AXES[1])?;
            let mean = a.f_add(&b)?.f_mul_scalar(0.5)?;
            fused = fuse.apply(&self.parameters, &fused, &mean)?;
        }
        self.head.apply(&self.parameters, &fused.f_to_kind(Kind::Float)?)
    }
}

impl Step {
    fn declare(declare: &mut Declaration, name: &str, from: i64, to: i64, kernel: Kernel) -> Self {
        let norm = Norm::declare(declare, &format!("{name}.norm"), from);
        Self { norm, conv: Conv::declare(declare, &format!("{name}.conv"), Dims::Two, from, to, kernel) }
    }

    fn apply(&self, parameters: &Parameters, x: &Tensor) -> Result<Tensor, NnError> {
        self.conv.apply(parameters, &self.norm.apply(parameters, x)?.f_relu()?)
    }
}

impl Stage {
    fn declare(declare: &mut Declaration, name: &str, dims: Dims, from: i64, to: i64, kernel: Kernel) -> Self {
        let conv = Conv::declare(declare, &format!("{name}.conv"), dims, from, to, kernel);
        Self { conv, norm: Norm::declare(declare, &format!("{name}.norm"), to) }
    }

    fn apply(&self, parameters: &Parameters, x: &Tensor) -> Result<Tensor, NnError> {
        Ok(self.norm.apply(parameters, &self.conv.apply(parameters, x)?)?.f_relu()?)
    }
}

impl Dense {
    /// Returns the channels it gives as well: half of what the dense layers gathered.
    fn declare(declare: &mut Declaration, name: &str, from: i64, growth: i64, layers: usize) -> (Self, i64) {
        let halve = Stage::declare(declare, &format!("{name}.halve"), Dims::Two, from, from, Kernel::HALVE);
        let mut gathered = from;
        let layers = (0..layers)
            .map(|k| {
                let inner = BOTTLENECK * growth;
                let narrow = Step::declare(declare, &format!("{name}.layer{k}.narrow"), gathered, inner, Kernel::POINT);
                gathered += growth;
                [narrow, Step::declare(declare, &format!("{name}.layer{k}.grow"), inner, growth, Kernel::SAME)]
            })
            .collect();
        let to = gathered / 2;
        let transition = Step::declare(declare, &format!("{name}.transition"), gathered, to, Kernel::POINT);
        (Self { halve, layers, transition }, to)
    }

    fn apply(&self, parameters: &Parameters, x: &Tensor) -> Result<Tensor, NnError> {
        let mut gathered = self.halve.apply(parameters, x)?;
        for [narrow, grow] in &self.layers {
            let fresh = grow.apply(parameters, &narrow.apply(parameters, &gathered)?)?;
            gathered = Tensor::f_cat(&[gathered, fresh], 1)?;
        }
        self.transition.apply(parameters, &gathered)
    }
}

impl Encoder {
    /// Returns the channels of its features from the finest size on as well.
    fn declare(declare: &mut Declaration, name: &str, width: i64, deepest: i64) -> (Self, Vec<i64>) {
        let stem = Stage::declare(declare, &format!("{name}.stem"), Dims::Two, 1, width, Kernel::SAME);
        let mut channels = vec![width];
        let mut levels = Vec::with_capacity(LEVELS);
        for (level, layers) in DENSE_LAYERS.into_iter().enumerate() {
            let name = format!("{name}.down{level}");
            let (dense, to) = Dense::declare(declare, &name, channels[level], (width / 2).max(1), layers);
            levels.push(dense);
            channels.push(to);
        }
        let from = channels[LEVELS] * DEEPEST_SIDE.pow(2);
        let to = deepest * DEEPEST_SIDE.pow(3);
        let weight = declare.add(format!("{name}.linked.weight"), &[to, from], Init::Kaiming { fan: from });
        let linked = [weight, declare.add(format!("{name}.linked.bias"), &[to], Init::Zero)];
        (Self { stem, levels, linked }, channels)
    }

    /// The deepest volume `[1, C, S / 32, ...]` and the features of every size but the deepest, finest first.
    fn apply(
        &self,
        parameters: &Parameters,
        film: &Tensor,
        side: i64,
        interrupt: Interrupt,
    ) -> Result<(Tensor, Vec<Tensor>), NnError> {
        interrupt()?;
        let mut x = self.stem.apply(parameters, film)?;
        let mut skips = Vec::with_capacity(LEVELS);
        for level in &self.levels {
            interrupt()?;
            let deeper = level.apply(parameters, &x)?;
            skips.push(std::mem::replace(&mut x, deeper));
        }
        Ok((self.link(parameters, &x, side / SIDE_MULTIPLE)?, skips))
    }

    /// Connection A; on another side than 128 the deepest features are resized before and after.
    fn link(&self, parameters: &Parameters, x: &Tensor, side: i64) -> Result<Tensor, NnError> {
        let plane = x.f_to_kind(Kind::Float)?.f_adaptive_avg_pool2d([DEEPEST_SIDE; 2])?;
        let [weight, bias] = self.linked.map(|place| parameters.get(place));
        let flat = plane.f_contiguous()?.f_view([1, -1])?.f_linear(weight, Some(bias))?.f_relu()?;
        let volume = flat.f_view([1, -1, DEEPEST_SIDE, DEEPEST_SIDE, DEEPEST_SIDE])?;
        let sized = if side == DEEPEST_SIDE { volume } else { volume.f_adaptive_avg_pool3d([side; 3])? };
        Ok(channels_last(&sized, Dims::Three)?.f_to_kind(x.kind())?)
    }
}

impl Rise {
    fn declare(declare: &mut Declaration, name: &str, channels: &[i64], level: usize, skips: &[i64]) -> Self {
        let (from, to) = (channels[level + 1], channels[level]);
        let mut stage =
            |part: &str, dims, from, kernel| Stage::declare(declare, &format!("{name}.{part}"), dims, from, to, kernel);
        Self {
            raise: stage("raise", Dims::Three, from, Kernel::SAME),
            skip: [
                stage("skip2d", Dims::Two, skips[level], Kernel::POINT),
                stage("skip3d", Dims::Three, to, Kernel::SAME),
            ],
            join: stage("join", Dims::Three, 2 * to, Kernel::SAME),
        }
    }

    fn apply(&self, parameters: &Parameters, x: &Tensor, skip: &Tensor, ray_axis: i64) -> Result<Tensor, NnError> {
        let raised = self.raise.apply(parameters, &doubled(x)?)?;
        let plane = self.skip[0].apply(parameters, skip)?;
        let mut shape = [-1; 5];
        shape[ray_axis as usize] = raised.size()[ray_axis as usize];
        let repeated = channels_last(&plane.f_unsqueeze(ray_axis)?.f_expand(shape, false)?, Dims::Three)?;
        let skipped = self.skip[1].apply(parameters, &repeated)?;
        self.join.apply(parameters, &Tensor::f_cat(&[raised, skipped], 1)?)
    }
}

impl Fuse {
    fn declare(declare: &mut Declaration, name: &str, channels: &[i64], level: usize) -> Self {
        let (from, to) = (channels[level + 1], channels[level]);
        let mut stage =
            |part: &str, from| Stage::declare(declare, &format!("{name}.{part}"), Dims::Three, from, to, Kernel::SAME);
        Self { raise: stage("raise", from), join: stage("join", 2 * to) }
    }

    fn apply(&self, parameters: &Parameters, x: &Tensor, views: &Tensor) -> Result<Tensor, NnError> {
        let raised = self.raise.apply(parameters, &doubled(x)?)?;
        self.join.apply(parameters, &Tensor::f_cat(&[&raised, views], 1)?)
    }
}

/// A volume of twice the side, interpolated.
fn doubled(x: &Tensor) -> Result<Tensor, NnError> {
    let sides: Vec<i64> = x.size()[2..].iter().map(|s| 2 * s).collect();
    Ok(x.f_upsample_trilinear3d(sides, false, None, None, None)?)
}
