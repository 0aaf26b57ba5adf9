//! `biplane reconstruct --ap A --lateral B -o OUT`.

use super::error::CliError;
use super::films::{self, ViewArgs};
use super::job::{self, Networks};
use super::output;
use super::terminal::{load, notice, print, print_json};
use crate::geometry::Frame;
use crate::io;
use crate::io::Placement;
use crate::io::dicom::VolumeOrigin;
use serde_json::json;
use std::path::{Path, PathBuf};

/// A truth of this name beside the films tells where the result stands.
const TRUTH_NAME: &str = "truth.nii.gz";

/// A truth whose centre lies nearer to the noted isocentre than this stands in its frame of reference, mm.
const SAME_PLACE_MM: f64 = 0.05;

/// Reconstructs a CT (128^3 voxels of 2.8 mm) from two films.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane reconstruct --ap ap.dcm --lateral lateral.dcm -o ct.nii.gz
  biplane reconstruct --ap ap.png --lateral lateral.png --geometry geometry.toml -o ct.mha
  biplane reconstruct --ap ap.dcm --lateral lateral.dcm --guide none -o ct.nii.gz       the networks alone
  biplane reconstruct --ap pa.png --lateral ll.png --view-frontal pa --view-lateral left --preset chest-room -o series/

Where a view's geometry comes from, in this order: --geometry; --view-frontal, --view-lateral and --preset; the file's
header; for pictures without a header the chest room (PA and left lateral, SDD 1800 mm, a film of 430 mm).
The result stands where --truth stands, else where a truth.nii.gz beside the first film stands, else about the
isocentre that --geometry or both films note, else about (0, 0, 0). A volume from two films is mostly prior knowledge. Research use only, not for diagnosis.")]
pub struct Args {
    /// The first film, frontal.
    #[arg(long, value_name = "FILM")]
    ap: PathBuf,
    /// The second film, lateral.
    #[arg(long, value_name = "FILM")]
    lateral: PathBuf,
    #[command(flatten)]
    views: ViewArgs,
    #[command(flatten)]
    networks: Networks,
    /// A CT on the 128^3 cube whose place in the patient the result takes.
    #[arg(long, value_name = "CT")]
    truth: Option<PathBuf>,
    /// Its ending names the format: .nii, .nii.gz, .mha, .mhd, .png; a folder becomes a DICOM series.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let format = output::volume_format(&args.output)?;
    for input in [&args.ap, &args.lateral] {
        films::refuse_same(input, &args.output, "a film and the output")?;
    }
    let films = films::open([&args.ap, &args.lateral], &args.views)?;
    let frame = frame(args, films.placement.as_ref())?;
    let noted = films
        .placement
        .clone()
        .filter(|p| frame.centre_mm().iter().zip(p.isocentre_mm).all(|(a, b)| (a - b).abs() < SAME_PLACE_MM));
    if format == output::VolumeFormat::DicomSeries {
        output::make_folder(&args.output)?;
    } else {
        output::check_writable(&args.output)?;
    }
    let result = job::run(films, frame, &args.networks)?;
    let frame_of_reference = noted.and_then(|p| p.frame_of_reference);
    let origin = if result.guided.is_some() { VolumeOrigin::Guided } else { VolumeOrigin::Reconstructed };
    output::write_volume(&args.output, result.volume(), origin, frame_of_reference)?;
    if let Some(guided) = &result.guided {
        notice(&format!("note: {}", guided.note));
    }
    if !args.json {
        return print(&format!("{}\n{}", job::times(&result), args.output.display()));
    }
    print_json(&json!({
        "output": args.output.display().to_string(),
        "model": result.model,
        "model_sha256": result.model_sha256,
        "device": result.device,
        "seconds": result.seconds,
        "guidance": result.guided.as_ref().map(|guided| json!({
            "atlases": guided.atlases,
            "borrowed_share": guided.borrowed_share(),
            "note": guided.note,
        })),
        "frame": result.network.frame(),
        "note": "research use only, not for diagnosis; reconstructed from two views",
    }))
}

/// Where the result stands.
fn frame(args: &Args, placement: Option<&Placement>) -> Result<Frame, CliError> {
    let noted = || {
        placement.map_or(Frame::cube([0.0; 3]), |p| {
            let [x, y, z] = p.isocentre_mm;
            notice(&format!("the result stands about the isocentre noted with the films, ({x:.1}, {y:.1}, {z:.1}) mm"));
            Frame::cube(p.isocentre_mm)
        })
    };
    let beside = args.ap.parent().unwrap_or(Path::new("")).join(TRUTH_NAME);
    let truth = match &args.truth {
        Some(truth) => truth.clone(),
        None if beside.is_file() => beside,
        None => return Ok(noted()),
    };
    let frame = load(&truth, io::open_volume)?.volume.frame().clone();
    match (frame.is_cube(), &args.truth) {
        (true, _) => {
            notice(&format!("the result stands where {} stands", truth.display()));
            Ok(frame)
        }
        (false, Some(_)) => Err(CliError::input(
            format!("{}: is not the cube of 128^3 voxels of 2.8 mm", truth.display()),
            "give the truth.nii.gz that `biplane project` wrote beside the films",
        )),
        (false, None) => Ok(noted()),
    }
}
