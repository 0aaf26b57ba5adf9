//! The five-level U-Net that both stages share, in two or three dimensions. Knows no loss and no training.
//!
//! Ronneberger et al., MICCAI 2015, as Dong et al. have it: a level is two times conv 3^n (padding 1),
//! instance norm (affine), leaky ReLU; down by max pooling; up by a transposed conv of stride 2 that halves the
//! channels; skip and up are concatenated in this order; the head is a linear conv 1^n. The contrast network of
//! stage 2 has the same levels, goes up bilinearly and has no head.

use super::blocks::{Conv, Kernel, Norm, UpConv, channels_last};
use super::parameters::{Declaration, Parameters};
use super::recompute::{Level, Tape};
use super::{NnError, Precision};
use tch::{Device, Kind, Tensor};

pub use super::blocks::Dims;

/// Levels of both networks.
pub const LEVELS: usize = 5;
/// Convolutions 3^n of one pass, and so calls of its interrupt: two a level down, two a level up.
pub const CONVS: usize = 2 * (2 * LEVELS - 1);
/// Every side of the input must be a multiple of this: four halvings.
pub const SIDE_MULTIPLE: i64 = 16;

/// How a decoder level doubles its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsampling {
    /// A transposed conv of stride 2 that halves the channels.
    Transposed,
    /// Bilinear (trilinear) interpolation, which keeps the channels.
    Linear,
}

/// What a U-Net is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UNetConfig {
    /// Planes or volumes.
    pub dims: Dims,
    /// Channels in.
    pub in_channels: i64,
    /// Channels of the first level; every level doubles them.
    pub base_width: i64,
    /// The way up.
    pub upsampling: Upsampling,
    /// Channels that a linear conv 1^n gives at the end; a network without one gives features only.
    pub out_channels: Option<i64>,
    /// Whether the input's channels come in once more beside the last features: a conv 3^n, leaky ReLU and a linear conv 1^n
    /// whose output is added to the head's. Fine detail of the input then need not pass through the first level's width.
    pub late_input: bool,
}

impl UNetConfig {
    /// The U-Net of both stages: transposed convs up, one channel out.
    pub fn new(dims: Dims, in_channels: i64, base_width: i64) -> Self {
        Self {
            dims,
            in_channels,
            base_width,
            upsampling: Upsampling::Transposed,
            out_channels: Some(1),
            late_input: false,
        }
    }
}

/// What a pass gives before the head.
pub struct Features {
    /// The deepest encoder level, `[N, 16 w, (D,) H / 16, W / 16]` for base width w.
    pub bottom: Tensor,
    /// The finest decoder level, `[N, w, (D,) H, W]`.
    pub top: Tensor,
}

/// Conv and norm, twice.
struct Block {
    convs: [Conv; 2],
    norms: [Norm; 2],
}

/// The network and its parameters.
pub struct UNet {
    config: UNetConfig,
    parameters: Parameters,
    encoder: Vec<Block>,
    /// None a level where the way up has no weights.
    ups: Vec<Option<UpConv>>,
    decoder: Vec<Block>,
    head: Option<Conv>,
    /// What sees the input once more; where the network has a head.
    late: Option<[Conv; 2]>,
}

/// Called between blocks; an error ends the pass.
pub type Interrupt<'a> = &'a dyn Fn() -> Result<(), NnError>;

/// Never interrupts.
pub fn uninterrupted() -> Result<(), NnError> {
    Ok(())
}

impl UNet {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn new(config: UNetConfig, device: Device) -> Result<Self, NnError> {
        let mut declare = Declaration::default();
        let width = |level: usize| config.base_width << level;
        let mut encoder = Vec::new();
        for level in 0..LEVELS {
            let from = if level == 0 { config.in_channels } else { width(level - 1) };
            encoder.push(Block::declare(&mut declare, &format!("enc{}", level + 1), config.dims, from, width(level)));
        }
        let (mut ups, mut decoder) = (Vec::new(), Vec::new());
        for level in (0..LEVELS - 1).rev() {
            let (up, raised) = match config.upsampling {
                Upsampling::Transposed => {
                    let name = format!("up{}", level + 1);
                    let (from, to) = (width(level + 1), width(level));
                    (Some(UpConv::declare(&mut declare, &name, config.dims, from, to)), to)
                }
                Upsampling::Linear => (None, width(level + 1)),
            };
            ups.push(up);
            let name = format!("dec{}", level + 1);
            decoder.push(Block::declare(&mut declare, &name, config.dims, width(level) + raised, width(level)));
        }
        let head = config
            .out_channels
            .map(|to| Conv::declare(&mut declare, "head", config.dims, config.base_width, to, Kernel::POINT));
        let late = config.out_channels.filter(|_| config.late_input).map(|to| {
            let (dims, width) = (config.dims, config.base_width);
            [
                Conv::declare(&mut declare, "late1", dims, width + config.in_channels, width, Kernel::SAME),
                Conv::declare(&mut declare, "late2", dims, width, to, Kernel::POINT),
            ]
        });
        Ok(Self { config, parameters: declare.build(device)?, encoder, ups, decoder, head, late })
    }

    /// A network of the same shape with other weights, given as [`Parameters::flat`] has them.
    ///
    /// # Errors
    /// Where lengths differ, or the device cannot hold it.
    pub fn with_values(&self, values: &Tensor) -> Result<Self, NnError> {
        let mut fresh = Self::new(self.config, values.device())?;
        fresh.parameters.set_flat(values)?;
        Ok(fresh)
    }

    /// What it was built from.
    pub fn config(&self) -> UNetConfig {
        self.config
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Its weights, to change.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// Makes the network give 0 everywhere until it has learnt: the start of a residual network.
    ///
    /// # Errors
    /// libtorch's.
    pub fn silence_head(&mut self) -> Result<(), NnError> {
        let _guard = tch::no_grad_guard();
        let last = self.late.as_ref().map(|[_, last]| last);
        for index in self.head.iter().chain(last).flat_map(Conv::places) {
            let _ = self.parameters.get(index).shallow_clone().f_zero_()?;
        }
        Ok(())
    }

    /// `[N, C, (D,) H, W]` to `[N, O, (D,) H, W]`, O the head's channels, f32 in and out; convolutions in `precision`, norms and head in f32.
    ///
    /// # Errors
    /// [`NnError::Input`] where a side is no multiple of 16, the channels differ, or the network has no head; what
    /// `interrupt` returns; libtorch's.
    pub fn forward(&self, input: &Tensor, precision: Precision, interrupt: Interrupt) -> Result<Tensor, NnError> {
        let top = self.features(input, precision, interrupt)?.top;
        self.give(input, &top)
    }

    /// What the network gives, of the last features.
    fn give(&self, input: &Tensor, top: &Tensor) -> Result<Tensor, NnError> {
        let head = self.head.ok_or_else(|| NnError::Input("the network has no head, it gives features only".into()))?;
        let out = head.apply(&self.parameters, top)?;
        let Some([mix, last]) = &self.late else { return Ok(out) };
        let both = channels_last(&Tensor::f_cat(&[top, input], 1)?, self.config.dims)?;
        let seen = mix.apply(&self.parameters, &both)?.f_leaky_relu()?;
        Ok(out.f_add(&last.apply(&self.parameters, &seen)?)?)
    }

    /// The features before the head, f32; as [`UNet::forward`] otherwise.
    ///
    /// # Errors
    /// As [`UNet::forward`].
    pub fn features(&self, input: &Tensor, precision: Precision, interrupt: Interrupt) -> Result<Features, NnError> {
        self.levels(input, precision, interrupt, &mut |level| level())
    }

    /// As [`UNet::forward`] with gradients, in a fraction of the memory: only the levels' outputs are kept, and the tape
    /// computes the rest again. First the loss goes backward, then the tape.
    ///
    /// # Errors
    /// As [`UNet::forward`].
    pub fn forward_recomputing(&self, input: &Tensor, precision: Precision) -> Result<(Tensor, Tape<'_>), NnError> {
        let mut tape = Tape::default();
        let features = self.levels(input, precision, &uninterrupted, &mut |level| tape.record(level))?;
        Ok((self.give(input, &features.top)?, tape))
    }

    /// Goes down and up, each level computed by `run`.
    fn levels<'a>(
        &'a self,
        input: &Tensor,
        precision: Precision,
        interrupt: Interrupt<'a>,
        run: &mut dyn FnMut(Level<'a>) -> Result<Tensor, NnError>,
    ) -> Result<Features, NnError> {
        self.check(input)?;
        let mut x = channels_last(input, self.config.dims)?.f_to_kind(precision.kind())?;
        let mut skips = Vec::new();
        for (level, block) in self.encoder.iter().enumerate() {
            if level > 0 {
                skips.push(x.shallow_clone());
            }
            let above = x;
            x = run(Box::new(move || {
                let entered = if level > 0 { self.halve(&above)? } else { above.shallow_clone() };
                self.block(&entered, block, interrupt)
            }))?;
        }
        let bottom = x.shallow_clone();
        for (up, block) in self.ups.iter().zip(&self.decoder) {
            let skip = skips.pop().ok_or_else(|| NnError::Input("a decoder level without its skip".into()))?;
            let kind = if skips.is_empty() && precision == Precision::Mixed { Kind::Float } else { precision.kind() };
            let below = x;
            x = run(Box::new(move || {
                let raised = self.raise(&below.f_to_kind(kind)?, *up)?;
                let joined = Tensor::f_cat(&[skip.f_to_kind(kind)?, raised], 1)?;
                self.block(&joined, block, interrupt)
            }))?;
        }
        Ok(Features { bottom: bottom.f_to_kind(Kind::Float)?, top: x.f_to_kind(Kind::Float)? })
    }

    fn check(&self, input: &Tensor) -> Result<(), NnError> {
        let size = input.size();
        let sides = size.get(2..).unwrap_or_default();
        if size.len() != 2 + self.config.dims.count() || size[1] != self.config.in_channels {
            let wanted = self.config.in_channels;
            return Err(NnError::Input(format!("an input of shape {size:?}; the network takes {wanted} channels")));
        }
        if sides.iter().any(|s| s % SIDE_MULTIPLE != 0 || *s == 0) {
            return Err(NnError::Input(format!("sides {sides:?} must be multiples of {SIDE_MULTIPLE}")));
        }
        Ok(())
    }

    fn block(&self, input: &Tensor, block: &Block, interrupt: Interrupt) -> Result<Tensor, NnError> {
        let mut x = input.shallow_clone();
        for (conv, norm) in block.convs.iter().zip(&block.norms) {
            interrupt()?;
            // In place: a norm's gradient needs what went into it, not what came out.
            x = norm.apply(&self.parameters, &conv.apply(&self.parameters, &x)?)?.f_leaky_relu_()?;
        }
        Ok(x)
    }

    fn raise(&self, x: &Tensor, up: Option<UpConv>) -> Result<Tensor, NnError> {
        let Some(up) = up else {
            let sides: Vec<i64> = x.size()[2..].iter().map(|s| 2 * s).collect();
            return Ok(match self.config.dims {
                Dims::Two => x.f_upsample_bilinear2d(sides, false, None, None)?,
                Dims::Three => x.f_upsample_trilinear3d(sides, false, None, None, None)?,
            });
        };
        up.apply(&self.parameters, x)
    }

    fn halve(&self, x: &Tensor) -> Result<Tensor, NnError> {
        Ok(match self.config.dims {
            Dims::Two => x.f_max_pool2d([2; 2], [2; 2], [0; 2], [1; 2], false)?,
            Dims::Three => x.f_max_pool3d([2; 3], [2; 3], [0; 3], [1; 3], false)?,
        })
    }
}

impl Block {
    fn declare(declare: &mut Declaration, name: &str, dims: Dims, from: i64, to: i64) -> Self {
        let mut one = |k: usize, from: i64| {
            let conv = Conv::declare(declare, &format!("{name}.conv{k}"), dims, from, to, Kernel::SAME);
            let norm = Norm::declare(declare, &format!("{name}.norm{k}"), to);
            (conv, norm)
        };
        let ((conv1, norm1), (conv2, norm2)) = (one(1, from), one(2, to));
        Self { convs: [conv1, conv2], norms: [norm1, norm2] }
    }
}
