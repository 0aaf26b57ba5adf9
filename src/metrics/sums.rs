//! Sums over pairs of values, for their correlation and regression. Knows no volume.

/// Sums of pairs (a, b) and their products; plain ones, which are exact enough for HU and relative attenuation in f64.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    /// How many.
    pub n: f64,
    a: f64,
    b: f64,
    aa: f64,
    bb: f64,
    ab: f64,
}

impl Sums {
    /// With one more pair.
    pub fn with(self, a: f32, b: f32) -> Self {
        let (a, b) = (f64::from(a), f64::from(b));
        self.plus(Self { n: 1.0, a, b, aa: a * a, bb: b * b, ab: a * b })
    }

    /// Of the pairs of both.
    pub fn plus(self, o: Self) -> Self {
        Self {
            n: self.n + o.n,
            a: self.a + o.a,
            b: self.b + o.b,
            aa: self.aa + o.aa,
            bb: self.bb + o.bb,
            ab: self.ab + o.ab,
        }
    }

    /// Pearson's; `None` where either does not vary.
    pub fn correlation(self) -> Option<f64> {
        let about_mean = |sum: f64, a: f64, b: f64| sum - a * b / self.n;
        let (va, vb) = (about_mean(self.aa, self.a, self.a), about_mean(self.bb, self.b, self.b));
        let varies = |v: f64, sum: f64| v > f64::EPSILON * sum;
        (varies(va, self.aa) && varies(vb, self.bb)).then(|| about_mean(self.ab, self.a, self.b) / (va * vb).sqrt())
    }

    /// Slope of a on b through the origin; `None` where b is 0.
    pub fn slope(self) -> Option<f64> {
        (self.bb > 0.0).then(|| self.ab / self.bb)
    }
}
