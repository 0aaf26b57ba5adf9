// The CT volume and its two ways of being sampled.
@group(0) @binding(1) var volume_texture: texture_3d<f32>;
@group(0) @binding(2) var trilinear: sampler;

fn hu_linear(voxel: vec3<f32>, grid: Grid) -> f32 {
    return textureSampleLevel(volume_texture, trilinear, texture_place(voxel, grid), 0.0).r * grid.voxels.w;
}

fn hu_nearest(voxel: vec3<f32>, grid: Grid) -> f32 {
    return textureLoad(volume_texture, texel_of(voxel, grid), 0).r * grid.voxels.w;
}
