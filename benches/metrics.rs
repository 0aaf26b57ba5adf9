//! Each metric on a pair of 128^3 volumes: a thorax, and the same with noise and a coarser look.
#![allow(clippy::expect_used)]

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::metrics::body::body;
use biplane::metrics::by_slice::body_numbers;
use biplane::metrics::{bands, compare, joint, mae, psnr, ssim, vif};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

/// Noise of the reconstruction, HU either way.
const NOISE_HU: i16 = 60;

/// Truth and reconstruction, always the same.
fn pair() -> [Volume; 2] {
    let truth = thorax(3, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
    let mut seed = 12345u32;
    let noisy = truth.hu().iter().map(|hu| {
        // Xorshift (Marsaglia 2003): a noise generator, no cryptography.
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        hu.saturating_add((seed % (2 * NOISE_HU as u32 + 1)) as i16 - NOISE_HU)
    });
    let recon = Volume::new(truth.frame().clone(), noisy.collect()).expect("as many values as voxels");
    [truth, recon]
}

fn metrics(criterion: &mut Criterion) {
    let [truth, recon] = pair();
    let (a, b, dims) = (recon.hu(), truth.hu(), truth.frame().dims());
    let last = dims[2] - 1;
    let inside = body(&truth).mask;
    let mut group = criterion.benchmark_group("metrics, 128^3");
    group.sample_size(10);
    group.bench_function("MAE", |bench| bench.iter(|| black_box(mae::mae(a, b))));
    group.bench_function("PSNR", |bench| bench.iter(|| black_box(psnr::psnr(a, b, psnr::PEAK_HU))));
    group.bench_function("PSNR, by slices", |bench| {
        bench.iter(|| black_box(psnr::psnr_by_slices(a, b, dims, psnr::PEAK_X2CT, (0, last))));
    });
    group.bench_function("SSIM", |bench| bench.iter(|| black_box(ssim::ssim(a, b, dims))));
    group.bench_function("SSIM, uniform", |bench| bench.iter(|| black_box(ssim::ssim_uniform(a, b, dims))));
    group.bench_function("SSIM, by slices", |bench| {
        bench.iter(|| black_box(ssim::ssim_by_slices(a, b, dims, (0, last))));
    });
    group.bench_function("VIF", |bench| bench.iter(|| black_box(vif::vif_by_slices(a, b, dims))));
    group.bench_function("body", |bench| bench.iter(|| black_box(body_numbers(&recon, &truth, &inside))));
    group.bench_function("bands", |bench| bench.iter(|| black_box(bands::by_bands(&recon, &truth))));
    group.bench_function("joint histogram", |bench| {
        bench.iter(|| black_box(joint::joint_histogram(&recon, &truth, 256)));
    });
    group.bench_function("all but LPIPS", |bench| bench.iter(|| black_box(compare(&recon, &truth))));
    group.finish();
}

criterion_group!(benches, metrics);
criterion_main!(benches);
