//! The networks and what runs them: devices, parameters, the two U-Nets, model folders, the reconstructor.
//! Knows tensors; knows no screen, no loss and no metric.

pub mod baselines;
pub mod blocks;
pub mod coarse;
pub mod guidance;
pub mod method;
pub mod model;
pub mod parameters;
pub mod perceptual;
pub mod recompute;
pub mod reconstruct;
pub mod reconstruction;
pub mod refine;
pub mod runtime;
pub mod source;
pub mod tensor;
pub mod unet;

mod error;

pub use error::NnError;
pub use method::Method;
pub use model::{Model, ModelCard};
pub use reconstruct::{Event, Handle, Job, Reconstructor};
pub use reconstruction::{Reconstruction, StageSeconds};
pub use runtime::{DeviceChoice, Precision};
pub use source::{BuiltIn, ModelSource};
