//! Data preparation: a collection as downloaded becomes a folder of cubes with a manifest that says where each
//! comes from. Knows no network and no screen.
//!
//! ```text
//! DATASET/manifest.toml    cases, patients, sources, hashes, split; what was not taken
//! DATASET/skipped.csv      the latter as a table
//! DATASET/cubes/           CASE.nii.gz, 128^3 voxels of 2.8 mm
//! DATASET/records/         CASE.toml, what a second call need not do again
//! DATASET/fields/          CASE.safetensors, maps to and from a template (`--register`)
//! DATASET/catalogue.toml   every scan that was found
//! ```

pub mod audit;
pub mod event;
pub mod fields;
pub mod manifest;
pub mod merge;
pub mod records;
pub mod run;
pub mod scan;
pub mod split;

mod cube;
mod names;

pub use audit::audit;
pub use event::{PrepareEvent, Summary};
pub use merge::merge;
pub use run::{Part, PrepareOptions, prepare};
