//! A rigid motion about a point: a shift and small turns, as one volume is brought onto another. Knows no voxel value.

use super::{Frame, Vec3, add, sub};
use serde::{Deserialize, Serialize};

/// A shift and turns about the three axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pose {
    /// The shift, LPS, mm.
    pub shift_mm: Vec3,
    /// Turns about x, then y, then z, right-handed, radians.
    pub turn_rad: Vec3,
}

impl Pose {
    /// A shift alone.
    pub fn shift(shift_mm: Vec3) -> Self {
        Self { shift_mm, turn_rad: [0.0; 3] }
    }

    /// Whether nothing is moved.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether every part is a number.
    pub fn is_finite(&self) -> bool {
        self.shift_mm.iter().chain(&self.turn_rad).all(|v| v.is_finite())
    }

    /// Where a point of the volume goes, turned about `about_mm` and then shifted.
    pub fn moved(&self, point_mm: Vec3, about_mm: Vec3) -> Vec3 {
        let d = sub(point_mm, about_mm);
        let r = self.matrix();
        let turned = std::array::from_fn(|i| r[i][0] * d[0] + r[i][1] * d[1] + r[i][2] * d[2]);
        add(add(turned, about_mm), self.shift_mm)
    }

    /// Where a point of the moved volume came from: the inverse of [`Pose::moved`].
    pub fn back(&self, point_mm: Vec3, about_mm: Vec3) -> Vec3 {
        let d = sub(sub(point_mm, self.shift_mm), about_mm);
        add(self.turned_back(d), about_mm)
    }

    /// The grid on which the unmoved volume must be sampled to be the moved one on `target`; turns are about the
    /// target's centre. A pose that is no number moves nothing.
    pub fn frame_before(&self, target: &Frame) -> Frame {
        let columns = [0, 1, 2].map(|k| self.turned_back(target.axis_direction(k)));
        let direction = std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row]));
        let origin_mm = self.back(target.origin_mm(), target.centre_mm());
        Frame::new(target.dims(), target.spacing_mm(), origin_mm, direction).unwrap_or_else(|_| target.clone())
    }

    /// `[row][column]` of the turn about z after y after x.
    fn matrix(&self) -> [Vec3; 3] {
        let [(sx, cx), (sy, cy), (sz, cz)] = self.turn_rad.map(f64::sin_cos);
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    }

    /// A direction before the turn.
    fn turned_back(&self, d: Vec3) -> Vec3 {
        let r = self.matrix();
        std::array::from_fn(|i| r[0][i] * d[0] + r[1][i] * d[1] + r[2][i] * d[2])
    }
}
