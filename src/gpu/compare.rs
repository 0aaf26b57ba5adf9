//! A plane through two volumes: the pipeline of shaders/compare.wgsl. Knows voxels and pixels; which of the two is the
//! truth matters to it only for the sign of the difference. The twin stands in [`super::compare_twin`].

use super::GpuError;
use super::layout::{CompareBlock, GridBlock};
use super::shader::{self, Bound, Slot};
use super::slice::{Interpolation, Window, taps_for};
use super::texture::{LabelTexture, VolumeTexture};
use crate::geometry::Vec3;

/// How the two volumes are put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Together {
    /// The reconstruction alone.
    Recon,
    /// The truth alone.
    Truth,
    /// Reconstruction minus truth in colours; full colour at this many HU.
    Difference(f64),
    /// The reconstruction on the left of this column, the truth on its right, px.
    Swipe(f64),
    /// Both in turn, in tiles of this side, px.
    Checkerboard(f64),
    /// Mixed; the truth's share, 0 to 1.
    Blend(f64),
    /// In colours that add up to grey where both are the same: the reconstruction orange, the truth blue.
    Fused,
}

impl Together {
    /// The shader's number.
    fn number(self) -> u32 {
        match self {
            Self::Recon => 0,
            Self::Truth => 1,
            Self::Difference(_) => 2,
            Self::Swipe(_) => 3,
            Self::Checkerboard(_) => 4,
            Self::Blend(_) => 5,
            Self::Fused => 6,
        }
    }

    /// What goes with it: divider, tile or share.
    fn amount(self) -> f64 {
        match self {
            Self::Swipe(v) | Self::Checkerboard(v) | Self::Blend(v) => v,
            _ => 0.0,
        }
    }

    /// HU of the strongest colour of the difference.
    fn range_hu(self) -> f64 {
        if let Self::Difference(range_hu) = self { range_hu } else { 0.0 }
    }
}

/// A plane in the voxels of one volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneVoxels {
    /// Voxel coordinate of the centre of pixel (0, 0).
    pub origin: Vec3,
    /// Voxels from a column to the next.
    pub per_column: Vec3,
    /// Voxels from a row to the next.
    pub per_row: Vec3,
}

impl PlaneVoxels {
    /// Voxel coordinate of the centre of a pixel.
    pub fn at(&self, col: f64, row: f64) -> Vec3 {
        std::array::from_fn(|k| self.origin[k] + self.per_column[k] * col + self.per_row[k] * row)
    }
}

/// Colours of a comparison, gamma RGB, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CompareColours {
    /// Outline of the reconstruction's lungs.
    pub recon: [f32; 3],
    /// Outline of the truth's lungs.
    pub truth: [f32; 3],
    /// The difference far below zero, at zero, far above.
    pub difference: [[f32; 3]; 3],
}

/// One plane in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareParams {
    /// The plane in the reconstruction.
    pub recon: PlaneVoxels,
    /// The plane in the truth.
    pub truth: PlaneVoxels,
    /// How they are put together.
    pub together: Together,
    /// Grey values.
    pub window: Window,
    /// Dense is black.
    pub invert: bool,
    /// Between voxels.
    pub interpolation: Interpolation,
    /// Width of the lungs' outlines where they are to be seen, px.
    pub outline_px: Option<f32>,
    /// Colours.
    pub colours: CompareColours,
}

/// The textures of a comparison.
#[derive(Clone, Debug)]
pub struct CompareTextures {
    /// The reconstruction.
    pub recon: VolumeTexture,
    /// The truth.
    pub truth: VolumeTexture,
    /// The reconstruction's lungs.
    pub recon_mask: Option<LabelTexture>,
    /// The truth's lungs.
    pub truth_mask: Option<LabelTexture>,
}

impl CompareParams {
    /// Samples a side in each pixel.
    pub fn taps(&self) -> u32 {
        taps_for(self.recon.per_column.iter().chain(&self.recon.per_row))
    }

    /// The uniforms for these textures; `linear_target` where the target stores linear light.
    pub fn block(&self, textures: &CompareTextures, linear_target: bool) -> CompareBlock {
        let four = |v: Vec3| [v[0] as f32, v[1] as f32, v[2] as f32, 0.0];
        let colour = |c: [f32; 3]| [c[0], c[1], c[2], 1.0];
        let flag = |b| f32::from(u8::from(b));
        let grid = |volume: &VolumeTexture| GridBlock::new(&volume.grid, volume.hu_per_unit);
        let label_grid =
            |m: &Option<LabelTexture>| m.as_ref().map_or_else(GridBlock::default, |m| GridBlock::new(&m.grid, 0.0));
        let outlines = self.outline_px.is_some();
        let [low, zero, high] = self.colours.difference;
        CompareBlock {
            origin: four(self.recon.origin),
            per_column: four(self.recon.per_column),
            per_row: four(self.recon.per_row),
            truth_origin: four(self.truth.origin),
            truth_per_column: four(self.truth.per_column),
            truth_per_row: four(self.truth.per_row),
            grid: grid(&textures.recon),
            truth_grid: grid(&textures.truth),
            mask_grid: label_grid(&textures.recon_mask),
            truth_mask_grid: label_grid(&textures.truth_mask),
            window: self.window.block(self.invert, linear_target),
            amount: [
                self.together.range_hu() as f32,
                self.together.amount() as f32,
                self.outline_px.unwrap_or(0.0) / 2.0,
                flag(self.interpolation == Interpolation::Nearest),
            ],
            masks: [
                flag(outlines && textures.recon_mask.is_some()),
                flag(outlines && textures.truth_mask.is_some()),
                0.0,
                0.0,
            ],
            recon_colour: colour(self.colours.recon),
            truth_colour: colour(self.colours.truth),
            low_colour: colour(low),
            zero_colour: colour(zero),
            high_colour: colour(high),
            how: [self.together.number(), self.taps(), 0, 0],
        }
    }
}

/// The pipeline that draws comparisons.
#[derive(Debug)]
pub struct Comparer {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    no_mask: LabelTexture,
}

/// What one pane keeps between frames; views of both volumes and of both masks.
pub type CompareSlot = Bound<CompareBlock, [wgpu::TextureView; 4]>;

impl Comparer {
    /// The pipeline for targets of `format`.
    ///
    /// # Errors
    /// [`GpuError::NoRoom`] on a card without room for one texel.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Result<Self, GpuError> {
        let slots = [Slot::Texture3d, Slot::Sampler, Slot::Texture3d, Slot::Texture3d, Slot::Texture3d];
        let layout = shader::bind_group_layout(device, "compare", size_of::<CompareBlock>() as u64, &slots);
        Ok(Self {
            pipeline: shader::pipeline(device, &shader::COMPARE, &layout, format),
            sampler: shader::linear_sampler(device),
            no_mask: LabelTexture::none(device)?,
            layout,
        })
    }

    /// Brings a pane's slot up to date; tells whether the picture must be drawn again.
    pub fn prepare(
        &self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        slot: &mut Option<CompareSlot>,
        textures: &CompareTextures,
        block: CompareBlock,
    ) -> bool {
        let mask = |m: &Option<LabelTexture>| m.as_ref().unwrap_or(&self.no_mask).view.clone();
        let views = [
            textures.recon.view.clone(),
            textures.truth.view.clone(),
            mask(&textures.recon_mask),
            mask(&textures.truth_mask),
        ];
        Bound::refresh((device, queue), slot, views, block, |uniforms, [recon, truth, recon_mask, truth_mask]| {
            let resources = [
                uniforms.as_entire_binding(),
                wgpu::BindingResource::TextureView(recon),
                wgpu::BindingResource::Sampler(&self.sampler),
                wgpu::BindingResource::TextureView(truth),
                wgpu::BindingResource::TextureView(recon_mask),
                wgpu::BindingResource::TextureView(truth_mask),
            ];
            shader::bind(device, &self.layout, resources)
        })
    }

    /// Draws a prepared slot into the pass's viewport.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, slot: &CompareSlot) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &slot.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}
