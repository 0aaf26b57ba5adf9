// How far off a volume may be, in one colour over a plane: clear where little is to be expected, full at the end of the
// range. Drawn over a picture that is there already. The twin is src/gpu/overlay.rs.
struct Overlay {
    // Voxel coordinate of the centre of the rectangle's first pixel, and the way to the next column and row.
    origin: vec4<f32>,
    per_column: vec4<f32>,
    per_row: vec4<f32>,
    grid: Grid,
    colour: vec4<f32>,
    // HU at which the colour is full; how much of the picture it hides there, 0 to 1.
    amount: vec4<f32>,
}

@group(0) @binding(0) var<uniform> u: Overlay;

@fragment
fn overlay(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = position.xy - 0.5;
    let voxel = u.origin.xyz + u.per_column.xyz * pixel.x + u.per_row.xyz * pixel.y;
    let hu = hu_linear(voxel, u.grid);
    let share = u.amount.y * clamp(hu / max(u.amount.x, 1.0), 0.0, 1.0);
    let alpha = select(0.0, share, inside(voxel, u.grid));
    return vec4<f32>(u.colour.rgb * alpha, alpha);
}
