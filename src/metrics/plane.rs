//! One slice of a volume's values across an axis of its grid. Knows no metric.

/// Slice `k` across an axis (0, 1, 2 for x, y, z) of `[z][y][x]` values, row by row, with its columns and rows: across
/// x the columns run along y and the rows along z, across y along x and z, across z along x and y. The caller has
/// checked that the values fit `dims` and that there is such a slice.
pub(crate) fn plane(values: &[i16], [nx, ny, nz]: [usize; 3], axis: usize, k: usize) -> (Vec<i16>, usize, usize) {
    match axis {
        0 => ((0..ny * nz).map(|row| values[row * nx + k]).collect(), ny, nz),
        1 => {
            let row = |z: usize| &values[(z * ny + k) * nx..(z * ny + k + 1) * nx];
            ((0..nz).flat_map(row).copied().collect(), nx, nz)
        }
        _ => (values[k * nx * ny..(k + 1) * nx * ny].to_vec(), nx, ny),
    }
}
