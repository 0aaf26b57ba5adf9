//! Pictures without a window: a target, a pass, and the way back to memory. Knows no interface.

use super::{Gpu, GpuError};
use std::time::Duration;

/// A software rasteriser with much to do may take long; a hung driver takes for ever.
const WAIT: Duration = Duration::from_secs(120);
/// Bytes of an RGBA pixel.
const PIXEL_BYTES: u32 = 4;

/// An RGBA picture in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// 8 bit red, green, blue, alpha, row by row.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// The pixel at (col, row), if there is one.
    pub fn at(&self, col: u32, row: u32) -> Option<[u8; 4]> {
        let start = (row as usize * self.width as usize + col as usize) * PIXEL_BYTES as usize;
        let bytes = self.rgba.get(start..start + PIXEL_BYTES as usize).filter(|_| col < self.width)?;
        bytes.try_into().ok()
    }
}

/// A colour target of `width` x `height` that can be read back.
///
/// # Errors
/// [`GpuError::PictureSize`] where a side is 0 or beyond the device's limit.
pub fn target(
    device: &wgpu::Device,
    width: u32,
    height: u32,
    format: wgpu::TextureFormat,
) -> Result<wgpu::Texture, GpuError> {
    let most = device.limits().max_texture_dimension_2d;
    if ![width, height].iter().all(|side| (1..=most).contains(side)) {
        return Err(GpuError::PictureSize(width, height, most));
    }
    Ok(device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    }))
}

/// Draws into an RGBA picture: `encode` gets the encoder before the pass (for passes of its own), `draw` the pass.
///
/// # Errors
/// [`GpuError::PictureSize`], [`GpuError::ReadBack`].
pub fn draw(
    gpu: &Gpu,
    width: u32,
    height: u32,
    encode: impl FnOnce(&mut wgpu::CommandEncoder),
    draw: impl FnOnce(&mut wgpu::RenderPass<'static>),
) -> Result<Picture, GpuError> {
    let texture = target(&gpu.device, width, height, wgpu::TextureFormat::Rgba8Unorm)?;
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encode(&mut encoder);
    draw(&mut pass(&mut encoder, &texture));
    gpu.queue.submit([encoder.finish()]);
    read_back(&gpu.device, &gpu.queue, &texture)
}

/// A pass that clears `texture` to black.
pub fn pass(encoder: &mut wgpu::CommandEncoder, texture: &wgpu::Texture) -> wgpu::RenderPass<'static> {
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    encoder
        .begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("picture"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            })],
            ..Default::default()
        })
        .forget_lifetime()
}

/// Copies an RGBA target to memory; rows on the card are padded to 256 bytes, those returned are not.
///
/// # Errors
/// [`GpuError::ReadBack`].
pub fn read_back(device: &wgpu::Device, queue: &wgpu::Queue, texture: &wgpu::Texture) -> Result<Picture, GpuError> {
    let (width, height) = (texture.width(), texture.height());
    let row_bytes = width * PIXEL_BYTES;
    let padded_bytes = row_bytes.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("read back"),
        size: u64::from(padded_bytes) * u64::from(height),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let layout =
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(padded_bytes), rows_per_image: Some(height) };
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
        texture.size(),
    );
    let submission = queue.submit([encoder.finish()]);
    let (tell, told) = std::sync::mpsc::channel();
    // The receiver outlives the poll below; a send to nobody is of no interest.
    buffer.map_async(wgpu::MapMode::Read, .., move |mapped| drop(tell.send(mapped)));
    let trouble = |cause: &dyn std::fmt::Display| GpuError::ReadBack(cause.to_string());
    device
        .poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(WAIT) })
        .map_err(|e| trouble(&e))?;
    told.recv().map_err(|e| trouble(&e))?.map_err(|e| trouble(&e))?;
    let bytes = buffer.get_mapped_range(..).map_err(|e| trouble(&e))?;
    let rows = bytes.chunks_exact(padded_bytes as usize);
    let rgba = rows.flat_map(|row| row[..row_bytes as usize].iter().copied()).collect();
    Ok(Picture { width, height, rgba })
}
