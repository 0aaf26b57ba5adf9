//! Networks that others trained on photographs, as a measure of how alike two pictures look: reading their files
//! without executing them, the user's store of them, fetching them, and their features. Knows no loss and no metric.

pub mod checkpoint;
pub mod fetch;
pub mod store;
pub mod vgg;

mod error;
mod pickle;

pub use checkpoint::{Array, Checkpoint};
pub use error::WeightsError;
pub use store::{Card, Store, WeightSet};
pub use vgg::{Backbone, Layer, Network};
