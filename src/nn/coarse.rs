//! Stage 1: the coarse network, a 3D U-Net from back-projected films to relative attenuation.

use super::unet::{Dims, UNetConfig};
use crate::projection::BackProjection;

/// The coarse network: `[1, C, D, H, W]` back-projected standardised films (C = 1 for `sum`, 2 for `per_view`)
/// to `[1, 1, D, H, W]` relative attenuation. The paper's has `base_width` 64.
pub fn config(base_width: i64, input: BackProjection) -> UNetConfig {
    UNetConfig::new(Dims::Three, input.channels() as i64, base_width)
}
