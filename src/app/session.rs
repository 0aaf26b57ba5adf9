//! A session as a file: films with their settings, model, device, view, and where the volume lies.
//! Knows the file's form, not how anything in it is read.

use super::film::FilmSettings;
use super::viewport::ViewState;
use crate::geometry::Preset;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The version written, and the only one read.
const VERSION: u32 = 1;
/// A session takes a few kB; more is some other file (bytes).
const MAX_BYTES: u64 = 1 << 20;

/// Why a session could not be saved or restored.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The system would not read it.
    #[error("{}: cannot be read ({source}); check the path", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The system would not write it.
    #[error("{}: cannot be written ({source}); choose a folder of your own with room", .file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Not a session, or one of another version.
    #[error("{}: {cause}; open a file that ends in .biplane.toml", .file.display())]
    Content {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
}

/// All that a session keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The version of this form.
    pub biplane_session: u32,
    /// The machine's preset.
    pub preset: Preset,
    /// A model folder; absent for the one that is built in.
    pub model: Option<PathBuf>,
    /// The device: auto, cpu, cuda:N.
    pub device: String,
    /// The volume on screen.
    pub volume: Option<PathBuf>,
    /// The ground truth beside it; sessions of old have none.
    #[serde(default)]
    pub truth: Option<PathBuf>,
    /// First and second film.
    #[serde(default)]
    pub film: Vec<FilmEntry>,
    /// How the volume is looked at.
    pub view: ViewState,
}

/// A film of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FilmEntry {
    /// 0 or 1: the place it stands in.
    pub place: usize,
    /// Where it lies.
    pub path: PathBuf,
    /// What is set about it.
    pub settings: FilmSettings,
}

impl Session {
    /// A session of the version written here.
    pub fn new(preset: Preset, device: String, view: ViewState) -> Self {
        let (model, volume, truth, film) = (None, None, None, Vec::new());
        Self { biplane_session: VERSION, preset, model, device, volume, truth, film, view }
    }

    /// Whether `path` is named like a session.
    pub fn is_named_so(path: &Path) -> bool {
        path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".biplane.toml"))
    }

    /// Where the volume of a session goes that was reconstructed and not exported yet: beside it.
    pub fn volume_beside(file: &Path) -> PathBuf {
        let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.trim_end_matches(".toml").trim_end_matches(".biplane");
        file.with_file_name(format!("{stem}.volume.nii.gz"))
    }

    /// Writes it, through a temporary name so that a crash leaves the old one. Paths become absolute.
    ///
    /// # Errors
    /// [`SessionError::Write`].
    pub fn save(&self, file: &Path) -> Result<(), SessionError> {
        let failed = |source| SessionError::Write { file: file.to_path_buf(), source };
        let text = toml::to_string(self).map_err(std::io::Error::other).map_err(failed)?;
        let draft = file.with_extension("toml.new");
        std::fs::write(&draft, text).map_err(failed)?;
        std::fs::rename(&draft, file).map_err(failed)
    }

    /// Reads one.
    ///
    /// # Errors
    /// [`SessionError::Read`], [`SessionError::Content`].
    pub fn load(file: &Path) -> Result<Self, SessionError> {
        let read = |source| SessionError::Read { file: file.to_path_buf(), source };
        let wrong = |cause: String| SessionError::Content { file: file.to_path_buf(), cause };
        if std::fs::metadata(file).map_err(read)?.len() > MAX_BYTES {
            return Err(wrong("is too long for a session".into()));
        }
        let text = std::fs::read_to_string(file).map_err(read)?;
        let session: Self = toml::from_str(&text).map_err(|e| wrong(e.message().to_owned()))?;
        match session.biplane_session {
            VERSION => Ok(session),
            other => Err(wrong(format!("is of version {other}, this program reads version {VERSION}"))),
        }
    }
}
