//! The manifest of a prepared data set: which cube is whose, where it comes from, its hash, its side of the split.
//! Wherever one is read it is checked as a whole. Reads no image and knows no network.

use crate::geometry::{Frame, Vec3};
use crate::metrics::centre::Centre;
use crate::train::TrainError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The manifest's file in a data set's folder.
pub const MANIFEST_FILE: &str = "manifest.toml";
/// The folder of the cubes.
pub const CUBES_FOLDER: &str = "cubes";
/// The ending of every cube's file.
pub const CUBE_ENDING: &str = ".nii.gz";
/// The version written and read; a change of meaning raises it.
pub const MANIFEST_VERSION: i64 = 1;
/// Hexadecimal digits of a SHA-256.
const HASH_DIGITS: usize = 64;

/// A prepared data set in one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub version: i64,
    /// The program that wrote it.
    pub made_by: String,
    /// What the cubes are centred on.
    pub centre: Centre,
    /// Seed of the split; absent where the validation patients were named by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// The cases, sorted by name.
    #[serde(default, rename = "case")]
    pub cases: Vec<CaseEntry>,
    /// What was found and not taken, sorted by source.
    #[serde(default)]
    pub skipped: Vec<SkippedEntry>,
}

/// One cube.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseEntry {
    /// Its name; the cube lies in `cubes/<name>.nii.gz`.
    pub name: String,
    /// The patient's number in the archive, never a name.
    pub patient: String,
    /// File or folder it was made of, relative to the source's folder.
    pub source: String,
    /// SeriesInstanceUID, where it comes from DICOM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Learnt from or checked with.
    pub split: Split,
    /// SHA-256 of the cube's file, hexadecimal.
    pub sha256: String,
    /// Length of the cube's file, bytes.
    pub bytes: u64,
    /// First and last axial slice of the cube that hold scan data.
    pub data_slices: [usize; 2],
    /// Centre of the cube's voxel (0, 0, 0) in LPS mm, in the source's frame of reference.
    pub cube_origin_mm: Vec3,
    /// What was odd about the source, though it was taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The source's grid: dims (x, y, z), spacing and origin in LPS mm, direction `[row][column]`.
    pub original: Frame,
}

/// Something found and not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedEntry {
    /// File or folder, relative to the source's folder.
    pub source: String,
    /// The patient's number in the archive, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub patient: String,
    /// SeriesInstanceUID, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// Why, in words.
    pub cause: String,
}

/// A side of the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learnt from.
    Training,
    /// Only checked with.
    Validation,
}

impl Split {
    /// "training" or "validation".
    pub fn label(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Validation => "validation",
        }
    }
}

impl CaseEntry {
    /// The cube's file in the data set `folder`.
    pub fn path(&self, folder: &Path) -> PathBuf {
        cube_path(folder, &self.name)
    }
}

/// The file of the cube `name` in the data set `folder`.
pub fn cube_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(CUBES_FOLDER).join(format!("{name}{CUBE_ENDING}"))
}

/// SHA-256 as hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Only the version, so that other versions are named instead of their unknown keys.
#[derive(Deserialize)]
struct Version {
    version: Option<i64>,
}

impl Manifest {
    /// Reads the manifest of the data set in `folder` and its own SHA-256.
    ///
    /// # Errors
    /// [`TrainError::Data`] for a missing or damaged file, another version, a patient on both sides of the split,
    /// or entries that contradict each other.
    pub fn read(folder: &Path) -> Result<(Self, String), TrainError> {
        let path = folder.join(MANIFEST_FILE);
        let fault = |cause: String| TrainError::Data { path: path.clone(), cause };
        let text = std::fs::read_to_string(&path)
            .map_err(|e| fault(format!("cannot be read ({e}); make the data set with `biplane prepare SRC -o DIR`")))?;
        let manifest = Self::from_toml(&text).map_err(fault)?;
        Ok((manifest, sha256_hex(text.as_bytes())))
    }

    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// In words, with what to do.
    pub fn from_toml(text: &str) -> Result<Self, String> {
        let damaged = |e: toml::de::Error| {
            let place = e.span().map_or(String::new(), |s| {
                format!(" in line {}", text.get(..s.start).unwrap_or_default().matches('\n').count() + 1)
            });
            format!("is damaged{place}: {}; make it again with `biplane prepare SRC -o DIR`", e.message())
        };
        let Version { version } = toml::from_str(text).map_err(damaged)?;
        check_version(version)?;
        let manifest: Self = toml::from_str(text).map_err(damaged)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as TOML.
    ///
    /// # Errors
    /// [`TrainError::Plan`] where a value has no such form (a seed beyond 63 bits).
    pub fn to_toml(&self) -> Result<String, TrainError> {
        toml::to_string(self).map_err(|e| TrainError::Plan(format!("no manifest can be written ({e})")))
    }

    /// Distinct patients of one side.
    pub fn patients(&self, split: Split) -> usize {
        let of_side = self.cases.iter().filter(|c| c.split == split).map(|c| c.patient.as_str());
        of_side.collect::<std::collections::BTreeSet<_>>().len()
    }

    fn check(&self) -> Result<(), String> {
        let mut sides: BTreeMap<&str, (Split, &str)> = BTreeMap::new();
        let mut names = std::collections::BTreeSet::new();
        for case in &self.cases {
            case.check()?;
            if !names.insert(case.name.as_str()) {
                return Err(format!("names the case `{}` twice; {MAKE_AGAIN}", case.name));
            }
            let (side, first) = sides.entry(&case.patient).or_insert((case.split, &case.name));
            if *side != case.split {
                return Err(format!(
                    "has the patient {} on both sides of the split (case `{first}` for {}, case `{}` for {}); give \
                     all cases of a patient one side, or make the split again with `biplane prepare --merge DIR`",
                    case.patient,
                    side.label(),
                    case.name,
                    case.split.label()
                ));
            }
        }
        Ok(())
    }
}

/// What to do about a manifest that contradicts itself.
const MAKE_AGAIN: &str = "make it again with `biplane prepare --merge DIR`";

fn check_version(version: Option<i64>) -> Result<(), String> {
    match version {
        Some(MANIFEST_VERSION) => Ok(()),
        Some(newer) if newer > MANIFEST_VERSION => Err(format!(
            "is of version {newer}, made by a newer biplane (this one reads version {MANIFEST_VERSION}); update biplane"
        )),
        Some(older) => Err(format!(
            "is of the older version {older} (this biplane reads version {MANIFEST_VERSION}); prepare the data set \
             again with `biplane prepare SRC -o DIR`"
        )),
        None => Err("says no version; it is no manifest of a data set, name another folder".to_owned()),
    }
}

impl CaseEntry {
    fn check(&self) -> Result<(), String> {
        if !is_case_name(&self.name) {
            // The name becomes a path: nothing in it may lead out of the folder.
            return Err(format!("has a case named `{}`, which cannot be a file's name; {MAKE_AGAIN}", self.name));
        }
        let fault = |what: &str| Err(format!("case `{}`: {what}; {MAKE_AGAIN}", self.name));
        if self.patient.is_empty() {
            return fault("names no patient");
        }
        let is_hash = self.sha256.len() == HASH_DIGITS && self.sha256.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash {
            return fault("its sha256 is no hash");
        }
        let [first, last] = self.data_slices;
        if first > last || last >= crate::geometry::CUBE_SIDE_VOXELS {
            return fault("its data_slices are not slices of the cube");
        }
        Ok(())
    }
}

/// Whether a text may name a case: letters, digits, `-` and `_`.
pub fn is_case_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
