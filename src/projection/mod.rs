//! From a volume to films and back: Joseph's forward projector, its exact adjoint, the voxel-driven
//! back-projector the networks see, and what is done to a film before they see it.
//! Knows no tensor, no file and no screen.

mod columns;
mod line;

pub mod adjoint;
pub mod affine;
pub mod attenuation;
pub mod backproject;
pub mod bands;
pub mod checks;
pub mod film;
pub mod forward;
pub mod hanging;
pub mod matching;
pub mod sirt;
mod total_variation;

pub use adjoint::adjoint;
pub use attenuation::{Attenuation, AttenuationError};
pub use backproject::{BackProjection, back_project, back_project_bands};
pub use film::{prepare_film, standardise};
pub use forward::project;
pub use sirt::{FilmScale, SirtError, SirtOptions, sirt};
