//! Training: what to learn from, how samples vary, both stages, the optimiser, what is kept of a run.
//! Knows no screen and no terminal: it sends events.

pub mod adamw;
pub mod augment;
pub mod curve;
pub mod dataset;
pub mod event;
pub mod figures;
pub mod loader;
pub mod pack;
pub mod perceptual;
pub mod plan;
pub mod prepare;
pub mod run_dir;
pub mod stage;
pub mod warp;

mod error;
mod session;

pub use error::TrainError;
pub use event::Event;
pub use pack::pack;
pub use perceptual::{Perceptual, PerceptualPlan};
pub use plan::TrainPlan;
pub use session::{Control, train};
