//! `biplane train` as a program: killed, resumed, refused.

use biplane::train::Preset;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longest wait for a file of a running program.
const PATIENCE: Duration = Duration::from_secs(120);

fn biplane(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_biplane"));
    command.args(args).stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    biplane(args).output().unwrap()
}

/// A plan of a few steps on one synthetic thorax, with a checkpoint after each.
fn plan(folder: &Path) -> String {
    let mut plan = Preset::Smoke.plan().unwrap();
    plan.data.synthetic_cases = 1;
    (plan.network.coarse_width, plan.network.refine_width) = (2, 2);
    plan.losses.perceptual = 0.0;
    plan.losses.adversarial = 0.0;
    plan.steps.checkpoint_every = 1;
    plan.phase[0].epochs = 8;
    plan.phase[1].epochs = 4;
    plan.phase.iter_mut().for_each(|phase| phase.validate_every = 4);
    let path = folder.join("plan.toml");
    fs::write(&path, plan.to_toml().unwrap()).unwrap();
    path.display().to_string()
}

/// Lets a training program work until its loss table has so many lines more, then kills it.
fn kill_after(mut child: Child, run: &Path, lines: usize) {
    let table = run.join("losses.csv");
    let count = || fs::read_to_string(&table).map_or(0, |text| text.lines().count());
    let (begun, started) = (count(), Instant::now());
    while count() < begun + lines && started.elapsed() < PATIENCE {
        sleep(Duration::from_millis(5));
    }
    // SIGKILL on Unix: nothing is flushed, nothing is tidied up.
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_run_resumes_as_if_nothing_had_been() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let (whole_name, parts_name) = (whole.display().to_string(), parts.display().to_string());
    let told = output(&["train", "--config", &plan, "--cores", "1", "-o", &whole_name]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let quiet = |args: &[&str]| biplane(args).stderr(Stdio::null()).spawn().unwrap();
    // With a checkpoint a step, a kill falls into a save as often as not.
    kill_after(quiet(&["train", "--config", &plan, "--cores", "1", "-o", &parts_name]), &parts, 3);
    kill_after(quiet(&["train", "--resume", &parts_name]), &parts, 3);
    let told = output(&["train", "--resume", &parts_name]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let weights = |run: &Path| fs::read(run.join("final/weights.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&parts), "the weights differ");
    let steps = |run: &Path| fs::read_to_string(run.join("losses.csv")).unwrap().lines().count();
    assert_eq!(steps(&whole), steps(&parts));
}

#[test]
fn what_cannot_be_trained_is_refused_at_once_and_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    let run = folder.path().join("run").display().to_string();
    let text = fs::read_to_string(&plan).unwrap();
    let odd = folder.path().join("odd.toml");
    let odd_name = odd.display().to_string();
    for (from, to, said) in [
        ("coarse_width = 2", "coarse_width = 0", "width of 0"),
        ("seed = 1", "seed = 1\nsead = 2", "sead"),
        ("side = 32", "side = 31", "side of 31"),
    ] {
        assert!(text.contains(from), "{text}");
        fs::write(&odd, text.replacen(from, to, 1)).unwrap();
        let told = output(&["train", "--config", &odd_name, "-o", &run]);
        let words = String::from_utf8_lossy(&told.stderr);
        assert_eq!(told.status.code(), Some(3), "{words}");
        assert!(words.contains(said), "{words}");
    }
    let missing = output(&["train", "--resume", &run]);
    let words = String::from_utf8_lossy(&missing.stderr);
    assert!(missing.status.code() == Some(3) && words.contains("checkpoint.safetensors"), "{words}");
    let vanished = output(&["train", "--preset", "compact", "--data", "/nowhere/at/all", "-o", &run]);
    let words = String::from_utf8_lossy(&vanished.stderr);
    assert!(vanished.status.code() == Some(3) && words.contains("/nowhere/at/all"), "{words}");
    assert!(!Path::new(&run).exists(), "a refused plan must leave nothing");
}

#[test]
fn a_plan_can_be_shown_and_changed() {
    let told = output(&["train", "--preset", "paper", "--stage", "2", "--from", "models/a", "--show"]);
    let text = String::from_utf8(told.stdout).unwrap();
    let plan = biplane::train::TrainPlan::parse(&text).unwrap();
    assert_eq!(plan.phase.len(), 1);
    assert_eq!(plan.phase[0].epochs, 100);
    assert_eq!(plan.start_from.as_deref(), Some(Path::new("models/a")));
    // A run, and its checkpoint, stand for the run's best model until there is a final one.
    let run = tempfile::tempdir().unwrap();
    let checkpoint = run.path().join("checkpoint.safetensors");
    fs::create_dir(run.path().join("best")).unwrap();
    fs::write(&checkpoint, "").unwrap();
    for from in [run.path(), &checkpoint] {
        let told = output(&["train", "--preset", "paper", "--from", &from.display().to_string(), "--show"]);
        let plan = biplane::train::TrainPlan::parse(&String::from_utf8(told.stdout).unwrap()).unwrap();
        assert_eq!(plan.start_from, Some(run.path().join("best")));
    }
}
