//! What `networks.py` runs of ours: times the networks of a model folder, as the reconstructor calls them.
//! Prints one line of JSON.
//!
//! ```text
//! networks_probe MODEL INPUT PRECISION THREADS TIMES OUT
//! ```
//!
//! INPUT is the coarse network's input, `[C][128][128][128]` raw f32; PRECISION is `f32`, `bf16`, `mixed`
//! or `auto` (what the reconstructor takes); OUT receives the coarse volume and, where the model refines, the refined one,
//! raw f32.

use biplane::nn::reconstruct::CPU_SLICES;
use biplane::nn::refine::{RefineInput, Unrefined, refine_slices};
use biplane::nn::tensor::{from_channels, to_values};
use biplane::nn::unet::{UNet, uninterrupted};
use biplane::nn::{Model, NnError, Precision};
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use tch::{Device, Tensor};

/// Side of the networks' cube.
const SIDE: usize = biplane::geometry::CUBE_SIDE_VOXELS;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, input, precision, threads, times, out] = args.as_slice() else {
        return Err("MODEL INPUT PRECISION THREADS TIMES OUT".into());
    };
    tch::set_num_threads(threads.parse()?);
    let precision = match precision.as_str() {
        "auto" => Precision::for_inference(Device::Cpu),
        "bf16" => Precision::Bf16,
        "mixed" => Precision::Mixed,
        _ => Precision::F32,
    };
    let _guard = tch::no_grad_guard();
    let model = Model::load(Path::new(model), Device::Cpu)?;
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(&std::fs::read(input)?);
    let films = model.card().architecture.input;
    let input = from_channels(&values, films.channels(), [films.side(SIDE); 3], Device::Cpu)?;
    let (mut coarse_secs, mut refine_secs) = (f64::MAX, f64::MAX);
    let mut volumes = Vec::new();
    for _ in 0..times.parse::<usize>()? {
        let start = Instant::now();
        let coarse = model.coarse().forward(&input, precision, &uninterrupted)?;
        let coarse = coarse.f_select(0, 0)?.f_select(0, 0)?;
        coarse_secs = coarse_secs.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let refined = model.refine().map(|(net, sees)| refine(net, sees, &coarse, precision)).transpose()?;
        refine_secs = refine_secs.min(start.elapsed().as_secs_f64());
        volumes = to_values(&coarse)?;
        volumes.extend(refined.map(|r| to_values(&r)).transpose()?.unwrap_or_default());
    }
    std::fs::write(out, bytemuck::cast_slice(&volumes))?;
    println!("{{\"coarse_secs\": {coarse_secs}, \"refine_secs\": {refine_secs}, \"precision\": \"{precision:?}\"}}");
    Ok(())
}

/// `[D, H, W]`, in the reconstructor's batches.
fn refine(net: &UNet, sees: RefineInput, coarse: &Tensor, precision: Precision) -> Result<Tensor, NnError> {
    let depth = coarse.size()[0];
    let mut parts = Vec::new();
    for first in (0..depth).step_by(CPU_SLICES as usize) {
        let slices: Vec<i64> = (first..depth.min(first + CPU_SLICES)).collect();
        parts.push(refine_slices(
            net,
            &Unrefined { volume: coarse, beside: None },
            &slices,
            sees,
            precision,
            &uninterrupted,
        )?);
    }
    Ok(Tensor::f_cat(&parts, 0)?.f_select(1, 0)?)
}
