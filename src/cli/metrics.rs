//! `biplane metrics RECON TRUTH`.

use super::error::CliError;
use super::terminal::{load, notice, print, to_json, warnings};
use crate::geometry::resample::resample;
use crate::geometry::{Frame, Volume};
use crate::io::{self, LoadedVolume};
use crate::metrics::{Comparison, Line, compare};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Two grids closer than this are one grid (mm): headers carry rounded numbers.
const SAME_GRID_MM: f64 = 0.05;

/// Compares a reconstruction with its truth: MAE, PSNR, SSIM and lung Dice, each with its definition, because
/// published numbers of this field do not compare.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane metrics ct.nii.gz films/truth.nii.gz
  biplane metrics --json ct.nii.gz films/truth.nii.gz > metrics.json

On another grid RECON is resampled onto TRUTH's first, and this is said.")]
pub struct Args {
    /// The reconstruction.
    recon: PathBuf,
    /// The CT it should be.
    truth: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    super::films::refuse_same(&args.recon, &args.truth, "RECON and TRUTH")?;
    let [recon, truth] = [&args.recon, &args.truth].map(|path| volume(path));
    let (recon, truth) = (recon?, truth?);
    let (recon, moved) = on_grid_of(recon, &truth);
    if let Some(what) = moved {
        notice(&what);
    }
    let comparison = compare(&recon, &truth)?;
    if args.json { print(&json_text(&comparison)?) } else { print(&table(&comparison)) }
}

fn volume(path: &Path) -> Result<Volume, CliError> {
    let LoadedVolume { volume, warnings: list, .. } = load(path, io::open_volume)?;
    warnings(path, &list);
    Ok(volume)
}

/// The reconstruction on the truth's grid, and what was done to it if anything was.
pub fn on_grid_of(recon: Volume, truth: &Volume) -> (Volume, Option<String>) {
    let (a, b) = (recon.frame(), truth.frame());
    if same_grid(a, b) {
        return (recon, None);
    }
    if a.is_cube() && b.is_cube() {
        // A reconstruction without a known frame stands about the isocentre: the cubes are one and the same.
        let said = "RECON and TRUTH are cubes at different places: compared voxel by voxel".to_owned();
        return (recon, Some(said));
    }
    let said = "RECON was resampled onto TRUTH's grid".to_owned();
    (resample(&recon, b), Some(said))
}

fn same_grid(a: &Frame, b: &Frame) -> bool {
    let corners = |frame: &Frame| {
        let [nx, ny, nz] = frame.dims().map(|n| (n - 1) as f64);
        [[0.0; 3], [nx, 0.0, 0.0], [0.0, ny, 0.0], [0.0, 0.0, nz]].map(|voxel| frame.world_from_voxel(voxel))
    };
    let near = |(p, q): (&[f64; 3], &[f64; 3])| (0..3).all(|k| (p[k] - q[k]).abs() <= SAME_GRID_MM);
    a.dims() == b.dims() && corners(a).iter().zip(&corners(b)).all(near)
}

/// The numbers and their definitions as JSON.
pub fn json_text(comparison: &Comparison) -> Result<String, CliError> {
    let definitions: serde_json::Map<String, serde_json::Value> =
        comparison.lines().into_iter().map(|line| (line.name, line.definition.into())).collect();
    to_json(&json!({ "metrics": comparison, "definitions": definitions }))
}

/// The numbers and their definitions as a table.
pub fn table(comparison: &Comparison) -> String {
    let lines = comparison.lines();
    let name = lines.iter().map(|l| l.name.chars().count()).max().unwrap_or(0);
    let value = lines.iter().map(|l| l.value.chars().count()).max().unwrap_or(0);
    let row = |Line { name: n, value: v, definition: d }: &Line| format!("{n:<name$}  {v:>value$}  {d}\n");
    lines.iter().map(row).collect()
}
