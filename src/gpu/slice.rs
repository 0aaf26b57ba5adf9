//! A plane through a volume: the pipeline of shaders/slice.wgsl and its twin in plain Rust. Knows voxels and pixels;
//! anatomy, zoom and pan are already in the transform it is given.

use super::layout::{GridBlock, SliceBlock, WindowBlock};
use super::shader::{self, Bound, Slot};
use super::texture::{LabelTexture, VolumeTexture};
use super::upload::{LABEL_LEFT, LABEL_RIGHT};
use super::{GpuError, Picture};
use crate::geometry::{Vec3, Volume};

/// Most samples a side in a pixel; more costs much and shows nothing.
const MAX_TAPS: u32 = 4;
/// A little less than a voxel a pixel needs no second sample.
const TAP_SLACK: f64 = 0.05;

/// Which HU are black and which white.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Window {
    /// HU shown as middle grey.
    pub centre_hu: f64,
    /// From black to white, HU.
    pub width_hu: f64,
}

impl Window {
    /// Black at `low_hu`, white at `high_hu`.
    pub fn between(low_hu: f64, high_hu: f64) -> Self {
        Self { centre_hu: (low_hu + high_hu) / 2.0, width_hu: high_hu - low_hu }
    }

    /// HU shown black, HU shown white.
    pub fn ends_hu(&self) -> [f64; 2] {
        [self.centre_hu - self.width_hu / 2.0, self.centre_hu + self.width_hu / 2.0]
    }

    /// The shader's block.
    pub(super) fn block(&self, invert: bool, linear_target: bool) -> WindowBlock {
        let [low, high] = self.ends_hu();
        let flag = |b| f32::from(u8::from(b));
        WindowBlock {
            low_hu: low as f32,
            high_hu: high as f32,
            invert: flag(invert),
            linear_target: flag(linear_target),
        }
    }
}

/// What stands between voxel centres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Straight lines between voxels.
    #[default]
    Linear,
    /// Voxels as boxes.
    Nearest,
}

/// How the lung mask is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskPaint {
    /// Of the fill, 0 to 1.
    pub opacity: f32,
    /// Width of the outline, px.
    pub outline_px: f32,
    /// Colour of the right lung, gamma RGB, 0 to 1.
    pub right: [f32; 3],
    /// Colour of the left lung, gamma RGB, 0 to 1.
    pub left: [f32; 3],
}

/// One plane in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SliceParams {
    /// Voxel coordinate of the centre of pixel (0, 0).
    pub origin_voxel: Vec3,
    /// Voxels from a column to the next.
    pub per_column: Vec3,
    /// Voxels from a row to the next.
    pub per_row: Vec3,
    /// Grey values.
    pub window: Window,
    /// Dense is black.
    pub invert: bool,
    /// Between voxels.
    pub interpolation: Interpolation,
    /// The mask, if it is to be seen.
    pub mask: Option<MaskPaint>,
}

impl SliceParams {
    /// Voxel coordinate of the centre of a pixel.
    pub fn voxel_at(&self, col: f64, row: f64) -> Vec3 {
        std::array::from_fn(|k| self.origin_voxel[k] + self.per_column[k] * col + self.per_row[k] * row)
    }

    /// Samples a side in each pixel, so that no voxel is skipped where the picture is smaller than the volume.
    pub fn taps(&self) -> u32 {
        taps_for(self.per_column.iter().chain(&self.per_row))
    }

    /// The uniforms for textures with these grids, in a rectangle whose first pixel stands at `corner_px`.
    pub fn block(&self, volume: &VolumeTexture, mask: Option<&LabelTexture>, place: Place) -> SliceBlock {
        let four = |v: Vec3| [v[0] as f32, v[1] as f32, v[2] as f32, 0.0];
        let colour = |c: [f32; 3]| [c[0], c[1], c[2], 1.0];
        let flag = |b| f32::from(u8::from(b));
        let paint = self.mask.filter(|_| mask.is_some());
        let shown = paint.unwrap_or(MaskPaint { opacity: 0.0, outline_px: 0.0, right: [0.0; 3], left: [0.0; 3] });
        SliceBlock {
            origin: four(self.origin_voxel),
            per_column: four(self.per_column),
            per_row: four(self.per_row),
            corner: [place.corner_px[0], place.corner_px[1], 0.0, 0.0],
            grid: GridBlock::new(&volume.grid, volume.hu_per_unit),
            mask_grid: mask.map_or_else(GridBlock::default, |m| GridBlock::new(&m.grid, 0.0)),
            window: self.window.block(self.invert, place.linear_target),
            mask: [
                shown.opacity,
                shown.outline_px / 2.0,
                flag(paint.is_some()),
                flag(self.interpolation == Interpolation::Nearest),
            ],
            right_colour: colour(shown.right),
            left_colour: colour(shown.left),
            taps: [self.taps(), 0, 0, 0],
        }
    }
}

/// Samples a side in each pixel for these steps between pixels, voxels.
pub(super) fn taps_for<'a>(steps: impl Iterator<Item = &'a f64>) -> u32 {
    let longest = steps.fold(0.0, |m: f64, v| m.max(v.abs()));
    ((longest - TAP_SLACK).ceil().max(1.0) as u32).min(MAX_TAPS)
}

/// Where in a target a picture is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// Left and top of its first pixel.
    pub corner_px: [f32; 2],
    /// Whether the target stores linear light (an sRGB format).
    pub linear_target: bool,
}

/// The pipeline that draws slices.
#[derive(Debug)]
pub struct Slicer {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    no_mask: LabelTexture,
}

/// What one pane keeps between frames; views of the volume and of the mask.
pub type SliceSlot = Bound<SliceBlock, (wgpu::TextureView, Option<wgpu::TextureView>)>;

impl Slicer {
    /// The pipeline for targets of `format`.
    ///
    /// # Errors
    /// [`GpuError::NoRoom`] on a card without room for one texel.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Result<Self, GpuError> {
        let slots = [Slot::Texture3d, Slot::Sampler, Slot::Texture3d];
        let layout = shader::bind_group_layout(device, "slice", size_of::<SliceBlock>() as u64, &slots);
        Ok(Self {
            pipeline: shader::pipeline(device, &shader::SLICE, &layout, format),
            sampler: shader::linear_sampler(device),
            no_mask: LabelTexture::none(device)?,
            layout,
        })
    }

    /// Brings a pane's slot up to date, making or changing only what differs from the last frame; tells whether
    /// anything did, so that the picture must be drawn again.
    pub fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        slot: &mut Option<SliceSlot>,
        volume: &VolumeTexture,
        mask: Option<&LabelTexture>,
        block: SliceBlock,
    ) -> bool {
        let views = (volume.view.clone(), mask.map(|m| m.view.clone()));
        Bound::refresh((device, queue), slot, views, block, |uniforms, (volume, mask)| {
            let resources = [
                uniforms.as_entire_binding(),
                wgpu::BindingResource::TextureView(volume),
                wgpu::BindingResource::Sampler(&self.sampler),
                wgpu::BindingResource::TextureView(mask.as_ref().unwrap_or(&self.no_mask.view)),
            ];
            shader::bind(device, &self.layout, resources)
        })
    }

    /// Draws a prepared slot into the pass's viewport.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, slot: &SliceSlot) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &slot.bind_group, &[]);
        pass.draw(0..3, 0..1);
    }
}

/// The twin: the same picture by the processor. `labels` are `[z][y][x]` on the volume's grid.
pub fn render_on_cpu(volume: &Volume, labels: Option<&[u8]>, params: &SliceParams, width: u32, height: u32) -> Picture {
    let twin = Twin { volume, labels: labels.filter(|l| l.len() == volume.frame().len()), params };
    let mut rgba = Vec::with_capacity(width as usize * height as usize * 4);
    for row in 0..height {
        for col in 0..width {
            let colour = twin.colour_at(f64::from(col), f64::from(row));
            rgba.extend(colour.map(|c| (c * 255.0).round().clamp(0.0, 255.0) as u8));
            rgba.push(u8::MAX);
        }
    }
    Picture { width, height, rgba }
}

struct Twin<'a> {
    volume: &'a Volume,
    labels: Option<&'a [u8]>,
    params: &'a SliceParams,
}

impl Twin<'_> {
    fn colour_at(&self, col: f64, row: f64) -> [f64; 3] {
        let grey = [self.grey_at(col, row); 3];
        let (Some(paint), Some(_)) = (self.params.mask, self.labels) else { return grey };
        let painted = |below: [f64; 3], label: u8, colour: [f32; 3]| {
            let c = |dx: f64, dy: f64| self.coverage_at(col + dx, row + dy, label);
            let slope = (c(1.0, 0.0) - c(-1.0, 0.0)).hypot(c(0.0, 1.0) - c(0.0, -1.0)) / 2.0;
            let depth_px = (c(0.0, 0.0) - 0.5) / slope.max(1e-4);
            let fill = f64::from(paint.opacity) * (depth_px + 0.5).clamp(0.0, 1.0);
            let edge = if slope >= 0.01 { 1.0 } else { 0.0 };
            let line = (f64::from(paint.outline_px) / 2.0 + 0.5 - depth_px.abs()).clamp(0.0, 1.0) * edge;
            let share = match self.params.interpolation {
                Interpolation::Linear => fill.max(line),
                Interpolation::Nearest if c(0.0, 0.0) > 0.5 => f64::from(paint.opacity).max(edge),
                Interpolation::Nearest => 0.0,
            };
            std::array::from_fn(|k| below[k] * (1.0 - share) + f64::from(colour[k]) * share)
        };
        painted(painted(grey, LABEL_RIGHT, paint.right), LABEL_LEFT, paint.left)
    }

    fn grey_at(&self, col: f64, row: f64) -> f64 {
        let n = self.params.taps();
        let place = |i: u32| (f64::from(i) + 0.5) / f64::from(n) - 0.5;
        let sum: f64 = (0..n * n)
            .filter_map(|i| {
                self.sample(self.params.voxel_at(col + place(i % n), row + place(i / n)), &|i| {
                    f64::from(self.volume.hu()[i])
                })
            })
            .map(|hu| grey_of(hu, &self.params.window, self.params.invert))
            .sum();
        sum / f64::from(n * n)
    }

    fn coverage_at(&self, col: f64, row: f64, label: u8) -> f64 {
        let covered = |i: usize| self.labels.map_or(0.0, |l| f64::from(u8::from(l[i] == label)));
        self.sample(self.params.voxel_at(col, row), &covered).unwrap_or(0.0)
    }

    /// Interpolates `value` of voxel indices; `None` outside of the volume.
    fn sample(&self, voxel: Vec3, value: &dyn Fn(usize) -> f64) -> Option<f64> {
        sample(self.volume.frame().dims(), voxel, self.params.interpolation, value)
    }
}

/// The grey of a CT number, 0 to 1 (DICOM PS3.3 C.11.2.1.3.2, LINEAR_EXACT).
pub(super) fn grey_of(hu: f64, window: &Window, invert: bool) -> f64 {
    let [low, high] = window.ends_hu();
    let share = ((hu - low) / (high - low).max(1.0)).clamp(0.0, 1.0);
    if invert { 1.0 - share } else { share }
}

/// Interpolates `value` (of indices into `[z][y][x]`) at a voxel coordinate; `None` more than half a voxel outside.
pub(super) fn sample(
    dims: [usize; 3],
    voxel: Vec3,
    interpolation: Interpolation,
    value: &dyn Fn(usize) -> f64,
) -> Option<f64> {
    let last = dims.map(|n| (n - 1) as f64);
    if !(0..3).all(|k| voxel[k] >= -0.5 && voxel[k] <= last[k] + 0.5) {
        return None;
    }
    let index = |v: [usize; 3]| (v[2] * dims[1] + v[1]) * dims[0] + v[0];
    if interpolation == Interpolation::Nearest {
        return Some(value(index(std::array::from_fn(|k| (voxel[k] + 0.5).floor().clamp(0.0, last[k]) as usize))));
    }
    let q: Vec3 = std::array::from_fn(|k| voxel[k].clamp(0.0, last[k]));
    let low = q.map(|v| v as usize);
    let corner = |bits: usize| {
        let place: [usize; 3] = std::array::from_fn(|k| (low[k] + (bits >> k & 1)).min(dims[k] - 1));
        let weight: f64 = (0..3)
            .map(|k| if bits >> k & 1 == 1 { q[k] - low[k] as f64 } else { 1.0 - (q[k] - low[k] as f64) })
            .product();
        weight * value(index(place))
    };
    Some((0..8).map(corner).sum())
}
