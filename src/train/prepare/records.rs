//! What is already done: a record a scan, written after its cube, and the list of all scans that were found. So a
//! second call goes on where the first stopped, and parts that ran apart can be joined. Knows no image.

use super::manifest::{CaseEntry, MANIFEST_VERSION, SkippedEntry, cube_path};
use crate::io;
use crate::metrics::centre::Centre;
use crate::train::TrainError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The folder of the records in a data set's folder.
pub const RECORDS_FOLDER: &str = "records";
/// The list of all scans found.
pub const CATALOGUE_FILE: &str = "catalogue.toml";

/// What became of one scan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The manifest's version; a record of another is made again.
    pub version: i64,
    /// What the cube is centred on.
    pub centre: Centre,
    /// Digest of the source's files: names and lengths, and times too where it was skipped.
    pub source_state: String,
    /// The cube, whose side of the split is set when the manifest is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseEntry>,
    /// What was not taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedEntry>,
}

/// Everything that was found in a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundList {
    /// The manifest's version.
    pub version: i64,
    /// What the cubes are centred on.
    pub centre: Centre,
    /// Names of all scans, sorted.
    pub scans: Vec<String>,
    /// What was left out at first sight.
    #[serde(default)]
    pub skipped: Vec<SkippedEntry>,
}

impl Record {
    /// The record of the scan `name` in the data set `folder`; `None` where there is none, a damaged one, or one of
    /// another version: such are made again.
    pub fn read(folder: &Path, name: &str) -> Option<Self> {
        let record: Self = read_toml(&record_path(folder, name)).ok()?;
        (record.version == MANIFEST_VERSION).then_some(record)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`TrainError::Write`] naming the file.
    pub fn write(&self, folder: &Path, name: &str) -> Result<(), TrainError> {
        write_toml(&record_path(folder, name), self)
    }

    /// Whether the cube it speaks of is there, by its length; the audit compares the hashes.
    pub fn has_its_cube(&self, folder: &Path) -> bool {
        self.case.as_ref().is_none_or(|case| {
            std::fs::metadata(cube_path(folder, &case.name)).is_ok_and(|about| about.len() == case.bytes)
        })
    }
}

impl FoundList {
    /// Reads the list of a data set.
    ///
    /// # Errors
    /// [`TrainError::Data`] where there is none, or one of another version.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(CATALOGUE_FILE);
        let fault = |cause: String| TrainError::Data { path: path.clone(), cause };
        let advice = "run `biplane prepare SRC -o DIR`, or --part i/n of it, first";
        let found: Self = read_toml(&path).map_err(|e| fault(format!("{e}; {advice}")))?;
        if found.version != MANIFEST_VERSION {
            return Err(fault(format!("is of version {}, wanted is {MANIFEST_VERSION}; {advice}", found.version)));
        }
        Ok(found)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`TrainError::Write`] naming the file.
    pub fn write(&self, folder: &Path) -> Result<(), TrainError> {
        write_toml(&folder.join(CATALOGUE_FILE), self)
    }
}

fn record_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(RECORDS_FOLDER).join(format!("{name}.toml"))
}

fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot be read ({e})"))?;
    toml::from_str(&text).map_err(|e| format!("is damaged ({})", e.message()))
}

fn write_toml(path: &Path, value: &impl Serialize) -> Result<(), TrainError> {
    let text = toml::to_string(value).map_err(|e| TrainError::Plan(format!("{}: {e}", path.display())))?;
    write_whole(path, text.as_bytes())
}

/// Writes a file of the data set, whole or not at all, and on the disk before its name is.
///
/// # Errors
/// [`TrainError::Write`] naming the file.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    io::write_bytes(path, bytes).map_err(|error| TrainError::Write {
        path: path.to_owned(),
        cause: match error {
            io::IoError::Write { source, .. } | io::IoError::NoPermission { source, .. } => source,
            other => std::io::Error::other(other.to_string()),
        },
    })
}
