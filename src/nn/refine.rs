//! Stage 2: the refining network, a 2D U-Net over axial slices of the coarse volume.

use super::unet::{Dims, Interrupt, UNet, UNetConfig};
use super::{NnError, Precision};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// What the refining network sees and gives besides the paper's single slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefineInput {
    /// Slices on each side of the one that is refined; 0 is the paper's.
    pub neighbours: i64,
    /// Whether the output is added to the coarse slice; `false` is the paper's.
    pub residual: bool,
}

/// The refining network: `[N, 1 + 2 neighbours, H, W]` to `[N, 1, H, W]`, relative attenuation both.
pub fn config(base_width: i64, input: RefineInput) -> UNetConfig {
    UNetConfig::new(Dims::Two, 1 + 2 * input.neighbours, base_width)
}

/// Slices `from..from + count` of a coarse volume `[D, H, W]` with their neighbours as channels,
/// `[count, C, H, W]`; beyond the ends the outermost slice is repeated.
///
/// # Errors
/// libtorch's, as out of memory.
pub fn gather_slices(coarse: &Tensor, slices: &[i64], input: RefineInput) -> Result<Tensor, NnError> {
    let last = coarse.size()[0] - 1;
    let channel = |offset: i64| {
        let indices: Vec<i64> = slices.iter().map(|z| (z + offset).clamp(0, last)).collect();
        coarse.f_index_select(0, &Tensor::f_from_slice(&indices)?.f_to_device(coarse.device())?)
    };
    let channels: Vec<Tensor> = (-input.neighbours..=input.neighbours).map(channel).collect::<Result<_, _>>()?;
    Ok(Tensor::f_stack(&channels, 1)?)
}

/// Refines the given slices of a coarse volume `[D, H, W]`: `[count, 1, H, W]`.
///
/// # Errors
/// As [`UNet::forward`].
pub fn refine_slices(
    net: &UNet,
    coarse: &Tensor,
    slices: &[i64],
    input: RefineInput,
    precision: Precision,
    interrupt: Interrupt,
) -> Result<Tensor, NnError> {
    let gathered = gather_slices(coarse, slices, input)?;
    let out = net.forward(&gathered, precision, interrupt)?;
    if !input.residual {
        return Ok(out);
    }
    Ok(out.f_add(&gathered.f_narrow(1, input.neighbours, 1)?)?)
}
