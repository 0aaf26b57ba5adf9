//! `biplane project CT -o DIR`.

use super::error::CliError;
use super::films::{self, PresetName};
use super::output;
use super::terminal::{Stages, load, print, warnings};
use crate::app::film::Projection;
use crate::geometry::resample::resample;
use crate::geometry::{Beam, Frame, Preset, Raster, View, ViewPair, Volume};
use crate::io::dicom::{CaseInfo, FilmInfo};
use crate::io::{self, Placement, geometry_file};
use crate::metrics::centre::{Centre, to_cube};
use crate::projection::{Attenuation, project};
use crate::units::Radians;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// Names of the films in the folder.
const FILM_NAMES: [&str; 2] = ["ap", "lateral"];

/// Simulates two films of a CT and writes ap.dcm, lateral.dcm, ap.png, lateral.png, geometry.toml and truth.nii.gz
/// (the 128^3 cube of 2.8 mm that a reconstruction should give).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane project ct.nii.gz -o films/
  biplane project dicom-folder/ -o films/ --size 1024x768 --pixel-mm 0.39
  biplane project ct.nii.gz -o films/ --angles 45,315 --sad 2650 --sdd 3650
  biplane project ct.nii.gz -o films/ --parallel

The cube is centred in-plane on the body and along z on the lungs. A CT that is the 128^3 cube of 2.8 mm already
keeps its own grid as truth.")]
pub struct Args {
    /// The CT: NIfTI, NRRD, MetaImage, or the folder of a DICOM series.
    ct: PathBuf,
    /// The folder to write into; made where it is missing.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The machine that the other settings change.
    #[arg(long, value_name = "NAME", default_value = "simulated")]
    preset: PresetName,
    /// Pixels of each film, N or COLSxROWS; the film covers what it covered unless --pixel-mm is given.
    #[arg(long, value_parser = parse_size)]
    size: Option<[usize; 2]>,
    /// Pixel pitch at the detector, mm.
    #[arg(long, value_name = "MM")]
    pixel_mm: Option<f64>,
    /// Source to axis, mm.
    #[arg(long, value_name = "MM", conflicts_with = "parallel")]
    sad: Option<f64>,
    /// Source to detector, mm.
    #[arg(long, value_name = "MM", conflicts_with = "parallel")]
    sdd: Option<f64>,
    /// Gantry angles of both films, degrees: 0 is AP, 90 has the source on the patient's left, 180 is PA.
    #[arg(long, value_name = "A,B", value_parser = parse_angles, allow_hyphen_values = true)]
    angles: Option<[f64; 2]>,
    /// Parallel rays.
    #[arg(long)]
    parallel: bool,
    /// What the cube is centred on.
    #[arg(long, value_name = "WHAT", default_value = "anatomy")]
    center: CentreName,
    /// Take the CT for a chest although BodyPartExamined in its header says otherwise.
    #[arg(long)]
    any_body_part: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CentreName {
    /// The body in-plane, the lungs along z.
    Anatomy,
    /// The middle of the scan.
    Scan,
}

impl From<CentreName> for Centre {
    fn from(name: CentreName) -> Self {
        match name {
            CentreName::Anatomy => Self::Anatomy,
            CentreName::Scan => Self::Scan,
        }
    }
}

/// "256" or "1024x768".
pub fn parse_size(text: &str) -> Result<[usize; 2], String> {
    let side = |part: &str| part.trim().parse::<usize>().ok().filter(|&n| n > 0);
    let sides = match text.split_once(['x', 'X']) {
        Some((cols, rows)) => side(cols).zip(side(rows)),
        None => side(text).map(|n| (n, n)),
    };
    sides.map(|(cols, rows)| [cols, rows]).ok_or_else(|| "wanted is a size like 256 or 1024x768".to_owned())
}

fn parse_angles(text: &str) -> Result<[f64; 2], String> {
    let degrees = |part: &str| part.trim().parse::<f64>().ok().filter(|a| a.is_finite());
    let both = text.split_once(',').and_then(|(a, b)| degrees(a).zip(degrees(b)));
    both.map(|(a, b)| [a, b]).ok_or_else(|| "wanted are two angles in degrees like 0,90".to_owned())
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let views = views(args)?;
    let subject = films::subject(args.any_body_part);
    let loaded = load(&args.ct, |path, progress| io::open_volume_as(path, subject, progress))?;
    warnings(&args.ct, &loaded.warnings);
    output::make_folder(&args.output)?;
    let mut stages = Stages::new();
    let volume = along_lps(loaded.volume)?;
    stages.show("Centring", 0, 1);
    let truth = to_cube(&volume, args.center.into());
    stages.show("Projecting", 0, 2);
    let attenuation = Attenuation::from_volume(&volume)?;
    let mut films = Vec::new();
    for view in &views.views {
        films.push(stored(project(&attenuation, view, truth.frame().centre_mm()), view));
        stages.show("Projecting", films.len() as u64, 2);
    }
    stages.show("Writing", 0, 1);
    let placement = Placement {
        isocentre_mm: truth.frame().centre_mm(),
        frame_of_reference: loaded.info.frame_of_reference.clone(),
    };
    write(&args.output, &films, &views, &truth, &placement)?;
    stages.end();
    print(&format!("{}", args.output.display()))
}

fn write(
    folder: &Path,
    films: &[Raster],
    views: &ViewPair,
    truth: &Volume,
    placement: &Placement,
) -> Result<(), CliError> {
    // Both films of a pair share a study; its name tells the source of the CT apart, not the patient.
    let case = CaseInfo { frame_of_reference: placement.frame_of_reference.clone(), ..CaseInfo::default() };
    for ((film, view), name) in films.iter().zip(&views.views).zip(FILM_NAMES) {
        let info = FilmInfo { case: case.clone(), title: title(view), isocentre_mm: Some(placement.isocentre_mm) };
        io::dicom::write_film(film, view, &folder.join(format!("{name}.dcm")), &info)?;
        io::picture::write_film(&folder.join(format!("{name}.png")), film, true)?;
    }
    geometry_file::write(&folder.join("geometry.toml"), views, Some(placement))?;
    io::nifti::write(&folder.join("truth.nii.gz"), truth)?;
    Ok(())
}

/// What a film shows.
fn title(view: &View) -> String {
    match Projection::of_angle(view.angle.degrees()) {
        Projection::Angle => format!("{:.0} degrees", view.angle.degrees()),
        named => named.label().to_owned(),
    }
}

/// The views asked for.
fn views(args: &Args) -> Result<ViewPair, CliError> {
    let preset = if args.parallel { Preset::Parallel } else { args.preset.into() };
    let base = preset.pair().views;
    let angles = args.angles.map(|both| both.map(Radians::from_degrees)).unwrap_or(base.map(|view| view.angle));
    let mut views = angles.map(|angle| preset.view_at(angle));
    for view in &mut views {
        if let Beam::Cone { sad_mm, sdd_mm } = &mut view.beam {
            *sad_mm = args.sad.unwrap_or(*sad_mm);
            *sdd_mm = args.sdd.unwrap_or(*sdd_mm);
        }
        if let Some([cols, rows]) = args.size {
            *view = resized(*view, cols, rows);
        }
        if let Some(pitch) = args.pixel_mm {
            view.detector.pitch_mm = [pitch; 2];
        }
        view.checked()?;
    }
    Ok(ViewPair { views })
}

/// Other pixel counts over the same longer side, pixels square as they were.
fn resized(mut view: View, cols: usize, rows: usize) -> View {
    let detector = &mut view.detector;
    let long_mm = (detector.cols as f64 * detector.pitch_mm[0]).max(detector.rows as f64 * detector.pitch_mm[1]);
    detector.pitch_mm = [long_mm / cols.max(rows) as f64; 2];
    (detector.cols, detector.rows) = (cols, rows);
    view
}

/// The projector walks along the patient's axes: an oblique CT is brought onto a grid along them first.
fn along_lps(volume: Volume) -> Result<Volume, CliError> {
    let frame = volume.frame();
    if frame.is_along_lps() {
        return Ok(volume);
    }
    let (spacing, extent) = (frame.spacing_mm(), frame.extent_mm());
    let finest = spacing.into_iter().fold(f64::INFINITY, f64::min);
    let covered = |lps: usize| (0..3).map(|k| frame.axis_direction(k)[lps].abs() * extent[k]).sum::<f64>();
    let dims = std::array::from_fn(|k| (covered(k) / finest).ceil().max(1.0) as usize);
    Ok(resample(&volume, &Frame::centred(dims, [finest; 3], frame.centre_mm())?))
}

/// The film as it is stored: flipped where its view says so.
fn stored(film: Raster, view: &View) -> Raster {
    let film = if view.flip_cols { film.flipped_cols() } else { film };
    if view.flip_rows { film.flipped_rows() } else { film }
}
