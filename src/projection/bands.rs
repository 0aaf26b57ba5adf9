//! What a film holds apart from its grey: bands of detail beside it, so that a rib's edge, a hundredth of the film's range,
//! reaches a network as large as the heart's shadow. Knows no view.

use crate::geometry::Raster;

/// Channels that a film becomes: itself and three bands.
pub const CHANNELS: usize = 4;
/// Widths of the boxes between which the bands lie, pixels of 1.7 mm at the isocentre: fine detail below the first, ribs
/// and vessels between the first two, the heart's edge and the spine between the last two.
const WIDTHS: [usize; 3] = [5, 15, 41];
/// What brings each band to about unit spread on chests.
const GAINS: [f32; 3] = [20.0, 10.0, 4.0];

/// The standardised film, and what lies between it and its blurs: x, 20 (x - b5), 10 (b5 - b15), 4 (b15 - b41), with bk the
/// mean over k x k pixels taken twice, edges repeated.
pub fn film_channels(film: &Raster) -> [Raster; CHANNELS] {
    let [fine, middle, coarse] = WIDTHS.map(|width| box_blur(&box_blur(film, width), width));
    let between = |a: &Raster, b: &Raster, gain: f32| {
        let mut band = a.clone();
        band.values_mut().iter_mut().zip(b.values()).for_each(|(x, y)| *x = gain * (*x - y));
        band
    };
    let bands =
        [between(film, &fine, GAINS[0]), between(&fine, &middle, GAINS[1]), between(&middle, &coarse, GAINS[2])];
    let [first, second, third] = bands;
    [film.clone(), first, second, third]
}

/// The mean over `width` x `width` pixels (odd), edges repeated.
fn box_blur(film: &Raster, width: usize) -> Raster {
    let (cols, rows) = (film.cols(), film.rows());
    let mut out = film.clone();
    let mut line = Vec::new();
    for row in out.values_mut().chunks_exact_mut(cols) {
        line.clear();
        line.extend_from_slice(row);
        running_mean(&line, width, |i, mean| row[i] = mean);
    }
    let values = out.values_mut();
    for col in 0..cols {
        line.clear();
        line.extend((0..rows).map(|row| values[row * cols + col]));
        running_mean(&line, width, |i, mean| values[i * cols + col] = mean);
    }
    out
}

/// Gives `put` the mean over `width` values about each place, the ends repeated.
fn running_mean(line: &[f32], width: usize, mut put: impl FnMut(usize, f32)) {
    let reach = (width / 2) as isize;
    let last = line.len() as isize - 1;
    let at = |i: isize| f64::from(line[i.clamp(0, last) as usize]);
    let mut sum: f64 = (-reach..=reach).map(at).sum();
    for i in 0..line.len() as isize {
        put(i as usize, (sum / width as f64) as f32);
        sum += at(i + reach + 1) - at(i - reach);
    }
}
