//! The baselines: shapes, parameter counts, what they see, and that they train and resume like our own method.

use biplane::geometry::{Frame, Preset};
use biplane::nn::coarse::{Coarse, CoarseConfig};
use biplane::nn::parameters::seed_weights;
use biplane::nn::unet::uninterrupted;
use biplane::nn::{BuiltIn, DeviceChoice, Job, Method, Model, ModelSource, NnError, Precision, Reconstructor, model};
use biplane::projection::{Attenuation, BackProjection, back_project, project};
use biplane::train::plan::Stage;
use biplane::train::{Control, Event, TrainPlan, train};
use std::cell::Cell;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// The methods that are one network.
const RIVALS: [Method; 3] = [Method::UNet3d, Method::Cnn2d, Method::X2ctGan];

fn network(method: Method, base_width: i64) -> Coarse {
    seed_weights(3);
    Coarse::new(CoarseConfig { method, base_width, input: BackProjection::PerView, late_input: false }, Device::Cpu)
        .unwrap()
}

fn noise(side: i64) -> Tensor {
    tch::manual_seed(4);
    Tensor::rand([1, 2, side, side, side], (Kind::Float, Device::Cpu))
}

#[test]
fn every_baseline_gives_a_volume_and_counts_its_parts() {
    for method in RIVALS {
        let net = network(method, 4);
        for side in [32, 64] {
            let parts = Cell::new(0);
            let count = || {
                parts.set(parts.get() + 1);
                Ok(())
            };
            let out = tch::no_grad(|| net.forward(&noise(side), Precision::F32, &count)).unwrap();
            assert_eq!(out.size(), [1, 1, side, side, side], "{method}");
            assert_eq!(parts.get(), net.parts(), "{method}");
            assert!(out.std(true).double_value(&[]) > 1e-4, "{method} gives the same everywhere");
        }
        let stopped = net.forward(&noise(32), Precision::F32, &|| Err(NnError::Cancelled));
        assert!(matches!(stopped, Err(NnError::Cancelled)), "{method}");
        let odd = net.forward(&noise(24), Precision::F32, &uninterrupted);
        assert!(matches!(odd, Err(NnError::Input(_))), "{method}");
    }
}

#[test]
fn parameters_are_as_many_as_the_papers_shapes_have() {
    let count = |method, width| network(method, width).parameters().len();
    // One level of the 3D U-Net is checked in `nn`; here the whole: levels w, 2w, ... 16w, transposed convs, head.
    let block = |from: usize, to: usize, kernel: usize| kernel * from * to + kernel * to * to + 2 * to + 2 * 2 * to;
    let unet = |w: usize, input: usize, output: usize, axes: u32| {
        let (kernel, up) = (3usize.pow(axes), 2usize.pow(axes));
        let width = |k: usize| w << k;
        let down: usize = (0..5).map(|k| block(if k == 0 { input } else { width(k - 1) }, width(k), kernel)).sum();
        let rise = |k: usize| up * width(k + 1) * width(k) + width(k) + block(2 * width(k), width(k), kernel);
        down + (0..4).map(rise).sum::<usize>() + w * output + output
    };
    assert_eq!(count(Method::UNet3d, 8), unet(8, 2, 1, 3));
    assert_eq!(count(Method::Cnn2d, 8), unet(16, 2, 128, 2));
    // X2CT-GAN's connection A alone at width 64: 352 features of 4 x 4 onto 256 of 4 x 4 x 4, once a film.
    let net = network(Method::X2ctGan, 16);
    let linked = net.parameters().entries().iter().find(|e| e.name == "frontal.linked.weight").unwrap();
    assert_eq!(linked.shape, [64 * 64, 88 * 16]);
    let dense = net.parameters().entries().iter().filter(|e| e.name.ends_with(".grow.conv.weight")).count();
    assert_eq!(dense, 2 * (6 + 12 + 24 + 16 + 6));
}

#[test]
fn every_weight_of_a_baseline_learns() {
    for method in RIVALS {
        let mut net = network(method, 4);
        net.parameters_mut().track_gradients(true);
        let out = net.forward(&noise(64), Precision::F32, &uninterrupted).unwrap();
        (out - noise(64).narrow(1, 0, 1)).square().mean(Kind::Float).backward();
        let gradient = net.parameters_mut().take_gradient().unwrap();
        let mut at = 0;
        for entry in net.parameters().entries() {
            let len: i64 = entry.shape.iter().product();
            let length = gradient.narrow(0, at, len).norm().double_value(&[]);
            at += len;
            // A bias before an instance norm is taken out by it.
            let idle = entry.name.ends_with("bias") && !entry.name.contains("norm") || length > 0.0;
            assert!(idle, "{method}: `{}` gets no gradient", entry.name);
        }
    }
}

/// A volume with a dense ball left, low and at the back: what a network sees of it must lie there too.
fn ball() -> (Tensor, [i64; 3]) {
    let frame = Frame::cube_of(64, [0.0; 3]);
    let centre = [40.0, 30.0, -50.0];
    let inside = |i: usize| {
        let p = frame.world_from_voxel([(i % 64) as f64, (i / 64 % 64) as f64, (i / 4096) as f64]);
        let near: f64 = p.iter().zip(centre).map(|(a, b)| (a - b) * (a - b)).sum();
        if near < 30.0 * 30.0 { 1.0 } else { 0.0 }
    };
    let r: Vec<f32> = (0..frame.len()).map(inside).collect();
    let volume = Attenuation::from_values(&frame, &r).unwrap();
    let views = Preset::Simulated.pair().views;
    let films = views.map(|view| project(&volume, &view, [0.0; 3]));
    let seen = back_project(&films, &views, &frame, BackProjection::PerView);
    let voxel = frame.voxel_from_world(centre).map(|v| v.round() as i64);
    (Tensor::from_slice(&seen).reshape([1, 2, 64, 64, 64]), voxel)
}

/// Centre of gravity of the brightest tenth of a picture, [row, column].
fn brightest(picture: &Tensor) -> [f64; 2] {
    let floor = picture.max().double_value(&[]) * 0.9;
    let mask = picture.ge(floor).to_kind(Kind::Float);
    let along = |axis: i64| {
        let n = mask.size()[axis as usize];
        let weights = mask.sum_dim_intlist([1 - axis].as_slice(), false, Kind::Float);
        let place = Tensor::arange(n, (Kind::Float, Device::Cpu));
        (weights.dot(&place) / weights.sum(Kind::Float)).double_value(&[])
    };
    [along(0), along(1)]
}

#[test]
fn films_are_read_back_from_the_middle_planes_the_right_way_round() {
    let (seen, [x, y, z]) = ball();
    let middle = |channel: i64, axis: i64| {
        seen.narrow(1, channel, 1).narrow(axis, 31, 2).mean_dim([axis].as_slice(), false, Kind::Float).squeeze()
    };
    let (frontal, lateral) = (brightest(&middle(0, 3)), brightest(&middle(1, 4)));
    // Cones magnify what is off the isocentre's plane by a few percent.
    let near = |found: [f64; 2], wanted: [i64; 2]| found.iter().zip(wanted).all(|(a, b)| (a - b as f64).abs() < 2.5);
    assert!(near(frontal, [z, x]), "{frontal:?} for {z}, {x}");
    assert!(near(lateral, [z, y]), "{lateral:?} for {z}, {y}");
}

#[test]
fn a_baseline_is_a_model_folder_like_ours() {
    let folder = tempfile::tempdir().unwrap();
    for method in RIVALS {
        let mut card = ModelSource::BuiltIn(BuiltIn::Uncalibrated).card().unwrap();
        (card.architecture.method, card.architecture.coarse_width, card.architecture.refine) = (method, 2, None);
        seed_weights(6);
        let fresh = Model::fresh(card.clone(), Device::Cpu).unwrap();
        let path = folder.path().join(method.name());
        model::save(&path, card, fresh.coarse().parameters(), None, Kind::Float).unwrap();
        let loaded = Model::load(&path, Device::Cpu).unwrap();
        assert_eq!(loaded.card().architecture.method, method);
        assert_eq!(loaded.parameter_count(), fresh.coarse().parameters().len());
        assert_eq!(loaded.coarse().parameters().flat(), fresh.coarse().parameters().flat());
    }
    let views = Preset::Simulated.pair();
    let films = views.views.map(|v| biplane::geometry::Raster::filled(v.detector.cols, v.detector.rows, 1.0));
    let model = ModelSource::Folder(folder.path().join("cnn2d"));
    let job = Job {
        films,
        views,
        frame: Frame::cube([0.0; 3]),
        model,
        device: DeviceChoice::Cpu,
        consistency_steps: 0,
        guide: None,
    };
    assert_eq!(Reconstructor::run(job, |_| {}).unwrap().volume().frame().dims(), [128; 3]);
}

/// A few steps at 32^3 on synthetic thoraxes.
fn plan(method: Method) -> TrainPlan {
    let text = r#"
        seed = 5
        [data]
        synthetic_cases = 2
        synthetic_validation = 1
        [network]
        coarse_width = 2
        refine_width = 2
        input = "per_view"
        refine = { neighbours = 0, residual = true }
        [steps]
        slices = 2
        average_decay = 0.5
        checkpoint_every = 1
        [losses]
        perceptual = 0.0
        semantic = 0.0
        anatomy = 0.0
        [[phase]]
        stage = "coarse"
        side = 32
        epochs = 1
        lr_high = 1e-3
        lr_low = 1e-4
        validate_every = 1
        [[phase]]
        stage = "refine"
        side = 32
        epochs = 1
        lr_high = 1e-3
        lr_low = 1e-4
        validate_every = 1
    "#;
    TrainPlan::from_toml(text).unwrap().with_method(method)
}

fn run(job: &biplane::train::Job, stop_at: Option<u64>) -> u64 {
    let mut steps = 0;
    let done = train(job, &mut |event| {
        if let Event::Step(step) = event {
            steps += 1;
            assert!(step.loss.is_finite() && step.gradient > 0.0);
            if stop_at == Some(steps) {
                return Control::Stop;
            }
        }
        Control::Continue
    });
    assert_eq!(done.is_err(), stop_at.is_some());
    steps
}

fn weights(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("final/weights.safetensors")).unwrap()
}

#[test]
fn baselines_train_by_the_same_plan_and_resume_to_the_bit() {
    let place = tempfile::tempdir().unwrap();
    for method in RIVALS {
        let job = |name: &str| {
            biplane::train::Job::fresh(plan(method), place.path().join(format!("{method}-{name}")), DeviceChoice::Cpu)
                .on_cores(1)
        };
        let (whole, cut) = (job("whole"), job("cut"));
        assert_eq!(run(&whole, None), 4, "{method}: steps of stage 2 are further steps of the one network");
        run(&cut, Some(3));
        let rest = biplane::train::Job::resume(cut.folder.clone(), DeviceChoice::Cpu);
        assert_eq!(run(&rest, None), 1);
        assert_eq!(weights(&whole.folder), weights(&cut.folder), "{method}");
        let loaded = Model::load(&whole.folder.join("final"), Device::Cpu).unwrap();
        assert_eq!(loaded.card().architecture.method, method);
    }
}

#[test]
fn plans_that_a_method_cannot_follow_are_refused_with_advice() {
    let mut summed = plan(Method::Cnn2d);
    summed.network.input = BackProjection::Sum;
    assert!(summed.check().unwrap_err().to_string().contains("per_view"));
    let mut refining = plan(Method::X2ctGan);
    refining.phase[1].stage = Stage::Refine;
    assert!(refining.check().unwrap_err().to_string().contains("one network"));
    assert!(plan(Method::Biplane).phase[1].stage == Stage::Refine);
    assert!("gan".parse::<Method>().unwrap_err().contains("x2ctgan"));
}
