//! The `repr(C)` twins of the WGSL uniform structs. A test compares size and offsets with naga's. Knows no meaning
//! beyond the fields' comments in the shaders.

use super::texture::TexelGrid;
use bytemuck::{Pod, Zeroable};

/// Twin of `Grid` in shaders/shared/grid.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct GridBlock {
    /// Voxels along x, y, z; HU of a sampled value of 1.
    pub voxels: [f32; 4],
    /// Voxels the texture spans.
    pub spanned: [f32; 4],
    /// Voxels in a texel.
    pub factor: [f32; 4],
}

impl GridBlock {
    /// The block of `grid`; `hu_per_unit` as the volume's texture says (0 for masks, which have none).
    pub fn new(grid: &TexelGrid, hu_per_unit: f32) -> Self {
        let four = |v: [u32; 3], w: f32| [v[0] as f32, v[1] as f32, v[2] as f32, w];
        Self {
            voxels: four(grid.voxels, hu_per_unit),
            spanned: four(grid.spanned(), 0.0),
            factor: four(grid.factor, 0.0),
        }
    }
}

/// Twin of `Window` in shaders/shared/window.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct WindowBlock {
    /// HU shown black.
    pub low_hu: f32,
    /// HU shown white.
    pub high_hu: f32,
    /// 1: dense is black.
    pub invert: f32,
    /// 1: the target stores linear light.
    pub linear_target: f32,
}

/// Twin of `Slice` in shaders/slice.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct SliceBlock {
    /// Voxel coordinate of the first pixel.
    pub origin: [f32; 4],
    /// Voxels for a column.
    pub per_column: [f32; 4],
    /// Voxels for a row.
    pub per_row: [f32; 4],
    /// Left and top of the rectangle, px.
    pub corner: [f32; 4],
    /// The volume's texture.
    pub grid: GridBlock,
    /// The mask's texture.
    pub mask_grid: GridBlock,
    /// Grey values.
    pub window: WindowBlock,
    /// Opacity, half width of the outline in px, 1 with mask, 1 for nearest neighbour.
    pub mask: [f32; 4],
    /// Colour of the right lung, gamma RGB.
    pub right_colour: [f32; 4],
    /// Colour of the left lung, gamma RGB.
    pub left_colour: [f32; 4],
    /// Samples a side in each pixel.
    pub taps: [u32; 4],
}

/// Twin of `March` in shaders/raymarch.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct MarchBlock {
    /// Voxel coordinate of the first pixel's ray at t = 0.
    pub origin: [f32; 4],
    /// Voxels for a column.
    pub per_column: [f32; 4],
    /// Voxels for a row.
    pub per_row: [f32; 4],
    /// Voxels for 1 mm along the ray.
    pub per_mm: [f32; 4],
    /// The volume's texture.
    pub grid: GridBlock,
    /// Step, mm.
    pub step: [f32; 4],
}

/// Twin of `Show` in shaders/show.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct ShowBlock {
    /// Left and top of the rectangle, px; packed texels for a pixel.
    pub place: [f32; 4],
    /// Grey values.
    pub window: WindowBlock,
}

/// Twin of `Copy` in shaders/copy.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct CopyBlock {
    /// Left and top of the rectangle, px; 1 where the target stores linear light.
    pub place: [f32; 4],
}

/// Twin of `Overlay` in shaders/overlay.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct OverlayBlock {
    /// Voxel coordinate of the first pixel.
    pub origin: [f32; 4],
    /// Voxels for a column.
    pub per_column: [f32; 4],
    /// Voxels for a row.
    pub per_row: [f32; 4],
    /// The errors' texture.
    pub grid: GridBlock,
    /// The colour, gamma RGB.
    pub colour: [f32; 4],
    /// HU of full colour, opacity there.
    pub amount: [f32; 4],
}

/// Twin of `Compare` in shaders/compare.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
pub struct CompareBlock {
    /// Voxel coordinate of the first pixel in the reconstruction.
    pub origin: [f32; 4],
    /// Voxels for a column.
    pub per_column: [f32; 4],
    /// Voxels for a row.
    pub per_row: [f32; 4],
    /// Voxel coordinate of the first pixel in the truth.
    pub truth_origin: [f32; 4],
    /// The truth's voxels for a column.
    pub truth_per_column: [f32; 4],
    /// The truth's voxels for a row.
    pub truth_per_row: [f32; 4],
    /// The reconstruction's texture.
    pub grid: GridBlock,
    /// The truth's texture.
    pub truth_grid: GridBlock,
    /// The texture of the reconstruction's lungs.
    pub mask_grid: GridBlock,
    /// The texture of the truth's lungs.
    pub truth_mask_grid: GridBlock,
    /// Grey values.
    pub window: WindowBlock,
    /// Range of the difference, HU; share, divider or tile, px; half width of the outlines, px; 1 for nearest neighbour.
    pub amount: [f32; 4],
    /// 1 with a mask of the reconstruction, of the truth.
    pub masks: [f32; 4],
    /// Outline of the reconstruction's lungs, gamma RGB.
    pub recon_colour: [f32; 4],
    /// Outline of the truth's lungs, gamma RGB.
    pub truth_colour: [f32; 4],
    /// Far below zero, gamma RGB.
    pub low_colour: [f32; 4],
    /// At zero, gamma RGB.
    pub zero_colour: [f32; 4],
    /// Far above zero, gamma RGB.
    pub high_colour: [f32; 4],
    /// How the two are put together; samples a side in each pixel.
    pub how: [u32; 4],
}
