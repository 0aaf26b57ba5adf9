//! What atlases lent to the volume on screen: the networks' volume or the guided one, whose CTs were bent, and which
//! voxels are borrowed.

use crate::app::command::{Command, Outbox};
use crate::app::guided::GuidedPair;
use crate::app::state::State;
use crate::app::theme::theme;
use crate::app::viewport::ViewCommand;
use crate::app::widgets;
use egui::{Align, Label, Layout, RichText, Ui, vec2};

/// What is told of borrowed anatomy.
const EXPLAINED: &str = "Outside of the lungs up to half of what is shown are bones and organs of other patients, bent to the \
    films: their place and size follow the films, their shape is not measured. Inside the lungs only the networks are shown.";

/// The section.
pub fn show(ui: &mut Ui, state: &State, pair: &GuidedPair, out: &mut Outbox) {
    let t = theme();
    let guided_shown = state.case.as_ref().is_some_and(|case| case.id == pair.guided.id);
    let view = &state.viewer.state;
    let size = vec2(ui.available_width(), t.size.control);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.add_enabled_ui(guided_shown, |ui| {
            let switch = widgets::toggle(ui, view.borrowed_on, "What is borrowed, over the pictures");
            if switch.on_hover_text("Colour where anatomy is borrowed from atlases").clicked() {
                out.send(Command::View(ViewCommand::ToggleBorrowed));
            }
        });
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| widgets::caption(ui, "ATLASES"));
    });
    let cells = [
        ("Network", "What the networks made of the films (key G)"),
        ("Guided", "The same with anatomy lent by atlases (key G)"),
    ];
    if let Some(chosen) = widgets::segmented(ui, &cells, Some(usize::from(guided_shown)))
        && (chosen == 1) != guided_shown
    {
        out.send(Command::SwitchGuidance);
    }
    let names = pair.guided.guided.as_ref().map_or(String::new(), |guided| guided.atlases.join(", "));
    let text = if guided_shown { format!("Borrowed from {names}") } else { "Nothing is borrowed".to_owned() };
    let text = RichText::new(text).font(t.caption()).color(t.color.text_secondary);
    ui.add(Label::new(text).truncate()).on_hover_text(format!("{names}\n{EXPLAINED}"));
}

/// Whose anatomy stands at the crosshair, in words; `None` where nothing on screen is borrowed.
pub fn whose(state: &State) -> Option<String> {
    let case = state.case.as_ref()?;
    let guided = case.guided.as_ref()?;
    let frame = case.volume.frame();
    let voxel = frame.voxel_from_world(state.viewer.state.cursor_mm).map(|v| v.round());
    let [nx, ny, nz] = frame.dims();
    let inside = voxel.iter().zip([nx, ny, nz]).all(|(v, n)| *v >= 0.0 && *v < n as f64);
    let [x, y, z] = voxel.map(|v| v as usize);
    let share = guided.borrowed.get((z * ny + y) * nx + x).filter(|_| inside)?;
    let percent = f64::from(*share) / 255.0 * 100.0;
    Some(match *share {
        0 => "from the networks".to_owned(),
        _ => format!("{percent:.0} % from atlases"),
    })
}
