//! `biplane calibrate --model MODEL --cases DIR`.

use super::case_list::{self, explain};
use super::error::CliError;
use super::interrupt;
use super::output;
use super::terminal::{Stages, print, print_json};
use crate::evaluate::films;
use crate::evaluate::uncertainty::learn::{Coverage, Observation, Role, learn};
use crate::evaluate::uncertainty::{DEFINITION, members::members_of};
use crate::evaluate::uncertainty::{ErrorModel, file::errors_key};
use crate::geometry::Volume;
use crate::nn::source::{GUIDED_UNCERTAINTY_FILE, UNCERTAINTY_FILE};
use crate::nn::{DeviceChoice, ModelSource};
use crate::train::dataset::Case;
use std::fmt::Write;
use std::path::PathBuf;

/// Learns error bars for a model's voxels: from the patients it was trained on, each left out once, made larger until
/// they hold on patients it never saw. Prints the share of voxels within them, patient by patient.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane calibrate --model weights/mine --cases lidc/ --only a,b,c --held-out d,e --check f

The result is uncertainty.safetensors in the model's folder, where the workstation finds it; -o puts it elsewhere.
Each case needs three reconstructions.")]
pub struct Args {
    /// The model folder.
    #[arg(long, value_name = "FOLDER")]
    model: PathBuf,
    /// A data set, or a folder of 128^3 cubes.
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,
    /// The cases to learn from, by name: those the model was trained on.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    only: Vec<String>,
    /// Cases never trained on, by which the bars are made larger.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    held_out: Vec<String>,
    /// Further cases never trained on, only to look whether the bars hold.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    check: Vec<String>,
    /// Calibrate its volumes guided by the bundled atlases, each case without its own.
    #[arg(long)]
    guided: bool,
    /// auto, cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Where the result goes.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| args.model.join(if args.guided { GUIDED_UNCERTAINTY_FILE } else { UNCERTAINTY_FILE }));
    output::check_writable(&path)?;
    args.device.device()?;
    refuse_twice(args)?;
    let model = ModelSource::Folder(args.model.clone());
    let card = model.card()?;
    let groups = [&args.only, &args.held_out, &args.check];
    let of = groups.iter().map(|names| names.len()).sum();
    let mut told = Told { stages: Stages::with_eta(), done: 0, of };
    let mut observed = Vec::new();
    for names in groups {
        let cases = case_list::load(&args.cases, names)?;
        let seen: Result<Vec<_>, _> = cases.into_iter().map(|case| told.observe(case, &model, args)).collect();
        observed.push(seen?);
    }
    told.stages.end();
    let [training, held_out, checks] = [0, 1, 2].map(|i: usize| observed[i].as_slice());
    let errors =
        learn(&errors_key(&card.sha256, args.guided).map_err(explain)?, training, held_out, checks).map_err(explain)?;
    errors.write(&path).map_err(explain)?;
    if args.json { print_json(errors.card()) } else { print(&table(&errors, &path)) }
}

/// A case on two sides would judge itself.
fn refuse_twice(args: &Args) -> Result<(), CliError> {
    let mut names: Vec<&String> = args.only.iter().chain(&args.held_out).chain(&args.check).collect();
    names.sort();
    match names.windows(2).find(|w| w[0] == w[1]) {
        Some(twice) => Err(CliError::usage(
            format!("case `{}` is named twice", twice[0]),
            "name each case once, under --only, --held-out or --check",
        )),
        None => Ok(()),
    }
}

/// Reconstructs, saying how far it is.
struct Told {
    stages: Stages,
    done: usize,
    of: usize,
}

impl Told {
    fn observe(&mut self, case: Case, model: &ModelSource, args: &Args) -> Result<Observation, CliError> {
        self.stages.show("Reconstructing cases", self.done as u64, self.of as u64);
        let made = || {
            let job = films::job_of(&case, case.volume(), model, args.device, args.guided)?;
            let whole = films::run_whole(job.clone(), &interrupt::asked)?;
            Ok((Volume::clone(whole.volume()), members_of(&job, &whole, &interrupt::asked)?))
        };
        let (recon, members) = made().map_err(explain)?;
        self.done += 1;
        Ok(Observation { name: case.name.clone(), recon, members, truth: case.volume().clone() })
    }
}

fn table(errors: &ErrorModel, path: &std::path::Path) -> String {
    let card = errors.card();
    let mut text = "patient           as         wanted  volume   body\n".to_owned();
    for Coverage { patient, role, level, volume, body } in &card.coverage {
        let role = match role {
            Role::LeftOut => "left out",
            Role::HeldOut => "held out",
            Role::Check => "check",
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{patient:<16}  {role:<9}  {:5.0} %  {:5.1} %  {:5.1} %",
            100.0 * level,
            100.0 * volume,
            100.0 * body
        );
    }
    let [usual, rare] = card.inflation;
    format!(
        "{text}bars {usual:.2} (68 %) and {rare:.2} (95 %) times as large as on patients trained on; weight of the \
         networks' disagreement {:.2}\n{DEFINITION}\n{}\n",
        card.disagreement_weight,
        path.display()
    )
}
