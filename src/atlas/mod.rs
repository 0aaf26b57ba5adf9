//! Atlases: whole CTs of other patients that lend their anatomy to a reconstruction. A few that fit are bent to the two
//! films and to the networks' volume, and shown where that volume is soft and blurred; never inside the lungs.
//!
//! A set is a folder with a card and two NIfTI files an atlas, so that any viewer shows what a set holds. Knows no screen.

mod card;
mod combine;
mod contrast;
mod error;
mod guide;
mod make;
mod set;

pub use card::{AtlasCard, AtlasEntry, CARD_FILE, plain_name};
pub use combine::combination_state;
pub use error::AtlasError;
pub use guide::{AtlasGuide, Guidance};
pub use make::{Source, make};
pub use set::{Atlas, AtlasSet, AtlasSource, BLOOD, LUNG};

/// How many atlases are bent to a pair of films unless told otherwise. On the two validation patients one gives a body MAE
/// of 145.7 HU, the mean of three 138.6, and each takes about a second.
pub const DEFAULT_COUNT: usize = 3;
