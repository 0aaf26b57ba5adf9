//! The networks and what runs them: devices, parameters, the two U-Nets, model folders, the reconstructor.
//! Knows tensors; knows no screen, no loss and no metric.

pub mod coarse;
pub mod parameters;
pub mod refine;
pub mod runtime;
pub mod tensor;
pub mod unet;

mod error;

pub use error::NnError;
pub use runtime::{DeviceChoice, Precision};
