//! How dense the tissues of another CT are in this patient: a curve from its values to the patient's, fitted along with the
//! map, so that an atlas with other lungs or with contrast agent need not be bent to explain the difference.

/// Relative attenuation at which the curve is fitted: air, lung in breath, lung out of breath, fat, soft tissue, vessels
/// with contrast agent and spongy bone, cortical bone, and denser.
pub const KNOTS: [f32; 8] = [0.0, 0.15, 0.4, 0.9, 1.06, 1.25, 1.6, 2.5];
/// Air stays air.
const FIXED: usize = 1;
/// Least slope between two knots: denser stays denser.
const LEAST_SLOPE: f32 = 0.2;

/// Values at the knots, linear between them; above the last it goes on with slope 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tissue {
    /// Relative attenuation that the atlas's [`KNOTS`] have in this patient.
    pub values: [f32; KNOTS.len()],
}

impl Default for Tissue {
    /// As in the CT.
    fn default() -> Self {
        Self { values: KNOTS }
    }
}

impl Tissue {
    /// The curve at r, its slope there, and which knot lies below with the share of the one above.
    #[inline]
    pub(super) fn read(&self, r: f32) -> (f32, f32, usize, f32) {
        let above = KNOTS[1..KNOTS.len() - 1].iter().filter(|knot| r >= **knot).count();
        let width = KNOTS[above + 1] - KNOTS[above];
        let part = (r - KNOTS[above]) / width;
        let rise = self.values[above + 1] - self.values[above];
        if part > 1.0 {
            return (self.values[above + 1] + r - KNOTS[above + 1], 1.0, above, 1.0);
        }
        (self.values[above] + part * rise, rise / width, above, part)
    }

    /// The curve at r.
    pub fn at(&self, r: f32) -> f32 {
        self.read(r).0
    }

    /// A step along the knots that may move, kept monotone.
    pub(super) fn stepped(&self, step: &[f32; KNOTS.len()]) -> Self {
        let mut values = self.values;
        for k in FIXED..KNOTS.len() {
            let least = values[k - 1] + LEAST_SLOPE * (KNOTS[k] - KNOTS[k - 1]);
            values[k] = (values[k] + step[k]).max(least);
        }
        Self { values }
    }
}
