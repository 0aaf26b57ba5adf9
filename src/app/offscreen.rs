//! The interface without a window: any egui closure at a given size and scale into a picture, by the same renderer
//! and the same callback resources as in the window. Knows no panel.

use super::viewport::{self, Pace};
use crate::gpu::{Gpu, GpuError, Picture, offscreen};
use egui_wgpu::{RenderState, RendererOptions, ScreenDescriptor, WgpuConfiguration, WgpuSetup, WgpuSetupExisting};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Time between frames that closures see, seconds.
const FRAME_SECS: f64 = 1.0 / 60.0;

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum OffscreenError {
    /// The card could not.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// egui's renderer could not be made.
    #[error("the interface's renderer could not be made: {0}")]
    Renderer(String),
    /// A scale that is no positive number.
    #[error("the scale must be a positive number, not {0}")]
    Scale(f32),
}

/// Runs `ui` for `frames` frames (at least one; menus and sizes settle after two or three) and returns the last.
///
/// `size_px` are pixels of the picture, `scale` pixels per point. `setup` gets the context once, for fonts and style.
///
/// # Errors
/// [`OffscreenError`].
pub fn render(
    size_px: [u32; 2],
    scale: f32,
    frames: usize,
    mut ui: impl FnMut(&mut egui::Ui),
    setup: impl FnOnce(&egui::Context, &RenderState),
) -> Result<Picture, OffscreenError> {
    let mut stage = Stage::new(Gpu::headless()?, size_px, scale)?;
    setup(stage.context(), stage.render_state());
    for _ in 1..frames.max(1) {
        stage.frame(Vec::new(), &mut ui);
    }
    stage.picture(Vec::new(), &mut ui)
}

/// An interface that runs frame by frame without a window.
pub struct Stage {
    context: egui::Context,
    render_state: RenderState,
    gpu: Gpu,
    size_px: [u32; 2],
    scale: f32,
    frames: u64,
}

/// A frame's shapes, ready for the card.
struct Tessellated {
    jobs: Vec<egui::ClippedPrimitive>,
    screen: ScreenDescriptor,
}

impl Stage {
    /// An interface of `size_px` pixels at `scale` pixels per point.
    ///
    /// # Errors
    /// [`OffscreenError`].
    pub fn new(gpu: Gpu, size_px: [u32; 2], scale: f32) -> Result<Self, OffscreenError> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(OffscreenError::Scale(scale));
        }
        let existing = WgpuSetupExisting {
            instance: gpu.instance.clone(),
            adapter: gpu.adapter.clone(),
            device: gpu.device.clone(),
            queue: gpu.queue.clone(),
        };
        let config = WgpuConfiguration { wgpu_setup: WgpuSetup::Existing(existing), ..Default::default() };
        // Dithering is noise that would differ from the window's anyway.
        let options = RendererOptions { dithering: false, ..RendererOptions::default() };
        let render_state = pollster::block_on(RenderState::create(&config, &gpu.instance, None, options))
            .map_err(|e| OffscreenError::Renderer(e.to_string()))?;
        viewport::install(&render_state, Pace::AtOnce)?;
        Ok(Self { context: egui::Context::default(), render_state, gpu, size_px, scale, frames: 0 })
    }

    /// The interface's context.
    pub fn context(&self) -> &egui::Context {
        &self.context
    }

    /// What the window would hand to the application.
    pub fn render_state(&self) -> &RenderState {
        &self.render_state
    }

    /// Runs a frame with these events; nothing is rasterised, but callbacks are prepared.
    pub fn frame(&mut self, events: Vec<egui::Event>, ui: &mut dyn FnMut(&mut egui::Ui)) {
        let tessellated = self.run(events, ui);
        let mut encoder = self.encoder();
        let buffers = self.upload(&mut encoder, &tessellated);
        self.gpu.queue.submit(buffers.into_iter().chain([encoder.finish()]));
    }

    /// Runs a frame with these events and returns its picture.
    ///
    /// # Errors
    /// [`OffscreenError::Gpu`].
    pub fn picture(
        &mut self,
        events: Vec<egui::Event>,
        ui: &mut dyn FnMut(&mut egui::Ui),
    ) -> Result<Picture, OffscreenError> {
        let target = self.target()?;
        let commands = self.encode(&target, events, ui);
        self.gpu.queue.submit(commands);
        Ok(offscreen::read_back(&self.gpu.device, &self.gpu.queue, &target)?)
    }

    /// Runs a frame as the window does and tells what it cost its thread: the interface's code, tessellation and
    /// command encoding. The card's own work is waited for afterwards and not counted.
    ///
    /// # Errors
    /// [`OffscreenError::Gpu`].
    pub fn timed_frame(
        &mut self,
        events: Vec<egui::Event>,
        ui: &mut dyn FnMut(&mut egui::Ui),
    ) -> Result<Duration, OffscreenError> {
        let target = self.target()?;
        let start = Instant::now();
        let commands = self.encode(&target, events, ui);
        let spent = start.elapsed();
        self.gpu.queue.submit(commands);
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| GpuError::ReadBack(e.to_string()))?;
        Ok(spent)
    }

    fn target(&self) -> Result<wgpu::Texture, GpuError> {
        let [width, height] = self.size_px;
        offscreen::target(&self.gpu.device, width, height, self.render_state.target_format)
    }

    /// A whole frame as commands for the card.
    fn encode(
        &mut self,
        target: &wgpu::Texture,
        events: Vec<egui::Event>,
        ui: &mut dyn FnMut(&mut egui::Ui),
    ) -> Vec<wgpu::CommandBuffer> {
        let tessellated = self.run(events, ui);
        let mut encoder = self.encoder();
        let mut commands = self.upload(&mut encoder, &tessellated);
        {
            let renderer = self.render_state.renderer.read();
            let mut pass = offscreen::pass(&mut encoder, target);
            renderer.render(&mut pass, &tessellated.jobs, &tessellated.screen);
        }
        commands.push(encoder.finish());
        commands
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("interface") })
    }

    fn upload(&self, encoder: &mut wgpu::CommandEncoder, frame: &Tessellated) -> Vec<wgpu::CommandBuffer> {
        let mut renderer = self.render_state.renderer.write();
        renderer.update_buffers(&self.gpu.device, &self.gpu.queue, encoder, &frame.jobs, &frame.screen)
    }

    /// The interface's own work: closure, textures, tessellation.
    fn run(&mut self, events: Vec<egui::Event>, ui: &mut dyn FnMut(&mut egui::Ui)) -> Tessellated {
        let input = self.input(events);
        self.frames += 1;
        let output = self.context.run_ui(input, |root| ui(root));
        let mut renderer = self.render_state.renderer.write();
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                renderer.update_texture(&self.gpu.device, &self.gpu.queue, *id, delta);
            }
        }
        for id in &output.textures_delta.free {
            renderer.free_texture(id);
        }
        let jobs = self.context.tessellate(output.shapes, output.pixels_per_point);
        let screen = ScreenDescriptor { size_in_pixels: self.size_px, pixels_per_point: output.pixels_per_point };
        Tessellated { jobs, screen }
    }

    fn input(&self, events: Vec<egui::Event>) -> egui::RawInput {
        let points = self.size_px.map(|side| side as f32 / self.scale);
        let mut input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, points.into())),
            time: Some(self.frames as f64 * FRAME_SECS),
            max_texture_side: Some(self.gpu.device.limits().max_texture_dimension_2d as usize),
            focused: true,
            events,
            ..Default::default()
        };
        let info = input.viewports.entry(input.viewport_id).or_default();
        info.native_pixels_per_point = Some(self.scale);
        input
    }
}
