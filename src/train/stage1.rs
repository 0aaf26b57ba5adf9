//! Stage 1: one step of the coarse network (or of a baseline that is one network), mean squared error. Knows no
//! schedule.

use super::TrainError;
use super::adamw::{AdamW, Average};
use super::batch::{Batch, coarse_volume};
use super::checkpoint::Tensors;
use super::event::Term;
use super::learner::{Learn, Moment, Outcome};
use super::networks::Networks;
use super::plan::{CoarseLossPlan, StepPlan};
use crate::nn::Precision;
use crate::nn::coarse::Coarse;
use crate::nn::recompute::Tape;
use crate::nn::unet::uninterrupted;
use tch::{Kind, Tensor};

/// The coarse network being trained.
pub struct Stage1 {
    net: Coarse,
    optimiser: AdamW,
    average: Average,
    precision: Precision,
    recompute: bool,
    losses: CoarseLossPlan,
}

impl Stage1 {
    /// Starts learning from the network's weights, and from an earlier phase's moments where there was one.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(
        mut net: Coarse,
        moments: Option<AdamW>,
        plan: &StepPlan,
        losses: CoarseLossPlan,
        precision: Precision,
    ) -> Result<Self, TrainError> {
        let optimiser = moments.map_or_else(|| AdamW::new(&[net.parameters().flat()]), Ok)?;
        let average = Average::new(net.parameters().flat(), plan.average_decay);
        net.parameters_mut().track_gradients(true);
        Ok(Self { net, optimiser, average, precision, recompute: plan.recompute, losses })
    }
}

/// The mean squared error over voxels, axial slices weighted: `[1, 1, D, H, W]` both, weights `[D]`.
pub(super) fn weighted_squared_error(out: &Tensor, batch: &Batch) -> Result<Tensor, TrainError> {
    let side = batch.target.size()[2];
    let weights = batch.weights.f_view([1, 1, side, 1, 1])?;
    let total = batch.weights.f_sum(Kind::Float)?.f_mul_scalar((side * side) as f64)?;
    Ok(out.f_sub(&batch.target)?.f_square()?.f_mul(&weights)?.f_sum(Kind::Float)?.f_div(&total)?)
}

/// Where voxels count as bone: above 120 HU.
pub(super) const BONE_ABOVE: f64 = 1.12;
/// Vessels and edges of the lungs: -750 to -400 HU.
const LUNG_DETAIL: (f64, f64) = (0.25, 0.6);
/// After this share of a phase slices without scan data count in full.
const LATE: f64 = 0.8;
/// Side of the mean that is taken off to leave detail, voxels.
const DETAIL_SIDE: i64 = 5;

/// The mean squared error over voxels, axial slices weighted, `[1, 1, D, H, W]`, with more weight on bone and the lungs'
/// vessels, and on fine detail; late in the phase (`share` of it is done) slices without scan data count as all others, so
/// that air is air in the end. With nothing asked for it is the plain one to the bit.
///
/// # Errors
/// libtorch's.
pub fn coarse_loss(out: &Tensor, batch: &Batch, losses: &CoarseLossPlan, share: f64) -> Result<Tensor, TrainError> {
    if *losses == CoarseLossPlan::default() {
        return weighted_squared_error(out, batch);
    }
    let side = batch.target.size()[2];
    let weights = if share > LATE { batch.weights.f_ones_like()? } else { batch.weights.shallow_clone() };
    let slices = weights.f_view([1, 1, side, 1, 1])?;
    let total = weights.f_sum(Kind::Float)?.f_mul_scalar((side * side) as f64)?;
    let within = |low: f64, high: f64| -> Result<Tensor, TrainError> {
        Ok(batch.target.f_gt(low)?.f_logical_and(&batch.target.f_lt(high)?)?.f_to_kind(Kind::Float)?)
    };
    let bone = within(BONE_ABOVE, f64::INFINITY)?.f_mul_scalar(losses.bone)?;
    let lung = within(LUNG_DETAIL.0, LUNG_DETAIL.1)?.f_mul_scalar(losses.lung)?;
    let weights = bone.f_add(&lung)?.f_add_scalar(1.0)?.f_mul(&slices)?;
    let error = out.f_sub(&batch.target)?;
    let mut sum = error.f_square()?.f_mul(&weights)?.f_sum(Kind::Float)?;
    if losses.detail > 0.0 {
        // The detail of the difference is the difference of the details.
        let (sides, edge) = ([DETAIL_SIDE; 3], [DETAIL_SIDE / 2; 3]);
        let smooth = error.f_avg_pool3d(sides, [1; 3], edge, false, true, None::<i64>)?;
        let detail = error.f_sub(&smooth)?.f_square()?.f_mul(&weights)?.f_sum(Kind::Float)?;
        sum = sum.f_add(&detail.f_mul_scalar(losses.detail)?)?;
    }
    Ok(sum.f_div(&total)?)
}

impl Learn for Stage1 {
    fn step(&mut self, batches: &[Batch], moment: &Moment) -> Result<Outcome, TrainError> {
        let mut sum = 0.0;
        for batch in batches {
            let (out, tape) = if self.recompute {
                self.net.forward_recomputing(&batch.input, self.precision)?
            } else {
                (self.net.forward(&batch.input, self.precision, &uninterrupted)?, Tape::default())
            };
            let loss = coarse_loss(&out, batch, &self.losses, moment.share)?.f_div_scalar(batches.len() as f64)?;
            sum += moment.finite(loss.f_double_value(&[])?)?;
            loss.f_backward()?;
            tape.backward()?;
        }
        let gradient = self.net.parameters_mut().take_gradient()?;
        let length = self.optimiser.step(&[self.net.parameters().flat()], &[gradient], moment.lr)?;
        moment.finite(length)?;
        self.average.update(self.net.parameters().flat())?;
        Ok(Outcome { loss: sum, terms: vec![(Term::SquaredError, sum)], gradient: length })
    }

    fn volume(&mut self, batch: &Batch) -> Result<Tensor, TrainError> {
        let net = self.net.with_values(self.average.values())?;
        coarse_volume(&net, batch, self.precision)
    }

    fn networks(&self) -> Result<Networks, TrainError> {
        let coarse = self.net.with_values(self.average.values())?;
        Ok(Networks { coarse, refine: None, coarse_moments: Some(self.optimiser.copied()) })
    }

    fn store(&self, into: &mut Tensors) {
        into.put("stage1.net".into(), self.net.parameters().flat());
        self.optimiser.store("stage1.adamw", into);
        self.average.store("stage1.average", into);
    }

    fn restore(&mut self, from: &Tensors) -> Result<(), TrainError> {
        from.copy_to("stage1.net", self.net.parameters().flat())?;
        self.optimiser.restore("stage1.adamw", from)?;
        self.average.restore("stage1.average", from)
    }
}
