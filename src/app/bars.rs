//! The bars above and below the workspace, the messages between, and the hint while files hover over the window.

use super::command::{Command, Outbox};
use super::settings::Workspace;
use super::state::{Dialog, Purpose, State};
use super::theme::{medium, theme};
use super::widgets;
use egui::{Align, Align2, Color32, Frame, Label, Layout, Margin, Panel, RichText, Ui};
use egui_material_icons::icons::{
    ICON_FOLDER_OPEN, ICON_FULLSCREEN, ICON_HELP, ICON_INFO, ICON_SAVE, ICON_VISIBILITY, ICON_VISIBILITY_OFF,
    ICON_WARNING,
};

/// What must be read on every screen.
pub const RESEARCH_ONLY: &str = "Research use only, not for diagnosis";

/// Name, workspace, and what concerns the whole window.
pub fn top(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    let frame = Frame::new().fill(t.color.panel).inner_margin(Margin::symmetric(t.space.large as i8, 0));
    Panel::top("top").exact_size(t.size.top_bar).frame(frame).show(ui, |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            mark(ui);
            ui.add(Label::new(RichText::new("biplane").font(medium(t.text.brand)).color(t.color.text)));
            ui.add_space(t.space.huge);
            tabs(ui, state, out);
            if let Some(case) = state.case.as_ref().filter(|_| state.workspace == Workspace::Reconstruct) {
                ui.add_space(t.space.large);
                ui.add(Label::new(RichText::new(case.title()).font(t.body()).color(t.color.text_secondary)).truncate());
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| actions(ui, state, out));
        });
    });
}

/// The workspaces; the one that trains says how far it is.
fn tabs(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    ui.spacing_mut().item_spacing.x = t.space.tiny;
    for workspace in Workspace::ALL {
        let active = state.train.active.as_ref().filter(|_| workspace == Workspace::Train);
        let note = active.map(|a| format!("{} {:.0} %", a.words(), 100.0 * a.share));
        if widgets::tab(ui, workspace.label(), note.as_deref(), state.workspace == workspace).clicked() {
            out.send(Command::GoTo(workspace));
        }
    }
}

/// Two crossing planes: the program's mark.
fn mark(ui: &mut Ui) {
    let t = theme();
    let side = t.text.display;
    let (rect, _) = ui.allocate_exact_size(egui::vec2(side, side), egui::Sense::hover());
    let at = |x: f32, y: f32| rect.lerp_inside(egui::vec2(x, y));
    let stroke = egui::Stroke::new(t.size.rule * 1.5, t.color.accent);
    let pale = egui::Stroke::new(t.size.rule * 1.5, t.color.text_faint);
    let front = vec![at(0.08, 0.30), at(0.58, 0.16), at(0.58, 0.78), at(0.08, 0.92)];
    let side_plane = vec![at(0.42, 0.16), at(0.92, 0.30), at(0.92, 0.92), at(0.42, 0.78)];
    ui.painter().add(egui::Shape::closed_line(side_plane, pale));
    ui.painter().add(egui::Shape::closed_line(front, stroke));
}

/// Buttons at the right end, drawn from right to left.
fn actions(ui: &mut Ui, state: &State, out: &mut Outbox) {
    let t = theme();
    ui.spacing_mut().item_spacing.x = t.space.small;
    let eye = if state.names_shown { ICON_VISIBILITY } else { ICON_VISIBILITY_OFF };
    let names = if state.names_shown { "Hide patient names" } else { "Show patient names" };
    for (icon, name, on, command) in [
        (ICON_FULLSCREEN, "Full screen (F11)", false, Command::FullScreen),
        (ICON_INFO, "About biplane", false, Command::Show(Some(Dialog::About))),
        (ICON_HELP, "Keys and mouse (F1)", false, Command::Show(Some(Dialog::Help))),
        (eye, names, state.names_shown, Command::ShowNames(!state.names_shown)),
    ] {
        if widgets::icon_button(ui, icon, name, on).clicked() {
            out.send(command);
        }
    }
    ui.add_space(t.space.medium);
    if widgets::quiet_button(ui, Some(ICON_SAVE), "Save session", None).clicked() {
        out.send(Command::SaveSession);
    }
    if widgets::quiet_button(ui, Some(ICON_FOLDER_OPEN), "Open", None)
        .on_hover_text("Films, a CT, or a session (Ctrl+O)")
        .clicked()
    {
        out.send(Command::Ask(Purpose::Open));
    }
}

/// The lasting note, the films' nature, the graphics card.
pub fn bottom(ui: &mut Ui, state: &State) {
    let t = theme();
    let frame = Frame::new().fill(t.color.panel).inner_margin(Margin::symmetric(t.space.large as i8, 0));
    Panel::bottom("bottom").exact_size(t.size.bottom_bar).frame(frame).show(ui, |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let icon = ICON_WARNING.rich_text().size(t.text.title).color(t.color.warning);
            ui.add(Label::new(icon));
            ui.add(Label::new(RichText::new(RESEARCH_ONLY).font(t.strong()).color(t.color.warning)));
            if state.films_simulated() {
                ui.add_space(t.space.large);
                ui.add(Label::new(RichText::new("Simulated films").font(t.body()).color(t.color.notice)));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let mouse = format!("{} mouse, F1 for all keys", state.bindings.scheme().label());
                ui.add(Label::new(RichText::new(mouse).font(t.caption()).color(t.color.text_faint)));
                ui.add_space(t.space.large);
                let text = RichText::new(&state.adapter).font(t.caption()).color(t.color.text_faint);
                ui.add(Label::new(text).truncate());
            });
        });
    });
}

/// Messages, newest last, each dismissable.
pub fn banners(ui: &mut Ui, state: &State, out: &mut Outbox) {
    if state.notes.is_empty() && state.device_lost.is_none() {
        return;
    }
    Panel::top("banners").resizable(false).frame(Frame::new()).show_separator_line(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = theme().size.rule;
        for note in &state.notes {
            let offer = note.offer.as_ref().map(|(label, _)| *label);
            let answer =
                ui.push_id(note.id, |ui| widgets::banner(ui, note.tone, [&note.head, &note.body], offer)).inner;
            match (answer, &note.offer) {
                (Some(widgets::Answer::Dismiss), _) => out.send(Command::Dismiss(note.id)),
                (Some(widgets::Answer::Accept), Some((_, command))) => out.send(command.clone()),
                _ => {}
            }
        }
    });
}

/// Says what a drop will do while files hover over the window.
pub fn drop_hint(ui: &Ui, state: &State) {
    let t = theme();
    if ui.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop")));
    let screen = ui.ctx().content_rect();
    painter.rect_filled(screen, egui::CornerRadius::ZERO, t.color.scrim);
    let text = match state.workspace {
        Workspace::Compare => "Drop a CT: it becomes the ground truth",
        Workspace::Reconstruct | Workspace::Train => "Drop to open: films go to their places, a CT to the planes",
    };
    painter.text(screen.center(), Align2::CENTER_CENTER, text, medium(t.text.display), Color32::WHITE);
}
