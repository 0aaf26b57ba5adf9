//! Pictures of volumes by the graphics card: device, textures, slices, ray marching, and the plain CPU twins that
//! keep the shaders honest. Knows no window, no widget and no mouse.

pub mod canvas;
pub mod compare;
pub mod compare_twin;
pub mod device;
pub mod layout;
pub mod offscreen;
pub mod overlay;
pub mod raymarch;
pub mod shader;
pub mod slice;
pub mod texture;
pub mod upload;

pub use canvas::{Canvas, Copier};
pub use compare::{CompareParams, Comparer, Together};
pub use device::{Gpu, LossWatch, quiet_drivers};
pub use offscreen::Picture;
pub use overlay::{OverlayParams, Overlayer};
pub use raymarch::{MarchParams, Raymarcher};
pub use slice::{Interpolation, MaskPaint, SliceParams, Slicer, Window};
pub use texture::{LabelTexture, VolumeTexture};
pub use upload::{LabelUpload, VolumeUpload};

use thiserror::Error;

/// Why the graphics card could not do it.
#[derive(Debug, Error)]
pub enum GpuError {
    /// No driver offers anything, not even a software rasteriser.
    #[error("no graphics adapter was found (Vulkan or OpenGL): {0}")]
    NoAdapter(String),
    /// The adapter refused to open a device.
    #[error("the graphics adapter {adapter} refused a device: {cause}")]
    NoDevice {
        /// Its name.
        adapter: String,
        /// What it said.
        cause: String,
    },
    /// The card has no room even for the coarsest version of the volume.
    #[error("the graphics card has no room for a volume of {0} x {1} x {2} voxels")]
    NoRoom(u32, u32, u32),
    /// A picture could not be read back.
    #[error("reading a picture back from the graphics card failed: {0}")]
    ReadBack(String),
    /// A picture of no pixels, or one larger than the device allows.
    #[error("a picture of {0} x {1} pixels cannot be drawn; sides are 1 to {2}")]
    PictureSize(u32, u32, u32),
}
