//! The two film cards: picture, view, geometry, warnings.

use super::picture;
use crate::app::command::{Command, Outbox};
use crate::app::concerns::{self, Advice};
use crate::app::film::{Change, FULL_WINDOW, Film, Projection, Slot, Straighten};
use crate::app::state::{Place, Purpose, State};
use crate::app::theme::theme;
use crate::app::widgets::{self, NumberForm, Tone};
use crate::io::Provenance;
use egui::{Align, Label, Layout, RichText, Sense, Ui, vec2};
use egui_material_icons::icons::{
    ICON_CLOSE, ICON_CONTRAST, ICON_FLIP, ICON_FOLDER_OPEN, ICON_INVERT_COLORS, ICON_KEYBOARD, ICON_SWAP_VERT,
};

/// Distances of source and detector that can be typed, mm (wider than any machine).
const DISTANCES_MM: std::ops::RangeInclusive<f64> = 100.0..=20000.0;
/// Pixel pitches that can be typed, mm.
const PITCHES_MM: std::ops::RangeInclusive<f64> = 0.01..=10.0;

/// Both cards.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    for slot in Slot::BOTH {
        ui.push_id(slot, |ui| widgets::card(ui, |ui| card(ui, state, slot, out)));
    }
}

/// One card: head, then picture and settings or what to do.
fn card(ui: &mut Ui, state: &State, slot: Slot, out: &mut Outbox) {
    let place = &state.films[slot.index()];
    head(ui, state, slot, out);
    match &place.film {
        Some(film) => {
            ui.horizontal_top(|ui| {
                picture(ui, state, film, slot, out);
                ui.vertical(|ui| controls(ui, film, slot, out));
            });
            distances(ui, film, slot, out);
            warning_line(ui, state, film, slot, out);
        }
        None => empty(ui, place, slot, state, out),
    }
}

/// The card's title, the file's name, and what can be done with the whole film.
fn head(ui: &mut Ui, state: &State, slot: Slot, out: &mut Outbox) {
    let t = theme();
    let place = &state.films[slot.index()];
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), t.size.control),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.x = t.space.tiny;
            let simulated = place.film.as_ref().is_some_and(|f| f.radiograph.simulated);
            let title = match &place.film {
                // The tag beside it says that it is a film; the file's name needs the room.
                Some(film) if simulated => film.kind().label().to_owned(),
                Some(film) => format!("{} film", film.kind().label()),
                None => slot.title().to_owned(),
            };
            if place.film.is_some() {
                if widgets::icon_button(ui, ICON_CLOSE, &format!("Close {}", slot.title().to_lowercase()), false)
                    .clicked()
                {
                    out.send(Command::CloseFilm(slot));
                }
                let name = format!("Open another {}", slot.title().to_lowercase());
                if widgets::icon_button(ui, ICON_FOLDER_OPEN, &name, false).clicked() {
                    out.send(Command::Ask(Purpose::Film(slot)));
                }
            }
            if slot == Slot::First
                && state.pair().is_some()
                && widgets::icon_button(ui, ICON_SWAP_VERT, "Swap the two films", false).clicked()
            {
                out.send(Command::SwapFilms);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = t.space.medium;
                ui.add(Label::new(RichText::new(title).font(t.title()).color(t.color.text)));
                if let Some(film) = &place.film {
                    if simulated {
                        widgets::tag(ui, "simulated film", Tone::Notice);
                    }
                    let name = RichText::new(film.name()).font(t.caption()).color(t.color.text_faint);
                    ui.add(Label::new(name).truncate()).on_hover_text(file_facts(film, state.names_shown));
                }
            });
        },
    );
}

/// Path and, where names are switched on, whose film it is.
fn file_facts(film: &Film, names_shown: bool) -> String {
    let info = &film.radiograph.info;
    let name =
        info.patient_name.as_ref().map_or("not in the file", |n| if names_shown { n.reveal() } else { "hidden" });
    format!("{}\n{}\nPatient: {name}", film.path.display(), info.format)
}

/// The hung picture, small; a press shows both films large.
fn picture(ui: &mut Ui, state: &State, film: &Film, slot: Slot, out: &mut Outbox) {
    let side = preview_side(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
    let name = format!("{} preview", slot.title());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    picture::draw(ui, rect, state, film, slot, out);
    if response.on_hover_text("Press to see both films large").clicked() {
        out.send(Command::ShowFilms(!state.films_large));
    }
}

/// Side of a preview: what the column leaves beside the controls.
fn preview_side(ui: &Ui) -> f32 {
    let t = theme();
    t.left_column(ui.ctx().content_rect().size()) - t.size.film_controls - t.space.huge - t.space.tiny * 2.0
}

/// View, angle, flips, invert, window: the controls beside the picture.
fn controls(ui: &mut Ui, film: &Film, slot: Slot, out: &mut Outbox) {
    let t = theme();
    let s = &film.settings;
    let width = ui.available_width();
    field_head(ui, "View", s.angle_from);
    let names: Vec<String> = Projection::ALL.iter().map(|p| p.label().to_owned()).collect();
    let current = Projection::of_angle(s.angle_deg);
    let chosen = Projection::ALL.iter().position(|p| *p == current);
    if let Some(k) = widgets::choice(ui, &format!("{} view", slot.title()), &names, chosen, width) {
        let other = |deg: f64| if deg.rem_euclid(90.0) == 0.0 { deg + 45.0 } else { deg };
        out.send(Command::Film(
            slot,
            Change::Angle(Projection::ALL[k].angle_deg().unwrap_or_else(|| other(s.angle_deg))),
        ));
    }
    let form = NumberForm { name: &format!("{} angle", slot.title()), width, speed: 0.5, decimals: 1, suffix: "°" };
    if let Some(deg) = widgets::number(ui, s.angle_deg, -360.0..=720.0, form) {
        out.send(Command::Film(slot, Change::Angle(deg)));
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.tiny;
        let which = slot.title().to_lowercase();
        for (icon, name, on, change) in [
            (ICON_FLIP, format!("Mirror {which} left to right"), s.mirror_cols, Change::MirrorCols),
            (ICON_SWAP_VERT, format!("Mirror {which} top to bottom"), s.mirror_rows, Change::MirrorRows),
            (ICON_INVERT_COLORS, format!("Invert {which}: dense must be white"), s.invert, Change::Invert),
        ] {
            if widgets::icon_button(ui, icon, &name, on).clicked() {
                out.send(Command::Film(slot, change));
            }
        }
        window_menu(ui, film, slot, out);
    });
}

/// The preview's window behind one button.
fn window_menu(ui: &mut Ui, film: &Film, slot: Slot, out: &mut Outbox) {
    let t = theme();
    let name = format!("Window and tone of {}", slot.title().to_lowercase());
    let changed = film.settings.window != FULL_WINDOW || film.settings.straighten != Straighten::Auto;
    let button = widgets::icon_button(ui, ICON_CONTRAST, &name, changed);
    egui::Popup::menu(&button).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_width(t.size.right_column);
        widgets::caption(ui, "PREVIEW WINDOW, DISPLAY ONLY");
        let [black, white] = film.settings.window;
        let form = |name| NumberForm { name, width: t.size.value, speed: 0.01, decimals: 2, suffix: "" };
        widgets::row(ui, "Black", |ui| {
            if let Some(v) = widgets::slider(ui, f64::from(black), -0.2..=1.4, form("Black")) {
                out.send(Command::Film(slot, Change::Window([v as f32, white.max(v as f32 + 0.05)])));
            }
        });
        widgets::row(ui, "White", |ui| {
            if let Some(v) = widgets::slider(ui, f64::from(white), -0.1..=1.5, form("White")) {
                out.send(Command::Film(slot, Change::Window([black.min(v as f32 - 0.05), v as f32])));
            }
        });
        if widgets::quiet_button(ui, None, "Reset window", None).clicked() {
            out.send(Command::Film(slot, Change::Window(FULL_WINDOW)));
        }
        widgets::divider(ui);
        straightening(ui, film, slot, out);
    });
}

/// Whether the tone curve of a picture made for display is straightened for the networks.
fn straightening(ui: &mut Ui, film: &Film, slot: Slot, out: &mut Outbox) {
    let t = theme();
    widgets::caption(ui, "TONE CURVE STRAIGHTENED FOR THE NETWORKS");
    let tips = [
        "Where the pixels are made for display, as in JPEG, PNG and processed DICOM films",
        "Always: lungs are blacker here than they measured",
        "Never: the pixels are line integrals already",
    ];
    let cells: Vec<(&str, &str)> = Straighten::ALL.iter().map(|s| s.label()).zip(tips).collect();
    let chosen = Straighten::ALL.iter().position(|s| *s == film.settings.straighten);
    if let Some(k) = widgets::segmented(ui, &cells, chosen) {
        out.send(Command::Film(slot, Change::Straighten(Straighten::ALL[k])));
    }
    let now = if film.is_straightened() { "On for this film" } else { "Off for this film" };
    ui.label(RichText::new(now).font(t.caption()).color(t.color.text_faint));
}

/// Pixel pitch and distances, each with where it comes from.
fn distances(ui: &mut Ui, film: &Film, slot: Slot, out: &mut Outbox) {
    let t = theme();
    let s = &film.settings;
    let width = (ui.available_width() - 2.0 * t.space.medium) / 3.0;
    type ToChange = fn(f64) -> Change;
    let fields: [(_, _, _, _, _, _, ToChange); 3] = [
        ("Pixel", s.pitch_mm[0], s.pitch_from, PITCHES_MM, 0.005, 3, Change::Pitch),
        ("SAD", s.sad_mm, s.sad_from, DISTANCES_MM, 5.0, 0, Change::Sad),
        ("SDD", s.sdd_mm, s.sdd_from, DISTANCES_MM, 5.0, 0, Change::Sdd),
    ];
    ui.horizontal_top(|ui| {
        for (label, value, from, range, speed, decimals, change) in fields {
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.spacing_mut().item_spacing.y = t.space.tiny;
                ui.set_width(width);
                field_head(ui, label, from);
                let name = format!("{} {label}", slot.title());
                let form = NumberForm { name: &name, width, speed, decimals, suffix: " mm" };
                ui.add_enabled_ui(label == "Pixel" || !s.parallel, |ui| {
                    if let Some(typed) = widgets::number(ui, value, range, form) {
                        out.send(Command::Film(slot, change(typed)));
                    }
                });
            });
        }
    });
}

/// A small label with where the value beneath it comes from.
fn field_head(ui: &mut Ui, label: &str, from: Provenance) {
    let t = theme();
    let (word, color, tip) = match from {
        Provenance::Header => ("header", t.color.text_faint, "Read from the file's header"),
        Provenance::Assumed => ("assumed", t.color.warning, "Not in the file: a usual value. Set it if you know it"),
        Provenance::User => ("set", t.color.accent, "Set by you"),
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        ui.spacing_mut().interact_size.y = t.text.caption;
        ui.label(RichText::new(label).font(t.caption()).color(t.color.text_secondary));
        ui.label(RichText::new(word).font(t.caption()).color(color)).on_hover_text(tip);
    });
}

/// The most important warning, with the press that answers it; all of them when pointed at.
fn warning_line(ui: &mut Ui, state: &State, film: &Film, slot: Slot, out: &mut Outbox) {
    let t = theme();
    let mut lines = if slot == Slot::Second { state.pair_warnings() } else { Vec::new() };
    lines.extend(concerns::of_film(film, slot));
    let urgent = !lines.is_empty();
    lines.extend(film.warnings().into_iter().map(Advice::plain));
    // What one press sets right stands first.
    lines.sort_by_key(|advice| advice.fix.is_none());
    let Some(first) = lines.first() else {
        let text = if film.radiograph.simulated { "Simulated film, exact geometry" } else { "Geometry complete" };
        ui.label(RichText::new(text).font(t.caption()).color(t.color.text_faint));
        return;
    };
    let more = if lines.len() > 1 { format!("  +{}", lines.len() - 1) } else { String::new() };
    let color = if urgent { t.color.danger } else { t.color.warning };
    let text = RichText::new(format!("{}{more}", first.text)).font(t.caption()).color(color);
    let all: Vec<&str> = lines.iter().map(|advice| advice.text.as_str()).collect();
    // As high as the line alone would be, so that a warning moves nothing.
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), t.text.caption),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().interact_size.y = t.text.caption;
            if let Some((label, command)) = &first.fix {
                let press = RichText::new(*label).font(t.caption()).color(t.color.accent);
                if ui.link(press).on_hover_text(&first.text).clicked() {
                    out.send(command.clone());
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(text).truncate().sense(Sense::hover())).on_hover_text(all.join("\n"));
            });
        },
    );
}

/// What to do where no film is.
fn empty(ui: &mut Ui, place: &Place, slot: Slot, state: &State, out: &mut Outbox) {
    let t = theme();
    let height = preview_side(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    ui.painter().rect_filled(rect, t.small_corners(), t.color.field);
    let mut inner = ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::Center)));
    inner.add_space(height / 5.0);
    if let Some(name) = &place.loading {
        inner.add(egui::Spinner::new().size(t.text.display).color(t.color.accent));
        inner.label(RichText::new(format!("Reading {name}")).font(t.body()).color(t.color.text_secondary));
        return;
    }
    let which = slot.title().to_lowercase();
    inner.label(RichText::new(format!("Drop the {which} here")).font(t.body()).color(t.color.text));
    inner.label(RichText::new("DICOM, PNG, TIFF or JPEG").font(t.caption()).color(t.color.text_faint));
    inner.add_space(t.space.medium);
    // The row is as wide as its parts, so that it stands in the middle.
    let label = format!("Open {which}");
    let text = inner.painter().layout_no_wrap(label.clone(), t.body(), t.color.text).size().x;
    let recent = if state.recent.is_empty() { 0.0 } else { t.size.icon_button + t.space.small };
    let parts = text + t.text.icon + t.space.small + 2.0 * (t.space.medium + t.space.tiny);
    let width = parts + t.size.icon_button + t.space.small + recent;
    inner.allocate_ui_with_layout(vec2(width, t.size.control), Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = t.space.small;
        if widgets::quiet_button(ui, Some(ICON_FOLDER_OPEN), &label, None).clicked() {
            out.send(Command::Ask(Purpose::Film(slot)));
        }
        let path = widgets::icon_button(ui, ICON_KEYBOARD, &format!("Type the path of the {which}"), false);
        if path.clicked() {
            out.send(Command::Show(Some(crate::app::state::Dialog::Path(Purpose::Film(slot)))));
        }
        recent_menu(ui, state, slot, out);
    });
}

/// Files opened before.
fn recent_menu(ui: &mut Ui, state: &State, slot: Slot, out: &mut Outbox) {
    if state.recent.is_empty() {
        return;
    }
    let name = format!("Recent files for the {}", slot.title().to_lowercase());
    let button = widgets::icon_button(ui, egui_material_icons::icons::ICON_HISTORY, &name, false);
    egui::Popup::menu(&button).show(|ui| {
        for path in &state.recent {
            let label =
                path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
            if ui.button(label).on_hover_text(path.display().to_string()).clicked() {
                out.send(Command::OpenFilm(slot, path.clone()));
            }
        }
    });
}
