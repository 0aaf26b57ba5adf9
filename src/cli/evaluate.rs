//! `biplane evaluate --cases DATASET --method NAME=MODEL -o REPORT`.

use super::error::{CliError, Exit};
use super::interrupt;
use super::output::make_folder;
use super::terminal::{Stages, notice, print, print_json};
use crate::evaluate::cases::{self, Choice};
use crate::evaluate::event::{Event, Failure, Outcome};
use crate::evaluate::method::{Method, check_names};
use crate::evaluate::report::{self, Extras, REPORT_FILE};
use crate::evaluate::results::Results;
use crate::evaluate::study::{StudyOptions, study};
use crate::evaluate::{EvaluateError, table};
use crate::metrics::LpipsSet;
use crate::nn::{DeviceChoice, NnError};
use crate::train::prepare::Part;
use crate::train::{Control, TrainError};
use std::path::{Path, PathBuf};

/// Parts of a pair that the bar tells apart.
const PARTS: f64 = 100.0;

/// Holds methods against one another on cases they never saw: a table like the paper's, per-case numbers, intervals and
/// tests where there are enough cases, a figure, and a report in one file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane evaluate --cases lidc/ --method back-projection --method mean-volume --method ours=bundled -o report/
  biplane evaluate --cases lidc/ --method unet=runs/unet/final --method ours=runs/a/final -o report/
  biplane evaluate --cases cts/ --only P07,P11 --learn-from P01,P02 --method mean-volume --method ours=bundled -o report/
  biplane evaluate --cases ct.nii.gz --method ours=bundled -o report/       any CT, brought onto the cube
  biplane evaluate --cases lidc/ --method ours=runs/a/final -o report/ --part 3/8     the third of eight array jobs ...
  biplane evaluate --merge report/                                          ... and, after the last, the report

--cases takes a data set made by `biplane prepare` (its validation side is evaluated, its training side is what floors
learn from), a folder of CTs, or a CT. Films are simulated from each case. MODEL is a model folder, `bundled` (biplane-p16),
biplane-w16, or a floor without networks: back-projection, mean-volume, sirt-tv, best-atlas. `guided` is the bundled model guided by
the bundled atlases (a case's own is left out), NAME=FOLDER+guided any other model.

Each result is kept as soon as it is there: the same command again does only what is missing or has changed. A case that
cannot be used is told with its cause, the others go on; the exit code is then 1. Parts may share REPORT, or write folders
of their own that --merge joins; see scripts/evaluate.slurm.")]
pub struct Args {
    /// A data set, a folder of CTs, or a CT; may be given several times.
    #[arg(long, value_name = "DATASET", required_unless_present = "merge")]
    cases: Vec<PathBuf>,
    /// Only these cases.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Not these cases.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    exclude: Vec<String>,
    /// What floors learn from, where the data set has no training side; never evaluated.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    learn_from: Vec<String>,
    /// A method and its name in tables; the last model is what the others are held against.
    #[arg(long, value_name = "NAME=MODEL", required_unless_present = "merge")]
    method: Vec<Method>,
    /// Folder of the report; made where it is missing.
    #[arg(short, long, value_name = "REPORT", required_unless_present = "merge")]
    output: Option<PathBuf>,
    /// Only the i-th of n parts of the cases, without report.
    #[arg(long, value_name = "I/N")]
    part: Option<Part>,
    /// Write the report of parts that were evaluated; several folders are joined into -o.
    #[arg(long, value_name = "REPORT", num_args = 1.., conflicts_with_all = ["cases", "only", "exclude", "learn_from", "method", "part", "device"])]
    merge: Vec<PathBuf>,
    /// What `biplane nodules` wrote, for the report; else the last model's own.
    #[arg(long, value_name = "FILE")]
    nodules: Option<PathBuf>,
    /// auto, cpu or cuda:N.
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let extras = Extras { nodules: args.nodules.clone() };
    if let Some(file) = extras.nodules.as_ref().filter(|file| !file.is_file()) {
        return Err(CliError::input(format!("{}: no such file", file.display()), "check the path"));
    }
    if !args.merge.is_empty() {
        return merge(args, &extras);
    }
    let Some(output) = args.output.clone() else {
        return Err(CliError::usage("no folder for the report", "give one with -o REPORT"));
    };
    check_names(&args.method).map_err(explain)?;
    let choice = Choice {
        sources: args.cases.clone(),
        only: args.only.clone(),
        exclude: args.exclude.clone(),
        learn_from: args.learn_from.clone(),
    };
    let cases = cases::list(&choice).map_err(explain)?;
    make_folder(&output)?;
    let options = StudyOptions { cases, methods: args.method.clone(), output, part: args.part, device: args.device };
    let mut told = Told { stages: Stages::with_eta(), pairs: 0, done: 0 };
    let lpips = LpipsSet::of_user(options.device.device()?);
    lpips.missing().iter().for_each(|what| told.stages.notice(&format!("no LPIPS over it: {what}")));
    let outcome = study(&options, &lpips, &mut |event| told.hear(event));
    told.stages.end();
    let outcome = outcome.map_err(explain)?;
    if args.part.is_some() {
        return tell_part(&options.output, &outcome);
    }
    tell(&options.output, &report::write(&options.output, &extras).map_err(explain)?, args.json)
}

/// Joins what parts have done and writes the report.
fn merge(args: &Args, extras: &Extras) -> Result<(), CliError> {
    let folder = match (&args.output, args.merge.as_slice()) {
        (Some(output), _) => {
            make_folder(output)?;
            output
        }
        (None, [only]) => only,
        (None, _) => {
            return Err(CliError::usage(
                "several folders to merge and no folder for the report",
                "give one with -o REPORT",
            ));
        }
    };
    report::join(&args.merge, folder).map_err(explain)?;
    tell(folder, &report::write(folder, extras).map_err(explain)?, args.json)
}

/// What the terminal has heard so far.
struct Told {
    stages: Stages,
    pairs: usize,
    done: usize,
}

impl Told {
    fn hear(&mut self, event: &Event) -> Control {
        match event {
            Event::Checking { method } => self.stages.show(&format!("Reading {method}"), 0, 1),
            Event::Started { cases, methods, done } => {
                self.pairs = cases * methods - done;
                self.stages.notice(&format!("{cases} cases, {methods} methods; {done} results are there already"));
            }
            Event::Learning { done, of } => self.stages.show("Learning the floors", *done as u64, *of as u64),
            Event::Read { case, notes } => notes.iter().for_each(|n| self.stages.notice(&format!("{case}: note: {n}"))),
            Event::Working { share, .. } => self.bar(*share),
            Event::Measured { case, method, scores, seconds } => {
                self.done += 1;
                self.bar(0.0);
                let error = scores.get("mae_hu").map_or(String::new(), |mae| format!("MAE {mae:.1} HU, "));
                self.stages.notice(&format!("{case}, {method}: {error}{seconds:.1} s"));
            }
            Event::Notice(text) => self.stages.notice(&format!("note: {text}")),
            Event::Failed(failure) => {
                self.done += 1;
                self.stages.notice(&words(failure));
            }
        }
        if interrupt::asked() { Control::Stop } else { Control::Continue }
    }

    fn bar(&mut self, share: f64) {
        let done = (self.done as f64 + share) * PARTS;
        self.stages.show("Evaluating", done as u64, (self.pairs as f64 * PARTS) as u64);
    }
}

fn words(failure: &Failure) -> String {
    let method = failure.method.as_ref().map_or(String::new(), |method| format!(", {method}"));
    format!("failed: {}{method}: {}", failure.case, failure.cause)
}

fn tell_part(folder: &Path, outcome: &Outcome) -> Result<(), CliError> {
    let (measured, kept) = (outcome.measured, outcome.kept);
    let place = folder.display();
    print(&format!(
        "{place}: {measured} results of this part, {kept} kept; after the last part: biplane evaluate --merge {place}"
    ))?;
    failed(&outcome.failures)
}

fn tell(folder: &Path, results: &Results, json: bool) -> Result<(), CliError> {
    if json {
        print_json(&report::results_json(results))?;
    } else {
        print(&format!("{}\n{}", table::text(results), folder.join(REPORT_FILE).display()))?;
    }
    failed(&results.failures)
}

/// The exit code tells of failures, after everything else was told.
fn failed(failures: &[Failure]) -> Result<(), CliError> {
    let Some(first) = failures.first() else { return Ok(()) };
    failures.iter().skip(1).for_each(|failure| notice(&words(failure)));
    let cause = format!("{} of the results are missing; {}", failures.len(), words(first).replace("; ", ", "));
    Err(CliError::failure(
        cause,
        "mend or leave out (--exclude) what failed and run the same command again: the rest is kept",
    ))
}

fn explain(error: EvaluateError) -> CliError {
    let said = error.to_string();
    match error {
        EvaluateError::Cancelled | EvaluateError::Train(TrainError::Stopped) => CliError {
            exit: Exit::Cancelled,
            cause: "cancelled".to_owned(),
            advice: "run the same command again to go on from here".to_owned(),
        },
        EvaluateError::Network(NnError::File { .. } | NnError::Weight { .. }) => CliError::input(
            said.split_whitespace().collect::<Vec<_>>().join(" "),
            "name a model folder, which holds model.toml and weights.safetensors, or `bundled` or biplane-w16",
        ),
        EvaluateError::Network(error) => error.into(),
        EvaluateError::Input(_) => CliError::from_message(Exit::Usage, &said),
        EvaluateError::Data { .. } | EvaluateError::Train(TrainError::Data { .. }) => {
            CliError::from_message(Exit::BadInput, &said)
        }
        _ => CliError::from_message(Exit::Failure, &said),
    }
}
