//! X2CT-GAN's training: one step of its generator and its discriminator. Knows no schedule.
//!
//! Ying et al., CVPR 2019: 10 times the squared error, 10 times the absolute difference of projections along the three
//! axes, 0.1 times the adversarial loss of least squares. The optimiser, the average and the schedule are the plan's,
//! as those of every method, so that budgets are equal (the paper has Adam at 2e-4).

use super::TrainError;
use super::adamw::{AdamW, Average};
use super::batch::{Batch, coarse_volume};
use super::checkpoint::Tensors;
use super::discriminator::{Adversary, Judge};
use super::event::Term;
use super::learner::{Learn, Moment, Outcome};
use super::networks::Networks;
use super::plan::StepPlan;
use super::stage1::weighted_squared_error;
use crate::nn::Precision;
use crate::nn::coarse::Coarse;
use crate::nn::unet::uninterrupted;
use tch::{Device, Kind, Tensor};

/// Weights of the paper's losses.
const SQUARED: f64 = 10.0;
const PROJECTION: f64 = 10.0;
const ADVERSARIAL: f64 = 0.1;

/// Generator and discriminator being trained.
pub struct X2ctStage {
    net: Coarse,
    adversary: Adversary,
    optimiser: AdamW,
    average: Average,
    precision: Precision,
}

impl X2ctStage {
    /// Starts learning from the generator's weights. Seed the weights first: the discriminator begins with fresh ones.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(mut net: Coarse, plan: &StepPlan, precision: Precision, device: Device) -> Result<Self, TrainError> {
        let adversary = Adversary::new(Judge::volumes(net.config().base_width), device)?;
        let optimiser = AdamW::new(&[net.parameters().flat()])?;
        let average = Average::new(net.parameters().flat(), plan.average_decay);
        net.parameters_mut().track_gradients(true);
        Ok(Self { net, adversary, optimiser, average, precision })
    }

    /// The weighted losses of a volume, and each by itself.
    fn losses(&self, batch: &Batch, out: &Tensor) -> Result<(Tensor, Vec<(Term, f64)>), TrainError> {
        let parts = [
            (Term::SquaredError, SQUARED, weighted_squared_error(out, batch)?),
            (Term::Projection, PROJECTION, projection_error(out, &batch.target)?),
            (Term::Adversarial, ADVERSARIAL, self.adversary.judge().adversarial_loss(&batch.input, out)?),
        ];
        let mut total = Tensor::f_zeros([0i64; 0], (Kind::Float, out.device()))?;
        let mut terms = Vec::new();
        for (term, weight, loss) in parts {
            terms.push((term, loss.f_double_value(&[])?));
            total = total.f_add(&loss.f_mul_scalar(weight)?)?;
        }
        Ok((total, terms))
    }
}

/// Mean absolute difference of the mean projections along z, y and x; `[1, 1, D, H, W]` both.
fn projection_error(out: &Tensor, truth: &Tensor) -> Result<Tensor, TrainError> {
    let difference = out.f_sub(truth)?;
    let along = |axis: i64| difference.f_mean_dim([axis].as_slice(), false, Kind::Float)?.f_abs()?.f_mean(Kind::Float);
    let sum = along(2)?.f_add(&along(3)?)?.f_add(&along(4)?)?;
    Ok(sum.f_div_scalar(3.0)?)
}

impl Learn for X2ctStage {
    fn step(&mut self, batches: &[Batch], moment: &Moment) -> Result<Outcome, TrainError> {
        let count = batches.len() as f64;
        let (mut loss, mut terms) = (0.0, Vec::<(Term, f64)>::new());
        for batch in batches {
            let out = self.net.forward(&batch.input, self.precision, &uninterrupted)?;
            let judged = self.adversary.step(&batch.input, &out, &batch.target, moment)?;
            let (total, parts) = self.losses(batch, &out)?;
            let share = total.f_div_scalar(count)?;
            loss += moment.finite(share.f_double_value(&[])?)?;
            share.f_backward()?;
            for (term, value) in parts.into_iter().chain([(Term::Discriminator, judged)]) {
                match terms.iter_mut().find(|(t, _)| *t == term) {
                    Some((_, sum)) => *sum += value / count,
                    None => terms.push((term, value / count)),
                }
            }
        }
        let gradient = self.net.parameters_mut().take_gradient()?;
        let length = self.optimiser.step(&[self.net.parameters().flat()], &[gradient], moment.lr)?;
        moment.finite(length)?;
        self.average.update(self.net.parameters().flat())?;
        Ok(Outcome { loss, terms, gradient: length })
    }

    fn volume(&mut self, batch: &Batch) -> Result<Tensor, TrainError> {
        coarse_volume(&self.net.with_values(self.average.values())?, batch, self.precision)
    }

    fn networks(&self) -> Result<Networks, TrainError> {
        Ok(Networks { coarse: self.net.with_values(self.average.values())?, refine: None, coarse_moments: None })
    }

    fn store(&self, into: &mut Tensors) {
        into.put("x2ct.net".into(), self.net.parameters().flat());
        self.optimiser.store("x2ct.adamw", into);
        self.average.store("x2ct.average", into);
        self.adversary.store("x2ct.discriminator", into);
    }

    fn restore(&mut self, from: &Tensors) -> Result<(), TrainError> {
        from.copy_to("x2ct.net", self.net.parameters().flat())?;
        self.optimiser.restore("x2ct.adamw", from)?;
        self.average.restore("x2ct.average", from)?;
        self.adversary.restore("x2ct.discriminator", from)
    }
}
