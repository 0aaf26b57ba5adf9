//! From records to the manifest: joins what one run or many parts made, splits, and writes the lists.
//! Depends on the records alone, not on who made them or in which order. Reads no image.

use super::event::DatasetSummary;
use super::manifest::sha256_hex;
use super::manifest::{CUBES_FOLDER, CaseEntry, MANIFEST_FILE, MANIFEST_VERSION, Manifest, SkippedEntry, Split};
use super::records::{FoundList, RECORDS_FOLDER, Record, write_whole};
use super::split::SplitChoice;
use crate::train::TrainError;
use std::path::Path;

/// The list of what was not taken, as a table.
pub const SKIPPED_FILE: &str = "skipped.csv";

/// Writes the manifest of the data set in `folder` from the records that lie there.
///
/// # Errors
/// [`TrainError::Data`] where scans are still to be prepared or no case is left, [`TrainError::Split`] for names that
/// are not there, [`TrainError::Write`].
pub fn merge(folder: &Path, split: &SplitChoice) -> Result<(Manifest, DatasetSummary), TrainError> {
    let found = FoundList::read(folder)?;
    let (mut cases, mut skipped) = gather(folder, &found)?;
    split.apply(&mut cases, &mut skipped).map_err(TrainError::Split)?;
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    skipped.sort_by(|a, b| (&a.source, &a.series, &a.cause).cmp(&(&b.source, &b.series, &b.cause)));
    let manifest = Manifest {
        version: MANIFEST_VERSION,
        made_by: format!("biplane {}", env!("CARGO_PKG_VERSION")),
        centre: found.centre,
        split_seed: split.validation.is_empty().then_some(split.seed),
        cases,
        skipped,
    };
    let text = manifest.to_toml()?;
    write_whole(&folder.join(SKIPPED_FILE), table(&manifest.skipped).as_bytes())?;
    write_whole(&folder.join(MANIFEST_FILE), text.as_bytes())?;
    sweep(folder);
    let summary = DatasetSummary {
        cases: manifest.cases.len(),
        training_patients: manifest.patients(Split::Training),
        validation_patients: manifest.patients(Split::Validation),
        manifest_sha256: sha256_hex(text.as_bytes()),
    };
    Ok((manifest, summary))
}

fn gather(folder: &Path, found: &FoundList) -> Result<(Vec<CaseEntry>, Vec<SkippedEntry>), TrainError> {
    let fault = |cause: String| TrainError::Data { path: folder.to_owned(), cause };
    let (mut cases, mut skipped, mut missing) = (Vec::new(), found.skipped.clone(), Vec::new());
    for name in &found.scans {
        match Record::read(folder, name).filter(|r| r.centre == found.centre && r.has_its_cube(folder)) {
            Some(record) => {
                cases.extend(record.case);
                skipped.extend(record.skipped);
            }
            None => missing.push(name),
        }
    }
    if let Some(first) = missing.first() {
        let (count, all) = (missing.len(), found.scans.len());
        let advice = "run the parts that have not ended, or `biplane prepare SRC -o DIR`, which does what is missing";
        return Err(fault(format!("{count} of {all} scans are not prepared yet (the first is `{first}`); {advice}")));
    }
    if cases.is_empty() {
        let why = skipped.first().map_or(String::new(), |s| format!(" ({}: {})", s.source, s.cause));
        return Err(fault(format!("no scan could be used{why}; see the list of causes, or name another source")));
    }
    Ok((cases, skipped))
}

/// A table for spreadsheets (RFC 4180).
fn table(skipped: &[SkippedEntry]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut text = "source,patient,series,cause\n".to_owned();
    for s in skipped {
        let series = s.series.as_deref().unwrap_or_default();
        let cells = [&s.source, &s.patient, series, &s.cause].map(quoted);
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// Takes away what killed runs left half written.
fn sweep(folder: &Path) {
    for inner in [folder.to_owned(), folder.join(CUBES_FOLDER), folder.join(RECORDS_FOLDER)] {
        for entry in std::fs::read_dir(inner).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') && name.ends_with(".part") {
                // What cannot be removed disturbs nobody: such names are never read.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}
