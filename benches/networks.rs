//! Both networks at the shipped width on the CPU: one coarse volume, one batch of slices.
#![allow(clippy::expect_used)]

use biplane::nn::reconstruct::CPU_SLICES;
use biplane::nn::refine::RefineInput;
use biplane::nn::unet::{UNet, UNetConfig, uninterrupted};
use biplane::nn::{Precision, coarse, refine};
use biplane::projection::BackProjection;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;
use tch::{Device, Kind, Tensor};

/// Channels of the first level of the bundled model.
const WIDTH: i64 = 16;

fn pass(criterion: &mut Criterion, name: &str, config: UNetConfig, shape: &[i64]) {
    let _guard = tch::no_grad_guard();
    let net = UNet::new(config, Device::Cpu).expect("memory for a small network");
    let input = Tensor::rand(shape, (Kind::Float, Device::Cpu));
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for precision in [Precision::F32, Precision::Mixed, Precision::Bf16] {
        group.bench_function(format!("{precision:?}"), |b| {
            b.iter(|| black_box(net.forward(&input, precision, &uninterrupted).expect("sides that fit")));
        });
    }
    group.finish();
}

fn networks(criterion: &mut Criterion) {
    let volume = [1, 2, 128, 128, 128];
    pass(criterion, "coarse, 128^3", coarse::config(WIDTH, BackProjection::PerView), &volume);
    let slices = [CPU_SLICES, 1, 128, 128];
    pass(criterion, "refine, one batch of slices", refine::config(WIDTH, RefineInput::default()), &slices);
}

criterion_group!(benches, networks);
criterion_main!(benches);
