//! What `train_step.py` runs of ours: times training steps of both stages as a run takes them.
//! Prints one line of JSON.
//!
//! ```text
//! train_step_probe WIDTH SIDE PRECISION THREADS STEPS VGG|none
//! ```
//!
//! PRECISION is `f32`, `bf16` or `auto` (what a run takes). VGG is a file with VGG16's first convolutions; with `none`
//! the perceptual loss is left out. The first step of each stage is not counted.

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{CUBE_SIDE_VOXELS, Frame};
use biplane::nn::coarse::{Coarse, CoarseConfig};
use biplane::nn::perceptual::vgg::Layer;
use biplane::nn::refine::{self, RefineInput};
use biplane::nn::unet::UNet;
use biplane::nn::{Method, Precision};
use biplane::projection::BackProjection;
use biplane::train::augment::{FilmInput, SampleName, Variation, varied_sample};
use biplane::train::batch::Batch;
use biplane::train::dataset::Case;
use biplane::train::learner::{Learn, Moment};
use biplane::train::perceptual::{PerceptualPlan, WeightsSource};
use biplane::train::plan::{CoarseLossPlan, LossPlan, StepPlan};
use biplane::train::stage1::Stage1;
use biplane::train::stage2::{Stage2, Stage2Plan};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tch::Device;

const INPUT: BackProjection = BackProjection::PerView;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [width, side, precision, threads, steps, vgg] = args.as_slice() else {
        return Err("WIDTH SIDE PRECISION THREADS STEPS VGG|none".into());
    };
    let (width, side, steps) = (width.parse()?, side.parse()?, steps.parse::<u64>()?);
    tch::set_num_threads(threads.parse()?);
    biplane::nn::parameters::seed_weights(1);
    let precision = match precision.as_str() {
        "auto" => Precision::fastest(Device::Cpu),
        "bf16" => Precision::Bf16,
        _ => Precision::F32,
    };
    let batch = [batch(side)?];
    let config = CoarseConfig { method: Method::Biplane, base_width: width, input: INPUT, late_input: false };
    let net = || Coarse::new(config, Device::Cpu);
    let first = seconds(
        &mut Stage1::new(net()?, None, &StepPlan::default(), CoarseLossPlan::default(), precision)?,
        &batch,
        steps,
    )?;
    let plan = stage2_plan(width, precision, vgg);
    let refiner = UNet::new(refine::config(width, plan.input), Device::Cpu)?;
    let second = seconds(&mut Stage2::new(net()?, refiner, plan, Device::Cpu)?, &batch, steps)?;
    println!("{{\"stage1_secs\": {first}, \"stage2_secs\": {second}, \"precision\": \"{precision:?}\"}}");
    Ok(())
}

/// A sample of a synthetic thorax.
fn batch(side: usize) -> Result<Batch, Box<dyn Error>> {
    let volume = thorax(1, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
    assert_eq!(volume.frame().dims(), [CUBE_SIDE_VOXELS; 3]);
    let case = Case::new("thorax".into(), volume, Path::new("thorax"))?;
    let variation = Variation {
        radiograph_share: 0.0,
        mirror_share: 0.0,
        input: FilmInput { coarse: INPUT, bands: false },
        body: true,
    };
    let sample = varied_sample(Some(&case), None, &variation, side, &SampleName { seed: 1, epoch: 0, case: 0 })?;
    Ok(Batch::new(&sample, INPUT, Device::Cpu)?)
}

fn stage2_plan(width: i64, precision: Precision, vgg: &str) -> Stage2Plan {
    let steps = StepPlan::default();
    let perceptual = if vgg == "none" { 0.0 } else { LossPlan::default().perceptual };
    Stage2Plan {
        input: RefineInput::default(),
        contrast_width: width,
        losses: LossPlan { perceptual, ..LossPlan::default() },
        perceptual: PerceptualPlan {
            layers: vec![Layer::Relu1_2, Layer::Relu2_2],
            weights: WeightsSource::File(PathBuf::from(vgg)),
        },
        slices: steps.slices,
        average_decay: steps.average_decay,
        precision,
    }
}

/// The least time of a step.
fn seconds(learner: &mut dyn Learn, batch: &[Batch], steps: u64) -> Result<f64, Box<dyn Error>> {
    let mut best = f64::MAX;
    for step in 0..=steps {
        let start = Instant::now();
        learner.step(batch, &Moment { step, share: 0.0, lr: 1e-4, seed: 1 })?;
        if step > 0 {
            best = best.min(start.elapsed().as_secs_f64());
        }
    }
    Ok(best)
}
