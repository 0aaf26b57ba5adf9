//! A synthetic thorax: body, lungs, diaphragm, heart, spine, ribs, scapulae, vessels, randomised by a seed
//! within human ranges. Every part is convex, so its films are exact. Made for tests, demonstrations and as
//! extra training material; it is nobody's anatomy.

use super::{Part, Phantom, Shape};
use crate::geometry::{Vec3, add, scale};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Relative attenuation of tissues (ICRU 44, rounded): r = 1 + HU/1000.
mod tissue {
    pub const FAT: f32 = 0.91;
    pub const MUSCLE: f32 = 1.05;
    pub const BLOOD: f32 = 1.06;
    pub const LIVER: f32 = 1.07;
    pub const SPONGY_BONE: f32 = 1.2;
    pub const CORTICAL_BONE: f32 = 1.6;
    pub const AIR: f32 = 0.0;
}

/// The human range a random thorax is drawn from: (least, most).
#[derive(Clone, Copy, Debug)]
pub struct ThoraxLimits {
    /// Half width of the chest, mm.
    pub half_width_mm: (f64, f64),
    /// Depth of the chest over its width.
    pub depth_ratio: (f64, f64),
    /// Height of the lungs, mm.
    pub lung_height_mm: (f64, f64),
    /// Density of inflated lung.
    pub lung_r: (f32, f32),
}

impl Default for ThoraxLimits {
    /// Adults from small to large, in inspiration.
    fn default() -> Self {
        Self {
            half_width_mm: (140.0, 190.0),
            depth_ratio: (0.60, 0.78),
            lung_height_mm: (190.0, 280.0),
            lung_r: (0.12, 0.30),
        }
    }
}

/// The measures all parts hang on.
struct Build {
    half_width: f64,
    half_depth: f64,
    lung_height: f64,
    /// Height of the lungs' middle.
    middle_z: f64,
    fat_mm: f64,
}

/// A random thorax: the same seed gives the same thorax.
pub fn thorax(seed: u64, limits: &ThoraxLimits) -> Phantom {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let half_width = between(&mut rng, limits.half_width_mm);
    let build = Build {
        half_width,
        half_depth: half_width * between(&mut rng, limits.depth_ratio),
        lung_height: between(&mut rng, limits.lung_height_mm),
        middle_z: rng.random_range(-15.0..25.0),
        fat_mm: rng.random_range(6.0..24.0),
    };
    let mut parts = Vec::new();
    body(&build, &mut parts);
    scapulae(&build, &mut rng, &mut parts);
    let lung_r = rng.random_range(limits.lung_r.0..=limits.lung_r.1);
    lungs(&build, lung_r, &mut rng, &mut parts);
    vessels(&build, &mut rng, &mut parts);
    abdomen(&build, &mut rng, &mut parts);
    heart(&build, &mut rng, &mut parts);
    ribs(&build, &mut rng, &mut parts);
    spine(&build, &mut rng, &mut parts);
    airway(&build, &mut parts);
    Phantom::new(parts)
}

fn between(rng: &mut ChaCha8Rng, (low, high): (f64, f64)) -> f64 {
    rng.random_range(low..=high)
}

fn put(parts: &mut Vec<Part>, shape: Shape, r: f32) {
    parts.push(Part { shape, r });
}

/// Skin and fat around muscle around the rib cage, the shoulders above.
fn body(b: &Build, parts: &mut Vec<Part>) {
    let beyond_cube_mm = 260.0;
    let outer = [b.half_width, b.half_depth, beyond_cube_mm];
    let inner = [b.half_width - b.fat_mm, b.half_depth - b.fat_mm, beyond_cube_mm];
    let shoulder_z = b.middle_z + b.lung_height * 0.55;
    for side in [-1.0, 1.0] {
        let shoulder = [side * b.half_width * 0.85, 5.0, shoulder_z + 25.0];
        put(parts, Shape::ellipsoid(shoulder, [b.half_width * 0.55, b.half_depth * 0.62, 80.0]), tissue::FAT);
    }
    put(parts, Shape::cylinder([0.0; 3], outer), tissue::FAT);
    put(parts, Shape::cylinder([0.0; 3], inner), tissue::MUSCLE);
    for side in [-1.0, 1.0] {
        let shoulder = [side * b.half_width * 0.85, 5.0, shoulder_z + 25.0];
        let half = [b.half_width * 0.55 - b.fat_mm * 0.6, b.half_depth * 0.62 - b.fat_mm * 0.6, 70.0];
        put(parts, Shape::ellipsoid(shoulder, half), tissue::MUSCLE);
    }
}

/// Shoulder blades: thin plates behind the ribs.
fn scapulae(b: &Build, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    let lift = rng.random_range(-15.0..15.0);
    for side in [-1.0, 1.0] {
        let centre = [side * b.half_width * 0.62, b.half_depth * 0.72, b.middle_z + b.lung_height * 0.30 + lift];
        let blade = Shape::cuboid(centre, [34.0, 3.5, 62.0]).turned(-side * 0.5, 0.0);
        put(parts, blade, tissue::SPONGY_BONE);
    }
}

/// Two lungs, each an ellipsoid with an apex above; the diaphragm is painted over them afterwards.
fn lungs(b: &Build, r: f32, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    for side in [-1.0, 1.0] {
        let half = [b.half_width * 0.385, b.half_depth * 0.74, b.lung_height * 0.56];
        let centre = [side * b.half_width * 0.47, rng.random_range(-4.0..8.0), b.middle_z];
        put(parts, Shape::ellipsoid(centre, half).turned(-side * 0.12, 0.0), r);
        let apex = [side * b.half_width * 0.33, b.half_depth * 0.12, b.middle_z + b.lung_height * 0.36];
        put(parts, Shape::ellipsoid(apex, [half[0] * 0.72, half[1] * 0.62, b.lung_height * 0.22]), r);
        let base = [side * b.half_width * 0.50, b.half_depth * 0.10, b.middle_z - b.lung_height * 0.30];
        put(parts, Shape::ellipsoid(base, [half[0] * 0.98, half[1] * 0.90, b.lung_height * 0.30]), r);
    }
}

/// Branching vessels from each hilum, thinner outwards.
fn vessels(b: &Build, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    const BRANCHES: usize = 16;
    for side in [-1.0, 1.0] {
        let hilum = [side * b.half_width * 0.20, 5.0, b.middle_z + b.lung_height * 0.02];
        for _ in 0..BRANCHES {
            let reach = rng.random_range(0.35..1.0);
            let turn: f64 = rng.random_range(-1.5..1.5);
            let rise: f64 = rng.random_range(-0.95..0.75);
            let tip = [
                side * b.half_width * (0.25 + 0.45 * reach * turn.cos().abs()),
                b.half_depth * 0.6 * reach * turn.sin(),
                b.middle_z + b.lung_height * 0.42 * reach * rise,
            ];
            let bend = jittered(scale(add(hilum, tip), 0.5), 12.0, rng);
            let radius = rng.random_range(1.8..4.2);
            put(parts, Shape::capsule(hilum, bend, radius), tissue::BLOOD);
            put(parts, Shape::capsule(bend, tip, radius * 0.55), tissue::BLOOD);
        }
    }
}

fn jittered(p: Vec3, by_mm: f64, rng: &mut ChaCha8Rng) -> Vec3 {
    p.map(|v| v + rng.random_range(-by_mm..by_mm))
}

/// The domes of the diaphragm: liver on the right, stomach with its bubble and spleen on the left.
fn abdomen(b: &Build, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    let dome_z = b.middle_z - b.lung_height * 0.33 + rng.random_range(-12.0..12.0);
    let height = 190.0;
    let half = [b.half_width * 0.47, b.half_depth * 0.84, height];
    let right = [-b.half_width * 0.44, -b.half_depth * 0.02, dome_z - height];
    let left = [b.half_width * 0.44, -b.half_depth * 0.02, dome_z - height - rng.random_range(5.0..25.0)];
    put(parts, Shape::ellipsoid(right, half), tissue::LIVER);
    put(parts, Shape::ellipsoid(left, half), tissue::MUSCLE);
    put(parts, Shape::ellipsoid([0.0, -b.half_depth * 0.15, dome_z - height - 8.0], half), tissue::MUSCLE);
    if rng.random_bool(0.7) {
        let bubble = [b.half_width * 0.38, -b.half_depth * 0.2, left[2] + height - rng.random_range(28.0..40.0)];
        put(parts, Shape::ellipsoid(bubble, [28.0, 24.0, rng.random_range(8.0..18.0)]), tissue::AIR);
    }
}

/// Heart to the left of the midline, aortic arch and descending aorta, mediastinum.
fn heart(b: &Build, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    let size = rng.random_range(0.85..1.15);
    let mediastinum = [0.0, -b.half_depth * 0.05, b.middle_z + b.lung_height * 0.2];
    put(parts, Shape::ellipsoid(mediastinum, [27.0, b.half_depth * 0.62, b.lung_height * 0.5]), tissue::MUSCLE);
    let centre = [18.0, -b.half_depth * 0.32, b.middle_z - b.lung_height * 0.16];
    let half = [58.0 * size, 44.0 * size, 62.0 * size];
    put(parts, Shape::ellipsoid(centre, half).turned(-0.5, 0.25), tissue::BLOOD);
    let arch_z = b.middle_z + b.lung_height * 0.18;
    let arch = [[8.0, -25.0, arch_z - 15.0], [14.0, 0.0, arch_z + 8.0], [22.0, b.half_depth * 0.38, arch_z - 10.0]];
    let radius = rng.random_range(12.0..17.0);
    for w in arch.windows(2) {
        put(parts, Shape::capsule(w[0], w[1], radius), tissue::BLOOD);
    }
    put(parts, Shape::capsule(arch[2], [16.0, b.half_depth * 0.42, -220.0], radius * 0.85), tissue::BLOOD);
}

/// Ten pairs of ribs: chains of capsules on slanted ellipses, open at the front; the breastbone before them.
fn ribs(b: &Build, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    const PAIRS: usize = 10;
    const LINKS: usize = 9;
    let slope = rng.random_range(0.30..0.55);
    let radius = rng.random_range(4.0..5.5);
    for pair in 0..PAIRS {
        let down = pair as f64 / (PAIRS - 1) as f64;
        let head_z = b.middle_z + b.lung_height * (0.52 - 0.95 * down);
        let widen = 0.60 + 0.40 * (down * 2.2).min(1.0);
        let half = [(b.half_width - b.fat_mm) * 0.93 * widen, (b.half_depth - b.fat_mm) * 0.93 * (0.7 + 0.3 * widen)];
        for side in [-1.0, 1.0] {
            // From beside the spine (0.12 of a half turn) round to the front.
            let point = |i: usize| {
                let turn = std::f64::consts::PI * (0.10 + (0.86 - 0.22 * down) * i as f64 / LINKS as f64);
                let (s, c) = turn.sin_cos();
                [side * half[0] * s, half[1] * c, head_z - slope * (half[1] - half[1] * c)]
            };
            for i in 0..LINKS {
                put(parts, Shape::capsule(point(i), point(i + 1), radius), tissue::CORTICAL_BONE * 0.8);
            }
        }
    }
    let front = -(b.half_depth - b.fat_mm) * 0.90;
    let breastbone = [0.0, front, b.middle_z + b.lung_height * 0.05];
    put(parts, Shape::cuboid(breastbone, [17.0, 6.0, b.lung_height * 0.33]), tissue::SPONGY_BONE);
}

/// Vertebrae with discs between them, canal and spinous processes, on a gentle curve.
fn spine(b: &Build, rng: &mut ChaCha8Rng, parts: &mut Vec<Part>) {
    const PITCH_MM: f64 = 25.0;
    let back = b.half_depth * 0.52;
    let bow = rng.random_range(0.0..14.0);
    let bone = rng.random_range(1.15f32..1.32);
    for i in -8i32..=8 {
        let z = f64::from(i) * PITCH_MM;
        let y = back + bow * (1.0 - (z / 200.0).powi(2));
        put(parts, Shape::cylinder([0.0, y, z], [20.0, 16.0, 12.5]), tissue::MUSCLE);
        put(parts, Shape::cylinder([0.0, y, z], [20.0, 16.0, 10.0]), tissue::CORTICAL_BONE);
        put(parts, Shape::cylinder([0.0, y, z], [17.0, 13.0, 9.0]), bone);
        put(parts, Shape::cuboid([0.0, y + 38.0, z - 8.0], [4.0, 16.0, 8.0]), tissue::CORTICAL_BONE);
        put(parts, Shape::cuboid([0.0, y + 26.0, z], [24.0, 5.0, 6.0]), tissue::SPONGY_BONE);
    }
}

/// Trachea and main bronchi.
fn airway(b: &Build, parts: &mut Vec<Part>) {
    let split = [2.0, 12.0, b.middle_z + b.lung_height * 0.12];
    put(parts, Shape::capsule([0.0, 0.0, 230.0], split, 8.5), tissue::AIR);
    for side in [-1.0, 1.0] {
        let hilum = [side * 38.0, 14.0, split[2] - 32.0];
        put(parts, Shape::capsule(split, hilum, 6.0), tissue::AIR);
    }
}
