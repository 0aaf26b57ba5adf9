//! What a frame of the four pictures costs its thread with a 512^3 volume, and what a slice costs the card and its
//! plain twin. The spec wants the first under 4 ms.
#![allow(clippy::expect_used)]

use biplane::app::offscreen::Stage;
use biplane::app::viewport::{self, Bindings, Look, Scene, Style, ViewCommand, ViewState};
use biplane::geometry::{Axis, Frame, Volume};
use biplane::gpu::slice::{self, Interpolation, SliceParams, Window};
use biplane::gpu::{Gpu, Picture};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const SIZE_PX: [u32; 2] = [1280, 800];

fn volume(side: usize) -> Arc<Volume> {
    let frame = Frame::centred([side; 3], [0.7; 3], [0.0; 3]).expect("a plausible grid");
    let hu = (0..frame.len()).map(|i| (i % 2311) as i16 - 1000).collect();
    Arc::new(Volume::new(frame, hu).expect("as many values as voxels"))
}

/// One desk: a stage on whatever adapter there is, and a view on a volume already carried to it.
struct Desk {
    stage: Stage,
    scene: Scene,
    state: ViewState,
}

impl Desk {
    fn new(side: usize) -> Self {
        let gpu = Gpu::headless().expect("an adapter");
        println!("on {}", gpu.describe());
        let scene = Scene::new(volume(side));
        let mut state = ViewState::default();
        state.meet(scene.frame());
        let mut desk = Self { stage: Stage::new(gpu, SIZE_PX, 1.0).expect("a stage"), scene, state };
        for _ in 0..3 {
            desk.frame();
        }
        desk
    }

    fn frame(&mut self) -> Duration {
        let (bindings, style) = (Bindings::default(), Style::default());
        let look = Look { scene: Some(&self.scene), state: &self.state, bindings: &bindings, style: &style, empty: "" };
        self.stage.timed_frame(Vec::new(), &mut |ui| drop(viewport::show(ui, &look))).expect("a frame")
    }

    fn send(&mut self, command: ViewCommand) {
        self.state.apply(&command, Some(self.scene.frame()));
    }
}

fn frames(criterion: &mut Criterion) {
    let mut desk = Desk::new(512);
    let mut group = criterion.benchmark_group("frame 512^3, interface and encoding");
    group.sample_size(10);
    let mut run = |name: &str, change: &dyn Fn(u64, &mut Desk)| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                (0..times)
                    .map(|i| {
                        change(i, &mut desk);
                        desk.frame()
                    })
                    .sum()
            });
        });
    };
    run("nothing changes", &|_, _| {});
    run("scrolling", &|i, desk| {
        let slices = if i % 40 < 20 { 1 } else { -1 };
        desk.send(ViewCommand::Step { axis: Axis::Z, slices });
    });
    run("window by drag", &|i, desk| {
        desk.send(ViewCommand::SetWindow(Window { centre_hu: 40.0 + (i % 50) as f64, width_hu: 400.0 }));
    });
    group.finish();
}

fn slices(criterion: &mut Criterion) {
    let volume = volume(128);
    let params = SliceParams {
        origin_voxel: [0.0, 0.0, 63.5],
        per_column: [0.2, 0.0, 0.0],
        per_row: [0.0, 0.2, 0.0],
        window: Window::between(-500.0, 800.0),
        invert: false,
        interpolation: Interpolation::Linear,
        mask: None,
    };
    let draw = || -> Picture { slice::render_on_cpu(&volume, None, &params, 640, 400) };
    criterion.bench_function("slice twin 640 x 400, one core", |bencher| bencher.iter(|| black_box(draw())));
}

criterion_group!(benches, frames, slices);
criterion_main!(benches);
