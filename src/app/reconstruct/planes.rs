//! The middle: four linked pictures, and what to do where there is no volume.

use crate::app::command::{Command, Outbox};
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::{self, Look, Style};
use egui::{CentralPanel, Frame, Ui};
use std::sync::OnceLock;

/// What an empty pane says.
const EMPTY: &str = "Open two films and press Reconstruct,\nor open a CT to look at it.";

/// The panes.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    CentralPanel::default().frame(Frame::new().fill(theme().color.image)).show(ui, |ui| {
        let look = Look {
            scene: state.scene.as_ref(),
            state: &state.viewer.state,
            bindings: &state.bindings,
            style: style(),
            empty: EMPTY,
        };
        for command in viewport::show(ui, &look) {
            out.send(Command::View(command));
        }
    });
}

/// The panes' colours and sizes, from the theme.
fn style() -> &'static Style {
    static STYLE: OnceLock<Style> = OnceLock::new();
    STYLE.get_or_init(|| {
        let t = theme();
        let c = &t.color;
        Style {
            background: c.image,
            text: c.text,
            faint: c.text_secondary,
            warning: c.warning,
            letter: c.letter,
            gap_colour: c.line,
            active: c.line_strong,
            planes: [c.plane_x, c.plane_y, c.plane_z],
            right_lung: c.right_lung,
            left_lung: c.left_lung,
            text_size: t.text.overlay,
            letter_size: t.text.letter,
            margin: t.space.medium,
            gap: t.space.tiny,
            line: t.size.rule,
            ..Style::default()
        }
    })
}
