//! The metrics against scikit-image (golden numbers made by tests/reference/metrics.py) and the body and lungs of
//! phantoms whose volumes are known.

use biplane::geometry::phantom::{Part, Phantom, Shape};
use biplane::geometry::{Frame, Volume};
use biplane::metrics::centre::{Centre, centre_mm, cube_frame};
use biplane::metrics::lung::{LEFT, RIGHT, lung_mask};
use biplane::metrics::mask::Mask;
use biplane::metrics::{self, body::body, compare, dice::dice, mae, psnr, ssim};
use biplane::units::Hu;
use std::collections::HashMap;

const GOLDEN: &str = include_str!("../golden/metrics.json");

/// The same two volumes as `golden_pair` in tests/reference/metrics.py.
fn golden_pair() -> [Volume; 2] {
    let frame = Frame::centred([24, 20, 18], [2.0; 3], [0.0; 3]).unwrap();
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for (z, y, x) in (0..18).flat_map(|z| (0..20).flat_map(move |y| (0..24).map(move |x| (z, y, x)))) {
        let v = -1024 + (37 * x + 53 * y + 71 * z + 3 * x * y + 5 * y * z) % 2700;
        a.push(v as i16);
        b.push((v + (31 * x + 17 * y * z + 7 * z) % 401 - 200) as i16);
    }
    [a, b].map(|hu| Volume::new(frame.clone(), hu).unwrap())
}

#[test]
fn numbers_are_those_of_scikit_image() {
    let wanted: HashMap<String, f64> = serde_json::from_str(GOLDEN).unwrap();
    let [a, b] = golden_pair();
    let found = serde_json::to_value(compare(&a, &b).unwrap()).unwrap();
    for (name, wanted) in wanted {
        let found = found[&name].as_f64().unwrap_or(f64::NAN);
        let tolerance = if name.starts_with("ssim") { 1e-4 } else { 1e-3 };
        assert!((found - wanted).abs() <= tolerance, "{name}: {found}, scikit-image has {wanted}");
    }
}

#[test]
fn equal_volumes_have_the_best_of_all_numbers() {
    let [a, _] = golden_pair();
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
    assert_eq!((nothing.mae_body_hu, nothing.scanned_slices), (None, None));
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
    let [a, b] = golden_pair();
    let lines = compare(&a, &b).unwrap().lines();
    assert!(lines.len() >= 13);
    assert!(lines.iter().all(|l| l.definition.len() > 20 && !l.value.is_empty()));
    assert_eq!(metrics::VALUE_RANGE_HU, (-1000, 1500));
}
