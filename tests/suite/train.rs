//! The training room: schedule, optimiser, samples, a whole small run.

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::io::nifti;
use biplane::nn::{DeviceChoice, Method, Model};
use biplane::projection::BackProjection;
use biplane::train::adamw::{AdamW, Average};
use biplane::train::augment::{FilmInput, SampleName, Variation, plain_sample, varied_sample};
use biplane::train::checkpoint::{self, CHECKPOINT_FILE, State, Tensors};
use biplane::train::dataset::Case;
use biplane::train::figures::figures;
use biplane::train::plan::{Phase, Stage};
use biplane::train::table::Tables;
use biplane::train::warp::{Warp, WarpLimits};
use biplane::train::{
    Control, Event, Job, Message, Preset, TrainError, TrainHandle, TrainPlan, pack, preflight, train,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// A fresh run on one core: tests run beside each other, and threads that wait for each other would spin.
fn fresh(plan: &TrainPlan, folder: &Path) -> Job {
    Job::fresh(plan.clone(), folder.to_owned(), DeviceChoice::Cpu).on_cores(1)
}

/// The rest of a run.
fn rest(folder: &Path) -> Job {
    Job::resume(folder.to_owned(), DeviceChoice::Cpu)
}

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
        radiograph_share = 0.3
        [network]
        coarse_width = 2
        refine_width = 2
        input = "per_view"
        refine = {{ neighbours = 1, residual = true }}
        [steps]
        slices = 4
        average_decay = 0.9
        checkpoint_every = 3
        [losses]
        perceptual = 0.0
        contrast = {{ anatomy_positions = 16 }}
        [[phase]]
        stage = "coarse"
        side = 32
        epochs = 20
        lr_high = 5e-3
        lr_low = 1e-4
        validate_every = 3
        [[phase]]
        stage = "refine"
        side = 32
        epochs = 2
        lr_high = 1e-3
        lr_low = 1e-4
        validate_every = 2
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
    let rates = [0.0, 0.5, 1.0, 2.0].map(|share| phase.cosine(share));
    let wanted = [5e-3, (5e-3 + 1e-4) / 2.0, 1e-4, 1e-4];
    assert!(rates.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{rates:?}");
    // The warm-up rises to it step by step.
    let slow = Phase { warm_up: 50, ..phase };
    let rising = [1, 25, 50, 51].map(|step| slow.learning_rate(step, 0.5) / phase.cosine(0.5));
    assert!(rising.iter().zip([0.02, 0.5, 1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12), "{rising:?}");
    assert_eq!(phase.learning_rate(1, 0.5), phase.cosine(0.5));
}

#[test]
fn plans_that_cannot_be_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = small_plan(folder.path()).to_toml().unwrap();
    assert!(TrainPlan::from_toml(&good).is_ok());
    for (from, to, said) in [
        ("coarse_width = 2", "coarse_width = 0", "a width of 0"),
        ("radiograph_share = 0.3", "radiograph_share = 2.0", "a share of 2"),
        ("perceptual = 0.0", "perceptual = -1.0", "losses.perceptual = -1"),
        ("window = 11", "window = 10", "window 10"),
        ("checkpoint_every = 3", "checkpoint_every = 0", "checkpoint_every"),
        ("excluded = []", "excluded = [\"case-2\"]", "`case-2` for validation and as excluded"),
        ("side = 32", "side = 33", "a side of 33"),
        ("seed = 3", "seed = 3\nsead = 4", "sead"),
        ("lr_low = 0.0001", "lr_low = 1.0", "lr_high >= lr_low"),
        ("late_input = false", "late_input = true", "late_input = true is for the packed network"),
        ("input = \"per_view\"", "input = \"packed\"", "make every phase's at least 64"),
        ("mirror_share = 0.0", "mirror_share = 1.5", "data.mirror_share is a share of 1.5"),
        ("bone = 0.0", "bone = -2.0", "losses.bone = -2"),
        ("detail = 0.0", "detail = -1.0", "losses.coarse.detail = -1"),
    ] {
        assert!(good.contains(from), "{from} in {good}");
        let error = TrainPlan::from_toml(&good.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    // Random perceptual weights are for synthetic thoraxes alone.
    let mut smoke = Preset::Smoke.plan().unwrap();
    assert!(smoke.check().is_ok());
    smoke.data.folder = Some(folder.path().to_owned());
    assert!(smoke.check().unwrap_err().to_string().contains("teaches nothing"));
}

#[test]
fn adamw_follows_its_paper() {
    // Loshchilov and Hutter, algorithm 2, in f64, for one parameter with gradients below the shortening.
    let (beta1, beta2, eps, decay, lr) = (0.9f64, 0.999f64, 1e-8f64, 0.01f64, 0.1f64);
    let (mut x, mut m, mut v) = (0.7f64, 0.0f64, 0.0f64);
    let flat = Tensor::from_slice(&[0.7f32]);
    let mut optimiser = AdamW::new(&[&flat]).unwrap();
    for t in 1..=8 {
        let g = 0.3 * x - 0.1;
        (m, v) = (beta1 * m + (1.0 - beta1) * g, beta2 * v + (1.0 - beta2) * g * g);
        let (mc, vc) = (m / (1.0 - beta1.powi(t)), v / (1.0 - beta2.powi(t)));
        x -= lr * (mc / (vc.sqrt() + eps) + decay * x);
        let gradient = flat.copy() * 0.3 - 0.1;
        optimiser.step(&[&flat], &[gradient], lr).unwrap();
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
    let out = Warp::random(32, &still, &mut rng).apply(&source, None);
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
    let out = warp.apply(&ramp, None);
    // The value of a ramp along z is the slice it came from.
    let at = |z: usize| f64::from(out[(z * 32 + 16) * 32 + 16]);
    assert!((at(15) - warp.source_z(15, None)).abs() < 1e-3 && (at(18) - warp.source_z(18, None)).abs() < 1e-3);
    assert!((warp.source_z(15, None) - 15.0).abs() > 1e-3);
}

#[test]
fn vectors_that_learn_together_share_one_length() {
    // Shortening is by the length of all gradients together: 3 and 4 make 5.
    let flats = [Tensor::from_slice(&[0f32]), Tensor::from_slice(&[0f32])];
    let mut optimiser = AdamW::new(&[&flats[0], &flats[1]]).unwrap();
    let gradients = [Tensor::from_slice(&[3f32]), Tensor::from_slice(&[4f32])];
    let length = optimiser.step(&[&flats[0], &flats[1]], &gradients, 0.1).unwrap();
    assert!((length - 5.0).abs() < 1e-6);
    // A gradient that is no number changes nothing.
    let before = flats[0].double_value(&[0]);
    let bad = [Tensor::from_slice(&[f32::NAN]), Tensor::from_slice(&[1f32])];
    assert!(!optimiser.step(&[&flats[0], &flats[1]], &bad, 0.1).unwrap().is_finite());
    assert_eq!(flats[0].double_value(&[0]), before);
}

#[test]
fn samples_depend_on_seed_epoch_and_case_alone() {
    let known = case(0);
    let variation = Variation {
        radiograph_share: 0.5,
        mirror_share: 0.5,
        input: FilmInput { coarse: BackProjection::PerView, bands: true },
        body: true,
    };
    let sample = |case: Option<&Case>, seed, epoch, place| {
        varied_sample(case, None, &variation, 32, &SampleName { seed, epoch, case: place }).unwrap()
    };
    let (a, b) = (sample(Some(&known), 7, 4, 0), sample(Some(&known), 7, 4, 0));
    assert_eq!((&a.input, &a.target, &a.slice_weights, &a.body), (&b.input, &b.target, &b.slice_weights, &b.body));
    for other in [sample(Some(&known), 7, 5, 0), sample(Some(&known), 7, 4, 1), sample(Some(&known), 8, 4, 0)] {
        assert_ne!(a.target, other.target);
    }
    assert_ne!(sample(None, 7, 4, 0).target, sample(None, 7, 5, 0).target);
    assert_eq!((a.input.len(), a.target.len(), a.body.len()), (2 * 32 * 32 * 32, 32 * 32 * 32, 32 * 32 * 32));
    assert_eq!((&a.bands, a.bands.len()), (&b.bands, 8 * 32 * 32 * 32));
    assert!(a.input.iter().chain(&a.target).chain(&a.bands).all(|v| v.is_finite()));
    let inside = a.body.iter().filter(|v| **v != 0).count();
    assert!(inside > 1000 && inside < 32 * 32 * 32 / 2, "{inside} voxels of body");
}

#[test]
fn slices_without_scan_data_weigh_little() {
    let mut volume = patient(1);
    volume.hu_mut()[..16 * 128 * 128].fill(-1024);
    let case = Case::new("cut".into(), volume, Path::new("memory")).unwrap();
    let sample = plain_sample(&case, 32, FilmInput { coarse: BackProjection::Sum, bands: false }).unwrap();
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
    train(&fresh(&plan, &run), &mut |event| {
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
    let tables = Tables::read(&run).unwrap();
    assert_eq!(tables.phase_lengths(), [40, 4]);
    let terms: Vec<&str> = tables.losses[43].terms.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        terms,
        ["adversarial", "anatomy", "anatomy_chance", "discriminator", "feature_deviation", "l1", "semantic"]
    );
    assert!(Model::load(&run.join("final"), Device::Cpu).unwrap().refine().is_some());
    for file in ["plan.toml", "environment.toml", "curves.svg", "previews/phase1-step000006.png", "best/model.toml"] {
        assert!(run.join(file).is_file(), "{file}");
    }

    let again = train(&fresh(&plan, &run), &mut |_| Control::Continue);
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
    let job = |plan: &TrainPlan, name: &str| fresh(plan, &out.path().join(name));
    let stopped = train(&job(&plan, "a"), &mut |_| Control::Stop);
    assert!(matches!(stopped, Err(TrainError::Stopped)));
    plan.data.validation = vec!["nobody".into()];
    let missing = train(&job(&plan, "b"), &mut |_| Control::Continue);
    assert!(matches!(missing, Err(TrainError::Data { cause, .. }) if cause.contains("`nobody`")));
    plan.data.validation.clear();
    plan.data.excluded = (0..3).map(|k| format!("case-{k}")).collect();
    let empty = train(&job(&plan, "c"), &mut |_| Control::Continue).unwrap_err();
    assert!(empty.to_string().contains("no training case"), "{empty}");
}

/// Everything of a run that a resumed one must have again: weights to the bit, tables without their times.
fn outcome(run: &Path) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let weights = |name: &str| std::fs::read(run.join(name).join("weights.safetensors")).unwrap();
    let table = std::fs::read_to_string(run.join("losses.csv")).unwrap();
    let timeless = |line: &str| line.rsplitn(3, ',').last().unwrap().to_owned();
    (weights("final"), weights("best"), table.lines().map(timeless).collect())
}

#[test]
fn a_run_stopped_at_any_step_and_resumed_equals_the_uninterrupted_one_to_the_bit() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut plan = small_plan(data.path());
    plan.phase[0].epochs = 3;
    plan.steps.accumulate = 2;
    plan.phase[1].epochs = 3;
    // A second phase of stage 1 goes on with the first one's moments.
    plan.phase.insert(1, Phase { epochs: 2, ..plan.phase[0] });
    plan.steps.checkpoint_every = 100;
    let whole = out.path().join("whole");
    train(&fresh(&plan, &whole), &mut |_| Control::Continue).unwrap();
    let parts = out.path().join("parts");
    // Stops in the first phase, at its last step, between it and the next, and in the others; the job is begun anew each
    // time.
    let mut job = fresh(&plan, &parts);
    for stop_at in [(0, 2), (0, 3), (0, 4), (1, 1), (2, 1)] {
        let stopped = train(&job, &mut |event| match event {
            Event::Step(step) if (step.phase, step.step) == stop_at => Control::Stop,
            // The phase has no step 4: its end writes the only checkpoint that nobody asked for.
            Event::Checkpoint(_) if stop_at == (0, 4) => Control::Stop,
            _ => Control::Continue,
        });
        assert!(matches!(stopped, Err(TrainError::Stopped)), "{stop_at:?}: {stopped:?}");
        job = rest(&parts);
    }
    train(&job, &mut |_| Control::Continue).unwrap();
    let (a, b) = (outcome(&whole), outcome(&parts));
    assert_eq!(a.2, b.2);
    assert!(a.0 == b.0 && a.1 == b.1, "the weights differ");
}

#[test]
fn damaged_and_foreign_checkpoints_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CHECKPOINT_FILE);
    let said = |folder: &Path| checkpoint::load(folder).err().unwrap().to_string();
    assert!(said(folder.path()).contains("cannot be read"));
    let state = State::new("plan".into(), None, biplane::nn::Precision::F32, 1);
    let mut tensors = Tensors::default();
    tensors.put("stage1.net".into(), &Tensor::ones([4], (Kind::Float, Device::Cpu)));
    tensors.put_count("steps".into(), 9);
    checkpoint::save(folder.path(), &state, &tensors).unwrap();
    let (found, back) = checkpoint::load(folder.path()).unwrap();
    assert_eq!((&found, back.count("steps").unwrap()), (&state, 9));
    assert_eq!(checkpoint::peek(folder.path()).unwrap().unwrap(), state);
    let five = Tensor::zeros([5], (Kind::Float, Device::Cpu));
    let foreign = back.copy_to("stage1.net", &five).unwrap_err().to_string();
    assert!(foreign.contains("another architecture") && foreign.contains(CHECKPOINT_FILE), "{foreign}");
    assert!(back.copy_to("stage2.net", &five).unwrap_err().to_string().contains("holds no `stage2.net`"));
    let whole = std::fs::read(&path).unwrap();
    for cut in [0, 7, 8, 100, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert!(said(folder.path()).contains("is damaged"), "cut at {cut}");
    }
    let text = String::from_utf8_lossy(&whole).replace("\\\"version\\\":2", "\\\"version\\\":9");
    std::fs::write(&path, text.as_bytes()).unwrap();
    let newer = checkpoint::peek(folder.path()).unwrap_err().to_string();
    assert!(newer.contains("version 9"), "{newer}");
}

#[test]
fn a_save_that_fails_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new("first".into(), None, biplane::nn::Precision::F32, 1);
    checkpoint::save(folder.path(), &state, &Tensors::default()).unwrap();
    // A folder where the new file should go makes its writing fail, whoever the user is.
    std::fs::create_dir(folder.path().join(format!("{CHECKPOINT_FILE}.part"))).unwrap();
    let second = State { plan: "second".into(), ..state.clone() };
    let failed = checkpoint::save(folder.path(), &second, &Tensors::default()).unwrap_err();
    assert!(matches!(failed, TrainError::Write { .. }), "{failed}");
    assert_eq!(checkpoint::peek(folder.path()).unwrap().unwrap(), state);
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_leaves_the_checkpoint() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let mut plan = small_plan(data.path());
    (plan.phase[0].lr_high, plan.phase[0].lr_low) = (1e30, 1e30);
    plan.steps.checkpoint_every = 1;
    let ended = train(&fresh(&plan, &run), &mut |_| Control::Continue).unwrap_err();
    assert!(matches!(ended, TrainError::NotFinite { step } if step > 1), "{ended}");
    assert!(ended.to_string().contains("lower the learning rate"));
    let kept = checkpoint::peek(&run).unwrap().unwrap();
    assert!(kept.step >= 1 && checkpoint::load(&run).is_ok());
}

#[test]
fn a_data_set_that_vanishes_is_named() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut plan = small_plan(data.path());
    plan.data.validation.clear();
    let cases = data.path().to_owned();
    let mut steps = 0;
    let ended = train(&fresh(&plan, &out.path().join("run")), &mut |event| {
        // Before the first sample is asked for: what is in memory already would hide the loss.
        if matches!(event, Event::Started(_)) {
            (0..3).for_each(|k| std::fs::write(cases.join(format!("case-{k}.nii.gz")), "gone").unwrap());
        }
        steps += u32::from(matches!(event, Event::Step(_)));
        Control::Continue
    })
    .unwrap_err();
    assert!(matches!(&ended, TrainError::Data { cause, .. } if cause.contains("case-")), "{ended}");
    assert_eq!(steps, 0);
}

#[test]
fn a_handle_pauses_saves_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let handle = TrainHandle::start(fresh(&small_plan(data.path()), &run), || {}).unwrap();
    let wait_for = |wanted: &dyn Fn(&Message) -> bool| loop {
        let message = handle.wait().expect("ended too early");
        if wanted(&message) {
            return;
        }
    };
    wait_for(&|m| matches!(m, Message::Event(Event::Step(s)) if s.step == 2));
    handle.pause(true);
    handle.save();
    assert!(handle.is_paused() && handle.is_running());
    handle.pause(false);
    wait_for(&|m| matches!(m, Message::Event(Event::Checkpoint(_))));
    handle.pause(true);
    handle.stop();
    wait_for(&|m| matches!(m, Message::Stopped));
    let state = checkpoint::peek(&run).unwrap().unwrap();
    assert!(state.step >= 2 && state.phase == 0, "{state:?}");
}

#[test]
fn a_plan_is_tried_without_writing() {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut plan = small_plan(data.path());
    plan.data.validation.clear();
    let job = fresh(&plan, &out.path().join("run"));
    let found = preflight(&job, &plan, &mut |_| true).unwrap();
    assert_eq!((found.training, found.validation, found.phases.len()), (3, 0, 2));
    assert_eq!(found.phases.iter().map(|p| p.steps).collect::<Vec<_>>(), [60, 6]);
    assert!(found.phases.iter().all(|p| p.step_secs > 0.0) && found.disk_needed_bytes > 10_000);
    assert!(found.warnings.iter().any(|w| w.contains("no validation case")), "{:?}", found.warnings);
    assert!(!out.path().join("run").exists());
    assert!(matches!(preflight(&job, &plan, &mut |_| false), Err(TrainError::Stopped)));
}

#[test]
fn presets_can_be_followed_once_they_have_data() {
    for preset in Preset::ALL {
        let mut plan = preset.plan().unwrap();
        if plan.data.synthetic_validation == 0 {
            plan.data.folder = Some("cases".into());
        }
        plan.check().unwrap_or_else(|e| panic!("{}: {e}", preset.name()));
        assert_eq!(TrainPlan::from_toml(&plan.to_toml().unwrap()).unwrap(), plan);
        for method in Method::ALL {
            plan.clone().with_method(method).check().unwrap_or_else(|e| panic!("{} {method}: {e}", preset.name()));
        }
    }
    let paper = Preset::Paper.plan().unwrap();
    let phases: Vec<_> = paper.phase.iter().map(|p| (p.stage, p.side, p.epochs, p.lr_high, p.lr_low)).collect();
    assert_eq!(phases, [(Stage::Coarse, 128, 220, 2e-4, 1e-6), (Stage::Refine, 128, 100, 1e-4, 1e-6)]);
    assert_eq!((paper.network.coarse_width, paper.network.refine_width), (64, 64));
}

#[test]
fn the_smoke_preset_runs_both_stages_with_every_loss_and_learns() {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let plan = Preset::Smoke.plan().unwrap();
    train(&fresh(&plan, &run), &mut |_| Control::Continue).unwrap();
    let tables = Tables::read(&run).unwrap();
    let errors = |phase: usize| tables.means().filter(|v| v.phase == phase).map(|v| v.mae_hu).collect::<Vec<f64>>();
    let (coarse, refined) = (errors(0), errors(1));
    assert!(coarse.windows(2).all(|pair| pair[1] < pair[0]), "stage 1: {coarse:?}");
    // So few steps prove that stage 2 runs and spoils nothing; whether it helps is for real patients to tell.
    assert!(refined.last().unwrap() < &(1.05 * coarse.last().unwrap()), "stage 2: {refined:?} after {coarse:?}");
    let terms: Vec<&str> = tables.losses.last().unwrap().terms.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        terms,
        [
            "adversarial",
            "anatomy",
            "anatomy_chance",
            "discriminator",
            "feature_deviation",
            "l1",
            "perceptual",
            "semantic"
        ]
    );
    let environment = std::fs::read_to_string(run.join("environment.toml")).unwrap();
    assert!(environment.contains("relu1_2, relu2_2 of random weights for tests"), "{environment}");
}
