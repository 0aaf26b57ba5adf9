//! The command line: arguments, what is printed, exit codes. Every job is done by the rooms left of it.
//!
//! One file a subcommand; each has an `Args` (clap) and a `run`.

pub mod error;

mod atlas;
mod calibrate;
mod case_list;
mod completions;
mod convert;
mod demo;
mod evaluate;
mod films;
mod info;
mod interrupt;
mod job;
mod metrics;
mod nodules;
mod output;
mod prepare;
mod project;
mod reconstruct;
mod screenshot;
mod terminal;
mod train;
mod weights;
mod workstation;

use clap::{CommandFactory, Parser, Subcommand};
use error::CliError;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `biplane --help` ends with.
const AFTER_HELP: &str = "\
Examples:
  biplane                                          the workstation
  biplane front.dcm side.dcm                       the workstation with two films
  biplane demo                                     the bundled case, full screen
  biplane reconstruct --ap front.dcm --lateral side.dcm -o ct.nii.gz
  biplane project ct.nii.gz -o films/              simulated films of a CT
  biplane metrics ct.nii.gz films/truth.nii.gz     how good it is
  biplane prepare LIDC-IDRI/ -o lidc/              cubes and a manifest to train with
  biplane train --preset smoke -o runs/smoke       train networks
  biplane evaluate --cases lidc/ --method ours=bundled -o report/    methods side by side
  biplane calibrate --model M --cases lidc/ --only a,b --held-out c    expected errors of a model
  biplane nodules --cases lidc/ --only a,b         from which size on planted nodules show
  biplane atlas make cts/ -o my-atlases/           CTs that lend anatomy to reconstructions
  biplane weights fetch vgg16                      weights for the perceptual loss
  biplane COMMAND --help                           more on one command

Exit codes:
  0    done
  1    the work failed, or its result could not be written
  2    the arguments do not make sense
  3    an input file cannot be used
  130  cancelled with Ctrl+C

Research use only, not for diagnosis.";

/// Two X-ray projections in, a CT on screen.
#[derive(Debug, Parser)]
#[command(name = "biplane", version, about, after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without a command the workstation opens.
    #[command(subcommand)]
    command: Option<Command>,
    /// Films, a CT or a session to open in the workstation.
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Open the films of the bundled case.
    #[arg(long, conflicts_with = "files")]
    bundled: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the bundled case in a loop, full screen, or compute it without a display.
    Demo(demo::Args),
    /// Reconstruct a CT from two films.
    Reconstruct(reconstruct::Args),
    /// Simulate two films of a CT, with geometry and truth beside them.
    Project(project::Args),
    /// Convert a CT or a film to another format.
    Convert(convert::Args),
    /// Say what a file or folder holds.
    Info(info::Args),
    /// Compare a reconstruction with its truth.
    Metrics(metrics::Args),
    /// Learn how far off a model's voxels are, and how sure that is.
    Calibrate(calibrate::Args),
    /// Plant nodules into CTs and see whether a model shows them.
    Nodules(nodules::Args),
    /// Make a data set to train with out of a collection of CTs.
    Prepare(prepare::Args),
    /// Train both networks as a plan says.
    Train(train::Args),
    /// Hold methods against one another on many cases: table, figure, report.
    Evaluate(evaluate::Args),
    /// Make and list sets of atlases, whose anatomy is lent to reconstructions.
    Atlas(atlas::Args),
    /// Get and list weights that others trained, for the perceptual loss and LPIPS.
    Weights(weights::Args),
    /// Render the workstation into a PNG, without a display.
    Screenshot(screenshot::Args),
    /// Print completions for a shell.
    Completions(completions::Args),
}

/// Parses the arguments of this process, runs, and gives the exit code.
pub fn main() -> ExitCode {
    crate::gpu::quiet_drivers();
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::notice(&error.to_string());
            error.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<(), CliError> {
    let Some(command) = cli.command else { return workstation::run(cli.files, cli.bundled) };
    // The window handles its own end; everything else stops in order at the first Ctrl+C.
    if !matches!(&command, Command::Demo(args) if !args.headless) {
        interrupt::watch();
    }
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Reconstruct(args) => reconstruct::run(&args),
        Command::Project(args) => project::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Info(args) => info::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Nodules(args) => nodules::run(&args),
        Command::Prepare(args) => prepare::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Atlas(args) => atlas::run(&args),
        Command::Weights(args) => weights::run(&args),
        Command::Screenshot(args) => screenshot::run(&args),
        Command::Completions(args) => completions::run(&args, &mut Cli::command()),
    }
}
