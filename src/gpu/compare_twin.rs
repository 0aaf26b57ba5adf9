//! The twin of shaders/compare.wgsl: the same picture by the processor, for tests and for pictures that are written.
//! Knows no card.

use super::Picture;
use super::compare::{CompareParams, PlaneVoxels, Together};
use super::slice::{Interpolation, grey_of, sample};
use crate::geometry::{Vec3, Volume};
use crate::units::Hu;
use rayon::prelude::*;

/// A volume and, where there is one, its lungs (`[z][y][x]` on its grid, 0 for none).
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The volume.
    pub volume: &'a Volume,
    /// Its lungs.
    pub labels: Option<&'a [u8]>,
}

/// A plane through both as the shader draws it.
pub fn render_on_cpu(recon: Side<'_>, truth: Side<'_>, params: &CompareParams, width: u32, height: u32) -> Picture {
    let twin = Twin { recon: fitting(recon), truth: fitting(truth), params };
    let row = |row: u32| {
        let twin = &twin;
        (0..width).flat_map(move |col| {
            let [r, g, b] = twin.colour_at(f64::from(col), f64::from(row)).map(byte);
            [r, g, b, u8::MAX]
        })
    };
    let rgba = (0..height).into_par_iter().flat_map_iter(row).collect();
    Picture { width, height, rgba }
}

/// Labels of another size are not shown.
fn fitting(side: Side<'_>) -> Side<'_> {
    Side { labels: side.labels.filter(|l| l.len() == side.volume.frame().len()), ..side }
}

fn byte(share: f64) -> u8 {
    (share * 255.0).round().clamp(0.0, 255.0) as u8
}

struct Twin<'a> {
    recon: Side<'a>,
    truth: Side<'a>,
    params: &'a CompareParams,
}

impl Twin<'_> {
    fn colour_at(&self, col: f64, row: f64) -> [f64; 3] {
        let n = self.params.taps();
        let place = |i: u32| (f64::from(i) + 0.5) / f64::from(n) - 0.5;
        let mut sum = [0.0; 3];
        for i in 0..n * n {
            let colour = self.sample_at(col + place(i % n), row + place(i / n), [col, row]);
            sum = std::array::from_fn(|k| sum[k] + colour[k] / f64::from(n * n));
        }
        let Some(width_px) = self.params.outline_px else { return sum };
        let half_px = f64::from(width_px) / 2.0;
        let colours = self.params.colours;
        let sum = outlined(sum, self.recon, &self.params.recon, colours.recon, [col, row], half_px);
        outlined(sum, self.truth, &self.params.truth, colours.truth, [col, row], half_px)
    }

    /// One sample; `pixel` says on which side of a divider or in which tile it lies.
    fn sample_at(&self, col: f64, row: f64, pixel: [f64; 2]) -> [f64; 3] {
        let params = self.params;
        let hu = |side: Side<'_>, plane: &PlaneVoxels| hu_at(side.volume, plane.at(col, row), params.interpolation);
        let a_hu = hu(self.recon, &params.recon);
        let b_hu = hu(self.truth, &params.truth);
        let grey = |hu: Option<f64>| hu.map_or(0.0, |v| grey_of(v, &params.window, params.invert));
        let (a, b) = (grey(a_hu), grey(b_hu));
        match params.together {
            Together::Recon => [a; 3],
            Together::Truth => [b; 3],
            Together::Difference(range_hu) => {
                let known = a_hu.zip(b_hu).filter(|(_, b)| *b > f64::from(Hu::PADDING.0) + 0.5);
                known.map_or([0.0; 3], |(a, b)| self.difference_colour(a - b, range_hu))
            }
            Together::Swipe(at_px) => [if pixel[0] + 0.5 < at_px { a } else { b }; 3],
            Together::Checkerboard(side_px) => {
                let [x, y] = pixel.map(|v| (v / side_px.max(1.0)).floor() as i64);
                [if (x + y) & 1 == 1 { b } else { a }; 3]
            }
            Together::Blend(share) => [a + (b - a) * share; 3],
            Together::Fused => [a, (a + b) / 2.0, b],
        }
    }

    fn difference_colour(&self, hu: f64, range_hu: f64) -> [f64; 3] {
        let share = (hu / range_hu.max(1.0)).clamp(-1.0, 1.0);
        let [low, zero, high] = self.params.colours.difference;
        let far = if share > 0.0 { high } else { low };
        mixed(zero.map(f64::from), far, share.abs())
    }
}

fn hu_at(volume: &Volume, voxel: Vec3, interpolation: Interpolation) -> Option<f64> {
    sample(volume.frame().dims(), voxel, interpolation, &|i| f64::from(volume.hu()[i]))
}

/// The outline of one side's lungs over `below`.
fn outlined(
    below: [f64; 3],
    side: Side<'_>,
    plane: &PlaneVoxels,
    colour: [f32; 3],
    [col, row]: [f64; 2],
    half_px: f64,
) -> [f64; 3] {
    let Some(labels) = side.labels else { return below };
    let covered = |i: usize| f64::from(u8::from(labels[i] != 0));
    let c = |dx: f64, dy: f64| {
        let voxel = plane.at(col + dx, row + dy);
        sample(side.volume.frame().dims(), voxel, Interpolation::Linear, &covered).unwrap_or(0.0)
    };
    let slope = (c(1.0, 0.0) - c(-1.0, 0.0)).hypot(c(0.0, 1.0) - c(0.0, -1.0)) / 2.0;
    let depth_px = (c(0.0, 0.0) - 0.5) / slope.max(1e-4);
    let line = (half_px + 0.5 - depth_px.abs()).clamp(0.0, 1.0) * if slope >= 0.01 { 1.0 } else { 0.0 };
    mixed(below, colour, line)
}

fn mixed(below: [f64; 3], colour: [f32; 3], share: f64) -> [f64; 3] {
    std::array::from_fn(|k| below[k] * (1.0 - share) + f64::from(colour[k]) * share)
}
