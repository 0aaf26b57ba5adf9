// The maximum of HU along parallel rays, packed into two bytes so that any target can hold it.
// The twin is src/gpu/raymarch.rs.
struct March {
    // Voxel coordinate of the first pixel's ray at t = 0, the way to the next column and row, and the way along
    // the ray for 1 mm.
    origin: vec4<f32>,
    per_column: vec4<f32>,
    per_row: vec4<f32>,
    per_mm: vec4<f32>,
    grid: Grid,
    // x: step in mm.
    step: vec4<f32>,
}

@group(0) @binding(0) var<uniform> u: March;

// Packed HU are shifted so that the smallest i16 becomes 0.
const PACK_SHIFT: f32 = 32768.0;
// No volume is longer than this many steps; it bounds the loop.
const MAX_STEPS: u32 = 8192u;

// Where the ray enters and leaves the volume, mm; leaving before entering means never.
fn crossing(start: vec3<f32>) -> vec2<f32> {
    let tiny = vec3<f32>(1e-9);
    let way = select(u.per_mm.xyz, tiny, abs(u.per_mm.xyz) < tiny);
    let a = (vec3<f32>(-0.5) - start) / way;
    let b = (u.grid.voxels.xyz - 0.5 - start) / way;
    let enter = min(a, b);
    let leave = max(a, b);
    return vec2<f32>(max(max(enter.x, enter.y), enter.z), min(min(leave.x, leave.y), leave.z));
}

@fragment
fn march(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = position.xy - 0.5;
    let start = u.origin.xyz + u.per_column.xyz * pixel.x + u.per_row.xyz * pixel.y;
    let span = crossing(start);
    if span.y <= span.x {
        return vec4<f32>(0.0);
    }
    let steps = min(u32(ceil((span.y - span.x) / u.step.x)), MAX_STEPS);
    var most = -PACK_SHIFT;
    for (var i = 0u; i < steps; i++) {
        let t = min(span.x + (f32(i) + 0.5) * u.step.x, span.y);
        most = max(most, hu_linear(start + u.per_mm.xyz * t, u.grid));
    }
    let packed = u32(round(most + PACK_SHIFT));
    return vec4<f32>(f32(packed >> 8u) / 255.0, f32(packed & 255u) / 255.0, 0.0, 1.0);
}
