//! Convex shapes and where a line enters and leaves them. Knows no density.

use crate::geometry::{Vec3, add, dot, norm, scale, sub};

/// A convex shape in mm.
#[derive(Clone, Debug)]
pub struct Shape {
    kind: Kind,
    centre_mm: Vec3,
    /// Rows take a point about the centre to the kind's own unit space.
    to_unit: [Vec3; 3],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// |q| <= 1.
    Ball,
    /// q_x^2 + q_y^2 <= 1 and |q_z| <= 1.
    Cylinder,
    /// Every |q_k| <= 1.
    Box,
    /// Within 1 of the segment from (0, 0, -half) to (0, 0, half); q is in units of the radius.
    Capsule {
        /// Half the segment's length in radii.
        half: f64,
    },
}

impl Shape {
    /// An ellipsoid along the axes with the given half axes.
    pub fn ellipsoid(centre_mm: Vec3, half_mm: Vec3) -> Self {
        Self::along_axes(Kind::Ball, centre_mm, half_mm)
    }

    /// A box along the axes with the given half sides.
    pub fn cuboid(centre_mm: Vec3, half_mm: Vec3) -> Self {
        Self::along_axes(Kind::Box, centre_mm, half_mm)
    }

    /// An elliptic cylinder along z: half axes in x and y, half height in z.
    pub fn cylinder(centre_mm: Vec3, half_mm: Vec3) -> Self {
        Self::along_axes(Kind::Cylinder, centre_mm, half_mm)
    }

    /// All points within `radius_mm` of the segment from `a` to `b`.
    pub fn capsule(a: Vec3, b: Vec3, radius_mm: f64) -> Self {
        let along = sub(b, a);
        let length = norm(along);
        let w = if length > 0.0 { scale(along, 1.0 / length) } else { [0.0, 0.0, 1.0] };
        let helper = if w[0].abs() < 0.9 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let u = cross(helper, w);
        let u = scale(u, 1.0 / norm(u));
        let v = cross(w, u);
        let per_radius = |e: Vec3| scale(e, 1.0 / radius_mm);
        Self {
            kind: Kind::Capsule { half: length / 2.0 / radius_mm },
            centre_mm: scale(add(a, b), 0.5),
            to_unit: [per_radius(u), per_radius(v), per_radius(w)],
        }
    }

    fn along_axes(kind: Kind, centre_mm: Vec3, half_mm: Vec3) -> Self {
        let row = |k: usize| std::array::from_fn(|c| if c == k { 1.0 / half_mm[k] } else { 0.0 });
        Self { kind, centre_mm, to_unit: [row(0), row(1), row(2)] }
    }

    /// The same shape turned about its centre: `angle_rad` about the z axis, then `tilt_rad` about the x axis.
    #[must_use]
    pub fn turned(mut self, angle_rad: f64, tilt_rad: f64) -> Self {
        let ((s, c), (ts, tc)) = (angle_rad.sin_cos(), tilt_rad.sin_cos());
        // Points go through the inverse turn before they reach unit space.
        for row in &mut self.to_unit {
            let [x, y, z] = *row;
            let after_z = [x * c - y * s, x * s + y * c, z];
            *row = [after_z[0], after_z[1] * tc - after_z[2] * ts, after_z[1] * ts + after_z[2] * tc];
        }
        self
    }

    /// Whether a point lies inside.
    pub fn contains(&self, point_mm: Vec3) -> bool {
        let q = self.unit_vector(sub(point_mm, self.centre_mm));
        let across = q[0] * q[0] + q[1] * q[1];
        match self.kind {
            Kind::Ball => across + q[2] * q[2] <= 1.0,
            Kind::Cylinder => across <= 1.0 && q[2].abs() <= 1.0,
            Kind::Box => q.iter().all(|v| v.abs() <= 1.0),
            Kind::Capsule { half } => across + (q[2].abs() - half).max(0.0).powi(2) <= 1.0,
        }
    }

    /// The interval of t for which `origin + t * direction` lies inside; `None` where the line misses.
    pub fn interval(&self, origin_mm: Vec3, direction_mm: Vec3) -> Option<[f64; 2]> {
        let o = self.unit_vector(sub(origin_mm, self.centre_mm));
        let d = self.unit_vector(direction_mm);
        match self.kind {
            Kind::Ball => quadratic(dot(d, d), dot(o, d), dot(o, o) - 1.0),
            Kind::Cylinder => intersect(round_wall(o, d)?, slab(o[2], d[2], 1.0)?),
            Kind::Box => {
                let both = intersect(slab(o[0], d[0], 1.0)?, slab(o[1], d[1], 1.0)?)?;
                intersect(both, slab(o[2], d[2], 1.0)?)
            }
            Kind::Capsule { half } => capsule_interval(o, d, half),
        }
    }

    fn unit_vector(&self, v: Vec3) -> Vec3 {
        [dot(self.to_unit[0], v), dot(self.to_unit[1], v), dot(self.to_unit[2], v)]
    }
}

/// The union of the middle cylinder and the two end balls; the shape is convex, so the hull of the parts.
fn capsule_interval(o: Vec3, d: Vec3, half: f64) -> Option<[f64; 2]> {
    let ball = |z: f64| {
        let o = [o[0], o[1], o[2] - z];
        quadratic(dot(d, d), dot(o, d), dot(o, o) - 1.0)
    };
    let middle = match (round_wall(o, d), slab(o[2], d[2], half)) {
        (Some(a), Some(b)) => intersect(a, b),
        _ => None,
    };
    [middle, ball(-half), ball(half)].into_iter().flatten().reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
}

/// Where x^2 + y^2 <= 1.
fn round_wall(o: Vec3, d: Vec3) -> Option<[f64; 2]> {
    quadratic(d[0] * d[0] + d[1] * d[1], o[0] * d[0] + o[1] * d[1], o[0] * o[0] + o[1] * o[1] - 1.0)
}

/// Where a t^2 + 2 b t + c <= 0; the whole line where a vanishes and c does not forbid it.
fn quadratic(a: f64, b: f64, c: f64) -> Option<[f64; 2]> {
    if a <= f64::MIN_POSITIVE {
        return (c <= 0.0).then_some([f64::NEG_INFINITY, f64::INFINITY]);
    }
    let discriminant = b * b - a * c;
    (discriminant > 0.0).then(|| {
        let root = discriminant.sqrt();
        [(-b - root) / a, (-b + root) / a]
    })
}

/// Where |o + t d| <= half.
fn slab(o: f64, d: f64, half: f64) -> Option<[f64; 2]> {
    if d == 0.0 {
        return (o.abs() <= half).then_some([f64::NEG_INFINITY, f64::INFINITY]);
    }
    let (a, b) = ((-half - o) / d, (half - o) / d);
    Some([a.min(b), a.max(b)])
}

fn intersect(a: [f64; 2], b: [f64; 2]) -> Option<[f64; 2]> {
    let both = [a[0].max(b[0]), a[1].min(b[1])];
    (both[0] < both[1]).then_some(both)
}

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
