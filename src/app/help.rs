//! The dialogs that explain: keys and mouse, and what this program is.

use super::command::{Command, Outbox};
use super::state::{Dialog, State};
use super::theme::{medium, theme};
use super::widgets;
use egui::{Label, RichText, Ui};

/// Whose data the bundled case is. CC BY 3.0 asks for this wherever it is shown.
const ATTRIBUTION: &str = "The bundled case is LIDC-IDRI-0001 (Armato SG III et al., Data From LIDC-IDRI, The Cancer \
Imaging Archive, 2015, doi:10.7937/K9/TCIA.2015.LO9QL9SX), CC BY 3.0, resampled to 2.8 mm; its films are simulated.";

/// The dialog that is open, if it is one of these.
pub fn show(ui: &mut Ui, state: &State, out: &mut Outbox) {
    if state.dialog == Some(Dialog::About) {
        dialog(ui, "About biplane", out, about);
    }
}

/// A dialog with a title and a button to close it.
fn dialog(ui: &mut Ui, title: &str, out: &mut Outbox, contents: impl FnOnce(&mut Ui)) {
    let t = theme();
    let modal = egui::Modal::new(egui::Id::unique(title)).backdrop_color(t.color.scrim);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(t.size.dialog);
        ui.label(RichText::new(title).font(medium(t.text.display)).color(t.color.text));
        ui.add_space(t.space.medium);
        contents(ui);
        ui.add_space(t.space.large);
        if widgets::quiet_button(ui, None, "Close", None).clicked() {
            out.send(Command::Show(None));
        }
    });
    if response.should_close() {
        out.send(Command::Show(None));
    }
}

fn about(ui: &mut Ui) {
    let t = theme();
    let version = env!("CARGO_PKG_VERSION");
    for (text, color) in [
        (format!("Version {version}. MIT or Apache-2.0. Two X-ray projections in, a CT on screen."), t.color.text),
        (format!("{}.", super::bars::RESEARCH_ONLY), t.color.warning),
        ("After Dong, Xiang, Geng, Tian, Zhao: Semantic contrastive learning for orthogonal X-ray computed tomography reconstruction.".into(), t.color.text_secondary),
        (ATTRIBUTION.into(), t.color.text_secondary),
        ("Typeface Roboto by Google, icons Material Symbols: both Apache-2.0.".into(), t.color.text_faint),
    ] {
        ui.add(Label::new(RichText::new(text).font(t.body()).color(color)).wrap());
        ui.add_space(t.space.small);
    }
}
