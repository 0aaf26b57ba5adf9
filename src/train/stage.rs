//! One optimiser step of each stage, and the validation of both. Knows no schedule.

use super::TrainError;
use super::adamw::{AdamW, Average};
use super::augment::{Sample, plain_sample};
use super::dataset::Case;
use crate::nn::refine::{RefineInput, refine_slices};
use crate::nn::tensor::from_channels;
use crate::nn::unet::{UNet, uninterrupted};
use crate::nn::{NnError, Precision};
use crate::projection::BackProjection;
use rand::Rng;
use rand::seq::index;
use tch::{Device, Kind, Tensor};

/// Axial slices in one step of the refining network.
const SLICES_PER_STEP: usize = 16;
/// Range of relative attenuation in which errors are reported: [-1000, 1500] HU.
const REPORTED_RANGE: (f64, f64) = (0.0, 2.5);
/// HU per unit of relative attenuation.
const HU_PER_R: f64 = 1000.0;

/// A network being trained, with its optimiser and its running average.
pub struct Learner {
    net: UNet,
    optimiser: AdamW,
    average: Average,
    precision: Precision,
}

/// A sample as tensors.
pub struct Batch {
    /// `[1, C, D, H, W]`.
    input: Tensor,
    /// `[1, 1, D, H, W]`.
    target: Tensor,
    /// `[D]`.
    weights: Tensor,
}

impl Batch {
    /// Copies a sample to a device.
    ///
    /// # Errors
    /// libtorch's.
    pub fn new(sample: &Sample, input: BackProjection, device: Device) -> Result<Self, TrainError> {
        let dims = [sample.side; 3];
        Ok(Self {
            input: from_channels(&sample.input, input.channels(), dims, device)?,
            target: from_channels(&sample.target, 1, dims, device)?,
            weights: Tensor::f_from_slice(&sample.slice_weights)?.f_to_device(device)?,
        })
    }
}

impl Learner {
    /// Starts learning from the network's weights.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(mut net: UNet, average_decay: f64, precision: Precision) -> Result<Self, TrainError> {
        let optimiser = AdamW::new(net.parameters().flat())?;
        let average = Average::new(net.parameters().flat(), average_decay);
        net.parameters_mut().track_gradients();
        Ok(Self { net, optimiser, average, precision })
    }

    /// The network with its averaged weights, learning ended.
    ///
    /// # Errors
    /// libtorch's.
    pub fn into_averaged(self) -> Result<UNet, TrainError> {
        let fresh = UNet::new(self.net.config(), self.average.values().device())?;
        let mut net = fresh;
        net.parameters_mut().set_flat(self.average.values())?;
        Ok(net)
    }

    /// Runs `look` on the network with its averaged weights in place of the current ones.
    ///
    /// # Errors
    /// What `look` returns, and libtorch's.
    pub fn with_average<T>(&mut self, look: impl FnOnce(&UNet) -> Result<T, TrainError>) -> Result<T, TrainError> {
        let current = self.net.parameters().flat().copy();
        self.net.parameters_mut().set_flat(self.average.values())?;
        let seen = look(&self.net);
        self.net.parameters_mut().set_flat(&current)?;
        seen
    }

    /// One step of stage 1: mean squared error, slices weighted. Returns loss and gradient length.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] where the loss is no number; nothing is changed then.
    pub fn coarse_step(&mut self, batch: &Batch, lr: f64, step: u64) -> Result<(f64, f64), TrainError> {
        let out = self.net.forward(&batch.input, self.precision, &uninterrupted)?;
        let side = batch.target.size()[2];
        let weights = batch.weights.f_view([1, 1, side, 1, 1])?;
        let total = batch.weights.f_sum(Kind::Float)?.f_mul_scalar((side * side) as f64)?;
        let loss = out.f_sub(&batch.target)?.f_square()?.f_mul(&weights)?.f_sum(Kind::Float)?.f_div(&total)?;
        self.descend(&loss, lr, step)
    }

    /// One step of stage 2: mean absolute error on random slices that hold data. The coarse volume
    /// (`[D, H, W]`) comes from a frozen network. Returns loss and gradient length.
    ///
    /// # Errors
    /// As [`Learner::coarse_step`].
    pub fn refine_step(
        &mut self,
        coarse: &Tensor,
        batch: &Batch,
        input: RefineInput,
        lr: f64,
        step: u64,
        rng: &mut impl Rng,
    ) -> Result<(f64, f64), TrainError> {
        let side = batch.target.size()[2] as usize;
        let slices: Vec<i64> =
            index::sample(rng, side, SLICES_PER_STEP.min(side)).into_iter().map(|z| z as i64).collect();
        let indices = Tensor::f_from_slice(&slices)?.f_to_device(coarse.device())?;
        let refined = refine_slices(&self.net, coarse, &slices, input, self.precision, &uninterrupted)?;
        let target = batch.target.f_select(0, 0)?.f_select(0, 0)?.f_index_select(0, &indices)?.f_unsqueeze(1)?;
        let weights = batch.weights.f_index_select(0, &indices)?.f_view([-1, 1, 1, 1])?;
        let total = weights.f_sum(Kind::Float)?.f_mul_scalar((side * side) as f64)?;
        let loss = refined.f_sub(&target)?.f_abs()?.f_mul(&weights)?.f_sum(Kind::Float)?.f_div(&total)?;
        self.descend(&loss, lr, step)
    }

    fn descend(&mut self, loss: &Tensor, lr: f64, step: u64) -> Result<(f64, f64), TrainError> {
        let value = loss.f_double_value(&[])?;
        if !value.is_finite() {
            return Err(TrainError::NotFinite { step });
        }
        loss.f_backward()?;
        let gradient = self.net.parameters_mut().take_gradient()?;
        let mut flat = self.net.parameters().flat().shallow_clone();
        let length = self.optimiser.step(&mut flat, &gradient, lr)?;
        if !length.is_finite() {
            return Err(TrainError::NotFinite { step });
        }
        self.average.update(&flat)?;
        Ok((value, length))
    }
}

/// The coarse volume of a batch, `[D, H, W]`, without gradient.
///
/// # Errors
/// libtorch's.
pub fn coarse_volume(net: &UNet, batch: &Batch, precision: Precision) -> Result<Tensor, TrainError> {
    let _guard = tch::no_grad_guard();
    Ok(net.forward(&batch.input, precision, &uninterrupted)?.f_select(0, 0)?.f_select(0, 0)?)
}

/// All slices of a coarse volume refined, `[D, H, W]`, without gradient.
///
/// # Errors
/// libtorch's.
pub fn refined_volume(
    net: &UNet,
    coarse: &Tensor,
    input: RefineInput,
    precision: Precision,
) -> Result<Tensor, NnError> {
    let _guard = tch::no_grad_guard();
    let side = coarse.size()[0];
    let mut parts = Vec::new();
    for first in (0..side).step_by(SLICES_PER_STEP) {
        let slices: Vec<i64> = (first..side.min(first + SLICES_PER_STEP as i64)).collect();
        parts.push(refine_slices(net, coarse, &slices, input, precision, &uninterrupted)?);
    }
    Ok(Tensor::f_cat(&parts, 0)?.f_select(1, 0)?)
}

/// Mean absolute error in HU of each case, both clipped to [-1000, 1500], over the whole volume.
///
/// # Errors
/// What `reconstruct` returns, and libtorch's.
pub fn validate(
    cases: &[Case],
    side: usize,
    input: BackProjection,
    device: Device,
    reconstruct: impl Fn(&Batch) -> Result<Tensor, TrainError>,
) -> Result<Vec<(String, f64)>, TrainError> {
    let mut errors = Vec::new();
    for case in cases {
        let sample = plain_sample(case, side, input).map_err(|e| TrainError::Plan(e.to_string()))?;
        let batch = Batch::new(&sample, input, device)?;
        let clip = |t: &Tensor| t.f_clamp(REPORTED_RANGE.0, REPORTED_RANGE.1);
        let out = clip(&reconstruct(&batch)?)?;
        let truth = clip(&batch.target.f_select(0, 0)?.f_select(0, 0)?)?;
        let error = out.f_sub(&truth)?.f_abs()?.f_mean(Kind::Double)?.f_double_value(&[])? * HU_PER_R;
        errors.push((case.name.clone(), error));
    }
    Ok(errors)
}
