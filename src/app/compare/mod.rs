//! The workspace Compare: results, ground truth and alignment on the left, the pictures in the middle, and under them
//! what is measured. Panels draw from [`state::CompareState`] and the view, and send commands; the truth is read and
//! resampled, and numbers are computed, by jobs in lanes.

pub mod command;
pub mod export;
pub mod held;
pub mod jobs;
pub mod state;
pub mod truth;

mod align;
mod apply;
mod bands;
mod cells;
mod evidence;
mod films;
mod follow;
mod histogram;
mod numbers;
mod panes;
mod profile;
pub mod reproject;
mod results;
mod settings;
mod source;

pub use profile::SAMPLES as PROFILE_SAMPLES;

use super::command::{Command, Outbox};
use super::settings::Workspace;
use super::state::State;
use super::theme::{medium, theme};
use super::widgets;
use egui::{Align, CentralPanel, Frame, Label, Layout, Margin, Panel, Rect, RichText, ScrollArea, Ui, UiBuilder, vec2};
use egui_material_icons::icons::{ICON_IMAGE_SEARCH, ICON_PLAY_CIRCLE};

/// The column beside the pictures.
pub fn column(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let frame = Frame::new().fill(t.color.panel).inner_margin(Margin::same(t.space.medium as i8));
    Panel::left("compare").exact_size(t.size.compare_column).resizable(false).frame(frame).show(ui, |ui| {
        // All fits from 1280 x 800 on; a smaller window scrolls rather than cuts.
        ScrollArea::vertical().show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = t.space.tiny;
            results::show(ui, state, out);
            widgets::divider(ui);
            source::show(ui, state, out);
            widgets::divider(ui);
            ui.add_enabled_ui(state.compare.entry().is_some(), |ui| settings::show(ui, state, out));
            widgets::divider(ui);
            let both = state.compare.entry().is_some() && state.compare.truth.is_some();
            ui.add_enabled_ui(both, |ui| {
                align::show(ui, state, out);
                widgets::divider(ui);
                source::export(ui, state, out);
            });
        });
    });
}

/// The pictures, and the evidence under them.
pub fn middle(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    CentralPanel::default().frame(Frame::new().fill(t.color.window)).show(ui, |ui| {
        if state.compare.entry().is_none() {
            return nothing(ui, out);
        }
        let whole = ui.max_rect();
        let height = match state.compare.folded {
            true => t.size.control + 2.0 * t.space.small,
            false => t.evidence(ui.ctx().content_rect().size()),
        };
        let (upper, lower) = whole.split_top_bottom_at_y(whole.bottom() - height);
        ui.scope_builder(UiBuilder::new().max_rect(upper), |ui| panes::show(ui, state, out));
        ui.scope_builder(UiBuilder::new().max_rect(lower), |ui| evidence::show(ui, state, out));
    });
}

/// What to do where there is no result yet.
fn nothing(ui: &mut Ui, out: &mut Outbox) {
    let t = theme();
    let size = vec2(t.size.start, t.size.start_height / 2.0);
    let place = Rect::from_center_size(ui.max_rect().center(), size);
    ui.scope_builder(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Min)), |ui| {
        ui.add(Label::new(RichText::new("Nothing to compare yet").font(medium(t.text.display)).color(t.color.text)));
        ui.add_space(t.space.small);
        let text = "Reconstruct two films, or open a CT, in the workspace Reconstruct. What is on screen there is \
            compared here with its ground truth.";
        ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).wrap());
        ui.add_space(t.space.large);
        ui.horizontal(|ui| {
            if widgets::quiet_button(ui, Some(ICON_IMAGE_SEARCH), "Go to Reconstruct", None).clicked() {
                out.send(Command::GoTo(Workspace::Reconstruct));
            }
            if widgets::quiet_button(ui, Some(ICON_PLAY_CIRCLE), "Open the demo case", None).clicked() {
                out.send(Command::OpenBundled);
                out.send(Command::GoTo(Workspace::Reconstruct));
            }
        });
    });
}

/// A sentence in small letters.
fn hint(ui: &mut Ui, text: &str) {
    let t = theme();
    ui.add(Label::new(RichText::new(text).font(t.caption()).color(t.color.text_faint)).wrap());
}
