//! Whether a model shows what is not prior: spheres planted into the lungs of real CTs, projected, reconstructed, and
//! looked for at their places (spec 12). Knows no screen.

mod sphere;

use super::{EvaluateError, films};
use crate::geometry::Volume;
use crate::nn::{DeviceChoice, ModelSource};
use crate::train::dataset::Case;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use sphere::{Lung, Sphere};

/// Diameters of the planted spheres, mm.
pub const DIAMETERS_MM: [f64; 6] = [6.0, 8.0, 12.0, 16.0, 24.0, 32.0];
/// How much denser than the lung about it a sphere is, HU.
pub const PLANTED_HU: f32 = 800.0;
/// Places without a sphere that may be taken for one: this share sets the threshold.
pub const FALSE_ALARMS: f64 = 0.05;
/// A size counts as detectable where at least this share of its spheres is found.
pub const DETECTABLE_SHARE: f64 = 0.5;

/// What the numbers are, to be printed beside them.
pub const DEFINITION: &str = "spheres of +800 HU planted into the lungs (HU <= -400) of real CTs, several of one size at \
    once, projected and reconstructed. Contrast: mean inside the sphere less mean of the lung 2.8 to 9.8 mm outside of \
    it. Recovered: change of the mean inside against the reconstruction without spheres, over the planted change. d': \
    contrast at spheres against that at places without, over the root of the mean of both variances, each in units of \
    its patient's spread of places without. Found: contrast above that of 95 % of the places without a sphere";

/// How the study is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoduleOptions {
    /// Spheres planted at once.
    pub together: usize,
    /// Reconstructions for each size and case.
    pub rounds: usize,
    /// Places without a sphere for each size and case.
    pub empty_places: usize,
    /// Seed of all places.
    pub seed: u64,
    /// Whether the bundled atlases guide the reconstructions, each case without its own.
    pub guided: bool,
}

impl Default for NoduleOptions {
    fn default() -> Self {
        Self { together: 4, rounds: 2, empty_places: 200, seed: 8, guided: false }
    }
}

/// What a size of sphere gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeResult {
    /// Diameter, mm.
    pub diameter_mm: f64,
    /// Spheres planted; 0 where the lungs have no room for one.
    pub places: usize,
    /// Share of the planted contrast that came out, mean over the places.
    pub recovered: f64,
    /// Standard deviation of that share over the places.
    pub recovered_sd: f64,
    /// Spread of the contrast at places without a sphere, HU, mean over the cases.
    pub noise_hu: f64,
    /// Detectability index.
    pub d_prime: f64,
    /// Share of the spheres found.
    pub found: f64,
}

/// The study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NoduleStudy {
    /// The model's name.
    pub model: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// The CTs.
    pub cases: Vec<String>,
    /// Seed of all places.
    pub seed: u64,
    /// What the numbers are.
    pub definition: &'static str,
    /// One line a size.
    pub sizes: Vec<SizeResult>,
    /// [`NoduleStudy::sentence`].
    pub sentence: String,
}

/// Reconstructions done, of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoduleProgress {
    /// Done.
    pub done: usize,
    /// Of all.
    pub of: usize,
}

/// Plants, projects, reconstructs and looks. `observe` is asked before every reconstruction; `false` stops.
///
/// # Errors
/// [`EvaluateError::Input`] for cases without lungs; [`EvaluateError::Cancelled`]; what the reconstructor gives.
pub fn study(
    model: &ModelSource,
    device: DeviceChoice,
    cases: &[Case],
    options: &NoduleOptions,
    observe: &mut dyn FnMut(NoduleProgress) -> bool,
) -> Result<NoduleStudy, EvaluateError> {
    let card = model.card()?;
    let of = cases.len() * (1 + DIAMETERS_MM.len() * options.rounds);
    let mut done = 0;
    let mut reconstruct = |case: &Case, volume: &Volume| {
        if !observe(NoduleProgress { done, of }) {
            return Err(EvaluateError::Cancelled);
        }
        done += 1;
        films::run(films::job_of(case, volume, model, device, options.guided)?, &|| false)
    };
    let sizes = sizes(cases, options, &mut reconstruct)?;
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    let sentence = sentence(&sizes, names.len());
    Ok(NoduleStudy {
        model: if options.guided { format!("{} guided by atlases", card.name) } else { card.name },
        model_sha256: card.sha256,
        cases: names,
        seed: options.seed,
        definition: DEFINITION,
        sizes,
        sentence,
    })
}

/// What makes a volume of a CT's films.
pub type Method<'a> = &'a mut dyn FnMut(&Case, &Volume) -> Result<Volume, EvaluateError>;

/// The same for any method that makes a volume of a CT.
///
/// # Errors
/// As [`study`], and what the method gives.
pub fn sizes(cases: &[Case], options: &NoduleOptions, reconstruct: Method) -> Result<Vec<SizeResult>, EvaluateError> {
    let mut found: [Vec<Finding>; DIAMETERS_MM.len()] = std::array::from_fn(|_| Vec::new());
    let mut noise: [Vec<f64>; DIAMETERS_MM.len()] = std::array::from_fn(|_| Vec::new());
    for (number, case) in cases.iter().enumerate() {
        let lung = Lung::of(case)?;
        let without = reconstruct(case, case.volume())?;
        for (k, diameter_mm) in DIAMETERS_MM.into_iter().enumerate() {
            let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
            rng.set_stream((number * DIAMETERS_MM.len() + k) as u64);
            let sphere = Sphere::new(diameter_mm, case.volume().frame());
            let Some(empty) = Empty::measure(&without, &lung, &sphere, options.empty_places, &mut rng) else {
                continue;
            };
            noise[k].push(empty.spread);
            for _ in 0..options.rounds {
                let places = lung.places(&sphere, options.together, &mut rng);
                let with = reconstruct(case, &sphere.planted(case.volume(), &places))?;
                found[k].extend(places.iter().map(|&at| Finding::of(&with, &without, &lung, &sphere, &empty, at)));
            }
        }
    }
    Ok((0..DIAMETERS_MM.len()).map(|k| summary(DIAMETERS_MM[k], &found[k], &noise[k])).collect())
}

impl NoduleStudy {
    /// What a person should know before looking for nodules, in one sentence.
    pub fn sentence(&self) -> String {
        sentence(&self.sizes, self.cases.len())
    }
}

/// The conclusion, then in brackets what it rests on.
fn sentence(sizes: &[SizeResult], cases: usize) -> String {
    let measured: Vec<&SizeResult> = sizes.iter().filter(|s| s.places > 0).collect();
    let (Some(least), Some(largest)) = (measured.first(), measured.last()) else {
        return "Planted nodules were not tried: no lung had room for one".to_owned();
    };
    // A size is detectable where it and all larger ones are: a lucky small one among missed large ones is chance.
    let missed = measured.iter().rposition(|s| s.found < DETECTABLE_SHARE).map_or(0, |k| k + 1);
    let verdict = match measured.get(missed) {
        None => {
            format!(
                "Planted nodules of {:.0} to {:.0} mm are not detectable here",
                least.diameter_mm, largest.diameter_mm
            )
        }
        Some(first) if missed == 0 => {
            format!("Planted nodules from {:.0} mm on are detectable here", first.diameter_mm)
        }
        Some(first) => format!("Planted nodules under {:.0} mm are not detectable here", first.diameter_mm),
    };
    let shares: Vec<String> =
        measured.iter().map(|s| format!("{:.0} mm {:.0} %", s.diameter_mm, 100.0 * s.found)).collect();
    let (fewest, most) = measured.iter().fold((usize::MAX, 0), |(a, b), s| (a.min(s.places), b.max(s.places)));
    let places = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
    format!(
        "{verdict} (found at 5 % false alarms: {}; +800 HU over lung, {cases} patients never trained on, {places} places a size)",
        shares.join(", ")
    )
}

/// The contrast at places of one case without a sphere.
struct Empty {
    mean: f64,
    spread: f64,
    threshold: f64,
}

impl Empty {
    /// `None` where the lungs have no room for such a sphere.
    fn measure(without: &Volume, lung: &Lung, sphere: &Sphere, count: usize, rng: &mut impl Rng) -> Option<Self> {
        let mut own = ChaCha8Rng::seed_from_u64(rng.random());
        let mut contrasts: Vec<f64> = Vec::new();
        for _ in 0..count.max(2) {
            contrasts.push(sphere.contrast(without, lung, lung.place(sphere, &mut own)?));
        }
        contrasts.sort_by(f64::total_cmp);
        let (mean, spread) = mean_and_sd(&contrasts);
        let above = ((contrasts.len() - 1) as f64 * (1.0 - FALSE_ALARMS)).round() as usize;
        Some(Self { mean, spread: spread.max(f64::MIN_POSITIVE), threshold: contrasts[above] })
    }
}

/// What was found at one planted sphere.
struct Finding {
    recovered: f64,
    /// Contrast in units of the spread of places without.
    score: f64,
    found: bool,
}

impl Finding {
    fn of(with: &Volume, without: &Volume, lung: &Lung, sphere: &Sphere, empty: &Empty, at: usize) -> Self {
        let change = sphere.mean_inside(with, lung, at) - sphere.mean_inside(without, lung, at);
        let contrast = sphere.contrast(with, lung, at);
        Self {
            recovered: change / sphere.planted_hu(),
            score: (contrast - empty.mean) / empty.spread,
            found: contrast > empty.threshold,
        }
    }
}

fn summary(diameter_mm: f64, findings: &[Finding], noise: &[f64]) -> SizeResult {
    let (recovered, recovered_sd) = mean_and_sd(&findings.iter().map(|f| f.recovered).collect::<Vec<_>>());
    let (score, spread) = mean_and_sd(&findings.iter().map(|f| f.score).collect::<Vec<_>>());
    let places = findings.len();
    SizeResult {
        diameter_mm,
        places,
        recovered,
        recovered_sd,
        noise_hu: mean_and_sd(noise).0,
        d_prime: score / ((spread * spread + 1.0) / 2.0).sqrt(),
        found: findings.iter().filter(|f| f.found).count() as f64 / places.max(1) as f64,
    }
}

/// Mean and sample standard deviation; 0 where there are too few.
fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0).max(1.0)).sqrt())
}
