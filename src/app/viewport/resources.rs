//! What the panes keep on the card between frames: pipelines, textures by identity, a slot a pane. It lives in egui's
//! callback resources, so window, off-screen pictures and tests share it by the same way. Knows no view state.

use super::geometry::CameraGeometry;
use super::plane::Over;
use super::scene::{Mask, Overlay, Scene};
use crate::geometry::Frame;
use crate::gpu::compare::{CompareParams, CompareSlot, CompareTextures};
use crate::gpu::layout::OverlayBlock;
use crate::gpu::overlay::{OverlaySlot, Overlayer};
use crate::gpu::raymarch::{MarchParams, MarchSlot, ShowParams};
use crate::gpu::slice::{Place, SliceParams, SliceSlot};
use crate::gpu::{
    Canvas, Comparer, Copier, GpuError, LabelTexture, LabelUpload, Raymarcher, Slicer, VolumeTexture, VolumeUpload,
};
use std::collections::HashMap;
use std::time::Duration;

/// Volumes kept on the card: seven results, the truth on the grid of each, expected errors, and the last one looked at.
const MAX_VOLUMES: usize = 16;
/// Time for carrying voxels in each frame; the rest of a frame's 4 ms is for the panes.
const BUDGET: Duration = Duration::from_millis(2);
/// Rays are at most this many voxels apart where the pane has the pixels for it.
const TEXEL_SHARE: f64 = 0.5;
/// Longest side of the marched picture.
const MAX_MARCH_SIDE_PX: u32 = 4096;
/// More than any upload takes: pictures off-screen want the whole volume at once.
const UNLIMITED: Duration = Duration::from_secs(600);

/// How uploads share a frame with drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// A few milliseconds a frame: for windows.
    Gentle,
    /// All at once: for pictures without a window.
    AtOnce,
}

/// A texture on its way or there.
enum Carried<U, T> {
    Underway(U),
    There(T),
    Failed,
}

struct Entry<U, T> {
    id: u64,
    used: u64,
    carried: Carried<U, T>,
}

/// A plane's picture, kept until something in it changes: moving the pointer must not slice the volume anew.
#[derive(Default)]
pub(super) struct KeptPlane {
    slice: Option<SliceSlot>,
    errors: Option<OverlaySlot>,
    pub(super) canvas: Option<Canvas>,
}

/// The same of a plane through two volumes.
#[derive(Default)]
pub(super) struct KeptCompared {
    /// The reconstruction in it.
    recon: Option<u64>,
    slot: Option<CompareSlot>,
    errors: Option<OverlaySlot>,
    pub(super) canvas: Option<Canvas>,
}

/// Everything the panes keep on the card.
pub struct Resources {
    slicer: Slicer,
    comparer: Comparer,
    overlayer: Overlayer,
    pub(super) marcher: Raymarcher,
    /// Whether the target stores linear light.
    linear_target: bool,
    /// Whether the processor plays the card.
    software: bool,
    pub(super) copier: Copier,
    pub(super) planes: HashMap<u64, KeptPlane>,
    pub(super) compared: HashMap<u64, KeptCompared>,
    pub(super) marches: HashMap<u64, Option<MarchSlot>>,
    volumes: Vec<Entry<VolumeUpload, VolumeTexture>>,
    masks: Vec<Entry<LabelUpload, LabelTexture>>,
    /// The last whole mask of a scene, shown while the next is on its way: a threshold that is dragged must not flicker.
    shown_mask: Option<(u64, LabelTexture)>,
    pace: Pace,
    frame: u64,
    redrawn: u64,
}

/// Puts the panes' resources where their callbacks find them. Call once, when the window's render state exists.
///
/// # Errors
/// [`GpuError::NoRoom`] on a card without room for a texel.
pub fn install(render_state: &egui_wgpu::RenderState, pace: Pace) -> Result<(), GpuError> {
    let format = render_state.target_format;
    let device = &render_state.device;
    let resources = Resources {
        slicer: Slicer::new(device, Canvas::FORMAT)?,
        comparer: Comparer::new(device, Canvas::FORMAT)?,
        overlayer: Overlayer::new(device, Canvas::FORMAT),
        copier: Copier::new(device, format),
        marcher: Raymarcher::new(device, format),
        linear_target: format.is_srgb(),
        software: render_state.adapter.get_info().device_type == wgpu::DeviceType::Cpu,
        planes: HashMap::new(),
        compared: HashMap::new(),
        marches: HashMap::new(),
        volumes: Vec::new(),
        masks: Vec::new(),
        shown_mask: None,
        pace,
        frame: 0,
        redrawn: 0,
    };
    render_state.renderer.write().callback_resources.insert(resources);
    Ok(())
}

impl Resources {
    /// Carries a scene's voxels a little further, once a frame however many panes ask.
    pub(super) fn carry(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, scene: &Scene, frame: u64) {
        let again = self.frame == frame && self.volumes.iter().any(|e| e.id == scene.id && e.used == frame);
        self.frame = frame;
        if again {
            return;
        }
        let budget = if self.pace == Pace::AtOnce { UNLIMITED } else { BUDGET };
        let entry = entry(&mut self.volumes, scene.id, frame, || {
            let upload = VolumeUpload::begin(device, scene.volume.clone())
                .inspect_err(|e| scene.status.set_failure(e.to_string()))
                .ok()?;
            upload.notice().into_iter().for_each(|n| scene.status.set_notice(n));
            Some(upload)
        });
        let mut whole = true;
        if let Carried::Underway(upload) = &mut entry.carried {
            whole = upload.advance(queue, budget);
            scene.status.set_progress(upload.progress());
            if whole {
                entry.carried = Carried::There(upload.texture().clone());
            }
        }
        for overlay in scene.overlays().filter(|_| whole) {
            self.carry_overlay(device, queue, overlay, budget);
        }
        if let Some(mask) = scene.mask.as_ref().filter(|_| whole) {
            self.carry_mask(device, queue, scene, mask, budget);
        }
        scene.status.set_underway(self.is_underway(scene));
    }

    fn carry_overlay(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, overlay: &Overlay, budget: Duration) {
        let entry = entry(&mut self.volumes, overlay.id, self.frame, || {
            VolumeUpload::begin(device, overlay.volume.clone()).ok()
        });
        if let Carried::Underway(upload) = &mut entry.carried
            && upload.advance(queue, budget)
        {
            entry.carried = Carried::There(upload.texture().clone());
        }
    }

    /// The texture and uniforms of what is laid over a plane, once they are there.
    fn overlay(&self, over: Option<&Over>) -> Option<(VolumeTexture, OverlayBlock)> {
        let over = over?;
        let texture = there(&self.volumes, over.id)?;
        Some((texture.clone(), over.params.block(texture)))
    }

    fn carry_mask(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, scene: &Scene, mask: &Mask, budget: Duration) {
        let entry = entry(&mut self.masks, mask.id, self.frame, || {
            LabelUpload::begin(device, scene.frame(), mask.labels.clone()).ok().flatten()
        });
        if let Carried::Underway(upload) = &mut entry.carried
            && upload.advance(queue, budget)
        {
            self.shown_mask = Some((scene.id, upload.texture().clone()));
            entry.carried = Carried::There(upload.texture().clone());
        }
    }

    /// The scene's textures, once they are whole; its last whole mask while a new one is on its way.
    fn textures(&self, scene: &Scene) -> Option<(VolumeTexture, Option<LabelTexture>)> {
        let volume = there(&self.volumes, scene.id)?;
        let before = || self.shown_mask.as_ref().filter(|(id, _)| *id == scene.id).map(|(_, texture)| texture);
        let mask = scene.mask.as_ref().and_then(|m| there(&self.masks, m.id).or_else(before));
        Some((volume.clone(), mask.cloned()))
    }

    /// Brings a plane's picture up to date, drawing it only where something changed; empty while the volume is on its way.
    pub(super) fn prepare_plane(
        &mut self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        scene: &Scene,
        slot: u64,
        (params, corner_px, size_px): (&SliceParams, [f32; 2], [u32; 2]),
        over: Option<&Over>,
    ) {
        let (textures, over) = (self.textures(scene), self.overlay(over));
        let kept = self.planes.entry(slot).or_default();
        let Some((volume, mask)) = textures else { return *kept = KeptPlane::default() };
        let place = Place { corner_px, linear_target: self.linear_target };
        let block = params.block(&volume, mask.as_ref(), Place::default());
        let fresh = self.copier.prepare((device, queue), &mut kept.canvas, size_px, place);
        let changed = self.slicer.prepare(device, queue, &mut kept.slice, &volume, mask.as_ref(), block);
        let over = over.as_ref().map(|(texture, block)| (texture, *block));
        let other = self.overlayer.prepare((device, queue), &mut kept.errors, over);
        if let (Some(canvas), Some(slice), true) = (&kept.canvas, &kept.slice, fresh || changed || other) {
            let mut pass = canvas.pass(encoder);
            self.slicer.draw(&mut pass, slice);
            kept.errors.iter().for_each(|slot| self.overlayer.draw(&mut pass, slot));
            self.redrawn += 1;
        }
    }

    /// The same for a plane through a volume and its truth.
    pub(super) fn prepare_compared(
        &mut self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        [recon, truth]: [&Scene; 2],
        slot: u64,
        (params, corner_px, size_px): (&CompareParams, [f32; 2], [u32; 2]),
        over: Option<&Over>,
    ) {
        let (shown, over) = (Some(recon.id), self.overlay(over));
        let both = self.textures(recon).zip(self.textures(truth));
        let kept = self.compared.entry(slot).or_default();
        let Some(((recon, recon_mask), (truth, truth_mask))) = both else {
            // A truth that is shifted comes anew each time: the last picture stays until it is there.
            if kept.recon != shown {
                *kept = KeptCompared::default();
            }
            return;
        };
        kept.recon = shown;
        let textures = CompareTextures { recon, truth, recon_mask, truth_mask };
        let place = Place { corner_px, linear_target: self.linear_target };
        let block = params.block(&textures, false);
        let fresh = self.copier.prepare((device, queue), &mut kept.canvas, size_px, place);
        let changed = self.comparer.prepare((device, queue), &mut kept.slot, &textures, block);
        let over = over.as_ref().map(|(texture, block)| (texture, *block));
        let other = self.overlayer.prepare((device, queue), &mut kept.errors, over);
        if let (Some(canvas), Some(slot), true) = (&kept.canvas, &kept.slot, fresh || changed || other) {
            let mut pass = canvas.pass(encoder);
            self.comparer.draw(&mut pass, slot);
            kept.errors.iter().for_each(|slot| self.overlayer.draw(&mut pass, slot));
            self.redrawn += 1;
        }
    }

    /// The same for the 3D view.
    pub(super) fn prepare_volume(
        &mut self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        scene: &Scene,
        slot: u64,
        camera: &CameraGeometry,
        (show, draft): (ShowParams, bool),
    ) {
        let textures = self.textures(scene);
        let march = self.march_params(scene.frame(), camera, draft);
        let slot = self.marches.entry(slot).or_default();
        let Some((volume, _)) = textures else { return *slot = None };
        let place = Place { linear_target: self.linear_target, ..show.place };
        let show = ShowParams { place, ..show };
        let marched = self.marcher.prepare((device, queue), encoder, slot, &volume, &march, &show);
        self.redrawn += u64::from(marched);
    }

    /// How many pictures were computed from voxels so far; frames in which nothing changes add none.
    pub fn redrawn(&self) -> u64 {
        self.redrawn
    }

    /// Rays no denser than the volume is worth, and no more of them than the card can march in a frame.
    fn march_params(&self, frame: &Frame, camera: &CameraGeometry, draft: bool) -> MarchParams {
        let finest = frame.spacing_mm().into_iter().fold(f64::INFINITY, f64::min);
        // Thin plates seen aslant, as the table, show stripes where steps are longer than half a voxel.
        let step_mm = if draft { finest * 2.0 } else { finest * 0.5 };
        let most = match (self.software, draft) {
            (true, true) => 2.5e6,
            (true, false) => 16e6,
            (false, _) => 4e9,
        };
        let [w, h] = camera.size_px;
        // All rays together pass through the volume once, if all of it is seen.
        let whole = frame.extent_mm().iter().product::<f64>() / (camera.mm_per_px.powi(2) * step_mm);
        let samples = whole.min(w * h * CameraGeometry::depth_mm(frame) / step_mm);
        let worth = (camera.mm_per_px / (finest * TEXEL_SHARE)).min(1.0);
        let share = worth.min((most / samples).sqrt());
        let size_px = [w, h].map(|side| ((side * share).ceil() as u32).clamp(1, MAX_MARCH_SIDE_PX));
        let [origin_voxel, per_column, per_row, per_mm] = camera.voxel_rays(frame, size_px);
        MarchParams { origin_voxel, per_column, per_row, per_mm, step_mm, size_px }
    }

    /// Whether something of the scene is still on its way.
    fn is_underway(&self, scene: &Scene) -> bool {
        let overlays = scene.overlays().any(|overlay| underway(&self.volumes, overlay.id));
        overlays
            || underway(&self.volumes, scene.id)
            || scene.mask.as_ref().is_some_and(|m| underway(&self.masks, m.id))
    }
}

/// The entry of `id`, made by `begin` where there is none; the one unused for longest makes room.
fn entry<U, T>(
    entries: &mut Vec<Entry<U, T>>,
    id: u64,
    frame: u64,
    begin: impl FnOnce() -> Option<U>,
) -> &mut Entry<U, T> {
    let place = entries.iter().position(|e| e.id == id).unwrap_or_else(|| {
        let oldest = (0..entries.len()).min_by_key(|&i| entries[i].used);
        if let Some(oldest) = oldest.filter(|_| entries.len() >= MAX_VOLUMES) {
            entries.swap_remove(oldest);
        }
        entries.push(Entry { id, used: frame, carried: begin().map_or(Carried::Failed, Carried::Underway) });
        entries.len() - 1
    });
    let entry = &mut entries[place];
    entry.used = frame;
    entry
}

fn there<U, T>(entries: &[Entry<U, T>], id: u64) -> Option<&T> {
    entries.iter().find(|e| e.id == id).and_then(|e| match &e.carried {
        Carried::There(texture) => Some(texture),
        _ => None,
    })
}

fn underway<U, T>(entries: &[Entry<U, T>], id: u64) -> bool {
    entries.iter().any(|e| e.id == id && matches!(e.carried, Carried::Underway(_)))
}
