//! Expected errors in colour over a plane that is drawn already: the pipeline of shaders/overlay.wgsl and its twin.
//! Knows not where the errors come from.

use super::Picture;
use super::compare::PlaneVoxels;
use super::layout::{GridBlock, OverlayBlock};
use super::shader::{self, Bound, Slot};
use super::slice::{Interpolation, sample};
use super::texture::VolumeTexture;
use crate::geometry::{Vec3, Volume};

/// How errors are laid over a plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverlayParams {
    /// The plane in the errors' voxels.
    pub plane: PlaneVoxels,
    /// HU at which the colour is full.
    pub full_hu: f64,
    /// How much of the picture it hides there, 0 to 1.
    pub opacity: f64,
    /// The colour, gamma RGB, 0 to 1.
    pub colour: [f32; 3],
}

impl OverlayParams {
    /// The uniforms for a texture.
    pub fn block(&self, errors: &VolumeTexture) -> OverlayBlock {
        let four = |v: Vec3| [v[0] as f32, v[1] as f32, v[2] as f32, 0.0];
        let [r, g, b] = self.colour;
        OverlayBlock {
            origin: four(self.plane.origin),
            per_column: four(self.plane.per_column),
            per_row: four(self.plane.per_row),
            grid: GridBlock::new(&errors.grid, errors.hu_per_unit),
            colour: [r, g, b, 1.0],
            amount: [self.full_hu as f32, self.opacity as f32, 0.0, 0.0],
        }
    }
}

/// The pipeline that draws overlays.
#[derive(Debug)]
pub struct Overlayer {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
}

/// What one pane keeps between frames.
pub type OverlaySlot = Bound<OverlayBlock, wgpu::TextureView>;

impl Overlayer {
    /// The pipeline for targets of `format`.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let slots = [Slot::Texture3d, Slot::Sampler];
        let layout = shader::bind_group_layout(device, "overlay", size_of::<OverlayBlock>() as u64, &slots);
        let pipeline = shader::pipeline_over(device, &shader::OVERLAY, &layout, format);
        Self { pipeline, sampler: shader::linear_sampler(device), layout }
    }

    /// Brings a pane's slot up to date, or empties it where there is nothing to lay over; tells whether the picture
    /// must be drawn again.
    pub fn prepare(
        &self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        slot: &mut Option<OverlaySlot>,
        wanted: Option<(&VolumeTexture, OverlayBlock)>,
    ) -> bool {
        let Some((errors, block)) = wanted else { return slot.take().is_some() };
        Bound::refresh((device, queue), slot, errors.view.clone(), block, |uniforms, view| {
            let resources = [
                uniforms.as_entire_binding(),
                wgpu::BindingResource::TextureView(view),
                wgpu::BindingResource::Sampler(&self.sampler),
            ];
            shader::bind(device, &self.layout, resources)
        })
    }

    /// Draws a prepared slot over what the pass holds.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, slot: &OverlaySlot) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &slot.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}

/// The twin: lays errors over a picture by the processor.
pub fn lay_over_on_cpu(picture: &Picture, errors: &Volume, params: &OverlayParams) -> Picture {
    let (width, mut rgba) = (picture.width as usize, picture.rgba.clone());
    for (k, pixel) in rgba.chunks_exact_mut(4).enumerate() {
        let voxel = params.plane.at((k % width) as f64, (k / width) as f64);
        let hu = sample(errors.frame().dims(), voxel, Interpolation::Linear, &|i| f64::from(errors.hu()[i]));
        let share = hu.map_or(0.0, |hu| params.opacity * (hu / params.full_hu.max(1.0)).clamp(0.0, 1.0));
        for (value, colour) in pixel.iter_mut().zip(params.colour) {
            *value = (f64::from(*value) * (1.0 - share) + 255.0 * f64::from(colour) * share).round() as u8;
        }
    }
    Picture { width: picture.width, height: picture.height, rgba }
}
