//! What `metrics.py` runs of ours: times each metric on two volume files. Prints one line of JSON, least seconds and
//! value by metric.
//!
//! ```text
//! metrics_probe RECON TRUTH TIMES THREADS [WEIGHTS]
//! ```
//!
//! WEIGHTS is a store of perceptual weights (the folder `perceptual` of a cache); LPIPS is timed over whichever networks
//! it holds.

use biplane::geometry::Volume;
use biplane::io::{self, Progress};
use biplane::metrics::{LpipsSet, mae, psnr, ssim, vif};
use biplane::nn::perceptual::{Backbone, Store};
use serde_json::{Map, Value, json};
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use tch::Device;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [recon, truth, times, threads, weights @ ..] = args.as_slice() else {
        return Err("RECON TRUTH TIMES THREADS [WEIGHTS]".into());
    };
    let [recon, truth] = [recon, truth].map(|path| io::open_volume(Path::new(path), &Progress::new()));
    let (recon, truth) = (recon?.volume, truth?.volume);
    let (times, threads): (usize, usize) = (times.parse()?, threads.parse()?);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    tch::set_num_threads(threads as i32);
    let (a, b, dims) = (recon.hu(), truth.hu(), truth.frame().dims());
    let mut told = Map::new();
    let mut tell = |name: &str, of: &dyn Fn() -> Option<f64>| {
        let once = || {
            let start = Instant::now();
            let value = of();
            (start.elapsed().as_secs_f64(), value)
        };
        // The first run is warm-up.
        let (_, value) = once();
        let secs = (0..times).map(|_| once().0).fold(f64::MAX, f64::min);
        told.insert(name.to_owned(), json!({ "secs": secs, "value": value }));
    };
    tell("MAE", &|| mae::mae(a, b));
    tell("PSNR", &|| psnr::psnr(a, b, psnr::PEAK_HU));
    tell("SSIM", &|| ssim::ssim(a, b, dims));
    tell("SSIM, uniform", &|| ssim::ssim_uniform(a, b, dims));
    tell("SSIM, by slices", &|| ssim::ssim_by_slices(a, b, dims, (0, dims[2] - 1)));
    tell("VIF", &|| vif::vif_by_slices(a, b, dims).and_then(|slices| vif::mean_piq(&slices)));
    if let Some(folder) = weights.first() {
        time_lpips(&LpipsSet::installed(&Store::at(folder), Device::Cpu), &recon, &truth, &mut tell);
    }
    println!("{}", Value::Object(told));
    Ok(())
}

fn time_lpips(set: &LpipsSet, recon: &Volume, truth: &Volume, tell: &mut impl FnMut(&str, &dyn Fn() -> Option<f64>)) {
    let last = truth.frame().dims()[2] - 1;
    for backbone in Backbone::BY_RANK {
        if let Some(lpips) = set.over(backbone) {
            let of = || lpips.of_slices(recon, truth, (0, last)).ok().flatten();
            tell(&format!("LPIPS-{}", backbone.title()), &of);
        }
    }
}
