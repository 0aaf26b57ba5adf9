//! The network that makes a volume of two films: the coarse 3D U-Net of our method, or a baseline in its place. Knows
//! no loss.

use super::baselines::cnn2d::Cnn2d;
use super::baselines::x2ct::{self, X2ct};
use super::method::Method;
use super::parameters::Parameters;
use super::recompute::Tape;
use super::unet::{CONVS, Dims, Interrupt, UNet, UNetConfig, uninterrupted};
use super::{NnError, Precision};
use crate::projection::BackProjection;
use tch::{Device, Tensor};

/// The coarse U-Net: `[1, C, D, H, W]` back-projected standardised films (C = 1 for `sum`, 2 for `per_view`)
/// to `[1, 1, D, H, W]` relative attenuation. The paper's has `base_width` 64.
pub fn config(base_width: i64, input: BackProjection) -> UNetConfig {
    UNetConfig::new(Dims::Three, input.channels() as i64, base_width)
}

/// The packed network: the same U-Net on a grid of half the side, whose head gives the eight voxels of each coarse one. It
/// takes an eighth of the time.
pub fn packed_config(base_width: i64, late_input: bool) -> UNetConfig {
    let out_channels = Some(PACKED_VOXELS.pow(3));
    UNetConfig { out_channels, late_input, ..config(base_width, BackProjection::Packed) }
}

/// Voxels along each side of a coarse voxel.
const PACKED_VOXELS: i64 = 2;

/// What a volume network is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoarseConfig {
    /// Whose network.
    pub method: Method,
    /// Channels of the first level.
    pub base_width: i64,
    /// How the films enter; [`BackProjection::Packed`] makes the network a packed one.
    pub input: BackProjection,
    /// Whether the packed network sees the films once more before its head.
    pub late_input: bool,
}

impl CoarseConfig {
    /// Whether weights of one fit the other: our coarse network and the 3D U-Net are one and the same.
    pub fn is_same_network(&self, other: &Self) -> bool {
        let kind = |method| if method == Method::Biplane { Method::UNet3d } else { method };
        let shape = |of: &Self| (kind(of.method), of.base_width, of.input, of.late_input);
        shape(self) == shape(other)
    }
}

/// A volume network of any method.
pub struct Coarse {
    config: CoarseConfig,
    net: Net,
}

enum Net {
    UNet(UNet),
    Packed(UNet),
    Cnn2d(Cnn2d),
    X2ct(X2ct),
}

impl Coarse {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// [`NnError::Input`] where the method cannot see the films in such an input; where the device cannot hold it.
    pub fn new(config: CoarseConfig, device: Device) -> Result<Self, NnError> {
        let CoarseConfig { method, base_width, input, late_input } = config;
        if late_input && input != BackProjection::Packed {
            return Err(NnError::Input("late_input is for the packed network; use input = \"packed\"".into()));
        }
        if method.needs_both_films() && input != BackProjection::PerView {
            let cause = format!("{} looks at both films apart; use input = \"per_view\"", method.title());
            return Err(NnError::Input(cause));
        }
        let net = match method {
            Method::Biplane | Method::UNet3d if input == BackProjection::Packed => {
                Net::Packed(UNet::new(packed_config(base_width, late_input), device)?)
            }
            Method::Biplane | Method::UNet3d => Net::UNet(UNet::new(self::config(base_width, input), device)?),
            Method::Cnn2d => Net::Cnn2d(Cnn2d::new(base_width, device)?),
            Method::X2ctGan => Net::X2ct(X2ct::new(base_width, device)?),
        };
        Ok(Self { config, net })
    }

    /// A network of the same shape with other weights, given as [`Parameters::flat`] has them.
    ///
    /// # Errors
    /// Where lengths differ, or the device cannot hold it.
    pub fn with_values(&self, values: &Tensor) -> Result<Self, NnError> {
        let mut fresh = Self::new(self.config, values.device())?;
        fresh.parameters_mut().set_flat(values)?;
        Ok(fresh)
    }

    /// What it was built from.
    pub fn config(&self) -> CoarseConfig {
        self.config
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters {
        match &self.net {
            Net::UNet(net) | Net::Packed(net) => net.parameters(),
            Net::Cnn2d(net) => net.parameters(),
            Net::X2ct(net) => net.parameters(),
        }
    }

    /// Its weights, to change.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        match &mut self.net {
            Net::UNet(net) | Net::Packed(net) => net.parameters_mut(),
            Net::Cnn2d(net) => net.parameters_mut(),
            Net::X2ct(net) => net.parameters_mut(),
        }
    }

    /// How often a pass asks its interrupt.
    pub fn parts(&self) -> usize {
        match &self.net {
            Net::UNet(_) | Net::Packed(_) | Net::Cnn2d(_) => CONVS,
            Net::X2ct(_) => x2ct::PARTS,
        }
    }

    /// `[1, C, D, H, W]` to `[1, 1, D, H, W]` (of twice the sides where the network is packed), f32 in and out; convolutions in `precision`, late ones in f32.
    ///
    /// # Errors
    /// [`NnError::Input`] where the shape does not suit the network; what `interrupt` returns; libtorch's.
    pub fn forward(&self, input: &Tensor, precision: Precision, interrupt: Interrupt) -> Result<Tensor, NnError> {
        match &self.net {
            Net::UNet(net) => net.forward(input, precision, interrupt),
            Net::Packed(net) => unpacked(&net.forward(input, precision, interrupt)?),
            Net::Cnn2d(net) => net.forward(input, precision, interrupt),
            Net::X2ct(net) => net.forward(input, precision, interrupt),
        }
    }

    /// As [`Coarse::forward`] with gradients, the U-Net in a fraction of the memory (see [`UNet::forward_recomputing`]).
    ///
    /// # Errors
    /// As [`Coarse::forward`].
    pub fn forward_recomputing(&self, input: &Tensor, precision: Precision) -> Result<(Tensor, Tape<'_>), NnError> {
        match &self.net {
            Net::UNet(net) => net.forward_recomputing(input, precision),
            Net::Packed(net) => {
                let (out, tape) = net.forward_recomputing(input, precision)?;
                Ok((unpacked(&out)?, tape))
            }
            _ => Ok((self.forward(input, precision, &uninterrupted)?, Tape::default())),
        }
    }
}

/// Depth to space: `[1, 8, D, H, W]` to `[1, 1, 2 D, 2 H, 2 W]`, the channels of a voxel its children in the order z, y, x.
fn unpacked(out: &Tensor) -> Result<Tensor, NnError> {
    let size = out.size();
    let [d, h, w] = [size[2], size[3], size[4]];
    let two = PACKED_VOXELS;
    let children = out.f_reshape([two, two, two, d, h, w])?.f_permute([3, 0, 4, 1, 5, 2])?;
    Ok(children.f_reshape([1, 1, two * d, two * h, two * w])?)
}
