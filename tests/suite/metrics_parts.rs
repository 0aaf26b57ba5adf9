//! The numbers of a part of a volume: one slice, the body, bands of HU, the joint histogram, a line. Against cases that
//! can be worked out by hand and slow plain twins.

use biplane::geometry::{Axis, Frame, Volume};
use biplane::metrics::bands::by_bands;
use biplane::metrics::by_slice::{Numbers, body_numbers, slice_numbers};
use biplane::metrics::joint::{JointHistogram, MOST_BINS, joint_histogram};
use biplane::metrics::mask::Mask;
use biplane::metrics::profile::profile;
use biplane::metrics::{compare, ssim};
use biplane::units::Hu;

const DIMS: [usize; 3] = [17, 15, 13];

fn frame() -> Frame {
    Frame::centred(DIMS, [2.0, 3.0, 4.0], [10.0, -20.0, 30.0]).unwrap()
}

/// A volume by a formula of voxel (x, y, z).
fn by(value: impl Fn(usize, usize, usize) -> i16) -> Volume {
    let [nx, ny, nz] = DIMS;
    let mut hu = Vec::new();
    for (z, y) in (0..nz).flat_map(|z| (0..ny).map(move |y| (z, y))) {
        hu.extend((0..nx).map(|x| value(x, y, z)));
    }
    Volume::new(frame(), hu).unwrap()
}

fn busy(phase: usize) -> Volume {
    by(|x, y, z| ((37 * x + 53 * y + 71 * z + 3 * x * y + 5 * y * z + phase * (x + 2 * z)) % 2700) as i16 - 1100)
}

/// SSIM of one window, plainly from its formula; `weights` sum to 1.
fn plain_ssim(pairs: &[(f64, f64, f64)], correction: f64) -> f64 {
    let mean = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(w, a, b)| w * of(*a, *b)).sum::<f64>();
    let (a, b) = (mean(&|a, _| a), mean(&|_, b| b));
    let va = correction * mean(&|p, _| (p - a).powi(2));
    let vb = correction * mean(&|_, q| (q - b).powi(2));
    let cab = correction * mean(&|p, q| (p - a) * (q - b));
    let (c1, c2) = (25.0f64.powi(2), 75.0f64.powi(2));
    (2.0 * a * b + c1) * (2.0 * cab + c2) / ((a * a + b * b + c1) * (va + vb + c2))
}

fn clipped(volume: &Volume, [x, y, z]: [usize; 3]) -> f64 {
    f64::from(volume.at(x, y, z).unwrap().clamp(-1000, 1500))
}

fn near(found: Option<f64>, wanted: f64, tolerance: f64) {
    let found = found.unwrap_or(f64::NAN);
    assert!((found - wanted).abs() <= tolerance, "{found}, wanted is {wanted}");
}

#[test]
fn a_slice_has_the_numbers_of_its_own_pixels() {
    let (recon, truth) = (busy(1), busy(0));
    for axis in Axis::ALL {
        let k = 5;
        let [columns, rows] = [(Axis::X, [1, 2]), (Axis::Y, [0, 2]), (Axis::Z, [0, 1])]
            .into_iter()
            .find_map(|(a, sides)| (a == axis).then_some(sides))
            .unwrap();
        let voxel = |c: usize, r: usize| {
            let mut voxel = [k; 3];
            (voxel[columns], voxel[rows]) = (c, r);
            voxel
        };
        let (nc, nr) = (DIMS[columns], DIMS[rows]);
        let pixels: Vec<(f64, f64)> = (0..nr)
            .flat_map(|r| (0..nc).map(move |c| (c, r)))
            .map(|(c, r)| (clipped(&recon, voxel(c, r)), clipped(&truth, voxel(c, r))))
            .collect();
        let n = pixels.len() as f64;
        let mse = pixels.iter().map(|(a, b)| (a - b).powi(2)).sum::<f64>() / n;
        let mut map = Vec::new();
        for (r, c) in (0..nr - 6).flat_map(|r| (0..nc - 6).map(move |c| (r, c))) {
            let window = (0..49).map(|i| (r + i / 7) * nc + c + i % 7);
            let pairs: Vec<_> = window.map(|at| (1.0 / 49.0, pixels[at].0, pixels[at].1)).collect();
            map.push(plain_ssim(&pairs, 49.0 / 48.0));
        }
        let found = slice_numbers(&recon, &truth, axis, k).unwrap();
        near(found.mae_hu, pixels.iter().map(|(a, b)| (a - b).abs()).sum::<f64>() / n, 1e-9);
        near(found.psnr_db, 10.0 * (2500.0f64.powi(2) / mse).log10(), 1e-9);
        near(found.ssim, map.iter().sum::<f64>() / map.len() as f64, 1e-5);
    }
}

#[test]
fn slices_that_are_not_there_have_no_numbers_and_equal_ones_the_best() {
    let volume = busy(0);
    assert_eq!(slice_numbers(&volume, &volume, Axis::Z, DIMS[2]), None);
    let other = Volume::filled(Frame::cube_of(8, [0.0; 3]), Hu(0.0));
    assert_eq!(slice_numbers(&other, &volume, Axis::Z, 0), None);
    let same = slice_numbers(&volume, &volume, Axis::X, 0).unwrap();
    assert_eq!((same.mae_hu, same.psnr_db), (Some(0.0), Some(f64::INFINITY)));
    near(same.ssim, 1.0, 1e-6);
    let narrow = Volume::filled(Frame::centred([9, 9, 3], [1.0; 3], [0.0; 3]).unwrap(), Hu(40.0));
    let flat = slice_numbers(&narrow, &narrow, Axis::X, 4).unwrap();
    assert_eq!((flat.mae_hu, flat.ssim), (Some(0.0), None));
    // Constant and equal: both variances are 0, and SSIM is 1 by its constants.
    near(slice_numbers(&narrow, &narrow, Axis::Z, 1).unwrap().ssim, 1.0, 1e-6);
}

#[test]
fn the_bodys_numbers_are_those_of_its_voxels() {
    let (recon, truth) = (busy(1), busy(0));
    let everything = Mask::of(DIMS, truth.hu(), |_| true);
    let whole = compare(&recon, &truth).unwrap();
    let all = body_numbers(&recon, &truth, &everything);
    assert_eq!((all.mae_hu, all.psnr_db), (whole.mae_hu, whole.psnr_db));
    near(all.ssim, whole.ssim.unwrap(), 1e-9);
    // Two voxels: one with its window inside, one at the face.
    let places = [[8, 7, 6], [0, 0, 0]];
    let mut bytes = vec![0u8; truth.hu().len()];
    for [x, y, z] in places {
        bytes[(z * DIMS[1] + y) * DIMS[0] + x] = 1;
    }
    let found = body_numbers(&recon, &truth, &Mask::of(DIMS, &bytes, |b| b != 0));
    let errors = places.map(|at| (clipped(&recon, at) - clipped(&truth, at)).abs());
    near(found.mae_hu, (errors[0] + errors[1]) / 2.0, 1e-9);
    let mse = (errors[0].powi(2) + errors[1].powi(2)) / 2.0;
    near(found.psnr_db, 10.0 * (2500.0f64.powi(2) / mse).log10(), 1e-9);
    let bell: Vec<f64> = (-5..=5).map(|d| (-f64::from(d * d) / 4.5).exp()).collect();
    let sum: f64 = bell.iter().sum();
    let mut pairs = Vec::new();
    for (i, j, k) in (0..11).flat_map(|i| (0..11).flat_map(move |j| (0..11).map(move |k| (i, j, k)))) {
        let at = [places[0][0] + i - 5, places[0][1] + j - 5, places[0][2] + k - 5];
        pairs.push((bell[i] * bell[j] * bell[k] / sum.powi(3), clipped(&recon, at), clipped(&truth, at)));
    }
    near(found.ssim, plain_ssim(&pairs, 1.0), 1e-5);
}

#[test]
fn an_empty_body_has_no_numbers() {
    let volume = busy(0);
    assert_eq!(body_numbers(&volume, &volume, &Mask::empty(DIMS)), Numbers::default());
    assert_eq!(body_numbers(&volume, &volume, &Mask::empty([1, 2, 3])), Numbers::default());
    assert_eq!(ssim::ssim_inside(volume.hu(), volume.hu(), DIMS, &[1]), None);
    let tiny = Volume::filled(Frame::centred([2; 3], [1.0; 3], [0.0; 3]).unwrap(), Hu(0.0));
    let found = body_numbers(&tiny, &tiny, &Mask::of([2; 3], tiny.hu(), |_| true));
    assert_eq!((found.mae_hu, found.ssim), (Some(0.0), None));
}

#[test]
fn bands_tell_the_error_of_each_tissue() {
    // A plane of x each: its truth, and what the reconstruction adds to it.
    let planes =
        [(-1024, 24), (-950, 10), (-500, -30), (-200, 5), (-30, 0), (149, 7), (150, -9), (400, 100), (3071, 0)];
    let truth = by(|x, _, _| planes.get(x).map_or(0, |p| p.0));
    // Below -1000 values are clipped: the air's error is 0, not 24.
    let recon = by(|x, y, _| planes.get(x).map_or(0, |p| p.0 + if y == 0 { -p.1 } else { p.1 }));
    let plane = DIMS[1] * DIMS[2];
    let bands = by_bands(&recon, &truth).unwrap();
    let names: Vec<&str> = bands.iter().map(|band| band.name).collect();
    assert_eq!(names[..4], ["air", "lung", "lung, partial", "fat"]);
    assert_eq!(names[4..], ["soft tissue", "contrast, spongy bone", "bone"]);
    assert_eq!(bands.iter().map(|band| band.voxels).sum::<usize>(), truth.hu().len());
    assert!(bands.windows(2).all(|pair| pair[0].to_hu == pair[1].from_hu));
    assert_eq!((bands[0].mae_hu, bands[0].bias_hu, bands[0].rmse_hu), (0.0, 0.0, 0.0));
    let share = 1.0 - 2.0 / DIMS[1] as f64;
    assert_eq!((bands[1].voxels, bands[1].mae_hu, bands[1].rmse_hu), (plane, 10.0, 10.0));
    near(Some(bands[1].bias_hu), 10.0 * share, 1e-9);
    near(Some(bands[2].bias_hu), -30.0 * share, 1e-9);
    assert_eq!((bands[5].voxels, bands[5].mae_hu), (plane, 9.0));
    // 400 HU with an error of 100, and 3071, which is clipped to 1500 as the reconstruction's value is.
    assert_eq!((bands[6].voxels, bands[6].mae_hu), (2 * plane, 50.0));
    near(Some(bands[6].rmse_hu), 5000.0f64.sqrt(), 1e-9);
    let soft = by(|_, _, _| 40);
    assert_eq!(by_bands(&soft, &soft).unwrap().len(), 1);
    assert_eq!(by_bands(&soft, &Volume::filled(Frame::cube_of(8, [0.0; 3]), Hu(0.0))), None);
}

#[test]
fn the_joint_histogram_counts_pairs() {
    // [truth bin][recon bin]: 250 HU each; the ends belong to the outermost, and so does what lies beyond.
    let truth = by(|x, _, _| if x == 0 { 3071 } else { -1024 });
    let recon = by(|x, _, _| if x == 0 { -750 } else { 1500 });
    let found = joint_histogram(&recon, &truth, 10).unwrap();
    let plane = (DIMS[1] * DIMS[2]) as u64;
    assert_eq!((found.bins, found.range_hu, found.counts.len()), (10, (-1000, 1500), 100));
    assert_eq!((found.counts[91], found.counts[9]), (plane, plane * 16));
    assert_eq!(found.counts.iter().sum::<u64>(), truth.hu().len() as u64);
    assert_eq!((found.middle_hu(0), found.middle_hu(9)), (-875.0, 1375.0));
    near(found.correlation(), -1.0, 1e-12);
    for bins in [0, MOST_BINS + 1] {
        assert_eq!(joint_histogram(&recon, &truth, bins), None);
    }
    assert_eq!(joint_histogram(&Volume::filled(Frame::cube_of(8, [0.0; 3]), Hu(0.0)), &truth, 10), None);
}

#[test]
fn correlation_and_information_are_those_of_textbooks() {
    let same = joint_histogram(&busy(0), &busy(0), 50).unwrap();
    near(same.correlation(), 1.0, 1e-12);
    let total = same.counts.iter().sum::<u64>() as f64;
    let entropy: f64 =
        (0..50).map(|k| same.counts[k * 51] as f64 / total).filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    near(same.mutual_information_nats(), entropy, 1e-12);
    // Independent by construction: the truth varies along x alone, the reconstruction along y.
    let apart = joint_histogram(&by(|_, y, _| 100 * y as i16), &by(|x, _, _| 90 * x as i16), 50).unwrap();
    near(apart.correlation(), 0.0, 1e-12);
    near(apart.mutual_information_nats(), 0.0, 1e-12);
    // A table by hand: p = (4 1 / 2 3) / 10.
    let table = JointHistogram { bins: 2, range_hu: (0, 2), counts: vec![4, 1, 2, 3] };
    near(table.correlation(), (0.3 - 0.5 * 0.4) / (0.25f64 * 0.24).sqrt(), 1e-12);
    let term = |p: f64, t: f64, r: f64| p * (p / (t * r)).ln();
    let wanted = term(0.4, 0.5, 0.6) + term(0.1, 0.5, 0.4) + term(0.2, 0.5, 0.6) + term(0.3, 0.5, 0.4);
    near(table.mutual_information_nats(), wanted, 1e-12);
    let flat = joint_histogram(&by(|_, _, _| 7), &busy(0), 50).unwrap();
    assert_eq!(flat.correlation(), None);
    near(flat.mutual_information_nats(), 0.0, 1e-12);
    let nothing = JointHistogram { bins: 2, range_hu: (0, 2), counts: vec![0; 4] };
    assert_eq!((nothing.correlation(), nothing.mutual_information_nats()), (None, None));
}

#[test]
fn a_profile_follows_a_line() {
    let volume = by(|x, y, z| (10 * x + 20 * y) as i16 - 5 * z as i16);
    let at = |voxel: [f64; 3]| volume.frame().world_from_voxel(voxel);
    // Trilinear interpolation keeps what is linear.
    let (from, to) = ([1.25, 2.5, 3.0], [9.25, 10.0, 11.5]);
    let found = profile(&volume, at(from), at(to), 23);
    for (i, value) in found.iter().enumerate() {
        let t = i as f64 / 22.0;
        let [x, y, z] = std::array::from_fn(|k| from[k] + (to[k] - from[k]) * t);
        near(value.map(f64::from), 10.0 * x + 20.0 * y - 5.0 * z, 1e-3);
    }
    let out = profile(&volume, at([-3.0, 0.0, 0.0]), at([3.0, 0.0, 0.0]), 7);
    assert_eq!(out, [None, None, None, Some(0.0), Some(10.0), Some(20.0), Some(30.0)]);
    assert_eq!(profile(&volume, at([2.0, 1.0, 0.0]), at([0.0; 3]), 1), [Some(40.0)]);
    assert!(profile(&volume, at([0.0; 3]), at([0.0; 3]), 0).is_empty());
    assert_eq!(profile(&volume, [f64::NAN; 3], at([0.0; 3]), 2), [None, None]);
}
