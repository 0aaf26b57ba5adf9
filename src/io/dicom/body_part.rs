//! Whether a header's words name the chest. Knows words, no picture.

use super::fault::Fault;
use crate::io::{Subject, Warning};

/// What BodyPartExamined says about the chest.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BodyPart {
    /// The chest, or nothing.
    Chest,
    /// Something that may well show the chest.
    Perhaps(String),
    /// Something else.
    Other(String),
}

impl BodyPart {
    /// What is to be said of it, where it may be read for such a subject.
    ///
    /// # Errors
    /// Another part of the body, unless any will do.
    pub(super) fn accepted_as(self, subject: Subject) -> Result<Option<Warning>, Fault> {
        match (self, subject) {
            (Self::Other(said), Subject::Chest) => Err(Fault::BodyPart(said)),
            (Self::Perhaps(said) | Self::Other(said), _) => Ok(Some(Warning::BodyPart { said })),
            (Self::Chest, _) => Ok(None),
        }
    }
}

/// Words that say chest (DICOM PS3.16 annex L, and what scanners write).
const CHEST: [&str; 10] = ["CHEST", "THORA", "LUNG", "TORAX", "BRUST", "POUMON", "TORSO", "HEART", "RIBS", "MEDIASTIN"];
/// Words that say something else altogether.
const ELSEWHERE: [&str; 40] = [
    "HEAD",
    "BRAIN",
    "SKULL",
    "FACE",
    "SINUS",
    "ORBIT",
    "JAW",
    "MANDIBLE",
    "TEETH",
    "DENT",
    "EAR",
    "EYE",
    "EXTREMITY",
    "LEG",
    "ARM",
    "HAND",
    "FOOT",
    "FINGER",
    "TOE",
    "KNEE",
    "ELBOW",
    "WRIST",
    "ANKLE",
    "HIP",
    "PELVIS",
    "FEMUR",
    "TIBIA",
    "FIBULA",
    "HUMERUS",
    "RADIUS",
    "ULNA",
    "PATELLA",
    "CALCANEUS",
    "PROSTATE",
    "BLADDER",
    "UTERUS",
    "BREAST",
    "COCCYX",
    "SSPINE",
    "CSPINE",
];
/// Longest word shown back.
const MAX_SHOWN: usize = 24;

/// Sorts the words of BodyPartExamined.
pub(super) fn sort(said: Option<&str>) -> BodyPart {
    let Some(said) = said else { return BodyPart::Chest };
    let upper = said.to_uppercase();
    let words: Vec<&str> = upper.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let shown: String = said.chars().filter(|c| c.is_alphanumeric() || " -_/".contains(*c)).take(MAX_SHOWN).collect();
    if words.is_empty() || CHEST.iter().any(|chest| upper.contains(chest)) {
        return BodyPart::Chest;
    }
    if words.iter().any(|word| ELSEWHERE.contains(word)) {
        return BodyPart::Other(shown);
    }
    BodyPart::Perhaps(shown)
}
