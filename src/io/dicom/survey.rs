//! What lies in a collection: of which series single files are, and all CT series among the files of a folder.
//! Chooses nothing and reads no pixel before it is asked to.

use super::file::DicomFile;
use super::scan;
use super::series;
use super::slice::Slice;
use super::stack::Stack;
use crate::io::{IoError, LoadedVolume, Progress, Sensitive, Subject};
use dicom_dictionary_std::tags;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What one file says of where it belongs.
#[derive(Clone, Debug)]
pub struct Glance {
    /// SeriesInstanceUID, empty where the header has none.
    pub series: String,
    /// StudyInstanceUID, empty where the header has none.
    pub study: String,
    /// SOPInstanceUID, empty where the header has none.
    pub instance: String,
    /// PatientID.
    pub patient_id: Option<Sensitive>,
    /// What it is instead of a CT slice ("CR", "CT scout view"); `None` for a CT slice.
    pub other: Option<String>,
}

/// Reads the header of one file. [`IoError::UnknownType`] and [`IoError::Empty`] say that it is no DICOM.
///
/// # Errors
/// What the system says, a file that is no DICOM, a damaged header.
pub fn glance(file: &Path) -> Result<Glance, IoError> {
    let file = DicomFile::open(file)?;
    let fields = &file.dataset.fields;
    Ok(Glance {
        series: fields.text(tags::SERIES_INSTANCE_UID).unwrap_or_default(),
        study: fields.text(tags::STUDY_INSTANCE_UID).unwrap_or_default(),
        instance: fields.text(tags::SOP_INSTANCE_UID).unwrap_or_default(),
        patient_id: fields.text(tags::PATIENT_ID).map(Sensitive::new),
        other: scan::other_sort(&file),
    })
}

/// The CT series among some files, each with its slices' headers, and what else is there.
pub struct Survey {
    /// Series by SeriesInstanceUID, in the order of the UIDs.
    pub series: Vec<FoundSeries>,
    /// DICOM files of other sorts and how many of each.
    pub others: BTreeMap<String, usize>,
    /// Files that are no DICOM.
    pub not_dicom: Vec<PathBuf>,
    /// Files that should have been slices.
    pub broken: Vec<IoError>,
}

/// A CT series whose headers were read.
pub struct FoundSeries {
    uid: String,
    slices: Vec<Slice>,
}

/// Reads the headers of `files`, all cores at once. `about` is the file or folder to name.
///
/// # Errors
/// [`IoError::Cancelled`] only; what is wrong with single files is part of the result.
pub fn survey(files: &[PathBuf], about: &Path, progress: &Progress) -> Result<Survey, IoError> {
    let found = scan::look_through(files, about, progress)?;
    let series = found.series.into_iter().map(|(uid, slices)| FoundSeries { uid, slices }).collect();
    Ok(Survey { series, others: found.others, not_dicom: found.not_dicom, broken: found.broken })
}

impl FoundSeries {
    /// SeriesInstanceUID.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Slices, those at one position counted singly.
    pub fn slices(&self) -> usize {
        self.slices.len()
    }

    /// PatientID, as the first slice has it.
    pub fn patient_id(&self) -> Option<Sensitive> {
        self.slices.first().and_then(|s| s.file.dataset.fields.text(tags::PATIENT_ID)).map(Sensitive::new)
    }

    /// Reads the pixels as [`open_series`](super::open_series) does.
    ///
    /// # Errors
    /// Another body part, missing slices, a tilted gantry, several frames of reference, damaged pixels.
    pub fn load(self, about: &Path, progress: &Progress) -> Result<LoadedVolume, IoError> {
        let mut warnings = Vec::new();
        series::check_body_part(&self.slices, about, Subject::Chest, &mut warnings)?;
        let mut stack = Stack::of(self.slices, about)?;
        warnings.append(&mut stack.warnings);
        series::load(stack, about, warnings, progress)
    }
}
