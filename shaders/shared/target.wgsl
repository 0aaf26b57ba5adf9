// What a target wants: gamma values as they are, or linear light for sRGB formats that encode by themselves
// (IEC 61966-2-1).
fn for_target(gamma: vec3<f32>, linear_target: f32) -> vec4<f32> {
    let linear = select(pow((gamma + 0.055) / 1.055, vec3<f32>(2.4)), gamma / 12.92, gamma <= vec3<f32>(0.04045));
    return vec4<f32>(select(gamma, linear, linear_target > 0.5), 1.0);
}
