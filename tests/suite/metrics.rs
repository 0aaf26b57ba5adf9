//! The metrics against scikit-image, sewar, piq and SciPy (golden numbers made by tests/reference/metrics.py) and the
//! body and lungs of phantoms whose volumes are known.

use biplane::geometry::phantom::{Part, Phantom, Shape};
use biplane::geometry::{Frame, Volume};
use biplane::metrics::centre::{Centre, centre_mm, cube_frame};
use biplane::metrics::lung::{LEFT, RIGHT, lung_mask};
use biplane::metrics::mask::Mask;
use biplane::metrics::{self, body::body, compare, dice::dice, mae, psnr, ssim, vif};
use biplane::units::Hu;
use std::collections::BTreeMap;

/// Numbers by the names of tests/reference/metrics.py; absent ones are `null`.
type Numbers = BTreeMap<String, Option<f64>>;

/// A volume by a formula of voxel (x, y, z).
fn by(frame: Frame, value: impl Fn(i64, i64, i64) -> i64) -> Volume {
    let [nx, ny, nz] = frame.dims().map(|n| n as i64);
    let places = (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| (x, y, z))));
    let hu = places.map(|(x, y, z)| value(x, y, z) as i16).collect();
    Volume::new(frame, hu).unwrap()
}

fn texture(x: i64, y: i64, z: i64) -> i64 {
    37 * x + 53 * y + 71 * z + 3 * x * y + 5 * y * z
}

/// Reconstruction and truth as in `small_pair` of tests/reference/metrics.py.
fn small_pair() -> [Volume; 2] {
    let frame = Frame::centred([24, 20, 18], [2.0; 3], [0.0; 3]).unwrap();
    let truth = |x, y, z| -1024 + texture(x, y, z) % 2700;
    let recon = |x, y, z| truth(x, y, z) + (31 * x + 17 * y * z + 7 * z) % 401 - 200;
    [by(frame.clone(), recon), by(frame, truth)]
}

/// Reconstruction and truth as in `torso_pair` of tests/reference/metrics.py: two lungs in a body.
fn torso_pair() -> [Volume; 2] {
    let frame = Frame::centred([47, 43, 12], [6.0; 3], [0.0; 3]).unwrap();
    let torso = |aside: i64, x: i64, y: i64, z: i64| {
        let (u, v) = (2 * x - 46, 2 * y - 42);
        let lung = 4 * ((u + 2 * aside).abs() - 20).pow(2) + v * v <= 500;
        let body = 1764 * u * u + 2116 * v * v <= 2_986_000;
        match (lung, body) {
            (true, _) => -650 + texture(x, y, z) % 300,
            (_, true) => 20 + texture(x, y, z) % 90,
            _ => -1000 - texture(x, y, z) % 24,
        }
    };
    let recon = |x, y, z| torso(1, x, y, z) + (31 * x + 17 * y * z + 7 * z) % 161 - 80;
    let truth = |x, y, z| match z {
        0 => -1024,
        1 => -1010,
        _ => torso(0, x, y, z),
    };
    [by(frame.clone(), recon), by(frame, truth)]
}

/// What is found, by the names of tests/reference/metrics.py.
fn numbers([recon, truth]: &[Volume; 2]) -> Numbers {
    let found = compare(recon, truth).unwrap();
    let json = serde_json::to_value(&found).unwrap();
    let mut numbers: Numbers = json.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_f64())).collect();
    for lung in &found.lung {
        numbers.insert(format!("dice {}", lung.threshold_hu), Some(lung.dice));
        for (name, [right, left]) in [("recon", lung.recon_ml), ("truth", lung.truth_ml)] {
            numbers.insert(format!("ml {} {name} right", lung.threshold_hu), Some(right));
            numbers.insert(format!("ml {} {name} left", lung.threshold_hu), Some(left));
        }
    }
    numbers
}

#[test]
fn numbers_are_those_of_the_reference_packages() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/metrics.json")).unwrap();
    for (name, pair) in [("small", small_pair()), ("torso", torso_pair())] {
        let wanted: Numbers = serde_json::from_value(golden[name].clone()).unwrap();
        let found = numbers(&pair);
        assert!(wanted.len() >= 30);
        for (what, wanted) in wanted {
            // A tenth of what is asked for: 0.01 HU, 0.001 dB, 1e-4 of SSIM, 1e-3 of VIF (piq computes in 32 bits).
            let tolerance = match what.get(..3) {
                Some("ssi") => 1e-5,
                Some("vif") => 1e-4,
                Some("det" | "lun" | "bon") => 1e-5,
                _ => 1e-6,
            };
            match (found[&what], wanted) {
                (Some(found), Some(wanted)) => {
                    assert!((found - wanted).abs() <= tolerance, "{name}, {what}: {found}, the reference has {wanted}");
                }
                (found, wanted) => assert_eq!(found, wanted, "{name}, {what}"),
            }
        }
    }
}

#[test]
fn numbers_do_not_depend_on_how_voxels_are_stored() {
    let pair = torso_pair();
    // The same patient, voxel axes running to H, R and P: x = z of old, y = reversed x, z = y.
    let turned = pair.each_ref().map(|volume| {
        let [nx, ny, nz] = volume.frame().dims();
        let corner = volume.frame().world_from_voxel([nx as f64 - 1.0, 0.0, 0.0]);
        let direction = [[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
        let frame = Frame::new([nz, nx, ny], [6.0; 3], corner, direction).unwrap();
        by(frame, |i, j, k| i64::from(volume.at(nx - 1 - j as usize, k as usize, i as usize).unwrap()))
    });
    let (wanted, found) = (compare(&pair[0], &pair[1]).unwrap(), compare(&turned[0], &turned[1]).unwrap());
    assert_eq!((found.vif, found.scanned_slices), (wanted.vif, wanted.scanned_slices));
    assert_eq!((found.psnr_slices_db, found.ssim_body), (wanted.psnr_slices_db, wanted.ssim_body));
    assert_eq!(found.lung, wanted.lung);
}

#[test]
fn vif_tells_contrast_from_likeness() {
    let [recon, truth] = torso_pair();
    let dims = truth.frame().dims();
    let of = |recon: &[i16]| vif::mean(&vif::vif_by_slices(recon, truth.hu(), dims).unwrap()).unwrap();
    assert!((of(truth.hu()) - 1.0).abs() < 1e-6);
    assert!(of(&vec![0; truth.hu().len()]).abs() < 1e-9);
    assert!(of(recon.hu()) > 0.05 && of(recon.hu()) < 0.5);
    // More contrast than the truth has tells more than all.
    let louder: Vec<i16> = truth.hu().iter().map(|hu| hu + (hu + 1000) / 5).collect();
    assert!(of(&louder) > 1.0);
    assert_eq!(vif::vif_by_slices(&[0; 1600], &[0; 1600], [40, 40, 1]), None);
    assert_eq!(vif::vif_by_slices(&[0; 1681], &[0; 1680], [41, 41, 1]), None);
    // A constant truth has none; piq counts it as 1.
    let flat = vif::vif_by_slices(&truth.hu()[47 * 43 * 2..47 * 43 * 3], &[40; 47 * 43], [47, 43, 1]).unwrap();
    assert_eq!((flat.as_slice(), vif::mean(&flat), vif::mean_piq(&flat)), ([None].as_slice(), None, Some(1.0)));
    assert_eq!((vif::mean(&[]), vif::mean_piq(&[])), (None, None));
}

#[test]
fn equal_volumes_have_the_best_of_all_numbers() {
    let [a, _] = small_pair();
    let same = compare(&a, &a).unwrap();
    assert_eq!((same.mae_hu, same.psnr_db, same.psnr_slices_db), (Some(0.0), Some(f64::INFINITY), Some(100.0)));
    assert!((same.ssim.unwrap() - 1.0).abs() < 1e-6 && (same.ssim_slices.unwrap() - 1.0).abs() < 1e-6);
    // No lungs in either: empty with empty is 1.
    assert!(same.lung.iter().all(|l| l.dice == 1.0 && l.recon_ml == [0.0; 2]));
    let infinite = same.lines().into_iter().find(|l| l.name == "PSNR").unwrap().value;
    assert_eq!(infinite, "infinite (equal)");
}

#[test]
fn degenerate_input_has_defined_answers() {
    assert_eq!(mae::mae(&[], &[]), None);
    assert_eq!(mae::mae_inside(&[1], &[2], &[0]), None);
    assert_eq!(psnr::psnr(&[], &[], 2500.0), None);
    assert_eq!(ssim::ssim(&[0; 1000], &[0; 1000], [10, 10, 10]), None);
    assert_eq!(dice(&[0, 0], &[0, 0]), 1.0);
    assert_eq!(dice(&[0, 0], &[1, 0]), 0.0);
    assert_eq!(dice(&[1, 2, 0, 0], &[2, 0, 1, 0]), 0.5);
    let frame = |side| Frame::centred([side; 3], [1.0; 3], [0.0; 3]).unwrap();
    let (one, two) = (Volume::filled(frame(1), Hu(0.0)), Volume::filled(frame(2), Hu(0.0)));
    let tiny = compare(&one, &one).unwrap();
    assert_eq!((tiny.ssim, tiny.ssim_uniform, tiny.ssim_slices), (None, None, None));
    assert!(compare(&one, &two).unwrap_err().to_string().contains("[1, 1, 1]"));
    let air = Volume::filled(Frame::cube_of(32, [0.0; 3]), Hu::PADDING);
    assert_eq!(body(&air).mask.count(), 0);
    assert_eq!(lung_mask(&air, Hu(-400.0)).total_ml, 0.0);
    let nothing = compare(&air, &air).unwrap();
    assert_eq!((nothing.mae_body_hu, nothing.psnr_body_db, nothing.ssim_body), (None, None, None));
    assert_eq!((nothing.scanned_slices, nothing.vif, nothing.vif_piq), (None, None, None));
    let said = |name: &str| nothing.lines().into_iter().find(|l| l.name == name).unwrap().value;
    assert_eq!(said("MAE, body"), "not defined (no body)");
    assert_eq!(said("VIF"), "not defined (too small, or constant)");
    // Constant volumes: nothing is seen in them, and SSIM knows them by their means.
    let constant = |hu| Volume::filled(Frame::centred([48, 44, 12], [2.0; 3], [0.0; 3]).unwrap(), Hu(hu));
    let flat = compare(&constant(0.0), &constant(100.0)).unwrap();
    assert_eq!((flat.mae_hu, flat.vif, flat.vif_slices_left_out, flat.vif_piq), (Some(100.0), None, 12, Some(1.0)));
    let (c1, squares) = (25.0f64.powi(2), 100.0f64.powi(2));
    assert!((flat.ssim.unwrap() - c1 / (squares + c1)).abs() < 1e-5, "{:?}", flat.ssim);
    // One slice only: what needs no depth is there.
    let [recon, truth] = torso_pair().map(|v| {
        let frame = Frame::centred([47, 43, 1], [6.0; 3], [0.0; 3]).unwrap();
        Volume::new(frame, v.axial(6).to_vec()).unwrap()
    });
    let slice = compare(&recon, &truth).unwrap();
    assert!(slice.mae_hu.is_some() && slice.psnr_slices_db.is_some() && slice.vif.is_some());
    assert_eq!((slice.ssim, slice.ssim_body, slice.ssim_slices, slice.ssim_scanned), (None, None, None, None));
}

#[test]
fn detail_and_bone_tell_a_blurred_chest_from_the_truth() {
    // Ribs of 600 HU, two voxels wide, in water.
    let frame = Frame::cube_of(64, [0.0; 3]);
    let is_body = |x: i64, y: i64| (x - 32).pow(2) + (y - 32).pow(2) < 400;
    let rib = |x: i64, y: i64, z: i64| is_body(x, y) && (x - 32).pow(2) + (y - 32).pow(2) > 324 && z % 8 < 2;
    let truth = by(frame.clone(), |x, y, z| {
        if rib(x, y, z) {
            600
        } else if is_body(x, y) {
            0
        } else {
            -1000
        }
    });
    let without = by(frame.clone(), |x, y, _| if is_body(x, y) { 0 } else { -1000 });
    let half = by(frame, |x, y, z| {
        if rib(x, y, z) {
            300
        } else if is_body(x, y) {
            0
        } else {
            -1000
        }
    });
    let of = |recon| metrics::detail::detail(recon, &truth);
    let (same, blurred, faint) = (of(&truth), of(&without), of(&half));
    assert_eq!((same.mae_bone_hu, same.bone_dice), (Some(0.0), Some(1.0)));
    assert!((same.bone_contrast.unwrap() - 1.0).abs() < 1e-6 && (same.detail_correlation.unwrap() - 1.0).abs() < 1e-6);
    assert_eq!((blurred.mae_bone_hu, blurred.bone_dice), (Some(600.0), Some(0.0)));
    let contrast = [&blurred, &faint, &same].map(|d| d.bone_contrast.unwrap());
    assert!(contrast[0] < contrast[1] - 0.05 && contrast[1] < contrast[2] - 0.05, "{contrast:?}");
    // Nothing but air: no body, so nothing is defined, and there is no bone in either.
    let air = Volume::filled(truth.frame().clone(), Hu::PADDING);
    let nothing = metrics::detail::detail(&air, &air);
    assert_eq!(nothing, metrics::Detail { bone_dice: Some(1.0), ..metrics::Detail::default() });
    assert_eq!(metrics::Detail::mean_of(&[blurred, same]).bone_dice, Some(0.5));
}

#[test]
fn mean_error_is_clipped_as_it_says() {
    assert_eq!(mae::mae(&[-3000, 3000, 0], &[-1000, 1500, 30]), Some(10.0));
}

/// A torso of water with two lungs (right larger), and what else is asked for. Ellipsoids, so volumes are known.
fn torso(more: &[Part]) -> Phantom {
    let mut parts = vec![Part { shape: Shape::ellipsoid([0.0; 3], [160.0, 110.0, 400.0]), r: 1.0 }];
    parts.push(Part { shape: Shape::ellipsoid([-75.0, 0.0, 0.0], [55.0, 70.0, 100.0]), r: 0.2 });
    parts.push(Part { shape: Shape::ellipsoid([75.0, 0.0, 0.0], [45.0, 70.0, 90.0]), r: 0.2 });
    parts.extend(more.iter().cloned());
    Phantom::new(parts)
}

fn ellipsoid_ml(half: [f64; 3]) -> f64 {
    4.0 / 3.0 * std::f64::consts::PI * half.iter().product::<f64>() / 1000.0
}

#[test]
fn lungs_have_their_volume_and_side() {
    let volume = torso(&[]).volume(&Frame::cube([0.0; 3]), 1);
    let lungs = lung_mask(&volume, Hu(-400.0));
    let (right, left) = (ellipsoid_ml([55.0, 70.0, 100.0]), ellipsoid_ml([45.0, 70.0, 90.0]));
    assert!((lungs.right_ml / right - 1.0).abs() < 0.02, "{} ml, {right} wanted", lungs.right_ml);
    assert!((lungs.left_ml / left - 1.0).abs() < 0.02, "{} ml, {left} wanted", lungs.left_ml);
    assert_eq!(lungs.total_ml, lungs.right_ml + lungs.left_ml);
    let at = |x: f64| {
        let voxel = volume.frame().voxel_from_world([x, 0.0, 0.0]).map(|v| v.round() as usize);
        lungs.labels[(voxel[2] * 128 + voxel[1]) * 128 + voxel[0]]
    };
    assert_eq!((at(-75.0), at(75.0), at(0.0), at(-170.0)), (RIGHT, LEFT, 0, 0));
}

#[test]
fn lungs_are_the_same_however_the_voxels_are_stored() {
    let volume = torso(&[]).volume(&Frame::cube_of(64, [0.0; 3]), 1);
    let lungs = lung_mask(&volume, Hu(-400.0));
    // The same patient, voxel axes running to H, R and P: x = z of old, y = reversed x, z = y.
    let mut hu = Vec::new();
    for (k, j, i) in (0..64).flat_map(|k| (0..64).flat_map(move |j| (0..64).map(move |i| (k, j, i)))) {
        hu.push(volume.at(63 - j, k, i).unwrap());
    }
    let corner = volume.frame().world_from_voxel([63.0, 0.0, 0.0]);
    let direction = [[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]];
    let frame = Frame::new([64; 3], [5.6; 3], corner, direction).unwrap();
    let turned = lung_mask(&Volume::new(frame, hu).unwrap(), Hu(-400.0));
    assert_eq!((turned.right_ml, turned.left_ml), (lungs.right_ml, lungs.left_ml));
    let at = |x: usize, y: usize, z: usize| turned.labels[(y * 64 + 63 - x) * 64 + z];
    let old = |x: usize, y: usize, z: usize| lungs.labels[(z * 64 + y) * 64 + x];
    for (x, y, z) in [(20, 32, 32), (44, 32, 32), (32, 32, 32), (18, 30, 40)] {
        assert_eq!(at(x, y, z), old(x, y, z));
    }
}

#[test]
fn joined_lungs_are_split_at_the_middle() {
    let bridge = Part { shape: Shape::cuboid([0.0, 0.0, 0.0], [60.0, 10.0, 20.0]), r: 0.2 };
    let volume = torso(&[bridge]).volume(&Frame::cube([0.0; 3]), 1);
    let lungs = lung_mask(&volume, Hu(-400.0));
    assert!(lungs.right_ml > 1500.0 && lungs.left_ml > 1100.0, "{} and {} ml", lungs.right_ml, lungs.left_ml);
    let middle = (64 * 128 + 64) * 128;
    assert_eq!((lungs.labels[middle + 60], lungs.labels[middle + 67]), (RIGHT, LEFT));
}

#[test]
fn a_single_lung_is_one_side_only() {
    let filled = Part { shape: Shape::ellipsoid([75.0, 0.0, 0.0], [60.0, 80.0, 110.0]), r: 1.0 };
    let lungs = lung_mask(&torso(&[filled]).volume(&Frame::cube([0.0; 3]), 1), Hu(-400.0));
    assert!(lungs.right_ml > 1500.0 && lungs.left_ml == 0.0);
}

#[test]
fn lungs_cut_by_the_faces_survive() {
    // The torso moved so that the patient's left side lies outside: the cut runs through the left lung.
    let centre = [-100.0, 0.0, 0.0];
    let lungs = lung_mask(&torso(&[]).volume(&Frame::cube(centre), 1), Hu(-400.0));
    let whole = ellipsoid_ml([45.0, 70.0, 90.0]);
    assert!(lungs.left_ml > 0.45 * whole && lungs.left_ml < 0.7 * whole, "{} of {whole} ml", lungs.left_ml);
    // And along z, where the cube ends in the middle of both lungs.
    let lungs = lung_mask(&torso(&[]).volume(&Frame::cube([0.0, 0.0, 179.2]), 1), Hu(-400.0));
    let right = ellipsoid_ml([55.0, 70.0, 100.0]);
    assert!((lungs.right_ml / right - 0.5).abs() < 0.02, "{} of {right} ml", lungs.right_ml);
}

#[test]
fn vessels_are_filled_and_small_pockets_dropped() {
    let vessel = Part { shape: Shape::capsule([-75.0, 0.0, -60.0], [-75.0, 0.0, 60.0], 8.0), r: 1.0 };
    let pocket = Part { shape: Shape::ellipsoid([0.0, 60.0, 0.0], [15.0; 3]), r: 0.0 };
    let plain = lung_mask(&torso(&[]).volume(&Frame::cube([0.0; 3]), 1), Hu(-400.0));
    let lungs = lung_mask(&torso(&[vessel, pocket]).volume(&Frame::cube([0.0; 3]), 1), Hu(-400.0));
    assert!((lungs.total_ml / plain.total_ml - 1.0).abs() < 1e-3);
}

#[test]
fn the_cube_is_centred_on_body_and_lungs() {
    // Lungs 50 mm above the scan's middle, body 20 mm to the left of it, on a grid that is not the cube.
    let frame = Frame::centred([100, 90, 110], [4.0, 4.0, 3.0], [-20.0, 10.0, -50.0]).unwrap();
    let volume = torso(&[]).volume(&frame, 2);
    let found = centre_mm(&volume, Centre::Anatomy);
    assert!(found.iter().all(|v| v.abs() < 3.0), "{found:?}");
    assert_eq!(centre_mm(&volume, Centre::Scan), frame.centre_mm());
    // A hollow table that the back lies on is part of the body, but not of what the cube is centred on.
    let slab =
        |y: f64, half: f64, r: f64| Part { shape: Shape::cuboid([0.0, y, 0.0], [170.0, half, 400.0]), r: r as f32 };
    let table = torso(&[slab(135.0, 30.0, 1.0), slab(135.0, 26.0, 0.05)]).volume(&frame, 2);
    let on_table = centre_mm(&table, Centre::Anatomy);
    assert!((on_table[1] - found[1]).abs() < 3.0, "{on_table:?}, without a table {found:?}");
    let cube = Frame::cube([7.0, 8.0, 9.0]);
    assert_eq!(cube_frame(&torso(&[]).volume(&cube, 1), Centre::Anatomy), cube);
    let air = Volume::filled(frame.clone(), Hu::PADDING);
    assert_eq!(centre_mm(&air, Centre::Anatomy), frame.centre_mm());
}

#[test]
fn masks_count_find_and_give_back_their_voxels() {
    let dims = [131, 3, 2];
    let values: Vec<i16> = (0..786).map(|k| (k * k % 7) as i16).collect();
    let mask = Mask::of(dims, &values, |v| v > 2);
    let bytes: Vec<u8> = values.iter().map(|&v| u8::from(v > 2)).collect();
    assert_eq!(mask.to_bytes(), bytes);
    assert_eq!(mask.count(), bytes.iter().filter(|&&b| b == 1).count());
    assert!((0..131).all(|x| mask.at(x, 1, 1) == (bytes[(3 + 1) * 131 + x] == 1)));
    assert!(!mask.at(131, 0, 0) && !mask.at(0, 3, 0));
}

#[test]
fn every_printed_number_has_its_definition() {
    let [a, b] = torso_pair();
    let lines = compare(&a, &b).unwrap().lines();
    assert_eq!(lines.len(), 26);
    assert!(lines.iter().find(|l| l.name == "VIF").unwrap().definition.contains("1 of them left out"));
    assert!(!lines.iter().any(|l| l.name.starts_with("LPIPS")), "no weights, no LPIPS");
    assert!(lines.iter().all(|l| l.definition.len() > 20 && !l.value.is_empty()));
    assert_eq!(metrics::VALUE_RANGE_HU, (-1000, 1500));
}
