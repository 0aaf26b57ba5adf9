//! Numbers about a CT and about two CTs of one patient, each with its definition. Knows no files but the store of
//! weights that others trained, no networks' making and no screen.
//!
//! Published numbers of this field do not compare, so none is printed here without its definition (spec 8).

pub mod align;
pub mod bands;
pub mod body;
pub mod by_slice;
pub mod centre;
pub(crate) mod closing;
mod comparison;
pub(crate) mod components;
pub mod detail;
pub mod dice;
pub mod grid;
pub mod joint;
mod lines;
pub mod lpips;
pub mod lung;
pub mod mae;
pub mod mask;
mod plane;
pub mod profile;
pub mod psnr;
pub(crate) mod smooth;
pub mod ssim;
mod sums;
pub mod vif;
mod window;

pub use comparison::{Comparison, DICE_THRESHOLDS_HU, LungDice, MetricsError, compare};
pub use detail::Detail;
pub use grid::{Aligned, Pair, on_grid_of, on_one_grid};
pub use lines::Line;
pub use lpips::{Lpips, LpipsSet};

/// Values of the primary set are clipped to this range, HU (spec 8).
pub const VALUE_RANGE_HU: (i16, i16) = (-1000, 1500);

/// A value clipped to [`VALUE_RANGE_HU`].
fn clip(hu: i16) -> i16 {
    hu.clamp(VALUE_RANGE_HU.0, VALUE_RANGE_HU.1)
}
