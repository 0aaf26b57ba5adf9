//! `biplane atlas make CTS -o DIR` and `biplane atlas list [DIR]`.

use super::error::{CliError, Exit};
use super::interrupt;
use super::terminal::{Stages, load, print, print_json, warnings};
use crate::atlas::{self, AtlasCard, AtlasEntry, AtlasError, AtlasSource, CARD_FILE, Source};
use crate::io::{self, LoadedVolume};
use std::path::{Path, PathBuf};

/// Sets of atlases: CTs of other patients that lend their anatomy to reconstructions.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a set of chest CTs.
    Make(MakeArgs),
    /// Say what a set holds, after reading it whole.
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane atlas make cts/ -o my-atlases/               every CT of a folder (files, or folders of DICOM series)
  biplane atlas make cts/ --card about.toml -o my-atlases/
  biplane reconstruct --ap a.dcm --lateral b.dcm --atlases my-atlases/ -o ct.nii.gz

A card names the set and chooses CTs by their names:
  name = \"my-atlases\"
  description = \"...\"
  licence = \"...\"
  [[atlas]]
  name = \"ct-017\"              the file's name without endings
  patient = \"017\"              left out where films of this patient are reconstructed for a comparison
  attribution = \"...\"
  notes = \"F 63, slim\"

Five to eight adults of both sexes, slim and wide, with the whole chest wall in the field, are enough. Names of files become
names of atlases, which reconstructions mention: give them no patient's name.")]
struct MakeArgs {
    /// A folder of CTs: NIfTI, NRRD, MetaImage, or a folder of DICOM slices for each.
    #[arg(value_name = "CTS")]
    cts: PathBuf,
    /// Name, description and licence of the set, and which CTs it takes.
    #[arg(long, value_name = "TOML")]
    card: Option<PathBuf>,
    /// The folder of the set; it must not hold one already.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// A set's folder; without it the bundled set.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::Make(args) => make(args),
        Command::List(args) => list(args),
    }
}

fn make(args: &MakeArgs) -> Result<(), CliError> {
    if args.output.join(CARD_FILE).exists() {
        let cause = format!("{}: holds a set of atlases already", args.output.display());
        return Err(CliError::usage(cause, "name another folder, or remove this one first"));
    }
    let files = files(&args.cts)?;
    let card = match &args.card {
        Some(path) => draft(path)?,
        None => AtlasCard {
            name: args.output.file_name().map_or("atlases".into(), |name| name.to_string_lossy().into_owned()),
            description: String::new(),
            licence: String::new(),
            atlases: files.iter().map(|path| AtlasEntry { name: file_stem(path), ..AtlasEntry::default() }).collect(),
            ..AtlasCard::default()
        },
    };
    let mut stages = Stages::new();
    let of = card.atlases.len();
    let entries = card.atlases.clone();
    let sources = entries.into_iter().map(|entry| source(&files, &args.cts, entry));
    let mut done = 0;
    let mut told = |_: &str| {
        stages.show("Atlases", done, of as u64);
        done += 1;
        !interrupt::asked()
    };
    let card =
        atlas::make(sources, &args.output, AtlasCard { atlases: Vec::new(), ..card }, &mut told).map_err(explain)?;
    stages.end();
    print(&format!("{}: {} atlases", args.output.display(), card.atlases.len()))
}

/// A card's words; hashes are filled in later.
fn draft(path: &Path) -> Result<AtlasCard, CliError> {
    let fault =
        |cause: String| CliError::input(format!("{}: {cause}", path.display()), "see `biplane atlas make --help`");
    let text = std::fs::read_to_string(path).map_err(|e| fault(format!("cannot be read ({e})")))?;
    toml::from_str(&text).map_err(|e| fault(e.message().to_owned()))
}

/// Every CT of a folder, sorted by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let fault = |cause: String| CliError::input(format!("{}: {cause}", folder.display()), "name a folder of chest CTs");
    let entries = std::fs::read_dir(folder).map_err(|e| fault(format!("cannot be read ({e})")))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| is_shown(p)).collect();
    files.sort();
    if files.is_empty() { Err(fault("holds no file".to_owned())) } else { Ok(files) }
}

fn is_shown(path: &Path) -> bool {
    path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.'))
}

fn source(files: &[PathBuf], folder: &Path, entry: AtlasEntry) -> Result<Source, AtlasError> {
    let fault = |path: &Path, cause: String| AtlasError::Ct { path: path.to_owned(), cause };
    let path = files.iter().find(|path| file_stem(path) == entry.name).ok_or_else(|| {
        fault(
            folder,
            format!("holds no CT named `{}`; name CTs in the card as their files, without endings", entry.name),
        )
    })?;
    let loaded =
        load(path, io::open_volume).map_err(|e: CliError| fault(path, format!("{}; {}", e.cause, e.advice)))?;
    let LoadedVolume { volume, warnings: list, .. } = loaded;
    warnings(path, &list);
    Ok(Source { path: path.clone(), volume, entry })
}

fn list(args: &ListArgs) -> Result<(), CliError> {
    let source = args.folder.clone().map_or(AtlasSource::Bundled, AtlasSource::Folder);
    let card = source.load().map_err(explain)?.card.clone();
    if args.json {
        return print_json(&card);
    }
    let mut text = format!("{}: {}\n", card.name, card.description);
    let wide = card.atlases.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for entry in &card.atlases {
        text += &format!("  {:<wide$}  {}  {}\n", entry.name, entry.notes, entry.attribution);
    }
    text += &format!("licence: {}", card.licence);
    print(&text)
}

/// The name of a file without its endings, of a folder as it is.
fn file_stem(path: &Path) -> String {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    if path.is_dir() { name } else { name.split('.').next().unwrap_or_default().to_owned() }
}

/// An error of the atlases' room as the person reads it.
pub fn explain(error: AtlasError) -> CliError {
    match error {
        AtlasError::Cancelled => CliError::cancelled(),
        AtlasError::Write { .. } => CliError::from_message(Exit::Failure, &error.to_string()),
        AtlasError::Set { .. } | AtlasError::Ct { .. } => CliError::from_message(Exit::BadInput, &error.to_string()),
    }
}
