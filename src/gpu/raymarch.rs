//! Maximum intensity projection: the two passes of shaders/raymarch.wgsl and shaders/show.wgsl, and their twin in
//! plain Rust. Marching fills a picture of packed HU that is kept until camera or volume change; the window is
//! applied when it is shown, so window/level costs no marching. Knows no orbit: the rays are given.

use super::Picture;
use super::layout::{GridBlock, MarchBlock, ShowBlock};
use super::shader::{self, Slot, bind, uniform_buffer};
use super::slice::{self, Interpolation, Place, Window};
use super::texture::VolumeTexture;
use crate::geometry::{Vec3, Volume};

/// The packed picture's format; every target can hold it.
const PACKED_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// Parallel rays in pixels of the packed picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarchParams {
    /// Voxel coordinate of the first pixel's ray at t = 0.
    pub origin_voxel: Vec3,
    /// Voxels from a column to the next.
    pub per_column: Vec3,
    /// Voxels from a row to the next.
    pub per_row: Vec3,
    /// Voxels for 1 mm along the ray.
    pub per_mm: Vec3,
    /// Between samples, mm.
    pub step_mm: f64,
    /// Columns and rows of the packed picture.
    pub size_px: [u32; 2],
}

impl MarchParams {
    fn block(&self, volume: &VolumeTexture) -> MarchBlock {
        let four = |v: Vec3| [v[0] as f32, v[1] as f32, v[2] as f32, 0.0];
        MarchBlock {
            origin: four(self.origin_voxel),
            per_column: four(self.per_column),
            per_row: four(self.per_row),
            per_mm: four(self.per_mm),
            grid: GridBlock::new(&volume.grid, volume.hu_per_unit),
            step: [self.step_mm as f32, 0.0, 0.0, 0.0],
        }
    }
}

/// How packed maxima come to the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShowParams {
    /// Grey values.
    pub window: Window,
    /// Dense is black.
    pub invert: bool,
    /// Columns and rows on the screen.
    pub size_px: [f32; 2],
    /// Where.
    pub place: Place,
}

/// The two pipelines.
#[derive(Debug)]
pub struct Raymarcher {
    march: wgpu::RenderPipeline,
    march_layout: wgpu::BindGroupLayout,
    show: wgpu::RenderPipeline,
    show_layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
}

/// What one pane keeps: the packed picture and what it was made of.
#[derive(Debug)]
pub struct MarchSlot {
    volume_view: wgpu::TextureView,
    params: MarchParams,
    packed: wgpu::Texture,
    show_uniforms: wgpu::Buffer,
    show_group: wgpu::BindGroup,
    shown: ShowBlock,
}

impl Raymarcher {
    /// Pipelines for a screen of `format`.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let march_slots = [Slot::Texture3d, Slot::Sampler];
        let march_layout = shader::bind_group_layout(device, "march", size_of::<MarchBlock>() as u64, &march_slots);
        let show_slots = [Slot::Texture2d];
        let show_layout = shader::bind_group_layout(device, "show", size_of::<ShowBlock>() as u64, &show_slots);
        Self {
            march: shader::pipeline(device, &shader::MARCH, &march_layout, PACKED_FORMAT),
            show: shader::pipeline(device, &shader::SHOW, &show_layout, format),
            sampler: shader::linear_sampler(device),
            march_layout,
            show_layout,
        }
    }

    /// Marches where camera or volume changed, and writes the window where that changed; tells whether it marched.
    pub fn prepare(
        &self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        slot: &mut Option<MarchSlot>,
        volume: &VolumeTexture,
        march: &MarchParams,
        show: &ShowParams,
    ) -> bool {
        let kept = slot.take().filter(|s| s.volume_view == volume.view && s.params == *march);
        let marched = kept.is_none();
        let mut current = kept.unwrap_or_else(|| self.marched(device, encoder, volume, march));
        let block = ShowBlock {
            place: [
                show.place.corner_px[0],
                show.place.corner_px[1],
                march.size_px[0] as f32 / show.size_px[0].max(1.0),
                march.size_px[1] as f32 / show.size_px[1].max(1.0),
            ],
            window: show.window.block(show.invert, show.place.linear_target),
        };
        if current.shown != block {
            queue.write_buffer(&current.show_uniforms, 0, bytemuck::bytes_of(&block));
            current.shown = block;
        }
        *slot = Some(current);
        marched
    }

    /// Shows a prepared slot in the pass's viewport.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, slot: &MarchSlot) {
        pass.set_pipeline(&self.show);
        pass.set_bind_group(0, &slot.show_group, &[]);
        pass.draw(0..3, 0..1);
    }

    fn marched(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        volume: &VolumeTexture,
        params: &MarchParams,
    ) -> MarchSlot {
        let packed = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("packed maxima"),
            size: wgpu::Extent3d { width: params.size_px[0], height: params.size_px[1], depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: PACKED_FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT
                | wgpu::TextureUsages::TEXTURE_BINDING
                | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = packed.create_view(&wgpu::TextureViewDescriptor::default());
        self.encode_march(device, encoder, volume, params, &view);
        let show_uniforms = uniform_buffer(device, "show", bytemuck::bytes_of(&ShowBlock::default()));
        let show_group = bind(
            device,
            &self.show_layout,
            [show_uniforms.as_entire_binding(), wgpu::BindingResource::TextureView(&view)],
        );
        MarchSlot {
            volume_view: volume.view.clone(),
            params: *params,
            packed,
            show_uniforms,
            show_group,
            shown: ShowBlock::default(),
        }
    }

    fn encode_march(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        volume: &VolumeTexture,
        params: &MarchParams,
        target: &wgpu::TextureView,
    ) {
        let uniforms = uniform_buffer(device, "march", bytemuck::bytes_of(&params.block(volume)));
        let group = bind(
            device,
            &self.march_layout,
            [
                uniforms.as_entire_binding(),
                wgpu::BindingResource::TextureView(&volume.view),
                wgpu::BindingResource::Sampler(&self.sampler),
            ],
        );
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("march"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        pass.set_pipeline(&self.march);
        pass.set_bind_group(0, &group, &[]);
        pass.draw(0..3, 0..1);
    }
}

impl MarchSlot {
    /// The packed picture, for tests that read it back.
    pub fn packed(&self) -> &wgpu::Texture {
        &self.packed
    }
}

/// HU in the two bytes of a packed texel; `None` where the ray met nothing.
pub fn unpack(texel: [u8; 4]) -> Option<i16> {
    let shifted = i32::from(texel[0]) * 256 + i32::from(texel[1]) + i32::from(i16::MIN);
    (texel[3] > 127).then_some(shifted as i16)
}

/// The twin of the march: the maximum along each ray, `[row][col]`; `None` where it meets nothing.
pub fn march_on_cpu(volume: &Volume, params: &MarchParams) -> Vec<Option<i16>> {
    let [cols, rows] = params.size_px;
    let dims = volume.frame().dims();
    let value = |i: usize| f64::from(volume.hu()[i]);
    let along = |start: Vec3, t: f64| -> Vec3 { std::array::from_fn(|k| start[k] + params.per_mm[k] * t) };
    let ray = |col: u32, row: u32| {
        let start: Vec3 = std::array::from_fn(|k| {
            params.origin_voxel[k] + params.per_column[k] * f64::from(col) + params.per_row[k] * f64::from(row)
        });
        let [enter, leave] = crossing(dims, start, params.per_mm)?;
        let steps = ((leave - enter) / params.step_mm).ceil() as usize;
        let at = |i: usize| along(start, (enter + (i as f64 + 0.5) * params.step_mm).min(leave));
        let inside = |p: Vec3| -> Vec3 { std::array::from_fn(|k| p[k].clamp(-0.5, dims[k] as f64 - 0.5)) };
        let hu = (0..steps).filter_map(|i| slice::sample(dims, inside(at(i)), Interpolation::Linear, &value));
        hu.reduce(f64::max).map(|most| most.round() as i16)
    };
    (0..rows).flat_map(|row| (0..cols).map(move |col| (col, row))).map(|(col, row)| ray(col, row)).collect()
}

/// Where a ray enters and leaves the volume, mm; `None` where it misses.
fn crossing(dims: [usize; 3], start: Vec3, per_mm: Vec3) -> Option<[f64; 2]> {
    const TINY: f64 = 1e-9;
    let mut span = [f64::NEG_INFINITY, f64::INFINITY];
    for k in 0..3 {
        let way = if per_mm[k].abs() < TINY { TINY } else { per_mm[k] };
        let (a, b) = ((-0.5 - start[k]) / way, (dims[k] as f64 - 0.5 - start[k]) / way);
        span = [span[0].max(a.min(b)), span[1].min(a.max(b))];
    }
    (span[1] > span[0]).then_some(span)
}

/// The twin of showing without enlarging: grey values of packed HU.
pub fn show_on_cpu(packed: &[Option<i16>], params: &MarchParams, window: &Window, invert: bool) -> Picture {
    let grey = |hu: &Option<i16>| hu.map_or(0.0, |hu| slice::grey_of(f64::from(hu), window, invert));
    let rgba = packed.iter().flat_map(|hu| {
        let level = (grey(hu) * 255.0).round() as u8;
        [level, level, level, u8::MAX]
    });
    Picture { width: params.size_px[0], height: params.size_px[1], rgba: rgba.collect() }
}
