//! `biplane train`.

use super::error::CliError;
use super::interrupt;
use super::terminal::{Stages, notice, print, print_json};
use crate::metrics::Detail;
use crate::nn::{DeviceChoice, Method};
use crate::train::event::{Started, Step, Validation};
use crate::train::figures::{Figure, figures};
use crate::train::plan::Stage;
use crate::train::run_dir::{BEST_MODEL, FINAL_MODEL};
use crate::train::{Control, Event, Job, Preset, TrainError, TrainPlan, pack, preflight, train};
use std::path::{Path, PathBuf};

/// Steps that one printed line stands for where there is no terminal.
const STEPS_PER_LINE: u64 = 50;

/// Trains both networks as a plan says and keeps the run in a folder: plan, environment, tables, curves, previews,
/// checkpoint, models. Ctrl+C writes a checkpoint and stops; --resume goes on from it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane train --preset smoke -o runs/smoke                   see that training works, on synthetic thoraxes
  biplane train --preset paper --data dataset/ -o runs/paper   the paper's networks and schedule
  biplane train --config run.toml -o runs/a                    a plan of your own
  biplane train --method x2ctgan --config run.toml -o runs/x   a baseline on the same plan
  biplane train --resume runs/a                                go on after Ctrl+C, a crash or a power cut
  biplane train --config run.toml --stage 2 --from runs/a -o runs/b    stage 2 alone, on a finished stage 1
  biplane train --config run.toml --check -o runs/a            data, disk, memory and time; trains nothing
  biplane train --preset compact --show                        print a plan to start from
  biplane train --config run.toml --figures runs/a/best        metrics beside the floors, on the validation cases
  biplane train --config run.toml --pack runs/a -o weights/mine    f16 weights with a card to ship

--data takes a data set made by `biplane prepare`, or a folder of 128^3 cubes.")]
pub struct Args {
    /// The plan, in TOML.
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["preset", "resume"], required_unless_present_any = ["preset", "resume"])]
    config: Option<PathBuf>,
    /// A plan that comes with the program: paper, compact or smoke.
    #[arg(long, conflicts_with = "resume")]
    preset: Option<Preset>,
    /// Train another method on the same plan: biplane, unet3d, cnn2d or x2ctgan. Where a method has no refining network,
    /// the steps of stage 2 are further steps of its one network.
    #[arg(long, value_name = "METHOD", conflicts_with = "resume")]
    method: Option<Method>,
    /// Go on with the run in this folder from its checkpoint.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["data", "stage", "from", "output", "check", "show"])]
    resume: Option<PathBuf>,
    /// Where the run (or, with --pack, the model) goes; must not hold one yet.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Folder of the cases, against the plan's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only the phases of stage 1 (coarse) or 2 (refine).
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    stage: Option<u8>,
    /// Start from the networks of this model, run or run's checkpoint.
    #[arg(long, value_name = "MODEL|RUN")]
    from: Option<PathBuf>,
    /// Do not train: look at data, disk and memory, and measure a step of each phase.
    #[arg(long, conflicts_with_all = ["show", "figures", "pack"])]
    check: bool,
    /// Do not train: print the plan.
    #[arg(long, conflicts_with_all = ["figures", "pack"])]
    show: bool,
    /// Do not train: print the metrics of this model and of the floors on the validation cases.
    #[arg(long, value_name = "MODEL", conflicts_with = "pack")]
    figures: Option<PathBuf>,
    /// Do not train: pack this run's model to ship, measured on the validation cases.
    #[arg(long, value_name = "RUN")]
    pack: Option<PathBuf>,
    /// Which model of the run is packed.
    #[arg(long, value_name = "NAME", default_value = FINAL_MODEL, requires = "pack")]
    model: String,
    /// Further cubes to measure on, beside the validation cases.
    #[arg(long, value_name = "CT")]
    also: Vec<PathBuf>,
    /// auto, cpu or cuda:N.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Processor cores to use; all where left out. A resumed run takes as many as before.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with = "resume")]
    cores: Option<u16>,
    /// Print figures as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    if let Some(folder) = &args.resume {
        return follow(&Job::resume(folder.clone(), args.device));
    }
    let plan = plan(args)?;
    if args.show {
        return print(&plan.to_toml().map_err(explain)?);
    }
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
    let job = Job { cores: args.cores.map(usize::from), ..Job::fresh(plan.clone(), out.clone(), args.device) };
    if args.check { check(&job, &plan) } else { follow(&job) }
}

/// The plan of the arguments: a file's or a preset's, changed as the others say.
fn plan(args: &Args) -> Result<TrainPlan, CliError> {
    let mut plan = match (&args.config, args.preset) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| CliError::input(format!("{}: {e}", path.display()), "name a plan in TOML"))?;
            TrainPlan::parse(&text).map_err(explain)?
        }
        (None, Some(preset)) => preset.plan().map_err(explain)?,
        (None, None) => return Err(CliError::usage("no plan", "give one with --config or --preset")),
    };
    if let Some(folder) = &args.data {
        plan.data.folder = Some(folder.clone());
    }
    if let Some(method) = args.method {
        plan = plan.with_method(method);
    }
    if let Some(stage) = args.stage {
        plan = plan.only(if stage == 1 { Stage::Coarse } else { Stage::Refine });
    }
    if let Some(from) = &args.from {
        plan.start_from = Some(model_of(from));
    }
    if !args.show {
        plan.check().map_err(explain)?;
    }
    Ok(plan)
}

/// The model of a run folder (or of the run whose checkpoint is named), or the model folder itself.
fn model_of(path: &Path) -> PathBuf {
    let folder = if path.is_file() { path.parent().unwrap_or(path) } else { path };
    let inside = [FINAL_MODEL, BEST_MODEL].map(|name| folder.join(name));
    inside.into_iter().find(|model| model.is_dir()).unwrap_or_else(|| folder.to_owned())
}

fn explain(error: TrainError) -> CliError {
    match error {
        TrainError::Stopped => CliError::cancelled(),
        TrainError::Plan(_) => {
            CliError::input(error.to_string(), "mend the plan; `biplane train --preset compact --show` prints one")
        }
        TrainError::Data { .. } => {
            CliError::input(error.to_string(), "name a data set or a folder of cubes with --data")
        }
        TrainError::Checkpoint { .. } => {
            CliError::input(error.to_string(), "name the folder of a run that was begun with `biplane train -o RUN`")
        }
        TrainError::Network(error) => error.into(),
        other => CliError::failure(other.to_string(), ""),
    }
}

/// Trains with the terminal as observer.
fn follow(job: &Job) -> Result<(), CliError> {
    interrupt::watch();
    let mut teller = Teller { stages: Stages::with_eta(), losses: Vec::new(), phase_steps: 0 };
    train(job, &mut |event| {
        teller.tell(event);
        if interrupt::asked() { Control::Stop } else { Control::Continue }
    })
    .map_err(explain)
}

/// The terminal as observer of a run.
struct Teller {
    stages: Stages,
    losses: Vec<f64>,
    phase_steps: u64,
}

impl Teller {
    fn tell(&mut self, event: &Event) {
        match event {
            Event::Started(started) => self.tell_start(started),
            Event::PhaseStarted { phase, stage, side, steps, done } => {
                self.phase_steps = *steps;
                let rest = if *done > 0 { format!(", from step {done}") } else { String::new() };
                let text = format!("phase {}: {stage:?} network at {side}^3, {steps} steps{rest}", phase + 1);
                self.stages.notice(&text);
            }
            Event::Step(step) => self.tell_step(step),
            Event::Validated(Validation { step, mean_mae_hu, smoothed_score, best, detail, .. }) => {
                let mark = if *best { ", the best so far" } else { "" };
                let detail = Detail::mean_of(detail).text();
                let text = format!(
                    "step {step}: validation MAE {mean_mae_hu:.1} HU; {detail} (score {smoothed_score:.4}{mark})"
                );
                self.stages.notice(&text);
            }
            Event::Warning(text) => self.stages.notice(&format!("warning: {text}")),
            Event::Checkpoint(_) => {}
            Event::Saved(folder) => self.stages.notice(&format!("saved {}", folder.display())),
            Event::Finished => self.stages.end(),
        }
    }

    fn tell_start(&mut self, started: &Started) {
        self.stages.notice(&format!("training cases: {}", started.training.join(", ")));
        self.stages.notice(&format!("validation cases: {}", started.validation.join(", ")));
        let verb = if started.resumed { "goes on" } else { "computes" };
        self.stages.notice(&format!("{verb} on {}", started.device));
    }

    fn tell_step(&mut self, step: &Step) {
        const PARTS: u64 = 1000;
        self.losses.push(step.loss);
        self.stages.show(&format!("phase {}", step.phase + 1), (step.share * PARTS as f64) as u64, PARTS);
        if step.step.is_multiple_of(STEPS_PER_LINE) || step.step == self.phase_steps {
            let mean = self.losses.iter().sum::<f64>() / self.losses.len() as f64;
            self.losses.clear();
            self.stages.notice(&format!(
                "step {}: loss {mean:.5}, rate {:.1e}, {:.2} s a step, {:.2} s of it waiting for data ({:.0} % of the phase)",
                step.step,
                step.lr,
                step.seconds,
                step.waited,
                100.0 * step.share
            ));
        }
    }
}

/// Prints what a run would need and have.
fn check(job: &Job, plan: &TrainPlan) -> Result<(), CliError> {
    interrupt::watch();
    let found = preflight(job, plan, &mut |phase| {
        notice(&format!("measuring a step of phase {}", phase + 1));
        !interrupt::asked()
    })
    .map_err(explain)?;
    let gib = |bytes: Option<u64>| {
        bytes.map_or("unknown".to_owned(), |b| format!("{:.1} GiB", b as f64 / (1u64 << 30) as f64))
    };
    let mut text = format!(
        "networks: {}, {:.1} million parameters\ncases: {} to learn from, {} to check with\ndisk: {} needed at most, {} free\nmemory: {} used, {} left\n",
        plan.network.method.title(),
        found.parameters as f64 / 1e6,
        found.training,
        found.validation,
        gib(Some(found.disk_needed_bytes)),
        gib(found.disk_free_bytes),
        gib(found.memory_used_bytes),
        gib(found.memory_available_bytes),
    );
    for (k, p) in found.phases.iter().enumerate() {
        text.push_str(&format!(
            "phase {}: {:?} at {}^3, {} steps of {:.2} s: {}\n",
            k + 1,
            p.stage,
            p.side,
            p.steps,
            p.step_secs,
            hours(p.phase_secs)
        ));
    }
    text.push_str(&format!("together: {} beside validation\n", hours(found.total_secs())));
    for warning in &found.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    print(&text)
}

/// 3 h 05 min.
fn hours(secs: f64) -> String {
    let minutes = (secs / 60.0).round() as u64;
    format!("{} h {:02} min", minutes / 60, minutes % 60)
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
