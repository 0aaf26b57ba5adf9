//! Joseph's forward projector, cone and parallel beam, multi-threaded and vectorised.
//! Knows no noise and no film processing.
//!
//! P. M. Joseph, "An improved algorithm for reprojecting rays through pixel images", IEEE TMI 1(3), 1982:
//! in every plane across the ray's main axis the volume is interpolated linearly. Rays of one detector column
//! share their transverse position in a plane, so two z-lines are blended once and then read by all rows.

use super::Attenuation;
use super::columns::{Column, Crossing, line_index};
use super::line::{Lanes, Line};
use crate::geometry::{Raster, View};
use crate::units::MU_WATER;
use rayon::prelude::*;

/// Columns done together: neighbours read the same lines while these are still in the cache.
const COLUMN_BLOCK: usize = 16;

/// The film of a volume, `[row][col]`: line integrals of mu along each pixel's ray, dimensionless
/// (mu = 0.0193 /mm times r). The volume's frame counts from `isocentre_mm` of the patient's frame.
pub fn project(volume: &Attenuation, view: &View, isocentre_mm: [f64; 3]) -> Raster {
    let frame = volume.frame().moved_to(crate::geometry::sub(volume.frame().centre_mm(), isocentre_mm));
    let (cols, rows) = (view.detector.cols, view.detector.rows);
    let mut columns = vec![0f32; cols * rows];
    columns.par_chunks_mut(COLUMN_BLOCK * rows).enumerate().for_each(|(block, sums)| {
        let first = block * COLUMN_BLOCK;
        let geometry: Vec<Column> =
            (first..first + sums.len() / rows).map(|col| Column::new(view, &frame, col)).collect();
        accumulate(volume, &geometry, rows, sums);
        for (column, sums) in geometry.iter().zip(sums.chunks_exact_mut(rows)) {
            for (row, sum) in sums.iter_mut().enumerate() {
                *sum *= column.step_length_mm(row) * MU_WATER.0 as f32;
            }
        }
    });
    let mut film = Raster::filled(cols, rows, 0.0);
    for (row, line) in film.values_mut().chunks_exact_mut(cols).enumerate() {
        for (col, value) in line.iter_mut().enumerate() {
            *value = columns[col * rows + row];
        }
    }
    film
}

/// Adds up the interpolated values of every plane along each row's ray.
fn accumulate(volume: &Attenuation, columns: &[Column], rows: usize, sums: &mut [f32]) {
    let dims = volume.frame().dims();
    let nz = dims[2];
    let lanes = Lanes::found();
    let mut line = Line::new(nz);
    for k in 0..dims[0].max(dims[1]) {
        for (column, sums) in columns.iter().zip(sums.chunks_exact_mut(rows)) {
            if k >= dims[column.main] {
                continue;
            }
            let crossing = column.crossing(k);
            let range = crossing.rows(nz, rows);
            if !range.is_empty() && blend(volume, column.main, k, &crossing, lanes, &mut line) {
                line.add_to_rows(crossing.z, range.start, &mut sums[range], lanes);
            }
        }
    }
}

/// Blends the two lines a crossing lies between; false where it misses the volume.
fn blend(volume: &Attenuation, main: usize, k: usize, crossing: &Crossing, lanes: Lanes, out: &mut Line) -> bool {
    let dims = volume.frame().dims();
    let nz = dims[2];
    let side = dims[1 - main] as isize;
    let line = |i: isize| {
        (0..side).contains(&i).then(|| {
            let at = line_index(main, dims, k, i as usize) * nz;
            &volume.lines()[at..at + nz]
        })
    };
    let weight = crossing.weight;
    match (line(crossing.line), line(crossing.line + 1)) {
        (Some(a), Some(b)) => out.blend([a, b], [1.0 - weight, weight], lanes),
        (Some(a), None) => out.blend([a, a], [1.0 - weight, 0.0], lanes),
        (None, Some(b)) => out.blend([b, b], [weight, 0.0], lanes),
        (None, None) => return false,
    }
    true
}
