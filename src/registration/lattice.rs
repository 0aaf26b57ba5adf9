//! Linear interpolation between the nodes of a map and the voxels of a cube, axis by axis, and its transpose.

use super::map::HALF_MM;
use crate::geometry::{CUBE_SIDE_VOXELS, CUBE_SPACING_MM};

/// Which two nodes each place along an axis lies between; the same for all three axes of a cube.
pub(super) struct Taps {
    /// The lower node of each place, and the weight of the upper one.
    places: Vec<(usize, f32)>,
    nodes: usize,
}

impl Taps {
    /// For the voxels of the networks' cube with `side` voxels a side.
    pub fn of_cube(nodes: usize, side: usize) -> Self {
        let spacing = CUBE_SPACING_MM * CUBE_SIDE_VOXELS as f64 / side as f64;
        let first = -(side as f64 - 1.0) / 2.0 * spacing;
        Self::at(nodes, (0..side).map(|i| (first + i as f64 * spacing + HALF_MM) / (2.0 * HALF_MM)))
    }

    /// For the nodes of a grid of `to` nodes a side.
    pub fn between(nodes: usize, to: usize) -> Self {
        Self::at(nodes, (0..to).map(|i| i as f64 / (to - 1) as f64))
    }

    /// For places given as shares of the way from the first to the last node.
    fn at(nodes: usize, shares: impl Iterator<Item = f64>) -> Self {
        let last = (nodes - 1) as f64;
        let place = |share: f64| {
            let place = (share * last).clamp(0.0, last);
            let low = (place as usize).min(nodes - 2);
            (low, (place - low as f64) as f32)
        };
        Self { places: shares.map(place).collect(), nodes }
    }

    /// Places along an axis.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Values at the nodes, `[z][y][x]`, at all places.
    pub fn enlarged(&self, nodes: &[f32]) -> Vec<f32> {
        let (n, m) = (self.nodes, self.len());
        let mut out = vec![0f32; m * m * m];
        let (mut plane, mut line) = (vec![0f32; n * n], vec![0f32; n]);
        for (z, slice) in out.chunks_exact_mut(m * m).enumerate() {
            self.plane(nodes, z, &mut plane);
            for (y, row) in slice.chunks_exact_mut(m).enumerate() {
                self.line(&plane, y, &mut line);
                self.row(&line, row);
            }
        }
        out
    }

    /// Values at the nodes, `[z][y][x]`, blended to place `z`: `[y][x]` of nodes.
    pub fn plane(&self, nodes: &[f32], z: usize, out: &mut [f32]) {
        let (low, part) = self.places[z];
        blend(nodes, low * self.nodes * self.nodes, part, out);
    }

    /// A plane of nodes blended to place `y`: a line of nodes.
    pub fn line(&self, plane: &[f32], y: usize, out: &mut [f32]) {
        let (low, part) = self.places[y];
        blend(plane, low * self.nodes, part, out);
    }

    /// A line of nodes at every place.
    pub fn row(&self, line: &[f32], out: &mut [f32]) {
        for (out, &(low, part)) in out.iter_mut().zip(&self.places) {
            *out = line[low] + part * (line[low + 1] - line[low]);
        }
    }

    /// The transpose of [`Taps::row`]: adds what each place gives to its two nodes.
    pub fn gather_row(&self, row: &[f32], line: &mut [f32]) {
        for (&value, &(low, part)) in row.iter().zip(&self.places) {
            line[low] += (1.0 - part) * value;
            line[low + 1] += part * value;
        }
    }

    /// The transpose of [`Taps::line`].
    pub fn gather_line(&self, line: &[f32], y: usize, plane: &mut [f32]) {
        self.spread(line, self.places[y], plane);
    }

    /// The transpose of [`Taps::plane`].
    pub fn gather_plane(&self, plane: &[f32], z: usize, nodes: &mut [f32]) {
        self.spread(plane, self.places[z], nodes);
    }

    /// Adds `from` to the part of `to` that begins with node `low`, and to the next.
    fn spread(&self, from: &[f32], (low, part): (usize, f32), to: &mut [f32]) {
        let n = from.len();
        let (a, b) = to[low * n..(low + 2) * n].split_at_mut(n);
        for ((a, b), &value) in a.iter_mut().zip(b).zip(from) {
            *a += (1.0 - part) * value;
            *b += part * value;
        }
    }
}

/// Two neighbouring parts of `from`, each as long as `out`, the first at `start`.
fn blend(from: &[f32], start: usize, part: f32, out: &mut [f32]) {
    let n = out.len();
    let (a, b) = from[start..start + 2 * n].split_at(n);
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = a + part * (b - a);
    }
}
