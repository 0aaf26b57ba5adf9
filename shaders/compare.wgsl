// A plane through two volumes at once: one of them, their difference, or both put together, with the outlines of
// their lungs. The twin is src/gpu/compare_twin.rs.
struct Compare {
    // Voxel coordinate of the centre of the rectangle's first pixel in the reconstruction, and the way to the next
    // column and row.
    origin: vec4<f32>,
    per_column: vec4<f32>,
    per_row: vec4<f32>,
    // The same in the truth.
    truth_origin: vec4<f32>,
    truth_per_column: vec4<f32>,
    truth_per_row: vec4<f32>,
    grid: Grid,
    truth_grid: Grid,
    mask_grid: Grid,
    truth_mask_grid: Grid,
    window: Window,
    // HU of the strongest colour of the difference; the truth's share, the divider's place or a tile's side, px; half
    // width of the outlines, px; 1 for nearest neighbour.
    amount: vec4<f32>,
    // 1 where there is a mask of the reconstruction, of the truth.
    masks: vec4<f32>,
    recon_colour: vec4<f32>,
    truth_colour: vec4<f32>,
    // Colours of the difference: far below zero, at zero, far above.
    low_colour: vec4<f32>,
    zero_colour: vec4<f32>,
    high_colour: vec4<f32>,
    // How the two are put together; samples a side in each pixel.
    how: vec4<u32>,
}

@group(0) @binding(0) var<uniform> u: Compare;
@group(0) @binding(3) var truth_texture: texture_3d<f32>;
@group(0) @binding(4) var mask_texture: texture_3d<f32>;
@group(0) @binding(5) var truth_mask_texture: texture_3d<f32>;

const TRUTH: u32 = 1u;
const DIFFERENCE: u32 = 2u;
const SWIPE: u32 = 3u;
const CHECKERBOARD: u32 = 4u;
const BLEND: u32 = 5u;
const FUSED: u32 = 6u;
// At or below this there is no scan but padding (-1024), to within half a number.
const NO_SCAN_HU: f32 = -1023.5;

fn recon_voxel(pixel: vec2<f32>) -> vec3<f32> {
    return u.origin.xyz + u.per_column.xyz * pixel.x + u.per_row.xyz * pixel.y;
}

fn truth_voxel(pixel: vec2<f32>) -> vec3<f32> {
    return u.truth_origin.xyz + u.truth_per_column.xyz * pixel.x + u.truth_per_row.xyz * pixel.y;
}

fn recon_hu(voxel: vec3<f32>) -> f32 {
    if u.amount.w > 0.5 {
        return hu_nearest(voxel, u.grid);
    }
    return hu_linear(voxel, u.grid);
}

fn truth_hu(voxel: vec3<f32>) -> f32 {
    if u.amount.w > 0.5 {
        return textureLoad(truth_texture, texel_of(voxel, u.truth_grid), 0).r * u.truth_grid.voxels.w;
    }
    let place = texture_place(voxel, u.truth_grid);
    return textureSampleLevel(truth_texture, trilinear, place, 0.0).r * u.truth_grid.voxels.w;
}

// Zero is neutral; each side has its colour, full at the end of the range.
fn difference_colour(hu: f32) -> vec3<f32> {
    let share = clamp(hu / max(u.amount.x, 1.0), -1.0, 1.0);
    let far = select(u.low_colour.rgb, u.high_colour.rgb, share > 0.0);
    return mix(u.zero_colour.rgb, far, abs(share));
}

// The colour of one sample; `pixel` says on which side of a divider or in which tile it lies.
fn colour_at(place: vec2<f32>, pixel: vec2<f32>) -> vec3<f32> {
    let here = recon_voxel(place);
    let there = truth_voxel(place);
    let has_recon = inside(here, u.grid);
    let has_truth = inside(there, u.truth_grid);
    let a_hu = recon_hu(here);
    let b_hu = truth_hu(there);
    let a = select(0.0, grey_of(a_hu, u.window), has_recon);
    let b = select(0.0, grey_of(b_hu, u.window), has_truth);
    let tile = vec2<i32>(floor(pixel / max(u.amount.y, 1.0)));
    switch u.how.x {
        case TRUTH: { return vec3<f32>(b); }
        case DIFFERENCE: {
            let known = has_recon && has_truth && b_hu > NO_SCAN_HU;
            return select(vec3<f32>(0.0), difference_colour(a_hu - b_hu), known);
        }
        case SWIPE: { return vec3<f32>(select(b, a, pixel.x + 0.5 < u.amount.y)); }
        case CHECKERBOARD: { return vec3<f32>(select(a, b, ((tile.x + tile.y) & 1) == 1)); }
        case BLEND: { return vec3<f32>(mix(a, b, u.amount.y)); }
        case FUSED: { return vec3<f32>(a, (a + b) / 2.0, b); }
        default: { return vec3<f32>(a); }
    }
}

fn recon_coverage(pixel: vec2<f32>) -> f32 {
    let voxel = recon_voxel(pixel);
    let place = texture_place(voxel, u.mask_grid);
    let lungs = textureSampleLevel(mask_texture, trilinear, place, 0.0).rg;
    return select(0.0, lungs.x + lungs.y, inside(voxel, u.mask_grid));
}

fn truth_coverage(pixel: vec2<f32>) -> f32 {
    let voxel = truth_voxel(pixel);
    let place = texture_place(voxel, u.truth_mask_grid);
    let lungs = textureSampleLevel(truth_mask_texture, trilinear, place, 0.0).rg;
    return select(0.0, lungs.x + lungs.y, inside(voxel, u.truth_mask_grid));
}

// The outline lies where coverage crosses one half.
fn outlined(below: vec3<f32>, colour: vec3<f32>, coverage: f32, slope: f32) -> vec3<f32> {
    let depth_px = (coverage - 0.5) / max(slope, 1e-4);
    let line = clamp(u.amount.z + 0.5 - abs(depth_px), 0.0, 1.0) * step(0.01, slope);
    return mix(below, colour, line);
}

@fragment
fn compare(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = position.xy - 0.5;
    let n = u.how.y;
    var colour = vec3<f32>(0.0);
    for (var i = 0u; i < n * n; i++) {
        let place = (vec2<f32>(f32(i % n), f32(i / n)) + 0.5) / f32(n) - 0.5;
        colour += colour_at(pixel + place, pixel);
    }
    colour = colour / f32(n * n);
    let right = vec2<f32>(1.0, 0.0);
    let down = vec2<f32>(0.0, 1.0);
    if u.masks.x > 0.5 {
        let across = recon_coverage(pixel + right) - recon_coverage(pixel - right);
        let along = recon_coverage(pixel + down) - recon_coverage(pixel - down);
        let slope = sqrt(across * across + along * along) / 2.0;
        colour = outlined(colour, u.recon_colour.rgb, recon_coverage(pixel), slope);
    }
    if u.masks.y > 0.5 {
        let across = truth_coverage(pixel + right) - truth_coverage(pixel - right);
        let along = truth_coverage(pixel + down) - truth_coverage(pixel - down);
        let slope = sqrt(across * across + along * along) / 2.0;
        colour = outlined(colour, u.truth_colour.rgb, truth_coverage(pixel), slope);
    }
    return for_target(colour, u.window.linear_target);
}
