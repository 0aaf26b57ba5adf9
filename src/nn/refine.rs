//! Stage 2: the refining network, a 2D U-Net over axial slices of the coarse volume.

use super::unet::{Dims, Interrupt, UNet, UNetConfig};
use super::{NnError, Precision};
use crate::projection::bands;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// What the refining network sees and gives besides the paper's single slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefineInput {
    /// Slices on each side of the one that is refined; 0 is the paper's.
    pub neighbours: i64,
    /// Whether the output is added to the coarse slice; `false` is the paper's.
    pub residual: bool,
    /// Whether it sees the films with their bands of detail beside the coarse slices; `false` is the paper's, which can only
    /// sharpen what the coarse network kept.
    #[serde(default)]
    pub films: bool,
}

impl RefineInput {
    /// Channels beside the coarse slices.
    pub fn beside_channels(&self) -> usize {
        if self.films { 2 * bands::CHANNELS } else { 0 }
    }
}

/// The refining network: `[N, 1 + 2 neighbours + what stands beside, H, W]` to `[N, 1, H, W]`, relative attenuation both.
pub fn config(base_width: i64, input: RefineInput) -> UNetConfig {
    UNetConfig::new(Dims::Two, 1 + 2 * input.neighbours + input.beside_channels() as i64, base_width)
}

/// What the refining network works on.
pub struct Unrefined<'a> {
    /// The coarse network's volume, `[D, H, W]`.
    pub volume: &'a Tensor,
    /// What is seen beside it, `[C, D, H, W]`: the films' channels where the network sees films.
    pub beside: Option<&'a Tensor>,
}

/// Some slices of a coarse volume with their neighbours and what stands beside as channels, `[count, C, H, W]`; beyond the
/// ends the outermost slice is repeated.
///
/// # Errors
/// [`NnError::Input`] where what the network sees beside the volume is not there; libtorch's, as out of memory.
pub fn gather_slices(from: &Unrefined, slices: &[i64], input: RefineInput) -> Result<Tensor, NnError> {
    let coarse = from.volume;
    let last = coarse.size()[0] - 1;
    let channel = |offset: i64| {
        let indices: Vec<i64> = slices.iter().map(|z| (z + offset).clamp(0, last)).collect();
        coarse.f_index_select(0, &Tensor::f_from_slice(&indices)?.f_to_device(coarse.device())?)
    };
    let channels: Vec<Tensor> = (-input.neighbours..=input.neighbours).map(channel).collect::<Result<_, _>>()?;
    let near = Tensor::f_stack(&channels, 1)?;
    if input.beside_channels() == 0 {
        return Ok(near);
    }
    let beside =
        from.beside.ok_or_else(|| NnError::Input("the refining network sees films; none were given".into()))?;
    let at = Tensor::f_from_slice(slices)?.f_to_device(coarse.device())?;
    Ok(Tensor::f_cat(&[near, beside.f_index_select(1, &at)?.f_permute([1, 0, 2, 3])?], 1)?)
}

/// Slices of a coarse volume whose densest voxel is thinner than this, relative attenuation, are air alone.
const AIR_BELOW: f64 = 0.3;

/// A refined volume `[D, H, W]` whose slices of air alone are air: a norm would make a picture of their noise.
///
/// # Errors
/// libtorch's.
pub fn with_air(refined: &Tensor, coarse: &Tensor) -> Result<Tensor, NnError> {
    let holds = coarse.f_amax([1, 2], true)?.f_ge(AIR_BELOW)?;
    Ok(refined.f_where_self(&holds, &coarse.f_zeros_like()?)?)
}

/// Refines the given slices: `[count, 1, H, W]`.
///
/// # Errors
/// As [`UNet::forward`].
pub fn refine_slices(
    net: &UNet,
    from: &Unrefined,
    slices: &[i64],
    input: RefineInput,
    precision: Precision,
    interrupt: Interrupt,
) -> Result<Tensor, NnError> {
    let gathered = gather_slices(from, slices, input)?;
    let out = net.forward(&gathered, precision, interrupt)?;
    if !input.residual {
        return Ok(out);
    }
    Ok(out.f_add(&gathered.f_narrow(1, input.neighbours, 1)?)?)
}
