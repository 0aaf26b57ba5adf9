//! `biplane convert IN OUT`.

use super::error::CliError;
use super::output::{self, ENDINGS, VolumeFormat, volume_format};
use super::terminal::{load, notice, warnings};
use crate::io::dicom::VolumeOrigin;
use crate::io::{self, Opened, Subject};
use std::path::PathBuf;

/// Converts a CT to another format, or a film to a 16 bit PNG. The same place in the patient, the same HU.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane convert dicom-folder/ ct.nii.gz
  biplane convert ct.nii.gz dicom-folder/        DICOM series
  biplane convert ct.nrrd ct.mha
  biplane convert ct.nii.gz slice.png            slice-000.png and on, window [-500, 800] HU
  biplane convert film.dcm film.png              16 bit, dense white")]
pub struct Args {
    /// NIfTI, NRRD, MetaImage, the folder of a DICOM series, or a film.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Its ending names the format: .nii, .nii.gz, .mha, .mhd, .png; a folder becomes a DICOM series.
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let format = volume_format(&args.output)?;
    super::films::refuse_same(&args.input, &args.output, "IN and OUT")?;
    if format != VolumeFormat::DicomSeries {
        output::check_writable(&args.output)?;
    }
    // Another format is not another use: what it shows is said, not judged.
    let opened = load(&args.input, |path, progress| io::open_as(path, Subject::Any, progress))?;
    warnings(&args.input, opened.warnings());
    match opened {
        Opened::Volume(loaded) => {
            let reference = loaded.info.frame_of_reference.clone();
            output::write_volume(&args.output, &loaded.volume, VolumeOrigin::of_copy(&loaded.info), reference)?;
        }
        Opened::Radiograph(film) if format == VolumeFormat::PngSlices => {
            io::picture::write_film(&args.output, &film.image, film.simulated)?;
        }
        Opened::Radiograph(_) => {
            let cause = format!("{}: is a film, which {} cannot hold", args.input.display(), args.output.display());
            return Err(CliError::usage(cause, format!("films are written as .png; volumes as {ENDINGS}")));
        }
    }
    notice(&format!("wrote {}", args.output.display()));
    Ok(())
}
