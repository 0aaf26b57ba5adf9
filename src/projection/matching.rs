//! Two films of unknown scale brought together: where the lungs begin and end on each, and the views that make
//! both agree. Knows no file and no screen.
//!
//! The spans are a first guess from row profiles, for a person to correct.

use super::film::{area_average, standardise};
use crate::geometry::{Raster, View, ViewPair};
use serde::{Deserialize, Serialize};

/// Side of the small film on which profiles are taken, pixels.
const PROFILE_SIDE: usize = 128;
/// Columns of a frontal film over the lungs, as shares: neither arms nor mediastinum.
const FRONTAL_COLUMNS: [(f64, f64); 2] = [(0.20, 0.42), (0.58, 0.80)];
/// Columns of a lateral film over the body, as shares.
const LATERAL_COLUMNS: [(f64, f64); 1] = [(0.20, 0.80)];
/// Rows left out at each end when lungs are looked for, as a share.
const END_MARGIN: f64 = 0.04;
/// Half width of the running mean over a profile, pixels of the small film.
const SMOOTHING: usize = 3;
/// Lungs must be at least this share of the film high to be believed.
const LEAST_HEIGHT: f64 = 0.2;
/// Scales further from 1 than this are no difference of magnification but a failed guess.
const SCALE_RANGE: std::ops::RangeInclusive<f64> = 0.75..=1.33;

/// Where the lungs begin and end on a film, in rows (fractional).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LungSpan {
    /// The row of the lungs' apex.
    pub apex_row: f64,
    /// The row of the diaphragm's dome.
    pub diaphragm_row: f64,
}

/// Guesses of one film (white = dense, head up), for either way it may have been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LungGuess {
    /// Taken as a frontal film.
    pub frontal: Option<LungSpan>,
    /// The diaphragm's row, taken as a lateral film: shoulders hide the apex there.
    pub lateral_diaphragm_row: Option<f64>,
}

impl LungGuess {
    /// Looks for the dark band of a film's row profile.
    pub fn of(film: &Raster) -> Self {
        Self {
            frontal: lung_span(film, &FRONTAL_COLUMNS),
            lateral_diaphragm_row: lung_span(film, &LATERAL_COLUMNS).map(|s| s.diaphragm_row),
        }
    }
}

/// The lungs' span on a lateral film from its diaphragm and the height on the frontal film.
pub fn lateral_span(pair: &ViewPair, frontal: &LungSpan, diaphragm_row: f64) -> LungSpan {
    let apex_row = diaphragm_row - height_mm(&pair.views[0], frontal) / mm_per_row(&pair.views[1]);
    LungSpan { apex_row, diaphragm_row }
}

/// The dark band of a film's row profile, taken over the given columns.
fn lung_span(film: &Raster, columns: &[(f64, f64)]) -> Option<LungSpan> {
    let small = standardise(&small(film));
    let profile = smoothed(&row_means(&small, columns));
    let rows = profile.len();
    let margin = (rows as f64 * END_MARGIN) as usize;
    let (first, last) = (margin, rows - 1 - margin);
    let darkest = (first..=last).min_by(|&a, &b| profile[a].total_cmp(&profile[b]))?;
    let top = (first..=darkest).max_by(|&a, &b| profile[a].total_cmp(&profile[b]))?;
    let bottom = (darkest..=last).max_by(|&a, &b| profile[a].total_cmp(&profile[b]))?;
    // The edge is where the profile passes the middle between the lungs and what lies beyond.
    let middle = |far: usize| (profile[darkest] + profile[far]) / 2.0;
    let apex = (first..=darkest).rev().find(|&r| profile[r] >= middle(top) || r == top)?;
    let diaphragm = (darkest..=last).find(|&r| profile[r] >= middle(bottom) || r == bottom)?;
    let scale = film.rows() as f64 / rows as f64;
    let span = LungSpan { apex_row: apex as f64 * scale, diaphragm_row: diaphragm as f64 * scale };
    (span.diaphragm_row - span.apex_row >= LEAST_HEIGHT * film.rows() as f64).then_some(span)
}

/// Matches the second view to the first by one scale and one vertical shift, so that apex and diaphragm lie at the
/// same heights at the isocentre, and brings the lungs' middle to height 0. Spans are in rows of the films in the
/// views' own orientation. `None` where the spans are empty or the scale would be no difference of magnification.
pub fn matched(pair: &ViewPair, spans: &[LungSpan; 2]) -> Option<ViewPair> {
    let [frontal, lateral] = pair.views;
    let scale = height_mm(&frontal, &spans[0]) / height_mm(&lateral, &spans[1]);
    if !SCALE_RANGE.contains(&scale) {
        return None;
    }
    let mut scaled = lateral;
    scaled.detector.pitch_mm = scaled.detector.pitch_mm.map(|p| p * scale);
    let views = [centred_on(frontal, &spans[0]), centred_on(scaled, &spans[1])];
    Some(ViewPair { views })
}

/// The view whose central ray passes the lungs' middle height.
fn centred_on(mut view: View, span: &LungSpan) -> View {
    let middle = (span.apex_row + span.diaphragm_row) / 2.0;
    view.detector.offset_px[1] = middle - (view.detector.rows as f64 - 1.0) / 2.0;
    view
}

/// What a row measures at the isocentre, mm.
fn mm_per_row(view: &View) -> f64 {
    view.detector.pitch_mm[1] / view.magnification()
}

/// What a span measures at the isocentre, mm.
fn height_mm(view: &View, span: &LungSpan) -> f64 {
    (span.diaphragm_row - span.apex_row) * mm_per_row(view)
}

/// The film on which profiles are taken.
fn small(film: &Raster) -> Raster {
    area_average(film, film.cols().min(PROFILE_SIDE), film.rows().min(PROFILE_SIDE))
}

/// Mean of each row over the given shares of its columns.
fn row_means(film: &Raster, columns: &[(f64, f64)]) -> Vec<f32> {
    let at = |share: f64| (film.cols() as f64 * share) as usize;
    let mean = |row: &[f32]| {
        let inner: Vec<f32> = columns.iter().flat_map(|(a, b)| row[at(*a)..at(*b)].iter().copied()).collect();
        inner.iter().sum::<f32>() / inner.len().max(1) as f32
    };
    film.values().chunks_exact(film.cols()).map(mean).collect()
}

fn smoothed(profile: &[f32]) -> Vec<f32> {
    let mean = |i: usize| {
        let near = &profile[i.saturating_sub(SMOOTHING)..(i + SMOOTHING + 1).min(profile.len())];
        near.iter().sum::<f32>() / near.len() as f32
    };
    (0..profile.len()).map(mean).collect()
}
