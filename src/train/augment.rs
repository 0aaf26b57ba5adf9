//! One training sample: a varied volume, its films, their back-projection. In 3D before projection, so that
//! volume and films stay consistent. Depends on seed, epoch and case alone. Knows no network.

use super::between::Towards;
use super::dataset::Case;
use super::warp::{Warp, WarpLimits};
use crate::geometry::phantom::{ThoraxLimits, thorax};
use crate::geometry::{Beam, Frame, Preset, Raster, View, Volume};
use crate::metrics::body::body;
use crate::projection::film::{normal, with_quantum_noise};
use crate::projection::{
    Attenuation, AttenuationError, BackProjection, back_project, back_project_bands, project, standardise,
};
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
    /// The films' channels for the refining network, `[channel][z][y][x]`; empty where it does not see them.
    pub bands: Vec<f32>,
    /// Relative attenuation, `[z][y][x]`.
    pub target: Vec<f32>,
    /// Weight of each axial slice in the loss.
    pub slice_weights: Vec<f32>,
    /// 1 for each voxel of the body, `[z][y][x]`; empty where it was not asked for.
    pub body: Vec<u8>,
}

/// What of the films the networks see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilmInput {
    /// The coarse network.
    pub coarse: BackProjection,
    /// Whether the refining network sees their channels.
    pub bands: bool,
}

/// How samples vary.
#[derive(Clone, Copy, Debug)]
pub struct Variation {
    /// Share of samples whose films look like radiographs.
    pub radiograph_share: f64,
    /// Share of samples that are mirrored left to right.
    pub mirror_share: f64,
    /// How the films become channels.
    pub input: FilmInput,
    /// Whether the body's mask is wanted.
    pub body: bool,
}

/// What names a sample: the same name gives the same sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleName {
    /// The run's seed.
    pub seed: u64,
    /// Epoch, counted over the whole run.
    pub epoch: u64,
    /// The case's place among the cases of an epoch.
    pub case: u64,
}

impl SampleName {
    /// The sample's own stream of random numbers.
    fn rng(&self) -> ChaCha8Rng {
        self.rng_of(0)
    }

    /// Another stream of the sample's, for a draw that must not move the others.
    pub(super) fn rng_of(&self, kind: u64) -> ChaCha8Rng {
        const CASE_BITS: u32 = 24;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ kind);
        rng.set_stream((self.epoch << CASE_BITS) | self.case);
        rng
    }
}

const WARP: WarpLimits =
    WarpLimits { turn_deg: [6.0, 6.0, 10.0], scale: 0.22, shift_voxels: [7.0, 7.0, 9.0], elastic_voxels: 2.2 };

/// A varied sample of a case, or of a synthetic thorax where there is none, at `side` voxels; bent towards another case where
/// one is given.
///
/// # Errors
/// Only where the case's frame is oblique, which the dataset refuses.
pub fn varied_sample(
    case: Option<&Case>,
    towards: Option<&Towards>,
    variation: &Variation,
    side: usize,
    name: &SampleName,
) -> Result<Sample, AttenuationError> {
    let mut rng = name.rng();
    let (source, data) = match case {
        None => {
            let phantom = thorax(rng.random(), &ThoraxLimits::default());
            (phantom.voxelise(&Frame::cube([0.0; 3]), 1), (0, SOURCE_SIDE - 1))
        }
        Some(case) => {
            let bare = rng.random_bool(0.5);
            (if bare { case.without_table() } else { case.relative_attenuation() }, case.data_slices)
        }
    };
    let warp = Warp::random(SOURCE_SIDE, &WARP, &mut rng);
    let mut r = warp.apply(&source, towards);
    let holds = |z: usize| {
        let from = warp.source_z(z, towards);
        from >= data.0 as f64 && from <= data.1 as f64
    };
    let mut filled: Vec<bool> = (0..SOURCE_SIDE).map(holds).collect();
    vary_tissue(&mut r, &mut rng);
    cut_field(&mut r, &mut filled, &mut rng);
    if variation.mirror_share > 0.0 && rng.random_bool(variation.mirror_share) {
        r.chunks_exact_mut(SOURCE_SIDE).for_each(<[f32]>::reverse);
    }
    let radiograph = rng.random_bool(variation.radiograph_share);
    let views = varied_views(radiograph, &mut rng);
    let volume = Attenuation::from_values(&Frame::cube([0.0; 3]), &with_noise(&r, &mut rng))?;
    let films = views.map(|view| {
        let film = project(&volume, &view, [0.0; 3]);
        standardise(&vary_film(film, radiograph, &mut rng))
    });
    let seen = views.map(|v| misjudged(v, if radiograph { &ROOM_MISJUDGED } else { &SIMULATED_MISJUDGED }, &mut rng));
    let mut sample = assemble(&films, &seen, &r, &filled, side, variation.input);
    if variation.body {
        sample.body = body_mask(&sample);
    }
    Ok(sample)
}

/// The sample of a case as it is, with films of the simulated preset: for validation.
///
/// # Errors
/// As [`varied_sample`].
pub fn plain_sample(case: &Case, side: usize, input: FilmInput) -> Result<Sample, AttenuationError> {
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
    input: FilmInput,
) -> Sample {
    let ratio = SOURCE_SIDE / side;
    let weight = |z: usize| {
        let full = filled[z * ratio..(z + 1) * ratio].iter().all(|f| *f);
        if full { 1.0 } else { EMPTY_SLICE_WEIGHT }
    };
    let frame = Frame::cube_of(side, [0.0; 3]);
    Sample {
        side,
        input: back_project(films, views, &frame, input.coarse),
        bands: if input.bands { back_project_bands(films, views, &frame) } else { Vec::new() },
        target: mean_pool(r, SOURCE_SIDE, ratio),
        slice_weights: (0..side).map(weight).collect(),
        body: Vec::new(),
    }
}

/// The body of a sample's volume.
fn body_mask(sample: &Sample) -> Vec<u8> {
    let frame = Frame::cube_of(sample.side, [0.0; 3]);
    Volume::from_relative_attenuation(frame, &sample.target).map_or_else(|_| Vec::new(), |v| body(&v).mask.to_bytes())
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

/// Lungs more or less inflated, vessels with more or less contrast agent, bone more or less dense.
fn vary_tissue(r: &mut [f32], rng: &mut impl Rng) {
    const LUNG_BELOW: f32 = 0.55;
    const VESSEL_ABOVE: f32 = 1.08;
    const BONE_ABOVE: f32 = 1.15;
    let lung = rng.random_range(0.75f32..1.3);
    let vessel = rng.random_range(0.3f32..1.4);
    let bone = rng.random_range(0.7f32..1.3);
    // Contrast agent and spongy bone share their densities; both may be more or less there. The pieces join.
    let contrast = |v: f32| VESSEL_ABOVE + (v - VESSEL_ABOVE) * vessel;
    for v in r {
        if *v < LUNG_BELOW {
            // The factor fades out towards the threshold, so that no edge is made.
            *v *= 1.0 + (lung - 1.0) * (1.0 - *v / LUNG_BELOW);
        } else if *v > BONE_ABOVE {
            *v = contrast(BONE_ABOVE) + (*v - BONE_ABOVE) * bone;
        } else if *v > VESSEL_ABOVE {
            *v = contrast(*v);
        }
    }
}

/// Some scans are noisy. Films see the noise; the networks shall not learn to give it.
fn with_noise(r: &[f32], rng: &mut impl Rng) -> Vec<f32> {
    const SHARE: f64 = 0.3;
    const MOST: f32 = 0.05;
    let deviation = if rng.random_bool(SHARE) { rng.random_range(0.0..MOST) } else { 0.0 };
    // A uniform draw of the same deviation: a ray sums up so many that nobody could tell it from a normal one.
    let reach = deviation * 3f32.sqrt();
    r.iter()
        .map(|v| if *v > 0.0 && reach > 0.0 { (v + rng.random_range(-reach..reach)).max(0.0) } else { *v })
        .collect()
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

/// What happens to a film between the patient and the file. Gain and offset of the logged film need no part here:
/// standardising takes them out.
fn vary_film(film: Raster, radiograph: bool, rng: &mut impl Rng) -> Raster {
    // A chest film takes about 10^7 photons a pixel of 2.6 mm, ward films and kilovoltage images of a linac about a tenth.
    let photons = 10f32.powf(if radiograph { rng.random_range(5.3..7.3) } else { rng.random_range(6.0..7.5) });
    let haze = rng.random_range(0.0..if radiograph { 0.12 } else { 0.01 });
    let blur_px = rng.random_range(0.0..if radiograph { 1.5 } else { 0.7 });
    let noisy = with_quantum_noise(blurred(with_scatter(film, haze), blur_px), photons, rng);
    let reach = if radiograph { 0.45 } else { 0.06 };
    let toned = with_tone(noisy, rng.random_range(-reach..reach), rng);
    if !radiograph {
        return toned;
    }
    let local = with_local_contrast(toned, rng.random_range(0.0..0.5));
    collimated(local, rng)
}

/// Focal spot, motion and detector: a Gaussian of this deviation in pixels, rows then columns.
fn blurred(film: Raster, deviation_px: f32) -> Raster {
    const REACH: isize = 4;
    let weight = |k: isize| (-0.5 * (k as f32 / deviation_px.max(1e-3)).powi(2)).exp();
    let sum: f32 = (-REACH..=REACH).map(weight).sum();
    let kernel: Vec<f32> = (-REACH..=REACH).map(|k| weight(k) / sum).collect();
    let (cols, rows) = (film.cols(), film.rows());
    let pass = |from: &[f32], step: usize, count: usize| -> Vec<f32> {
        let value = |i: usize| {
            let at = i / step % count;
            let tap = |(k, w): (usize, &f32)| {
                let moved = (at as isize + k as isize - REACH).clamp(0, count as isize - 1) as usize;
                w * from[i - at * step + moved * step]
            };
            kernel.iter().enumerate().map(tap).sum()
        };
        (0..from.len()).map(value).collect()
    };
    let mut out = film;
    let smooth = pass(&pass(out.values(), 1, cols), cols, rows);
    out.values_mut().copy_from_slice(&smooth);
    out
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

/// How far a view may be taken for another: deviation of the scale, and the greatest shift.
struct Misjudged {
    scale: f64,
    shift_mm: f64,
}

/// A film without its distances: scale up to 12 % off, shifted up to 15 mm.
const ROOM_MISJUDGED: Misjudged = Misjudged { scale: 0.05, shift_mm: 15.0 };
/// A calibrated machine that sags a little.
const SIMULATED_MISJUDGED: Misjudged = Misjudged { scale: 0.002, shift_mm: 0.7 };
/// Deviations of the scale at most.
const MOST_DEVIATIONS: f64 = 2.4;

/// The view as it is believed to be.
fn misjudged(view: View, limits: &Misjudged, rng: &mut impl Rng) -> View {
    let mut guess = view;
    let scale = 1.0 + limits.scale * f64::from(normal(rng)).clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS);
    guess.detector.pitch_mm = guess.detector.pitch_mm.map(|p| p * scale);
    let reach = limits.shift_mm / guess.detector.pitch_mm[0];
    guess.detector.offset_px = [rng.random_range(-reach..reach), rng.random_range(-reach..reach)];
    guess
}
