//! Which patients are learnt from and which are only checked with. By patient, never by scan. Knows no files.

use super::manifest::{CaseEntry, SkippedEntry, Split};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The paper's split of LIDC-IDRI: 808 patients to learn from, 201 to check with, of 1,009.
const PAPER_VALIDATION: usize = 201;
const PAPER_PATIENTS: usize = 1009;

/// How a data set is split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitChoice {
    /// Seed of the draw.
    pub seed: u64,
    /// Patients or cases to check with, by hand: then nothing is drawn, and all others are learnt from.
    pub validation: Vec<String>,
    /// Patients or cases that are not taken at all.
    pub excluded: Vec<String>,
}

/// How many of `patients` are checked with: the paper's share, 201 of 1,009; at least one where there are two.
pub fn validation_count(patients: usize) -> usize {
    let share = (patients * PAPER_VALIDATION + PAPER_PATIENTS / 2) / PAPER_PATIENTS;
    share.max(1).min(patients.saturating_sub(1))
}

impl SplitChoice {
    /// Whether the names given by hand are all there. `known` are the patients and cases, (patient, case) each.
    ///
    /// # Errors
    /// In words, naming the first that is not.
    pub fn check_names<'a>(&self, known: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), String> {
        let known: BTreeSet<&str> = known.flat_map(|(patient, case)| [patient, case]).collect();
        for (option, names) in [("--validation", &self.validation), ("--exclude", &self.excluded)] {
            if let Some(name) = names.iter().find(|n| !known.contains(n.as_str())) {
                let like = known.iter().next().map_or(String::new(), |k| format!(" like {k}"));
                return Err(format!("{option} names `{name}`, which is not there; give patients or cases{like}"));
            }
        }
        if let Some(both) = self.validation.iter().find(|n| self.excluded.contains(n)) {
            return Err(format!("`{both}` is named by --validation and by --exclude; leave one of them out"));
        }
        Ok(())
    }

    /// Splits: sets each case's side, and moves excluded cases to what was skipped.
    ///
    /// # Errors
    /// As [`Self::check_names`], and where nobody would be left to learn from.
    pub fn apply(&self, cases: &mut Vec<CaseEntry>, skipped: &mut Vec<SkippedEntry>) -> Result<(), String> {
        self.check_names(cases.iter().map(|c| (c.patient.as_str(), c.name.as_str())))?;
        let is_named = |list: &[String], c: &CaseEntry| list.contains(&c.patient) || list.contains(&c.name);
        let excluded: Vec<CaseEntry> = cases.extract_if(.., |c| is_named(&self.excluded, c)).collect();
        skipped.extend(excluded.into_iter().map(|c| SkippedEntry {
            source: c.source,
            patient: c.patient,
            series: c.series,
            cause: "excluded by hand".to_owned(),
        }));
        let chosen: BTreeSet<String> = if self.validation.is_empty() {
            let patients: BTreeSet<&str> = cases.iter().map(|c| c.patient.as_str()).collect();
            drawn(&patients, self.seed)
        } else {
            // A case named by hand takes all of its patient with it.
            cases.iter().filter(|c| is_named(&self.validation, c)).map(|c| c.patient.clone()).collect()
        };
        for case in cases.iter_mut() {
            case.split = if chosen.contains(&case.patient) { Split::Validation } else { Split::Training };
        }
        if cases.iter().all(|c| c.split == Split::Validation) {
            return Err("no patient is left to learn from; name fewer with --validation or --exclude".to_owned());
        }
        Ok(())
    }
}

/// Draws the patients to check with: those whose hash with the seed is least. So the draw is the same on every
/// machine, whatever the order, and one patient more moves no more than one other to the other side.
fn drawn(patients: &BTreeSet<&str>, seed: u64) -> BTreeSet<String> {
    let rank = |patient: &str| -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(seed.to_le_bytes());
        digest.update(patient.as_bytes());
        digest.finalize().into()
    };
    let order: BTreeMap<[u8; 32], &str> = patients.iter().map(|p| (rank(p), *p)).collect();
    order.into_values().take(validation_count(patients.len())).map(str::to_owned).collect()
}
