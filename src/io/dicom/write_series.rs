//! A volume to a DICOM CT series. Reads nothing but the names in the target folder.

use super::object::{CaseInfo, Object};
use super::uid;
use crate::geometry::Volume;
use crate::io::RESEARCH_USE;
use crate::io::{IoError, Progress, SourceInfo};
use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// How our slices are called: a prefix, four digits, an ending.
const PREFIX: &str = "biplane-";
/// The ending of DICOM files.
const ENDING: &str = ".dcm";
/// Window shown first, [-500, 800] HU (spec section 11): centre and width.
const WINDOW_HU: [f64; 2] = [150.0, 1300.0];

/// Words by which every header that biplane writes tells a volume guided by atlases.
const GUIDED: &str = "guided by atlases";

/// Whether a line of a header says that atlases guided the volume.
pub(in crate::io) fn says_guided(line: &str) -> bool {
    line.contains(GUIDED)
}

/// Where a volume comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VolumeOrigin {
    /// Networks made it from two films.
    #[default]
    Reconstructed,
    /// The same, with anatomy lent by CTs of other patients.
    Guided,
    /// A scanner's CT, copied or resampled.
    Scanned,
    /// A phantom.
    Synthetic,
}

impl VolumeOrigin {
    /// Of a volume that was read: what it says of itself goes with its copies.
    pub fn of_copy(info: &SourceInfo) -> Self {
        if info.guided { Self::Guided } else { Self::Scanned }
    }

    /// The words in SeriesDescription (64 characters at most).
    fn description(self) -> &'static str {
        match self {
            Self::Reconstructed => "reconstructed from two views; research use, not for diagnosis",
            Self::Guided => "two views, guided by atlases; research use, not for diagnosis",
            Self::Scanned => "resampled CT; research use only, not for diagnosis",
            Self::Synthetic => "synthetic phantom; research use only, not for diagnosis",
        }
    }

    /// What a file whose header has one line for it says (80 characters at most in NIfTI).
    pub fn line(self) -> String {
        match self {
            Self::Guided => format!("{RESEARCH_USE}; anatomy guided by atlases (CTs of others)"),
            _ => RESEARCH_USE.to_owned(),
        }
    }

    /// The sentence in the notes.
    fn sentence(self) -> &'static str {
        match self {
            Self::Reconstructed => {
                "Reconstructed from two views: most of this volume is prior knowledge, not measurement"
            }
            Self::Guided => {
                "Reconstructed from two views; anatomy outside of the lungs guided by atlases, CTs of other patients bent \
                 to the films: bones and organs are theirs in shape, not measurement"
            }
            Self::Scanned => "CT copied or resampled by biplane",
            Self::Synthetic => "Synthetic phantom, nobody's body",
        }
    }
}

/// What to write beside the voxels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesInfo {
    /// Whose it is and what it belongs to.
    pub case: CaseInfo,
    /// Where the volume comes from.
    pub origin: VolumeOrigin,
}

/// Writes `volume` as one CT slice a file (`biplane-0001.dcm` ...) into `folder`, which is made where it is missing.
///
/// Explicit VR Little Endian, signed 16 bit, slope 1, intercept 0. Slices of ours that lie there are replaced.
///
/// # Errors
/// A folder that holds other DICOM files (two series in one folder would mix), and what the system says.
pub fn write_series(volume: &Volume, folder: &Path, info: &SeriesInfo, progress: &Progress) -> Result<(), IoError> {
    std::fs::create_dir_all(folder).map_err(|e| IoError::from_write(folder, e))?;
    let old = old_slices(folder)?;
    let [cols, rows, slices] = volume.frame().dims();
    let series = series_uid(volume, info);
    progress.expect(slices as u64);
    volume.hu().par_chunks(cols * rows).enumerate().try_for_each(|(k, hu)| {
        progress.check(folder)?;
        slice(volume, info, &series, k, hu).write(&folder.join(name(k)))?;
        progress.add(1);
        Ok::<(), IoError>(())
    })?;
    let new: Vec<PathBuf> = (0..slices).map(|k| folder.join(name(k))).collect();
    for stale in old.iter().filter(|path| !new.contains(path)) {
        std::fs::remove_file(stale).map_err(|e| IoError::from_write(stale, e))?;
    }
    Ok(())
}

fn name(k: usize) -> String {
    format!("{PREFIX}{:04}{ENDING}", k + 1)
}

/// Slices of an earlier export; other DICOM files are refused.
fn old_slices(folder: &Path) -> Result<Vec<PathBuf>, IoError> {
    let mut ours = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| IoError::from_read(folder, e))?.flatten() {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if name.ends_with(ENDING) {
            if !name.starts_with(PREFIX) {
                let cause = "already holds other DICOM files; two series would mix";
                return Err(IoError::wrong_content(folder, cause, "choose an empty folder"));
            }
            ours.push(entry.path());
        }
    }
    Ok(ours)
}

fn series_uid(volume: &Volume, info: &SeriesInfo) -> String {
    let grid = format!("{:?}{:?}", volume.frame(), info);
    uid::of(&[b"series", grid.as_bytes(), bytemuck::cast_slice(volume.hu())])
}

/// One slice (PS3.3 section A.3, CT Image IOD).
fn slice(volume: &Volume, info: &SeriesInfo, series: &str, k: usize, hu: &[i16]) -> Object {
    let frame = volume.frame();
    let [dx, dy, dz] = frame.spacing_mm();
    let position = frame.world_from_voxel([0.0, 0.0, k as f64]);
    let ([a, b, c], [d, e, f]) = (frame.axis_direction(0), frame.axis_direction(1));
    let along: f64 = frame.axis_direction(2).iter().zip(position).map(|(n, p)| n * p).sum();
    let mut object = Object::image(uids::CT_IMAGE_STORAGE, "CT", &info.case, series, k);
    object.text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\AXIAL");
    object.label(tags::SERIES_DESCRIPTION, info.origin.description());
    object.note(info.origin.sentence());
    object.text(tags::PATIENT_POSITION, VR::CS, "HFS");
    let study = info.case.case.as_bytes();
    let reference =
        info.case.frame_of_reference.clone().unwrap_or_else(|| uid::of(&[b"frame", study, series.as_bytes()]));
    object.text(tags::FRAME_OF_REFERENCE_UID, VR::UI, &reference);
    object.text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "");
    object.decimals(tags::IMAGE_POSITION_PATIENT, &position);
    object.decimals(tags::IMAGE_ORIENTATION_PATIENT, &[a, b, c, d, e, f]);
    object.decimals(tags::PIXEL_SPACING, &[dy, dx]);
    object.decimals(tags::SLICE_THICKNESS, &[dz]);
    object.decimals(tags::SPACING_BETWEEN_SLICES, &[dz]);
    object.decimals(tags::SLICE_LOCATION, &[along]);
    object.decimals(tags::RESCALE_INTERCEPT, &[0.0]);
    object.decimals(tags::RESCALE_SLOPE, &[1.0]);
    object.text(tags::RESCALE_TYPE, VR::LO, "HU");
    let [centre, width] = WINDOW_HU;
    object.decimals(tags::WINDOW_CENTER, &[centre]);
    object.decimals(tags::WINDOW_WIDTH, &[width]);
    let [cols, rows, _] = frame.dims();
    object.pixels(cols, rows, true, hu.iter().map(|&v| v as u16));
    object
}
