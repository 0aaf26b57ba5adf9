//! Keys and mouse set anew: on screen, in the settings, and what they do then.

use super::app::{App, press, start, state};
use biplane::app::LaunchOptions;
use biplane::app::rebind::Verdict;
use biplane::app::settings::Settings;
use biplane::app::viewport::{Action, Binding, Bindings, Gesture, Mods, Place, Scheme};
use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable;
use std::path::Path;

const PLAIN: Mods = Mods { ctrl: false, shift: false };

fn with_help_open(settings: &Path) -> App {
    let mut app = start(LaunchOptions { settings: Some(settings.to_owned()), ..LaunchOptions::default() });
    app.key_press(Key::F1);
    app.step();
    app.step();
    app
}

fn tap(app: &mut App, key: Key) {
    app.key_press(key);
    app.step();
    app.step();
}

fn does(app: &App, key: Key) -> Option<Action> {
    state(app).bindings.action(Place::Window, Gesture::Key(key, PLAIN))
}

#[test]
fn a_key_is_set_anew_on_screen_and_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workstation.toml");
    let mut app = with_help_open(&file);
    press(&mut app, "Change M: Lung mask on or off");
    tap(&mut app, Key::L);
    assert_eq!((does(&app, Key::L), does(&app, Key::M)), (Some(Action::Mask), None));
    assert!(app.query_by_label("Change L: Lung mask on or off").is_some(), "the list says so at once");
    super::app::settle(&mut app);
    let again = with_help_open(&file);
    assert_eq!(does(&again, Key::L), Some(Action::Mask));
    press(&mut app, "Reset keys and mouse");
    assert_eq!((does(&app, Key::L), does(&app, Key::M)), (None, Some(Action::Mask)));
    super::app::settle(&mut app);
    assert!(Settings::load(Some(&file)).remembered.keys.is_empty());
}

#[test]
fn a_clash_is_said_before_anything_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_help_open(&folder.path().join("workstation.toml"));
    press(&mut app, "Change M: Lung mask on or off");
    tap(&mut app, Key::R);
    let waiting = state(&app).rebinding.unwrap();
    assert_eq!(waiting.pressed, Some((Gesture::Key(Key::R, PLAIN), Verdict::Taken(Action::Reset))));
    assert_eq!((does(&app, Key::R), does(&app, Key::M)), (Some(Action::Reset), Some(Action::Mask)));
    assert!(app.query_by_label_contains("R is in use: Reset the view").is_some());
    press(&mut app, "Keep as it was");
    assert_eq!(state(&app).rebinding, None);
    press(&mut app, "Change M: Lung mask on or off");
    tap(&mut app, Key::R);
    press(&mut app, "Use it here");
    assert_eq!((does(&app, Key::R), does(&app, Key::M)), (Some(Action::Mask), None));
    // What lost its key can be given another.
    press(&mut app, "Change not set: Reset the view");
    tap(&mut app, Key::Q);
    assert_eq!(does(&app, Key::Q), Some(Action::Reset));
}

#[test]
fn the_mouse_is_set_anew_on_the_marked_place_and_keys_cannot_drag() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_help_open(&folder.path().join("workstation.toml"));
    // The planes stand before the 3D view.
    app.query_all_by_role_and_label(Role::Button, "Change Right drag: Zoom").next().unwrap().click();
    app.step();
    app.step();
    assert_eq!(state(&app).rebinding.unwrap().place, Place::Plane);
    tap(&mut app, Key::K);
    assert!(matches!(state(&app).rebinding.unwrap().pressed, Some((_, Verdict::Unfit))));
    let place = app.get_by_label("The new gesture").rect().center();
    app.event(Event::PointerMoved(place));
    let modifiers = Modifiers::SHIFT;
    for pressed in [true, false] {
        app.event(Event::PointerButton { pos: place, button: PointerButton::Secondary, pressed, modifiers });
    }
    app.step();
    app.step();
    let shift = Mods { shift: true, ..PLAIN };
    let bindings = &state(&app).bindings;
    assert_eq!(bindings.action(Place::Plane, Gesture::Drag(PointerButton::Secondary, shift)), Some(Action::Zoom));
    assert_eq!(bindings.action(Place::Plane, Gesture::Drag(PointerButton::Secondary, PLAIN)), None);
    assert_eq!(
        bindings.action(Place::Volume, Gesture::Drag(PointerButton::Secondary, PLAIN)),
        Some(Action::Zoom),
        "the 3D view keeps its own"
    );
}

#[test]
fn escape_keeps_the_old_key_and_the_dialog() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = with_help_open(&folder.path().join("workstation.toml"));
    press(&mut app, "Change M: Lung mask on or off");
    tap(&mut app, Key::Escape);
    assert_eq!((state(&app).rebinding, does(&app, Key::M)), (None, Some(Action::Mask)));
    assert!(app.query_by_label("Keys and mouse").is_some());
    tap(&mut app, Key::Escape);
    assert!(app.query_by_label("Keys and mouse").is_none());
}

#[test]
fn changes_come_back_as_they_were_and_each_scheme_keeps_its_mouse() {
    let mut viewer = Bindings::of(Scheme::Viewer);
    let middle = Gesture::Drag(PointerButton::Middle, PLAIN);
    viewer.replace(
        Some(Gesture::Drag(PointerButton::Secondary, PLAIN)),
        Binding { place: Place::Plane, gesture: middle, action: Action::Zoom },
    );
    let l = Gesture::Key(Key::L, PLAIN);
    viewer
        .replace(Some(Gesture::Key(Key::M, PLAIN)), Binding { place: Place::Window, gesture: l, action: Action::Mask });
    let changes = viewer.changes();
    let (back, unread) = Bindings::rebound(Scheme::Viewer, &changes);
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(back.changes(), changes);
    for binding in viewer.table() {
        assert_eq!(back.action(binding.place, binding.gesture), Some(binding.action), "{binding:?}");
    }
    // The other scheme takes the keys, not the mouse, and forgets nothing of this one.
    let (planning, unread) = Bindings::rebound(Scheme::Planning, &changes);
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(planning.action(Place::Window, l), Some(Action::Mask));
    assert_eq!(planning.action(Place::Plane, middle), Some(Action::Pan));
    assert_eq!(Bindings::rebound(Scheme::Viewer, &planning.remembered_with(&changes)).0.changes(), changes);
}
