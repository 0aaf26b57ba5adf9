//! The WGSL sources, put together from their parts, and how they become pipelines. Knows no uniform's meaning.

use wgpu::util::DeviceExt;

/// A complete WGSL module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name in error messages.
    pub name: &'static str,
    /// The text.
    pub wgsl: &'static str,
    /// Its vertex entry point.
    pub vertex: &'static str,
    /// Its fragment entry point.
    pub fragment: &'static str,
}

/// A plane through a volume, windowed, with the mask over it.
pub const SLICE: Source = Source {
    name: "slice",
    wgsl: concat!(
        include_str!("../../shaders/shared/fullscreen.wgsl"),
        include_str!("../../shaders/shared/grid.wgsl"),
        include_str!("../../shaders/shared/volume.wgsl"),
        include_str!("../../shaders/shared/window.wgsl"),
        include_str!("../../shaders/shared/target.wgsl"),
        include_str!("../../shaders/slice.wgsl"),
    ),
    vertex: "fullscreen",
    fragment: "slice",
};

/// The maximum along each ray, packed into two bytes.
pub const MARCH: Source = Source {
    name: "raymarch",
    wgsl: concat!(
        include_str!("../../shaders/shared/fullscreen.wgsl"),
        include_str!("../../shaders/shared/grid.wgsl"),
        include_str!("../../shaders/shared/volume.wgsl"),
        include_str!("../../shaders/raymarch.wgsl"),
    ),
    vertex: "fullscreen",
    fragment: "march",
};

/// Packed maxima onto the screen, windowed.
pub const SHOW: Source = Source {
    name: "show",
    wgsl: concat!(
        include_str!("../../shaders/shared/fullscreen.wgsl"),
        include_str!("../../shaders/shared/window.wgsl"),
        include_str!("../../shaders/shared/target.wgsl"),
        include_str!("../../shaders/show.wgsl"),
    ),
    vertex: "fullscreen",
    fragment: "show",
};

/// A kept picture onto the screen.
pub const COPY: Source = Source {
    name: "copy",
    wgsl: concat!(
        include_str!("../../shaders/shared/fullscreen.wgsl"),
        include_str!("../../shaders/shared/target.wgsl"),
        include_str!("../../shaders/copy.wgsl"),
    ),
    vertex: "fullscreen",
    fragment: "copy",
};

/// A plane through two volumes at once.
pub const COMPARE: Source = Source {
    name: "compare",
    wgsl: concat!(
        include_str!("../../shaders/shared/fullscreen.wgsl"),
        include_str!("../../shaders/shared/grid.wgsl"),
        include_str!("../../shaders/shared/volume.wgsl"),
        include_str!("../../shaders/shared/window.wgsl"),
        include_str!("../../shaders/shared/target.wgsl"),
        include_str!("../../shaders/compare.wgsl"),
    ),
    vertex: "fullscreen",
    fragment: "compare",
};

/// Expected errors over a plane.
pub const OVERLAY: Source = Source {
    name: "overlay",
    wgsl: concat!(
        include_str!("../../shaders/shared/fullscreen.wgsl"),
        include_str!("../../shaders/shared/grid.wgsl"),
        include_str!("../../shaders/shared/volume.wgsl"),
        include_str!("../../shaders/overlay.wgsl"),
    ),
    vertex: "fullscreen",
    fragment: "overlay",
};

/// Every module of the program.
pub const ALL: [Source; 6] = [SLICE, MARCH, SHOW, COPY, COMPARE, OVERLAY];

/// What a pipeline binds at group 0: a uniform block at 0, then these.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// A filterable 3D texture.
    Texture3d,
    /// A 2D texture read texel by texel.
    Texture2d,
    /// A filtering sampler.
    Sampler,
}

/// The layout of group 0: uniforms of `uniform_bytes`, then `slots` in order.
pub(super) fn bind_group_layout(
    device: &wgpu::Device,
    name: &str,
    uniform_bytes: u64,
    slots: &[Slot],
) -> wgpu::BindGroupLayout {
    let texture = |view_dimension, filterable| wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable },
        view_dimension,
        multisampled: false,
    };
    let uniforms = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: std::num::NonZeroU64::new(uniform_bytes),
    };
    let types = slots.iter().map(|slot| match slot {
        Slot::Texture3d => texture(wgpu::TextureViewDimension::D3, true),
        Slot::Texture2d => texture(wgpu::TextureViewDimension::D2, false),
        Slot::Sampler => wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
    });
    let entries: Vec<_> = std::iter::once(uniforms)
        .chain(types)
        .zip(0u32..)
        .map(|(ty, binding)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty,
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(name), entries: &entries })
}

/// A pipeline that covers its viewport with one triangle and writes `format`.
pub(super) fn pipeline(
    device: &wgpu::Device,
    source: &Source,
    layout: &wgpu::BindGroupLayout,
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    pipeline_into(device, source, layout, format.into())
}

/// The same, over what the target holds: the shader gives premultiplied colour.
pub(super) fn pipeline_over(
    device: &wgpu::Device,
    source: &Source,
    layout: &wgpu::BindGroupLayout,
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    let blend = Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING);
    pipeline_into(device, source, layout, wgpu::ColorTargetState { blend, ..format.into() })
}

fn pipeline_into(
    device: &wgpu::Device,
    source: &Source,
    layout: &wgpu::BindGroupLayout,
    target: wgpu::ColorTargetState,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(source.name),
        source: wgpu::ShaderSource::Wgsl(source.wgsl.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(source.name),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(source.name),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(source.vertex),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(source.fragment),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(target)],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// The sampler of all volumes: trilinear, clamped to the outermost voxels' centres.
pub(super) fn linear_sampler(device: &wgpu::Device) -> wgpu::Sampler {
    device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("trilinear"),
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        ..Default::default()
    })
}

/// A uniform buffer that can be written again.
pub(super) fn uniform_buffer(device: &wgpu::Device, label: &str, contents: &[u8]) -> wgpu::Buffer {
    device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
        label: Some(label),
        contents,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
    })
}

/// Resources at bindings 0, 1, 2 ... of group 0.
pub(super) fn bind<const N: usize>(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    resources: [wgpu::BindingResource<'_>; N],
) -> wgpu::BindGroup {
    let mut binding = 0;
    let entries = resources.map(|resource| {
        binding += 1;
        wgpu::BindGroupEntry { binding: binding - 1, resource }
    });
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

/// What a pane keeps of one pipeline between frames: uniforms `B`, and a bind group over textures told apart by their
/// views `V`. Nothing is made anew while these stay.
#[derive(Debug)]
pub struct Bound<B, V> {
    uniforms: wgpu::Buffer,
    written: B,
    /// To be set before drawing.
    pub bind_group: wgpu::BindGroup,
    views: V,
}

impl<B: bytemuck::Pod + Default + PartialEq, V: PartialEq> Bound<B, V> {
    /// Brings a slot up to date, making or changing only what differs from the last frame; tells whether anything did, so
    /// that the picture must be drawn again. `bind` makes the group over fresh uniforms.
    pub fn refresh(
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        slot: &mut Option<Self>,
        views: V,
        block: B,
        bind: impl FnOnce(&wgpu::Buffer, &V) -> wgpu::BindGroup,
    ) -> bool {
        let kept = slot.take().filter(|s| s.views == views);
        let changed = kept.as_ref().is_none_or(|s| s.written != block);
        let mut current = kept.unwrap_or_else(|| {
            let uniforms = uniform_buffer(device, "pane", bytemuck::bytes_of(&B::default()));
            let bind_group = bind(&uniforms, &views);
            Self { uniforms, written: B::default(), bind_group, views }
        });
        if current.written != block {
            queue.write_buffer(&current.uniforms, 0, bytemuck::bytes_of(&block));
            current.written = block;
        }
        *slot = Some(current);
        changed
    }
}
