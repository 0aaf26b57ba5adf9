//! `biplane prepare SRC -o DATASET`.

use super::case_list;
use super::error::{CliError, Exit};
use super::interrupt;
use super::terminal::{Stages, notice, print, print_json};
use crate::metrics::centre::Centre;
use crate::train::prepare::audit::Audit;
use crate::train::prepare::event::DatasetSummary;
use crate::train::prepare::fields::{FIELDS_FOLDER, FieldSummary, fields};
use crate::train::prepare::manifest::SkippedEntry;
use crate::train::prepare::merge::SKIPPED_FILE;
use crate::train::prepare::split::SplitChoice;
use crate::train::prepare::{Part, PrepareEvent, PrepareOptions, Summary, audit, merge, prepare};
use crate::train::{Control, TrainError};
use clap::ValueEnum;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Makes a data set to train with: every usable CT of a collection as the 128^3 cube of 2.8 mm, with a manifest of
/// sources, hashes and the split by patient.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane prepare LIDC-IDRI/ -o lidc/                      the archive's tree as downloaded
  biplane prepare cts/ -o data/ --validation P07,P11       patients to check with, named by hand
  biplane prepare LIDC-IDRI/ -o lidc/ --part 3/8           the third of eight array jobs ...
  biplane prepare --merge lidc/                            ... and, after the last, manifest and split
  biplane prepare --check lidc/                            every cube against the manifest
  biplane prepare --register lidc/ --template CASE         maps between every case and one of them

SRC is a tree of DICOM series (patient/study/series, or any folders), a folder of NIfTI, NRRD or MetaImage volumes, or
both. What is no usable CT (films, scouts, other body parts, too few slices, gaps of more than 1.5 steps, a tilt of
more than 0.5 degrees, several frames of reference, damaged files) is left out and listed with its cause in
skipped.csv; the rest goes on. All CT series of a patient are kept, as NAME, NAME-2 ..., on one side of the split.
A DICOM series is its PatientID's; a volume file is its name's, or its folder's where names repeat between folders.

The same command again does only what is missing, also after a kill. The split draws 201 of 1,009 patients for
validation, and the same share of any other number.")]
pub struct Args {
    /// Folder of the collection.
    #[arg(value_name = "SRC", required_unless_present_any = ["merge", "check", "register"])]
    source: Option<PathBuf>,
    /// Folder of the data set; made where it is missing.
    #[arg(short, long, value_name = "DATASET", required_unless_present_any = ["merge", "check", "register"])]
    output: Option<PathBuf>,
    /// What the cubes are centred on.
    #[arg(long, value_name = "WHAT", default_value = "body", conflicts_with_all = ["merge", "check"])]
    center: CentreName,
    /// Seed of the split.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: u64,
    /// Patients (or cases) to check with, instead of a draw.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    validation: Vec<String>,
    /// Patients (or cases) to leave out of the data set.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Only the i-th of n parts, without manifest.
    #[arg(long, value_name = "I/N", conflicts_with_all = ["validation", "exclude"])]
    part: Option<Part>,
    /// Join the parts of this data set: split it and write its manifest.
    #[arg(long, value_name = "DATASET", conflicts_with_all = ["source", "output", "part", "jobs"])]
    merge: Option<PathBuf>,
    /// Register every case of this data set (or folder of cubes) to a template, both ways, into its folder `fields`.
    #[arg(long, value_name = "DATASET", conflicts_with_all = ["source", "output", "part", "jobs", "merge", "check", "validation", "exclude"])]
    register: Option<PathBuf>,
    /// The case that the others are registered to.
    #[arg(long, value_name = "CASE", requires = "register")]
    template: Option<String>,
    /// Compare every cube of this data set with its manifest.
    #[arg(long, value_name = "DATASET", conflicts_with_all = ["source", "output", "part", "jobs", "merge", "validation", "exclude"])]
    check: Option<PathBuf>,
    /// Scans in work at a time; one a core, up to eight, where absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CentreName {
    /// The body in-plane, the lungs along z.
    #[value(alias = "anatomy")]
    Body,
    /// The middle of the scan.
    Scan,
}

impl From<CentreName> for Centre {
    fn from(name: CentreName) -> Self {
        match name {
            CentreName::Body => Self::Anatomy,
            CentreName::Scan => Self::Scan,
        }
    }
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let split = SplitChoice { seed: args.seed, validation: args.validation.clone(), excluded: args.exclude.clone() };
    if let Some(folder) = &args.check {
        return check(folder, args.json);
    }
    if let Some(folder) = &args.register {
        return register(folder, args);
    }
    if let Some(folder) = &args.merge {
        let (manifest, dataset) = merge(folder, &split).map_err(explain)?;
        let summary = Summary { made: 0, kept: dataset.cases, skipped: manifest.skipped, dataset: Some(dataset) };
        return tell_end(folder, &summary, args);
    }
    let (Some(source), Some(output)) = (args.source.clone(), args.output.clone()) else {
        return Err(CliError::usage("no source or no output folder", "give both: biplane prepare SRC -o DATASET"));
    };
    let jobs = args.jobs.map(usize::from);
    let options = PrepareOptions { source, output, centre: args.center.into(), split, part: args.part, jobs };
    let mut told = Told { stages: Stages::with_eta(), missing: 0, ended: 0 };
    let summary = prepare(&options, &mut |event| told.hear(event)).map_err(explain)?;
    told.stages.end();
    tell_end(&options.output, &summary, args)
}

/// What the terminal has heard so far.
struct Told {
    stages: Stages,
    missing: usize,
    ended: usize,
}

impl Told {
    fn hear(&mut self, event: &PrepareEvent) -> Control {
        match event {
            PrepareEvent::Looking { done, of } => self.stages.show("Looking through", *done as u64, *of as u64),
            PrepareEvent::Started { scans, done, skipped } => {
                self.missing = scans - done;
                self.stages.notice(&format!("{scans} scans, {done} of them done by an earlier call"));
                skipped.iter().for_each(|entry| self.tell_skipped(entry));
                if self.missing > 0 {
                    self.stages.show("Preparing", 0, self.missing as u64);
                }
            }
            PrepareEvent::Made { .. } => self.step(),
            PrepareEvent::Skipped(entry) => {
                self.tell_skipped(entry);
                self.step();
            }
            PrepareEvent::Registering { .. } => {}
            PrepareEvent::Checked { done, of } => self.stages.show("Checking", *done as u64, *of as u64),
        }
        if interrupt::asked() { Control::Stop } else { Control::Continue }
    }

    fn step(&mut self) {
        // A scan may tell of several things left out; the bar ends at its end.
        self.ended = (self.ended + 1).min(self.missing);
        self.stages.show("Preparing", self.ended as u64, self.missing as u64);
    }

    fn tell_skipped(&self, entry: &SkippedEntry) {
        self.stages.notice(&format!("left out: {}: {}", entry.source, entry.cause));
    }
}

fn tell_end(folder: &Path, summary: &Summary, args: &Args) -> Result<(), CliError> {
    if args.json {
        return print_json(&json!({
            "folder": folder.display().to_string(),
            "made": summary.made,
            "kept": summary.kept,
            "skipped": summary.skipped,
            "dataset": summary.dataset,
        }));
    }
    let left_out = summary.skipped.len();
    let Some(dataset) = &summary.dataset else {
        let cubes = summary.made + summary.kept;
        let place = folder.display();
        return print(&format!(
            "{place}: {cubes} cubes of this part, {left_out} left out; after the last part: biplane prepare --merge {place}"
        ));
    };
    if dataset.validation_patients == 0 {
        notice(
            "note: all cases bear one patient's number, so that nobody is left to check with; where they are several \
             people's, give them numbers (PatientID) of their own first",
        );
    }
    let DatasetSummary { cases, training_patients, validation_patients, .. } = dataset;
    print(&format!(
        "{}: {cases} cases; {training_patients} patients to learn from, {validation_patients} to check with; {left_out} left out ({})",
        folder.display(),
        folder.join(SKIPPED_FILE).display()
    ))
}

/// Registers a data set's cases to one of them.
fn register(folder: &Path, args: &Args) -> Result<(), CliError> {
    let files = case_list::files(folder)?;
    let template = args.template.as_ref().ok_or_else(|| {
        let names: Vec<&str> = files.iter().take(3).map(|file| file.name.as_str()).collect();
        let advice = format!("name a case with whole lungs and chest wall: --template {}", names.join(", or "));
        CliError::usage("no template to register to", advice)
    })?;
    let mut told = Told { stages: Stages::with_eta(), missing: 0, ended: 0 };
    let summary = fields(&files, template, folder, &mut |event| told.hear(event)).map_err(explain)?;
    told.stages.end();
    if args.json {
        return print_json(&summary);
    }
    let FieldSummary { made, kept, skipped, .. } = &summary;
    let place = folder.join(FIELDS_FOLDER);
    print(&format!("{}: {made} fields made, {kept} there already, {} left out", place.display(), skipped.len()))
}

fn check(folder: &Path, json: bool) -> Result<(), CliError> {
    let mut told = Told { stages: Stages::with_eta(), missing: 0, ended: 0 };
    let Audit { cases, faults, strays } = audit(folder, &mut |event| told.hear(event)).map_err(explain)?;
    told.stages.end();
    if json {
        print_json(&json!({
            "folder": folder.display().to_string(), "cases": cases, "faults": faults, "strays": strays
        }))?;
    }
    strays.iter().for_each(|file| notice(&format!("note: {file} is not in the manifest")));
    faults.iter().for_each(|fault| notice(&format!("{}: {}", fault.file, fault.cause)));
    if !faults.is_empty() {
        let cause = format!("{}: {} of {cases} cubes are not what the manifest says", folder.display(), faults.len());
        let advice = "delete these cubes and run `biplane prepare SRC -o DATASET` again, which makes what is missing";
        return Err(CliError::input(cause, advice));
    }
    if json { Ok(()) } else { print(&format!("{}: {cases} cubes are what the manifest says", folder.display())) }
}

fn explain(error: TrainError) -> CliError {
    match error {
        TrainError::Stopped => CliError {
            exit: Exit::Cancelled,
            cause: "cancelled".to_owned(),
            advice: "run the same command again to go on from here".to_owned(),
        },
        TrainError::Split(_) => CliError::from_message(Exit::Usage, &error.to_string()),
        TrainError::Data { .. } => CliError::from_message(Exit::BadInput, &error.to_string()),
        other => CliError::from_message(Exit::Failure, &other.to_string()),
    }
}
