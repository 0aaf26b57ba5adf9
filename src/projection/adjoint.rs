//! The exact transpose of the forward projector, for iterative methods. Knows no network.

use super::columns::Column;
use crate::geometry::{Frame, Raster, View};
use crate::units::MU_WATER;
use rayon::prelude::*;

/// Spreads a film over a grid along LPS with the weights of [`super::project`]: `[z][y][x]`, per unit of r.
pub fn adjoint(film: &Raster, view: &View, frame: &Frame, isocentre_mm: [f64; 3]) -> Vec<f32> {
    let about_iso = frame.moved_to(crate::geometry::sub(frame.centre_mm(), isocentre_mm));
    let dims = frame.dims();
    let columns: Vec<Column> = (0..film.cols()).map(|col| Column::new(view, &about_iso, col)).collect();
    let weighted = weighted_columns(film, &columns);
    let mut out = vec![0f32; frame.len()];
    for main in [0, 1] {
        if columns.iter().any(|c| c.main == main) {
            let planes = spread(&columns, &weighted, main, dims, film.rows());
            add_planes(&planes, main, dims, &mut out);
        }
    }
    out
}

/// The film by columns, each pixel times its ray's step length and the attenuation of water.
fn weighted_columns(film: &Raster, columns: &[Column]) -> Vec<f32> {
    let rows = film.rows();
    let mut weighted = vec![0f32; film.cols() * rows];
    for (col, (column, values)) in columns.iter().zip(weighted.chunks_exact_mut(rows)).enumerate() {
        for (row, value) in values.iter_mut().enumerate() {
            *value = film.values()[row * film.cols() + col] * column.step_length_mm(row) * MU_WATER.0 as f32;
        }
    }
    weighted
}

/// Plane by plane across `main`: `[plane][transverse][z]`.
fn spread(columns: &[Column], weighted: &[f32], main: usize, dims: [usize; 3], rows: usize) -> Vec<f32> {
    let nz = dims[2];
    let side = dims[1 - main];
    let mut planes = vec![0f32; dims[main] * side * nz];
    planes.par_chunks_mut(side * nz).enumerate().for_each(|(k, plane)| {
        let mut line = vec![0f32; nz + 3];
        for (column, values) in columns.iter().zip(weighted.chunks_exact(rows)).filter(|(c, _)| c.main == main) {
            let crossing = column.crossing(k);
            let range = crossing.rows(nz, rows);
            if range.is_empty() || crossing.line < -1 || crossing.line >= side as isize {
                continue;
            }
            line.fill(0.0);
            for row in range {
                let place = crossing.z[1].mul_add(row as f32, crossing.z[0] + 1.0).max(0.0);
                let below = (place as usize).min(nz + 1);
                let part = place - below as f32;
                line[below] += (1.0 - part) * values[row];
                line[below + 1] += part * values[row];
            }
            for (i, weight) in [(crossing.line, 1.0 - crossing.weight), (crossing.line + 1, crossing.weight)] {
                if (0..side as isize).contains(&i) {
                    let out = &mut plane[i as usize * nz..][..nz];
                    out.iter_mut().zip(&line[1..]).for_each(|(out, v)| *out += weight * v);
                }
            }
        }
    });
    planes
}

/// Adds `[plane][transverse][z]` to `[z][y][x]`.
fn add_planes(planes: &[f32], main: usize, dims: [usize; 3], out: &mut [f32]) {
    let [nx, ny, nz] = dims;
    out.par_chunks_mut(nx * ny).enumerate().for_each(|(z, slice)| {
        for y in 0..ny {
            for x in 0..nx {
                let line = if main == 1 { y * nx + x } else { x * ny + y };
                slice[y * nx + x] += planes[line * nz + z];
            }
        }
    });
}
