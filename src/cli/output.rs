//! Where results go: the format by the name's ending, and whether the place can be written, asked before work begins.

use super::error::CliError;
use super::terminal::load;
use crate::geometry::Volume;
use crate::io;
use crate::io::dicom::{CaseInfo, SeriesInfo, VolumeOrigin};
use std::path::{Path, PathBuf};

/// What a volume is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeFormat {
    Nifti,
    MetaImage,
    DicomSeries,
    PngSlices,
}

/// The endings understood, for messages and help.
pub const ENDINGS: &str = ".nii, .nii.gz, .mha, .mhd, .png (a picture a slice) or a folder (DICOM series)";

/// The format that a name asks for.
///
/// # Errors
/// An ending that is none of [`ENDINGS`].
pub fn volume_format(path: &Path) -> Result<VolumeFormat, CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let ends = |ending: &str| name.ends_with(ending);
    if path.is_dir() || path.to_string_lossy().ends_with(std::path::MAIN_SEPARATOR) {
        Ok(VolumeFormat::DicomSeries)
    } else if ends(".nii.gz") || ends(".nii") {
        Ok(VolumeFormat::Nifti)
    } else if ends(".mha") || ends(".mhd") {
        Ok(VolumeFormat::MetaImage)
    } else if ends(".png") {
        Ok(VolumeFormat::PngSlices)
    } else if !name.contains('.') {
        Ok(VolumeFormat::DicomSeries)
    } else {
        Err(CliError::usage(
            format!("{}: no volume is written under such a name", path.display()),
            format!("choose a name that ends in {ENDINGS}"),
        ))
    }
}

/// Asks whether `path` can be written before long work begins: its folder must be there and be writable.
///
/// # Errors
/// What stands in the way.
pub fn check_writable(path: &Path) -> Result<(), CliError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        let cause = format!("{}: the folder {} does not exist", path.display(), folder.display());
        return Err(CliError::failure(cause, "make it, or choose another place"));
    }
    try_write(folder)
}

/// Makes the folder `path` if need be, and asks whether files can be written into it.
///
/// # Errors
/// What stands in the way.
pub fn make_folder(path: &Path) -> Result<(), CliError> {
    if path.exists() && !path.is_dir() {
        let cause = format!("{}: is a file, wanted is a folder", path.display());
        return Err(CliError::failure(cause, "choose another name"));
    }
    std::fs::create_dir_all(path).map_err(|e| {
        CliError::failure(format!("{}: the folder cannot be made ({e})", path.display()), "choose a place of your own")
    })?;
    try_write(path)
}

fn try_write(folder: &Path) -> Result<(), CliError> {
    let trial = folder.join(format!(".biplane-{}.trial", std::process::id()));
    let written = std::fs::File::create(&trial).and_then(|_| std::fs::remove_file(&trial));
    written.map_err(|e| {
        let cause = format!("{}: cannot be written ({e})", folder.display());
        CliError::failure(cause, "choose a folder of your own, with room on its disk")
    })
}

/// Writes a volume in the format its name asks for; DICOM notes the frame of reference it stands in, where known.
///
/// # Errors
/// As [`volume_format`] and the writers.
pub fn write_volume(
    path: &Path,
    volume: &Volume,
    origin: VolumeOrigin,
    frame_of_reference: Option<String>,
) -> Result<(), CliError> {
    match volume_format(path)? {
        VolumeFormat::Nifti => io::nifti::write_noted(path, volume, &origin.line())?,
        VolumeFormat::MetaImage => io::metaimage::write_noted(path, volume, &origin.line())?,
        VolumeFormat::DicomSeries => {
            make_folder(path)?;
            let info = SeriesInfo { origin, case: CaseInfo { frame_of_reference, ..CaseInfo::default() } };
            load(path, |path, progress| io::dicom::write_series(volume, path, &info, progress))?;
        }
        VolumeFormat::PngSlices => write_slices(path, volume)?,
    }
    Ok(())
}

/// A PNG for each axial slice: NAME-000.png and on.
fn write_slices(path: &Path, volume: &Volume) -> Result<(), CliError> {
    let window = crate::units::DEFAULT_WINDOW;
    for z in 0..volume.frame().dims()[2] {
        io::picture::write_slice(&numbered(path, z), volume, crate::geometry::Axis::Z, z, window)?;
    }
    Ok(())
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number:03}.png"))
}

/// Writes a small text file.
///
/// # Errors
/// What the system says.
pub fn write_text(path: &Path, text: &str) -> Result<(), CliError> {
    std::fs::write(path, text).map_err(|e| {
        let cause = format!("{}: cannot be written ({e})", path.display());
        CliError::failure(cause, "choose a folder of your own, with room on its disk")
    })
}
