//! `biplane train PLAN`.

use super::error::CliError;
use super::interrupt;
use super::terminal::{Stages, notice, print, print_json};
use crate::nn::DeviceChoice;
use crate::train::event::{Step, Validation};
use crate::train::figures::{Figure, figures};
use crate::train::{Control, Event, TrainError, TrainPlan, pack, train};
use std::path::{Path, PathBuf};

/// Steps that one printed line stands for where there is no terminal.
const STEPS_PER_LINE: u64 = 50;

/// Trains both networks as a plan says and keeps the run in a folder: plan, tables of losses, models.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane train plan.toml -o runs/a                         train
  biplane train plan.toml --data cts/ -o runs/a             with the cases of another folder
  biplane train plan.toml --data cts/ --figures runs/a/best beside the floors, on the validation cases
  biplane train plan.toml --data cts/ --pack runs/a -o weights/mine   f16 weights with a card to ship

Plans lie beside the models under weights/.")]
pub struct Args {
    /// The plan.
    plan: PathBuf,
    /// Where the run (or, with --pack, the model) goes; must not hold one yet.
    #[arg(short, long, value_name = "DIR", required_unless_present = "figures")]
    output: Option<PathBuf>,
    /// Folder of the cases, against the plan's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Do not train: print the metrics of this model and of the floors on the validation cases.
    #[arg(long, value_name = "MODEL", conflicts_with = "pack")]
    figures: Option<PathBuf>,
    /// Do not train: pack this run's model to ship, measured on the validation cases.
    #[arg(long, value_name = "RUN")]
    pack: Option<PathBuf>,
    /// Which model of the run is packed.
    #[arg(long, value_name = "NAME", default_value = "final", requires = "pack")]
    model: String,
    /// Further cubes to measure on, beside the validation cases.
    #[arg(long, value_name = "CT")]
    also: Vec<PathBuf>,
    /// auto, cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Print figures as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let plan = plan(args)?;
    if let Some(model) = &args.figures {
        let models = [("model".to_owned(), model.clone())];
        return show(&figures(&plan, &models, &args.also, args.device).map_err(explain)?, args.json);
    }
    let Some(out) = &args.output else {
        return Err(CliError::usage("no output folder", "give one with -o DIR"));
    };
    if let Some(run) = &args.pack {
        let packed = pack(&plan, run, &args.model, out, &args.also, args.device).map_err(explain)?;
        return show(&packed, args.json);
    }
    follow(&plan, out, args.device)
}

fn plan(args: &Args) -> Result<TrainPlan, CliError> {
    let text = std::fs::read_to_string(&args.plan)
        .map_err(|e| CliError::input(format!("{}: {e}", args.plan.display()), "name a plan in TOML"))?;
    let mut plan = TrainPlan::from_toml(&text).map_err(explain)?;
    if let Some(folder) = &args.data {
        plan.data.folder.clone_from(folder);
    }
    Ok(plan)
}

fn explain(error: TrainError) -> CliError {
    match error {
        TrainError::Stopped => CliError::cancelled(),
        TrainError::Plan(_) => CliError::input(error.to_string(), "mend the plan"),
        TrainError::Data { .. } => CliError::input(error.to_string(), "name a folder of cubes with --data"),
        TrainError::Network(error) => error.into(),
        other => CliError::failure(other.to_string(), ""),
    }
}

/// Trains with the terminal as observer.
fn follow(plan: &TrainPlan, out: &Path, device: DeviceChoice) -> Result<(), CliError> {
    interrupt::watch();
    let mut stages = Stages::new();
    let mut losses = Vec::new();
    train(plan, out, device, &mut |event| {
        tell(&mut stages, &mut losses, event);
        if interrupt::asked() { Control::Stop } else { Control::Continue }
    })
    .map_err(explain)
}

fn tell(stages: &mut Stages, losses: &mut Vec<f64>, event: &Event) {
    match event {
        Event::Started { training, validation } => {
            stages.notice(&format!("training cases: {}", training.join(", ")));
            stages.notice(&format!("validation cases: {}", validation.join(", ")));
        }
        Event::PhaseStarted { phase, stage, side } => {
            stages.notice(&format!("phase {}: {stage:?} network at {side}^3", phase + 1));
        }
        Event::Step(step) => tell_step(stages, losses, step),
        Event::Validated(Validation { step, mean_mae_hu, .. }) => {
            stages.notice(&format!("step {step}: validation MAE {mean_mae_hu:.1} HU"));
        }
        Event::Saved(folder) => stages.notice(&format!("saved {}", folder.display())),
        Event::Finished => stages.end(),
    }
}

fn tell_step(stages: &mut Stages, losses: &mut Vec<f64>, step: &Step) {
    const PARTS: u64 = 1000;
    losses.push(step.loss);
    stages.show(&format!("phase {}", step.phase + 1), (step.share * PARTS as f64) as u64, PARTS);
    if step.step.is_multiple_of(STEPS_PER_LINE) {
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        losses.clear();
        stages.notice(&format!(
            "step {}: loss {mean:.5}, rate {:.1e}, {:.2} s a step ({:.0} % of the phase)",
            step.step,
            step.lr,
            step.seconds,
            100.0 * step.share
        ));
    }
}

/// Prints the figures, case by case.
fn show(figures: &[Figure], json: bool) -> Result<(), CliError> {
    if json {
        return print_json(&figures);
    }
    notice(
        "MAE: HU, whole volume, clipped to [-1000, 1500]; PSNR: dB, peak 2500; SSIM: 3D Gaussian; Dice: lungs, -400 HU",
    );
    let mut table = format!("{:<16} {:<24} {:>8} {:>8} {:>8} {:>8}\n", "case", "method", "MAE", "PSNR", "SSIM", "Dice");
    for figure in figures {
        let m = &figure.metrics;
        let dice = m.lung.iter().find(|l| l.threshold_hu == -400.0).map(|l| l.dice);
        let cell = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
        table.push_str(&format!(
            "{:<16} {:<24} {:>8} {:>8} {:>8} {:>8}\n",
            figure.case,
            figure.method,
            cell(m.mae_hu, 1),
            cell(m.psnr_db, 2),
            cell(m.ssim, 3),
            cell(dice, 3)
        ));
    }
    print(&table)
}
