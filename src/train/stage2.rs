//! Stage 2: one step of the refining network with all its losses; the coarse network is frozen. Knows no schedule.
//!
//! Dong et al.: L = L1 + perceptual + adversarial + contrastive. The discriminator steps first; student and heads of
//! the contrast network share the refiner's AdamW; the teacher follows last.

use super::adamw::{AdamW, Average};
use super::batch::{Batch, coarse_volume, refined_volume};
use super::checkpoint::Tensors;
use super::contrast::{ContrastNet, anatomy_loss, deviation, sample_positions, semantic_loss};
use super::discriminator::Adversary;
use super::event::Term;
use super::learner::{Learn, Moment, Outcome};
use super::networks::{Networks, store_coarse};
use super::perceptual::{Perceptual, PerceptualPlan};
use super::plan::LossPlan;
use super::stage1::BONE_ABOVE;
use super::{TrainError, TrainPlan};
use crate::nn::Precision;
use crate::nn::coarse::Coarse;
use crate::nn::refine::{self, RefineInput, refine_slices};
use crate::nn::unet::{UNet, uninterrupted};
use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

/// What stage 2 is told.
#[derive(Clone, Debug)]
pub struct Stage2Plan {
    /// What the refining network sees.
    pub input: RefineInput,
    /// Channels of the contrast network's first level.
    pub contrast_width: i64,
    /// The losses.
    pub losses: LossPlan,
    /// What the perceptual loss looks with.
    pub perceptual: PerceptualPlan,
    /// Axial slices of each volume in a step.
    pub slices: usize,
    /// Decay of the running average.
    pub average_decay: f64,
    /// Precision of the convolutions of the U-Nets.
    pub precision: Precision,
}

impl Stage2Plan {
    /// What a run's plan says of it.
    pub fn of(plan: &TrainPlan, precision: Precision) -> Self {
        Self {
            input: plan.network.refine,
            contrast_width: plan.network.refine_width,
            losses: plan.losses,
            perceptual: plan.perceptual.clone(),
            slices: plan.steps.slices,
            average_decay: plan.steps.average_decay,
            precision,
        }
    }
}

/// The refining network being trained, with everything that judges it.
pub struct Stage2 {
    plan: Stage2Plan,
    coarse: Coarse,
    net: UNet,
    contrast: Option<Contrast>,
    perceptual: Option<Perceptual>,
    adversary: Option<Adversary>,
    optimiser: AdamW,
    average: Average,
}

/// Share of the slices of a step that are taken from those without scan data, where there are such: a network that never saw
/// one gives 80 HU of error in pure air.
const EMPTY_SHARE: f64 = 0.1;

/// Student and teacher.
struct Contrast {
    student: ContrastNet,
    teacher: ContrastNet,
}

/// The slices of one step, `[N, 1, H, W]` each.
struct Slices {
    coarse: Tensor,
    refined: Tensor,
    truth: Tensor,
    /// Their places in the volume.
    places: Vec<i64>,
}

impl Stage2 {
    /// Starts learning from the refiner's weights; the coarse network stays as it is. Seed the weights first: the networks
    /// that judge begin with fresh weights.
    ///
    /// # Errors
    /// Where memory runs out.
    pub fn new(coarse: Coarse, mut net: UNet, plan: Stage2Plan, device: Device) -> Result<Self, TrainError> {
        let contrast = plan.losses.contrasts().then(|| Contrast::new(plan.contrast_width, device)).transpose()?;
        let perceptual = (plan.losses.perceptual > 0.0).then(|| plan.perceptual.build(device)).transpose()?;
        let perceptual = perceptual.map(|p| p.with_precision(plan.precision));
        let adversary = (plan.losses.adversarial > 0.0).then(|| Adversary::steady(device)).transpose()?;
        let average = Average::new(net.parameters().flat(), plan.average_decay);
        net.parameters_mut().track_gradients(true);
        let optimiser = AdamW::new(&learning(&net, contrast.as_ref()))?;
        Ok(Self { plan, coarse, net, contrast, perceptual, adversary, optimiser, average })
    }

    /// Random slices, nearly all of those that hold data, refined with gradient.
    fn slices(&self, batch: &Batch, rng: &mut impl Rng) -> Result<Slices, TrainError> {
        let coarse = coarse_volume(&self.coarse, batch, self.plan.precision)?;
        let side = coarse.size()[0];
        let all: Vec<i64> = if batch.data_slices.is_empty() { (0..side).collect() } else { batch.data_slices.clone() };
        let mut places: Vec<i64> =
            index::sample(rng, all.len(), self.plan.slices.min(all.len())).into_iter().map(|i| all[i]).collect();
        let empty: Vec<i64> = (0..side).filter(|z| !all.contains(z)).collect();
        for place in &mut places {
            if !empty.is_empty() && rng.random_bool(EMPTY_SHARE) {
                *place = empty[rng.random_range(0..empty.len())];
            }
        }
        let at = Tensor::f_from_slice(&places)?.f_to_device(coarse.device())?;
        let take = |volume: &Tensor| volume.f_index_select(0, &at)?.f_unsqueeze(1);
        let truth = take(&batch.target.f_select(0, 0)?.f_select(0, 0)?)?;
        let from = refine::Unrefined { volume: &coarse, beside: batch.beside.as_ref() };
        let refined = refine_slices(&self.net, &from, &places, self.plan.input, self.plan.precision, &uninterrupted)?;
        Ok(Slices { coarse: take(&coarse)?, refined, truth, places })
    }

    /// The weighted losses of some slices, and each by itself.
    fn losses(
        &self,
        slices: &Slices,
        body: &[Vec<u8>],
        step: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Tensor, Vec<(Term, f64)>), TrainError> {
        let weights = self.plan.losses;
        let error = slices.refined.f_sub(&slices.truth)?;
        let weighted = |error: Tensor| -> Result<Tensor, TrainError> {
            let bone = slices.truth.f_gt(BONE_ABOVE)?.f_to_kind(Kind::Float)?.f_mul_scalar(weights.bone)?;
            Ok(error.f_mul(&bone.f_add_scalar(1.0)?)?.f_mean(Kind::Float)?)
        };
        let mut parts = vec![(Term::AbsoluteError, weights.l1, weighted(error.f_abs()?)?)];
        if weights.l2 > 0.0 {
            parts.push((Term::SquaredError, weights.l2, weighted(error.f_square()?)?));
        }
        if let Some(adversary) = &self.adversary {
            let loss = adversary.judge().adversarial_loss(&slices.coarse, &slices.refined)?;
            parts.push((Term::Adversarial, weights.adversarial, loss));
        }
        if let Some(perceptual) = &self.perceptual {
            parts.push((Term::Perceptual, weights.perceptual, perceptual.loss(&slices.refined, &slices.truth)?));
        }
        let mut spread = None;
        if let Some(contrast) = &self.contrast {
            // The coarse slices carry no gradient to the refiner: until the contrast network has learnt it only learns.
            let judged = if step <= weights.contrast.warm_up { &slices.coarse } else { &slices.refined };
            let (semantic, anatomy, deviation) = contrast.losses(judged, &slices.truth, body, &self.plan, rng)?;
            parts.push((Term::Semantic, weights.semantic, semantic));
            parts.push((Term::Anatomy, weights.anatomy, anatomy));
            let chance = (1.0 + weights.contrast.anatomy_negatives as f64).ln();
            spread = Some([(Term::AnatomyChance, chance), (Term::FeatureDeviation, deviation)]);
        }
        let mut total = Tensor::f_zeros([0i64; 0], (Kind::Float, slices.refined.device()))?;
        let mut terms = Vec::new();
        for (term, weight, loss) in &parts {
            terms.push((*term, loss.f_double_value(&[])?));
            if *weight > 0.0 {
                total = total.f_add(&loss.f_mul_scalar(*weight)?)?;
            }
        }
        terms.extend(spread.into_iter().flatten());
        Ok((total, terms))
    }
}

/// The vectors that share the refiner's optimiser.
fn learning<'a>(net: &'a UNet, contrast: Option<&'a Contrast>) -> Vec<&'a Tensor> {
    let student = contrast.iter().flat_map(|c| c.student.parameters()).map(|p| p.flat());
    std::iter::once(net.parameters().flat()).chain(student).collect()
}

impl Learn for Stage2 {
    fn step(&mut self, batches: &[Batch], moment: &Moment) -> Result<Outcome, TrainError> {
        let mut rng = moment.rng();
        let (mut loss, mut terms) = (0.0, Vec::new());
        for batch in batches {
            let slices = self.slices(batch, &mut rng)?;
            let judged =
                self.adversary.as_mut().map(|a| a.step(&slices.coarse, &slices.refined, &slices.truth, moment));
            let judged = judged.transpose()?;
            let body = batch.body_slices(&slices.places);
            let (total, parts) = self.losses(&slices, &body, moment.step, &mut rng)?;
            let share = total.f_div_scalar(batches.len() as f64)?;
            loss += moment.finite(share.f_double_value(&[])?)?;
            share.f_backward()?;
            let parts = parts.into_iter().chain(judged.map(|d| (Term::Discriminator, d)));
            add_shares(&mut terms, parts, batches.len());
        }
        let mut gradients = vec![self.net.parameters_mut().take_gradient()?];
        for parameters in self.contrast.iter_mut().flat_map(|c| c.student.parameters_mut()) {
            gradients.push(parameters.take_gradient()?);
        }
        let vectors = learning(&self.net, self.contrast.as_ref());
        let length = moment.finite(self.optimiser.step(&vectors, &gradients, moment.lr)?)?;
        self.average.update(self.net.parameters().flat())?;
        if let Some(contrast) = &self.contrast {
            contrast.follow(teacher_momentum(self.plan.losses.contrast.momentum, moment.share))?;
        }
        Ok(Outcome { loss, terms, gradient: length })
    }

    fn volume(&mut self, batch: &Batch) -> Result<Tensor, TrainError> {
        let coarse = coarse_volume(&self.coarse, batch, self.plan.precision)?;
        let net = self.net.with_values(self.average.values())?;
        let from = refine::Unrefined { volume: &coarse, beside: batch.beside.as_ref() };
        Ok(refined_volume(&net, &from, self.plan.input, self.plan.precision)?)
    }

    fn refines(&self, batch: &Batch) -> Result<Option<Tensor>, TrainError> {
        coarse_volume(&self.coarse, batch, self.plan.precision).map(Some)
    }

    fn networks(&self) -> Result<Networks, TrainError> {
        let coarse = self.coarse.with_values(self.coarse.parameters().flat())?;
        Ok(Networks { coarse, refine: Some(self.net.with_values(self.average.values())?), coarse_moments: None })
    }

    fn looks_with(&self) -> Option<String> {
        let perceptual = self.perceptual.as_ref()?;
        let layers: Vec<&str> = perceptual.layers().iter().map(|layer| layer.name()).collect();
        Some(format!("{} of {}", layers.join(", "), perceptual.origin()))
    }

    fn store(&self, into: &mut Tensors) {
        store_coarse(&self.coarse, into);
        into.put("stage2.net".into(), self.net.parameters().flat());
        self.optimiser.store("stage2.adamw", into);
        self.average.store("stage2.average", into);
        if let Some(contrast) = &self.contrast {
            for (name, net) in [("student", &contrast.student), ("teacher", &contrast.teacher)] {
                for (k, parameters) in net.parameters().into_iter().enumerate() {
                    into.put(format!("stage2.{name}.{k}"), parameters.flat());
                }
            }
        }
        if let Some(adversary) = &self.adversary {
            adversary.store("stage2.discriminator", into);
        }
    }

    fn restore(&mut self, from: &Tensors) -> Result<(), TrainError> {
        from.copy_to("stage2.net", self.net.parameters().flat())?;
        self.optimiser.restore("stage2.adamw", from)?;
        self.average.restore("stage2.average", from)?;
        if let Some(contrast) = &self.contrast {
            for (name, net) in [("student", &contrast.student), ("teacher", &contrast.teacher)] {
                for (k, parameters) in net.parameters().into_iter().enumerate() {
                    from.copy_to(&format!("stage2.{name}.{k}"), parameters.flat())?;
                }
            }
        }
        if let Some(adversary) = &mut self.adversary {
            adversary.restore("stage2.discriminator", from)?;
        }
        Ok(())
    }
}

/// Adds each part's share of a step of `count` volumes.
fn add_shares(terms: &mut Vec<(Term, f64)>, parts: impl Iterator<Item = (Term, f64)>, count: usize) {
    for (term, value) in parts {
        let share = value / count as f64;
        match terms.iter_mut().find(|(t, _)| *t == term) {
            Some((_, sum)) => *sum += share,
            None => terms.push((term, share)),
        }
    }
}

/// Momentum of the teacher: from `start` to 1 by a cosine over the phase.
fn teacher_momentum(start: f64, share: f64) -> f64 {
    1.0 - (1.0 - start) * (1.0 + (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos()) / 2.0
}

impl Contrast {
    fn new(width: i64, device: Device) -> Result<Self, TrainError> {
        let mut student = ContrastNet::new(width, device)?;
        let mut teacher = ContrastNet::new(width, device)?;
        for (own, shared) in teacher.parameters_mut().into_iter().zip(student.parameters()) {
            own.set_flat(shared.flat())?;
        }
        for parameters in student.parameters_mut() {
            parameters.track_gradients(true);
        }
        Ok(Self { student, teacher })
    }

    /// Semantic loss, anatomical loss, and the deviation of the teacher's semantic features, of slices against the true ones.
    fn losses(
        &self,
        judged: &Tensor,
        truth: &Tensor,
        body: &[Vec<u8>],
        plan: &Stage2Plan,
        rng: &mut ChaCha8Rng,
    ) -> Result<(Tensor, Tensor, f64), TrainError> {
        let contrast = &plan.losses.contrast;
        let seen = self.student.features(judged, plan.precision)?;
        let (true_semantic, known) = {
            let _guard = tch::no_grad_guard();
            let known = self.teacher.features(truth, plan.precision)?;
            (self.teacher.semantic(&known)?, known)
        };
        let semantic = semantic_loss(&self.student.semantic(&seen)?, &true_semantic, contrast.semantic_positives)?;
        let width = truth.size()[3];
        let mut sum = Tensor::f_zeros([0i64; 0], (Kind::Float, truth.device()))?;
        let mut count = 0.0;
        for (n, inside) in body.iter().enumerate() {
            let positions = sample_positions(inside, contrast.anatomy_positions, rng);
            if positions.is_empty() {
                continue;
            }
            let known = {
                let _guard = tch::no_grad_guard();
                self.teacher.anatomy(&known, n as i64)?
            };
            let at = Tensor::f_from_slice(&positions)?.f_to_device(known.device())?;
            let student = self.student.anatomy_at(&seen, n as i64, &at)?;
            sum = sum.f_add(&anatomy_loss(&student, &known, &positions, width, contrast)?)?;
            count += 1.0;
        }
        Ok((semantic, sum.f_div_scalar(f64::max(count, 1.0))?, deviation(&true_semantic)?))
    }

    /// Moves the teacher towards the student.
    fn follow(&self, momentum: f64) -> Result<(), TrainError> {
        let _guard = tch::no_grad_guard();
        for (own, leading) in self.teacher.parameters().into_iter().zip(self.student.parameters()) {
            let _ = own.flat().shallow_clone().f_lerp_(leading.flat(), 1.0 - momentum)?;
        }
        Ok(())
    }
}
