//! The workspace Train: runs on the left, the plan or a run's curves in the middle, what to do with it on the right.
//! Panels draw from [`state::TrainState`] and send [`command::TrainCommand`]s; training runs on its own thread
//! (`crate::train`), files are read by jobs in lanes.

pub mod active;
pub mod charts;
pub mod command;
pub mod compare;
pub mod history;
pub mod jobs;
pub mod lines;
pub mod state;

mod apply;
mod fields;
mod follow;
mod launch;
mod phases;
mod plan;
mod previews;
mod run;
mod runs;
mod schedule;
mod status;

use super::command::{Command, Outbox};
use super::state::State;
use super::theme::{medium, theme};
use super::widgets;
use command::TrainCommand;
use egui::{Align, CentralPanel, Frame, Label, Layout, Margin, Panel, RichText, ScrollArea, Ui, vec2};
use state::{Closing, Page};

/// The columns beside the middle.
pub fn columns(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let frame = || Frame::new().fill(t.color.panel).inner_margin(Margin::same(t.space.medium as i8));
    Panel::left("runs").exact_size(t.size.runs_column).resizable(false).frame(frame()).show(ui, |ui| {
        runs::show(ui, state, out);
    });
    let width = t.train_column(ui.ctx().content_rect().size());
    Panel::right("run").exact_size(width).resizable(false).frame(frame()).show(ui, |ui| {
        // All fits from 1280 x 800 on; a smaller window scrolls rather than cuts.
        let height = ui.available_height();
        ScrollArea::vertical().show(ui, |ui| match state.train.page {
            Page::Plan => launch::show(ui, state, out),
            Page::Run | Page::Pair => status::show(ui, state, out, height),
        });
    });
}

/// The middle, and what stands over the window.
pub fn middle(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let frame = Frame::new().fill(t.color.window).inner_margin(Margin::same(t.space.medium as i8));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        offer(ui, state, out);
        match state.train.page {
            Page::Plan => plan::show(ui, state, out),
            Page::Run => run::show(ui, state, out),
            Page::Pair => compare::show(ui, state, out),
        }
    });
}

/// The newest unfinished run, one press from going on.
fn offer(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let Some(entry) = state.train.offer() else { return };
    let (ink, fill) = widgets::Tone::Notice.colors();
    let margin = Margin::symmetric(t.space.medium as i8, t.space.small as i8);
    Frame::new().fill(fill).corner_radius(t.corners()).inner_margin(margin).show(ui, |ui| {
        let size = vec2(ui.available_width(), t.size.control);
        ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            if widgets::quiet_button(ui, None, "Not now", None).clicked() {
                out.send(Command::Train(TrainCommand::CloseOffer));
            }
            if widgets::quiet_button(ui, None, &format!("Resume {}", entry.name), None).clicked() {
                out.send(Command::Train(TrainCommand::Resume(entry.folder.clone())));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let head = format!("{} is unfinished", entry.name);
                ui.add(Label::new(RichText::new(head).font(t.strong()).color(ink)));
                let text = RichText::new(entry.stand.words()).font(t.body()).color(t.color.text);
                ui.add(Label::new(text).truncate());
            });
        });
    });
    ui.add_space(t.space.small);
}

/// Asks what becomes of the run where the window is to be closed.
pub fn closing(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let question = match state.train.closing {
        Closing::No => return,
        Closing::Asking => "Training is running",
        Closing::Waiting => "Stopping the training",
    };
    let (pressed, dismissed) = widgets::modal(ui, "closing", t.size.dialog, |ui| {
        ui.add(Label::new(RichText::new(question).font(medium(t.text.display)).color(t.color.text)));
        ui.add_space(t.space.medium);
        let waiting = state.train.closing == Closing::Waiting;
        let text = match waiting {
            true => "The present step ends and a checkpoint is written; then the window closes.",
            false => "It can stop with a checkpoint; at the next launch it goes on from there, and nothing is lost.",
        };
        ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).wrap());
        ui.add_space(t.space.large);
        let size = vec2(ui.available_width(), t.size.control);
        let row = ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
            let mut pressed = None;
            ui.add_enabled_ui(!waiting, |ui| {
                if widgets::quiet_button(ui, None, "Stop and close", None).clicked() {
                    pressed = Some(TrainCommand::StopAndClose);
                }
            });
            if widgets::quiet_button(ui, None, "Keep the window", None).clicked() {
                pressed = Some(TrainCommand::KeepOpen);
            }
            pressed
        });
        row.inner
    });
    let command = pressed.or(dismissed.then_some(TrainCommand::KeepOpen));
    command.into_iter().for_each(|command| out.send(Command::Train(command)));
}

/// What to do where there is nothing to see.
pub(super) fn empty(ui: &mut Ui, head: &str, text: &str) {
    let t = theme();
    ui.vertical_centered(|ui| {
        ui.add_space(ui.available_height() * 0.4);
        ui.add(Label::new(RichText::new(head).font(medium(t.text.display)).color(t.color.text)));
        ui.add_space(t.space.small);
        ui.add(Label::new(RichText::new(text).font(t.body()).color(t.color.text_secondary)).wrap());
    });
}
