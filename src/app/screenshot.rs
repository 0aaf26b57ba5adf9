//! A picture of the real workstation without a window: the same frames, drawn off-screen. Knows no panel.

use super::command::Command;
use super::offscreen::{OffscreenError, Stage};
use super::state::State;
use super::viewport::{MaskView, ViewCommand};
use super::{LaunchOptions, Workstation};
use crate::gpu::{Gpu, Picture};
use crate::nn::Reconstruction;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Frames after the last change, so that sizes and animations settle.
const SETTLING_FRAMES: usize = 12;
/// Between frames while files and networks work.
const PAUSE: Duration = Duration::from_millis(10);
/// Files that are not read by then never will be.
const LOADING_LIMIT: Duration = Duration::from_secs(120);

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum ScreenshotError {
    /// The graphics could not.
    #[error(transparent)]
    Offscreen(#[from] OffscreenError),
    /// A file could not be opened or the reconstruction failed; the sentence names what and why.
    #[error("{0}")]
    Workstation(String),
}

/// Draws the workstation into `size_px` pixels at `scale` pixels per point, once the files of `options` are read and,
/// where they are two films and no result of them is given as `shown`, reconstructed. `progress` hears the stage and the
/// fraction done.
///
/// # Errors
/// [`ScreenshotError`].
pub fn screenshot(
    size_px: [u32; 2],
    scale: f32,
    options: &LaunchOptions,
    shown: Option<Arc<Reconstruction>>,
    mut progress: impl FnMut(&str, Option<f32>),
) -> Result<Picture, ScreenshotError> {
    let gpu = Gpu::headless().map_err(OffscreenError::from)?;
    let mut stage = Stage::new(gpu, size_px, scale)?;
    let mut workstation = Workstation::new(stage.context(), options);
    let started = Instant::now();
    frame(&mut stage, &mut workstation);
    while workstation.is_busy() && started.elapsed() < LOADING_LIMIT {
        std::thread::sleep(PAUSE);
        frame(&mut stage, &mut workstation);
    }
    trouble(workstation.state())?;
    if let Some(result) = shown {
        workstation.show_reconstruction(result);
    }
    if workstation.state().pair().is_some() && workstation.state().case.is_none() {
        workstation.send(Command::Reconstruct);
        frame(&mut stage, &mut workstation);
        while workstation.is_busy() {
            std::thread::sleep(PAUSE);
            if let Some(run) = &workstation.state().run {
                progress(&run.stage, run.fraction);
            }
            frame(&mut stage, &mut workstation);
        }
        trouble(workstation.state())?;
    }
    let mask = MaskView { on: true, ..workstation.state().viewer.state.mask };
    workstation.send(Command::View(ViewCommand::SetMask(mask)));
    for _ in 0..SETTLING_FRAMES {
        frame(&mut stage, &mut workstation);
    }
    while workstation.is_busy() {
        std::thread::sleep(PAUSE);
        frame(&mut stage, &mut workstation);
    }
    for _ in 0..SETTLING_FRAMES {
        frame(&mut stage, &mut workstation);
    }
    Ok(stage.picture(Vec::new(), &mut |ui| workstation.ui(ui))?)
}

fn frame(stage: &mut Stage, workstation: &mut Workstation) {
    stage.frame(Vec::new(), &mut |ui| workstation.ui(ui));
}

/// The first error on screen.
fn trouble(state: &State) -> Result<(), ScreenshotError> {
    let error = state.notes.iter().find(|n| n.tone == super::widgets::Tone::Danger);
    error.map_or(Ok(()), |n| Err(ScreenshotError::Workstation(format!("{}: {}", n.head, n.body))))
}
