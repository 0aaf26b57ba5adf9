//! Frames, views, resampling and phantoms, by identities.

use biplane::geometry::phantom::{Part, Phantom, Shape, ThoraxLimits, thorax};
use biplane::geometry::view::hangs_flipped;
use biplane::geometry::{Frame, FrameError, Preset, Volume, resample::resample};
use biplane::units::{Hu, MU_WATER, Radians};
use proptest::prelude::*;

fn close(a: [f64; 3], b: [f64; 3], tolerance: f64) -> bool {
    (0..3).all(|k| (a[k] - b[k]).abs() <= tolerance)
}

/// A rotation about z then x, as a direction matrix.
fn rotation(a: f64, b: f64) -> [[f64; 3]; 3] {
    let ((s, c), (t, k)) = (a.sin_cos(), b.sin_cos());
    [[c, -s * k, s * t], [s, c * k, -c * t], [0.0, t, k]]
}

proptest! {
    #[test]
    fn voxel_and_world_are_inverse(a in -3.0..3.0f64, b in -3.0..3.0f64, p in prop::array::uniform3(-300.0..300.0f64)) {
        let frame = Frame::new([7, 5, 9], [0.7, 1.3, 2.5], [-10.0, 20.0, 5.0], rotation(a, b)).unwrap();
        prop_assert!(close(frame.world_from_voxel(frame.voxel_from_world(p)), p, 1e-9));
    }

    #[test]
    fn pixels_and_rays_agree(deg in 0.0..360.0f64, p in prop::array::uniform3(-170.0..170.0f64)) {
        for preset in Preset::ALL {
            let view = preset.view_at(Radians::from_degrees(deg));
            let [col, row] = view.pixel_from_world(p).unwrap();
            let ray = view.ray(col, row);
            // The point lies on the ray of the pixel on which it falls.
            let d: [f64; 3] = std::array::from_fn(|k| p[k] - ray.origin_mm[k]);
            let along = (0..3).map(|k| d[k] * ray.direction_mm[k]).sum::<f64>()
                / ray.direction_mm.iter().map(|v| v * v).sum::<f64>();
            let near: [f64; 3] = std::array::from_fn(|k| ray.origin_mm[k] + along * ray.direction_mm[k]);
            prop_assert!(close(near, p, 1e-6));
        }
    }
}

#[test]
fn singular_and_absurd_frames_are_refused() {
    let zero = [[0.0; 3]; 3];
    assert_eq!(Frame::new([2; 3], [1.0; 3], [0.0; 3], zero), Err(FrameError::Direction));
    let nan = [[f64::NAN; 3]; 3];
    assert_eq!(Frame::new([2; 3], [1.0; 3], [0.0; 3], nan), Err(FrameError::Direction));
    assert!(matches!(Frame::new([2; 3], [0.0, 1.0, 1.0], [0.0; 3], rotation(0.0, 0.0)), Err(FrameError::Spacing(..))));
    assert!(matches!(Frame::new([0, 2, 2], [1.0; 3], [0.0; 3], rotation(0.0, 0.0)), Err(FrameError::Dims(..))));
}

#[test]
fn the_cube_is_centred_on_its_isocentre() {
    let cube = Frame::cube([0.0; 3]);
    assert!(close(cube.origin_mm(), [-177.8; 3], 1e-9));
    assert!(close(cube.world_from_voxel([63.5; 3]), [0.0; 3], 1e-9));
    assert!(cube.is_cube() && !Frame::cube_of(64, [0.0; 3]).is_cube());
}

#[test]
fn films_hang_with_left_on_the_right_and_front_on_the_left() {
    let letters = |deg: f64| {
        let view = Preset::Simulated.view_at(Radians::from_degrees(deg));
        let [left, right, top, _] = view.edge_letters();
        (left, right, top)
    };
    assert_eq!(letters(0.0), ('R', 'L', 'H'));
    assert_eq!(letters(180.0), ('R', 'L', 'H'));
    assert_eq!(letters(90.0), ('A', 'P', 'H'));
    assert_eq!(letters(270.0), ('A', 'P', 'H'));
    assert!(hangs_flipped(Radians::from_degrees(180.0)) && !hangs_flipped(Radians::from_degrees(90.0)));
}

#[test]
fn the_source_on_the_patients_left_sees_the_left_first() {
    let view = Preset::Simulated.view_at(Radians::from_degrees(90.0));
    assert!(close(view.source_mm().unwrap(), [1000.0, 0.0, 0.0], 1e-9));
    let ap = Preset::Simulated.view_at(Radians::from_degrees(0.0));
    assert!(close(ap.source_mm().unwrap(), [0.0, -1000.0, 0.0], 1e-9));
}

#[test]
fn pairs_closer_than_thirty_degrees_warn_also_from_opposite_sides() {
    let mut pair = Preset::Simulated.pair();
    assert!(!pair.is_narrow());
    pair.views[1].angle = Radians::from_degrees(200.0);
    assert!((pair.separation_deg() - 20.0).abs() < 1e-9 && pair.is_narrow());
}

#[test]
fn resampling_keeps_linear_fields_and_means() {
    let fine = Frame::centred([60, 60, 60], [1.0; 3], [0.0; 3]).unwrap();
    let ramp: Vec<i16> = (0..fine.len()).map(|i| ((i % 60) * 10) as i16).collect();
    let volume = Volume::new(fine, ramp).unwrap();
    let coarse = Frame::centred([16, 16, 16], [3.0; 3], [0.0; 3]).unwrap();
    let out = resample(&volume, &coarse);
    for x in 0..16 {
        // Voxel x of the coarse grid has its centre at fine index 29.5 + 3 (x - 7.5).
        let wanted = 10.0 * (29.5 + 3.0 * (x as f64 - 7.5));
        assert!((f64::from(out.at(x, 8, 8).unwrap()) - wanted).abs() <= 1.0, "{x}");
    }
    let outside = resample(&volume, &Frame::centred([4; 3], [1.0; 3], [500.0, 0.0, 0.0]).unwrap());
    assert!(outside.hu().iter().all(|&v| v == -1024));
}

/// Where the grids have the same axes, and where they are turned by some degrees about z and x.
fn turned(degrees: f64) -> [[f64; 3]; 3] {
    let (s, c) = degrees.to_radians().sin_cos();
    [[c, -s * c, s * s], [s, c * c, -s * c], [0.0, s, c]]
}

#[test]
fn resampling_keeps_a_constant_to_its_edge_and_is_padding_beyond() {
    for degrees in [0.0, 7.0] {
        let fine = Frame::new([50, 41, 33], [0.7, 0.9, 1.3], [-20.0, 5.0, 9.0], turned(degrees)).unwrap();
        let volume = Volume::filled(fine.clone(), Hu(-700.0));
        let out = resample(&volume, &Frame::centred([40; 3], [2.8; 3], fine.centre_mm()).unwrap());
        for (i, &v) in out.hu().iter().enumerate() {
            let at = [i % 40, i / 40 % 40, i / 1600].map(|k| k as f64);
            let p = fine.voxel_from_world(out.frame().world_from_voxel(at));
            // Half a voxel beyond the outermost centres still belongs to the volume; on that border both are right.
            let depth = (0..3).map(|k| (p[k] + 0.5).min(fine.dims()[k] as f64 - 0.5 - p[k])).fold(f64::MAX, f64::min);
            let wanted = if depth > 0.0 { -700 } else { -1024 };
            assert!(v == wanted || depth.abs() < 1e-3, "{degrees}: {v} at depth {depth}");
        }
    }
}

#[test]
fn resampling_keeps_a_ramp_along_every_axis() {
    for (degrees, axis) in [(0.0, 0), (0.0, 1), (0.0, 2), (7.0, 0), (7.0, 1), (7.0, 2)] {
        let fine = Frame::new([60, 64, 70], [0.8, 0.7, 0.9], [3.0, -4.0, 5.0], turned(degrees)).unwrap();
        let hu = |p: [f64; 3]| 900.0 + 20.0 * p[axis];
        let voxel = |i: usize| [i % 60, i / 60 % 64, i / (60 * 64)].map(|k| k as f64);
        let values = (0..fine.len()).map(|i| hu(fine.world_from_voxel(voxel(i))).round() as i16).collect();
        let volume = Volume::new(fine.clone(), values).unwrap();
        for spacing in [2.8, 0.5] {
            let out = resample(&volume, &Frame::centred([8; 3], [spacing; 3], fine.centre_mm()).unwrap());
            for (i, &v) in out.hu().iter().enumerate() {
                let at = out.frame().world_from_voxel([i % 8, i / 8 % 8, i / 64].map(|k| k as f64));
                assert!((f64::from(v) - hu(at)).abs() < 2.0, "{degrees} {axis} {spacing}: {v} for {}", hu(at));
            }
        }
    }
}

#[test]
fn resampling_onto_the_same_grid_changes_nothing() {
    for degrees in [0.0, 7.0] {
        let frame = Frame::new([23, 17, 19], [0.71, 0.93, 1.3], [-20.3, 5.1, 900.7], turned(degrees)).unwrap();
        let noise = (0..frame.len()).map(|i| ((i * 7919) % 4096) as i16 - 1024).collect();
        let volume = Volume::new(frame.clone(), noise).unwrap();
        assert!(resample(&volume, &frame) == volume, "{degrees}");
    }
}

#[test]
fn a_coarser_grid_sees_no_pattern_finer_than_itself() {
    // Stripes one voxel wide: any sampling without a low-pass keeps them as beats of up to +-500 HU.
    for (degrees, axis) in [(0.0, 0), (0.0, 1), (0.0, 2), (5.0, 0), (5.0, 1), (5.0, 2)] {
        let fine = Frame::new([90; 3], [0.7; 3], [0.0; 3], turned(degrees)).unwrap();
        let values = (0..fine.len()).map(|i| if [i % 90, i / 90 % 90, i / 8100][axis] % 2 == 0 { 500 } else { -500 });
        let volume = Volume::new(fine.clone(), values.collect()).unwrap();
        let out = resample(&volume, &Frame::centred([12; 3], [2.8; 3], fine.centre_mm()).unwrap());
        // Along the axes the box holds whole periods; across them it is a little wider than needed.
        let most = if degrees == 0.0 { 2 } else { 100 };
        let worst = out.hu().iter().map(|v| v.abs()).max().unwrap();
        assert!(worst <= most, "{degrees} {axis}: {worst}");
        let kept = resample(&volume, &fine);
        assert_eq!(kept.at(45, 45, 45).map(i16::abs), Some(500));
    }
}

#[test]
fn ellipsoid_integral_is_its_chord() {
    let ball = Phantom::new(vec![Part { shape: Shape::ellipsoid([10.0, 0.0, -5.0], [50.0; 3]), r: 1.0 }]);
    let view = Preset::Simulated.view_at(Radians(0.3));
    let [col, row] = view.pixel_from_world([10.0, 0.0, -5.0]).unwrap();
    let through = ball.line_integral(&view.ray(col, row));
    assert!((through - 100.0 * MU_WATER.0).abs() < 1e-9);
}

#[test]
fn later_parts_hide_earlier_ones_exactly() {
    let outer = Part { shape: Shape::cuboid([0.0; 3], [50.0; 3]), r: 1.0 };
    let hole = Part { shape: Shape::capsule([0.0, -30.0, 0.0], [0.0, 30.0, 0.0], 10.0), r: 0.0 };
    let view = Preset::Parallel.view_at(Radians(0.0));
    let [col, row] = view.pixel_from_world([0.0; 3]).unwrap();
    let p = Phantom::new(vec![outer, hole]).line_integral(&view.ray(col, row));
    assert!((p - (100.0 - 80.0) * MU_WATER.0).abs() < 1e-9);
}

#[test]
fn voxels_hold_the_phantoms_volume() {
    let ball = Phantom::new(vec![Part { shape: Shape::ellipsoid([3.0, -2.0, 1.0], [40.0, 30.0, 20.0]), r: 1.0 }]);
    let frame = Frame::cube_of(64, [0.0; 3]);
    let sum: f32 = ball.voxelise(&frame, 4).iter().sum();
    let wanted = 4.0 / 3.0 * std::f64::consts::PI * 40.0 * 30.0 * 20.0 / 5.6f64.powi(3);
    assert!((f64::from(sum) / wanted - 1.0).abs() < 5e-3);
}

#[test]
fn a_thorax_has_air_in_its_lungs_and_bone_in_its_back() {
    for seed in 0..8 {
        let phantom = thorax(seed, &ThoraxLimits::default());
        let cube = Frame::cube_of(64, [0.0; 3]);
        let volume = phantom.volume(&cube, 1);
        let share = |f: &dyn Fn(i16) -> bool| volume.hu().iter().filter(|&&v| f(v)).count() as f64 * cube.voxel_ml();
        let lung_ml = share(&|v| (-900..-600).contains(&v));
        assert!((1500.0..9000.0).contains(&lung_ml), "seed {seed}: {lung_ml} ml of lung");
        assert!(share(&|v| v > 150) > 200.0, "seed {seed}: hardly any bone");
    }
    let again = |seed| thorax(seed, &ThoraxLimits::default()).volume(&Frame::cube_of(32, [0.0; 3]), 1);
    assert_eq!(again(3), again(3));
    assert_ne!(again(3), again(4));
}
