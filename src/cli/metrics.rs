//! `biplane metrics RECON TRUTH`.

use super::error::CliError;
use super::terminal::{load, notice, print, to_json, warnings};
use crate::geometry::Volume;
use crate::io::{self, LoadedVolume};
use crate::metrics::{Comparison, Line, LpipsSet, Pair, compare, on_one_grid};
use crate::nn::DeviceChoice;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Compares a reconstruction with its truth: MAE, PSNR, SSIM, VIF, LPIPS and lung Dice, each with its definition,
/// because published numbers of this field do not compare.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane metrics ct.nii.gz films/truth.nii.gz
  biplane metrics --json ct.nii.gz films/truth.nii.gz > metrics.json

Where the grids differ one volume is resampled, and this is said: onto the cube of 128^3 voxels where one of them is it,
else onto TRUTH's grid. LPIPS is printed where its weights are installed: biplane weights list.")]
pub struct Args {
    /// The reconstruction.
    recon: PathBuf,
    /// The CT it should be.
    truth: PathBuf,
    /// Where LPIPS is computed: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    device: DeviceChoice,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    super::films::refuse_same(&args.recon, &args.truth, "RECON and TRUTH")?;
    let device = args.device.device()?;
    let [recon, truth] = [&args.recon, &args.truth].map(|path| volume(path));
    let pair = on_one_grid(recon?, truth?).map_err(|error| {
        let error = CliError::from(error);
        CliError { cause: format!("{}, {}: {}", args.recon.display(), args.truth.display(), error.cause), ..error }
    })?;
    pair.notes.iter().for_each(|note| notice(note));
    let lpips = LpipsSet::of_user(device);
    lpips.missing().iter().for_each(|what| notice(&format!("no LPIPS over it: {what}")));
    let comparison = compare(&pair.recon, &pair.truth)?.with_lpips(&pair.recon, &pair.truth, &lpips)?;
    if args.json { print(&to_json(&all_as_json(&comparison, &pair, &lpips))?) } else { print(&table(&comparison)) }
}

/// Everything that the command tells, notes too.
fn all_as_json(comparison: &Comparison, pair: &Pair, lpips: &LpipsSet) -> Value {
    let mut all = as_json(comparison);
    all["grid"] = json!({
        "dims": pair.truth.frame().dims(),
        "spacing_mm": pair.truth.frame().spacing_mm(),
        "covered": pair.covered,
        "notes": pair.notes,
    });
    all["lpips_missing"] = json!(lpips.missing());
    all
}

fn volume(path: &Path) -> Result<Volume, CliError> {
    let LoadedVolume { volume, warnings: list, .. } = load(path, io::open_volume)?;
    warnings(path, &list);
    Ok(volume)
}

/// The numbers and their definitions as JSON text.
pub fn json_text(comparison: &Comparison) -> Result<String, CliError> {
    to_json(&as_json(comparison))
}

fn as_json(comparison: &Comparison) -> Value {
    let definitions: serde_json::Map<String, Value> =
        comparison.lines().into_iter().map(|line| (line.name, line.definition.into())).collect();
    json!({ "metrics": comparison, "definitions": definitions })
}

/// The numbers and their definitions as a table.
pub fn table(comparison: &Comparison) -> String {
    let lines = comparison.lines();
    let name = lines.iter().map(|l| l.name.chars().count()).max().unwrap_or(0);
    let value = lines.iter().map(|l| l.value.chars().count()).max().unwrap_or(0);
    let row = |Line { name: n, value: v, definition: d }: &Line| format!("{n:<name$}  {v:>value$}  {d}\n");
    lines.iter().map(row).collect()
}
