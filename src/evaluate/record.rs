//! What a report's folder keeps: the study, a record a case and one for each method on it, each written whole or not
//! at all, so that a second call does only what is missing and parts that ran apart can be joined. Knows no image.
//!
//! ```text
//! REPORT/study.json                    cases and methods, in their order
//! REPORT/records/CASE.json             what was done to the truth; why it could not be used
//! REPORT/records/CASE--METHOD.json     numbers, times, device; why there are none
//! REPORT/pictures/CASE[--METHOD].png   middle slices of the truth or the method
//! REPORT/floors-HASH.bin               what the floors learnt, so that each part need not learn it again
//! ```

use super::EvaluateError;
use super::consistency;
use super::measure::{Scores, measures};
use super::method::{About, JOINT};
use crate::io;
use crate::train::prepare::manifest::sha256_hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version written and read; a change of meaning raises it.
const VERSION: u32 = 1;
/// The study's file in a report's folder.
pub const STUDY_FILE: &str = "study.json";
/// The folder of the records.
pub const RECORDS_FOLDER: &str = "records";
/// The folder of the pictures.
pub const PICTURES_FOLDER: &str = "pictures";

/// What is evaluated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// `VERSION`.
    pub version: u32,
    /// The program's version.
    pub program: String,
    /// Tells one set of definitions from another.
    pub definitions: String,
    /// Networks that LPIPS was measured over.
    pub lpips: Vec<String>,
    /// Names of the cases, sorted.
    pub cases: Vec<String>,
    /// Names of the cases that floors learnt from.
    pub learnt_from: Vec<String>,
    /// Changes when any of these cases does.
    pub learnt_sha256: String,
    /// The methods, in the order given.
    pub methods: Vec<About>,
}

impl Study {
    /// Of nothing yet, by this program's definitions.
    pub fn new() -> Self {
        let program = format!("biplane {}", env!("CARGO_PKG_VERSION"));
        Self { version: VERSION, program, definitions: definitions(), ..Self::default() }
    }

    /// What a record of one of the methods must have been made of.
    pub fn key(&self, case_sha256: &str, method: &About) -> Key {
        Key {
            definitions: self.definitions.clone(),
            lpips: self.lpips.clone(),
            case_sha256: case_sha256.to_owned(),
            method_sha256: method.sha256.clone(),
        }
    }

    /// The study of a report's folder.
    ///
    /// # Errors
    /// [`EvaluateError::Data`] where there is none, or one of another version.
    pub fn read(folder: &Path) -> Result<Self, EvaluateError> {
        let path = folder.join(STUDY_FILE);
        let fault = |cause: String| EvaluateError::Data { path: path.clone(), cause };
        let advice = "name the folder that `biplane evaluate -o REPORT` wrote";
        let study: Self = read_json(&path).map_err(|cause| fault(format!("{cause}; {advice}")))?;
        if study.version != VERSION || study.definitions != definitions() {
            return Err(fault("was written by another version of biplane; evaluate again".to_owned()));
        }
        Ok(study)
    }

    /// Makes the report's folder and writes the study.
    ///
    /// # Errors
    /// [`EvaluateError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), EvaluateError> {
        for inner in [RECORDS_FOLDER, PICTURES_FOLDER] {
            let path = folder.join(inner);
            std::fs::create_dir_all(&path).map_err(|cause| EvaluateError::Write { path, cause })?;
        }
        write_json(&folder.join(STUDY_FILE), self)
    }
}

/// Changes when any number's definition does.
fn definitions() -> String {
    let numbers = measures().into_iter().map(|m| format!("{} {}", m.key, m.definition));
    let all: Vec<String> = numbers.chain([consistency::DEFINITION.to_owned()]).collect();
    sha256_hex(all.join("\n").as_bytes())
}

/// What became of a case's truth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseRecord {
    /// Its name.
    pub name: String,
    /// The patient's number, where a manifest gives one; else the case's name.
    pub patient: String,
    /// SHA-256 of its file; empty where that could not be read.
    pub sha256: String,
    /// What is odd about it and what was done.
    pub notes: Vec<String>,
    /// Share of the cube's voxels for which the scan holds no truth.
    pub missing_share: f64,
    /// The pictured slices, voxels along (x, y, z).
    pub pictured: [usize; 3],
    /// Why it cannot be used.
    pub failure: Option<String>,
}

/// What tells whether a record still stands for what is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The definitions of the numbers.
    pub definitions: String,
    /// Networks that LPIPS was measured over.
    pub lpips: Vec<String>,
    /// The case's file.
    pub case_sha256: String,
    /// The method.
    pub method_sha256: String,
}

/// One method on one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The case.
    pub case: String,
    /// The method.
    pub method: String,
    /// What it was made of.
    pub key: Key,
    /// Numbers by their key.
    pub scores: Scores,
    /// Relative error of the re-projected volume against the first and the second film, where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<[f64; 2]>,
    /// Where it was computed.
    pub device: String,
    /// In which precision.
    pub precision: String,
    /// What else there is to say.
    pub notes: Vec<String>,
    /// Why there are no numbers.
    pub failure: Option<String>,
    /// Seconds of each stage.
    pub seconds: BTreeMap<String, f64>,
}

impl CaseRecord {
    /// The record of a case in a report's folder; `None` where there is none or a damaged one: such are made again.
    pub fn read(folder: &Path, case: &str) -> Option<Self> {
        read_json(&record_path(folder, case, None)).ok()
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`EvaluateError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), EvaluateError> {
        write_json(&record_path(folder, &self.name, None), self)
    }
}

impl Record {
    /// The record of a method on a case; `None` where there is none or a damaged one.
    pub fn read(folder: &Path, case: &str, method: &str) -> Option<Self> {
        read_json(&record_path(folder, case, Some(method))).ok()
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`EvaluateError::Write`].
    pub fn write(&self, folder: &Path) -> Result<(), EvaluateError> {
        write_json(&record_path(folder, &self.case, Some(&self.method)), self)
    }

    /// Whether it holds numbers that still stand.
    pub fn stands(&self, key: &Key) -> bool {
        self.failure.is_none() && self.key == *key
    }
}

/// The file of a record.
pub fn record_path(folder: &Path, case: &str, method: Option<&str>) -> PathBuf {
    folder.join(RECORDS_FOLDER).join(format!("{}.json", stem(case, method)))
}

/// The file of a picture: a method's, or the truth's.
pub fn picture_path(folder: &Path, case: &str, method: Option<&str>) -> PathBuf {
    folder.join(PICTURES_FOLDER).join(format!("{}.png", stem(case, method)))
}

fn stem(case: &str, method: Option<&str>) -> String {
    method.map_or_else(|| case.to_owned(), |method| format!("{case}{JOINT}{method}"))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot be read ({e})"))?;
    serde_json::from_str(&text).map_err(|e| format!("is damaged ({e})"))
}

/// Writes JSON, whole or not at all.
///
/// # Errors
/// [`EvaluateError::Write`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), EvaluateError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| EvaluateError::Write { path: path.to_owned(), cause: std::io::Error::other(e) })?;
    write_whole(path, format!("{text}\n").as_bytes())
}

/// Writes a file of the report, whole or not at all.
///
/// # Errors
/// [`EvaluateError::Write`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), EvaluateError> {
    io::write_bytes(path, bytes).map_err(|error| write_error(path, error))
}

/// An error of the files' room on writing.
pub(super) fn write_error(path: &Path, error: io::IoError) -> EvaluateError {
    let cause = match error {
        io::IoError::Write { source, .. } | io::IoError::NoPermission { source, .. } => source,
        other => std::io::Error::other(other.to_string()),
    };
    EvaluateError::Write { path: path.to_owned(), cause }
}
