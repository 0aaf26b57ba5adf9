//! `biplane demo`: the bundled case, on a screen or without one.

use super::error::CliError;
use super::films;
use super::job::{self, Networks};
use super::metrics::{json_text, table};
use super::output;
use super::screenshot;
use super::terminal::print;
use super::workstation;
use crate::app::LaunchOptions;
use crate::io::dicom::VolumeOrigin;
use crate::io::{self, bundled};
use crate::metrics::compare;
use std::path::PathBuf;
use std::sync::Arc;

/// Pixels of the picture of the workstation.
const PICTURE_PX: [usize; 2] = [1280, 800];
/// Its pixels per point.
const PICTURE_SCALE: f32 = 1.0;

/// Shows the bundled case (a public CT, its films simulated) full screen, reconstructed in a loop; a touch or key
/// takes over. With --headless it reconstructs it without a display and writes what it found.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane demo
  biplane demo --headless -o out

--headless writes volume.nii.gz, workstation.png (the workstation's screen), metrics.json and metrics.txt (against the
case's truth) into the folder. The case is LIDC-IDRI-0001 of The Cancer Imaging Archive (CC BY 3.0).")]
pub struct Args {
    /// Work without a display.
    #[arg(long)]
    pub headless: bool,
    /// The folder to write into.
    #[arg(short, long, value_name = "DIR", default_value = "out", requires = "headless")]
    output: PathBuf,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    if !args.headless {
        return workstation::launch(LaunchOptions { demo: true, ..LaunchOptions::default() });
    }
    output::make_folder(&args.output)?;
    let case = bundled::case()?;
    let films = films::by_header(case.films)?;
    let truth = case.truth.volume;
    let result = job::run(films, truth.frame().clone(), &Networks::default())?;
    let file = |name: &str| args.output.join(name);
    let origin = if result.guided.is_some() { VolumeOrigin::Guided } else { VolumeOrigin::Reconstructed };
    io::nifti::write_noted(&file("volume.nii.gz"), result.volume(), &origin.line())?;
    let note = result.guided.as_ref().map_or(String::new(), |guided| format!("{}\n", guided.note));
    let comparison = compare(result.volume(), &truth)?;
    let text = format!("{}\n{note}{}", job::times(&result), table(&comparison));
    output::write_text(&file("metrics.json"), &json_text(&comparison)?)?;
    output::write_text(&file("metrics.txt"), &text)?;
    let options = LaunchOptions { bundled: true, ..LaunchOptions::default() };
    screenshot::render(&file("workstation.png"), PICTURE_PX, PICTURE_SCALE, &options, Some(Arc::clone(&result)))?;
    print(&text)?;
    for name in ["volume.nii.gz", "workstation.png", "metrics.json", "metrics.txt"] {
        print(&file(name).display().to_string())?;
    }
    Ok(())
}
