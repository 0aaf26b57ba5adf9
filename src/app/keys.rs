//! From pressed keys to commands, by the one table of bindings. Knows no panel.

use super::command::Command;
use super::settings::Workspace;
use super::state::{Dialog, Purpose, State};
use super::viewport::{Action, ViewCommand, commands_for};

/// What the keys pressed since the last frame ask for.
pub fn commands(ctx: &egui::Context, state: &State) -> Vec<Command> {
    // A dialog keeps its keys and a menu its Esc; both close by themselves. A binding that is set anew gets them all.
    if matches!(state.dialog, Some(Dialog::Path(_))) || state.rebinding.is_some() || egui::Popup::is_any_open(ctx) {
        return Vec::new();
    }
    let commands = state.bindings.pressed(ctx).into_iter().flat_map(|action| meaning(action, state));
    // Nothing changes how a volume is looked at that is not on screen.
    let seen = |command: &Command| match (state.workspace, command) {
        (Workspace::Train, Command::View(_)) => false,
        (Workspace::Reconstruct, Command::View(view)) => {
            !matches!(view, ViewCommand::SetCompare(_) | ViewCommand::MoveTruth(_))
        }
        _ => true,
    };
    commands.filter(seen).collect()
}

/// What an action of the table means here; nothing where it means nothing now.
fn meaning(action: Action, state: &State) -> Vec<Command> {
    if let Some(commands) = commands_for(action, &state.viewer.state, state.frame_on_screen()) {
        return commands.into_iter().map(Command::View).collect();
    }
    let command = match action {
        Action::Open => Some(Command::Ask(Purpose::Open)),
        Action::Export => state.case.as_ref().map(|_| Command::Export(state.export_form)),
        Action::SaveSession => Some(Command::SaveSession),
        Action::Guidance => state.pair.as_ref().map(|_| Command::SwitchGuidance),
        Action::Help => Some(Command::Show(state.dialog.is_none().then_some(Dialog::Help))),
        Action::FullScreen => Some(Command::FullScreen),
        Action::Cancel if state.dialog.is_some() => Some(Command::Show(None)),
        Action::Cancel if state.run.is_some() => Some(Command::Cancel),
        Action::Cancel => state.notes.last().map(|note| Command::Dismiss(note.id)),
        _ => None,
    };
    command.into_iter().collect()
}
