//! Bends a cube: an affine map and a smooth random displacement. Knows no film.

use super::between::Towards;
use crate::geometry::Vec3;
use crate::projection::film::normal;
use rand::Rng;
use rayon::prelude::*;

/// Nodes along each side of the displacement's grid.
const NODES: usize = 9;
/// Passes of the three-point smoothing that makes white noise a smooth field.
const SMOOTHING_PASSES: usize = 3;

/// How far a random warp may go.
#[derive(Clone, Copy, Debug)]
pub struct WarpLimits {
    /// Turn about each of x, y, z, degrees, to both sides.
    pub turn_deg: Vec3,
    /// Scale of each axis, as a share, to both sides; half of it is common to all axes.
    pub scale: f64,
    /// Shift, voxels, to both sides.
    pub shift_voxels: Vec3,
    /// Root mean square of the elastic displacement along each axis, voxels.
    pub elastic_voxels: f64,
}

/// A map from voxels of the bent cube to voxels of the source cube.
pub struct Warp {
    side: usize,
    matrix: [Vec3; 3],
    shift: Vec3,
    /// Displacement at each node, `[z][y][x]`, voxels.
    nodes: Vec<[f32; 3]>,
}

impl Warp {
    /// A random warp of a cube of `side` voxels.
    pub fn random(side: usize, limits: &WarpLimits, rng: &mut impl Rng) -> Self {
        let mut both = |reach: f64| if reach > 0.0 { rng.random_range(-reach..=reach) } else { 0.0 };
        let turns: Vec3 = std::array::from_fn(|k| both(limits.turn_deg[k]).to_radians());
        let common = both(limits.scale / 2.0);
        let scales: Vec3 = std::array::from_fn(|_| 1.0 + common + both(limits.scale / 2.0));
        let shift: Vec3 = std::array::from_fn(|k| both(limits.shift_voxels[k]));
        let rotation = multiply(turn(2, turns[2]), multiply(turn(1, turns[1]), turn(0, turns[0])));
        let matrix = rotation.map(|row| std::array::from_fn(|k| row[k] * scales[k]));
        Self { side, matrix, shift, nodes: smooth_noise(limits.elastic_voxels, rng) }
    }

    /// The source voxel of a point along z through the cube's middle, for slice `z`.
    pub fn source_z(&self, z: usize, then: Option<&Towards>) -> f64 {
        let middle = (self.side as f64 - 1.0) / 2.0;
        let centre = z as f64 - middle;
        let bent = middle + self.shift[2] + self.matrix[2][2] * centre;
        then.map_or(bent, |then| f64::from(then.at([middle as f32, middle as f32, bent as f32])[2]))
    }

    /// `[z][y][x]` values bent, then as another bend has them; outside the source they are 0 (air).
    pub fn apply(&self, source: &[f32], then: Option<&Towards>) -> Vec<f32> {
        let n = self.side;
        let middle = (n as f64 - 1.0) / 2.0;
        let mut out = vec![0f32; n * n * n];
        out.par_chunks_mut(n * n).enumerate().for_each(|(z, slice)| {
            for (y, row) in slice.chunks_exact_mut(n).enumerate() {
                let bend = self.node_row(y, z);
                let from: [f32; 3] = std::array::from_fn(|k| {
                    let m = self.matrix[k];
                    (middle + self.shift[k] - m[0] * middle + m[1] * (y as f64 - middle) + m[2] * (z as f64 - middle))
                        as f32
                });
                for (x, value) in row.iter_mut().enumerate() {
                    let place = x as f32 * (NODES - 1) as f32 / (n - 1) as f32;
                    let node = (place as usize).min(NODES - 2);
                    let part = place - node as f32;
                    let p: [f32; 3] = std::array::from_fn(|k| {
                        let bent = bend[node][k] + part * (bend[node + 1][k] - bend[node][k]);
                        from[k] + self.matrix[k][0] as f32 * x as f32 + bent
                    });
                    *value = sample(source, n, then.map_or(p, |then| then.at(p)));
                }
            }
        });
        out
    }

    /// Displacements along x at (y, z), blended from the four neighbouring rows of nodes.
    fn node_row(&self, y: usize, z: usize) -> [[f32; 3]; NODES] {
        let locate = |i: usize| {
            let place = i as f32 * (NODES - 1) as f32 / (self.side - 1) as f32;
            let node = (place as usize).min(NODES - 2);
            (node, place - node as f32)
        };
        let ((ny, fy), (nz, fz)) = (locate(y), locate(z));
        let at = |x: usize, y: usize, z: usize| self.nodes[(z * NODES + y) * NODES + x];
        std::array::from_fn(|x| {
            std::array::from_fn(|k| {
                let low = at(x, ny, nz)[k] * (1.0 - fy) + at(x, ny + 1, nz)[k] * fy;
                let high = at(x, ny, nz + 1)[k] * (1.0 - fy) + at(x, ny + 1, nz + 1)[k] * fy;
                low * (1.0 - fz) + high * fz
            })
        })
    }
}

/// Trilinear sample of a cube; 0 outside.
fn sample(source: &[f32], n: usize, p: [f32; 3]) -> f32 {
    let last = (n - 1) as f32;
    if !p.iter().all(|v| *v >= 0.0 && *v < last) {
        return 0.0;
    }
    let [x, y, z] = p.map(|v| v as usize);
    let [fx, fy, fz] = [p[0] - x as f32, p[1] - y as f32, p[2] - z as f32];
    let base = (z * n + y) * n + x;
    let along = |i: usize| source[i] + fx * (source[i + 1] - source[i]);
    let low = along(base) + fy * (along(base + n) - along(base));
    let up = base + n * n;
    let high = along(up) + fy * (along(up + n) - along(up));
    low + fz * (high - low)
}

fn turn(axis: usize, angle: f64) -> [Vec3; 3] {
    let (s, c) = angle.sin_cos();
    let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
    let mut m = crate::geometry::frame::IDENTITY;
    (m[a][a], m[a][b], m[b][a], m[b][b]) = (c, -s, s, c);
    m
}

fn multiply(a: [Vec3; 3], b: [Vec3; 3]) -> [Vec3; 3] {
    std::array::from_fn(|r| std::array::from_fn(|c| (0..3).map(|k| a[r][k] * b[k][c]).sum()))
}

/// White noise on the nodes, smoothed, then scaled to the given root mean square.
fn smooth_noise(rms: f64, rng: &mut impl Rng) -> Vec<[f32; 3]> {
    let count = NODES * NODES * NODES;
    let mut nodes: Vec<[f32; 3]> = (0..count).map(|_| std::array::from_fn(|_| normal(rng))).collect();
    for stride in [1, NODES, NODES * NODES].repeat(SMOOTHING_PASSES) {
        let before = nodes.clone();
        for (i, node) in nodes.iter_mut().enumerate() {
            let place = i / stride % NODES;
            let low = before[if place > 0 { i - stride } else { i }];
            let high = before[if place + 1 < NODES { i + stride } else { i }];
            *node = std::array::from_fn(|k| (low[k] + 2.0 * before[i][k] + high[k]) / 4.0);
        }
    }
    let power: f32 = nodes.iter().flatten().map(|v| v * v).sum::<f32>() / (3 * count) as f32;
    let scale = if power > 0.0 { rms as f32 / power.sqrt() } else { 0.0 };
    nodes.iter_mut().flatten().for_each(|v| *v *= scale);
    nodes
}
