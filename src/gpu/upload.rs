//! Carrying voxels to the card in slabs, a few milliseconds a frame, so that the window never waits. Knows no screen.

use super::GpuError;
use super::texture::{LabelTexture, TexelGrid, VolumeTexture};
use crate::geometry::{Frame, Volume};
use half::slice::HalfFloatSliceExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes written before the queue is flushed: larger slabs would double the memory at the peak, smaller ones only
/// add calls. A slab of this size takes about a millisecond.
const SLAB_BYTES: usize = 2 << 20;

/// Labels of the lung mask: 0 none, 1 right lung, 2 left lung.
pub const LABEL_RIGHT: u8 = 1;
/// See [`LABEL_RIGHT`].
pub const LABEL_LEFT: u8 = 2;

/// A volume on its way to the card.
#[derive(Debug)]
pub struct VolumeUpload {
    source: Arc<Volume>,
    target: VolumeTexture,
    slabs: Slabs,
    texels: Vec<i16>,
}

impl VolumeUpload {
    /// Makes room on the card; nothing is carried yet.
    ///
    /// # Errors
    /// [`GpuError::NoRoom`].
    pub fn begin(device: &wgpu::Device, source: Arc<Volume>) -> Result<Self, GpuError> {
        let target = VolumeTexture::allocate(device, source.frame())?;
        Ok(Self::into_texture(source, target))
    }

    /// Carries `source` into a texture already made for its frame.
    pub fn into_texture(source: Arc<Volume>, target: VolumeTexture) -> Self {
        Self { source, slabs: Slabs::over(&target.grid, 2), target, texels: Vec::new() }
    }

    /// Carries slabs until `budget` is spent (at least one), then tells whether all are there.
    pub fn advance(&mut self, queue: &wgpu::Queue, budget: Duration) -> bool {
        let start = Instant::now();
        while let Some((z, depth)) = self.slabs.next() {
            self.carry(queue, z, depth);
            // Without a submission the staging memory of all slabs would stay until the end.
            queue.submit([]);
            if start.elapsed() >= budget {
                break;
            }
        }
        self.slabs.is_done()
    }

    /// 0 to 1.
    pub fn progress(&self) -> f32 {
        self.slabs.progress()
    }

    /// What to say where the texture had to be coarser.
    pub fn notice(&self) -> Option<String> {
        self.target.grid.notice()
    }

    /// The texture; whole once [`VolumeUpload::advance`] said so.
    pub fn texture(&self) -> &VolumeTexture {
        &self.target
    }

    fn carry(&mut self, queue: &wgpu::Queue, z: u32, depth: u32) {
        let grid = self.target.grid;
        let plane = (grid.voxels[0] * grid.voxels[1]) as usize;
        let texels: &[i16] = if grid.is_coarser() {
            shrink(self.source.hu(), &grid, z..z + depth, &mut self.texels);
            &self.texels
        } else {
            &self.source.hu()[z as usize * plane..(z + depth) as usize * plane]
        };
        if self.target.texture.format() == wgpu::TextureFormat::R16Snorm {
            write_slab(queue, &self.target.texture, &grid, z, depth, bytemuck::cast_slice(texels));
        } else {
            let floats: Vec<f32> = texels.iter().map(|&v| f32::from(v)).collect();
            let mut halves = vec![half::f16::ZERO; floats.len()];
            halves.convert_from_f32_slice(&floats);
            write_slab(queue, &self.target.texture, &grid, z, depth, bytemuck::cast_slice(&halves));
        }
    }
}

/// A label volume on its way to the card.
#[derive(Debug)]
pub struct LabelUpload {
    source: Arc<[u8]>,
    target: LabelTexture,
    slabs: Slabs,
    coverage: Vec<[u8; 2]>,
}

impl LabelUpload {
    /// Makes room for `labels`, `[z][y][x]` on `frame`; `None` where their number is not the frame's.
    ///
    /// # Errors
    /// [`GpuError::NoRoom`].
    pub fn begin(device: &wgpu::Device, frame: &Frame, labels: Arc<[u8]>) -> Result<Option<Self>, GpuError> {
        if labels.len() != frame.len() {
            return Ok(None);
        }
        let target = LabelTexture::allocate(device, frame)?;
        Ok(Some(Self { source: labels, slabs: Slabs::over(&target.grid, 2), target, coverage: Vec::new() }))
    }

    /// As [`VolumeUpload::advance`].
    pub fn advance(&mut self, queue: &wgpu::Queue, budget: Duration) -> bool {
        let start = Instant::now();
        while let Some((z, depth)) = self.slabs.next() {
            let grid = self.target.grid;
            cover(&self.source, &grid, z..z + depth, &mut self.coverage);
            write_slab(queue, &self.target.texture, &grid, z, depth, bytemuck::cast_slice(&self.coverage));
            queue.submit([]);
            if start.elapsed() >= budget {
                break;
            }
        }
        self.slabs.is_done()
    }

    /// The texture; whole once [`LabelUpload::advance`] said so.
    pub fn texture(&self) -> &LabelTexture {
        &self.target
    }
}

/// The slabs of a texture along z, one after the other.
#[derive(Debug)]
struct Slabs {
    next: u32,
    depth: u32,
    end: u32,
}

impl Slabs {
    fn over(grid: &TexelGrid, bytes_per_texel: usize) -> Self {
        let [nx, ny, nz] = grid.texels();
        let plane_bytes = nx as usize * ny as usize * bytes_per_texel;
        Self { next: 0, depth: (SLAB_BYTES / plane_bytes.max(1)).max(1) as u32, end: nz }
    }

    /// First texel plane and number of planes of the next slab.
    fn next(&mut self) -> Option<(u32, u32)> {
        let (z, depth) = (self.next, self.depth.min(self.end - self.next));
        self.next += depth;
        (depth > 0).then_some((z, depth))
    }

    fn is_done(&self) -> bool {
        self.next == self.end
    }

    fn progress(&self) -> f32 {
        self.next as f32 / self.end as f32
    }
}

fn write_slab(queue: &wgpu::Queue, texture: &wgpu::Texture, grid: &TexelGrid, z: u32, depth: u32, bytes: &[u8]) {
    let [width, height, _] = grid.texels();
    queue.write_texture(
        wgpu::TexelCopyTextureInfo {
            texture,
            mip_level: 0,
            origin: wgpu::Origin3d { x: 0, y: 0, z },
            aspect: wgpu::TextureAspect::All,
        },
        bytes,
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 2), rows_per_image: Some(height) },
        wgpu::Extent3d { width, height, depth_or_array_layers: depth },
    );
}

/// The voxels of texel (x, y, z): their indices in `[z][y][x]` data.
fn voxels_of(grid: &TexelGrid, texel: [u32; 3]) -> impl Iterator<Item = usize> {
    let TexelGrid { voxels, factor } = *grid;
    let span = move |k: usize| texel[k] * factor[k]..((texel[k] + 1) * factor[k]).min(voxels[k]);
    let [nx, ny] = [voxels[0] as usize, voxels[1] as usize];
    span(2).flat_map(move |z| {
        span(1).flat_map(move |y| span(0).map(move |x| (z as usize * ny + y as usize) * nx + x as usize))
    })
}

/// The mean of the voxels of each texel, for the texel planes `planes`.
fn shrink(source: &[i16], grid: &TexelGrid, planes: std::ops::Range<u32>, out: &mut Vec<i16>) {
    let [nx, ny, _] = grid.texels();
    out.clear();
    for z in planes {
        for y in 0..ny {
            for x in 0..nx {
                let (sum, n) =
                    voxels_of(grid, [x, y, z]).fold((0i64, 0i64), |(s, n), i| (s + i64::from(source[i]), n + 1));
                out.push((sum as f64 / n.max(1) as f64).round() as i16);
            }
        }
    }
}

/// The share of right and of left lung in each texel, 0 to 255.
fn cover(source: &[u8], grid: &TexelGrid, planes: std::ops::Range<u32>, out: &mut Vec<[u8; 2]>) {
    let full = |label: u8| match label {
        LABEL_RIGHT => [255, 0],
        LABEL_LEFT => [0, 255],
        _ => [0u32, 0],
    };
    let [nx, ny, _] = grid.texels();
    out.clear();
    if !grid.is_coarser() {
        let plane = (nx * ny) as usize;
        let labels = &source[planes.start as usize * plane..planes.end as usize * plane];
        out.extend(labels.iter().map(|&label| full(label).map(|v| v as u8)));
        return;
    }
    for z in planes {
        for y in 0..ny {
            for x in 0..nx {
                let mut sum = [0u32; 3];
                for i in voxels_of(grid, [x, y, z]) {
                    let [right, left] = full(source[i]);
                    sum = [sum[0] + right, sum[1] + left, sum[2] + 1];
                }
                out.push([(sum[0] / sum[2].max(1)) as u8, (sum[1] / sum[2].max(1)) as u8]);
            }
        }
    }
}
