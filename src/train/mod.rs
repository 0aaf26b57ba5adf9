//! Training: what to learn from, how samples vary, both stages, the optimiser, what is kept of a run.
//! Knows no screen and no terminal: it sends events.

pub mod adamw;
pub mod augment;
pub mod batch;
pub mod between;
pub mod cases;
pub mod checkpoint;
pub mod contrast;
pub mod curve;
pub mod dataset;
pub mod discriminator;
pub mod event;
pub mod figures;
pub mod learner;
pub mod loader;
pub mod machine;
pub mod networks;
pub mod pack;
pub mod perceptual;
pub mod plan;
pub mod prepare;
pub mod preset;
pub mod preview;
pub mod run_dir;
pub mod stage1;
pub mod stage2;
pub mod table;
pub mod warp;
pub mod watch;
pub mod x2ct;

mod error;
mod handle;
mod loss_plan;
mod memory;
mod phase;
mod preflight;
mod select;
mod session;

pub use error::TrainError;
pub use event::Event;
pub use handle::{Message, TrainHandle};
pub use pack::pack;
pub use perceptual::{Perceptual, PerceptualPlan};
pub use plan::TrainPlan;
pub use preflight::{Preflight, preflight};
pub use preset::Preset;
pub use session::{Begin, Control, Job, train};
