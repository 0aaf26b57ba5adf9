//! What a person should look at before two films are believed: a mirrored frontal, films in each other's place, one
//! film twice, a cut field. From the pictures alone, in milliseconds. Knows no file and no screen.
//!
//! Re-projection cannot find any of these but the second. Thresholds are set for few false alarms: on simulated films
//! of the ten shared CTs (with a margin, as the simulated detector has) and on twelve real pairs and four real frontals
//! there is none, but for cut fields, which are cut. Found of the same films mirrored: 8 of 10, 5 of 12 and 2 of 4; in
//! each other's place: 7 of 10 and 10 of 12. The weights of `FRONTAL` come from nine of the CTs (not the demo patient's),
//! each left out for its own figure; the regions they are taken over were chosen with the real films in view.

use super::film::{area_average, standardise};
use super::hanging::{lateral_likeness, ranks};
use crate::geometry::Raster;

/// Side of the thumbnails by which two films are compared, pixels.
const THUMB: usize = 32;
/// Side of the picture on which content is found and borders are looked at.
const SMALL: usize = 64;
/// Side of the picture on which the middle line is looked for.
const AXIS: usize = 48;
/// Side of the picture on which left and right are compared: organs, not edges.
const SIDE: usize = 8;
/// Standardised values above this belong to the patient.
const CONTENT: f32 = 0.08;
/// Rows and columns with less content than this are margin.
const MARGIN_SHARE: f32 = 0.05;
/// Rows above this share of the height are shoulders and clavicles, which tell nothing of left and right.
const TOP: f64 = 0.25;
/// Share of the half width about the middle line that is compared: neither arms nor the film's edges.
const WIDTH: f64 = 0.6;
/// Standardised values above this at a film's border are body that goes on beyond it.
const CUT: f32 = 0.35;
/// Rows between these shares of the height are looked at for a cut field: neither arms above nor the lower edge.
const CUT_ROWS: (usize, usize) = (SMALL / 4, SMALL * 61 / 64);

/// A frontal is taken for mirrored below the negative of this likeness.
const MIRRORED: f32 = 0.25;
/// Films are taken for exchanged where the second looks more frontal by this.
const SWAPPED: f32 = 0.3;
/// Films are one film above this correlation; a frontal and a lateral of one patient reached 0.77.
const SAME: f32 = 0.96;
/// A side is cut where body reaches it in this share of the rows.
const CUT_SHARE: f32 = 0.9;

/// Weights of the left-right difference of a frontal that hangs as it should (patient's left on the right), left half,
/// row by row: heart, left chamber and aorta on the right of the picture, the liver's dome on the left. Mean over variance
/// of the CTs, regularised, norm 1.
const FRONTAL: [[f32; SIDE / 2]; SIDE] = [
    [-0.048, 0.053, -0.041, -0.243],
    [0.035, -0.016, -0.292, -0.299],
    [-0.081, -0.334, -0.214, -0.283],
    [-0.087, -0.427, -0.408, -0.148],
    [-0.070, -0.111, -0.061, -0.191],
    [0.024, -0.034, -0.013, -0.212],
    [0.048, 0.036, 0.018, 0.004],
    [0.091, 0.092, 0.105, 0.000],
];

/// What a film looks like, kept so that no question needs the picture again.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Cosine with a frontal that hangs as it should, in [-1, 1]; `None` where the film is symmetric or blank.
    frontal_likeness: Option<f32>,
    /// Large for frontals, small for laterals: symmetry, less likeness to a lateral either way round.
    frontalness: f32,
    /// Share of the rows in which body reaches the left and the right border.
    reaches: [f32; 2],
    /// The film's content, standardised.
    thumb: Vec<f32>,
}

/// What should be looked at, with how sure that is in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Concern {
    /// The frontal film seems mirrored: the heart's apex lies on the patient's right.
    MirroredFrontal(f32),
    /// The lateral seems to stand in the frontal's place.
    Swapped(f32),
    /// Both films are one.
    SameFilm(f32),
    /// The body goes on beyond the film's left or right border.
    CutField(f32),
}

impl Concern {
    /// What it is and what to do, in a sentence or two.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::MirroredFrontal(_) => {
                "The frontal film looks mirrored: heart and aorta on the patient's right. A mirrored film gives a \
                 mirrored volume, which nothing later finds."
            }
            Self::Swapped(_) => "The films look exchanged: the lateral in the frontal's place.",
            Self::SameFilm(_) => "Both places seem to hold the same film. Open the other film in one of them.",
            Self::CutField(_) => {
                "The body is cut by the film's side: what lies beyond is not measured, and the volume is worse there."
            }
        }
    }

    /// How sure it is, in [0, 1]: a likeness, a difference or a share, no probability.
    pub fn confidence(self) -> f32 {
        let (Self::MirroredFrontal(c) | Self::Swapped(c) | Self::SameFilm(c) | Self::CutField(c)) = self;
        c.clamp(0.0, 1.0)
    }
}

impl Look {
    /// Looks at an upright film (white = dense) as it is stored; `None` where it shows nothing.
    pub fn at(film: &Raster) -> Option<Self> {
        if film.cols() < SMALL || film.rows() < SMALL {
            return None;
        }
        let standard = standardise(film);
        let small = area_average(&standard, SMALL, SMALL);
        let content = content(&standard, &small)?;
        let (symmetry, middle) = middle_line(&content)?;
        let difference = halves(&content)?;
        let spread = (difference.iter().map(|d| d * d).sum::<f32>() / difference.len() as f32).sqrt();
        let lateral = lateral_likeness(&content)?.abs();
        Some(Self {
            frontal_likeness: about_middle(&content, middle).and_then(|region| likeness(&halves(&region)?)),
            frontalness: symmetry - lateral - spread,
            reaches: [1, SMALL - 2].map(|col| reaching(&small, col)),
            thumb: area_average(&content, THUMB, THUMB).values().to_vec(),
        })
    }

    /// What speaks against this film: `frontal` says what it is taken for, `mirrored` whether it hangs mirrored against
    /// how it was looked at.
    pub fn concerns(&self, frontal: bool, mirrored: bool) -> Vec<Concern> {
        let mut concerns = Vec::new();
        let hung = self.frontal_likeness.map(|like| if mirrored { -like } else { like });
        if let Some(like) = hung.filter(|like| frontal && *like < -MIRRORED) {
            concerns.push(Concern::MirroredFrontal(-like));
        }
        let most = self.reaches[0].max(self.reaches[1]);
        if most >= CUT_SHARE {
            concerns.push(Concern::CutField(most));
        }
        concerns
    }

    /// What speaks against two films as a frontal and a lateral of one patient.
    pub fn pair_concerns(frontal: &Self, lateral: &Self) -> Vec<Concern> {
        let likeness = frontal.correlation(lateral);
        if likeness > SAME {
            return vec![Concern::SameFilm(likeness)];
        }
        let by = lateral.frontalness - frontal.frontalness;
        if by > SWAPPED { vec![Concern::Swapped(by)] } else { Vec::new() }
    }

    /// Correlation of the contents, the other film as it is or mirrored.
    fn correlation(&self, other: &Self) -> f32 {
        let mirrored: Vec<f32> = other.thumb.chunks_exact(THUMB).flat_map(|row| row.iter().rev().copied()).collect();
        correlation(&self.thumb, &other.thumb).max(correlation(&self.thumb, &mirrored))
    }
}

/// The film without the margin about the patient.
fn content(standard: &Raster, small: &Raster) -> Option<Raster> {
    let above = |v: &&f32| **v > CONTENT;
    let share = |hits: usize| hits as f32 / SMALL as f32 > MARGIN_SHARE;
    let row_held = |r: usize| share(small.values()[r * SMALL..][..SMALL].iter().filter(above).count());
    let col_held = |c: usize| share(small.values().iter().skip(c).step_by(SMALL).filter(above).count());
    let ends = |held: &dyn Fn(usize) -> bool| Some(((0..SMALL).find(|&k| held(k))?, (0..SMALL).rfind(|&k| held(k))?));
    let (top, bottom) = ends(&row_held)?;
    let (left, right) = ends(&col_held)?;
    let at = |k: usize, side: usize| k * side / SMALL;
    let end = |k: usize, side: usize| ((k + 1) * side).div_ceil(SMALL);
    let (cols, rows) = (standard.cols(), standard.rows());
    part(standard, at(left, cols)..end(right, cols), at(top, rows)..end(bottom, rows))
}

/// A part of a picture, where it is large enough to compare halves in.
fn part(film: &Raster, cols: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Option<Raster> {
    let (wide, high) = (cols.len(), rows.len());
    if wide < AXIS || high < AXIS {
        return None;
    }
    let values = rows.flat_map(|r| film.values()[r * film.cols()..][cols.clone()].iter().copied()).collect();
    Raster::new(wide, high, values)
}

/// How symmetric a picture is about the line that makes it most so, and that line as a share of the width.
fn middle_line(film: &Raster) -> Option<(f32, f64)> {
    let small = area_average(film, AXIS, AXIS);
    let mut best: Option<(f32, f64)> = None;
    // Twice the middle's column: between the columns, too.
    for twice in AXIS * 6 / 10..AXIS * 14 / 10 {
        let (first, last) = (twice.saturating_sub(AXIS - 1), twice.min(AXIS - 1));
        if (last - first + 1) * 10 < AXIS * 7 {
            continue;
        }
        let rows = || small.values().chunks_exact(AXIS).map(|row| &row[first..=last]);
        let straight: Vec<f32> = rows().flatten().copied().collect();
        let mirrored: Vec<f32> = rows().flat_map(|row| row.iter().rev().copied()).collect();
        let symmetry = correlation(&straight, &mirrored);
        if best.is_none_or(|(most, _)| symmetry > most) {
            best = Some((symmetry, (twice + 1) as f64 / 2.0 / AXIS as f64));
        }
    }
    best.filter(|(symmetry, _)| symmetry.is_finite())
}

/// The region below the shoulders about the middle line, as far to the left as to the right.
fn about_middle(film: &Raster, middle: f64) -> Option<Raster> {
    let cols = film.cols() as f64;
    let centre = middle * cols;
    let half = centre.min(cols - centre) * WIDTH;
    let (left, right) = ((centre - half).round() as usize, (centre + half).round() as usize);
    let top = (TOP * film.rows() as f64) as usize;
    (right - left >= 2 * SIDE && film.rows() - top >= 2 * SIDE).then_some(())?;
    let values = (top..film.rows()).flat_map(|r| film.values()[r * film.cols()..][left..right].iter().copied());
    Raster::new(right - left, film.rows() - top, values.collect())
}

/// Half the difference between left and right of a picture by ranks, left half, row by row.
fn halves(film: &Raster) -> Option<Vec<f32>> {
    let small = area_average(film, SIDE, SIDE);
    let ranks = ranks(small.values());
    let rows = ranks.chunks_exact(SIDE);
    let difference: Vec<f32> = rows.flat_map(|row| (0..SIDE / 2).map(|k| (row[k] - row[SIDE - 1 - k]) / 2.0)).collect();
    difference.iter().all(|d| d.is_finite()).then_some(difference)
}

/// Cosine with [`FRONTAL`]; `None` for a symmetric picture.
fn likeness(difference: &[f32]) -> Option<f32> {
    let weights = FRONTAL.as_flattened();
    let product: f32 = difference.iter().zip(weights).map(|(a, b)| a * b).sum();
    let norms = |v: &[f32]| v.iter().map(|a| a * a).sum::<f32>().sqrt();
    let both = norms(difference) * norms(weights);
    (both > 0.0).then(|| product / both)
}

/// Share of the rows in which a column of the small picture holds body.
fn reaching(small: &Raster, col: usize) -> f32 {
    let rows = CUT_ROWS.0..CUT_ROWS.1;
    let dense = rows.clone().filter(|r| small.values()[r * SMALL + col] > CUT).count();
    dense as f32 / rows.len() as f32
}

/// Pearson's correlation; 0 where either is constant.
fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0f32, 0f32, 0f32);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - ma, b - mb);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    let both = (aa * bb).sqrt();
    if both > 0.0 { ab / both } else { 0.0 }
}
