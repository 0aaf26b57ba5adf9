//! One scan to one cube on disk, or the cause why not. Knows no other scan and no split.

use super::manifest::{CaseEntry, MANIFEST_VERSION, SkippedEntry, Split, cube_path, sha256_hex};
use super::records::{Record, write_whole};
use super::scan::{Content, Scan};
use crate::geometry::Volume;
use crate::io::{self, IoError, LoadedVolume, Progress, Warning};
use crate::metrics::centre::{Centre, to_cube};
use crate::train::TrainError;
use crate::train::dataset::without_path;
use crate::units::Hu;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Fewer slices than this are a scout, a biopsy check or a fragment.
const MIN_SLICES: usize = 16;
/// A scan shorter than this along any of its axes shows no thorax (mm); the shortest of LIDC-IDRI has over 200.
const MIN_LENGTH_MM: f64 = 120.0;
/// Slices further apart leave nothing of a nodule or a fissure (mm); LIDC-IDRI's are at most 5 mm apart.
const MAX_STEP_MM: f64 = 10.0;

/// Why a scan gave no record.
pub(super) enum Stop {
    /// The data set cannot be written: nothing else can be either.
    Fatal(TrainError),
    /// The observer asked to stop.
    Cancelled,
}

/// Makes the cube of a scan and writes it, then its record. A scan that cannot be used gives a record with its cause.
pub(super) fn make(scan: &Scan, folder: &Path, centre: Centre, progress: &Progress) -> Result<Record, Stop> {
    let mut skipped = Vec::new();
    let made = match read(scan, progress, &mut skipped) {
        Ok(loaded) => Ok(cube(scan, loaded, folder, centre).map_err(Stop::Fatal)?),
        Err(IoError::Cancelled { .. }) => return Err(Stop::Cancelled),
        Err(error) => Err(cause(scan, &error)),
    };
    let made = made.and_then(|made| made).map_err(|cause| skipped.insert(0, scan.skipped(cause)));
    keep(scan, made.ok(), skipped, folder, centre)
}

/// The record of a scan on which the work broke off.
pub(super) fn gave_up(scan: &Scan, folder: &Path, centre: Centre) -> Result<Record, Stop> {
    let cause = "the work on it broke off; report the file as a bug".to_owned();
    keep(scan, None, vec![scan.skipped(cause)], folder, centre)
}

fn keep(
    scan: &Scan,
    case: Option<CaseEntry>,
    skipped: Vec<SkippedEntry>,
    folder: &Path,
    centre: Centre,
) -> Result<Record, Stop> {
    let source_state = source_state(scan, case.is_none());
    let record = Record { version: MANIFEST_VERSION, centre, source_state, case, skipped };
    record.write(folder, &scan.name).map_err(Stop::Fatal)?;
    Ok(record)
}

/// Whether a record stands for this scan as it is now: made in the same way, of the same files, its cube in place.
pub(super) fn is_done(record: &Record, scan: &Scan, folder: &Path, centre: Centre) -> bool {
    record.centre == centre
        && record.source_state == source_state(scan, record.case.is_none())
        && record.has_its_cube(folder)
        && record.case.as_ref().is_none_or(|case| case.patient == scan.patient && case.source == scan.source)
}

/// Digest of a scan's files: names and lengths. Times too where it was skipped: a file mended in place is read again.
fn source_state(scan: &Scan, with_times: bool) -> String {
    let mut digest = Sha256::new();
    for path in scan.files() {
        let about = std::fs::metadata(path).ok();
        digest.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        digest.update([0]);
        digest.update(about.as_ref().map_or(u64::MAX, std::fs::Metadata::len).to_le_bytes());
        if with_times {
            let changed = about.and_then(|a| a.modified().ok()).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
            digest.update(changed.map_or(0, |t| t.as_nanos()).to_le_bytes());
        }
    }
    format!("{:x}", digest.finalize())
}

/// Reads a scan; what lies among its files and is another series goes to `skipped`.
fn read(scan: &Scan, progress: &Progress, skipped: &mut Vec<SkippedEntry>) -> Result<LoadedVolume, IoError> {
    let (uid, files) = match &scan.content {
        Content::File(path) => return io::open_volume(path, progress),
        Content::Series { uid, files } => (uid, files),
    };
    let about = files.first().and_then(|f| f.parent()).unwrap_or(Path::new("")).to_owned();
    let found = io::dicom::survey(files, &about, progress)?;
    let mut wanted = None;
    for series in found.series {
        if series.uid() == uid {
            wanted = Some(series);
            continue;
        }
        let cause = format!(
            "{} slices of another series lie among the files of `{}`; put them into a folder of their own",
            series.slices(),
            scan.name
        );
        skipped.push(SkippedEntry { series: Some(series.uid().to_owned()), ..scan.skipped(cause) });
    }
    let mut broken = found.broken;
    broken.extend(overwritten(&found.not_dicom));
    let Some(series) = wanted else {
        return Err(first_or(broken, || {
            IoError::wrong_content(&about, "holds no CT slice that can be read", "copy the series again")
        }));
    };
    match series.load(&about, progress) {
        Ok(mut loaded) => {
            if let Some(first) = broken.first() {
                let why = format!("they cannot be read ({})", without_folder(first));
                loaded.warnings.push(Warning::SkippedFiles { count: broken.len(), why });
            }
            Ok(loaded)
        }
        // What is missing in the stack is most likely what could not be read.
        Err(IoError::WrongContent { .. }) if !broken.is_empty() => Err(broken.swap_remove(0)),
        Err(error) => Err(error),
    }
}

/// Files that are named as slices and are none: emptied or overwritten.
fn overwritten(not_dicom: &[PathBuf]) -> impl Iterator<Item = IoError> + '_ {
    let named = |path: &&PathBuf| path.extension().is_some_and(|e| e.eq_ignore_ascii_case("dcm"));
    not_dicom.iter().filter(named).map(|path| IoError::damaged(path, "DICOM", "it was emptied or overwritten"))
}

fn first_or(mut errors: Vec<IoError>, otherwise: impl FnOnce() -> IoError) -> IoError {
    if errors.is_empty() { otherwise() } else { errors.swap_remove(0) }
}

/// An error in words; a single file of a series by its name, the folder stands before the words already.
fn cause(scan: &Scan, error: &IoError) -> String {
    match &scan.content {
        Content::Series { files, .. } if files.iter().any(|f| f == error.file()) => without_folder(error),
        _ => without_path(error),
    }
}

fn without_folder(error: &IoError) -> String {
    let name = error.file().file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{name}: {}", without_path(error))
}

/// Checks, resamples and writes. The inner error is a cause to skip the scan.
fn cube(
    scan: &Scan,
    loaded: LoadedVolume,
    folder: &Path,
    centre: Centre,
) -> Result<Result<CaseEntry, String>, TrainError> {
    let LoadedVolume { mut volume, warnings, .. } = loaded;
    if let Err(cause) = check(&volume, &warnings) {
        return Ok(Err(cause));
    }
    clip(&mut volume);
    let cube = to_cube(&volume, centre);
    let Some((first, last)) = cube.data_slices() else {
        return Ok(Err("holds nothing but padding; export it again".to_owned()));
    };
    let path = cube_path(folder, &scan.name);
    let unwritten = |e: IoError| TrainError::Data { path: path.clone(), cause: without_path(&e) };
    let bytes = io::nifti::to_bytes(&cube, &path).map_err(unwritten)?;
    write_whole(&path, &bytes)?;
    Ok(Ok(CaseEntry {
        name: scan.name.clone(),
        patient: scan.patient.clone(),
        source: scan.source.clone(),
        series: scan.series(),
        split: Split::Training,
        sha256: sha256_hex(&bytes),
        bytes: bytes.len() as u64,
        data_slices: [first, last],
        cube_origin_mm: cube.frame().origin_mm(),
        notes: warnings.iter().map(ToString::to_string).collect(),
        original: volume.frame().clone(),
    }))
}

/// Whether a volume is a CT of a thorax, as far as its grid and its values tell.
fn check(volume: &Volume, warnings: &[Warning]) -> Result<(), String> {
    let frame = volume.frame();
    let [nx, ny, nz] = frame.dims();
    let fewest = nx.min(ny).min(nz);
    if fewest < MIN_SLICES {
        return Err(format!("has too few slices ({fewest}, wanted are {MIN_SLICES} or more); choose the whole series"));
    }
    let shortest = frame.extent_mm().into_iter().fold(f64::INFINITY, f64::min);
    if !(shortest >= MIN_LENGTH_MM) {
        return Err(format!("covers {shortest:.0} mm only, wanted are {MIN_LENGTH_MM:.0} mm or more of a thorax"));
    }
    let step = frame.spacing_mm().into_iter().fold(0.0, f64::max);
    if !(step <= MAX_STEP_MM) {
        return Err(format!("its slices lie {step:.1} mm apart, {MAX_STEP_MM:.0} mm at most can be used"));
    }
    if let Some(odd) = warnings.iter().find(|w| matches!(w, Warning::NotHounsfield { .. })) {
        return Err(format!("{odd}; convert it to Hounsfield units first"));
    }
    Ok(())
}

/// Padding outside of the field of view and metal beyond what a scanner gives, to [-1024, 3071] (spec 2).
fn clip(volume: &mut Volume) {
    const PIECE: usize = 1 << 16;
    let (low, high) = (Hu::PADDING.0 as i16, Hu::CEILING.0 as i16);
    volume.hu_mut().par_chunks_mut(PIECE).for_each(|part| part.iter_mut().for_each(|v| *v = (*v).clamp(low, high)));
}
