//! Shaders against naga, against their Rust layouts, and against their plain CPU twins.

use biplane::geometry::{Frame, Vec3, Volume};
use biplane::gpu::compare::{CompareColours, CompareParams, CompareTextures, Comparer, PlaneVoxels, Together};
use biplane::gpu::compare_twin::{self, Side};
use biplane::gpu::overlay::{OverlayParams, Overlayer, lay_over_on_cpu};
use biplane::gpu::raymarch::{self, MarchParams, Raymarcher, ShowParams};
use biplane::gpu::slice::{self, Interpolation, MaskPaint, Place, SliceParams, Slicer, Window};
use biplane::gpu::texture::{TexelGrid, volume_format};
use biplane::gpu::{
    Canvas, Copier, Gpu, GpuError, LabelTexture, LabelUpload, Picture, VolumeTexture, VolumeUpload, layout, offscreen,
    shader,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Differences allowed between a shader and its twin, in 8 bit levels: rasterisers may interpolate with 8 bit
/// fractions (Vulkan's least precision), which at these windows is at most this.
const TOLERANCE_LEVELS: i32 = 3;
const EVER: Duration = Duration::from_secs(3600);

/// The adapters to test on: Vulkan and OpenGL where they are there. Opened once for all tests.
fn gpus() -> &'static [Gpu] {
    static GPUS: OnceLock<Vec<Gpu>> = OnceLock::new();
    GPUS.get_or_init(|| {
        let found: Vec<Gpu> = [wgpu::Backends::VULKAN, wgpu::Backends::GL]
            .into_iter()
            .filter_map(|backend| Gpu::headless_on(backend).inspect_err(|e| println!("{backend:?}: {e}")).ok())
            .collect();
        if found.is_empty() {
            println!("SKIPPED: no graphics adapter, not even a software one; shaders are validated but not run");
        }
        found.iter().for_each(|gpu| println!("testing on {}", gpu.describe()));
        found
    })
}

fn parsed(source: &shader::Source) -> (naga::Module, naga::valid::ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source.wgsl)
        .unwrap_or_else(|e| panic!("{}: {}", source.name, e.emit_to_string(source.wgsl)));
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), Default::default());
    let info = validator.validate(&module).unwrap_or_else(|e| panic!("{}: {e:?}", source.name));
    (module, info)
}

#[test]
fn every_shader_is_valid_and_has_its_entry_points() {
    for source in shader::ALL {
        let (module, _) = parsed(&source);
        for (stage, name) in
            [(naga::ShaderStage::Vertex, source.vertex), (naga::ShaderStage::Fragment, source.fragment)]
        {
            let there = module.entry_points.iter().any(|e| e.stage == stage && e.name == name);
            assert!(there, "{} has no {stage:?} entry point {name}", source.name);
        }
        assert_eq!(module.entry_points.len(), 2, "{}: an entry point that nobody uses", source.name);
    }
}

/// Size of a WGSL struct and (name, offset) of its members, as naga lays them out.
fn wgsl_layout(source: &shader::Source, name: &str) -> (u32, Vec<(String, u32)>) {
    let (module, _) = parsed(source);
    module
        .types
        .iter()
        .find_map(|(_, t)| match &t.inner {
            naga::TypeInner::Struct { members, span } if t.name.as_deref() == Some(name) => {
                let named = members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset));
                Some((*span, named.collect()))
            }
            _ => None,
        })
        .unwrap_or_else(|| panic!("{} has no struct {name}", source.name))
}

macro_rules! twin {
    ($source:expr, $name:literal, $block:ty { $($field:ident),* }) => {{
        let (size, members) = wgsl_layout(&$source, $name);
        assert_eq!(size as usize, size_of::<$block>(), "size of {}", $name);
        let ours = vec![$((stringify!($field).to_owned(), std::mem::offset_of!($block, $field) as u32)),*];
        assert_eq!(members, ours, "fields of {}", $name);
    }};
}

#[test]
fn rust_layouts_are_those_of_the_shaders() {
    twin!(shader::SLICE, "Grid", layout::GridBlock { voxels, spanned, factor });
    twin!(shader::SLICE, "Window", layout::WindowBlock { low_hu, high_hu, invert, linear_target });
    twin!(
        shader::SLICE,
        "Slice",
        layout::SliceBlock {
            origin,
            per_column,
            per_row,
            corner,
            grid,
            mask_grid,
            window,
            mask,
            right_colour,
            left_colour,
            taps
        }
    );
    twin!(shader::MARCH, "March", layout::MarchBlock { origin, per_column, per_row, per_mm, grid, step });
    twin!(shader::SHOW, "Show", layout::ShowBlock { place, window });
    twin!(shader::COPY, "Copy", layout::CopyBlock { place });
    twin!(shader::OVERLAY, "Overlay", layout::OverlayBlock { origin, per_column, per_row, grid, colour, amount });
    twin!(
        shader::COMPARE,
        "Compare",
        layout::CompareBlock {
            origin,
            per_column,
            per_row,
            truth_origin,
            truth_per_column,
            truth_per_row,
            grid,
            truth_grid,
            mask_grid,
            truth_mask_grid,
            window,
            amount,
            masks,
            recon_colour,
            truth_colour,
            low_colour,
            zero_colour,
            high_colour,
            how
        }
    );
}

/// A smooth volume with an edge and a bright spot, sides all different.
fn volume() -> Arc<Volume> {
    let frame = Frame::centred([24, 20, 16], [1.5, 2.0, 2.5], [0.0; 3]).unwrap();
    let hu = (0..frame.len()).map(|i| {
        let (x, y, z) = (i % 24, i / 24 % 20, i / 480);
        let edge = if x > 11 { 400 } else { -700 };
        let spot = if (x, y, z) == (6, 7, 8) { 2500 } else { 0 };
        edge + (y as i16 * 9) - (z as i16 * 7) + spot
    });
    Arc::new(Volume::new(frame.clone(), hu.collect()).unwrap())
}

fn labels(volume: &Volume) -> Arc<[u8]> {
    (0..volume.frame().len())
        .map(|i| {
            let (x, y, z) = ((i % 24) as f64, (i / 24 % 20) as f64, (i / 480) as f64);
            let ball = |cx: f64| (x - cx).hypot(y - 10.0).hypot(z - 8.0) < 4.5;
            if ball(6.0) { 1 } else { 2 * u8::from(ball(17.0)) }
        })
        .collect()
}

fn oblique(interpolation: Interpolation, mask: Option<MaskPaint>) -> SliceParams {
    SliceParams {
        origin_voxel: [-1.5, -2.2, 5.3],
        per_column: [0.31, 0.04, 0.02],
        per_row: [-0.03, 0.27, 0.05],
        window: Window::between(-1000.0, 1000.0),
        invert: false,
        interpolation,
        mask,
    }
}

fn paint() -> MaskPaint {
    MaskPaint { opacity: 0.4, outline_px: 1.5, right: [0.1, 0.6, 0.9], left: [0.9, 0.5, 0.1] }
}

fn uploaded(gpu: &Gpu, volume: &Arc<Volume>, format: wgpu::TextureFormat, max_side: u32) -> VolumeTexture {
    let target = VolumeTexture::allocate_as(&gpu.device, volume.frame(), format, max_side).unwrap();
    let mut upload = VolumeUpload::into_texture(volume.clone(), target);
    assert!(upload.advance(&gpu.queue, EVER));
    upload.texture().clone()
}

fn on_gpu(gpu: &Gpu, texture: &VolumeTexture, volume: &Volume, params: &SliceParams, size: [u32; 2]) -> Picture {
    let mask = params.mask.map(|_| {
        let mut upload = LabelUpload::begin(&gpu.device, volume.frame(), labels(volume)).unwrap().unwrap();
        assert!(upload.advance(&gpu.queue, EVER));
        upload.texture().clone()
    });
    let slicer = Slicer::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm).unwrap();
    let mut slot = None;
    let block = params.block(texture, mask.as_ref(), Place::default());
    slicer.prepare(&gpu.device, &gpu.queue, &mut slot, texture, mask.as_ref(), block);
    let slot = slot.unwrap();
    let picture = offscreen::draw(gpu, size[0], size[1], |_| {}, |pass| slicer.draw(pass, &slot)).unwrap();
    assert_eq!(gpu.loss.take_complaints(), Vec::<String>::new());
    picture
}

/// The share of pixels that differ by more than the tolerance in some channel.
fn differing(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width, a.height, a.rgba.len()), (b.width, b.height, b.rgba.len()));
    let far = |(p, q): &(&[u8], &[u8])| {
        p.iter().zip(*q).any(|(&x, &y)| (i32::from(x) - i32::from(y)).abs() > TOLERANCE_LEVELS)
    };
    let count = a.rgba.chunks_exact(4).zip(b.rgba.chunks_exact(4)).filter(far).count();
    count as f64 / (a.rgba.len() / 4) as f64
}

#[test]
fn slices_equal_their_twin() {
    let volume = volume();
    // A width whose rows are not a multiple of 256 bytes, as most are not.
    let size = [93, 71];
    for gpu in gpus() {
        let texture = uploaded(gpu, &volume, volume_format(&gpu.device), 2048);
        for interpolation in [Interpolation::Linear, Interpolation::Nearest] {
            for mask in [None, Some(paint())] {
                for invert in [false, true] {
                    let params = SliceParams { invert, ..oblique(interpolation, mask) };
                    let twin = slice::render_on_cpu(&volume, Some(&labels(&volume)), &params, size[0], size[1]);
                    let ours = on_gpu(gpu, &texture, &volume, &params, size);
                    // A pixel on the very edge of a box or of the volume may fall to either side.
                    let share = differing(&ours, &twin);
                    assert!(share < 0.004, "{}: {params:?}: {share} differ", gpu.describe());
                    assert!(twin.rgba.chunks_exact(4).any(|p| p[0] > 150) && twin.at(0, 0) == Some([0, 0, 0, 255]));
                }
            }
        }
    }
}

#[test]
fn small_pictures_average_the_voxels_they_cover() {
    let volume = volume();
    for gpu in gpus() {
        let texture = uploaded(gpu, &volume, volume_format(&gpu.device), 2048);
        let mut params = oblique(Interpolation::Linear, None);
        params.per_column = [2.6, 0.0, 0.0];
        params.per_row = [0.0, 2.6, 0.0];
        assert_eq!(params.taps(), 3);
        let twin = slice::render_on_cpu(&volume, None, &params, 12, 10);
        assert!(differing(&on_gpu(gpu, &texture, &volume, &params, [12, 10]), &twin) < 0.02);
    }
}

#[test]
fn half_floats_show_the_same_as_integers() {
    let volume = volume();
    for gpu in gpus() {
        let params = oblique(Interpolation::Linear, None);
        let halves = uploaded(gpu, &volume, wgpu::TextureFormat::R16Float, 2048);
        let twin = slice::render_on_cpu(&volume, None, &params, 93, 71);
        assert!(differing(&on_gpu(gpu, &halves, &volume, &params, [93, 71]), &twin) < 0.004, "{}", gpu.describe());
    }
}

#[test]
fn a_volume_too_large_for_the_card_is_shown_coarser_and_in_place() {
    let frame = Frame::centred([25, 20, 17], [2.0; 3], [0.0; 3]).unwrap();
    let grid = TexelGrid::fitting(&frame, 10);
    assert_eq!((grid.factor, grid.texels(), grid.spanned()), ([3, 2, 2], [9, 10, 9], [27, 20, 18]));
    assert!(grid.notice().is_some_and(|n| n.contains("25 x 20 x 17") && n.contains("3 x 2 x 2")));
    assert_eq!(TexelGrid::fitting(&frame, 2048).notice(), None);

    // A ramp is the same coarse and fine, away from the ends: so a shift of half a texel would show.
    let ramp = (0..frame.len()).map(|i| (i % 25) as i16 * 40 - 500).collect();
    let volume = Arc::new(Volume::new(frame, ramp).unwrap());
    let params = SliceParams {
        origin_voxel: [3.0, 9.0, 8.0],
        per_column: [0.2, 0.0, 0.0],
        per_row: [0.0; 3],
        ..oblique(Interpolation::Linear, None)
    };
    let twin = slice::render_on_cpu(&volume, None, &params, 90, 1);
    for gpu in gpus() {
        let coarse = uploaded(gpu, &volume, volume_format(&gpu.device), 10);
        assert!(differing(&on_gpu(gpu, &coarse, &volume, &params, [90, 1]), &twin) < 0.01, "{}", gpu.describe());
    }
}

#[test]
fn uploads_come_in_steps() {
    let frame = Frame::centred([256, 256, 40], [1.0; 3], [0.0; 3]).unwrap();
    let volume = Arc::new(Volume::filled(frame, biplane::units::Hu(0.0)));
    for gpu in gpus() {
        let mut upload = VolumeUpload::begin(&gpu.device, volume.clone()).unwrap();
        assert_eq!(upload.progress(), 0.0);
        assert!(!upload.advance(&gpu.queue, Duration::ZERO));
        assert!(upload.progress() > 0.0 && upload.progress() < 1.0);
        assert!(upload.advance(&gpu.queue, EVER));
        assert_eq!(upload.progress(), 1.0);
        assert!(upload.notice().is_none());
    }
}

#[test]
fn labels_of_another_grid_are_refused() {
    let volume = volume();
    for gpu in gpus() {
        assert!(LabelUpload::begin(&gpu.device, volume.frame(), vec![0u8; 5].into()).unwrap().is_none());
    }
}

#[test]
fn pictures_of_no_pixels_are_refused() {
    for gpu in gpus() {
        let size = |w, h| offscreen::target(&gpu.device, w, h, wgpu::TextureFormat::Rgba8Unorm);
        assert!(matches!(size(0, 5), Err(GpuError::PictureSize(0, 5, _))));
        assert!(matches!(size(5, 1 << 20), Err(GpuError::PictureSize(..))));
    }
}

fn rays(size_px: [u32; 2]) -> MarchParams {
    let per_mm: Vec3 = [0.12, 0.45, 0.09];
    MarchParams {
        origin_voxel: [-1.0, -6.0, -3.0],
        per_column: [0.45, -0.1, 0.0],
        per_row: [0.0, -0.05, 0.4],
        per_mm,
        step_mm: 1.3,
        size_px,
    }
}

#[test]
fn the_projection_equals_its_twin() {
    let volume = volume();
    let params = rays([67, 53]);
    let show = ShowParams {
        window: Window::between(-800.0, 900.0),
        invert: false,
        size_px: [67.0, 53.0],
        place: Place::default(),
    };
    let maxima = raymarch::march_on_cpu(&volume, &params);
    assert!(maxima.iter().any(Option::is_none) && maxima.iter().flatten().any(|&hu| hu > 900));
    for gpu in gpus() {
        let texture = uploaded(gpu, &volume, volume_format(&gpu.device), 2048);
        let marcher = Raymarcher::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm);
        let mut slot = None;
        let mut kept = None;
        let twin = raymarch::show_on_cpu(&maxima, &params, &show.window, show.invert);
        let ours = offscreen::draw(
            gpu,
            67,
            53,
            |encoder| {
                marcher.prepare((&gpu.device, &gpu.queue), encoder, &mut slot, &texture, &params, &show);
                kept = slot.take();
            },
            |_| {},
        );
        assert!(ours.is_ok());
        let packed = offscreen::read_back(&gpu.device, &gpu.queue, kept.as_ref().unwrap().packed()).unwrap();
        let hu: Vec<_> = packed.rgba.chunks_exact(4).map(|t| raymarch::unpack(t.try_into().unwrap())).collect();
        let off = |(a, b): (&Option<i16>, &Option<i16>)| match (a, b) {
            (Some(a), Some(b)) => (i32::from(*a) - i32::from(*b)).abs() > 12,
            (a, b) => a != b,
        };
        let wrong = hu.iter().zip(&maxima).filter(|(a, b)| off((a, b))).count();
        assert!(wrong as f64 <= 0.01 * hu.len() as f64, "{}: {wrong} maxima differ", gpu.describe());

        let kept = kept.unwrap();
        let shown = offscreen::draw(gpu, 67, 53, |_| {}, |pass| marcher.draw(pass, &kept)).unwrap();
        assert!(differing(&shown, &twin) < 0.01, "{}: {}", gpu.describe(), differing(&shown, &twin));
        assert_eq!(gpu.loss.take_complaints(), Vec::<String>::new());
    }
}

#[test]
fn a_kept_picture_is_copied_pixel_by_pixel() {
    let volume = volume();
    let params = oblique(Interpolation::Linear, Some(paint()));
    for gpu in gpus() {
        let texture = uploaded(gpu, &volume, volume_format(&gpu.device), 2048);
        let direct = on_gpu(gpu, &texture, &volume, &SliceParams { mask: None, ..params }, [93, 71]);
        let slicer = Slicer::new(&gpu.device, Canvas::FORMAT).unwrap();
        let copier = Copier::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm);
        let (mut slot, mut canvas) = (None, None);
        let block = params.block(&texture, None, Place::default());
        let card = (&gpu.device, &gpu.queue);
        assert!(slicer.prepare(&gpu.device, &gpu.queue, &mut slot, &texture, None, block));
        assert!(!slicer.prepare(&gpu.device, &gpu.queue, &mut slot, &texture, None, block), "nothing changed");
        assert!(copier.prepare(card, &mut canvas, [93, 71], Place::default()));
        assert!(!copier.prepare(card, &mut canvas, [93, 71], Place::default()), "nothing changed");
        let kept = (slot.unwrap(), canvas.unwrap());
        let draw = |encoder: &mut wgpu::CommandEncoder| slicer.draw(&mut kept.1.pass(encoder), &kept.0);
        let copied = offscreen::draw(gpu, 93, 71, draw, |pass| copier.draw(pass, &kept.1)).unwrap();
        assert_eq!(copied, direct, "{}", gpu.describe());
    }
}

/// Two volumes on grids of their own, seen along planes that are not parallel in voxels.
fn compared(together: Together, interpolation: Interpolation, outline_px: Option<f32>) -> CompareParams {
    let recon = oblique(interpolation, None);
    CompareParams {
        recon: PlaneVoxels { origin: recon.origin_voxel, per_column: recon.per_column, per_row: recon.per_row },
        truth: PlaneVoxels { origin: [-2.1, 1.3, 4.2], per_column: [0.28, 0.02, 0.01], per_row: [0.01, 0.24, 0.06] },
        together,
        window: recon.window,
        invert: false,
        interpolation,
        outline_px,
        colours: CompareColours {
            recon: [0.9, 0.6, 0.2],
            truth: [0.2, 0.6, 0.9],
            difference: [[0.2, 0.4, 1.0], [0.1, 0.1, 0.1], [1.0, 0.4, 0.2]],
        },
    }
}

fn carried(gpu: &Gpu, volume: &Arc<Volume>) -> LabelTexture {
    let mut upload = LabelUpload::begin(&gpu.device, volume.frame(), labels(volume)).unwrap().unwrap();
    assert!(upload.advance(&gpu.queue, EVER));
    upload.texture().clone()
}

#[test]
fn comparisons_equal_their_twin() {
    let recon = volume();
    let mut other = recon.as_ref().clone();
    other.hu_mut().iter_mut().enumerate().for_each(|(i, v)| *v = (*v / 2 + (i % 7) as i16 * 30).max(-1024));
    // A corner without a scan: no difference is known there.
    other.hu_mut()[..24 * 20 * 5].fill(-1024);
    let truth = Arc::new(other);
    let every = [
        Together::Recon,
        Together::Truth,
        Together::Difference(400.0),
        Together::Swipe(40.0),
        Together::Checkerboard(13.0),
        Together::Blend(0.3),
        Together::Fused,
    ];
    for gpu in gpus() {
        let format = volume_format(&gpu.device);
        let textures = CompareTextures {
            recon: uploaded(gpu, &recon, format, 2048),
            truth: uploaded(gpu, &truth, format, 2048),
            recon_mask: Some(carried(gpu, &recon)),
            truth_mask: Some(carried(gpu, &truth)),
        };
        let comparer = Comparer::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm).unwrap();
        for (together, interpolation, outline) in
            every.into_iter().flat_map(|t| [(t, Interpolation::Linear, Some(1.5)), (t, Interpolation::Nearest, None)])
        {
            let params = compared(together, interpolation, outline);
            let mut slot = None;
            let block = params.block(&textures, false);
            assert!(comparer.prepare((&gpu.device, &gpu.queue), &mut slot, &textures, block));
            assert!(!comparer.prepare((&gpu.device, &gpu.queue), &mut slot, &textures, block), "nothing changed");
            let slot = slot.unwrap();
            let ours = offscreen::draw(gpu, 93, 71, |_| {}, |pass| comparer.draw(pass, &slot)).unwrap();
            assert_eq!(gpu.loss.take_complaints(), Vec::<String>::new());
            let labels = labels(&recon);
            let side = |volume| Side { volume, labels: Some(&labels) };
            let twin = compare_twin::render_on_cpu(side(&recon), side(&truth), &params, 93, 71);
            let share = differing(&ours, &twin);
            // Edges of voxels as boxes and of what has no scan may fall to either side of a pixel.
            assert!(share < 0.01, "{}: {together:?} {interpolation:?}: {share} differ", gpu.describe());
            assert!(twin.rgba.chunks_exact(4).any(|p| p[..3].iter().any(|v| *v > 100)), "{together:?}");
        }
    }
}

#[test]
fn a_difference_is_neutral_at_zero_and_signed_beyond() {
    let truth = volume();
    let mut more = truth.as_ref().clone();
    more.hu_mut().iter_mut().for_each(|v| *v = v.saturating_add(200));
    let params = compared(Together::Difference(200.0), Interpolation::Nearest, None);
    let params = CompareParams { truth: params.recon, ..params };
    let middle = |recon: &Volume, truth: &Volume| {
        let [recon, truth] = [recon, truth].map(|volume| Side { volume, labels: None });
        compare_twin::render_on_cpu(recon, truth, &params, 93, 71).at(45, 40).unwrap()
    };
    let byte = |c: [f32; 3]| c.map(|v| (v * 255.0).round() as u8);
    let [low, zero, high] = params.colours.difference.map(byte);
    assert_eq!(middle(&truth, &truth)[..3], zero);
    assert_eq!(middle(&more, &truth)[..3], high);
    assert_eq!(middle(&truth, &more)[..3], low);
}

#[test]
fn expected_errors_lie_over_a_plane_as_their_twin_says() {
    let volume = volume();
    let mut errors = volume.as_ref().clone();
    errors.hu_mut().iter_mut().enumerate().for_each(|(i, v)| *v = (i % 24) as i16 * 20);
    let errors = Arc::new(errors);
    let below = oblique(Interpolation::Linear, None);
    let plane = PlaneVoxels { origin: below.origin_voxel, per_column: below.per_column, per_row: below.per_row };
    let params = OverlayParams { plane, full_hu: 300.0, opacity: 0.75, colour: [1.0, 0.25, 0.75] };
    for gpu in gpus() {
        let format = volume_format(&gpu.device);
        let textures = [uploaded(gpu, &volume, format, 2048), uploaded(gpu, &errors, format, 2048)];
        let slicer = Slicer::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm).unwrap();
        let overlayer = Overlayer::new(&gpu.device, wgpu::TextureFormat::Rgba8Unorm);
        let (mut slice_slot, mut slot) = (None, None);
        let block = below.block(&textures[0], None, Place::default());
        slicer.prepare(&gpu.device, &gpu.queue, &mut slice_slot, &textures[0], None, block);
        let card = (&gpu.device, &gpu.queue);
        let wanted = Some((&textures[1], params.block(&textures[1])));
        assert!(overlayer.prepare(card, &mut slot, wanted));
        assert!(!overlayer.prepare(card, &mut slot, wanted), "nothing changed");
        let kept = (slice_slot.unwrap(), slot.take().unwrap());
        let draw = |pass: &mut wgpu::RenderPass<'static>| {
            slicer.draw(pass, &kept.0);
            overlayer.draw(pass, &kept.1);
        };
        let ours = offscreen::draw(gpu, 93, 71, |_| {}, draw).unwrap();
        assert_eq!(gpu.loss.take_complaints(), Vec::<String>::new());
        let twin = lay_over_on_cpu(&slice::render_on_cpu(&volume, None, &below, 93, 71), &errors, &params);
        assert!(differing(&ours, &twin) < 0.004, "{}: {}", gpu.describe(), differing(&ours, &twin));
        let mut slot = Some(kept.1);
        assert!(overlayer.prepare(card, &mut slot, None) && slot.is_none(), "switched off, the picture is drawn anew");
    }
}
