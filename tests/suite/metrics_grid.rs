//! A reconstruction and its truth onto one grid: other sizes, orientations and places, and truth that lacks a part.

use biplane::geometry::{Frame, Volume};
use biplane::metrics::grid::truth_on_grid_of;
use biplane::metrics::{MetricsError, compare, on_grid_of, on_one_grid};
use biplane::units::Hu;

/// A volume whose HU rise evenly along the patient's axes: what resampling must keep.
fn ramp(frame: Frame) -> Volume {
    let [nx, ny, nz] = frame.dims();
    let places = (0..nz).flat_map(|z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x, y, z])));
    let hu = |voxel: [usize; 3]| {
        let [x, y, z] = frame.world_from_voxel(voxel.map(|v| v as f64));
        (2.0 * x + 3.0 * y + z).round() as i16
    };
    let values = places.map(hu).collect();
    Volume::new(frame.clone(), values).unwrap()
}

fn grid(dims: [usize; 3], spacing_mm: [f64; 3], centre_mm: [f64; 3]) -> Frame {
    Frame::centred(dims, spacing_mm, centre_mm).unwrap()
}

fn near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 2e-3, "{found}, wanted is {wanted}");
}

#[test]
fn one_grid_is_left_as_it_is() {
    let volume = ramp(grid([20, 18, 16], [4.0; 3], [5.0; 3]));
    // Headers round: a hundredth of a millimetre is no other place.
    let shifted = volume.clone().with_frame(volume.frame().moved_to([5.01, 5.0, 5.0])).unwrap();
    let aligned = on_grid_of(shifted.clone(), &volume);
    assert_eq!((aligned.volume, aligned.notes, aligned.covered), (shifted, vec![], 1.0));
}

#[test]
fn another_size_and_orientation_is_resampled_and_said() {
    let truth = ramp(grid([20, 18, 16], [4.0; 3], [0.0; 3]));
    let fine = ramp(grid([48, 40, 36], [2.0; 3], [0.0; 3]));
    let aligned = on_grid_of(fine, &truth);
    assert_eq!(aligned.volume.frame(), truth.frame());
    assert_eq!(aligned.covered, 1.0);
    assert!(
        aligned.notes.len() == 1 && aligned.notes[0].contains("48 x 40 x 36") && aligned.notes[0].contains("resampled")
    );
    let worst = aligned.volume.hu().iter().zip(truth.hu()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 2, "{worst} HU off");
    // The very same places in another order of axes: not a value changes.
    let direction = [[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, 0.0, 0.0]];
    let corner = truth.frame().world_from_voxel([19.0, 0.0, 15.0]);
    let turned = ramp(Frame::new([16, 20, 18], [4.0; 3], corner, direction).unwrap());
    let aligned = on_grid_of(turned, &truth);
    assert!(aligned.notes[0].contains("FRP") && aligned.notes[0].contains("LPH"), "{:?}", aligned.notes);
    assert_eq!((aligned.volume.hu(), aligned.covered), (truth.hu(), 1.0));
}

#[test]
fn what_has_no_counterpart_is_told_as_a_share() {
    let truth = ramp(grid([20, 20, 20], [4.0; 3], [0.0; 3]));
    // The lower half of it along z, and a fifth less along x.
    let part = ramp(grid([16, 20, 10], [4.0; 3], [8.0, 0.0, -20.0]));
    let aligned = on_grid_of(part, &truth);
    near(aligned.covered, 0.4);
    assert!(aligned.notes[1].starts_with("60.0 % of the truth's voxels lie outside of the reconstruction"));
    assert_eq!(aligned.volume.at(0, 0, 0), Some(-1024));
    // A truth of which five slices are padding, on the reconstruction's own grid.
    let mut hu = truth.hu().to_vec();
    hu[400 * 15..].fill(-1024);
    let scanned = Volume::new(truth.frame().clone(), hu).unwrap();
    let aligned = on_grid_of(truth.clone(), &scanned);
    near(aligned.covered, 0.75);
    assert!(aligned.notes.len() == 1 && aligned.notes[0].starts_with("25.0 % of the voxels have no truth"));
    // And one that ends within the reconstruction.
    let short = ramp(grid([30, 30, 10], [4.0; 3], [0.0; 3]));
    let aligned = truth_on_grid_of(short, truth.frame());
    near(aligned.covered, 0.5);
    assert!(aligned.notes[0].starts_with("the truth (30 x 30 x 10") && aligned.notes[1].starts_with("50.0 %"));
}

#[test]
fn the_cube_is_the_grid_where_one_of_both_is_it() {
    let cube = Volume::filled(Frame::cube([10.0, 0.0, 0.0]), Hu(40.0));
    let ct = ramp(grid([60, 50, 40], [6.0, 6.0, 9.0], [10.0, 0.0, 0.0]));
    for (recon, truth) in [(&cube, &ct), (&ct, &cube)] {
        let pair = on_one_grid(recon.clone(), truth.clone()).unwrap();
        assert!(pair.recon.frame().is_cube() && pair.truth.frame() == pair.recon.frame());
        assert!(pair.covered > 0.7 && !pair.notes.is_empty());
        assert!(compare(&pair.recon, &pair.truth).is_ok());
    }
    // Cubes at different places are one cube whose place is not known.
    let elsewhere = Volume::filled(Frame::cube([0.0; 3]), Hu(50.0));
    let pair = on_one_grid(elsewhere, cube.clone()).unwrap();
    assert_eq!((pair.recon.frame(), pair.covered), (cube.frame(), 1.0));
    assert!(pair.notes[0].contains("voxel by voxel"));
}

#[test]
fn volumes_apart_and_a_truth_of_padding_are_refused() {
    let truth = ramp(grid([20, 20, 20], [4.0; 3], [0.0; 3]));
    let far = ramp(grid([20, 20, 20], [4.0; 3], [0.0, 300.0, 400.0]));
    assert_eq!(on_grid_of(far.clone(), &truth).covered, 0.0);
    let error = on_one_grid(far, truth.clone()).unwrap_err();
    assert!(matches!(error, MetricsError::Apart { .. }) && error.to_string().contains("500 mm apart"), "{error}");
    let air = Volume::filled(truth.frame().clone(), Hu::PADDING);
    assert_eq!(on_one_grid(truth, air).unwrap_err(), MetricsError::NoData);
}
