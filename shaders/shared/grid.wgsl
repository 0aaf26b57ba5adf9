// How a grid of voxels lies in a texture that may be coarser. Voxel centres stand at integers.
struct Grid {
    // Voxels along x, y, z; w: HU of a sampled value of 1.
    voxels: vec4<f32>,
    // Voxels that the texture spans along x, y, z.
    spanned: vec4<f32>,
    // Voxels in a texel along x, y, z.
    factor: vec4<f32>,
}

// A volume reaches half a voxel beyond its outermost centres.
fn inside(voxel: vec3<f32>, grid: Grid) -> bool {
    return all(voxel >= vec3<f32>(-0.5)) && all(voxel <= grid.voxels.xyz - 0.5);
}

fn texture_place(voxel: vec3<f32>, grid: Grid) -> vec3<f32> {
    return (voxel + 0.5) / grid.spanned.xyz;
}

fn texel_of(voxel: vec3<f32>, grid: Grid) -> vec3<i32> {
    let nearest = clamp(floor(voxel + 0.5), vec3<f32>(0.0), grid.voxels.xyz - 1.0);
    return vec3<i32>(floor((nearest + 0.5) / grid.factor.xyz));
}
