//! What is wrong with a DICOM file, before its path is known. Knows no path; [`Fault::at`] adds it.

use crate::io::IoError;
use std::path::Path;

/// The format's name in messages.
pub(super) const FORMAT: &str = "DICOM";
/// What to do about a damaged file.
const ADVICE_COPY: &str = "copy or export the file again";

/// Why bytes are of no use, in words that name no patient.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// Not DICOM at all.
    NotDicom,
    /// Cut short or contradicting itself.
    Damaged(String),
    /// Sound, but of a kind that is not read here: cause, advice.
    Unsupported(String, String),
    /// Sound, but of another part of the body, in the header's word.
    BodyPart(String),
    /// Sound, but of the wrong sort: cause, advice.
    Wrong(String, String),
}

impl Fault {
    /// A damaged file.
    pub(super) fn damaged(cause: impl Into<String>) -> Self {
        Self::Damaged(cause.into())
    }

    /// A kind that is not read here.
    pub(super) fn unsupported(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Unsupported(cause.into(), advice.into())
    }

    /// The wrong sort of content.
    pub(super) fn wrong(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Wrong(cause.into(), advice.into())
    }

    /// The layer's error about the file `path`.
    pub(super) fn at(self, path: &Path) -> IoError {
        match self {
            Self::NotDicom => IoError::UnknownType { file: path.to_path_buf(), found: "this is not DICOM".to_string() },
            Self::Damaged(cause) => IoError::Damaged {
                file: path.to_path_buf(),
                format: FORMAT,
                cause,
                advice: ADVICE_COPY.to_string(),
                source: None,
            },
            Self::Unsupported(cause, advice) => IoError::unsupported(path, FORMAT, cause, advice),
            Self::BodyPart(said) => IoError::BodyPart { file: path.to_path_buf(), said },
            Self::Wrong(cause, advice) => IoError::wrong_content(path, cause, advice),
        }
    }
}
