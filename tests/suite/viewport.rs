//! The four pictures: geometry, letters, gestures, history, and what stands on the screen at which pixel.

use biplane::app::offscreen::{self, OffscreenError, Stage};
use biplane::app::viewport::bindings::Mods;
use biplane::app::viewport::geometry::{
    CameraGeometry, PlaneGeometry, Slices, edge_letters, position_text, scale_bar_mm, snapped,
};
use biplane::app::viewport::{
    self, Action, Bindings, Camera, Gesture, Layout, Look, MaskView, Pace, Pane, Place, PlaneView, Resources, Scene,
    Scheme, Style, ViewCommand, ViewState, Viewer, WINDOW_PRESETS, commands_for, hu_at,
};
use biplane::geometry::{Axis, Frame, Vec3, Volume};
use biplane::gpu::{Gpu, Picture, Window};
use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, pos2};
use egui_kittest::kittest::Queryable;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const LPS: [Vec3; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

fn near(a: Vec3, b: Vec3) -> bool {
    (0..3).all(|k| (a[k] - b[k]).abs() < 1e-6)
}

/// Turned about z by `angle` and about x by `tilt`, with one axis stored backwards: right angles all the same.
fn turned(angle: f64, tilt: f64) -> [Vec3; 3] {
    let ((s, c), (ts, tc)) = (angle.sin_cos(), tilt.sin_cos());
    [[-c, -s * tc, s * ts], [-s, c * tc, -c * ts], [0.0, ts, tc]]
}

proptest! {
    #[test]
    fn a_pixel_and_its_point_are_each_others_inverse(
        axis in 0usize..3, zoom in 0.3f64..30.0, pan in [-50f64..50.0, -50f64..50.0], flips: [bool; 2],
        angle in -3.0f64..3.0, tilt in -0.4f64..0.4, px in [0f64..800.0, 0f64..500.0],
    ) {
        let frame = Frame::new([40, 50, 60], [1.0, 2.0, 3.0], [10.0, -20.0, 30.0], turned(angle, tilt)).unwrap();
        let view = PlaneView { zoom, pan_mm: pan, flip: flips };
        let cursor = frame.centre_mm();
        let plane = PlaneGeometry::new(&frame, Axis::ALL[axis], &view, cursor, [800.0, 500.0]);
        let world = plane.world_from_px(px);
        prop_assert!((world[axis] - cursor[axis]).abs() < 1e-9, "left the plane");
        let back = plane.px_from_world(world);
        prop_assert!((back[0] - px[0]).abs() < 1e-6 && (back[1] - px[1]).abs() < 1e-6);
        // The transform for the shader says the same, at pixel centres.
        let [origin, du, dv] = plane.voxel_from_px(&frame);
        let by_steps: Vec3 = std::array::from_fn(|k| origin[k] + du[k] * (px[0] - 0.5) + dv[k] * (px[1] - 0.5));
        prop_assert!(near(frame.world_from_voxel(by_steps), world));
    }

    #[test]
    fn zooming_keeps_the_point_under_the_pointer(
        axis in 0usize..3, factor in 0.5f64..3.0, px in [150f64..250.0, 100f64..200.0], flips: [bool; 2],
    ) {
        let frame = Frame::cube([5.0, 6.0, 7.0]);
        let axis = Axis::ALL[axis];
        let mut state = ViewState::default();
        state.meet(&frame);
        state.planes[axis.index()].flip = flips;
        let plane = |s: &ViewState| PlaneGeometry::new(&frame, axis, s.plane(axis), s.cursor_mm, [400.0, 300.0]);
        let point = plane(&state).world_from_px(px);
        state.apply(&ViewCommand::Zoom { axis, factor, about_mm: point }, Some(&frame));
        let after = plane(&state).px_from_world(point);
        prop_assert!((after[0] - px[0]).abs() < 1e-6 && (after[1] - px[1]).abs() < 1e-6);
        prop_assert!((plane(&state).mm_per_px * factor * state.plane(axis).zoom / factor / state.plane(axis).zoom
            - plane(&state).mm_per_px).abs() < 1e-12);
    }
}

#[test]
fn pictures_hang_in_the_radiological_convention() {
    let frame = Frame::cube([0.0; 3]);
    let letters = |axis, flip| {
        let view = PlaneView { flip, ..PlaneView::default() };
        PlaneGeometry::new(&frame, axis, &view, [0.0; 3], [300.0, 300.0]).edge_letters()
    };
    assert_eq!(letters(Axis::Z, [false, false]), ['R', 'L', 'A', 'P']);
    assert_eq!(letters(Axis::Y, [false, false]), ['R', 'L', 'H', 'F']);
    assert_eq!(letters(Axis::X, [false, false]), ['A', 'P', 'H', 'F']);
    assert_eq!(letters(Axis::Z, [true, false]), ['L', 'R', 'A', 'P']);
    assert_eq!(letters(Axis::Y, [false, true]), ['R', 'L', 'F', 'H']);
}

#[test]
fn letters_are_true_however_the_volume_is_stored() {
    // Stored from left to right and head to foot: the picture must not care.
    let backwards = [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
    let frame = Frame::new([10, 10, 10], [1.0; 3], [0.0; 3], backwards).unwrap();
    let plane = PlaneGeometry::new(&frame, Axis::Z, &PlaneView::default(), frame.centre_mm(), [100.0, 100.0]);
    assert_eq!(plane.edge_letters(), ['R', 'L', 'A', 'P']);
    // What lies to the patient's left falls on the right half of the screen.
    let left_most = frame.world_from_voxel([0.0, 5.0, 5.0]);
    assert!(plane.px_from_world(left_most)[0] > 60.0);
}

#[test]
fn pixels_are_square_in_mm_and_all_is_seen() {
    let frame = Frame::new([100, 50, 20], [0.7, 0.7, 5.0], [0.0; 3], LPS).unwrap();
    for axis in Axis::ALL {
        let plane = PlaneGeometry::new(&frame, axis, &PlaneView::default(), frame.centre_mm(), [500.0, 333.0]);
        let step = |a: [f64; 2], b: [f64; 2]| {
            let (a, b) = (plane.world_from_px(a), plane.world_from_px(b));
            (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt()
        };
        assert!((step([0.0, 0.0], [1.0, 0.0]) - step([0.0, 0.0], [0.0, 1.0])).abs() < 1e-9);
        for corner in [[-0.5, -0.5, -0.5], [99.5, 49.5, 19.5]] {
            let px = plane.px_from_world(frame.world_from_voxel(corner));
            assert!(px[0] >= 0.0 && px[0] <= 500.0 && px[1] >= 0.0 && px[1] <= 333.0, "{axis:?} {px:?}");
        }
    }
}

#[test]
fn axial_slices_are_read_from_head_to_feet() {
    let frame = Frame::new([4, 5, 6], [1.0, 1.0, 2.5], [0.0, 0.0, 100.0], LPS).unwrap();
    let slices = Slices::of(&frame, Axis::Z);
    assert_eq!((slices.count, slices.step_mm), (6, 2.5));
    assert_eq!(slices.position_mm(0), 112.5);
    assert_eq!(slices.position_mm(99), 100.0);
    assert_eq!(slices.index_of([0.0, 0.0, 112.5]), 0);
    assert_eq!(slices.index_of([0.0, 0.0, 103.0]), 4);
    assert_eq!(Slices::of(&frame, Axis::Y).index_of([0.0, 3.0, 0.0]), 3);
}

#[test]
fn stepping_visits_every_slice_once_and_stops_at_the_ends() {
    let frame = Frame::new([4, 5, 6], [1.3, 1.1, 2.5], [7.0, -3.0, 100.0], LPS).unwrap();
    for axis in Axis::ALL {
        let mut state = ViewState::default();
        state.meet(&frame);
        let before = state.cursor_mm;
        state.apply(&ViewCommand::GoToSlice { axis, index: 0 }, Some(&frame));
        let slices = Slices::of(&frame, axis);
        for expected in 0..slices.count {
            assert_eq!(slices.index_of(state.cursor_mm), expected);
            state.apply(&ViewCommand::Step { axis, slices: 1 }, Some(&frame));
        }
        assert_eq!(slices.index_of(state.cursor_mm), slices.count - 1);
        state.apply(&ViewCommand::Step { axis, slices: i64::MIN }, Some(&frame));
        assert_eq!(slices.index_of(state.cursor_mm), 0);
        let others = Axis::ALL.into_iter().filter(|a| *a != axis);
        others.for_each(|a| assert!((state.cursor_mm[a.index()] - before[a.index()]).abs() < 1e-9));
    }
}

#[test]
fn tilted_volumes_can_be_scrolled_through_too() {
    let frame = Frame::new([40, 50, 60], [1.0, 1.0, 2.0], [0.0; 3], turned(0.2, 0.3)).unwrap();
    let mut state = ViewState::default();
    state.meet(&frame);
    state.apply(&ViewCommand::GoToSlice { axis: Axis::Z, index: 0 }, Some(&frame));
    let slices = Slices::of(&frame, Axis::Z);
    for expected in 0..slices.count {
        assert_eq!(slices.index_of(state.cursor_mm), expected);
        state.apply(&ViewCommand::Step { axis: Axis::Z, slices: 1 }, Some(&frame));
    }
}

#[test]
fn the_crosshair_stands_on_voxels_and_inside() {
    let frame = Frame::new([4, 5, 6], [2.0; 3], [0.0; 3], LPS).unwrap();
    assert!(near(snapped(&frame, [2.9, 3.1, 900.0]), [2.0, 4.0, 10.0]));
    let mut state = ViewState::default();
    state.apply(&ViewCommand::MoveCursor([f64::NAN, 0.0, 0.0]), Some(&frame));
    assert_eq!(state.cursor_mm, [0.0; 3]);
    state.cursor_mm = [f64::INFINITY; 3];
    state.settle(&frame);
    assert!(state.cursor_mm.iter().all(|v| v.is_finite()));
}

#[test]
fn scale_bars_have_round_lengths_that_fit() {
    for (mm_per_px, expected) in [(1.0, 100.0), (0.5, 50.0), (0.4, 20.0), (0.02, 2.0), (3.0, 200.0)] {
        assert_eq!(scale_bar_mm(mm_per_px, 100.0), expected);
    }
}

#[test]
fn positions_are_said_with_letters() {
    assert_eq!(position_text(Axis::Z, -12.64), "F 12.6 mm");
    assert_eq!(position_text(Axis::X, 3.0), "L 3.0 mm");
    assert_eq!(position_text(Axis::Y, -0.04), "P 0.0 mm");
}

#[test]
fn the_camera_begins_in_front_and_turns_to_the_side() {
    let frame = Frame::cube([0.0; 3]);
    let seen = |azimuth_rad, elevation_rad| {
        CameraGeometry::new(&frame, &Camera { azimuth_rad, elevation_rad, ..Camera::default() }, [200.0, 100.0])
    };
    let front = seen(0.0, 0.0);
    assert!(near(front.forward, [0.0, 1.0, 0.0]));
    assert_eq!(edge_letters(front.right, front.down), ['R', 'L', 'H', 'F']);
    let left = seen(std::f64::consts::FRAC_PI_2, 0.0);
    assert!(near(left.forward, [-1.0, 0.0, 0.0]), "from the patient's left side");
    assert_eq!(edge_letters(left.right, left.down), ['A', 'P', 'H', 'F']);
    let above = seen(0.0, std::f64::consts::FRAC_PI_2);
    assert!(near(above.forward, [0.0, 0.0, -1.0]));
    // A right-handed picture is never mirrored: right x down = forward.
    for view in [front, left, above, seen(0.7, -0.4)] {
        let (r, d) = (view.right, view.down);
        let cross = [r[1] * d[2] - r[2] * d[1], r[2] * d[0] - r[0] * d[2], r[0] * d[1] - r[1] * d[0]];
        assert!(near(cross, view.forward));
    }
}

#[test]
fn the_rays_of_a_coarser_picture_cover_the_same_area() {
    let frame = Frame::cube([0.0; 3]);
    let camera = CameraGeometry::new(&frame, &Camera::default(), [200.0, 100.0]);
    let middle = |size: [u32; 2]| {
        let [o, du, dv, _] = camera.voxel_rays(&frame, size);
        let [x, y] = size.map(|s| f64::from(s) / 2.0 - 0.5);
        std::array::from_fn::<f64, 3, _>(|k| o[k] + du[k] * x + dv[k] * y)
    };
    assert!(near(middle([200, 100]), [63.5; 3]) && near(middle([50, 31]), [63.5; 3]));
}

#[test]
fn nothing_goes_wrong_before_a_volume_is_loaded() {
    let mut viewer = Viewer::default();
    let about_mm = [1.0, 2.0, 3.0];
    let all = [
        ViewCommand::MoveCursor(about_mm),
        ViewCommand::Step { axis: Axis::Z, slices: 3 },
        ViewCommand::GoToSlice { axis: Axis::X, index: 9 },
        ViewCommand::Zoom { axis: Axis::Y, factor: 2.0, about_mm },
        ViewCommand::Pan { axis: Axis::Y, by_mm: [4.0, 5.0] },
        ViewCommand::PanCamera([1.0, 1.0]),
        ViewCommand::Undo,
        ViewCommand::Redo,
        ViewCommand::EndGesture,
        ViewCommand::Activate(Pane::Volume),
    ];
    for command in all {
        viewer.apply(&command, None, 0.0);
    }
    assert_eq!(viewer.state, ViewState { active: Pane::Volume, ..ViewState::default() });
    viewer.apply(&ViewCommand::Reset, None, 0.0);
    viewer.apply(&ViewCommand::Fit, None, 0.0);
    let keys = Bindings::default();
    for binding in keys.table() {
        if let Some(commands) = commands_for(binding.action, &viewer.state, None) {
            commands.iter().for_each(|c| viewer.apply(c, None, 0.0));
        }
    }
}

#[test]
fn absurd_values_are_refused() {
    let frame = Frame::cube([0.0; 3]);
    let mut state = ViewState::default();
    let window = |centre_hu, width_hu| ViewCommand::SetWindow(Window { centre_hu, width_hu });
    state.apply(&window(f64::NAN, 100.0), None);
    assert_eq!(state.window, ViewState::default().window);
    state.apply(&window(0.0, -5.0), None);
    assert_eq!(state.window.width_hu, 1.0);
    for factor in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        state.apply(&ViewCommand::Zoom { axis: Axis::Z, factor, about_mm: [0.0; 3] }, Some(&frame));
        state.apply(&ViewCommand::ZoomCamera(factor), None);
    }
    assert_eq!((state.plane(Axis::Z).zoom, state.camera.zoom), (1.0, 1.0));
    state.apply(&ViewCommand::Pan { axis: Axis::Z, by_mm: [1e9, f64::NAN] }, Some(&frame));
    assert!(state.plane(Axis::Z).pan_mm[0] <= 180.0 && state.plane(Axis::Z).pan_mm[1] == 0.0);
}

#[test]
fn a_drag_is_one_step_of_undo_and_the_cursor_is_none() {
    let frame = Frame::cube([0.0; 3]);
    let mut viewer = Viewer::default();
    let mut now = 0.0;
    let mut send = |viewer: &mut Viewer, command: ViewCommand| {
        now += 0.05;
        viewer.apply(&command, Some(&frame), now);
    };
    let window = |centre_hu| ViewCommand::SetWindow(Window { centre_hu, width_hu: 400.0 });
    for step in 1..=10 {
        send(&mut viewer, window(f64::from(step)));
    }
    send(&mut viewer, ViewCommand::EndGesture);
    for step in 11..=20 {
        send(&mut viewer, window(f64::from(step)));
    }
    send(&mut viewer, ViewCommand::MoveCursor([14.0, 0.0, 0.0]));
    send(&mut viewer, ViewCommand::Step { axis: Axis::Z, slices: 4 });
    let looked_at = viewer.state.cursor_mm;
    send(&mut viewer, ViewCommand::Undo);
    assert_eq!(viewer.state.window.centre_hu, 10.0);
    assert_eq!(viewer.state.cursor_mm, looked_at, "undo must not move the crosshair");
    send(&mut viewer, ViewCommand::Undo);
    assert_eq!(viewer.state.window, ViewState::default().window);
    assert!(!viewer.can_undo());
    send(&mut viewer, ViewCommand::Redo);
    send(&mut viewer, ViewCommand::Redo);
    assert_eq!((viewer.state.window.centre_hu, viewer.can_redo()), (20.0, false));
    send(&mut viewer, ViewCommand::Undo);
    send(&mut viewer, ViewCommand::Invert);
    assert!(!viewer.can_redo(), "a new change ends the future");
    // Clicks are steps of their own, however fast.
    send(&mut viewer, ViewCommand::Invert);
    send(&mut viewer, ViewCommand::Undo);
    assert!(viewer.state.invert);
}

#[test]
fn a_view_survives_a_session_file() {
    let mut state = ViewState::default();
    state.apply(&ViewCommand::Orbit([0.3, 0.2]), None);
    state.apply(&ViewCommand::Maximise(Pane::Plane(Axis::Y)), None);
    state.apply(&ViewCommand::SetMask(MaskView { on: true, threshold_hu: -320.0, opacity: 0.5 }), None);
    let text = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<ViewState>(&text).unwrap(), state);
    assert_eq!(serde_json::from_str::<ViewState>("{}").unwrap(), ViewState::default());
}

#[test]
fn no_gesture_means_two_things_and_every_line_can_be_read_back() {
    for scheme in Scheme::ALL {
        let bindings = Bindings::of(scheme);
        for (i, a) in bindings.table().iter().enumerate() {
            assert_eq!(Gesture::parse(&a.gesture.text()), Some(a.gesture), "{}", a.gesture.text());
            let rest = &bindings.table()[i + 1..];
            let clash =
                |b: &&viewport::Binding| b.gesture == a.gesture && (b.place == a.place || b.place == Place::Window);
            assert_eq!(rest.iter().find(clash), None, "{scheme:?}: {}", a.gesture.text());
        }
        let rows = bindings.help();
        assert!(rows.iter().all(|r| !r.description.is_empty()));
        let said: usize = rows.iter().map(|r| r.text().split(", ").count()).sum();
        assert_eq!(said, bindings.table().len(), "the help prints the whole table");
    }
    assert_eq!(Gesture::parse("Hyper+Q"), None);
    assert_eq!(Gesture::parse(""), None);
}

#[test]
fn the_schemes_are_those_of_the_two_habits() {
    let plain = Mods::default();
    let ctrl = Mods { ctrl: true, shift: false };
    let drag = |button| Gesture::Drag(button, plain);
    let (viewer, planning) = (Bindings::of(Scheme::Viewer), Bindings::of(Scheme::Planning));
    let does = |b: &Bindings, g| b.action(Place::Plane, g);
    assert_eq!(does(&viewer, drag(PointerButton::Primary)), Some(Action::WindowLevel));
    assert_eq!(does(&viewer, drag(PointerButton::Secondary)), Some(Action::Zoom));
    assert_eq!(does(&planning, drag(PointerButton::Primary)), Some(Action::Crosshair));
    assert_eq!(does(&planning, drag(PointerButton::Secondary)), Some(Action::WindowLevel));
    for scheme in [&viewer, &planning] {
        assert_eq!(does(scheme, drag(PointerButton::Middle)), Some(Action::Pan));
        assert_eq!(does(scheme, Gesture::Wheel(plain)), Some(Action::ScrollSlices));
        assert_eq!(does(scheme, Gesture::Wheel(ctrl)), Some(Action::Zoom));
        assert_eq!(does(scheme, Gesture::DoubleClick), Some(Action::Maximise));
        assert_eq!(does(scheme, Gesture::Move(Mods { ctrl: false, shift: true })), Some(Action::Crosshair));
        let key = |k| scheme.action(Place::Window, Gesture::Key(k, plain));
        let with_ctrl = |k| scheme.action(Place::Window, Gesture::Key(k, ctrl));
        assert_eq!(key(Key::Num1), Some(Action::Preset(0)));
        assert_eq!(key(Key::Space), Some(Action::Play));
        assert_eq!(key(Key::F1), Some(Action::Help));
        assert_eq!((with_ctrl(Key::O), with_ctrl(Key::E)), (Some(Action::Open), Some(Action::Export)));
        assert_eq!((with_ctrl(Key::Z), with_ctrl(Key::Y)), (Some(Action::Undo), Some(Action::Redo)));
    }
    let windows = WINDOW_PRESETS.map(|p| (p.window.width_hu, p.window.centre_hu));
    assert_eq!(windows, [(1300.0, 150.0), (1500.0, -600.0), (350.0, 50.0), (1800.0, 400.0), (400.0, 40.0)]);
    assert_eq!(WINDOW_PRESETS[0].window.ends_hu(), [-500.0, 800.0]);
}

#[test]
fn gestures_can_be_rebound() {
    let changes = BTreeMap::from([
        ("right drag".to_owned(), "pan".to_owned()),
        ("K".to_owned(), "invert".to_owned()),
        ("Wheel".to_owned(), "fly".to_owned()),
    ]);
    let (bindings, unread) = Bindings::rebound(Scheme::Viewer, &changes);
    let drag = Gesture::Drag(PointerButton::Secondary, Mods::default());
    assert_eq!(bindings.action(Place::Plane, drag), Some(Action::Pan));
    assert_eq!(bindings.action(Place::Window, Gesture::Key(Key::K, Mods::default())), Some(Action::Invert));
    assert_eq!(unread, ["Wheel = fly"]);
}

#[test]
fn playing_goes_round() {
    let frame = Frame::new([4, 4, 3], [1.0; 3], [0.0; 3], LPS).unwrap();
    let mut state = ViewState::default();
    state.meet(&frame);
    let mut started = None;
    assert_eq!(viewport::play(&state, &frame, &mut started, 0.0), None);
    state.apply(&ViewCommand::TogglePlay, None);
    assert_eq!(viewport::play(&state, &frame, &mut started, 10.0), None);
    let next = viewport::play(&state, &frame, &mut started, 10.07);
    assert_eq!(next, Some(ViewCommand::GoToSlice { axis: Axis::Z, index: 2 }));
    state.apply(&next.unwrap(), Some(&frame));
    let round = viewport::play(&state, &frame, &mut started, 10.14);
    assert_eq!(round, Some(ViewCommand::GoToSlice { axis: Axis::Z, index: 0 }));
}

/// A patient of cubes: bright at the patient's left, front and head, each at its own HU.
fn landmarks() -> Arc<Volume> {
    let frame = Frame::centred([40, 40, 40], [4.0; 3], [0.0; 3]).unwrap();
    let hu = (0..frame.len()).map(|i| {
        let (x, y, z) = (i % 40, i / 40 % 40, i / 1600);
        match (x, y, z) {
            (28..36, 16..24, 16..24) => 700,
            (16..24, 4..12, 16..24) => 400,
            (16..24, 16..24, 28..36) => 100,
            _ => -400,
        }
    });
    Arc::new(Volume::new(frame.clone(), hu.collect()).unwrap())
}

/// Two frames of one pane after these events, then its picture; the state takes the commands.
struct Desk {
    stage: Stage,
    scene: Option<Scene>,
    viewer: Viewer,
    bindings: Bindings,
    style: Style,
}

impl Desk {
    /// `None` where no adapter is there.
    fn new(scene: Option<Scene>, layout: Layout) -> Option<Self> {
        let gpu = Gpu::headless().inspect_err(|e| println!("SKIPPED: {e}")).ok()?;
        let mut viewer = Viewer::default();
        scene.iter().for_each(|s| viewer.state.meet(s.frame()));
        viewer.state.layout = layout;
        let stage = Stage::new(gpu, [400, 400], 1.0).unwrap();
        Some(Self { stage, scene, viewer, bindings: Bindings::default(), style: Style::default() })
    }

    fn send(&mut self, events: Vec<Event>) -> Vec<ViewCommand> {
        let Self { stage, scene, viewer, bindings, style } = self;
        let mut commands = Vec::new();
        let state = viewer.state.clone();
        stage.frame(events, &mut |ui| {
            let look = Look { scene: scene.as_ref(), state: &state, bindings, style, empty: "Open a volume" };
            commands = viewport::show(ui, &look);
        });
        let frame = scene.as_ref().map(|s| s.frame());
        commands.iter().for_each(|c| viewer.apply(c, frame, 0.0));
        commands
    }

    fn picture(&mut self) -> Picture {
        self.send(vec![Event::PointerGone]);
        let Self { stage, scene, viewer, bindings, style } = self;
        stage
            .picture(Vec::new(), &mut |ui| {
                let look = Look { scene: scene.as_ref(), state: &viewer.state, bindings, style, empty: "" };
                viewport::show(ui, &look);
            })
            .unwrap()
    }

    fn drag(&mut self, button: PointerButton, from: Pos2, to: Pos2) -> Vec<ViewCommand> {
        let press = |pos, pressed| Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE };
        let mut all = self.send(vec![Event::PointerMoved(from)]);
        all.extend(self.send(vec![press(from, true)]));
        for share in [0.5f32, 1.0] {
            all.extend(self.send(vec![Event::PointerMoved(from + (to - from) * share)]));
        }
        all.extend(self.send(vec![press(to, false)]));
        all
    }

    fn wheel(&mut self, at: Pos2, notches: f32, modifiers: Modifiers) -> Vec<ViewCommand> {
        let turn = Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: egui::vec2(0.0, notches),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers,
        };
        self.send(vec![Event::PointerMoved(at)]);
        self.send(vec![turn])
    }
}

/// Mean grey around (x, y) as shares of the picture.
fn grey(picture: &Picture, x: f64, y: f64) -> f64 {
    let place = |share: f64, side: u32| (share * f64::from(side)) as u32;
    let (cx, cy) = (place(x, picture.width), place(y, picture.height));
    let near = (0..25).map(|i| picture.at(cx + i % 5 - 2, cy + i / 5 - 2).unwrap()[0]);
    near.map(f64::from).sum::<f64>() / 25.0
}

/// The grey of a CT number in the default window.
fn level(hu: f64) -> f64 {
    (hu + 500.0) / 1300.0 * 255.0
}

/// The grey of a value in the 3D view's own window, [-100, 900] HU.
fn projected(hu: f64) -> f64 {
    ((hu + 100.0) / 1000.0).clamp(0.0, 1.0) * 255.0
}

#[test]
fn left_front_and_head_stand_where_they_belong() {
    // Cube centres are 48 mm from the middle of 160 mm: 0.3 of the side, less the margin around.
    let off = 0.3 * 0.96;
    let around = |x: f64, y: f64| (0.5 + x * off, 0.5 + y * off);
    let cases = [
        (Axis::Z, around(1.0, 0.0), 700.0),
        (Axis::Z, around(0.0, -1.0), 400.0),
        (Axis::Y, around(1.0, 0.0), 700.0),
        (Axis::Y, around(0.0, -1.0), 100.0),
        (Axis::X, around(-1.0, 0.0), 400.0),
        (Axis::X, around(0.0, -1.0), 100.0),
    ];
    for (axis, (x, y), hu) in cases {
        let scene = Some(Scene::new(landmarks()));
        let Some(mut desk) = Desk::new(scene, Layout::Single(Pane::Plane(axis))) else { return };
        desk.viewer.state.crosshair_on = false;
        let picture = desk.picture();
        assert!((grey(&picture, x, y) - level(hu)).abs() < 2.0, "{axis:?}: {} at {x} {y}", grey(&picture, x, y));
        let mirrored = grey(&picture, 1.0 - x, 1.0 - y);
        assert!((mirrored - level(-400.0)).abs() < 2.0, "{axis:?}: {mirrored}");
        // Flipped left to right, the same stands on the other side.
        desk.viewer.apply(&ViewCommand::Flip { axis, horizontal: true }, None, 0.0);
        assert!((grey(&desk.picture(), 1.0 - x, y) - level(hu)).abs() < 2.0, "{axis:?} flipped");
    }
}

#[test]
fn the_projection_shows_left_on_the_right_and_head_up() {
    let Some(mut desk) = Desk::new(Some(Scene::new(landmarks())), Layout::Single(Pane::Volume)) else { return };
    let off = 0.3 / 1.1;
    let picture = desk.picture();
    assert!((grey(&picture, 0.5 + off, 0.5) - projected(700.0)).abs() < 3.0);
    assert!((grey(&picture, 0.5, 0.5 - off) - projected(100.0)).abs() < 3.0);
    assert!((grey(&picture, 0.5, 0.5) - projected(400.0)).abs() < 3.0, "the front block covers the middle");
    assert!((grey(&picture, 0.5 - off, 0.5) - projected(-400.0)).abs() < 3.0);
}

#[test]
fn hands_do_what_the_table_says() {
    let scene = Scene::new(landmarks());
    let frame = scene.frame().clone();
    let Some(mut desk) = Desk::new(Some(scene), Layout::Single(Pane::Plane(Axis::Z))) else { return };
    let (a, b) = (pos2(150.0, 150.0), pos2(250.0, 200.0));

    let before = desk.viewer.state.window;
    let commands = desk.drag(PointerButton::Primary, a, b);
    assert_eq!(commands.last(), Some(&ViewCommand::EndGesture));
    let after = desk.viewer.state.window;
    assert!(after.width_hu > before.width_hu && after.centre_hu > before.centre_hu, "{after:?}");
    desk.viewer.apply(&ViewCommand::Undo, Some(&frame), 0.0);
    assert_eq!(desk.viewer.state.window, before, "the whole drag is one step");

    let zoom = |desk: &Desk| desk.viewer.state.plane(Axis::Z).zoom;
    desk.drag(PointerButton::Secondary, b, a);
    assert!(zoom(&desk) > 1.0);
    desk.viewer.apply(&ViewCommand::Fit, Some(&frame), 0.0);
    desk.drag(PointerButton::Middle, a, b);
    let pan = desk.viewer.state.plane(Axis::Z).pan_mm;
    assert!(pan[0] < 0.0 && pan[1] < 0.0, "the picture follows the hand: {pan:?}");
    desk.viewer.apply(&ViewCommand::Fit, Some(&frame), 0.0);

    let slice = |desk: &Desk| Slices::of(&frame, Axis::Z).index_of(desk.viewer.state.cursor_mm);
    let start = slice(&desk);
    desk.wheel(a, -5.0, Modifiers::NONE);
    assert_eq!(slice(&desk), start + 5, "five notches towards the person are five slices on");
    desk.wheel(a, 0.4, Modifiers::NONE);
    desk.wheel(a, 0.4, Modifiers::NONE);
    assert_eq!(slice(&desk), start + 5);
    desk.wheel(a, 0.4, Modifiers::NONE);
    assert_eq!(slice(&desk), start + 4, "parts of notches add up");
    desk.wheel(a, 2.0, Modifiers::COMMAND);
    assert!(zoom(&desk) > 1.2 && slice(&desk) == start + 4);
}

#[test]
fn the_crosshair_comes_where_one_clicks() {
    let scene = Scene::new(landmarks());
    let frame = scene.frame().clone();
    let Some(mut desk) = Desk::new(Some(scene), Layout::Single(Pane::Plane(Axis::Z))) else { return };
    desk.bindings = Bindings::of(Scheme::Planning);
    let at = pos2(300.0, 120.0);
    desk.drag(PointerButton::Primary, at, at);
    let cursor = desk.viewer.state.cursor_mm;
    assert!(cursor[0] > 30.0 && cursor[1] < -25.0, "to the patient's left and front: {cursor:?}");
    let plane = PlaneGeometry::new(&frame, Axis::Z, &PlaneView::default(), cursor, [400.0, 400.0]);
    let px = plane.px_from_world(cursor);
    assert!((px[0] - 300.0).abs() < 6.0 && (px[1] - 120.0).abs() < 6.0, "within half a voxel: {px:?}");
    // Again and again: it must not creep. The pause keeps two clicks from being a double click.
    for _ in 0..5 {
        (0..30).for_each(|_| drop(desk.send(Vec::new())));
        desk.drag(PointerButton::Primary, at, at);
    }
    assert_eq!(desk.viewer.state.cursor_mm, cursor);
}

#[test]
fn clicks_before_loading_change_nothing_but_the_layout() {
    let Some(mut desk) = Desk::new(None, Layout::Quad) else { return };
    for at in [pos2(100.0, 100.0), pos2(300.0, 100.0), pos2(100.0, 300.0), pos2(300.0, 300.0)] {
        for button in [PointerButton::Primary, PointerButton::Secondary, PointerButton::Middle] {
            desk.drag(button, at, at + egui::vec2(30.0, 20.0));
        }
        desk.wheel(at, 3.0, Modifiers::NONE);
        desk.wheel(at, 3.0, Modifiers::COMMAND);
    }
    assert_eq!(desk.viewer.state, ViewState::default());
    assert!(desk.picture().rgba.iter().any(|&v| v > 0), "the sentence is there");
}

#[test]
fn panes_can_be_found_by_name_and_double_click_maximises() {
    if Gpu::headless().inspect_err(|e| println!("SKIPPED: {e}")).is_err() {
        return;
    }
    let scene = Scene::new(landmarks());
    let mut first = ViewState::default();
    first.meet(scene.frame());
    let (bindings, style) = (Bindings::default(), Style::default());
    let ui = move |ui: &mut egui::Ui, state: &mut ViewState| {
        let look = Look { scene: Some(&scene), state, bindings: &bindings, style: &style, empty: "" };
        for command in viewport::show(ui, &look) {
            state.apply(&command, Some(scene.frame()));
        }
    };
    let mut harness =
        egui_kittest::Harness::builder().with_size([600.0, 400.0]).with_step_dt(1.0 / 60.0).build_ui_state(ui, first);
    for name in ["Axial", "Coronal", "Sagittal", "3D"] {
        harness.get_by_label(name);
    }
    let pane = harness.get_by_label("Coronal").rect();
    for _ in 0..2 {
        for pressed in [true, false] {
            harness.event(Event::PointerMoved(pane.center()));
            harness.event(Event::PointerButton {
                pos: pane.center(),
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
        }
        harness.step();
    }
    harness.step();
    assert_eq!(harness.state().layout, Layout::Single(Pane::Plane(Axis::Y)));
    assert!(harness.query_by_label("Axial").is_none());
}

#[test]
fn the_mask_is_painted_right_and_left() {
    let volume = landmarks();
    let labels: Arc<[u8]> = (0..volume.frame().len()).map(|i| if i % 40 < 20 { 1 } else { 2 }).collect();
    let scene = Scene::new(volume).with_mask(Some(labels.clone()));
    let Some(mut desk) = Desk::new(Some(scene), Layout::Single(Pane::Plane(Axis::Z))) else { return };
    desk.viewer.state.crosshair_on = false;
    let plain = desk.picture();
    assert!(plain.at(100, 100).is_some_and(|p| p[0] == p[2]), "no mask while it is off");
    desk.viewer.state.mask = MaskView { on: true, opacity: 0.5, ..MaskView::default() };
    let picture = desk.picture();
    let (viewers_left, viewers_right) = (picture.at(100, 100).unwrap(), picture.at(300, 300).unwrap());
    assert!(viewers_left[2] > viewers_left[0] + 20, "the patient's right lung is blue: {viewers_left:?}");
    assert!(viewers_right[0] > viewers_right[2] + 20, "the patient's left lung is orange: {viewers_right:?}");
    let wrong_size: Arc<[u8]> = vec![1u8; 7].into();
    desk.scene = desk.scene.take().map(|s| s.with_mask(Some(wrong_size)));
    assert_eq!(desk.picture(), plain);
}

#[test]
fn what_does_not_change_is_not_computed_again() {
    let Some(mut desk) = Desk::new(Some(Scene::new(landmarks())), Layout::Quad) else { return };
    assert!(desk.scene.as_ref().is_some_and(Scene::is_underway));
    desk.picture();
    let scene = desk.scene.clone().unwrap();
    assert!(!scene.is_underway() && scene.progress() == 1.0 && scene.notice().is_none());
    let redrawn = |desk: &Desk| {
        let renderer = desk.stage.render_state().renderer.read();
        renderer.callback_resources.get::<Resources>().map(Resources::redrawn)
    };
    assert_eq!(redrawn(&desk), Some(4), "three planes and the 3D view, once each");
    for x in 0..5 {
        desk.send(vec![Event::PointerMoved(pos2(50.0 + 70.0 * x as f32, 120.0))]);
    }
    assert_eq!(redrawn(&desk), Some(4), "hovering computes nothing");
    desk.viewer.apply(&ViewCommand::Step { axis: Axis::Z, slices: 1 }, Some(scene.frame()), 0.0);
    desk.send(Vec::new());
    assert_eq!(redrawn(&desk), Some(5), "another axial slice leaves the other pictures alone");
    desk.viewer.apply(&ViewCommand::SetWindow(Window { centre_hu: 0.0, width_hu: 90.0 }), None, 0.0);
    desk.send(Vec::new());
    assert_eq!(redrawn(&desk), Some(8), "a window is no new march");
}

#[test]
fn the_probe_reads_the_voxel_under_the_pointer() {
    let scene = Scene::new(landmarks());
    assert_eq!(hu_at(&scene, [48.0, 0.0, 0.0]), Some(700));
    assert_eq!(hu_at(&scene, [0.0, -48.0, 0.0]), Some(400));
    assert_eq!(hu_at(&scene, [-79.9, -79.9, -79.9]), Some(-400));
    assert_eq!(hu_at(&scene, [-80.1, 0.0, 0.0]), None);
    assert_eq!(hu_at(&scene, [80.1, 0.0, 0.0]), None);
}

#[test]
fn any_closure_becomes_a_picture_of_the_asked_size() {
    if Gpu::headless().inspect_err(|e| println!("SKIPPED: {e}")).is_err() {
        return;
    }
    let mut frames = 0;
    let mut points = egui::Vec2::ZERO;
    let red = egui::Color32::from_rgb(250, 10, 20);
    let ui = |ui: &mut egui::Ui| {
        frames += 1;
        points = ui.ctx().content_rect().size();
        ui.painter().rect_filled(egui::Rect::from_min_size(pos2(10.0, 5.0), egui::vec2(20.0, 10.0)), 0.0, red);
    };
    let picture = offscreen::render([333, 101], 2.0, 3, ui, |_, _| {}).unwrap();
    assert_eq!((picture.width, picture.height, picture.rgba.len()), (333, 101, 333 * 101 * 4));
    assert_eq!((frames, points), (3, egui::vec2(166.5, 50.5)));
    assert_eq!(picture.at(40, 20), Some([250, 10, 20, 255]), "(20, 10) points are (40, 20) pixels");
    assert_eq!(picture.at(5, 5), Some([0, 0, 0, 255]));
    let scale = offscreen::render([10, 10], f32::NAN, 1, |_| {}, |_, _| {});
    assert!(matches!(scale, Err(OffscreenError::Scale(_))));
    assert!(offscreen::render([0, 10], 1.0, 1, |_| {}, |_, _| {}).is_err());
}

#[test]
fn volumes_come_to_a_window_step_by_step() {
    let Ok(gpu) = Gpu::headless().inspect_err(|e| println!("SKIPPED: {e}")) else { return };
    let mut stage = Stage::new(gpu, [200, 200], 1.0).unwrap();
    viewport::install(stage.render_state(), Pace::Gentle).unwrap();
    let frame = Frame::centred([256, 256, 256], [1.0; 3], [0.0; 3]).unwrap();
    let scene = Scene::new(Arc::new(Volume::filled(frame, biplane::units::Hu(0.0))));
    let (state, bindings, style) = (ViewState::default(), Bindings::default(), Style::default());
    let mut frames = 0;
    while scene.is_underway() {
        let look = Look { scene: Some(&scene), state: &state, bindings: &bindings, style: &style, empty: "" };
        stage.frame(Vec::new(), &mut |ui| drop(viewport::show(ui, &look)));
        frames += 1;
        assert!(frames < 1000, "the upload never ends");
    }
    assert!(frames > 2, "32 MB in {frames} frames");
}
