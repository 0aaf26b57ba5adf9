//! Pictures that are kept: drawn when something in them changes, copied to the screen in every other frame.
//! Knows not what is in them.

use super::layout::CopyBlock;
use super::shader::{self, Slot};
use super::slice::Place;

/// A kept picture.
#[derive(Debug)]
pub struct Canvas {
    view: wgpu::TextureView,
    size_px: [u32; 2],
    uniforms: wgpu::Buffer,
    written: CopyBlock,
    group: wgpu::BindGroup,
}

/// The pipeline that copies kept pictures to the screen.
#[derive(Debug)]
pub struct Copier {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
}

impl Canvas {
    /// What is drawn into a canvas must be drawn in this format: gamma values, as they are.
    pub const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

    /// A pass that begins the picture anew, on black.
    pub fn pass<'e>(&self, encoder: &'e mut wgpu::CommandEncoder) -> wgpu::RenderPass<'e> {
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("kept picture"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            })],
            ..Default::default()
        })
    }
}

impl Copier {
    /// The pipeline for a screen of `format`.
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let layout = shader::bind_group_layout(device, "copy", size_of::<CopyBlock>() as u64, &[Slot::Texture2d]);
        Self { pipeline: shader::pipeline(device, &shader::COPY, &layout, format), layout }
    }

    /// Brings a canvas to a size and place; tells whether it is new and must be drawn. Sides of 0 or beyond the
    /// device's limit are brought within.
    pub fn prepare(
        &self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        canvas: &mut Option<Canvas>,
        size_px: [u32; 2],
        place: Place,
    ) -> bool {
        let size_px = size_px.map(|side| side.clamp(1, device.limits().max_texture_dimension_2d));
        let kept = canvas.take().filter(|c| c.size_px == size_px);
        let fresh = kept.is_none();
        let mut current = kept.unwrap_or_else(|| self.canvas(device, size_px));
        let linear = f32::from(u8::from(place.linear_target));
        let block = CopyBlock { place: [place.corner_px[0], place.corner_px[1], linear, 0.0] };
        if current.written != block {
            queue.write_buffer(&current.uniforms, 0, bytemuck::bytes_of(&block));
            current.written = block;
        }
        *canvas = Some(current);
        fresh
    }

    /// Copies a canvas into the pass's viewport.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, canvas: &Canvas) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &canvas.group, &[]);
        pass.draw(0..3, 0..1);
    }

    fn canvas(&self, device: &wgpu::Device, size_px: [u32; 2]) -> Canvas {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("kept picture"),
            size: wgpu::Extent3d { width: size_px[0], height: size_px[1], depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: Canvas::FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let uniforms = shader::uniform_buffer(device, "copy", bytemuck::bytes_of(&CopyBlock::default()));
        let resources = [uniforms.as_entire_binding(), wgpu::BindingResource::TextureView(&view)];
        let group = shader::bind(device, &self.layout, resources);
        Canvas { view, size_px, uniforms, written: CopyBlock::default(), group }
    }
}
