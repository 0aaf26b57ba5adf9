//! The contrast network and its two losses: what a refined slice should share with the true one. Knows no schedule.
//!
//! Dong et al., "Semantic contrastive learning for orthogonal X-ray computed tomography reconstruction": a student
//! sees the refined slice, a teacher (running average of the student) the true one. Where the paper gives no number,
//! [`ContrastPlan`] holds our choice.

use super::TrainError;
use super::plan::ContrastPlan;
use crate::nn::parameters::{Declaration, Init, Parameters};
use crate::nn::unet::{Dims, UNet, UNetConfig, Upsampling, uninterrupted};
use crate::nn::{NnError, Precision};
use rand::Rng;
use rand::seq::index;
use tch::{Device, Kind, Tensor};

/// Channels of both kinds of features after their projection heads.
pub const FEATURES: i64 = 128;
/// Channels of the deepest level over those of the first.
const BOTTOM_OVER_BASE: i64 = 16;
/// Guards the division by a feature's length.
const LENGTH_EPS: f64 = 1e-12;
/// Logit of a negative that does not exist.
const NO_LOGIT: f64 = -1e9;

/// A 2D U-Net without head that goes up bilinearly, with a projection head on its bottom and one on its top.
pub struct ContrastNet {
    net: UNet,
    heads: Parameters,
    semantic: [Conv1; 2],
    anatomy: [Conv1; 2],
}

/// Indices of a 1x1 conv's weight and bias.
#[derive(Clone, Copy)]
struct Conv1 {
    weight: usize,
    bias: usize,
}

/// Features before their heads.
pub struct SliceFeatures {
    /// `[N, 16 w, H / 16, W / 16]`.
    bottom: Tensor,
    /// `[N, w, H, W]`.
    top: Tensor,
}

impl ContrastNet {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// Where the device cannot hold it.
    pub fn new(base_width: i64, device: Device) -> Result<Self, NnError> {
        let config = UNetConfig {
            upsampling: Upsampling::Linear,
            out_channels: None,
            ..UNetConfig::new(Dims::Two, 1, base_width)
        };
        let mut declare = Declaration::default();
        let semantic = declare_head(&mut declare, "semantic", BOTTOM_OVER_BASE * base_width);
        let anatomy = declare_head(&mut declare, "anatomy", base_width);
        Ok(Self { net: UNet::new(config, device)?, heads: declare.build(device)?, semantic, anatomy })
    }

    /// Weights of the network and of its heads.
    pub fn parameters(&self) -> [&Parameters; 2] {
        [self.net.parameters(), &self.heads]
    }

    /// The same, to change.
    pub fn parameters_mut(&mut self) -> [&mut Parameters; 2] {
        [self.net.parameters_mut(), &mut self.heads]
    }

    /// Features of slices `[N, 1, H, W]`, relative attenuation.
    ///
    /// # Errors
    /// As [`UNet::features`].
    pub fn features(&self, slices: &Tensor, precision: Precision) -> Result<SliceFeatures, NnError> {
        let features = self.net.features(slices, precision, &uninterrupted)?;
        Ok(SliceFeatures { bottom: features.bottom, top: features.top })
    }

    /// Semantic features of unit length, `[N, 128, H / 16, W / 16]`.
    ///
    /// # Errors
    /// libtorch's.
    pub fn semantic(&self, features: &SliceFeatures) -> Result<Tensor, NnError> {
        let size = features.bottom.size();
        let projected = self.project(&features.bottom.f_flatten(2, 3)?, self.semantic)?;
        Ok(projected.f_view([size[0], FEATURES, size[2], size[3]])?)
    }

    /// Anatomical features of unit length at every position of slice `n`, `[128, H W]`.
    ///
    /// # Errors
    /// libtorch's.
    pub fn anatomy(&self, features: &SliceFeatures, n: i64) -> Result<Tensor, NnError> {
        let slice = features.top.f_narrow(0, n, 1)?.f_flatten(2, 3)?;
        Ok(self.project(&slice, self.anatomy)?.f_select(0, 0)?)
    }

    /// Anatomical features of unit length at some positions of slice `n`, `[128, P]`. The head works point by point,
    /// so this is [`ContrastNet::anatomy`] at these positions without the work for the others.
    ///
    /// # Errors
    /// libtorch's.
    pub fn anatomy_at(&self, features: &SliceFeatures, n: i64, positions: &Tensor) -> Result<Tensor, NnError> {
        let slice = features.top.f_narrow(0, n, 1)?.f_flatten(2, 3)?.f_index_select(2, positions)?;
        Ok(self.project(&slice, self.anatomy)?.f_select(0, 0)?)
    }

    /// 1x1 conv, ReLU, 1x1 conv, unit length: `[N, C, P]` to `[N, 128, P]`.
    fn project(&self, x: &Tensor, head: [Conv1; 2]) -> Result<Tensor, NnError> {
        let conv = |x: &Tensor, conv: Conv1| -> Result<Tensor, NnError> {
            let (weight, bias) = (self.heads.get(conv.weight), self.heads.get(conv.bias));
            Ok(x.f_conv1d(weight, Some(bias), [1], [0], [1], 1)?)
        };
        let projected = conv(&conv(x, head[0])?.f_relu()?, head[1])?;
        let length = projected.f_square()?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?;
        Ok(projected.f_div(&length.f_add_scalar(LENGTH_EPS)?.f_sqrt()?)?)
    }
}

/// 1x1 conv with as many channels as it sees, then one to [`FEATURES`].
fn declare_head(declare: &mut Declaration, name: &str, from: i64) -> [Conv1; 2] {
    [(1, from), (2, FEATURES)].map(|(k, to)| Conv1 {
        weight: declare.add(format!("{name}.conv{k}.weight"), &[to, from, 1], Init::Kaiming { fan: from }),
        bias: declare.add(format!("{name}.conv{k}.bias"), &[to], Init::Zero),
    })
}

/// The semantic loss between student and teacher, both `[N, C, h, w]` of unit length: the mean over positions i and
/// over i itself and its `positives` most similar neighbours j (of eight, by cosine in the teacher's map) of
/// ||student_j - teacher_j||^2. Neighbours beyond the border do not count.
///
/// # Errors
/// libtorch's.
pub fn semantic_loss(student: &Tensor, teacher: &Tensor, positives: i64) -> Result<Tensor, NnError> {
    let size = teacher.size();
    let (h, w) = (size[2], size[3]);
    let distance = student.f_sub(teacher)?.f_square()?.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?;
    let (mut similar, mut apart) = (Vec::new(), Vec::new());
    let framed = teacher.f_constant_pad_nd([1, 1, 1, 1])?;
    let framed_distance = distance.f_constant_pad_nd([1, 1, 1, 1])?;
    let inside = Tensor::f_ones([h, w], (Kind::Float, teacher.device()))?.f_constant_pad_nd([1, 1, 1, 1])?;
    for (dy, dx) in (0..3).flat_map(|y| (0..3).map(move |x| (y, x))).filter(|at| *at != (1, 1)) {
        let shift = |t: &Tensor, first: i64| t.f_narrow(first, dy, h)?.f_narrow(first + 1, dx, w);
        let cosine = shift(&framed, 2)?.f_mul(teacher)?.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Float)?;
        let outside = shift(&inside, 0)?.f_eq(0.0)?;
        similar.push(cosine.f_masked_fill(&outside, f64::NEG_INFINITY)?);
        apart.push(shift(&framed_distance, 1)?);
    }
    let (best, which) = Tensor::f_stack(&similar, 1)?.f_topk(positives, 1, true, true)?;
    let counted = best.f_isfinite()?.f_to_kind(Kind::Float)?;
    let chosen = Tensor::f_stack(&apart, 1)?.f_gather(1, &which, false)?.f_mul(&counted)?;
    let sum = chosen.f_sum(Kind::Float)?.f_add(&distance.f_sum(Kind::Float)?)?;
    let count = counted.f_sum(Kind::Float)?.f_add_scalar(distance.numel() as f64)?;
    Ok(sum.f_div(&count)?)
}

/// The anatomical loss on one slice: InfoNCE at some positions. `student` `[C, P]` holds the student's features at the
/// `positions` (indices into rows of `width`), `teacher` `[C, H W]` the teacher's everywhere, all of unit length. The
/// positive is the teacher's feature at the same position; the negatives are the most similar ones to it within a
/// window without its core, dropped where they lie outside of the slice.
///
/// # Errors
/// libtorch's.
pub fn anatomy_loss(
    student: &Tensor,
    teacher: &Tensor,
    positions: &[i64],
    width: i64,
    plan: &ContrastPlan,
) -> Result<Tensor, NnError> {
    let device = teacher.device();
    let (count, channels) = (positions.len() as i64, teacher.size()[0]);
    let (around, valid) = window(positions, width, teacher.size()[1] / width, plan);
    let candidates = around.len() as i64 / count;
    let around = Tensor::f_from_slice(&around)?.f_to_device(device)?;
    let missing = Tensor::f_from_slice(&valid)?.f_to_device(device)?.f_view([count, candidates])?.f_eq(0.0)?;
    let rows = teacher.f_transpose(0, 1)?;
    let own = rows.f_index_select(0, &Tensor::f_from_slice(positions)?.f_to_device(device)?)?;
    let near = rows.f_index_select(0, &around)?.f_view([count, candidates, channels])?;
    let alike = near.f_matmul(&own.f_unsqueeze(2)?)?.f_squeeze_dim(2)?;
    let alike = alike.f_masked_fill(&missing, f64::NEG_INFINITY)?;
    let (best, which) = alike.f_topk(plan.anatomy_negatives.min(candidates), 1, true, true)?;
    let index = which.f_unsqueeze(2)?.f_expand([-1, -1, channels], false)?;
    let negatives = near.f_gather(1, &index, false)?;
    let seen = student.f_transpose(0, 1)?;
    let positive = seen.f_mul(&own)?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?;
    let negative = negatives.f_matmul(&seen.f_unsqueeze(2)?)?.f_squeeze_dim(2)?;
    let logits = Tensor::f_cat(&[positive, negative], 1)?.f_div_scalar(plan.temperature)?;
    let absent = Tensor::f_cat(&[best.f_narrow(1, 0, 1)?.f_zeros_like()?, best.f_isinf()?.f_to_kind(Kind::Float)?], 1)?;
    let logits = logits.f_masked_fill(&absent.f_ne(0.0)?, NO_LOGIT)?;
    let chosen = logits.f_narrow(1, 0, 1)?.f_squeeze_dim(1)?;
    Ok(logits.f_logsumexp([1], false)?.f_sub(&chosen)?.f_mean(Kind::Float)?)
}

/// Indices of every position's window without its core, and 1 for each that lies in the slice. Indices outside are
/// replaced by the position's own, which is never used.
fn window(positions: &[i64], width: i64, height: i64, plan: &ContrastPlan) -> (Vec<i64>, Vec<f32>) {
    let (reach, core) = (plan.window / 2, plan.core / 2);
    let offsets: Vec<(i64, i64)> = (-reach..=reach)
        .flat_map(|dy| (-reach..=reach).map(move |dx| (dy, dx)))
        .filter(|(dy, dx)| dy.abs() > core || dx.abs() > core)
        .collect();
    let at = |position: i64, (dy, dx): (i64, i64)| {
        let (y, x) = (position / width + dy, position % width + dx);
        let inside = (0..height).contains(&y) && (0..width).contains(&x);
        if inside { (y * width + x, 1.0) } else { (position, 0.0) }
    };
    positions.iter().flat_map(|p| offsets.iter().map(move |o| at(*p, *o))).unzip()
}

/// At most `count` random positions among those where `inside` is not 0; all of them where there are fewer.
pub fn sample_positions(inside: &[u8], count: usize, rng: &mut impl Rng) -> Vec<i64> {
    let all: Vec<i64> = inside.iter().enumerate().filter(|(_, v)| **v != 0).map(|(i, _)| i as i64).collect();
    if all.len() <= count {
        return all;
    }
    index::sample(rng, all.len(), count).into_iter().map(|i| all[i]).collect()
}

/// The mean deviation of features `[N, C, h, w]` (of unit length) over positions: near 0 where every place looks alike,
/// which is how contrastive learning collapses.
///
/// # Errors
/// libtorch's.
pub fn deviation(features: &Tensor) -> Result<f64, TrainError> {
    let columns = features.f_detach()?.f_transpose(0, 1)?.f_flatten(1, -1)?;
    Ok(columns.f_std_dim([1i64].as_slice(), false, false)?.f_mean(Kind::Float)?.f_double_value(&[])?)
}
