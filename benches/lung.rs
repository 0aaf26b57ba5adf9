//! The lung mask: body and lungs of a thorax with noise, at the networks' grid and at a scanner's.
#![allow(clippy::expect_used)]

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::metrics::body::body;
use biplane::metrics::lung::{lung_mask, lung_mask_in};
use biplane::units::Hu;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

/// Side of the cube, mm.
const SIDE_MM: f64 = 358.4;
/// Noise of a scan, HU either way: it breaks surfaces into many runs.
const NOISE_HU: i16 = 30;

/// A thorax with noise, always the same.
fn noisy(side: usize) -> Volume {
    let frame = Frame::centred([side; 3], [SIDE_MM / side as f64; 3], [0.0; 3]).expect("a sound grid");
    let clean = thorax(3, &ThoraxLimits::default()).volume(&frame, 1);
    let mut seed = 12345u32;
    let noise = clean.hu().iter().map(|hu| {
        // Xorshift (Marsaglia 2003): a noise generator, no cryptography.
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        hu.saturating_add((seed % (2 * NOISE_HU as u32 + 1)) as i16 - NOISE_HU)
    });
    Volume::new(frame, noise.collect()).expect("as many values as voxels")
}

fn lungs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lung mask");
    group.sample_size(10);
    for side in [128, 512] {
        let volume = noisy(side);
        group.bench_function(format!("{side}^3"), |b| b.iter(|| black_box(lung_mask(&volume, Hu(-400.0)))));
        let body = body(&volume);
        group.bench_function(format!("{side}^3, body known"), |b| {
            b.iter(|| black_box(lung_mask_in(&volume, &body, Hu(-400.0))));
        });
    }
    group.finish();
}

criterion_group!(benches, lungs);
criterion_main!(benches);
