//! Numbers about a CT and about two CTs of one patient, each with its definition. Knows no files, no networks'
//! making and no screen.
//!
//! Published numbers of this field do not compare, so none is printed here without its definition (spec 8).

pub mod align;
pub mod bands;
pub mod body;
pub mod by_slice;
pub mod centre;
mod closing;
mod comparison;
mod components;
pub mod dice;
pub mod joint;
pub mod lung;
pub mod mae;
pub mod mask;
mod plane;
pub mod profile;
pub mod psnr;
pub mod ssim;

pub use comparison::{Comparison, DICE_THRESHOLDS_HU, Line, LungDice, MetricsError, compare};

/// Values of the primary set are clipped to this range, HU (spec 8).
pub const VALUE_RANGE_HU: (i16, i16) = (-1000, 1500);

/// A value clipped to [`VALUE_RANGE_HU`].
fn clip(hu: i16) -> i16 {
    hu.clamp(VALUE_RANGE_HU.0, VALUE_RANGE_HU.1)
}
