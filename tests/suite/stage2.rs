//! The losses of stage 2 against plain PyTorch (tests/reference/contrast.py made the values) and finite differences.

use biplane::nn::Precision;
use biplane::nn::parameters::Parameters;
use biplane::train::contrast::{ContrastNet, anatomy_loss, sample_positions, semantic_loss};
use biplane::train::discriminator::{Discriminator, Judge};
use biplane::train::event::{Step, Term};
use biplane::train::plan::ContrastPlan;
use biplane::train::watch::Watch;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use tch::{Device, Kind, Tensor};

use crate::parity::values;

/// Largest relative difference to PyTorch in f64.
const TOLERANCE: f64 = 2e-4;

#[derive(serde::Deserialize)]
struct Golden {
    semantic: Loss,
    anatomy: Loss,
    anatomy_few: Loss,
    discriminator: f64,
    adversarial: Loss,
    features: Features,
}

/// A loss, and every seventh value of its gradient.
#[derive(serde::Deserialize)]
struct Loss {
    loss: f64,
    gradient: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Features {
    semantic: Vec<f64>,
    anatomy: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/contrast.json")).unwrap()
}

fn tensor(name: &str, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&values(name, shape.iter().product::<i64>() as usize)).reshape(shape)
}

/// Unit length along dimension `dim`.
fn unit(x: &Tensor, dim: i64) -> Tensor {
    x / (x.square().sum_dim_intlist([dim].as_slice(), true, Kind::Float) + 1e-12).sqrt()
}

/// Compares loss and gradient of a function with the golden ones, and the gradient with a finite difference.
fn agrees(input: &Tensor, loss_of: impl Fn(&Tensor) -> Tensor, golden: &Loss) {
    let x = input.copy().set_requires_grad(true);
    let loss = loss_of(&x);
    let found = loss.double_value(&[]);
    assert!((found - golden.loss).abs() < TOLERANCE * golden.loss.abs(), "{found} {}", golden.loss);
    loss.backward();
    let kept = x.grad().flatten(0, -1).slice(0, None, None, 7).to_kind(Kind::Double);
    let wanted = Tensor::from_slice(&golden.gradient);
    let off = (&kept - &wanted).norm().double_value(&[]) / wanted.norm().double_value(&[]);
    assert!(off < TOLERANCE, "the gradient is {off} off");
    // Along its own gradient a function rises by the gradient's length.
    let direction = x.grad() / x.grad().norm();
    let step = 2e-3;
    let at = |sign: f64| tch::no_grad(|| loss_of(&(x.detach() + &direction * (sign * step))).double_value(&[]));
    let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
    let length = x.grad().norm().double_value(&[]);
    assert!((slope / length - 1.0).abs() < 0.02, "slope {slope}, gradient {length}");
}

#[test]
fn the_semantic_loss_is_the_papers() {
    let teacher = unit(&tensor("semantic teacher", &[2, 6, 5, 4]), 1);
    let student = tensor("semantic student", &[2, 6, 5, 4]);
    agrees(&student, |x| semantic_loss(&unit(x, 1), &teacher, 4).unwrap(), &golden().semantic);
}

#[test]
fn the_anatomical_loss_is_infonce_with_near_negatives() {
    let positions = [0, 8, 37, 62, 63];
    let teacher = unit(&tensor("anatomy teacher", &[6, 64]), 0);
    let student = tensor("anatomy student", &[6, 5]);
    let plan = ContrastPlan { window: 5, core: 3, ..ContrastPlan::default() };
    for (negatives, wanted) in [(5, golden().anatomy), (16, golden().anatomy_few)] {
        let plan = ContrastPlan { anatomy_negatives: negatives, ..plan };
        agrees(&student, |x| anatomy_loss(&unit(x, 0), &teacher, &positions, 8, &plan).unwrap(), &wanted);
    }
}

/// Weights from the formula, as `fill` in tests/reference/contrast.py.
fn fill(parameters: &mut Parameters) {
    const SCALE: f64 = 1.5;
    let named: Vec<(String, Tensor)> = parameters
        .entries()
        .iter()
        .map(|entry| {
            let v = tensor(&entry.name, &entry.shape);
            let fan = entry.shape[1..].iter().product::<i64>() as f64;
            let norm = entry.name.contains(".norm") || entry.name.starts_with("norm");
            let value = match (norm, entry.name.ends_with("weight")) {
                (true, true) => v * 0.25 + 1.0,
                (true, false) => v * 0.25,
                (false, true) => v * (SCALE / fan.sqrt()),
                (false, false) => v * 0.1,
            };
            (entry.name.clone(), value)
        })
        .collect();
    parameters.load(&named, "", Path::new("the formula")).unwrap();
}

#[test]
fn the_discriminator_is_the_patchgan() {
    let mut judge = Discriminator::new(Judge::SLICES, Device::Cpu).unwrap();
    fill(judge.parameters_mut());
    let [coarse, truth, refined] = ["coarse", "truth", "refined"].map(|n| tensor(&format!("gan {n}"), &[2, 1, 32, 32]));
    let golden = golden();
    let loss = tch::no_grad(|| judge.loss(&coarse, &refined, &truth).unwrap()).double_value(&[]);
    assert!((loss - golden.discriminator).abs() < TOLERANCE * golden.discriminator, "{loss}");
    agrees(&refined, |x| judge.adversarial_loss(&coarse, x).unwrap(), &golden.adversarial);
    assert_eq!(
        judge.parameters().len(),
        2 * 64 * 16
            + 64
            + 64 * 128 * 16
            + 128
            + 256
            + 128 * 256 * 16
            + 256
            + 512
            + 256 * 512 * 16
            + 512
            + 1024
            + 512 * 16
            + 1
    );
}

#[test]
fn the_contrast_network_goes_up_bilinearly_and_gives_unit_features() {
    let mut net = ContrastNet::new(2, Device::Cpu).unwrap();
    for parameters in net.parameters_mut() {
        fill(parameters);
    }
    let slices = tensor("contrast slices", &[1, 1, 32, 32]);
    let _guard = tch::no_grad_guard();
    let features = net.features(&slices, Precision::F32).unwrap();
    let semantic = net.semantic(&features).unwrap();
    assert_eq!(semantic.size(), [1, 128, 2, 2]);
    let anatomy = net.anatomy(&features, 0).unwrap();
    assert_eq!(anatomy.size(), [128, 32 * 32]);
    let golden = golden().features;
    let off = |found: &Tensor, wanted: &[f64]| {
        let kept = found.flatten(0, -1).slice(0, None, None, 11);
        (kept - Tensor::from_slice(wanted)).abs().max().double_value(&[])
    };
    assert!(off(&semantic, &golden.semantic) < TOLERANCE);
    let thinned = anatomy.view([128, 32, 32]).slice(1, None, None, 4).slice(2, None, None, 4).contiguous();
    assert!(off(&thinned, &golden.anatomy) < TOLERANCE);
    let length = anatomy.square().sum_dim_intlist([0i64].as_slice(), false, Kind::Float);
    assert!((length - 1.0).abs().max().double_value(&[]) < 1e-4);
    // At chosen positions the head gives what it gives everywhere.
    let at = Tensor::from_slice(&[5i64, 900]);
    let some = net.anatomy_at(&features, 0, &at).unwrap();
    assert!((some - anatomy.index_select(1, &at)).abs().max().double_value(&[]) < 1e-6);
}

#[test]
fn positions_lie_inside_and_are_all_where_they_are_few() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let inside: Vec<u8> = (0..100).map(|i| u8::from(i % 3 == 0)).collect();
    let some = sample_positions(&inside, 10, &mut rng);
    assert_eq!(some.len(), 10);
    assert!(some.iter().all(|p| p % 3 == 0));
    let mut unique = some.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 10);
    assert_eq!(sample_positions(&inside, 1000, &mut rng).len(), 34);
    assert!(sample_positions(&[0; 50], 10, &mut rng).is_empty());
}

/// A step of stage 2 with its anatomical loss.
fn step(step: u64, anatomy: f64) -> Step {
    let terms = vec![(Term::Anatomy, anatomy), (Term::AnatomyChance, 2.833), (Term::FeatureDeviation, 0.08)];
    let (loss, gradient, lr, seconds) = (1.0, 1.0, 1e-4, 1.0);
    Step { phase: 0, epoch: 1, step, share: 0.0, loss, terms, gradient, lr, seconds, waited: 0.0 }
}

#[test]
fn a_loss_at_chance_is_told_once_and_one_below_never() {
    let told = |loss: &dyn Fn(u64) -> f64| {
        let mut watch = Watch::default();
        (1..=1200).filter_map(|k| watch.hear(&step(k, loss(k))).map(|text| (k, text))).collect::<Vec<_>>()
    };
    let at_chance = told(&|_| 3.02);
    assert_eq!(at_chance.len(), 1);
    assert!(at_chance[0].0 == 500 && at_chance[0].1.contains("0.19 above chance (2.83)"), "{at_chance:?}");
    assert!(told(&|k| if k < 100 { 3.5 } else { 2.1 }).is_empty());
    // Better at first, and lost later.
    assert_eq!(told(&|k| if k < 800 { 2.1 } else { 3.1 }).len(), 1);
    // A run that is resumed late listens first: one odd step says nothing.
    let mut resumed = Watch::default();
    assert!(resumed.hear(&step(1000, 3.4)).is_none());
    assert!((1001..1400).all(|k| resumed.hear(&step(k, 2.1)).is_none()));
}
