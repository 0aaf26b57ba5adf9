//! Spheres of voxels, and where the lungs have room for them. Knows no reconstruction.

use super::PLANTED_HU;
use crate::evaluate::EvaluateError;
use crate::geometry::{Frame, Volume};
use crate::metrics::lung::{DEFAULT_THRESHOLD, lung_mask};
use crate::train::dataset::Case;
use crate::units::Hu;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// The shell that a sphere is compared with begins and ends so far outside of it, mm.
const SHELL_MM: (f64, f64) = (2.8, 9.8);
/// Spheres planted together keep this distance between their edges, mm.
const APART_MM: f64 = 25.0;
/// Random voxels looked at for a place before it is given up.
const TRIES: usize = 3000;
/// Points along each side of a voxel at which a sphere's share of it is counted.
const SUBSAMPLES: usize = 4;

/// The lungs of a case.
pub(super) struct Lung {
    /// Whether each voxel is lung.
    inside: Vec<bool>,
    /// The voxels that are.
    voxels: Vec<usize>,
    dims: [usize; 3],
}

impl Lung {
    /// Those of the CT.
    ///
    /// # Errors
    /// [`EvaluateError::Input`] where there are none.
    pub fn of(case: &Case) -> Result<Self, EvaluateError> {
        let mask = lung_mask(case.volume(), DEFAULT_THRESHOLD);
        let inside: Vec<bool> = mask.labels.iter().map(|label| *label != 0).collect();
        let voxels: Vec<usize> = (0..inside.len()).filter(|&i| inside[i]).collect();
        if voxels.is_empty() {
            return Err(EvaluateError::Input(format!("{}: no lung is found in it; name a chest CT", case.name)));
        }
        Ok(Self { inside, voxels, dims: case.volume().frame().dims() })
    }

    /// The voxel at an offset from `at`, if it lies on the grid.
    fn beside(&self, at: usize, offset: [isize; 3]) -> Option<usize> {
        let [nx, ny, nz] = self.dims;
        let place = [at % nx, at / nx % ny, at / (nx * ny)];
        let [x, y, z]: [Option<usize>; 3] = std::array::from_fn(|k| place[k].checked_add_signed(offset[k]));
        let (x, y, z) = (x?, y?, z?);
        (x < nx && y < ny && z < nz).then_some((z * ny + y) * nx + x)
    }

    /// Whether a sphere about `at` lies in the lungs with all of its voxels.
    fn has_room(&self, sphere: &Sphere, at: usize) -> bool {
        sphere.inner.iter().all(|(offset, _)| self.beside(at, *offset).is_some_and(|i| self.inside[i]))
    }

    /// A random place with room.
    pub fn place(&self, sphere: &Sphere, rng: &mut ChaCha8Rng) -> Option<usize> {
        (0..TRIES).find_map(|_| self.voxels.choose(rng).copied().filter(|&at| self.has_room(sphere, at)))
    }

    /// Up to `count` places apart from one another.
    pub fn places(&self, sphere: &Sphere, count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        for _ in 0..count * 20 {
            let Some(at) = self.place(sphere, rng) else { break };
            if chosen.iter().all(|&other| self.distance_mm(sphere, at, other) >= sphere.diameter_mm + APART_MM) {
                chosen.push(at);
            }
            if chosen.len() == count {
                break;
            }
        }
        chosen
    }

    fn distance_mm(&self, sphere: &Sphere, a: usize, b: usize) -> f64 {
        let [nx, ny, _] = self.dims;
        let place = |i: usize| [i % nx, i / nx % ny, i / (nx * ny)];
        let (a, b) = (place(a), place(b));
        (0..3).map(|k| ((a[k] as f64 - b[k] as f64) * sphere.spacing_mm[k]).powi(2)).sum::<f64>().sqrt()
    }
}

/// A sphere as voxels about its centre.
pub(super) struct Sphere {
    diameter_mm: f64,
    spacing_mm: [f64; 3],
    /// Offsets, and the share of the voxel that lies inside.
    inner: Vec<([isize; 3], f32)>,
    /// Offsets of the shell it is compared with.
    shell: Vec<[isize; 3]>,
}

impl Sphere {
    /// About a voxel's centre.
    pub fn new(diameter_mm: f64, frame: &Frame) -> Self {
        let spacing_mm = frame.spacing_mm();
        let radius_mm = diameter_mm / 2.0;
        let reach = spacing_mm.map(|s| ((radius_mm + SHELL_MM.1) / s).ceil() as isize);
        let (mut inner, mut shell) = (Vec::new(), Vec::new());
        for z in -reach[2]..=reach[2] {
            for y in -reach[1]..=reach[1] {
                for x in -reach[0]..=reach[0] {
                    let offset = [x, y, z];
                    let share = share_inside(offset, spacing_mm, radius_mm);
                    if share > 0.0 {
                        inner.push((offset, share));
                    }
                    let far_mm = (0..3).map(|k| (offset[k] as f64 * spacing_mm[k]).powi(2)).sum::<f64>().sqrt();
                    if (radius_mm + SHELL_MM.0..=radius_mm + SHELL_MM.1).contains(&far_mm) {
                        shell.push(offset);
                    }
                }
            }
        }
        Self { diameter_mm, spacing_mm, inner, shell }
    }

    /// The CT with spheres about these voxels.
    pub fn planted(&self, volume: &Volume, places: &[usize]) -> Volume {
        let [nx, ny, _] = volume.frame().dims();
        let mut planted = volume.clone();
        let hu = planted.hu_mut();
        for &at in places {
            for (offset, share) in &self.inner {
                let step = (offset[2] * ny as isize + offset[1]) * nx as isize + offset[0];
                if let Some(value) = at.checked_add_signed(step).and_then(|i| hu.get_mut(i)) {
                    *value = (f32::from(*value) + PLANTED_HU * share).min(Hu::CEILING.0) as i16;
                }
            }
        }
        planted
    }

    /// Mean inside the sphere, weighted by each voxel's share, HU.
    pub fn mean_inside(&self, volume: &Volume, lung: &Lung, at: usize) -> f64 {
        let values =
            self.inner.iter().filter_map(|(offset, share)| Some((lung.beside(at, *offset)?, f64::from(*share))));
        let (sum, weight) = values
            .fold((0.0, 0.0), |(sum, weight), (i, share)| (sum + share * f64::from(volume.hu()[i]), weight + share));
        sum / weight
    }

    /// What [`Sphere::mean_inside`] grows by in the CT itself, HU: voxels at the edge hold their share of the sphere and
    /// count by their share.
    pub fn planted_hu(&self) -> f64 {
        let weight: f64 = self.inner.iter().map(|(_, share)| f64::from(*share)).sum();
        let squares: f64 = self.inner.iter().map(|(_, share)| f64::from(*share).powi(2)).sum();
        f64::from(PLANTED_HU) * squares / weight
    }

    /// Mean inside less mean of the lung about it, HU.
    pub fn contrast(&self, volume: &Volume, lung: &Lung, at: usize) -> f64 {
        let about = self.shell.iter().filter_map(|offset| lung.beside(at, *offset)).filter(|&i| lung.inside[i]);
        let (sum, n) = about.fold((0.0, 0.0), |(sum, n), i| (sum + f64::from(volume.hu()[i]), n + 1.0));
        let inside = self.mean_inside(volume, lung, at);
        if n > 0.0 { inside - sum / n } else { 0.0 }
    }
}

/// The share of a voxel that lies within a sphere about voxel 0.
fn share_inside(offset: [isize; 3], spacing_mm: [f64; 3], radius_mm: f64) -> f32 {
    let place = |k: usize, i: usize| (offset[k] as f64 + (i as f64 + 0.5) / SUBSAMPLES as f64 - 0.5) * spacing_mm[k];
    let all = SUBSAMPLES * SUBSAMPLES * SUBSAMPLES;
    let inside = (0..all).filter(|i| {
        let p =
            [place(0, i % SUBSAMPLES), place(1, i / SUBSAMPLES % SUBSAMPLES), place(2, i / (SUBSAMPLES * SUBSAMPLES))];
        p.iter().map(|v| v * v).sum::<f64>() <= radius_mm * radius_mm
    });
    inside.count() as f32 / all as f32
}
