//! The projector, its adjoint and the networks' back-projector, at the sizes of a reconstruction and of a whole CT.
#![allow(clippy::expect_used)]

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Raster, View, Volume};
use biplane::projection::{Attenuation, BackProjection, adjoint, back_project, project};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

/// A whole chest CT: dimensions and spacing in mm.
const SCAN: ([usize; 3], [f64; 3]) = ([512, 512, 260], [0.7, 0.7, 1.4]);

fn views(pixels: usize) -> [View; 2] {
    Preset::Simulated.pair().views.map(|view| view.resized(pixels, pixels))
}

fn forward(criterion: &mut Criterion) {
    let scan = Frame::centred(SCAN.0, SCAN.1, [0.0; 3]).expect("a plausible grid");
    let mut group = criterion.benchmark_group("forward");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (frame, pixels) in [(Frame::cube([0.0; 3]), 256), (scan, 512)] {
        let [nx, ny, nz] = frame.dims();
        let size = format!("{nx}x{ny}x{nz} to 2 x {pixels}^2");
        let volume: Volume = thorax(1, &ThoraxLimits::default()).volume(&frame, 1);
        let lay_out = || Attenuation::from_volume(&volume).expect("axes along LPS");
        group.bench_function(BenchmarkId::new("layout", &size), |b| b.iter(|| black_box(lay_out())));
        let attenuation = lay_out();
        group.bench_function(BenchmarkId::new("project", &size), |b| {
            b.iter(|| views(pixels).map(|view| black_box(project(&attenuation, &view, [0.0; 3]))));
        });
    }
    group.finish();
}

fn backward(criterion: &mut Criterion) {
    let cube = Frame::cube([0.0; 3]);
    let views = views(256);
    let films = views.map(|v| Raster::filled(v.detector.cols, v.detector.rows, 1.0));
    let mut group = criterion.benchmark_group("backward, 2 x 256^2 to 128^3");
    group.sample_size(10);
    group.bench_function("adjoint", |b| {
        b.iter(|| std::array::from_fn::<_, 2, _>(|i| black_box(adjoint(&films[i], &views[i], &cube, [0.0; 3]))));
    });
    for channels in [BackProjection::Sum, BackProjection::PerView] {
        group.bench_function(BenchmarkId::new("back-projection", format!("{channels:?}")), |b| {
            b.iter(|| black_box(back_project(&films, &views, &cube, channels)));
        });
    }
    group.finish();
}

criterion_group!(benches, forward, backward);
criterion_main!(benches);
