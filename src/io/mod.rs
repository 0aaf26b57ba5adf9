//! Files in and out: CT volumes and films. Knows no tensor, no network and no screen.
//!
//! Nothing here trusts a header: memory is taken as data arrives, every index is checked, and what is merely odd
//! comes back as a [`Warning`] beside the result.
#![deny(clippy::indexing_slicing)]

pub mod bundled;
pub mod bytes;
pub mod clock;
pub mod dicom;
pub mod error;
pub mod geometry_file;
mod grid;
mod input;
pub mod metaimage;
pub mod nifti;
pub mod nrrd;
mod open;
mod output;
pub mod picture;
pub mod progress;
pub mod radiograph;
pub mod screen;
mod text_header;

pub use bytes::Bytes;
pub use clock::Utc;
pub use error::{Cause, GeometryCause, IoError, Warning};
pub use open::{
    Description, Kind, Opened, Subject, describe, kind, open, open_as, open_radiograph, open_radiograph_as,
    open_volume, open_volume_as,
};
pub use output::{RESEARCH_USE, write_bytes};
pub use progress::Progress;
pub use radiograph::{FilmKind, Known, Placement, Provenance, Radiograph, Tone, ViewHints};

use crate::geometry::Volume;
use std::fmt;
use std::path::PathBuf;

/// A CT volume as read, along LPS as nearly as an exact permutation allows.
#[derive(Clone, Debug)]
pub struct LoadedVolume {
    /// The volume, HU in LPS.
    pub volume: Volume,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
    /// Where it comes from.
    pub info: SourceInfo,
}

/// Where something was read from, for the info panel and `biplane info`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceInfo {
    /// The file or folder.
    pub path: PathBuf,
    /// The format in words, such as "NIfTI-1, gzip".
    pub format: String,
    /// Size on disk, bytes; 0 where it was not read from a disk.
    pub bytes: u64,
    /// Further lines, name and value, in the order to show them. Never a patient's identity.
    pub fields: Vec<(String, String)>,
    /// The patient's name, where the header has one.
    pub patient_name: Option<Sensitive>,
    /// The patient's number, where the header has one.
    pub patient_id: Option<Sensitive>,
    /// DICOM FrameOfReferenceUID, where the header has one.
    pub frame_of_reference: Option<String>,
    /// The header says, as biplane writes it, that the anatomy was guided by atlases: made from two films, not scanned.
    pub guided: bool,
}

/// A patient's identity: prints as "hidden" everywhere, until somebody asks for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(String);

impl Sensitive {
    /// Wraps it.
    pub fn new(identity: impl Into<String>) -> Self {
        Self(identity.into())
    }

    /// The text itself; only for a screen on which the person has switched names on.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("hidden")
    }
}
