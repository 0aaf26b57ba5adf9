//! The networks: sizes, shapes, identities.

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, ViewPair};
use biplane::nn::model::{self, RefineArchitecture};
use biplane::nn::parameters::seed_weights;
use biplane::nn::refine::RefineInput;
use biplane::nn::unet::{Dims, UNet, UNetConfig, uninterrupted};
use biplane::nn::{
    BuiltIn, DeviceChoice, Event, Job, Model, ModelCard, ModelSource, NnError, Precision, Reconstructor, coarse, refine,
};
use biplane::projection::BackProjection;
use std::path::Path;
use tch::{Device, Kind, Tensor};

fn parameters(config: UNetConfig) -> usize {
    UNet::new(config, Device::Cpu).unwrap().parameters().len()
}

/// Conv weights and biases, norms, transposed convs and head, summed by hand over the paper's levels.
fn counted(dims: u32, in_channels: usize, width: usize) -> usize {
    let (k3, k2) = (3usize.pow(dims), 2usize.pow(dims));
    let block = |from: usize, to: usize| from * to * k3 + to * to * k3 + 2 * to + 4 * to;
    let w: Vec<usize> = (0..5).map(|l| width << l).collect();
    let encoder: usize = (0..5).map(|l| block(if l == 0 { in_channels } else { w[l - 1] }, w[l])).sum();
    let decoder: usize = (0..4).map(|l| w[l + 1] * w[l] * k2 + w[l] + block(2 * w[l], w[l])).sum();
    encoder + decoder + width + 1
}

#[test]
fn the_papers_networks_have_their_sizes() {
    // 90.3 and 31.0 million: the well-known sizes of these U-Nets.
    assert_eq!(parameters(coarse::config(64, BackProjection::Sum)), counted(3, 1, 64));
    assert_eq!(counted(3, 1, 64) / 100_000, 903);
    assert_eq!(parameters(refine::config(64, refine::RefineInput::default())), counted(2, 1, 64));
    assert_eq!(counted(2, 1, 64) / 100_000, 310);
    assert_eq!(parameters(coarse::config(16, BackProjection::PerView)), counted(3, 2, 16));
}

#[test]
fn shapes_and_names() {
    let net = UNet::new(coarse::config(4, BackProjection::PerView), Device::Cpu).unwrap();
    let out =
        net.forward(&Tensor::ones([1, 2, 32, 16, 48], (Kind::Float, Device::Cpu)), Precision::F32, &uninterrupted);
    assert_eq!(out.unwrap().size(), [1, 1, 32, 16, 48]);
    let names: Vec<&str> = net.parameters().entries().iter().map(|e| e.name.as_str()).collect();
    for name in ["enc1.conv1.weight", "enc5.norm2.bias", "up4.weight", "dec1.conv2.bias", "head.weight"] {
        assert!(names.contains(&name), "{name}");
    }
    let wrong =
        net.forward(&Tensor::ones([1, 2, 20, 16, 16], (Kind::Float, Device::Cpu)), Precision::F32, &uninterrupted);
    assert!(matches!(wrong, Err(NnError::Input(text)) if text.contains("multiples of 16")));
}

#[test]
fn samples_of_a_batch_do_not_see_one_another() {
    tch::manual_seed(1);
    let net = UNet::new(UNetConfig::new(Dims::Two, 1, 8), Device::Cpu).unwrap();
    let x = Tensor::rand([3, 1, 32, 32], (Kind::Float, Device::Cpu));
    let all = net.forward(&x, Precision::F32, &uninterrupted).unwrap();
    for i in 0..3 {
        // One sample goes through the batch norm kernel, three through group norm: both are instance norm.
        let one = net.forward(&x.narrow(0, i, 1), Precision::F32, &uninterrupted).unwrap();
        let worst = (one - all.narrow(0, i, 1)).abs().max().double_value(&[]);
        assert!(worst < 1e-4, "{worst}");
    }
}

#[test]
fn bf16_stays_near_f32() {
    tch::manual_seed(2);
    let net = UNet::new(coarse::config(8, BackProjection::PerView), Device::Cpu).unwrap();
    let x = Tensor::rand([1, 2, 32, 32, 32], (Kind::Float, Device::Cpu));
    let a = net.forward(&x, Precision::F32, &uninterrupted).unwrap();
    let scale = a.std(false).double_value(&[]);
    let off = |precision| {
        let b = net.forward(&x, precision, &uninterrupted).unwrap();
        (&a - b).abs().mean(Kind::Float).double_value(&[])
    };
    let (narrow, mixed) = (off(Precision::Bf16), off(Precision::Mixed));
    assert!(0.0 < mixed && mixed < narrow && narrow < 0.05 * scale, "{mixed} {narrow} of {scale}");
}

#[test]
fn an_interrupt_between_blocks_ends_the_pass() {
    let net = UNet::new(coarse::config(4, BackProjection::Sum), Device::Cpu).unwrap();
    let calls = std::cell::Cell::new(0);
    let stop = || {
        calls.set(calls.get() + 1);
        if calls.get() == 5 { Err(NnError::Cancelled) } else { Ok(()) }
    };
    let out = net.forward(&Tensor::ones([1, 1, 32, 32, 32], (Kind::Float, Device::Cpu)), Precision::F32, &stop);
    assert!(matches!(out, Err(NnError::Cancelled)));
    assert_eq!(calls.get(), 5);
}

#[test]
fn gradients_reach_the_flat_vector_and_match_finite_differences() {
    // Short against the kinks of the leaky ReLU, long against the rounding of f32.
    const STEP: f64 = 1e-4;
    let shapes: [(Dims, &[i64]); 2] = [(Dims::Two, &[2, 1, 32, 32]), (Dims::Three, &[1, 1, 32, 32, 32])];
    for (dims, shape) in shapes {
        tch::manual_seed(3);
        let net = UNet::new(UNetConfig::new(dims, 1, 4), Device::Cpu).unwrap();
        compare_gradients(net, &Tensor::rand(shape, (Kind::Float, Device::Cpu)), STEP);
    }
}

fn compare_gradients(mut net: UNet, x: &Tensor, step: f64) {
    net.parameters_mut().track_gradients(true);
    let loss = |net: &UNet| net.forward(x, Precision::F32, &uninterrupted).unwrap().square().mean(Kind::Float);
    loss(&net).backward();
    let gradient = net.parameters_mut().take_gradient().unwrap();
    let _guard = tch::no_grad_guard();
    let direction = &gradient / gradient.norm();
    let start = net.parameters().flat().copy();
    let at = |net: &mut UNet, step: f64| {
        net.parameters_mut().set_flat(&(&start + &direction * step)).unwrap();
        loss(net).double_value(&[])
    };
    let (plus, minus) = (at(&mut net, step), at(&mut net, -step));
    let numeric = (plus - minus) / (2.0 * step);
    let exact = gradient.norm().double_value(&[]);
    assert!((numeric / exact - 1.0).abs() < 0.02, "{numeric} {exact}");
}

/// A thorax of 128^3 and its two simulated films.
fn job(device: DeviceChoice, model: ModelSource) -> Job {
    let frame = Frame::cube([10.0, 20.0, 30.0]);
    let phantom = thorax(1, &ThoraxLimits::default());
    let views = Preset::Simulated.pair();
    let films = views.views.map(|v| phantom.project(&v.resized(128, 128)));
    Job { films, views: small(views), frame, model, device, consistency_steps: 0, guide: None }
}

fn small(mut pair: ViewPair) -> ViewPair {
    pair.views = pair.views.map(|v| v.resized(128, 128));
    pair
}

/// A model folder with fresh weights, quick enough for a test.
pub(crate) fn tiny_model(folder: &Path, refine: bool) -> ModelCard {
    seed_weights(5);
    let mut card = ModelSource::Automatic.card().unwrap();
    card.architecture.coarse_width = 2;
    card.architecture.refine = refine.then_some(RefineArchitecture { width: 2, input: RefineInput::default() });
    let fresh = Model::fresh(card.clone(), Device::Cpu).unwrap();
    model::save(folder, card, fresh.coarse().parameters(), fresh.refine().map(|(n, _)| n.parameters()), Kind::Half)
        .unwrap()
}

#[test]
fn a_job_tells_its_stages_in_order_and_keeps_its_frame() {
    let folder = tempfile::tempdir().unwrap();
    let card = tiny_model(folder.path(), true);
    let mut stages = Vec::new();
    let job = job(DeviceChoice::Cpu, ModelSource::Folder(folder.path().to_owned()));
    let frame = job.frame.clone();
    let result = Reconstructor::run(job, |event| {
        stages.push(match event {
            Event::BackProjection => "back-projection",
            Event::Coarse { .. } => "coarse",
            Event::Refine { .. } => "refine",
            _ => "other",
        });
    })
    .unwrap();
    stages.dedup();
    assert_eq!(stages, ["back-projection", "coarse", "refine"]);
    assert_eq!(result.volume().frame(), &frame);
    assert_eq!(result.model_sha256, card.sha256);
    assert!(result.seconds.coarse > 0.0 && result.seconds.refine > 0.0);
}

#[test]
fn steps_towards_the_films_bring_the_volume_nearer_to_them() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model(folder.path(), false);
    let films_error = |steps: u32| {
        let mut job = job(DeviceChoice::Cpu, ModelSource::Folder(folder.path().to_owned()));
        job.consistency_steps = steps;
        let (films, views, iso) = (job.films.clone(), job.views, job.frame.centre_mm());
        let mut told = 0;
        let result = Reconstructor::run(job, |event| {
            told += usize::from(matches!(event, Event::Consistency { .. }));
        })
        .unwrap();
        assert_eq!(told, steps as usize);
        assert_eq!(result.seconds.consistency > 0.01, steps > 0);
        let held = biplane::evaluate::consistency::consistency(result.volume(), &films, &views, iso).unwrap();
        held[0].relative_error + held[1].relative_error
    };
    let (alone, after) = (films_error(0), films_error(3));
    assert!(after < 0.8 * alone, "{alone} {after}");
}

#[test]
fn a_cancelled_job_ends_soon_and_says_so() {
    let job = job(DeviceChoice::Cpu, ModelSource::Automatic);
    let handle = Reconstructor::start(job, || {});
    while !matches!(handle.wait(), Some(Event::Coarse { .. })) {}
    let asked = std::time::Instant::now();
    handle.cancel();
    let mut last = None;
    while let Some(event) = handle.wait() {
        last = Some(event);
    }
    assert!(matches!(last, Some(Event::Cancelled)), "{last:?}");
    // A fault of design shows in seconds; the machine's load does not.
    assert!(asked.elapsed().as_secs_f64() < 20.0);
}

#[test]
fn damaged_and_foreign_models_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let card = tiny_model(folder.path(), true);
    let load = || Model::load(folder.path(), Device::Cpu).err().map(|e| e.to_string()).unwrap_or_default();
    assert_eq!(load(), "");

    let mut wider = card.clone();
    wider.architecture.coarse_width = 4;
    model::write_card(folder.path(), &wider).unwrap();
    assert!(load().contains("`coarse.enc1.conv1.weight` has shape"), "{}", load());

    let mut alone = card.clone();
    alone.architecture.refine = None;
    model::write_card(folder.path(), &alone).unwrap();
    assert!(load().contains("weights, the card's networks have"), "{}", load());

    model::write_card(folder.path(), &card).unwrap();
    let path = folder.path().join(model::WEIGHTS_FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(load().contains("damaged"), "{}", load());

    std::fs::remove_file(&path).unwrap();
    assert!(load().contains(model::WEIGHTS_FILE), "{}", load());
    std::fs::write(folder.path().join(model::CARD_FILE), "name = 3").unwrap();
    assert!(load().contains(model::CARD_FILE), "{}", load());
}

#[test]
fn half_precision_weights_come_back_as_they_were_rounded() {
    let folder = tempfile::tempdir().unwrap();
    tiny_model(folder.path(), false);
    let model = Model::load(folder.path(), Device::Cpu).unwrap();
    seed_weights(5);
    let fresh = Model::fresh(model.card().clone(), Device::Cpu).unwrap();
    let rounded = fresh.coarse().parameters().flat().to_kind(Kind::Half).to_kind(Kind::Float);
    assert_eq!(model.coarse().parameters().flat(), &rounded);
}

#[test]
fn device_names_are_understood_or_refused() {
    assert_eq!("cuda:1".parse(), Ok(DeviceChoice::Cuda(1)));
    assert_eq!("auto".parse::<DeviceChoice>().unwrap().to_string(), "auto");
    assert!("gpu".parse::<DeviceChoice>().is_err());
    assert!(matches!(DeviceChoice::Cuda(99).device(), Err(NnError::NoDevice(name)) if name == "cuda:99"));
}

#[test]
fn films_from_directions_never_learnt_are_said() {
    let range = ModelSource::Automatic.card().unwrap().input;
    assert_eq!(range.caution(&Preset::Simulated.pair()), None);
    assert_eq!(range.caution(&Preset::ChestRoom.pair()), None);
    let said = range.caution(&Preset::CeilingPair.pair()).unwrap();
    assert!(said.contains("45 degrees") && said.contains("0 and 180"), "{said}");
}

#[test]
fn recomputing_gives_the_same_gradients() {
    tch::manual_seed(5);
    for dims in [Dims::Two, Dims::Three] {
        let mut net = UNet::new(UNetConfig::new(dims, 1, 2), Device::Cpu).unwrap();
        net.parameters_mut().track_gradients(true);
        let mut shape = vec![1, 1, 32, 32];
        if dims == Dims::Three {
            shape.push(32);
        }
        let input = Tensor::randn(&shape, (Kind::Float, Device::Cpu));
        let plain = net.forward(&input, Precision::F32, &uninterrupted).unwrap();
        plain.square().mean(Kind::Float).backward();
        let wanted = net.parameters_mut().take_gradient().unwrap();
        let (out, tape) = net.forward_recomputing(&input, Precision::F32).unwrap();
        assert!((&out - &plain).abs().max().double_value(&[]) < 1e-5);
        out.square().mean(Kind::Float).backward();
        tape.backward().unwrap();
        let found = net.parameters_mut().take_gradient().unwrap();
        let off = (&found - &wanted).norm().double_value(&[]) / wanted.norm().double_value(&[]);
        assert!(off < 1e-4, "{dims:?}: {off}");
    }
}

#[test]
fn films_of_unknown_scale_or_tone_get_the_model_made_for_them() {
    for model in BuiltIn::ALL {
        let source = ModelSource::BuiltIn(model);
        assert_eq!(source.card().unwrap().name, model.name());
        assert_eq!(ModelSource::of_argument(Path::new(model.name())), source);
        // A choice is kept whatever the films are.
        assert_eq!((source.clone().for_films(true), source.clone().for_films(false)), (source.clone(), source));
    }
    let folder = ModelSource::Folder("weights/mine".into());
    assert_eq!(ModelSource::of_argument(Path::new("weights/mine")), folder);
    assert_eq!(folder.clone().for_films(true), folder);
    assert_eq!(ModelSource::Automatic.for_films(false).card().unwrap().name, "biplane-p16");
    assert_eq!(ModelSource::Automatic.for_films(true).card().unwrap().name, "biplane-w16");
}

#[test]
fn a_refining_network_that_sees_the_films_gets_them_beside_its_slices() {
    let (depth, side) = (6, 16);
    let volume = Tensor::arange(depth * side * side, (Kind::Float, Device::Cpu)).reshape([depth, side, side]);
    let beside = Tensor::stack(&(1..=8).map(|k| &volume * -f64::from(k)).collect::<Vec<_>>(), 0);
    let sees = RefineInput { neighbours: 1, residual: true, films: true };
    let from = refine::Unrefined { volume: &volume, beside: Some(&beside) };
    let seen = refine::gather_slices(&from, &[5, 0], sees).unwrap();
    assert_eq!(seen.size(), [2, 11, side, side]);
    let at = |slice: i64, channel: i64| seen.get(slice).get(channel);
    for (channel, z) in [(0, 4), (1, 5), (2, 5), (3, 5), (10, 5)] {
        let times = if channel < 3 { 1.0 } else { -f64::from(channel as i32 - 2) };
        assert_eq!(at(0, channel), volume.get(z) * times, "channel {channel}");
    }
    assert_eq!((at(1, 0), at(1, 2), at(1, 4)), (volume.get(0), volume.get(1), volume.get(0) * -2.0));
    let blind = refine::Unrefined { volume: &volume, beside: None };
    assert!(refine::gather_slices(&blind, &[0], sees).unwrap_err().to_string().contains("sees films"));
    // A whole job hands them over.
    let folder = tempfile::tempdir().unwrap();
    let mut card = tiny_model(folder.path(), true);
    card.architecture.refine = Some(RefineArchitecture { width: 2, input: sees });
    let fresh = Model::fresh(card.clone(), Device::Cpu).unwrap();
    let parameters = fresh.refine().map(|(net, _)| net.parameters());
    model::save(folder.path(), card, fresh.coarse().parameters(), parameters, Kind::Half).unwrap();
    let job = job(DeviceChoice::Cpu, ModelSource::Folder(folder.path().to_owned()));
    let result = Reconstructor::run(job, |_| {}).unwrap();
    assert!(result.seconds.refine > 0.0 && result.volume().hu().iter().any(|hu| *hu != result.volume().hu()[0]));
}
