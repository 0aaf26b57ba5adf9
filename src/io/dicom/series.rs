//! A CT series, from a folder, a list or any one of its files, to a [`Volume`](crate::geometry::Volume). Knows no film.

use super::body_part::BodyPart;
use super::fault::Fault;
use super::file::DicomFile;
use super::pixels;
use super::scan::{self, Found};
use super::slice::{Seen, Slice};
use super::stack::Stack;
use super::walk::PixelPlace;
use super::write_series::says_guided;
use crate::io::grid;
use crate::io::input::MAX_VOXELS;
use crate::io::{IoError, LoadedVolume, Progress, Sensitive, SourceInfo, Subject, Warning};
use dicom_dictionary_std::tags;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// What was looked for, in messages.
const WANTED: &str = "DICOM CT slices";

/// Opens the CT series in a folder (looked through with its folders), or the one that a file belongs to.
///
/// Of several series the largest of the chest is taken; what is left out is told in the warnings. Values are
/// Hounsfield units clipped to [-1024, 3071], padding is -1024, the grid is the header's, in LPS.
///
/// # Errors
/// [`IoError`] naming file and cause: no CT slices, another modality or body part, missing slices, a tilted
/// gantry, several frames of reference, damaged files.
pub fn open_series(path: &Path, progress: &Progress) -> Result<LoadedVolume, IoError> {
    open_series_as(path, Subject::Chest, progress)
}

/// As [`open_series`], of a subject that may be another than the header says.
pub(super) fn open_series_as(path: &Path, subject: Subject, progress: &Progress) -> Result<LoadedVolume, IoError> {
    let about = std::fs::metadata(path).map_err(|e| IoError::from_read(path, e))?;
    if about.is_dir() {
        let files = scan::files_below(path, true)?;
        return open_files(&files, path, None, subject, progress);
    }
    let series = series_of(path)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = scan::files_below(folder, false)?;
    open_files(&files, path, Some(&series), subject, progress)
}

/// Opens the CT series that a list of files makes.
///
/// # Errors
/// As [`open_series`].
pub fn open_series_files(files: &[PathBuf], progress: &Progress) -> Result<LoadedVolume, IoError> {
    let about = files.first().and_then(|f| f.parent()).unwrap_or(Path::new("")).to_path_buf();
    open_files(files, &about, None, Subject::Chest, progress)
}

/// The series of one file, which must be a CT slice.
fn series_of(path: &Path) -> Result<String, IoError> {
    let file = DicomFile::open(path)?;
    if let Some(what) = scan::other_sort(&file) {
        let cause = format!("this is {what}, not a CT slice");
        return Err(IoError::wrong_content(path, cause, "choose a CT series, or open it as a film"));
    }
    Slice::of(file).map(|slice| slice.series)
}

fn open_files(
    files: &[PathBuf],
    about: &Path,
    only: Option<&str>,
    subject: Subject,
    progress: &Progress,
) -> Result<LoadedVolume, IoError> {
    progress.expect(2 * files.len() as u64);
    let mut found = scan::look_through(files, about, progress)?;
    let (slices, mut warnings) = choose(&mut found, about, only, subject)?;
    let count = slices.len() as u64;
    let mut stack = match Stack::of(slices, about) {
        Ok(stack) => stack,
        // What is missing is most likely what could not be read.
        Err(error) => return Err(found.broken.into_iter().next().unwrap_or(error)),
    };
    progress.expect(files.len() as u64 + count);
    warnings.append(&mut stack.warnings);
    warnings.extend(left_out(&found));
    load(stack, about, warnings, progress)
}

/// Takes the series to load out of what was found, with words on the others.
fn choose(
    found: &mut Found,
    about: &Path,
    only: Option<&str>,
    subject: Subject,
) -> Result<(Vec<Slice>, Vec<Warning>), IoError> {
    let rank = |slices: &[Slice]| {
        let elsewhere = slices.first().is_some_and(|s| matches!(scan::body_part(&s.file), BodyPart::Other(_)));
        (!elsewhere, slices.len())
    };
    let best = match only {
        Some(uid) => Some(uid.to_string()),
        None => found.series.iter().max_by_key(|(_, slices)| rank(slices)).map(|(uid, _)| uid.clone()),
    };
    let Some(slices) = best.and_then(|uid| found.series.remove(&uid)) else {
        return Err(nothing(found, about));
    };
    let mut warnings = Vec::new();
    check_body_part(&slices, about, subject, &mut warnings)?;
    let others: usize = found.series.values().map(Vec::len).sum();
    if others > 0 && only.is_none() {
        let why = format!("slices of {} other series; the largest of the chest is taken", found.series.len());
        warnings.push(Warning::SkippedFiles { count: others, why });
    }
    Ok((slices, warnings))
}

/// Refuses a series of another body part; one that may show the chest is told.
pub(super) fn check_body_part(
    slices: &[Slice],
    about: &Path,
    subject: Subject,
    warnings: &mut Vec<Warning>,
) -> Result<(), IoError> {
    if let Some(first) = slices.first() {
        warnings.extend(scan::body_part(&first.file).accepted_as(subject).map_err(|fault| fault.at(about))?);
    }
    Ok(())
}

/// The error for a folder without CT slices.
fn nothing(found: &mut Found, about: &Path) -> IoError {
    if !found.broken.is_empty() {
        return found.broken.swap_remove(0);
    }
    if found.others.is_empty() {
        return IoError::NothingInFolder { file: about.to_path_buf(), wanted: WANTED };
    }
    let kinds: Vec<String> = found.others.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let cause = format!("holds no CT slices, only {}", kinds.join(", "));
    IoError::wrong_content(about, cause, "choose the folder of a CT series")
}

/// What of a folder was not taken.
fn left_out(found: &Found) -> Vec<Warning> {
    let mut list = Vec::new();
    for (what, &count) in &found.others {
        list.push(Warning::SkippedFiles { count, why: format!("{what}, not CT slices") });
    }
    if let Some(first) = found.broken.first() {
        list.push(Warning::SkippedFiles { count: found.broken.len(), why: format!("they cannot be read ({first})") });
    }
    if !found.not_dicom.is_empty() {
        list.push(Warning::SkippedFiles { count: found.not_dicom.len(), why: "no DICOM".to_string() });
    }
    list
}

/// Reads the pixels of ordered slices, all cores at once, straight into the volume.
pub(super) fn load(
    stack: Stack,
    about: &Path,
    mut warnings: Vec<Warning>,
    progress: &Progress,
) -> Result<LoadedVolume, IoError> {
    let Stack { slices, frame, .. } = stack;
    let [cols, rows, _] = frame.dims();
    check_room(&slices, about)?;
    let mut hu = vec![0i16; frame.len()];
    let seen = hu
        .par_chunks_mut(cols * rows)
        .zip(slices.par_iter())
        .map(|(target, slice)| {
            progress.check(about)?;
            let seen = slice.read_into(target)?;
            progress.add(1);
            Ok(seen)
        })
        .try_reduce(Seen::default, |a, b| Ok(Seen { clipped: a.clipped + b.clipped }))?;
    warnings.extend(scale_warnings(&slices, seen));
    let info = info(&slices, about);
    grid::finish(about, &frame, hu, warnings, info)
}

/// Before anything is allocated: the files together must hold what their headers promise.
fn check_room(slices: &[Slice], about: &Path) -> Result<(), IoError> {
    let voxels: u64 = slices.iter().map(|s| s.format.pixels() as u64).sum();
    if voxels > MAX_VOXELS {
        let file = about.to_path_buf();
        return Err(IoError::TooLarge { file, what: "a volume", bytes: voxels * 2, limit: MAX_VOXELS * 2 });
    }
    for slice in slices {
        match slice.file.pixel_place()? {
            PixelPlace::Native { at, len } => {
                pixels::plain_place(&slice.file, &slice.format, at, len)?;
            }
            PixelPlace::Encapsulated { at } => pixels::check_packed_room(&slice.file, &slice.format, at)?,
            PixelPlace::Float => return Err(Fault::damaged("floating point pixels").at(&slice.file.path)),
        }
    }
    Ok(())
}

fn scale_warnings(slices: &[Slice], seen: Seen) -> Vec<Warning> {
    let mut list = Vec::new();
    if seen.clipped > 0 {
        list.push(Warning::Clipped { count: seen.clipped });
    }
    if slices.iter().any(|s| s.scale.assumed) {
        let (what, value) = ("rescale slope and intercept".to_string(), "1 and 0".to_string());
        list.push(Warning::Assumed { what, value });
    }
    if slices.iter().any(|s| s.scale.padding_ignored) {
        let what = "padding (PixelPaddingValue stands for tissue)".to_string();
        list.push(Warning::Contradiction { what, taken: "the pixels as they are".to_string() });
    }
    list
}

fn info(slices: &[Slice], about: &Path) -> SourceInfo {
    let Some(first) = slices.first() else { return SourceInfo::default() };
    let fields = &first.file.dataset.fields;
    let bytes = slices.iter().map(|s| s.file.bytes_on_disk).sum();
    let mut lines = vec![
        ("Slices".to_string(), slices.len().to_string()),
        ("Transfer syntax".to_string(), first.file.dataset.syntax.name().to_string()),
    ];
    for (name, tag) in [
        ("Series", tags::SERIES_DESCRIPTION),
        ("Body part", tags::BODY_PART_EXAMINED),
        ("Scanner", tags::MANUFACTURER_MODEL_NAME),
        ("Kernel", tags::CONVOLUTION_KERNEL),
        ("Slice thickness (mm)", tags::SLICE_THICKNESS),
        ("Tube voltage (kV)", tags::KVP),
        ("Patient position", tags::PATIENT_POSITION),
    ] {
        lines.extend(fields.text(tag).map(|value| (name.to_string(), value)));
    }
    SourceInfo {
        path: about.to_path_buf(),
        format: "DICOM CT series".to_string(),
        bytes,
        fields: lines,
        patient_name: fields.text(tags::PATIENT_NAME).map(Sensitive::new),
        patient_id: fields.text(tags::PATIENT_ID).map(Sensitive::new),
        frame_of_reference: first.frame_of_reference.clone(),
        guided: fields.text(tags::SERIES_DESCRIPTION).is_some_and(|text| says_guided(&text)),
    }
}
