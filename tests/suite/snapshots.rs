//! Pictures of the workstation against those in tests/snapshots. After a wanted change: `UPDATE_SNAPSHOTS=1 make test`,
//! and look at them. Half the pixels of the screen a side: text smoothed differently by another driver is no failure,
//! a moved control is one.

use biplane::app::command::Command;
use biplane::app::compare::command::CompareCommand;
use biplane::app::offscreen::Stage;
use biplane::app::settings::Workspace;
use biplane::app::state::Origin;
use biplane::app::viewport::ViewCommand;
use biplane::app::{LaunchOptions, Workstation};
use biplane::geometry::Frame;
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::gpu::Gpu;
use egui_kittest::{SnapshotOptions, try_image_snapshot_options};
use image::{RgbaImage, imageops};
use std::sync::Arc;
use std::time::Duration;

/// The screen that is drawn, pixels.
const SCREEN_PX: [u32; 2] = [1280, 800];
/// The picture that is kept.
const KEPT_PX: [u32; 2] = [640, 400];
/// Drivers round samples of textures and edges of letters in their own way: so many of the 256,000 pixels may differ.
/// Between Vulkan and OpenGL in software it is one pixel, by one grey value; a moved icon takes more than this.
const MAX_DIFFERING: usize = 64;
/// How far a pixel may be off before it counts, as `SnapshotOptions` measures it.
const THRESHOLD: f32 = 1.0;
/// Frames until sizes and animations have settled.
const SETTLING_FRAMES: usize = 12;

/// Draws the workstation after `prepare`, and compares.
fn compare(name: &str, prepare: impl FnOnce(&mut Workstation)) {
    let gpu = match Gpu::headless() {
        Ok(gpu) => gpu,
        Err(cause) => return println!("SKIPPED, no picture can be drawn here: {cause}"),
    };
    let mut stage = Stage::new(gpu, SCREEN_PX, 1.0).unwrap();
    let mut app = Workstation::new(stage.context(), &LaunchOptions::default());
    prepare(&mut app);
    let mut left = SETTLING_FRAMES;
    while left > 0 {
        stage.frame(Vec::new(), &mut |ui| app.ui(ui));
        left = if app.is_busy() { SETTLING_FRAMES } else { left - 1 };
    }
    let picture = stage.picture(Vec::new(), &mut |ui| app.ui(ui)).unwrap();
    let whole = RgbaImage::from_raw(picture.width, picture.height, picture.rgba.to_vec()).unwrap();
    let kept = imageops::resize(&whole, KEPT_PX[0], KEPT_PX[1], imageops::FilterType::Triangle);
    let options = SnapshotOptions::new().threshold(THRESHOLD).max_failed_pixels(MAX_DIFFERING);
    try_image_snapshot_options(&kept, name, &options).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn the_empty_screen_looks_as_it_did() {
    compare("empty", |_| {});
}

#[test]
fn two_films_look_as_they_did() {
    compare("films", |app| app.send(Command::OpenBundled));
}

#[test]
fn a_result_looks_as_it_did() {
    compare("result", |app| {
        app.send(Command::OpenBundled);
        let frame = Frame::cube_of(64, [0.0; 3]);
        let volume = Arc::new(thorax(3, &ThoraxLimits::default()).volume(&frame, 1));
        let stages = [("Back-projection", 120), ("Coarse network", 2150), ("Refining network", 3420)];
        app.show_volume(
            volume,
            Origin::Films {
                detectability: None,
                stages: stages.map(|(name, ms)| (name.to_owned(), Duration::from_millis(ms))).into(),
                device: "CPU, 2 threads".into(),
                model: "biplane-w16".into(),
                simulated: true,
                frame_of_reference: None,
                patient_id: None,
            },
        );
        app.send(Command::View(ViewCommand::ToggleMask));
    });
}

#[test]
fn a_comparison_looks_as_it_did() {
    // With LPIPS weights the table has a row more than the picture kept.
    if biplane::nn::runtime::cache_folder().is_some_and(|folder| folder.join("perceptual").exists()) {
        return println!("SKIPPED: weights in this user's cache change the table of measures");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.nii.gz");
    let frame = Frame::cube_of(64, [0.0; 3]);
    biplane::io::nifti::write(&path, &thorax(3, &ThoraxLimits::default()).volume(&frame, 1)).unwrap();
    compare("compare", |app| {
        let volume = Arc::new(thorax(4, &ThoraxLimits::default()).volume(&frame, 1));
        app.show_volume(volume, Origin::File { info: Box::default(), warnings: Vec::new() });
        app.send(Command::GoTo(Workspace::Compare));
        app.send(Command::Compare(CompareCommand::OpenTruth(path)));
        app.send(Command::View(ViewCommand::ToggleMask));
    });
}
