//! How a film's values stand to line integrals: film = gain * p + offset, by least squares. Knows no view.
//!
//! Films are affine in the line integral at best: exposure, processing and headers leave both numbers unknown.

/// Fewer pixels than this tell no gain.
const LEAST_PIXELS: usize = 16;

/// film = gain * p + offset.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Affine {
    /// Film values a unit of the line integral; negative where the film's polarity is turned over.
    pub gain: f64,
    /// The film's value where nothing attenuates.
    pub offset: f64,
}

impl Affine {
    /// A film that holds line integrals as they are.
    pub const IDENTITY: Self = Self { gain: 1.0, offset: 0.0 };

    /// The film value of a line integral.
    pub fn film(&self, p: f32) -> f32 {
        self.gain.mul_add(f64::from(p), self.offset) as f32
    }

    /// The line integral of a film value; not finite where the gain is 0.
    pub fn line_integral(&self, film: f32) -> f32 {
        ((f64::from(film) - self.offset) / self.gain) as f32
    }
}

/// A fitted [`Affine`] and how well it describes the film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Gain and offset.
    pub affine: Affine,
    /// Pearson's correlation of the film with the line integrals, in [-1, 1]; 0 where these do not vary.
    pub correlation: f64,
    /// L2 norm of film - (gain p + offset) over that of film - offset.
    pub relative_error: f64,
    /// Pixels it was fitted over.
    pub pixels: usize,
}

/// Fits gain and offset of a film to line integrals over the pixels that are finite in both and for which `counts`
/// holds. `None` where there are too few of them or the film does not vary.
pub fn fit(film: &[f32], line_integrals: &[f32], counts: impl Fn(usize) -> bool) -> Option<Fit> {
    let pairs = || {
        let both = film.iter().zip(line_integrals).enumerate();
        let usable = both.filter(|(i, (m, p))| m.is_finite() && p.is_finite() && counts(*i));
        usable.map(|(_, (m, p))| (f64::from(*m), f64::from(*p)))
    };
    let pixels = pairs().count();
    if pixels < LEAST_PIXELS {
        return None;
    }
    let n = pixels as f64;
    let (mean_m, mean_p) = pairs().fold((0.0, 0.0), |(a, b), (m, p)| (a + m / n, b + p / n));
    let (mut mm, mut pp, mut mp) = (0.0, 0.0, 0.0);
    for (m, p) in pairs() {
        let (m, p) = (m - mean_m, p - mean_p);
        mm += m * m;
        pp += p * p;
        mp += m * p;
    }
    if !(mm > f64::EPSILON * n * mean_m * mean_m) {
        return None;
    }
    let varies = pp > f64::EPSILON * n * mean_p * mean_p;
    let gain = if varies { mp / pp } else { 0.0 };
    let affine = Affine { gain, offset: mean_m - gain * mean_p };
    let correlation = if varies { (mp / (mm * pp).sqrt()).clamp(-1.0, 1.0) } else { 0.0 };
    let (left, all) = pairs().fold((0.0, 0.0), |(left, all), (m, p)| {
        let above = m - affine.offset;
        (left + (above - gain * p).powi(2), all + above * above)
    });
    Some(Fit { affine, correlation, relative_error: (left / all).sqrt(), pixels })
}
