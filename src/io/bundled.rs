//! The case that comes with the program: two simulated films and the CT they were made of, so that everything works
//! offline and from anywhere. Whose data it is stands in assets/demo/README.md. Knows no network and no screen.

use super::{IoError, LoadedVolume, Radiograph, dicom, nifti};
use std::path::Path;

/// The name of the case on screen.
pub const NAME: &str = "LIDC-IDRI-0001";

static AP: &[u8] = include_bytes!("../../assets/demo/ap.dcm");
static LATERAL: &[u8] = include_bytes!("../../assets/demo/lateral.dcm");
static TRUTH: &[u8] = include_bytes!("../../assets/demo/truth.nii.gz");

/// The bundled case.
#[derive(Clone, Debug)]
pub struct BundledCase {
    /// Frontal and lateral film, simulated, with their exact views.
    pub films: [Radiograph; 2],
    /// The CT they were made of, on the networks' cube.
    pub truth: LoadedVolume,
}

/// Unpacks the bundled case.
///
/// # Errors
/// None while the program itself is sound; a test reads it.
pub fn case() -> Result<BundledCase, IoError> {
    let film = |bytes: &[u8], name: &str| dicom::radiograph_from_bytes(bytes.to_vec(), Path::new(name));
    Ok(BundledCase {
        films: [film(AP, "bundled/ap.dcm")?, film(LATERAL, "bundled/lateral.dcm")?],
        truth: nifti::from_bytes(TRUTH, Path::new("bundled/truth.nii.gz"))?,
    })
}
