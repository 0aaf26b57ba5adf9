//! Looking through a folder for CT slices: which files are slices, which are something else.
//! Decides nothing about the volume.

use super::body_part::{self, BodyPart};
use super::fault::Fault;
use super::file::DicomFile;
use super::slice::Slice;
use crate::io::{IoError, Progress};
use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not walked; archives have patient/study/series.
const MAX_DEPTH: usize = 8;
/// More files than this are not one patient's.
const MAX_FILES: usize = 200_000;

/// What a file turned out to be.
enum Sort {
    Slice(Box<Slice>),
    /// DICOM of another sort, in words.
    Other(String),
    NotDicom(PathBuf),
    Broken(IoError),
}

/// What lies in a folder.
#[derive(Default)]
pub(super) struct Found {
    /// CT slices by SeriesInstanceUID.
    pub series: BTreeMap<String, Vec<Slice>>,
    /// DICOM files of other sorts (CR, DX, scouts, reports) and how many of each.
    pub others: BTreeMap<String, usize>,
    /// Files that are no DICOM.
    pub not_dicom: Vec<PathBuf>,
    /// Files that should have been slices.
    pub broken: Vec<IoError>,
}

/// All regular files below `folder`, in the order of their names.
///
/// # Errors
/// A folder that cannot be read, or with more files than one patient has.
pub(super) fn files_below(folder: &Path, recursive: bool) -> Result<Vec<PathBuf>, IoError> {
    let mut files = Vec::new();
    let mut open = vec![(folder.to_path_buf(), 0usize)];
    while let Some((dir, depth)) = open.pop() {
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            // A closed drawer deeper down hides nothing that was asked for by name.
            Err(_) if depth > 0 => continue,
            Err(e) => return Err(IoError::from_read(&dir, e)),
        };
        for entry in entries.flatten() {
            // Not followed: a link to a folder above would go round in circles.
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && recursive && depth < MAX_DEPTH {
                open.push((path, depth + 1));
            } else if kind.is_file() || (kind.is_symlink() && path.is_file()) {
                files.push(path);
            }
        }
        if files.len() > MAX_FILES {
            let cause = format!("holds more than {MAX_FILES} files");
            return Err(IoError::wrong_content(folder, cause, "choose the folder of one series"));
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the headers of `files`, all cores at once.
///
/// # Errors
/// [`IoError::Cancelled`] only; what is wrong with single files is part of the result.
pub(super) fn look_through(files: &[PathBuf], about: &Path, progress: &Progress) -> Result<Found, IoError> {
    let sorted: Vec<Sort> = files
        .par_iter()
        .map(|path| {
            progress.check(about)?;
            let sort = sort(path);
            progress.add(1);
            Ok(sort)
        })
        .collect::<Result<_, IoError>>()?;
    let mut found = Found::default();
    for sort in sorted {
        match sort {
            Sort::Slice(slice) => found.series.entry(slice.series.clone()).or_default().push(*slice),
            Sort::Other(what) => *found.others.entry(what).or_default() += 1,
            Sort::NotDicom(path) => found.not_dicom.push(path),
            Sort::Broken(error) => found.broken.push(error),
        }
    }
    Ok(found)
}

fn sort(path: &Path) -> Sort {
    let file = match DicomFile::open(path) {
        Ok(file) => file,
        Err(IoError::UnknownType { .. } | IoError::Empty { .. }) => return Sort::NotDicom(path.to_path_buf()),
        Err(error) => return Sort::Broken(error),
    };
    if let Some(what) = other_sort(&file) {
        return Sort::Other(what);
    }
    if file.dataset.fields.text(tags::SOP_CLASS_UID).as_deref() == Some(uids::ENHANCED_CT_IMAGE_STORAGE) {
        let fault = Fault::unsupported("enhanced multi-frame CT", "convert it to single slices (emf2sf of dcm4che)");
        return Sort::Broken(fault.at(path));
    }
    match Slice::of(file) {
        Ok(slice) => Sort::Slice(Box::new(slice)),
        Err(error) => Sort::Broken(error),
    }
}

/// The words for a file that is no CT slice; `None` for a CT slice.
pub(super) fn other_sort(file: &DicomFile) -> Option<String> {
    let fields = &file.dataset.fields;
    let modality = modality(file);
    if modality != "CT" {
        return Some(modality);
    }
    let kinds = fields.texts(tags::IMAGE_TYPE);
    if kinds.iter().any(|kind| kind == "LOCALIZER") {
        return Some("CT scout view".to_string());
    }
    // Dose sheets and pictures of the screen travel inside of CT series.
    let class = fields.text(tags::SOP_CLASS_UID).unwrap_or_default();
    (class == uids::SECONDARY_CAPTURE_IMAGE_STORAGE).then(|| "CT screen capture".to_string())
}

/// The modality, as two to sixteen capitals, or "unknown".
pub(super) fn modality(file: &DicomFile) -> String {
    let fields = &file.dataset.fields;
    let said = fields.text(tags::MODALITY).unwrap_or_default();
    let clean: String = said.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    if !clean.is_empty() {
        return clean.to_uppercase();
    }
    match fields.text(tags::SOP_CLASS_UID).as_deref() {
        Some(uids::CT_IMAGE_STORAGE) => "CT".to_string(),
        Some(uids::MEDIA_STORAGE_DIRECTORY_STORAGE) => "directory".to_string(),
        _ => "unknown".to_string(),
    }
}

/// What the header says of the body part.
pub(super) fn body_part(file: &DicomFile) -> BodyPart {
    body_part::sort(file.dataset.fields.text(tags::BODY_PART_EXAMINED).as_deref())
}
