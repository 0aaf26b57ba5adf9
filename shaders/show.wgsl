// Packed maxima onto the screen: unpacked, interpolated, windowed. The twin is src/gpu/raymarch.rs.
struct Show {
    // Left and top of the rectangle in the target, px; packed texels for one pixel across and down.
    place: vec4<f32>,
    window: Window,
}

@group(0) @binding(0) var<uniform> u: Show;
@group(0) @binding(1) var packed_texture: texture_2d<f32>;

const PACK_SHIFT: f32 = 32768.0;

// Grey of a texel; black where the ray met nothing.
fn grey_of_texel(texel: vec2<i32>) -> f32 {
    let last = vec2<i32>(textureDimensions(packed_texture)) - 1;
    let value = textureLoad(packed_texture, clamp(texel, vec2<i32>(0), last), 0);
    if value.a < 0.5 {
        return 0.0;
    }
    return grey_of(round(value.r * 255.0) * 256.0 + round(value.g * 255.0) - PACK_SHIFT, u.window);
}

@fragment
fn show(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let texel = (position.xy - u.place.xy) * u.place.zw - 0.5;
    let base = floor(texel);
    let part = texel - base;
    let at = vec2<i32>(base);
    let upper = mix(grey_of_texel(at), grey_of_texel(at + vec2<i32>(1, 0)), part.x);
    let lower = mix(grey_of_texel(at + vec2<i32>(0, 1)), grey_of_texel(at + vec2<i32>(1, 1)), part.x);
    return for_target(vec3<f32>(mix(upper, lower, part.y)), u.window.linear_target);
}
