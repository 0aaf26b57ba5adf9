//! Which way a lateral film faces.

use biplane::geometry::phantom::{Part, Phantom, Shape};
use biplane::geometry::{Preset, Raster};
use biplane::projection::hanging::front_is_right;
use biplane::units::Radians;

/// A torso whose organs stand where a lateral shows them: retrosternal air, heart low in front, deep recess behind.
fn torso() -> Phantom {
    let ball = |centre: [f64; 3], radii: [f64; 3], r: f32| Part { shape: Shape::ellipsoid(centre, radii), r };
    Phantom::new(vec![
        ball([0.0, 0.0, 0.0], [170.0, 110.0, 190.0], 1.0),
        ball([0.0, 5.0, 20.0], [140.0, 85.0, 140.0], 0.25),
        ball([0.0, -45.0, -60.0], [70.0, 45.0, 60.0], 1.0),
        ball([0.0, 80.0, 40.0], [120.0, 28.0, 130.0], 1.3),
    ])
}

#[test]
fn a_lateral_and_its_mirror_image_are_told_apart() {
    let view = Preset::Simulated.view_at(Radians::from_degrees(90.0)).resized(96, 96);
    // Columns run to the back at 90 degrees: the front is on the left.
    let film = torso().project(&view);
    assert_eq!(front_is_right(&film), Some(false));
    assert_eq!(front_is_right(&film.clone().flipped_cols()), Some(true));
    // No tone curve that keeps the order changes it.
    assert_eq!(front_is_right(&film.flipped_cols().map(|v| v.powf(0.4))), Some(true));
}

#[test]
fn films_that_do_not_tell_are_left_alone() {
    assert_eq!(front_is_right(&Raster::filled(64, 64, 3.0)), None);
    assert_eq!(front_is_right(&Raster::filled(4, 4, 1.0)), None);
    let symmetric = torso().project(&Preset::Simulated.view_at(Radians::from_degrees(0.0)).resized(96, 96));
    assert_eq!(front_is_right(&symmetric), None);
}
