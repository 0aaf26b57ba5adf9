//! Guidance by atlases on the bundled case: one evaluation of cost and gradient, the quick fit that ranks, one atlas bent,
//! and the whole guidance. The truth, smoothed by pooling, stands for the networks' volume.
#![allow(clippy::expect_used)]

use biplane::atlas::{AtlasSource, Guidance};
use biplane::geometry::{Preset, Volume};
use biplane::io::bundled;
use biplane::nn::guidance::{Guide, GuideTask};
use biplane::projection::sirt::FilmScale;
use biplane::projection::{Attenuation, project};
use biplane::registration::descend::Level;
use biplane::registration::sampled::pooled;
use biplane::registration::{Bending, Bent, FilmTargets, Map, Sampled, Tissue, bend};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn guidance(criterion: &mut Criterion) {
    let truth = bundled::case().expect("the bundled case is sound").truth.volume;
    let pair = Preset::Simulated.pair();
    let attenuation = Attenuation::from_volume(&truth).expect("axes along LPS");
    let films = pair.views.map(|view| project(&attenuation, &view, truth.frame().centre_mm()));
    let targets = FilmTargets::new(films.clone(), &pair, FilmScale::LineIntegrals).expect("films of a chest");
    let coarse = Sampled::new(32, &pooled(&truth.relative_attenuation(), 128, 4));
    let at = |i: usize| (i as f32 - 63.5) * 2.8;
    let network: Vec<f32> =
        (0..128usize.pow(3)).map(|i| coarse.at([at(i % 128), at(i / 128 % 128), at(i / 16384)])).collect();
    let set = AtlasSource::Bundled.load().expect("the bundled set is sound");
    let ct = set.atlases[0].volume.relative_attenuation();

    let mut group = criterion.benchmark_group("registration");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for side in [32, 64] {
        let level = Level { side, nodes: 16, steps: 1, stiffness: 2.4, rate: 0.006, affine_rate: 0.004 };
        let start = Bent { map: Map::identity(16), tissue: Tissue::default(), cost: 0.0 };
        group.bench_function(format!("pyramid, cost and gradient at {side}^3"), |b| {
            b.iter(|| black_box(bend::evaluate(&ct, Some(&targets), Some(&network), &level, &start).cost));
        });
    }
    for (name, bending) in [("quick fit", Bending::ranking()), ("one atlas", Bending::atlas())] {
        group.bench_function(name, |b| {
            b.iter(|| bend(&ct, Some(&targets), Some(&network), None, &bending, &mut |_| true).expect("a chest"));
        });
    }
    let volume = Volume::from_relative_attenuation(truth.frame().clone(), &network).expect("the cube");
    let guide = Guidance::default().load().expect("the bundled set is sound");
    let task = GuideTask { films: &films, views: &pair, network: &volume };
    group.bench_function("ranking and three atlases", |b| {
        b.iter(|| black_box(guide.guide(&task, &mut |_, _| true)).is_ok());
    });
    group.finish();
}

criterion_group!(benches, guidance);
criterion_main!(benches);
