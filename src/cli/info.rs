//! `biplane info FILE`.

use super::error::CliError;
use super::terminal::{load, print, print_json};
use crate::io::{self, Description};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;

/// Says what a file or folder holds: format, grid or view, values, and what is odd about it. Never a patient's name.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane info ct.nii.gz
  biplane info --json dicom-folder/")]
pub struct Args {
    /// A CT, a film, or the folder of a DICOM series.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let about = load(&args.file, io::describe)?;
    if args.json { print_json(&as_json(args, &about)) } else { print(&as_text(args, &about)) }
}

fn as_json(args: &Args, about: &Description) -> Value {
    let fields: serde_json::Map<String, Value> =
        about.fields.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    let warnings: Vec<String> = about.warnings.iter().map(ToString::to_string).collect();
    json!({ "file": args.file.display().to_string(), "what": about.what, "fields": fields, "warnings": warnings })
}

fn as_text(args: &Args, about: &Description) -> String {
    let mut text = format!("{}: {}\n", args.file.display(), about.what);
    let width = about.fields.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in &about.fields {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  {name:<width$}  {value}");
    }
    for warning in &about.warnings {
        let _ = writeln!(text, "  note: {warning}");
    }
    text
}
