//! The cost of a map at one resolution and its gradient: volumes are read through the map, held against their targets, and
//! what the targets want is gathered back to the nodes. No step scatters, so all cores work without locks.

use super::lattice::Taps;
use super::map::{HALF_MM, Map};
use super::sampled::Sampled;
use super::term::Term;
use super::tissue::{KNOTS, Tissue};
use crate::geometry::Frame;
use rayon::prelude::*;

/// Space may be compressed to this share of its volume before it costs anything.
const LEAST_COMPRESSION: f64 = 0.3;
/// Weight of the mean squared shortfall from that.
const UNFOLDING_WEIGHT: f64 = 300.0;

/// A volume that is bent, and what it is held against.
pub(super) struct Channel {
    /// The volume, at the objective's resolution or a finer one.
    pub moving: Sampled,
    /// What it should be.
    pub terms: Vec<Term>,
    /// Whether the tissue curve applies to it.
    pub tissue: bool,
}

/// The cost of a registration at one resolution.
pub(super) struct Objective {
    side: usize,
    frame: Frame,
    taps: Taps,
    channels: Vec<Channel>,
    /// Weight of the displacements' squared differences between neighbouring nodes.
    stiffness: f64,
    /// Weight of the tissue curve's squared distance from the CT as it is.
    tissue_weight: f64,
}

/// What is fitted.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub map: Map,
    pub tissue: Tissue,
}

/// A cost with its gradient.
pub struct Evaluation {
    /// Cost with penalties.
    pub cost: f64,
    /// By the displacements at the nodes, per mm, along x, y, z, each `[z][y][x]`.
    pub nodes: [Vec<f32>; 3],
    /// By the affine part: `[row]` of three columns of the matrix and the shift in mm.
    pub affine: [[f64; 4]; 3],
    /// By the tissue curve's knots.
    pub tissue: [f64; KNOTS.len()],
}

/// One channel read through the map.
struct Reading {
    /// Values after the tissue curve, `[z][y][x]`.
    bent: Vec<f32>,
    /// Slopes of `bent` along x, y, z of moving space, per mm; `[z][y][axis][x]`.
    slopes: Vec<f32>,
    /// Values before the tissue curve; empty where there is none.
    before: Vec<f32>,
}

/// What one axial slice adds to the gradient.
struct SliceGradient {
    /// Planes of nodes, one an axis.
    planes: [Vec<f32>; 3],
    affine: [[f64; 4]; 3],
}

impl Objective {
    /// A cube with `side` voxels a side and maps with `nodes` nodes a side.
    pub fn new(side: usize, nodes: usize, channels: Vec<Channel>, stiffness: f64, tissue_weight: f64) -> Self {
        let frame = Frame::cube_of(side, [0.0; 3]);
        Self { side, frame, taps: Taps::of_cube(nodes, side), channels, stiffness, tissue_weight }
    }

    /// Cost and gradient.
    pub fn evaluate(&self, state: &State) -> Evaluation {
        let mut cost = 0.0;
        let mut tissue = [0f64; KNOTS.len()];
        let mut wanted = Vec::new();
        for channel in &self.channels {
            let reading = self.read(channel, state);
            let mut by_voxel = vec![0f32; reading.bent.len()];
            cost += channel.terms.iter().map(|t| t.evaluate(&reading.bent, &self.frame, &mut by_voxel)).sum::<f64>();
            if channel.tissue {
                add_tissue(&state.tissue, &reading.before, &by_voxel, &mut tissue);
            }
            wanted.push((by_voxel, reading.slopes));
        }
        let (mut nodes, mut affine) = self.gather(&wanted, state.map.nodes());
        cost += self.stiffness(&state.map, &mut nodes) + unfolding(&state.map, &mut nodes, &mut affine);
        for (k, knot) in KNOTS.iter().enumerate() {
            let away = f64::from(state.tissue.values[k] - knot);
            cost += self.tissue_weight * away * away;
            tissue[k] += 2.0 * self.tissue_weight * away;
        }
        Evaluation { cost, nodes, affine, tissue }
    }

    fn read(&self, channel: &Channel, state: &State) -> Reading {
        let (side, plane) = (self.side, self.side * self.side);
        let mut bent = vec![0f32; plane * side];
        let mut slopes = vec![0f32; 3 * plane * side];
        let mut before = if channel.tissue { bent.clone() } else { Vec::new() };
        let slices = bent.par_chunks_mut(plane).zip(slopes.par_chunks_mut(3 * plane)).enumerate();
        slices.for_each(|(z, (bent, slopes))| {
            let mut rows = Rows::new(&self.taps, &state.map, z);
            for (y, (bent, slopes)) in bent.chunks_exact_mut(side).zip(slopes.chunks_exact_mut(3 * side)).enumerate() {
                let places = rows.places(&self.frame, &state.map, y, z);
                let (sx, rest) = slopes.split_at_mut(side);
                let (sy, sz) = rest.split_at_mut(side);
                channel.moving.read_row(places, bent, [sx, sy, sz]);
            }
        });
        if channel.tissue {
            before.copy_from_slice(&bent);
            bent.par_chunks_mut(side).zip(slopes.par_chunks_mut(3 * side)).with_min_len(side).for_each(
                |(bent, slopes)| {
                    let (sx, rest) = slopes.split_at_mut(side);
                    let (sy, sz) = rest.split_at_mut(side);
                    for i in 0..side {
                        let (value, slope, ..) = state.tissue.read(bent[i]);
                        bent[i] = value;
                        sx[i] *= slope;
                        sy[i] *= slope;
                        sz[i] *= slope;
                    }
                },
            );
        }
        Reading { bent, slopes, before }
    }

    /// What voxels want, times the slopes of what is read there, gathered to the nodes and the affine part.
    fn gather(&self, wanted: &[(Vec<f32>, Vec<f32>)], nodes: usize) -> ([Vec<f32>; 3], [[f64; 4]; 3]) {
        let side = self.side;
        let slices: Vec<SliceGradient> =
            (0..side).into_par_iter().map(|z| self.slice_gradient(wanted, nodes, z)).collect();
        let mut by_node: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; nodes.pow(3)]);
        let mut affine = [[0f64; 4]; 3];
        for (z, slice) in slices.iter().enumerate() {
            for axis in 0..3 {
                self.taps.gather_plane(&slice.planes[axis], z, &mut by_node[axis]);
                affine[axis].iter_mut().zip(slice.affine[axis]).for_each(|(sum, part)| *sum += part);
            }
        }
        (by_node, affine)
    }

    fn slice_gradient(&self, wanted: &[(Vec<f32>, Vec<f32>)], nodes: usize, z: usize) -> SliceGradient {
        let side = self.side;
        let mut planes: [Vec<f32>; 3] = std::array::from_fn(|_| vec![0.0; nodes * nodes]);
        let mut affine = [[0f64; 4]; 3];
        let (mut row, mut line) = (vec![0f32; side], vec![0f32; nodes]);
        let spacing = self.frame.spacing_mm()[0];
        let first = self.frame.origin_mm()[0];
        let height = first + spacing * z as f64;
        for y in 0..side {
            let place = first + spacing * y as f64;
            let at = (z * side + y) * side;
            for axis in 0..3 {
                row.fill(0.0);
                for (by_voxel, slopes) in wanted {
                    let slopes = &slopes[3 * at + axis * side..][..side];
                    let by_voxel = &by_voxel[at..at + side];
                    row.iter_mut().zip(by_voxel).zip(slopes).for_each(|((sum, g), slope)| *sum += g * slope);
                }
                line.fill(0.0);
                self.taps.gather_row(&row, &mut line);
                self.taps.gather_line(&line, y, &mut planes[axis]);
                let (mut sum, mut moment) = (0f64, 0f64);
                for (x, value) in row.iter().enumerate() {
                    sum += f64::from(*value);
                    moment += f64::from(*value) * (first + spacing * x as f64);
                }
                let parts = [moment, sum * place, sum * height, sum];
                affine[axis].iter_mut().zip(parts).for_each(|(total, part)| *total += part);
            }
        }
        SliceGradient { planes, affine }
    }

    /// The penalty on bending, in shares of the cube so that it does not hang on the number of nodes; its gradient is
    /// added.
    fn stiffness(&self, map: &Map, gradient: &mut [Vec<f32>; 3]) -> f64 {
        let n = map.nodes();
        // As in the reference: squared differences of normalised displacements, scaled by the nodes over those of the
        // first level.
        let pairs = (3 * n * n * (n - 1)) as f64;
        let weight = self.stiffness * (n as f64 / 4.0).powi(2) / pairs / (HALF_MM * HALF_MM);
        let mut cost = 0.0;
        for (shifts, gradient) in map.shifts_mm().iter().zip(gradient) {
            for step in [1, n, n * n] {
                for i in 0..shifts.len() {
                    if i / step % n + 1 < n {
                        let d = shifts[i + step] - shifts[i];
                        cost += weight * f64::from(d).powi(2);
                        let slope = (2.0 * weight) as f32 * d;
                        gradient[i + step] += slope;
                        gradient[i] -= slope;
                    }
                }
            }
        }
        cost
    }
}

/// The penalty on compression near to folding: space that keeps less than a share of its volume; its gradient is added.
fn unfolding(map: &Map, nodes: &mut [Vec<f32>; 3], affine: &mut [[f64; 4]; 3]) -> f64 {
    let count = map.nodes().pow(3);
    let weight = UNFOLDING_WEIGHT / count as f64;
    let mut cost = 0.0;
    for node in 0..count {
        let jacobian = map.jacobian(node);
        let (det, by_entry) = jacobian.determinant();
        let short = LEAST_COMPRESSION - det;
        if !(short > 0.0) {
            continue;
        }
        cost += weight * short * short;
        for i in 0..3 {
            for j in 0..3 {
                let slope = -2.0 * weight * short * by_entry[i][j];
                affine[i][j] += slope;
                let [a, b] = jacobian.between[j];
                nodes[i][a] -= (slope / jacobian.step_mm) as f32;
                nodes[i][b] += (slope / jacobian.step_mm) as f32;
            }
        }
    }
    cost
}

/// By the knots: each voxel's wish falls to the two knots about its value.
fn add_tissue(tissue: &Tissue, before: &[f32], by_voxel: &[f32], sums: &mut [f64; KNOTS.len()]) {
    const CHUNK: usize = 1 << 14;
    let chunks = before.par_chunks(CHUNK).zip(by_voxel.par_chunks(CHUNK)).map(|(before, by_voxel)| {
        let mut sums = [0f32; KNOTS.len()];
        for (r, g) in before.iter().zip(by_voxel) {
            let (.., below, part) = tissue.read(*r);
            sums[below] += (1.0 - part) * g;
            sums[below + 1] += part * g;
        }
        sums
    });
    for part in chunks.collect::<Vec<_>>() {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += f64::from(part));
    }
}

/// The places that the voxels of one axial slice are read at, row by row.
struct Rows<'a> {
    taps: &'a Taps,
    planes: [Vec<f32>; 3],
    line: Vec<f32>,
    places: [Vec<f32>; 3],
}

impl<'a> Rows<'a> {
    fn new(taps: &'a Taps, map: &Map, z: usize) -> Self {
        let n = map.nodes();
        let planes = map.shifts_mm().each_ref().map(|shifts| {
            let mut plane = vec![0f32; n * n];
            taps.plane(shifts, z, &mut plane);
            plane
        });
        Self { taps, planes, line: vec![0.0; n], places: std::array::from_fn(|_| vec![0.0; taps.len()]) }
    }

    /// Moving space's mm of row `y` of slice `z`.
    fn places(&mut self, frame: &Frame, map: &Map, y: usize, z: usize) -> [&[f32]; 3] {
        let start = map.affine.at(frame.world_from_voxel([0.0, y as f64, z as f64]));
        let spacing = frame.spacing_mm()[0];
        for axis in 0..3 {
            self.taps.line(&self.planes[axis], y, &mut self.line);
            self.taps.row(&self.line, &mut self.places[axis]);
            let (start, step) = (start[axis] as f32, (map.affine.matrix[axis][0] * spacing) as f32);
            self.places[axis].iter_mut().enumerate().for_each(|(x, place)| *place += step.mul_add(x as f32, start));
        }
        self.places.each_ref().map(Vec::as_slice)
    }
}

/// A volume read through a map onto the cube with `side` voxels a side, `[z][y][x]`, after the tissue curve.
pub(super) fn read_through(moving: &Sampled, map: &Map, tissue: &Tissue, side: usize) -> Vec<f32> {
    let channel = Channel { moving: moving.clone(), terms: Vec::new(), tissue: true };
    let objective = Objective::new(side, map.nodes(), Vec::new(), 0.0, 0.0);
    let state = State { map: map.clone(), tissue: *tissue };
    objective.read(&channel, &state).bent
}
