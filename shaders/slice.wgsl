// A plane through the volume: HU, window, lung mask with a crisp outline. The twin is src/gpu/slice.rs.
struct Slice {
    // Voxel coordinate of the centre of the rectangle's first pixel, and the way to the next column and row.
    origin: vec4<f32>,
    per_column: vec4<f32>,
    per_row: vec4<f32>,
    // Left and top of the rectangle in the target, px.
    corner: vec4<f32>,
    grid: Grid,
    mask_grid: Grid,
    window: Window,
    // Opacity of the fill, half width of the outline in px, 1 where there is a mask, 1 for nearest neighbour.
    mask: vec4<f32>,
    right_colour: vec4<f32>,
    left_colour: vec4<f32>,
    // Samples a side in each pixel.
    taps: vec4<u32>,
}

@group(0) @binding(0) var<uniform> u: Slice;
@group(0) @binding(3) var mask_texture: texture_3d<f32>;

fn voxel_at(pixel: vec2<f32>) -> vec3<f32> {
    return u.origin.xyz + u.per_column.xyz * pixel.x + u.per_row.xyz * pixel.y;
}

fn hu_at(voxel: vec3<f32>) -> f32 {
    if u.mask.w > 0.5 {
        return hu_nearest(voxel, u.grid);
    }
    return hu_linear(voxel, u.grid);
}

// The grey of a pixel: the mean over its samples, those outside of the volume black.
fn grey_at(pixel: vec2<f32>) -> f32 {
    var sum = 0.0;
    let n = u.taps.x;
    for (var i = 0u; i < n * n; i++) {
        let place = (vec2<f32>(f32(i % n), f32(i / n)) + 0.5) / f32(n) - 0.5;
        let voxel = voxel_at(pixel + place);
        if inside(voxel, u.grid) {
            sum += grey_of(hu_at(voxel), u.window);
        }
    }
    return sum / f32(n * n);
}

// Coverage by the right and the left lung.
fn coverage_at(pixel: vec2<f32>) -> vec2<f32> {
    let voxel = voxel_at(pixel);
    if !inside(voxel, u.mask_grid) {
        return vec2<f32>(0.0);
    }
    if u.mask.w > 0.5 {
        return textureLoad(mask_texture, texel_of(voxel, u.mask_grid), 0).rg;
    }
    return textureSampleLevel(mask_texture, trilinear, texture_place(voxel, u.mask_grid), 0.0).rg;
}

// Fill and outline of one label over `below`; the outline is where coverage crosses one half, or the outermost
// pixels inside where voxels are boxes.
fn painted(below: vec3<f32>, colour: vec3<f32>, coverage: f32, slope: f32) -> vec3<f32> {
    if u.mask.w > 0.5 {
        return mix(below, colour, select(0.0, max(u.mask.x, step(0.01, slope)), coverage > 0.5));
    }
    let depth_px = (coverage - 0.5) / max(slope, 1e-4);
    let fill = u.mask.x * clamp(depth_px + 0.5, 0.0, 1.0);
    let line = clamp(u.mask.y + 0.5 - abs(depth_px), 0.0, 1.0) * step(0.01, slope);
    return mix(below, colour, max(fill, line));
}

@fragment
fn slice(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = position.xy - 0.5 - u.corner.xy;
    var colour = vec3<f32>(grey_at(pixel));
    if u.mask.z > 0.5 {
        let here = coverage_at(pixel);
        let across = coverage_at(pixel + vec2<f32>(1.0, 0.0)) - coverage_at(pixel - vec2<f32>(1.0, 0.0));
        let along = coverage_at(pixel + vec2<f32>(0.0, 1.0)) - coverage_at(pixel - vec2<f32>(0.0, 1.0));
        let slope = sqrt(across * across + along * along) / 2.0;
        colour = painted(colour, u.right_colour.rgb, here.x, slope.x);
        colour = painted(colour, u.left_colour.rgb, here.y, slope.y);
    }
    return for_target(colour, u.window.linear_target);
}
