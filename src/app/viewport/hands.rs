//! What the person's hands did on a pane since the last frame, as actions of the binding table. Knows no geometry.

use super::bindings::{Action, Bindings, Gesture, Mods, Place};
use egui::{Event, MouseWheelUnit, PointerButton, Pos2, Response, Ui, Vec2};

/// A touch pad's way in points that counts as a notch of a wheel.
const POINTS_PER_NOTCH: f32 = 50.0;
/// Notches for a page.
const PAGE_NOTCHES: f32 = 10.0;
/// Zoom for a notch; two fingers spread are expressed in notches too.
pub(super) const ZOOM_PER_NOTCH: f64 = 1.1;

/// How it was done, positions in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Motion {
    /// The pointer moved by `by` and is at `at`; the button went down at `from`.
    Drag { by: Vec2, at: Pos2, from: Pos2 },
    /// Something at a place, at once.
    At(Pos2),
    /// The wheel: whole notches and the exact amount, away from the person positive.
    Wheel { whole: i64, exact: f64, at: Pos2 },
}

/// Reads all gestures on a pane; each comes with its action.
pub(super) fn read(ui: &Ui, response: &Response, place: Place, bindings: &Bindings) -> Vec<(Action, Motion)> {
    let mods: Mods = ui.input(|i| i.modifiers).into();
    let mut done = Vec::new();
    // A gesture with modifiers that mean nothing is the plain one.
    let look_up = |gesture: &dyn Fn(Mods) -> Gesture| {
        bindings.action(place, gesture(mods)).or_else(|| bindings.action(place, gesture(Mods::default())))
    };
    if response.double_clicked() {
        done.extend(bindings.action(place, Gesture::DoubleClick).zip(response.interact_pointer_pos().map(Motion::At)));
    }
    for button in [PointerButton::Primary, PointerButton::Secondary, PointerButton::Middle] {
        if let Some(action) = look_up(&|m| Gesture::Drag(button, m)) {
            done.extend(dragged(ui, response, button, action).map(|motion| (action, motion)));
        }
        if response.clicked_by(button) && !response.double_clicked() {
            let action = look_up(&|m| Gesture::Click(button, m));
            done.extend(action.zip(response.interact_pointer_pos().map(Motion::At)));
        }
    }
    if let Some(at) = response.hover_pos() {
        let moved = ui.input(|i| i.pointer.delta() != Vec2::ZERO && !i.pointer.any_down());
        if moved && mods != Mods::default() {
            done.extend(bindings.action(place, Gesture::Move(mods)).map(|action| (action, Motion::At(at))));
        }
        done.extend(wheel(ui, response, place, bindings, at));
    }
    done
}

/// The drag of one button. The crosshair follows from the press on; what changes by distance waits until it is
/// clear that it is no click.
fn dragged(ui: &Ui, response: &Response, button: PointerButton, action: Action) -> Option<Motion> {
    let held = response.is_pointer_button_down_on() && ui.input(|i| i.pointer.button_down(button));
    let active = if action == Action::Crosshair { held } else { response.dragged_by(button) };
    let at = response.interact_pointer_pos().filter(|_| active)?;
    let from = ui.input(|i| i.pointer.press_origin()).unwrap_or(at);
    Some(Motion::Drag { by: ui.input(|i| i.pointer.delta()), at, from })
}

/// Wheel events themselves, not egui's smoothed scroll: five notches are five slices.
fn wheel(ui: &Ui, response: &Response, place: Place, bindings: &Bindings, at: Pos2) -> Vec<(Action, Motion)> {
    let turned: Vec<(f32, Gesture)> = ui.input(|i| {
        let notches = |event: &Event| match event {
            Event::MouseWheel { unit, delta, modifiers, .. } => {
                let amount = match unit {
                    MouseWheelUnit::Line => delta.y,
                    MouseWheelUnit::Point => delta.y / POINTS_PER_NOTCH,
                    MouseWheelUnit::Page => delta.y * PAGE_NOTCHES,
                };
                // Some systems turn Shift+wheel into a sideways one.
                let amount = if amount == 0.0 { delta.x } else { amount };
                Some((amount, Gesture::Wheel((*modifiers).into())))
            }
            Event::Zoom(factor) => {
                let ctrl = Mods { ctrl: true, shift: false };
                Some((factor.ln() / (ZOOM_PER_NOTCH as f32).ln(), Gesture::Wheel(ctrl)))
            }
            _ => None,
        };
        i.events.iter().filter_map(notches).collect()
    });
    let left_over = response.id.with("wheel");
    let mut done = Vec::new();
    for (amount, gesture) in turned {
        let plain = Gesture::Wheel(Mods::default());
        let Some(action) = bindings.action(place, gesture).or_else(|| bindings.action(place, plain)) else { continue };
        let sum = ui.data(|d| d.get_temp::<f32>(left_over)).unwrap_or(0.0) + amount;
        ui.data_mut(|d| d.insert_temp(left_over, sum - sum.trunc()));
        done.push((action, Motion::Wheel { whole: sum.trunc() as i64, exact: f64::from(amount), at }));
    }
    done
}
