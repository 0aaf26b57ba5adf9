//! `biplane screenshot -o PNG`.

use super::error::CliError;
use super::output;
use super::project::parse_size;
use super::terminal::{Stages, print};
use super::{interrupt, workstation};
use crate::app::{self, LaunchOptions};
use crate::io;
use crate::nn::Reconstruction;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest side of a picture, pixels: what graphics drivers draw into.
const MAX_SIDE_PX: usize = 8192;
/// Progress is shown in so many steps.
const STEPS: f32 = 100.0;

/// Renders the workstation into a PNG, without a display: the same panels, the same shaders.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane screenshot -o workstation.png
  biplane screenshot -o large.png --size 3840x2160 --scale 2
  biplane screenshot -o films.png ap.dcm lateral.dcm")]
pub struct Args {
    /// The picture.
    #[arg(short, long, value_name = "PNG")]
    output: PathBuf,
    /// Pixels, WIDTHxHEIGHT.
    #[arg(long, value_name = "WxH", default_value = "1280x800", value_parser = parse_size)]
    size: [usize; 2],
    /// Pixels per point: 2 for screens of high density.
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    scale: f32,
    /// What to show; without files the bundled case, reconstructed.
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    output::check_writable(&args.output)?;
    workstation::check_there(&args.files)?;
    let options =
        LaunchOptions { bundled: args.files.is_empty(), files: args.files.clone(), ..LaunchOptions::default() };
    render(&args.output, args.size, args.scale, &options, None)?;
    print(&args.output.display().to_string())
}

/// Draws the workstation as it stands once everything of `options` is read and, unless the result of its films is given as `shown`,
/// reconstructed.
///
/// # Errors
/// A size or scale that cannot be, no graphics driver, a file that cannot be used or written.
pub fn render(
    path: &Path,
    size_px: [usize; 2],
    scale: f32,
    options: &LaunchOptions,
    shown: Option<Arc<Reconstruction>>,
) -> Result<(), CliError> {
    let [Ok(width), Ok(height)] = size_px.map(u32::try_from) else {
        return Err(size_error(size_px));
    };
    if size_px.iter().any(|&side| side > MAX_SIDE_PX) {
        return Err(size_error(size_px));
    }
    if !(scale.is_finite() && scale > 0.0) {
        return Err(CliError::usage(
            format!("a scale of {scale} cannot be"),
            "give 1, or 2 for screens of high density",
        ));
    }
    let mut stages = Stages::new();
    let picture = app::screenshot([width, height], scale, options, shown, |stage, fraction| {
        // "Refining 8 / 128" is one stage; how far it is stands in the bar.
        let name = stage.trim_end_matches(|c: char| c.is_ascii_digit() || c == '/' || c == ' ');
        stages.show(name, (fraction.unwrap_or(0.0) * STEPS) as u64, STEPS as u64);
        if interrupt::asked() {
            // Nothing is half-written at this point, and the drawing itself has no way to stop.
            std::process::exit(super::error::Exit::Cancelled as i32);
        }
    })
    .map_err(|e| CliError::failure(e.to_string(), "without a graphics card install mesa-vulkan-drivers"))?;
    stages.end();
    Ok(io::screen::write(path, size_px, &picture.rgba)?)
}

fn size_error([width, height]: [usize; 2]) -> CliError {
    let cause = format!("a picture of {width} x {height} pixels cannot be drawn");
    CliError::usage(cause, format!("each side may have up to {MAX_SIDE_PX} pixels"))
}
