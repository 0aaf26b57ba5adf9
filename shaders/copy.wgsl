// A pane's kept picture onto the screen, pixel by pixel.
struct Copy {
    // Left and top of the rectangle in the target, px; 1 where the target stores linear light.
    place: vec4<f32>,
}

@group(0) @binding(0) var<uniform> u: Copy;
@group(0) @binding(1) var picture: texture_2d<f32>;

@fragment
fn copy(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let last = vec2<i32>(textureDimensions(picture)) - 1;
    let pixel = clamp(vec2<i32>(floor(position.xy - u.place.xy)), vec2<i32>(0), last);
    return for_target(textureLoad(picture, pixel, 0).rgb, u.place.z);
}
