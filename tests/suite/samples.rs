//! What a sample may be besides its case: mirrored, or between two patients; and where stage 1's loss counts more.

use biplane::geometry::Frame;
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::io::nifti;
use biplane::nn::coarse::{Coarse, CoarseConfig};
use biplane::nn::parameters::seed_weights;
use biplane::nn::refine::{self, RefineInput};
use biplane::nn::unet::UNet;
use biplane::nn::{Method, Precision};
use biplane::projection::BackProjection;
use biplane::registration::{Affine, Map};
use biplane::train::PerceptualPlan;
use biplane::train::augment::{FilmInput, Sample, SampleName, Variation, varied_sample};
use biplane::train::batch::Batch;
use biplane::train::between::{Fields, Towards};
use biplane::train::cases::Cases;
use biplane::train::dataset::{Case, CaseFile};
use biplane::train::learner::{Learn, Moment};
use biplane::train::plan::{CoarseLossPlan, ContrastPlan, DataPlan, LossPlan};
use biplane::train::prepare::fields::{FIELDS_FOLDER, Field, FieldCard};
use biplane::train::stage1::coarse_loss;
use biplane::train::stage2::{Stage2, Stage2Plan};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::path::Path;
use tch::{Device, Tensor};

const SUM: FilmInput = FilmInput { coarse: BackProjection::Sum, bands: false };

fn case() -> Case {
    let volume = thorax(5, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
    Case::new("case".into(), volume, Path::new("memory")).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// The field of a case that lies `shift_mm` away from its template.
fn shifted(shift_mm: [f64; 3], template: &str, cube: &[u8]) -> Field {
    let map = |sign: f64| {
        let affine = Affine { shift_mm: shift_mm.map(|v| sign * v), ..Affine::IDENTITY };
        Map::new(affine, 4, std::array::from_fn(|_| vec![0.0; 64])).unwrap()
    };
    let card =
        FieldCard { template: "t".into(), template_sha256: template.into(), case_sha256: hex(cube), lung_dice: 1.0 };
    Field { to_case: map(1.0), from_case: map(-1.0), card }
}

#[test]
fn a_mirrored_sample_is_the_same_body_with_its_heart_on_the_right() {
    let case = case();
    let sample = |mirror_share| {
        let variation = Variation { radiograph_share: 0.0, mirror_share, input: SUM, body: false };
        varied_sample(Some(&case), None, &variation, 64, &SampleName { seed: 2, epoch: 1, case: 0 }).unwrap().target
    };
    let (plain, mirrored) = (sample(0.0), sample(1.0));
    assert_ne!(plain, mirrored);
    let turned: Vec<f32> = mirrored.chunks_exact(64).flat_map(|row| row.iter().rev().copied()).collect();
    assert!(plain.iter().zip(&turned).all(|(a, b)| (a - b).abs() < 1e-6));
}

#[test]
fn a_bend_goes_the_share_of_the_way_from_case_to_case() {
    let (here, there) = (shifted([0.0; 3], "t", b""), shifted([5.6, -2.8, 28.0], "t", b""));
    // A voxel of the other's shape lies 2, -1 and 10 voxels before its place in the case.
    for share in [0.0, 0.5, 1.0] {
        let at = Towards::new(&here, &there, share).at([60.0, 61.0, 62.0]);
        let wanted = [60.0 - 2.0 * share, 61.0 + share, 62.0 - 10.0 * share];
        assert!(at.iter().zip(wanted).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-3), "{at:?} {wanted:?}");
    }
    let case = case();
    let variation = Variation { radiograph_share: 0.0, mirror_share: 0.0, input: SUM, body: false };
    let name = SampleName { seed: 2, epoch: 1, case: 0 };
    let target = |towards: Option<&Towards>| varied_sample(Some(&case), towards, &variation, 64, &name).unwrap().target;
    assert_eq!(target(None), target(Some(&Towards::new(&here, &there, 0.0))));
    assert_ne!(target(None), target(Some(&Towards::new(&here, &there, 1.0))));
}

#[test]
fn fields_are_read_beside_the_data_and_missing_ones_told() {
    let data = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..3).map(|k| format!("case-{k}")).collect();
    for (k, name) in names.iter().enumerate() {
        let volume = thorax(k as u64, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
        nifti::write(&data.path().join(format!("{name}.nii.gz")), &volume).unwrap();
    }
    let plan = DataPlan { folder: Some(data.path().to_owned()), between_share: 1.0, ..DataPlan::default() };
    let refused = |said: &str| {
        let error = Cases::open(&plan).err().unwrap().to_string();
        assert!(error.contains(said) && error.contains("fields"), "{error}");
    };
    refused("biplane prepare --register");
    let folder = data.path().join(FIELDS_FOLDER);
    std::fs::create_dir(&folder).unwrap();
    let path = |k: usize| folder.join(format!("case-{k}.safetensors"));
    let cube = |k: usize| std::fs::read(data.path().join(format!("case-{k}.nii.gz"))).unwrap();
    shifted([0.0; 3], "t", &cube(0)).write(&path(0)).unwrap();
    refused("1 training cases");
    shifted([2.8; 3], "other", &cube(1)).write(&path(1)).unwrap();
    refused("different templates");
    shifted([2.8; 3], "t", &cube(2)).write(&path(1)).unwrap();
    refused("another cube of its case");
    shifted([2.8; 3], "t", &cube(1)).write(&path(1)).unwrap();
    let cases = Cases::open(&plan).unwrap();
    assert_eq!(cases.unregistered(), ["case-2"]);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    assert!(cases.towards(2, &mut rng).is_none() && cases.towards(0, &mut rng).is_some());
    // A share of the samples stays as it is.
    let files = names.iter().map(|name| CaseFile::plain(data.path().join(format!("{name}.nii.gz"))));
    let fields = Fields::open(data.path(), &files.collect::<Vec<_>>()).unwrap();
    let bent = (0..400).filter(|_| fields.draw(0, 0.25, &mut rng).is_some()).count();
    assert!((60..140).contains(&bent), "{bent} of 400");
    std::fs::write(path(1), b"no field").unwrap();
    refused("no field");
}

#[test]
fn stage_1_counts_bone_vessels_and_detail_as_the_plan_says() {
    const SIDE: usize = 16;
    let value = |i: usize| ((i * 7919 % 1000) as f32 / 1000.0) * 1.5;
    let weights: Vec<f32> = (0..SIDE).map(|z| if z < 4 { 0.2 } else { 1.0 }).collect();
    let sample = Sample {
        side: SIDE,
        input: vec![0.0; SIDE.pow(3)],
        bands: Vec::new(),
        target: (0..SIDE.pow(3)).map(value).collect(),
        slice_weights: weights.clone(),
        body: Vec::new(),
    };
    let batch = Batch::new(&sample, BackProjection::Sum, Device::Cpu).unwrap();
    let given: Vec<f32> = (0..SIDE.pow(3)).map(|i| value(i + 3)).collect();
    let out = Tensor::from_slice(&given).reshape([1, 1, SIDE as i64, SIDE as i64, SIDE as i64]);
    // The formula, voxel by voxel in f64; the mean over 5^3 takes zeros from beyond the edge.
    let error: Vec<f64> = given.iter().zip(&sample.target).map(|(a, b)| f64::from(a - b)).collect();
    let smooth = |i: usize| {
        let [x, y, z] = [i % SIDE, i / SIDE % SIDE, i / SIDE / SIDE].map(|v| v as isize);
        let mut sum = 0.0;
        for (dz, dy, dx) in (0..125).map(|k| (k / 25 - 2, k / 5 % 5 - 2, k % 5 - 2)) {
            let p = [x + dx, y + dy, z + dz];
            if p.iter().all(|v| (0..SIDE as isize).contains(v)) {
                sum += error[(p[2] as usize * SIDE + p[1] as usize) * SIDE + p[0] as usize];
            }
        }
        sum / 125.0
    };
    let expected = |plan: &CoarseLossPlan| {
        let total: f64 = weights.iter().map(|w| f64::from(*w) * (SIDE * SIDE) as f64).sum();
        let voxel = |(i, e): (usize, &f64)| {
            let t = f64::from(sample.target[i]);
            let bone = if t > 1.12 { plan.bone } else { 0.0 };
            let lung = if t > 0.25 && t < 0.6 { plan.lung } else { 0.0 };
            let detail = if plan.detail > 0.0 { plan.detail * (e - smooth(i)).powi(2) } else { 0.0 };
            f64::from(weights[i / SIDE / SIDE]) * (1.0 + bone + lung) * (e * e + detail)
        };
        error.iter().enumerate().map(voxel).sum::<f64>() / total
    };
    let plans = [(0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 3.0), (2.0, 0.5, 3.0)];
    for plan in plans.map(|(bone, lung, detail)| CoarseLossPlan { bone, lung, detail }) {
        let (got, wanted) = (coarse_loss(&out, &batch, &plan, 0.5).unwrap().double_value(&[]), expected(&plan));
        assert!((got / wanted - 1.0).abs() < 1e-5, "{plan:?}: {got} {wanted}");
    }
    // Late in a phase the four slices without data count as the others: with detail alone left out, the plain mean.
    let plan = CoarseLossPlan { lung: f64::MIN_POSITIVE, ..CoarseLossPlan::default() };
    let late = coarse_loss(&out, &batch, &plan, 0.9).unwrap().double_value(&[]);
    let mean = error.iter().map(|e| e * e).sum::<f64>() / error.len() as f64;
    assert!((late / mean - 1.0).abs() < 1e-5, "{late} {mean}");
}

#[test]
fn a_contrast_network_that_warms_up_learns_and_leaves_the_refiner_alone() {
    let input = FilmInput { coarse: BackProjection::PerView, bands: false };
    let sample = varied_sample(
        Some(&case()),
        None,
        &Variation { radiograph_share: 0.0, mirror_share: 0.0, input, body: true },
        32,
        &SampleName { seed: 1, epoch: 0, case: 0 },
    );
    let batch = Batch::new(&sample.unwrap(), input.coarse, Device::Cpu).unwrap();
    // With the contrastive losses alone, a refiner that gets no gradient only decays.
    let moved = |warm_up: u64| {
        seed_weights(3);
        let config = CoarseConfig { method: Method::Biplane, base_width: 2, input: input.coarse, late_input: false };
        let coarse = Coarse::new(config, Device::Cpu).unwrap();
        let refiner = UNet::new(refine::config(2, RefineInput::default()), Device::Cpu).unwrap();
        let before = refiner.parameters().flat().copy();
        let contrast = ContrastPlan { warm_up, anatomy_positions: 16, ..ContrastPlan::default() };
        let losses = LossPlan { l1: 0.0, perceptual: 0.0, adversarial: 0.0, contrast, ..LossPlan::default() };
        let plan = Stage2Plan {
            input: RefineInput::default(),
            contrast_width: 2,
            losses,
            perceptual: PerceptualPlan::default(),
            slices: 4,
            average_decay: 0.0,
            precision: Precision::F32,
        };
        let mut stage = Stage2::new(coarse, refiner, plan, Device::Cpu).unwrap();
        let outcome =
            stage.step(std::slice::from_ref(&batch), &Moment { step: 5, share: 0.0, lr: 0.1, seed: 1 }).unwrap();
        assert!(outcome.loss > 0.0 && outcome.gradient > 0.0);
        let after = stage.networks().unwrap().refine.unwrap();
        (after.parameters().flat() - before * (1.0 - 0.1 * 0.01)).abs().max().double_value(&[])
    };
    assert!(moved(5) < 1e-6);
    assert!(moved(4) > 1e-3);
}
