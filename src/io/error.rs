//! What can go wrong with a file, and what is merely odd about it. Knows no format.
//!
//! A message names the file, the cause and what the person can do. Patient identifiers never appear in it.

use super::bytes::Bytes;
use crate::geometry::{FrameError, ViewError, VolumeError};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The error beneath an [`IoError`], of whichever crate found it.
pub type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum IoError {
    /// Nothing stands at this path.
    #[error("{}: no such file or folder; check the path", .file.display())]
    Missing {
        /// The path asked for.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not let this user in.
    #[error("{}: no permission; change the file's rights or copy it to a place of your own", .file.display())]
    NoPermission {
        /// The path asked for.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Reading began and broke off for a reason outside of the format.
    #[error("{}: cannot be read ({source}); check the disk or network share it lies on", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Writing failed; nothing half-written is left under this name.
    #[error("{}: cannot be written ({source}); check that the folder exists, is yours and has room", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of 0 bytes.
    #[error("{}: the file is empty (0 bytes); copy or export it again", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// A folder where a file is wanted.
    #[error("{}: is a folder, wanted is {wanted}; choose a file in it", .file.display())]
    IsFolder {
        /// The folder.
        file: PathBuf,
        /// What was wanted, in words.
        wanted: &'static str,
    },
    /// A folder in which nothing of use lies.
    #[error("{}: holds no {wanted}; choose the folder in which the files themselves lie", .file.display())]
    NothingInFolder {
        /// The folder.
        file: PathBuf,
        /// What was looked for, in words.
        wanted: &'static str,
    },
    /// Content that is none of the formats known here.
    #[error(
        "{}: {found}; biplane reads DICOM, NIfTI, NRRD and MetaImage volumes, and films as DICOM, PNG, TIFF or JPEG",
        .file.display()
    )]
    UnknownType {
        /// The file.
        file: PathBuf,
        /// What it looks like, as half a sentence ("this is text").
        found: String,
    },
    /// The content contradicts itself or its format: cut short, damaged, or a header that cannot be.
    #[error("{}: damaged {format}: {cause}; {advice}", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The format's name.
        format: &'static str,
        /// What does not fit.
        cause: String,
        /// What the person can do.
        advice: String,
        /// The error beneath, if there is one.
        source: Option<Cause>,
    },
    /// Sound content of a kind that is not read here.
    #[error("{}: {format} not supported: {cause}; {advice}", .file.display())]
    Unsupported {
        /// The file.
        file: PathBuf,
        /// The format's name.
        format: &'static str,
        /// Which feature.
        cause: String,
        /// What the person can do.
        advice: String,
        /// The error beneath, if there is one.
        source: Option<Cause>,
    },
    /// A film or CT whose header says that it shows another part of the body. Headers are often wrong here, so a
    /// person may say that it is the chest all the same (see [`super::Subject`]).
    #[error("{}: its header says that it shows the {said} (BodyPartExamined), not the chest; choose another file, or \
             open it anyway (--any-body-part) where the header is wrong", .file.display())]
    BodyPart {
        /// The file.
        file: PathBuf,
        /// The header's word.
        said: String,
    },
    /// Sound content of the wrong sort: a leg, an MR, two series mixed, a colour photo.
    #[error("{}: {cause}; {advice}", .file.display())]
    WrongContent {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        cause: String,
        /// What the person can do.
        advice: String,
    },
    /// A position, spacing or direction that cannot be.
    #[error("{}: its geometry cannot be used: {source}; {advice}", .file.display())]
    Geometry {
        /// The file.
        file: PathBuf,
        /// What the person can do.
        advice: String,
        /// What is wrong with it.
        source: GeometryCause,
    },
    /// A setting in a file of ours that cannot be.
    #[error("{}: {key}: {cause}; {advice}", .file.display())]
    Setting {
        /// The file.
        file: PathBuf,
        /// The key, as written in the file.
        key: String,
        /// What is wrong with its value.
        cause: String,
        /// What the person can do.
        advice: String,
        /// The error beneath, if there is one.
        source: Option<Cause>,
    },
    /// More voxels or pixels than this program takes.
    #[error("{}: {what} of {} needs more than the {} allowed; crop or resample it first", .file.display(), Bytes(*.bytes), Bytes(*.limit))]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// What is too large, in words.
        what: &'static str,
        /// What it would take, bytes.
        bytes: u64,
        /// What is allowed, bytes.
        limit: u64,
    },
    /// The person pressed Cancel.
    #[error("{}: loading was cancelled", .file.display())]
    Cancelled {
        /// The file or folder being read.
        file: PathBuf,
    },
}

/// The geometry layer's own words on what is wrong.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum GeometryCause {
    /// A voxel grid.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Values and grid together.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A view.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A matrix that names no grid, in words.
    #[error("{0}")]
    Matrix(String),
}

/// What to do about a file that is cut short or damaged.
const ADVICE_COPY: &str = "copy or export the file again";
/// What to do about a grid that cannot be.
const ADVICE_GEOMETRY: &str = "export it again, or mend the header with the tool that wrote it";

impl IoError {
    /// The system's error on opening or reading `file`, sorted by its kind.
    pub fn from_read(file: &Path, source: io::Error) -> Self {
        let file = file.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing { file, source },
            io::ErrorKind::PermissionDenied => Self::NoPermission { file, source },
            io::ErrorKind::IsADirectory => Self::IsFolder { file, wanted: "a file" },
            _ => Self::Read { file, source },
        }
    }

    /// The system's error on creating or writing `file`.
    pub fn from_write(file: &Path, source: io::Error) -> Self {
        let file = file.to_path_buf();
        match source.kind() {
            io::ErrorKind::PermissionDenied => Self::NoPermission { file, source },
            _ => Self::Write { file, source },
        }
    }

    /// A damaged file; "copy or export the file again".
    pub fn damaged(file: &Path, format: &'static str, cause: impl Into<String>) -> Self {
        let advice = ADVICE_COPY.to_string();
        Self::Damaged { file: file.to_path_buf(), format, cause: cause.into(), advice, source: None }
    }

    /// A sound file with a feature that is not read here, and what to do instead.
    pub fn unsupported(file: &Path, format: &'static str, cause: impl Into<String>, advice: impl Into<String>) -> Self {
        let (cause, advice) = (cause.into(), advice.into());
        Self::Unsupported { file: file.to_path_buf(), format, cause, advice, source: None }
    }

    /// A sound file of the wrong sort, and what to do instead.
    pub fn wrong_content(file: &Path, cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::WrongContent { file: file.to_path_buf(), cause: cause.into(), advice: advice.into() }
    }

    /// A grid or view that cannot be.
    pub fn geometry(file: &Path, source: impl Into<GeometryCause>) -> Self {
        Self::Geometry { file: file.to_path_buf(), advice: ADVICE_GEOMETRY.to_string(), source: source.into() }
    }

    /// A setting of ours that cannot be.
    pub fn setting(file: &Path, key: &str, cause: impl Into<String>, advice: impl Into<String>) -> Self {
        let (cause, advice) = (cause.into(), advice.into());
        Self::Setting { file: file.to_path_buf(), key: key.to_string(), cause, advice, source: None }
    }

    /// The same error with the one beneath kept (where its kind has room for one).
    #[must_use]
    pub fn because(mut self, beneath: impl Into<Cause>) -> Self {
        if let Self::Damaged { source, .. } | Self::Unsupported { source, .. } | Self::Setting { source, .. } =
            &mut self
        {
            *source = Some(beneath.into());
        }
        self
    }

    /// The file or folder this is about.
    pub fn file(&self) -> &Path {
        match self {
            Self::Missing { file, .. }
            | Self::NoPermission { file, .. }
            | Self::Read { file, .. }
            | Self::Write { file, .. }
            | Self::Empty { file }
            | Self::IsFolder { file, .. }
            | Self::NothingInFolder { file, .. }
            | Self::UnknownType { file, .. }
            | Self::Damaged { file, .. }
            | Self::Unsupported { file, .. }
            | Self::BodyPart { file, .. }
            | Self::WrongContent { file, .. }
            | Self::Geometry { file, .. }
            | Self::Setting { file, .. }
            | Self::TooLarge { file, .. }
            | Self::Cancelled { file } => file,
        }
    }
}

/// Something odd about a file that was read all the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Warning {
    /// Files of the folder that do not belong to what was read.
    SkippedFiles {
        /// How many.
        count: usize,
        /// Why, in words.
        why: String,
    },
    /// Slices at a position that another slice has already.
    DuplicateSlices {
        /// How many were dropped.
        count: usize,
    },
    /// Steps between slices that differ, but not by so much that slices are missing.
    UnevenSteps {
        /// The smallest step, mm.
        least_mm: f64,
        /// The largest step, mm.
        largest_mm: f64,
        /// The step used, mm.
        used_mm: f64,
    },
    /// The axes stand oblique to the patient's.
    Oblique {
        /// The angle of the worst axis, degrees.
        degrees: f64,
    },
    /// Values outside what is kept, set to the nearest that is.
    Clipped {
        /// How many voxels.
        count: u64,
    },
    /// Values that are not numbers, read as air.
    NotNumbers {
        /// How many voxels.
        count: u64,
    },
    /// Values that do not look like Hounsfield units.
    NotHounsfield {
        /// Least value.
        least: f64,
        /// Largest value.
        largest: f64,
    },
    /// Something the header does not say, and what was taken instead.
    Assumed {
        /// What is missing ("unit of length").
        what: String,
        /// What was taken ("mm").
        value: String,
    },
    /// Two places of a header disagree, and which was believed.
    Contradiction {
        /// What they disagree on.
        what: String,
        /// Which was taken.
        taken: String,
    },
    /// The picture was compressed with loss.
    LossyCompression,
    /// The picture carries colours that were turned into grey.
    ColoursDropped,
    /// The grey values are for display (a tone curve, edge enhancement), not line integrals.
    DisplayContrast,
    /// The body part is not said to be the chest.
    BodyPart {
        /// What the header says.
        said: String,
    },
    /// More data than the header speaks of.
    TrailingBytes {
        /// How many bytes were left over.
        count: u64,
    },
    /// Anything else, in one sentence.
    Other(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SkippedFiles { count, why } => write!(out, "{count} files skipped: {why}"),
            Self::DuplicateSlices { count } => write!(out, "{count} duplicate slices dropped"),
            Self::UnevenSteps { least_mm, largest_mm, used_mm } => {
                write!(out, "slice steps vary from {least_mm:.2} to {largest_mm:.2} mm; {used_mm:.2} mm is used")
            }
            Self::Oblique { degrees } => write!(out, "the grid stands {degrees:.1}° oblique to the patient"),
            Self::Clipped { count } => write!(out, "{count} values outside of the stored range were clipped"),
            Self::NotNumbers { count } => write!(out, "{count} values that are not numbers were read as air"),
            Self::NotHounsfield { least, largest } => {
                write!(out, "values from {least} to {largest} do not look like Hounsfield units")
            }
            Self::Assumed { what, value } => write!(out, "{what} not given; {value} assumed"),
            Self::Contradiction { what, taken } => {
                write!(out, "the header contradicts itself on {what}; {taken} taken")
            }
            Self::LossyCompression => write!(out, "compressed with loss"),
            Self::ColoursDropped => write!(out, "colours were turned into grey"),
            Self::DisplayContrast => write!(out, "grey values are for display, not measured attenuation"),
            Self::BodyPart { said } => write!(out, "the header names the body part {said}, not the chest"),
            Self::TrailingBytes { count } => write!(out, "{} after the end of the data ignored", Bytes(*count)),
            Self::Other(words) => out.write_str(words),
        }
    }
}
