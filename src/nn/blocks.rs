//! The parts all networks are built of: convolutions and norms as places in a flat vector of parameters, in two or
//! three dimensions. Knows no architecture.

use super::NnError;
use super::parameters::{Declaration, Init, Parameters};
use tch::{Device, Kind, Tensor};

/// Guards the instance norm's division (PyTorch's default).
const NORM_EPS: f64 = 1e-5;

/// Whether a network slides over planes or volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dims {
    /// `[N, C, H, W]`.
    Two,
    /// `[N, C, D, H, W]`.
    Three,
}

impl Dims {
    /// Axes of a picture or volume.
    pub fn count(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    fn kernel(self, first: i64, second: i64, side: i64) -> Vec<i64> {
        let mut shape = vec![first, second];
        shape.resize(2 + self.count(), side);
        shape
    }
}

/// Side, stride and padding of a convolution, the same along every axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Side.
    pub side: i64,
    /// Stride.
    pub stride: i64,
    /// Padding with zeros.
    pub padding: i64,
}

impl Kernel {
    /// Mixes channels only.
    pub const POINT: Self = Self { side: 1, stride: 1, padding: 0 };
    /// Side 3, the picture keeps its size.
    pub const SAME: Self = Self { side: 3, stride: 1, padding: 1 };
    /// Side 3, the picture is halved.
    pub const HALVE: Self = Self { side: 3, stride: 2, padding: 1 };
}

/// A convolution.
#[derive(Clone, Copy)]
pub struct Conv {
    dims: Dims,
    kernel: Kernel,
    weight: usize,
    bias: usize,
}

impl Conv {
    /// Declares `NAME.weight` `[to, from, side...]` (He et al.) and `NAME.bias` (zero).
    pub fn declare(declare: &mut Declaration, name: &str, dims: Dims, from: i64, to: i64, kernel: Kernel) -> Self {
        let fan = from * kernel.side.pow(dims.count() as u32);
        Self {
            dims,
            kernel,
            weight: declare.add(format!("{name}.weight"), &dims.kernel(to, from, kernel.side), Init::Kaiming { fan }),
            bias: declare.add(format!("{name}.bias"), &[to], Init::Zero),
        }
    }

    /// Places of the weight and the bias among the parameters.
    pub fn places(&self) -> [usize; 2] {
        [self.weight, self.bias]
    }

    /// `[N, from, ...]` to `[N, to, ...]` in the input's kind.
    ///
    /// # Errors
    /// libtorch's.
    pub fn apply(&self, parameters: &Parameters, x: &Tensor) -> Result<Tensor, NnError> {
        let [weight, bias] = in_kind(parameters, self.places(), x.kind())?;
        let Kernel { stride, padding, .. } = self.kernel;
        if self.dims == Dims::Three && x.device() == Device::Cpu && tch::utils::has_mkldnn() {
            // libtorch would take a slow loop for the small images of the deep levels.
            return Ok(x.f_mkldnn_convolution(&weight, Some(&bias), [padding; 3], [stride; 3], [1; 3], 1)?);
        }
        Ok(match self.dims {
            Dims::Two => x.f_conv2d(&weight, Some(&bias), [stride; 2], [padding; 2], [1; 2], 1)?,
            Dims::Three => x.f_conv3d(&weight, Some(&bias), [stride; 3], [padding; 3], [1; 3], 1)?,
        })
    }
}

/// A transposed convolution of side and stride 2.
#[derive(Clone, Copy)]
pub struct UpConv {
    dims: Dims,
    weight: usize,
    bias: usize,
}

impl UpConv {
    /// Declares `NAME.weight` `[from, to, 2...]` and `NAME.bias`.
    pub fn declare(declare: &mut Declaration, name: &str, dims: Dims, from: i64, to: i64) -> Self {
        let init = Init::Kaiming { fan: from };
        Self {
            dims,
            weight: declare.add(format!("{name}.weight"), &dims.kernel(from, to, 2), init),
            bias: declare.add(format!("{name}.bias"), &[to], Init::Zero),
        }
    }

    /// `[N, from, ...]` to `[N, to, ...]`, sides doubled.
    ///
    /// # Errors
    /// libtorch's.
    pub fn apply(&self, parameters: &Parameters, x: &Tensor) -> Result<Tensor, NnError> {
        let [weight, bias] = in_kind(parameters, [self.weight, self.bias], x.kind())?;
        Ok(match self.dims {
            Dims::Two => x.f_conv_transpose2d(&weight, Some(&bias), [2; 2], [0; 2], [0; 2], 1, [1; 2])?,
            Dims::Three => x.f_conv_transpose3d(&weight, Some(&bias), [2; 3], [0; 3], [0; 3], 1, [1; 3])?,
        })
    }
}

/// Instance norm with scale and shift (Ulyanov et al. 2016).
#[derive(Clone, Copy)]
pub struct Norm {
    scale: usize,
    shift: usize,
}

impl Norm {
    /// Declares `NAME.weight` (one) and `NAME.bias` (zero).
    pub fn declare(declare: &mut Declaration, name: &str, channels: i64) -> Self {
        Self {
            scale: declare.add(format!("{name}.weight"), &[channels], Init::One),
            shift: declare.add(format!("{name}.bias"), &[channels], Init::Zero),
        }
    }

    /// The input with mean and deviation of every sample's channels set, statistics in f32, the kind kept. At N = 1 the
    /// batch norm kernel computes the same and is the fastest on the CPU; for more samples group norm with a group a
    /// channel is.
    ///
    /// # Errors
    /// libtorch's.
    pub fn apply(&self, parameters: &Parameters, x: &Tensor) -> Result<Tensor, NnError> {
        let [scale, shift] = in_kind(parameters, [self.scale, self.shift], Kind::Float)?;
        let size = x.size();
        let none = None::<&Tensor>;
        if x.device().is_cuda() {
            let wide = x.f_to_kind(Kind::Float)?;
            let out = wide.f_instance_norm(Some(&scale), Some(&shift), none, none, true, 0.0, NORM_EPS, true)?;
            return Ok(out.f_to_kind(x.kind())?);
        }
        if size[0] == 1 {
            return Ok(x.f_batch_norm(Some(&scale), Some(&shift), none, none, true, 0.0, NORM_EPS, false)?);
        }
        Ok(x.f_group_norm(size[1], Some(&scale), Some(&shift), NORM_EPS, false)?)
    }
}

/// Two parameters in the kind that is computed in.
fn in_kind(parameters: &Parameters, places: [usize; 2], kind: Kind) -> Result<[Tensor; 2], NnError> {
    let [a, b] = places.map(|place| parameters.get(place).f_to_kind(kind));
    Ok([a?, b?])
}

/// The same values with channels fastest in memory, which the CPU's kernels are fastest on.
///
/// # Errors
/// libtorch's.
pub fn channels_last(x: &Tensor, dims: Dims) -> Result<Tensor, NnError> {
    Ok(match dims {
        Dims::Two => x.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?,
        Dims::Three => x.f_permute([0, 2, 3, 4, 1])?.f_contiguous()?.f_permute([0, 4, 1, 2, 3])?,
    })
}
