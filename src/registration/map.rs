//! Smooth maps of space: affine, and displacements on a grid of nodes with linear interpolation between them.
//!
//! Points are LPS mm about the centre of the networks' cube. Nodes span the cube from the centre of its first voxel to
//! that of its last; beyond the outermost nodes the displacement is theirs.

use super::lattice::Taps;
use crate::geometry::{CUBE_SIDE_VOXELS, CUBE_SPACING_MM, Vec3, norm, sub};

/// The outermost nodes stand so far from the centre, mm: the centres of the 128^3 cube's outermost voxels.
pub const HALF_MM: f64 = (CUBE_SIDE_VOXELS as f64 - 1.0) / 2.0 * CUBE_SPACING_MM;
/// Rounds of the fixed-point iteration that inverts a map, and the share of each new guess that is taken.
const INVERSE_ROUNDS: usize = 60;
const INVERSE_STEP: f64 = 0.6;
/// An inverse is believed where each node comes back to within so much, mm.
const INVERSE_MM: f64 = 0.5;

/// x to matrix x + shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// `[row][column]`.
    pub matrix: [Vec3; 3],
    /// mm.
    pub shift_mm: Vec3,
}

impl Affine {
    /// Nothing is moved.
    pub const IDENTITY: Self = Self { matrix: crate::geometry::frame::IDENTITY, shift_mm: [0.0; 3] };

    /// Where a point goes.
    pub fn at(&self, x: Vec3) -> Vec3 {
        std::array::from_fn(|i| crate::geometry::dot(self.matrix[i], x) + self.shift_mm[i])
    }

    /// First `inner`, then this.
    #[must_use]
    pub fn after(&self, inner: &Self) -> Self {
        let matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| (0..3).map(|k| self.matrix[i][k] * inner.matrix[k][j]).sum())
        });
        Self { matrix, shift_mm: self.at(inner.shift_mm) }
    }

    /// The inverse; `None` where space collapses.
    pub fn inverse(&self) -> Option<Self> {
        let m = &self.matrix;
        let det = determinant(m);
        if !(det.abs() > 1e-9) {
            return None;
        }
        // The adjugate over the determinant.
        let matrix = std::array::from_fn(|i| std::array::from_fn(|j| cofactor(m, j, i) / det));
        let linear = Self { matrix, shift_mm: [0.0; 3] };
        Some(Self { shift_mm: linear.at(self.shift_mm).map(|v| -v), ..linear })
    }
}

fn determinant(m: &[Vec3; 3]) -> f64 {
    (0..3).map(|j| m[0][j] * (m[1][(j + 1) % 3] * m[2][(j + 2) % 3] - m[1][(j + 2) % 3] * m[2][(j + 1) % 3])).sum()
}

/// An affine map with displacements added: map(x) = affine(x) + u(x).
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// The affine part.
    pub affine: Affine,
    nodes: usize,
    /// u at the nodes along x, y, z, mm; each `[z][y][x]`.
    shifts_mm: [Vec<f32>; 3],
}

impl Map {
    /// Nothing is moved; displacements are 0 at `nodes` a side (at least 2).
    pub fn identity(nodes: usize) -> Self {
        let nodes = nodes.max(2);
        Self { affine: Affine::IDENTITY, nodes, shifts_mm: std::array::from_fn(|_| vec![0.0; nodes.pow(3)]) }
    }

    /// From displacements at the nodes, mm, x, y, z, each `[z][y][x]`; `None` where their numbers are no cube of at least
    /// 2 a side, or one is not finite.
    pub fn new(affine: Affine, nodes: usize, shifts_mm: [Vec<f32>; 3]) -> Option<Self> {
        let fits = |axis: &Vec<f32>| axis.len() == nodes.pow(3) && axis.iter().all(|v| v.is_finite());
        (nodes >= 2 && shifts_mm.iter().all(fits)).then_some(Self { affine, nodes, shifts_mm })
    }

    /// Nodes along a side.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// Displacements at the nodes, mm, along x, y, z, each `[z][y][x]`.
    pub fn shifts_mm(&self) -> &[Vec<f32>; 3] {
        &self.shifts_mm
    }

    pub(super) fn shifts_mut(&mut self) -> &mut [Vec<f32>; 3] {
        &mut self.shifts_mm
    }

    /// Where a point goes.
    pub fn at(&self, x: Vec3) -> Vec3 {
        let u = self.shift_at(x);
        let moved = self.affine.at(x);
        std::array::from_fn(|i| moved[i] + u[i])
    }

    /// The displacement at a point, mm.
    fn shift_at(&self, x: Vec3) -> Vec3 {
        let n = self.nodes;
        let place = x.map(|mm| ((mm + HALF_MM) / (2.0 * HALF_MM) * (n - 1) as f64).clamp(0.0, (n - 1) as f64));
        let low = place.map(|p| (p as usize).min(n - 2));
        let part: Vec3 = std::array::from_fn(|k| place[k] - low[k] as f64);
        std::array::from_fn(|axis| {
            let at = |corner: usize| {
                let [dx, dy, dz] = [corner & 1, corner >> 1 & 1, corner >> 2];
                let weight = |k: usize, d: usize| if d == 1 { part[k] } else { 1.0 - part[k] };
                let value = self.shifts_mm[axis][((low[2] + dz) * n + low[1] + dy) * n + low[0] + dx];
                weight(0, dx) * weight(1, dy) * weight(2, dz) * f64::from(value)
            };
            (0..8).map(at).sum()
        })
    }

    /// The same map, but for rounding, with more nodes a side: each finer level begins as the coarser one ended.
    #[must_use]
    pub fn with_nodes(&self, nodes: usize) -> Self {
        let nodes = nodes.max(2);
        let taps = Taps::between(self.nodes, nodes);
        let shifts_mm = self.shifts_mm.each_ref().map(|axis| taps.enlarged(axis));
        Self { affine: self.affine, nodes, shifts_mm }
    }

    /// First `inner`, then this, with `nodes` a side: exact at the nodes.
    #[must_use]
    pub fn after(&self, inner: &Self, nodes: usize) -> Self {
        Self::through(self.affine.after(&inner.affine), nodes, |x| self.at(inner.at(x)))
    }

    /// The inverse with `nodes` a side, by fixed-point iteration; `None` where there is none that this
    /// finds.
    pub fn inverse(&self, nodes: usize) -> Option<Self> {
        let back = self.affine.inverse()?;
        let mut worst_mm = 0f64;
        let inverse = Self::through(back, nodes, |y| {
            let mut x = back.at(y);
            for _ in 0..INVERSE_ROUNDS {
                let u = self.shift_at(x);
                let better = back.at(std::array::from_fn(|i| y[i] - u[i]));
                x = std::array::from_fn(|i| x[i] + INVERSE_STEP * (better[i] - x[i]));
            }
            worst_mm = worst_mm.max(norm(sub(self.at(x), y)));
            x
        });
        (worst_mm <= INVERSE_MM).then_some(inverse)
    }

    /// The map that takes each node x to `target(x)`.
    fn through(affine: Affine, nodes: usize, mut target: impl FnMut(Vec3) -> Vec3) -> Self {
        let mut map = Self::identity(nodes);
        map.affine = affine;
        for (i, x) in node_places_mm(map.nodes).enumerate() {
            let (goal, moved) = (target(x), affine.at(x));
            for axis in 0..3 {
                map.shifts_mm[axis][i] = (goal[axis] - moved[axis]) as f32;
            }
        }
        map
    }

    /// The least and greatest volume of a cell between nodes after the map, as a share of its own: the Jacobian's
    /// determinant, by forward differences at each corner. At 0 or below space folds.
    pub fn jacobian_range(&self) -> [f64; 2] {
        let all = (0..self.nodes.pow(3)).map(|node| determinant(&self.jacobian(node).matrix));
        all.fold([f64::INFINITY, f64::NEG_INFINITY], |[least, most], det| [least.min(det), most.max(det)])
    }

    /// The Jacobian at a node by the differences to its neighbours (to the ones before it at the last nodes).
    pub(super) fn jacobian(&self, node: usize) -> Jacobian {
        let n = self.nodes;
        let step_mm = 2.0 * HALF_MM / (n - 1) as f64;
        let between =
            [1, n, n * n].map(|step| if node / step % n + 1 < n { [node, node + step] } else { [node - step, node] });
        let matrix = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let [a, b] = between[j].map(|node| f64::from(self.shifts_mm[i][node]));
                self.affine.matrix[i][j] + (b - a) / step_mm
            })
        });
        Jacobian { matrix, between, step_mm }
    }
}

/// A map's derivative at a node.
pub(super) struct Jacobian {
    /// `[row][column]`: the change of coordinate `row` along axis `column`.
    pub matrix: [Vec3; 3],
    /// The nodes whose difference along each axis it was taken from.
    pub between: [[usize; 2]; 3],
    /// Between two nodes.
    pub step_mm: f64,
}

impl Jacobian {
    /// The determinant, and its derivative by each entry of the matrix (the cofactors).
    pub fn determinant(&self) -> (f64, [Vec3; 3]) {
        let cofactors = std::array::from_fn(|i| std::array::from_fn(|j| cofactor(&self.matrix, i, j)));
        (determinant(&self.matrix), cofactors)
    }
}

/// The signed minor of an entry.
fn cofactor(m: &[Vec3; 3], i: usize, j: usize) -> f64 {
    let (a, b, c, d) = ((i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3);
    m[a][c] * m[b][d] - m[a][d] * m[b][c]
}

/// The nodes' places, LPS mm about the centre, x fastest.
fn node_places_mm(nodes: usize) -> impl Iterator<Item = Vec3> {
    let step = 2.0 * HALF_MM / (nodes - 1) as f64;
    (0..nodes.pow(3))
        .map(move |i| [i % nodes, i / nodes % nodes, i / (nodes * nodes)].map(|k| k as f64 * step - HALF_MM))
}
