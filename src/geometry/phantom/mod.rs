//! Analytic phantoms: convex parts painted over one another, with exact line integrals and voxel versions.
//! Knows no network and no file. The synthetic thorax stands in [`thorax`].

mod shape;
mod thorax;

pub use shape::Shape;
pub use thorax::{ThoraxLimits, thorax};

use super::view::Ray;
use super::{Frame, Raster, Vec3, View, Volume, norm, scale};
use crate::units::MU_WATER;
use rayon::prelude::*;

/// A convex body of one density.
#[derive(Clone, Debug)]
pub struct Part {
    /// Where it is.
    pub shape: Shape,
    /// Its attenuation relative to water (0 air, 1 water).
    pub r: f32,
}

/// Parts painted in order: where several overlap, the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Phantom {
    parts: Vec<Part>,
}

impl Phantom {
    /// A phantom of the given parts, in the order of painting. Coordinates are LPS mm about the isocentre.
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    /// The parts, in the order of painting.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Relative attenuation at a point.
    pub fn relative_attenuation_at(&self, point_mm: Vec3) -> f32 {
        self.parts.iter().rev().find(|p| p.shape.contains(point_mm)).map_or(0.0, |p| p.r)
    }

    /// The exact line integral of mu along a ray from its origin to its detector pixel, dimensionless.
    pub fn line_integral(&self, ray: &Ray) -> f64 {
        let hits: Vec<([f64; 2], f32)> =
            self.parts.iter().filter_map(|p| Some((p.shape.interval(ray.origin_mm, ray.direction_mm)?, p.r))).collect();
        let mut breaks: Vec<f64> = hits.iter().flat_map(|(interval, _)| *interval).map(|t| t.max(0.0)).collect();
        breaks.sort_unstable_by(f64::total_cmp);
        let painted: f64 = breaks
            .windows(2)
            .map(|w| {
                let middle = (w[0] + w[1]) / 2.0;
                let top = hits.iter().rev().find(|([enter, leave], _)| *enter <= middle && middle <= *leave);
                top.map_or(0.0, |(_, r)| f64::from(*r)) * (w[1] - w[0])
            })
            .sum();
        painted * norm(ray.direction_mm) * MU_WATER.0
    }

    /// The film of exact line integrals, `[row][col]`, dimensionless.
    pub fn project(&self, view: &View) -> Raster {
        let mut film = Raster::filled(view.detector.cols, view.detector.rows, 0.0);
        let cols = film.cols();
        film.values_mut().par_chunks_mut(cols).enumerate().for_each(|(row, line)| {
            for (col, value) in line.iter_mut().enumerate() {
                *value = self.line_integral(&view.ray(col as f64, row as f64)) as f32;
            }
        });
        film
    }

    /// Relative attenuation of each voxel, `[z][y][x]`, the mean of `supersample`^3 points.
    pub fn voxelise(&self, frame: &Frame, supersample: usize) -> Vec<f32> {
        let [nx, ny, nz] = frame.dims();
        let n = supersample.max(1);
        let mut r = vec![0f32; nx * ny * nz];
        r.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
            let mut line = vec![0f32; nx * n];
            for (y, row) in slice.chunks_exact_mut(nx).enumerate() {
                for sub in 0..n * n {
                    let place = |i: usize, k: usize| i as f64 + (k as f64 + 0.5) / n as f64 - 0.5;
                    self.paint_line(frame, place(y, sub % n), place(z, sub / n), n, &mut line);
                    for (out, samples) in row.iter_mut().zip(line.chunks_exact(n)) {
                        *out += samples.iter().sum::<f32>();
                    }
                }
            }
            let share = 1.0 / (n * n * n) as f32;
            slice.iter_mut().for_each(|v| *v *= share);
        });
        r
    }

    /// The voxel version as a CT volume.
    pub fn volume(&self, frame: &Frame, supersample: usize) -> Volume {
        let r = self.voxelise(frame, supersample);
        Volume::from_relative_attenuation(frame.clone(), &r)
            .unwrap_or_else(|_| Volume::filled(frame.clone(), crate::units::Hu::PADDING))
    }

    /// Paints one line of `n` samples a voxel along the grid's x axis at voxel coordinates (y, z).
    fn paint_line(&self, frame: &Frame, y: f64, z: f64, n: usize, line: &mut [f32]) {
        line.fill(0.0);
        let step = scale(frame.axis_direction(0), frame.spacing_mm()[0] / n as f64);
        let first = frame.world_from_voxel([0.5 / n as f64 - 0.5, y, z]);
        for part in &self.parts {
            let Some([enter, leave]) = part.shape.interval(first, step) else { continue };
            let from = enter.ceil().max(0.0) as usize;
            let to = ((leave.floor() + 1.0).max(0.0) as usize).min(line.len());
            if from < to {
                line[from..to].fill(part.r);
            }
        }
    }
}
