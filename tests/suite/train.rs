//! The training room: schedule, optimiser, samples, a whole small run.

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::io::nifti;
use biplane::nn::{DeviceChoice, Model};
use biplane::projection::BackProjection;
use biplane::train::adamw::{AdamW, Average};
use biplane::train::augment::{Variation, plain_sample, varied_sample};
use biplane::train::dataset::Case;
use biplane::train::figures::figures;
use biplane::train::plan::Stage;
use biplane::train::warp::{Warp, WarpLimits};
use biplane::train::{Control, Event, TrainError, TrainPlan, pack, train};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Three synthetic patients in a folder, one of them for validation, and a plan of a few steps.
fn small_plan(folder: &Path) -> TrainPlan {
    for seed in 0..3 {
        nifti::write(&folder.join(format!("case-{seed}.nii.gz")), &patient(seed)).unwrap();
    }
    let text = format!(
        r#"
        seed = 3
        [data]
        folder = "{}"
        validation = ["case-2"]
        excluded = []
        synthetic_share = 0.0
        radiograph_share = 0.3
        [network]
        coarse_width = 2
        refine_width = 2
        input = "per_view"
        refine = {{ neighbours = 1, residual = true }}
        [[phase]]
        stage = "coarse"
        side = 32
        steps = 40
        lr_high = 5e-3
        lr_low = 1e-4
        validate_every = 5
        [[phase]]
        stage = "refine"
        side = 32
        steps = 4
        lr_high = 1e-3
        lr_low = 1e-4
        validate_every = 4
        "#,
        folder.display()
    );
    TrainPlan::from_toml(&text).unwrap()
}

fn patient(seed: u64) -> Volume {
    thorax(seed, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1)
}

fn case(seed: u64) -> Case {
    Case::new(format!("case-{seed}"), patient(seed), Path::new("memory")).unwrap()
}

#[test]
fn the_learning_rate_falls_by_a_cosine() {
    let folder = tempfile::tempdir().unwrap();
    let phase = small_plan(folder.path()).phase[0];
    let rates = [0.0, 0.5, 1.0, 2.0].map(|share| phase.learning_rate(share));
    let wanted = [5e-3, (5e-3 + 1e-4) / 2.0, 1e-4, 1e-4];
    assert!(rates.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{rates:?}");
}

#[test]
fn plans_that_cannot_be_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = small_plan(folder.path()).to_toml().unwrap();
    assert!(TrainPlan::from_toml(&good).is_ok());
    for (from, to, said) in [
        ("coarse_width = 2", "coarse_width = 0", "a width of 0"),
        ("synthetic_share = 0.0", "synthetic_share = 2.0", "a share of 2"),
        ("side = 32", "side = 33", "a side of 33"),
        ("seed = 3", "seed = 3\nsead = 4", "sead"),
        ("lr_low = 0.0001", "lr_low = 1.0", "lr_high >= lr_low"),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        let error = TrainPlan::from_toml(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn adamw_follows_its_paper() {
    // Loshchilov and Hutter, algorithm 2, in f64, for one parameter with gradients below the shortening.
    let (beta1, beta2, eps, decay, lr) = (0.9f64, 0.999f64, 1e-8f64, 0.01f64, 0.1f64);
    let (mut x, mut m, mut v) = (0.7f64, 0.0f64, 0.0f64);
    let mut flat = Tensor::from_slice(&[0.7f32]);
    let mut optimiser = AdamW::new(&flat).unwrap();
    for t in 1..=8 {
        let g = 0.3 * x - 0.1;
        (m, v) = (beta1 * m + (1.0 - beta1) * g, beta2 * v + (1.0 - beta2) * g * g);
        let (mc, vc) = (m / (1.0 - beta1.powi(t)), v / (1.0 - beta2.powi(t)));
        x -= lr * (mc / (vc.sqrt() + eps) + decay * x);
        let gradient = flat.copy() * 0.3 - 0.1;
        optimiser.step(&mut flat, &gradient, lr).unwrap();
        assert!((flat.double_value(&[0]) - x).abs() < 1e-5, "step {t}: {} {x}", flat.double_value(&[0]));
    }
}

#[test]
fn the_average_lags_and_arrives() {
    let mut average = Average::new(&Tensor::zeros([1], (Kind::Float, Device::Cpu)), 0.9);
    let one = Tensor::ones([1], (Kind::Float, Device::Cpu));
    average.update(&one).unwrap();
    let first = average.values().double_value(&[0]);
    assert!(first > 0.5 && first < 1.0, "{first}");
    for _ in 0..200 {
        average.update(&one).unwrap();
    }
    assert!((average.values().double_value(&[0]) - 1.0).abs() < 1e-4);
}

#[test]
fn a_warp_that_may_not_move_changes_nothing() {
    let still = WarpLimits { turn_deg: [0.0; 3], scale: 0.0, shift_voxels: [0.0; 3], elastic_voxels: 0.0 };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let source: Vec<f32> = (0..32 * 32 * 32).map(|i| (i % 97) as f32).collect();
    let out = Warp::random(32, &still, &mut rng).apply(&source);
    for (i, (a, b)) in source.iter().zip(&out).enumerate() {
        let inside = [i % 32, i / 32 % 32, i / 1024].iter().all(|v| *v < 31);
        assert!(!inside || (a - b).abs() < 1e-3, "{i}: {a} {b}");
    }
}

#[test]
fn a_shifted_warp_moves_films_and_volume_alike() {
    let shifted = WarpLimits { turn_deg: [0.0; 3], scale: 0.0, shift_voxels: [0.0, 0.0, 6.0], elastic_voxels: 0.0 };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let warp = Warp::random(32, &shifted, &mut rng);
    let ramp: Vec<f32> = (0..32 * 32 * 32).map(|i| (i / 1024) as f32).collect();
    let out = warp.apply(&ramp);
    // The value of a ramp along z is the slice it came from.
    let at = |z: usize| f64::from(out[(z * 32 + 16) * 32 + 16]);
    assert!((at(15) - warp.source_z(15)).abs() < 1e-3 && (at(18) - warp.source_z(18)).abs() < 1e-3);
    assert!((warp.source_z(15) - 15.0).abs() > 1e-3);
}

#[test]
fn samples_depend_on_seed_and_index_alone() {
    let cases = [case(0), case(1)];
    let variation = Variation { synthetic_share: 0.3, radiograph_share: 0.5, input: BackProjection::PerView };
    let sample = |seed, index| varied_sample(&cases, &variation, 32, seed, index).unwrap();
    let (a, b, c) = (sample(7, 4), sample(7, 4), sample(7, 5));
    assert_eq!((&a.input, &a.target, &a.slice_weights), (&b.input, &b.target, &b.slice_weights));
    assert_ne!(a.target, c.target);
    assert_eq!((a.input.len(), a.target.len()), (2 * 32 * 32 * 32, 32 * 32 * 32));
    assert!(a.input.iter().chain(&a.target).all(|v| v.is_finite()));
}

#[test]
fn slices_without_scan_data_weigh_little() {
    let mut volume = patient(1);
    volume.hu_mut()[..16 * 128 * 128].fill(-1024);
    let case = Case::new("cut".into(), volume, Path::new("memory")).unwrap();
    let sample = plain_sample(&case, 32, BackProjection::Sum).unwrap();
    assert!(sample.slice_weights[..4].iter().all(|w| *w < 0.5), "{:?}", sample.slice_weights);
    assert!(sample.slice_weights[4..].iter().all(|w| *w == 1.0));
}

#[test]
fn a_small_run_learns_is_kept_and_can_be_packed() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let plan = small_plan(data.path());
    let run = out.path().join("run");
    let mut errors: Vec<(usize, f64)> = Vec::new();
    let mut stages: Vec<Stage> = Vec::new();
    train(&plan, &run, DeviceChoice::Cpu, &mut |event| {
        match event {
            Event::Validated(v) => errors.push((v.phase, v.mean_mae_hu)),
            Event::PhaseStarted { stage, .. } => stages.push(*stage),
            _ => {}
        }
        Control::Continue
    })
    .unwrap();
    assert_eq!(stages, [Stage::Coarse, Stage::Refine]);
    let coarse: Vec<f64> = errors.iter().filter(|(p, _)| *p == 0).map(|(_, e)| *e).collect();
    assert!(coarse.last().unwrap() < &(0.8 * coarse[0]), "the validation error did not fall: {coarse:?}");
    assert!(std::fs::read_to_string(run.join("losses.csv")).unwrap().lines().count() == 45);
    assert!(Model::load(&run.join("final"), Device::Cpu).unwrap().refine().is_some());

    let again = train(&plan, &run, DeviceChoice::Cpu, &mut |_| Control::Continue);
    assert!(matches!(again, Err(TrainError::Plan(text)) if text.contains("already holds a run")));

    let shipped = out.path().join("shipped");
    let rows = pack(&plan, &run, "final", &shipped, &[], DeviceChoice::Cpu).unwrap();
    let methods: Vec<&str> = rows.iter().map(|r| r.method.as_str()).collect();
    assert_eq!(methods, ["back-projection alone", "mean training volume", "f32", "f16"]);
    let mae = |k: usize| rows[k].metrics.mae_hu.unwrap();
    assert!((mae(2) - mae(3)).abs() < 1.0, "f16 costs {} HU", mae(3) - mae(2));
    for file in ["model.toml", "weights.safetensors", "training.svg", "losses.csv", "plan.toml"] {
        assert!(shipped.join(file).is_file(), "{file}");
    }
    let told = figures(&plan, &[("again".into(), shipped)], &[], DeviceChoice::Cpu).unwrap();
    assert_eq!(told.last().unwrap().metrics.mae_hu, rows[3].metrics.mae_hu);
}

#[test]
fn an_observer_can_stop_and_missing_cases_are_named() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut plan = small_plan(data.path());
    let stopped = train(&plan, &out.path().join("a"), DeviceChoice::Cpu, &mut |_| Control::Stop);
    assert!(matches!(stopped, Err(TrainError::Stopped)));
    plan.data.validation = vec!["nobody".into()];
    let missing = train(&plan, &out.path().join("b"), DeviceChoice::Cpu, &mut |_| Control::Continue);
    assert!(matches!(missing, Err(TrainError::Data { cause, .. }) if cause.contains("`nobody`")));
}
