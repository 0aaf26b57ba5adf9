//! `biplane nodules --cases DIR --only NAMES`.

use super::case_list::{self, explain};
use super::error::CliError;
use super::interrupt;
use super::output;
use super::terminal::{Stages, notice, print, to_json};
use crate::evaluate::nodules::{NoduleOptions, NoduleProgress, NoduleStudy, study};
use crate::nn::{DeviceChoice, ModelSource};
use std::fmt::Write;
use std::path::PathBuf;

/// Plants spheres of 6 to 32 mm into the lungs of CTs, projects and reconstructs them, and tells which sizes a model
/// shows.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane nodules --cases CTS --only lidc-0005,lungdx-a0001
  biplane nodules --guided --cases CTS --only lidc-0005,lungdx-a0001
  biplane nodules --model weights/mine --cases lidc/ --only a,b -o nodules.json

Name cases that the model was not trained on. Each needs 13 reconstructions with --rounds 2.")]
pub struct Args {
    /// A model folder, biplane-p16 or biplane-w16; without it biplane-p16.
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// A data set, or a folder of 128^3 cubes.
    #[arg(long, value_name = "DIR")]
    cases: PathBuf,
    /// The cases to plant in, by name.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    only: Vec<String>,
    /// Let the bundled atlases guide the reconstructions.
    #[arg(long)]
    guided: bool,
    /// Spheres planted at once, as far as the lungs have room.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    together: u8,
    /// Reconstructions for each size and case, each with other places.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// Seed of the places.
    #[arg(long, default_value_t = 8)]
    seed: u64,
    /// auto, cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Where the numbers go, as JSON.
    #[arg(short, long, value_name = "JSON")]
    output: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    args.output.as_deref().map(output::check_writable).transpose()?;
    args.device.device()?;
    let model = args.model.as_deref().map_or(ModelSource::Automatic, ModelSource::of_argument);
    model.card()?;
    let cases = case_list::load(&args.cases, &args.only)?;
    let (together, rounds) = (usize::from(args.together), usize::from(args.rounds));
    let options = NoduleOptions { together, rounds, seed: args.seed, guided: args.guided, ..NoduleOptions::default() };
    let mut stages = Stages::with_eta();
    let mut observe = |NoduleProgress { done, of }| {
        stages.show("Reconstructions", done as u64, of as u64);
        !interrupt::asked()
    };
    let study = study(&model, args.device, &cases, &options, &mut observe).map_err(explain)?;
    stages.end();
    if let Some(path) = &args.output {
        output::write_text(path, &to_json(&study)?)?;
        notice(&format!("wrote {}", path.display()));
    }
    print(&table(&study))
}

fn table(study: &NoduleStudy) -> String {
    let mut text = "diameter  places  recovered        noise     d'    found\n".to_owned();
    for s in &study.sizes {
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{:5.0} mm  {:6}  {:5.1} +- {:4.1} %  {:5.1} HU  {:5.2}  {:5.1} %",
            s.diameter_mm,
            s.places,
            100.0 * s.recovered,
            100.0 * s.recovered_sd,
            s.noise_hu,
            s.d_prime,
            100.0 * s.found
        );
    }
    format!("{text}{}.\n{}\n", study.sentence, study.definition)
}
