//! One training sample: a varied volume, its films, their back-projection. In 3D before projection, so that
//! volume and films stay consistent. Depends on (seed, index) alone. Knows no network.

use super::dataset::Case;
use super::warp::{Warp, WarpLimits};
use crate::geometry::phantom::{ThoraxLimits, thorax};
use crate::geometry::{Beam, Frame, Preset, Raster, View};
use crate::projection::film::{normal, with_quantum_noise};
use crate::projection::{Attenuation, AttenuationError, BackProjection, back_project, project, standardise};
use crate::units::Radians;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Side of the volumes that samples are made from.
pub const SOURCE_SIDE: usize = 128;
/// Weight in the loss of slices without scan data. The paper's loss skips them; a little weight teaches that
/// where the films show nothing there is air, which whole-volume metrics count.
const EMPTY_SLICE_WEIGHT: f32 = 0.2;
/// Detector side of the films of a sample, pixels.
const FILM_SIDE: usize = 256;

/// What goes into the networks and what should come out.
pub struct Sample {
    /// Voxels along the side.
    pub side: usize,
    /// Back-projected films, `[channel][z][y][x]`.
    pub input: Vec<f32>,
    /// Relative attenuation, `[z][y][x]`.
    pub target: Vec<f32>,
    /// Weight of each axial slice in the loss.
    pub slice_weights: Vec<f32>,
}

/// How samples vary.
#[derive(Clone, Copy, Debug)]
pub struct Variation {
    /// Share of synthetic thoraxes.
    pub synthetic_share: f64,
    /// Share of samples whose films look like radiographs.
    pub radiograph_share: f64,
    /// How the films become channels.
    pub input: BackProjection,
}

const WARP: WarpLimits =
    WarpLimits { turn_deg: [6.0, 6.0, 10.0], scale: 0.22, shift_voxels: [7.0, 7.0, 9.0], elastic_voxels: 2.2 };

/// Sample `index` of the stream with `seed`, at `side` voxels.
///
/// # Errors
/// Only where a case's frame is oblique, which the dataset refuses.
pub fn varied_sample(
    cases: &[Case],
    variation: &Variation,
    side: usize,
    seed: u64,
    index: u64,
) -> Result<Sample, AttenuationError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    let (source, data) = if cases.is_empty() || rng.random_bool(variation.synthetic_share) {
        let phantom = thorax(rng.random(), &ThoraxLimits::default());
        (phantom.voxelise(&Frame::cube([0.0; 3]), 1), (0, SOURCE_SIDE - 1))
    } else {
        let case = &cases[rng.random_range(0..cases.len())];
        let bare = rng.random_bool(0.5);
        (if bare { case.without_table() } else { case.relative_attenuation() }, case.data_slices)
    };
    let warp = Warp::random(SOURCE_SIDE, &WARP, &mut rng);
    let mut r = warp.apply(&source);
    let holds = |z: usize| {
        let from = warp.source_z(z);
        from >= data.0 as f64 && from <= data.1 as f64
    };
    let mut filled: Vec<bool> = (0..SOURCE_SIDE).map(holds).collect();
    vary_tissue(&mut r, &mut rng);
    cut_field(&mut r, &mut filled, &mut rng);
    let radiograph = rng.random_bool(variation.radiograph_share);
    let views = varied_views(radiograph, &mut rng);
    let volume = Attenuation::from_values(&Frame::cube([0.0; 3]), &r)?;
    let films = views.map(|view| {
        let film = project(&volume, &view, [0.0; 3]);
        standardise(&vary_film(film, radiograph, &mut rng))
    });
    let seen = if radiograph { views.map(|v| misjudged(v, &mut rng)) } else { views };
    Ok(assemble(&films, &seen, &r, &filled, side, variation.input))
}

/// The sample of a case as it is, with films of the simulated preset: for validation.
///
/// # Errors
/// As [`varied_sample`].
pub fn plain_sample(case: &Case, side: usize, input: BackProjection) -> Result<Sample, AttenuationError> {
    let r = case.relative_attenuation();
    let volume = Attenuation::from_values(&Frame::cube([0.0; 3]), &r)?;
    let views = Preset::Simulated.pair().views;
    let films = views.map(|view| standardise(&project(&volume, &view, [0.0; 3])));
    let filled: Vec<bool> = (0..SOURCE_SIDE).map(|z| (case.data_slices.0..=case.data_slices.1).contains(&z)).collect();
    Ok(assemble(&films, &views, &r, &filled, side, input))
}

fn assemble(
    films: &[Raster; 2],
    views: &[View; 2],
    r: &[f32],
    filled: &[bool],
    side: usize,
    input: BackProjection,
) -> Sample {
    let ratio = SOURCE_SIDE / side;
    let weight = |z: usize| {
        let full = filled[z * ratio..(z + 1) * ratio].iter().all(|f| *f);
        if full { 1.0 } else { EMPTY_SLICE_WEIGHT }
    };
    Sample {
        side,
        input: back_project(films, views, &Frame::cube_of(side, [0.0; 3]), input),
        target: mean_pool(r, SOURCE_SIDE, ratio),
        slice_weights: (0..side).map(weight).collect(),
    }
}

/// Mean over blocks of `ratio`^3 voxels of a cube of `side` voxels.
fn mean_pool(values: &[f32], side: usize, ratio: usize) -> Vec<f32> {
    if ratio == 1 {
        return values.to_vec();
    }
    let small = side / ratio;
    let mut out = vec![0f32; small * small * small];
    for (row, line) in values.chunks_exact(side).enumerate() {
        let at = (row / side / ratio * small + row % side / ratio) * small;
        for (x, value) in line.iter().enumerate() {
            out[at + x / ratio] += value;
        }
    }
    let share = 1.0 / (ratio * ratio * ratio) as f32;
    out.iter_mut().for_each(|v| *v *= share);
    out
}

/// Lungs more or less inflated, bone more or less dense.
fn vary_tissue(r: &mut [f32], rng: &mut impl Rng) {
    const LUNG_BELOW: f32 = 0.55;
    const BONE_ABOVE: f32 = 1.15;
    let lung = rng.random_range(0.75f32..1.3);
    let bone = rng.random_range(0.7f32..1.3);
    for v in r {
        if *v < LUNG_BELOW {
            // The factor fades out towards the threshold, so that no edge is made.
            *v *= 1.0 + (lung - 1.0) * (1.0 - *v / LUNG_BELOW);
        } else if *v > BONE_ABOVE {
            *v = BONE_ABOVE + (*v - BONE_ABOVE) * bone;
        }
    }
}

/// Scans that cut the skin or end early: nothing outside a cylinder, nothing beyond some slices.
fn cut_field(r: &mut [f32], filled: &mut [bool], rng: &mut impl Rng) {
    let n = SOURCE_SIDE;
    if rng.random_bool(0.3) {
        let radius = rng.random_range(50.0f32..68.0);
        let centre = [(); 2].map(|()| 63.5 + rng.random_range(-4.0f32..4.0));
        for slice in r.chunks_exact_mut(n * n) {
            for (i, v) in slice.iter_mut().enumerate() {
                let (dx, dy) = ((i % n) as f32 - centre[0], (i / n) as f32 - centre[1]);
                if dx * dx + dy * dy > radius * radius {
                    *v = 0.0;
                }
            }
        }
    }
    if rng.random_bool(0.3) {
        let cut = rng.random_range(1..20);
        let gone = if rng.random_bool(0.5) { 0..cut } else { n - cut..n };
        r[gone.start * n * n..gone.end * n * n].fill(0.0);
        filled[gone].fill(false);
    }
}

/// Angles and distances near those of a simulator or of a chest room.
fn varied_views(radiograph: bool, rng: &mut impl Rng) -> [View; 2] {
    let chest_room = if radiograph { rng.random_bool(0.7) } else { rng.random_bool(0.15) };
    let (angles, sad, sdd) = if chest_room { ([180.0, 270.0], 1600.0, 1800.0) } else { ([0.0, 90.0], 1000.0, 1500.0) };
    let spread = if rng.random_bool(0.5) { 4.0 } else { 0.5 };
    angles.map(|deg: f64| {
        let mut view = Preset::Simulated.view_at(Radians::from_degrees(deg + rng.random_range(-spread..spread)));
        let longer = rng.random_range(0.95..1.1);
        view.beam = Beam::Cone { sad_mm: sad * longer, sdd_mm: sdd * longer };
        // The same field at the isocentre, whatever the magnification.
        view.detector.pitch_mm = [2.6 / 1.5 * sdd / sad; 2];
        view.resized(FILM_SIDE, FILM_SIDE)
    })
}

/// What happens to a film between the patient and the file.
fn vary_film(film: Raster, radiograph: bool, rng: &mut impl Rng) -> Raster {
    let photons = 10f32.powf(rng.random_range(4.3..6.3));
    let hazy = if radiograph { with_scatter(film, rng.random_range(0.0..0.12)) } else { film };
    let noisy = with_quantum_noise(hazy, photons, rng);
    let reach = if radiograph { 0.45 } else { 0.06 };
    let toned = with_tone(noisy, rng.random_range(-reach..reach), rng);
    if !radiograph {
        return toned;
    }
    let local = with_local_contrast(toned, rng.random_range(0.0..0.5));
    collimated(local, rng)
}

/// Scattered light: a constant share of the mean exposure everywhere.
fn with_scatter(film: Raster, share: f32) -> Raster {
    let mean = film.values().iter().map(|p| (-p).exp()).sum::<f32>() / film.values().len() as f32;
    film.map(|p| -((-p).exp() + share * mean).ln())
}

/// A monotone tone curve on the film's own range: a power, 2^bend, and a slight S.
fn with_tone(film: Raster, bend: f32, rng: &mut impl Rng) -> Raster {
    let top = film.quantile(0.995).unwrap_or(1.0).max(1e-3);
    let power = 2f32.powf(bend);
    let s_curve = rng.random_range(0.0..bend.abs().max(1e-3));
    film.map(|p| {
        let x = (p / top).max(0.0);
        let bent = x.powf(power);
        let smooth = if bent < 1.0 { bent * bent * (3.0 - 2.0 * bent) } else { bent };
        top * (bent + s_curve * (smooth - bent))
    })
}

/// Unsharp masking, as films are processed for reading.
fn with_local_contrast(film: Raster, strength: f32) -> Raster {
    const BLUR_PX: usize = 32;
    let (cols, rows) = (film.cols(), film.rows());
    let small = crate::projection::film::area_average(&film, cols / BLUR_PX, rows / BLUR_PX);
    let mut sharp = film;
    for (i, value) in sharp.values_mut().iter_mut().enumerate() {
        let at = |p: usize, last: usize| (((p as f64 + 0.5) / BLUR_PX as f64) - 0.5).clamp(0.0, (last - 1) as f64);
        let blurred = small.sample(at(i % cols, small.cols()), at(i / cols, small.rows())).unwrap_or(*value);
        *value += strength * (*value - blurred);
    }
    sharp
}

/// Nothing outside a rectangular field.
fn collimated(film: Raster, rng: &mut impl Rng) -> Raster {
    let (cols, rows) = (film.cols(), film.rows());
    // The cube is 206 of the 256 pixels wide; a cassette shows a little more or less than that.
    let mut inset = |side: usize| (side as f64 * rng.random_range(0.02..0.17)) as usize;
    let (left, right, top, bottom) = (inset(cols), inset(cols), inset(rows), inset(rows));
    let mut cut = film;
    for (i, value) in cut.values_mut().iter_mut().enumerate() {
        let (col, row) = (i % cols, i / cols);
        if col < left || col >= cols - right || row < top || row >= rows - bottom {
            *value = f32::NAN;
        }
    }
    cut
}

/// The view as somebody without its distances would take it: scale up to 12 % off, shifted up to 15 mm.
fn misjudged(view: View, rng: &mut impl Rng) -> View {
    let mut guess = view;
    let scale = 1.0 + 0.05 * f64::from(normal(rng)).clamp(-2.4, 2.4);
    guess.detector.pitch_mm = guess.detector.pitch_mm.map(|p| p * scale);
    let reach = 15.0 / guess.detector.pitch_mm[0];
    guess.detector.offset_px = [rng.random_range(-reach..reach), rng.random_range(-reach..reach)];
    guess
}
