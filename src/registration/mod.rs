//! Deformable registration: a smooth map that bends a CT to two films (2D/3D), to another volume (3D/3D), or to both.
//! Knows no tensor, no network, no file and no screen.
//!
//! Two spaces of LPS millimetres, each about the centre of its cube: the *fixed* one, in which films and targets stand,
//! and the *moving* one of the CT that is bent. A [`Map`] goes from fixed to moving: the bent CT at x is the CT at map(x).
//!
//! Fields on a grid of nodes that grows finer level by level, by gradients through the projector: see Lotjonen et al.,
//! "Model extraction from magnetic resonance volume data using the deformable pyramid", Med. Image Anal. 3(4), 1999, for
//! the cascade, and Van Houtte et al., "Deep learning-based 2D/3D registration of an atlas to biplanar X-ray images",
//! IJCARS 17, 2022, for what a chest's atlas reaches by two films.

pub mod bend;
pub mod descend;
pub mod error;
pub mod films;
mod lattice;
pub mod map;
mod objective;
pub mod sampled;
mod term;
pub mod tissue;
pub mod volumes;

pub use bend::{Bending, Bent, bend};
pub use error::RegistrationError;
pub use films::FilmTargets;
pub use map::{Affine, Map};
pub use sampled::Sampled;
pub use tissue::Tissue;
