//! The card of a set of atlases: whose CTs they are, under which licence, how they were made, and the hashes of the files.

use serde::{Deserialize, Serialize};

/// The card's file name in a set's folder.
pub const CARD_FILE: &str = "atlases.toml";
/// The version written and read; a change of meaning raises it.
pub const VERSION: u32 = 1;

/// What a set is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtlasCard {
    /// Of the form of this file: 1.
    #[serde(default)]
    pub version: u32,
    /// The name on screen.
    pub name: String,
    /// What it is in a sentence or two.
    pub description: String,
    /// Licence of the files.
    pub licence: String,
    /// How its files were made.
    #[serde(default)]
    pub made: String,
    /// The atlases, in the order they are listed.
    #[serde(rename = "atlas")]
    pub atlases: Vec<AtlasEntry>,
}

/// One atlas of a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtlasEntry {
    /// Its name, which its files bear.
    pub name: String,
    /// Whose CT it is, by the collection's number; empty where that is not to be told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub patient: String,
    /// Where the CT comes from, with its licence and how it is cited.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub attribution: String,
    /// What kind of patient it is, as far as known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// SHA-256 of the CT's file, hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// SHA-256 of the labels' file.
    #[serde(default)]
    pub labels_sha256: String,
}

impl AtlasCard {
    /// Changes whenever a file of the set does: the hashes of all.
    pub fn state(&self) -> String {
        let hashes = self.atlases.iter().flat_map(|atlas| [atlas.sha256.as_str(), &atlas.labels_sha256]);
        hashes.collect::<Vec<_>>().join(" ")
    }
}

/// A patient's or case's name without capitals and joints: `LIDC-IDRI-0001` and `lidc_idri_0001` are one.
pub fn plain_name(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

impl AtlasEntry {
    /// Whether it is of this patient or case, in any spelling of capitals and joints.
    pub fn is_of(&self, patient: &str) -> bool {
        let wanted = plain_name(patient);
        !wanted.is_empty() && [&self.name, &self.patient].into_iter().any(|own| plain_name(own) == wanted)
    }

    /// File name of the CT.
    pub fn file(&self) -> String {
        format!("{}.nii.gz", self.name)
    }

    /// File name of the labels: lungs with what juts into them, and blood with contrast agent.
    pub fn labels_file(&self) -> String {
        format!("{}.labels.nii.gz", self.name)
    }
}
