//! A sample as tensors, what the networks make of it, and how far that is from the truth. Knows no loss.

use super::TrainError;
use super::augment::Sample;
use crate::geometry::{Frame, Volume};
use crate::nn::coarse::Coarse;
use crate::nn::refine::{self, RefineInput, refine_slices};
use crate::nn::tensor::{from_channels, to_values};
use crate::nn::unet::{UNet, uninterrupted};
use crate::nn::{NnError, Precision};
use crate::projection::BackProjection;
use tch::{Device, Kind, Tensor};

/// Axial slices that the refining network does at once outside of training.
const SLICES_AT_ONCE: i64 = 16;
/// Range of relative attenuation in which errors are reported: [-1000, 1500] HU.
const REPORTED_RANGE: (f64, f64) = (0.0, 2.5);
/// HU per unit of relative attenuation.
const HU_PER_R: f64 = 1000.0;

/// A sample as tensors.
pub struct Batch {
    /// Back-projected films, `[1, C, D, H, W]`.
    pub input: Tensor,
    /// What the refining network sees beside the coarse volume, `[C, D, H, W]`.
    pub beside: Option<Tensor>,
    /// Relative attenuation, `[1, 1, D, H, W]`.
    pub target: Tensor,
    /// Weight of each axial slice, `[D]`.
    pub weights: Tensor,
    /// Axial slices that hold scan data throughout.
    pub data_slices: Vec<i64>,
    /// 1 for each voxel of the body, `[z][y][x]`; empty where the sample was made without.
    body: Vec<u8>,
    side: usize,
}

impl Batch {
    /// Copies a sample to a device.
    ///
    /// # Errors
    /// libtorch's.
    pub fn new(sample: &Sample, input: BackProjection, device: Device) -> Result<Self, TrainError> {
        let (seen, dims) = ([input.side(sample.side); 3], [sample.side; 3]);
        let full = sample.slice_weights.iter().enumerate().filter(|(_, w)| **w >= 1.0).map(|(z, _)| z as i64);
        let bands = sample.bands.len() / sample.target.len();
        let beside = match bands {
            0 => None,
            _ => Some(from_channels(&sample.bands, bands, dims, device)?.f_squeeze_dim(0)?),
        };
        Ok(Self {
            beside,
            input: from_channels(&sample.input, input.channels(), seen, device)?,
            target: from_channels(&sample.target, 1, dims, device)?,
            weights: Tensor::f_from_slice(&sample.slice_weights)?.f_to_device(device)?,
            data_slices: full.collect(),
            body: sample.body.clone(),
            side: sample.side,
        })
    }

    /// The body's mask in some axial slices.
    pub fn body_slices(&self, places: &[i64]) -> Vec<Vec<u8>> {
        let area = self.side * self.side;
        let slice = |z: &i64| self.body.get(*z as usize * area..(*z as usize + 1) * area).unwrap_or_default().to_vec();
        places.iter().map(slice).collect()
    }

    /// Mean absolute error in HU of a volume `[D, H, W]`, both clipped to [-1000, 1500].
    ///
    /// # Errors
    /// libtorch's.
    pub fn mae_hu(&self, volume: &Tensor) -> Result<f64, TrainError> {
        let clip = |t: &Tensor| t.f_clamp(REPORTED_RANGE.0, REPORTED_RANGE.1);
        let truth = clip(&self.target.f_select(0, 0)?.f_select(0, 0)?)?;
        let error = clip(volume)?.f_sub(&truth)?.f_abs()?.f_mean(Kind::Double)?;
        Ok(error.f_double_value(&[])? * HU_PER_R)
    }

    /// A volume `[D, H, W]` of relative attenuation and the truth, in HU.
    ///
    /// # Errors
    /// libtorch's.
    pub fn volumes(&self, volume: &Tensor) -> Result<[Volume; 2], TrainError> {
        let hu = |t: &Tensor| {
            let values = to_values(t)?;
            Volume::from_relative_attenuation(Frame::cube_of(self.side, [0.0; 3]), &values)
                .map_err(|e| NnError::Input(e.to_string()))
        };
        Ok([hu(volume)?, hu(&self.target)?])
    }
}

/// The coarse volume of a batch, `[D, H, W]`, without gradient.
///
/// # Errors
/// libtorch's.
pub fn coarse_volume(net: &Coarse, batch: &Batch, precision: Precision) -> Result<Tensor, TrainError> {
    let _guard = tch::no_grad_guard();
    Ok(net.forward(&batch.input, precision, &uninterrupted)?.f_select(0, 0)?.f_select(0, 0)?)
}

/// All slices of a coarse volume refined, `[D, H, W]`, without gradient.
///
/// # Errors
/// libtorch's.
pub fn refined_volume(
    net: &UNet,
    from: &refine::Unrefined,
    input: RefineInput,
    precision: Precision,
) -> Result<Tensor, NnError> {
    let _guard = tch::no_grad_guard();
    let side = from.volume.size()[0];
    let mut parts = Vec::new();
    for first in (0..side).step_by(SLICES_AT_ONCE as usize) {
        let slices: Vec<i64> = (first..side.min(first + SLICES_AT_ONCE)).collect();
        parts.push(refine_slices(net, from, &slices, input, precision, &uninterrupted)?);
    }
    refine::with_air(&Tensor::f_cat(&parts, 0)?.f_select(1, 0)?, from.volume)
}
