//! What scans are called and whose they are. Knows paths and numbers of patients, reads nothing.

use super::manifest::sha256_hex;
use super::scan::Scan;
use crate::io::dicom::Glance;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings of volume files; such files are looked at one by one.
pub(super) const VOLUME_ENDINGS: [&str; 7] = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr"];
/// Volume files and whose they are. A file's name tells the patient, unless names repeat between folders
/// (`P01/ct.nii`, `P02/ct.nii`): then the folder does.
pub(super) fn with_patients(volumes: Vec<PathBuf>, source: &Path) -> Vec<(PathBuf, String)> {
    let stems: BTreeSet<String> = volumes.iter().map(|path| stem(path)).collect();
    let repeat = stems.len() < volumes.len();
    let patient = |path: &Path| match path.parent() {
        Some(folder) if repeat && folder != source => relative(folder, source),
        _ => stem(path),
    };
    let patients: Vec<String> = volumes.iter().map(|path| patient(path)).collect();
    volumes.into_iter().zip(patients).collect()
}

/// The patient's number; without one the study stands for the patient, without that the series.
pub(super) fn patient(first: &Glance) -> String {
    let id = first.patient_id.as_ref().map(|id| id.reveal().trim().to_owned()).filter(|id| !id.is_empty());
    id.unwrap_or_else(|| {
        let unique = if first.study.is_empty() { &first.series } else { &first.study };
        format!("unnamed-{}", &sha256_hex(unique.as_bytes())[..12])
    })
}

/// Names scans by their patient; further scans of a patient get numbers, in the order of their sources.
pub(super) fn named(mut scans: Vec<Scan>) -> Vec<Scan> {
    scans.sort_by(|a, b| (&a.patient, &a.source, a.series()).cmp(&(&b.patient, &b.source, b.series())));
    let mut taken = BTreeSet::new();
    for scan in &mut scans {
        let base = file_name_of(&scan.patient);
        let mut name = base.clone();
        // Numbers begin at 2: the first scan bears the patient's name alone. Case is ignored, since some disks do.
        for number in 2.. {
            if taken.insert(name.to_ascii_lowercase()) {
                break;
            }
            name = format!("{base}-{number}");
        }
        scan.name = name;
    }
    scans.sort_by(|a, b| a.name.cmp(&b.name));
    scans
}

/// A text as a file's name: what is neither letter, digit, `-` nor `_` becomes `_`.
fn file_name_of(text: &str) -> String {
    const LONGEST: usize = 100;
    let clean = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = text.chars().map(clean).take(LONGEST).collect();
    if name.is_empty() { "scan".to_owned() } else { name }
}

/// `ct/lidc-0001.nii.gz` to `lidc-0001`.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lower = name.to_ascii_lowercase();
    let ending = VOLUME_ENDINGS.iter().filter(|e| lower.ends_with(**e)).max_by_key(|e| e.len());
    let stem = ending.map_or(name.as_str(), |e| &name[..name.len() - e.len()]);
    if stem.is_empty() { name.clone() } else { stem.to_owned() }
}

pub(super) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}

/// A path as the manifest names it: relative to the source, with `/`.
pub(super) fn relative(path: &Path, source: &Path) -> String {
    let inner = path.strip_prefix(source).unwrap_or(path);
    let parts: Vec<String> = inner.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
