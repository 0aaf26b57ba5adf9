//! The paint callbacks: from a frozen scene and a pane's geometry to commands for the card. Knows no input.

use super::geometry::CameraGeometry;
use super::plane::Over;
use super::resources::Resources;
use super::scene::Scene;
use crate::gpu::Canvas;
use crate::gpu::compare::CompareParams;
use crate::gpu::raymarch::ShowParams;
use crate::gpu::slice::SliceParams;
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};

/// A pane's place among the slots, and the frame it is drawn in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) slot: u64,
    pub(super) frame: u64,
}

/// One plane.
pub(super) struct PlanePaint {
    pub(super) scene: Scene,
    pub(super) ticket: Ticket,
    pub(super) params: SliceParams,
    /// What is laid over it, where anything is to be seen.
    pub(super) over: Option<Over>,
    pub(super) corner_px: [f32; 2],
    pub(super) size_px: [u32; 2],
}

impl CallbackTrait for PlanePaint {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        shared: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(resources) = shared.get_mut::<Resources>() {
            resources.carry(device, queue, &self.scene, self.ticket.frame);
            let picture = (&self.params, self.corner_px, self.size_px);
            let (slot, over) = (self.ticket.slot, self.over.as_ref());
            resources.prepare_plane((device, queue), encoder, &self.scene, slot, picture, over);
        }
        Vec::new()
    }

    fn paint(&self, _: egui::PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, shared: &CallbackResources) {
        copy(pass, shared, |resources| resources.planes.get(&self.ticket.slot)?.canvas.as_ref());
    }
}

/// Copies a pane's kept picture to the screen, where there is one.
fn copy(
    pass: &mut wgpu::RenderPass<'static>,
    shared: &CallbackResources,
    kept: impl FnOnce(&Resources) -> Option<&Canvas>,
) {
    let Some(resources) = shared.get::<Resources>() else { return };
    if let Some(canvas) = kept(resources) {
        resources.copier.draw(pass, canvas);
    }
}

/// A plane through a volume and its truth.
pub(super) struct ComparePaint {
    pub(super) recon: Scene,
    /// The truth; the reconstruction itself where there is none, which is not shown then.
    pub(super) truth: Scene,
    pub(super) ticket: Ticket,
    pub(super) params: CompareParams,
    /// What is laid over it, where anything is to be seen.
    pub(super) over: Option<Over>,
    pub(super) corner_px: [f32; 2],
    pub(super) size_px: [u32; 2],
}

impl CallbackTrait for ComparePaint {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        shared: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(resources) = shared.get_mut::<Resources>() {
            for scene in [&self.recon, &self.truth] {
                resources.carry(device, queue, scene, self.ticket.frame);
            }
            let picture = (&self.params, self.corner_px, self.size_px);
            let scenes = [&self.recon, &self.truth];
            let (slot, over) = (self.ticket.slot, self.over.as_ref());
            resources.prepare_compared((device, queue), encoder, scenes, slot, picture, over);
        }
        Vec::new()
    }

    fn paint(&self, _: egui::PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, shared: &CallbackResources) {
        copy(pass, shared, |resources| resources.compared.get(&self.ticket.slot)?.canvas.as_ref());
    }
}

/// The 3D view.
pub(super) struct VolumePaint {
    pub(super) scene: Scene,
    pub(super) ticket: Ticket,
    pub(super) camera: CameraGeometry,
    pub(super) show: ShowParams,
    pub(super) draft: bool,
}

impl CallbackTrait for VolumePaint {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        shared: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(resources) = shared.get_mut::<Resources>() {
            resources.carry(device, queue, &self.scene, self.ticket.frame);
            let look = (self.show, self.draft);
            resources.prepare_volume((device, queue), encoder, &self.scene, self.ticket.slot, &self.camera, look);
        }
        Vec::new()
    }

    fn paint(&self, _: egui::PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, shared: &CallbackResources) {
        let Some(resources) = shared.get::<Resources>() else { return };
        if let Some(Some(slot)) = resources.marches.get(&self.ticket.slot) {
            resources.marcher.draw(pass, slot);
        }
    }
}
