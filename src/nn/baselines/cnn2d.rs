//! The paper's weakest rival: a 2D encoder-decoder over both films as channels, whose last feature channels are read
//! as the third axis. Knows no loss.
//!
//! Henzler et al., "Single-image tomography: 3D volumes from 2D cranial X-rays", 2018, with the levels of our U-Net.

use super::films;
use crate::geometry::CUBE_SIDE_VOXELS;
use crate::nn::parameters::Parameters;
use crate::nn::unet::{Dims, Interrupt, UNet, UNetConfig};
use crate::nn::{NnError, Precision};
use tch::{Device, Kind, Tensor};

/// Channels of the first level over the plan's width, so that parameters are about as many as our coarse network's.
const WIDENING: i64 = 2;
/// Channels that are read as depth: one a voxel of the cube. On a coarser cube neighbours are averaged.
const DEPTHS: i64 = CUBE_SIDE_VOXELS as i64;

/// The network.
pub struct Cnn2d {
    net: UNet,
}

impl Cnn2d {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn new(base_width: i64, device: Device) -> Result<Self, NnError> {
        let plane = UNetConfig::new(Dims::Two, 2, WIDENING * base_width);
        Ok(Self { net: UNet::new(UNetConfig { out_channels: Some(DEPTHS), ..plane }, device)? })
    }

    /// Its weights.
    pub fn parameters(&self) -> &Parameters {
        self.net.parameters()
    }

    /// Its weights, to change.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        self.net.parameters_mut()
    }

    /// `[1, 2, S, S, S]` back-projected films to `[1, 1, S, S, S]` relative attenuation. Rows and columns of the features
    /// are z and x, their channels y.
    ///
    /// # Errors
    /// [`NnError::Input`] where the sides do not divide the cube's or are no multiples of 16; libtorch's.
    pub fn forward(&self, input: &Tensor, precision: Precision, interrupt: Interrupt) -> Result<Tensor, NnError> {
        let side = input.size().last().copied().unwrap_or(0);
        if side == 0 || DEPTHS % side != 0 {
            return Err(NnError::Input(format!("a side of {side} voxels; it must divide {DEPTHS}")));
        }
        let seen = films(input)?;
        let pair = Tensor::f_cat(&[seen.frontal, seen.lateral], 1)?;
        let depths = self.net.forward(&pair, precision, interrupt)?;
        let folded =
            depths.f_view([side, DEPTHS / side, side, side])?.f_mean_dim([1].as_slice(), false, Kind::Float)?;
        Ok(folded.f_permute([1, 0, 2])?.f_unsqueeze(0)?.f_unsqueeze(0)?)
    }
}
