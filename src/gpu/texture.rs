//! Volumes and masks as 3D textures: which format, how large, how voxels map to texels. Knows no upload and no shader.

use super::GpuError;
use crate::geometry::Frame;

/// Coarsest version that is tried before giving up: one texel for 16 voxels a side.
const MAX_FACTOR: u32 = 16;

/// A CT volume on the card.
#[derive(Clone, Debug)]
pub struct VolumeTexture {
    /// What shaders sample.
    pub view: wgpu::TextureView,
    /// How voxels map to texels.
    pub grid: TexelGrid,
    /// HU of a sampled value of 1.
    pub hu_per_unit: f32,
    pub(super) texture: wgpu::Texture,
}

/// The lung mask on the card: two channels, coverage of the right and of the left lung, so that the outline
/// can be interpolated (a label number could not be).
#[derive(Clone, Debug)]
pub struct LabelTexture {
    /// What shaders sample.
    pub view: wgpu::TextureView,
    /// How voxels map to texels.
    pub grid: TexelGrid,
    pub(super) texture: wgpu::Texture,
}

/// How a grid of voxels lies in a texture that may be coarser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TexelGrid {
    /// Voxels along (x, y, z).
    pub voxels: [u32; 3],
    /// Voxels in a texel along each axis: 1, or more where the card had no room.
    pub factor: [u32; 3],
}

impl TexelGrid {
    /// The finest grid for `frame` whose sides are at most `max_side` texels.
    pub fn fitting(frame: &Frame, max_side: u32) -> Self {
        let voxels = frame.dims().map(|n| n as u32);
        Self { voxels, factor: voxels.map(|n| n.div_ceil(max_side.max(1))) }
    }

    /// Texels along (x, y, z).
    pub fn texels(&self) -> [u32; 3] {
        std::array::from_fn(|k| self.voxels[k].div_ceil(self.factor[k]))
    }

    /// Voxels that the texture spans; more than `voxels` where the last texel is not full.
    pub fn spanned(&self) -> [u32; 3] {
        let texels = self.texels();
        std::array::from_fn(|k| texels[k] * self.factor[k])
    }

    /// Whether the texture is coarser than the volume.
    pub fn is_coarser(&self) -> bool {
        self.factor.iter().any(|&f| f > 1)
    }

    /// What to tell the person where the texture is coarser than the volume.
    pub fn notice(&self) -> Option<String> {
        let [x, y, z] = self.factor;
        let [nx, ny, nz] = self.voxels;
        self.is_coarser().then(|| {
            format!("The graphics card cannot hold {nx} x {ny} x {nz} voxels: shown {x} x {y} x {z} times coarser.")
        })
    }

    /// Twice as coarse, or `None` at the end of what makes sense.
    fn coarser(&self) -> Option<Self> {
        let factor = self.factor.map(|f| f * 2);
        factor.iter().all(|&f| f <= MAX_FACTOR).then_some(Self { factor, ..*self })
    }

    fn extent(&self) -> wgpu::Extent3d {
        let [width, height, depth_or_array_layers] = self.texels();
        wgpu::Extent3d { width, height, depth_or_array_layers }
    }
}

/// The format for HU: 16 bit signed normalised where there is one (the raw integers, exact, filterable), else half
/// floats (exact to 2048 HU, to 2 HU above; 32 bit floats are not filterable on OpenGL).
pub fn volume_format(device: &wgpu::Device) -> wgpu::TextureFormat {
    if device.features().contains(wgpu::Features::TEXTURE_FORMAT_16BIT_NORM) {
        wgpu::TextureFormat::R16Snorm
    } else {
        wgpu::TextureFormat::R16Float
    }
}

impl VolumeTexture {
    /// An empty texture for a volume on `frame`; coarser than the volume where the card's limits or memory ask for it.
    ///
    /// # Errors
    /// [`GpuError::NoRoom`] where even the coarsest has no room.
    pub fn allocate(device: &wgpu::Device, frame: &Frame) -> Result<Self, GpuError> {
        Self::allocate_as(device, frame, volume_format(device), device.limits().max_texture_dimension_3d)
    }

    /// The same in a given format and with sides of at most `max_side`.
    ///
    /// # Errors
    /// As [`VolumeTexture::allocate`].
    pub fn allocate_as(
        device: &wgpu::Device,
        frame: &Frame,
        format: wgpu::TextureFormat,
        max_side: u32,
    ) -> Result<Self, GpuError> {
        let (texture, grid) = allocate(device, TexelGrid::fitting(frame, max_side), format, "volume")?;
        // Signed normalised: the integer 32767 is sampled as 1.
        let hu_per_unit = if format == wgpu::TextureFormat::R16Snorm { f32::from(i16::MAX) } else { 1.0 };
        Ok(Self { view: texture.create_view(&wgpu::TextureViewDescriptor::default()), grid, hu_per_unit, texture })
    }
}

impl LabelTexture {
    /// An empty texture for labels on `frame`.
    ///
    /// # Errors
    /// As [`VolumeTexture::allocate`].
    pub fn allocate(device: &wgpu::Device, frame: &Frame) -> Result<Self, GpuError> {
        let grid = TexelGrid::fitting(frame, device.limits().max_texture_dimension_3d);
        Self::allocate_on(device, grid)
    }

    /// A single texel without label, bound where there is no mask.
    ///
    /// # Errors
    /// As [`VolumeTexture::allocate`].
    pub fn none(device: &wgpu::Device) -> Result<Self, GpuError> {
        Self::allocate_on(device, TexelGrid { voxels: [1; 3], factor: [1; 3] })
    }

    fn allocate_on(device: &wgpu::Device, grid: TexelGrid) -> Result<Self, GpuError> {
        let (texture, grid) = allocate(device, grid, wgpu::TextureFormat::Rg8Unorm, "mask")?;
        Ok(Self { view: texture.create_view(&wgpu::TextureViewDescriptor::default()), grid, texture })
    }
}

/// Makes the texture, coarser and coarser until the card has room.
fn allocate(
    device: &wgpu::Device,
    finest: TexelGrid,
    format: wgpu::TextureFormat,
    label: &str,
) -> Result<(wgpu::Texture, TexelGrid), GpuError> {
    let mut grid = finest;
    loop {
        let scope = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size: grid.extent(),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D3,
            format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        if pollster::block_on(scope.pop()).is_none() {
            return Ok((texture, grid));
        }
        let [x, y, z] = finest.voxels;
        grid = grid.coarser().ok_or(GpuError::NoRoom(x, y, z))?;
    }
}
