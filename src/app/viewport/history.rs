//! Undo and redo of view and mask settings. A drag is one step. Where one looks (cursor, slices, the active pane) is
//! not a setting: it is kept when a setting is undone. Knows no widget.

use super::command::ViewCommand;
use super::state::ViewState;
use crate::geometry::{Frame, Vec3};
use std::mem::{Discriminant, discriminant};

/// Steps kept.
const MAX_STEPS: usize = 200;
/// Changes of one kind that follow each other faster than this are one step (wheel zoom has no end), seconds.
const PAUSE_SECS: f64 = 0.7;

/// Two clicks within this time are one double click, seconds (egui allows 0.3, and frames take their time).
const DOUBLE_CLICK_SECS: f64 = 0.5;

/// A view with its past and future.
#[derive(Clone, Debug, Default)]
pub struct Viewer {
    /// The view as it is.
    pub state: ViewState,
    past: Vec<ViewState>,
    future: Vec<ViewState>,
    running: Option<(Discriminant<ViewCommand>, f64)>,
    /// Where the crosshair was before it was moved last, and when that was.
    moved: Option<(Vec3, f64)>,
}

impl Viewer {
    /// A view without a past.
    pub fn new(state: ViewState) -> Self {
        Self { state, ..Self::default() }
    }

    /// Obeys a command; `now_secs` is any clock that only grows.
    pub fn apply(&mut self, command: &ViewCommand, frame: Option<&Frame>, now_secs: f64) {
        match command {
            ViewCommand::MoveCursor(_) if self.moved.is_none_or(|(_, at)| now_secs - at > DOUBLE_CLICK_SECS) => {
                self.moved = Some((self.state.cursor_mm, now_secs));
            }
            // The first click of a double click has moved the crosshair already; nobody meant that.
            ViewCommand::Maximise(_) => {
                let click = self.moved.take().filter(|(_, at)| now_secs - at <= DOUBLE_CLICK_SECS);
                self.state.cursor_mm = click.map_or(self.state.cursor_mm, |(before, _)| before);
            }
            _ => {}
        }
        match command {
            ViewCommand::EndGesture => self.running = None,
            ViewCommand::Undo => Self::travel(&mut self.state, &mut self.past, &mut self.future, &mut self.running),
            ViewCommand::Redo => Self::travel(&mut self.state, &mut self.future, &mut self.past, &mut self.running),
            _ => self.change(command, frame, now_secs),
        }
    }

    /// Whether there is something to undo.
    pub fn can_undo(&self) -> bool {
        !self.past.is_empty()
    }

    /// Whether there is something to redo.
    pub fn can_redo(&self) -> bool {
        !self.future.is_empty()
    }

    fn change(&mut self, command: &ViewCommand, frame: Option<&Frame>, now_secs: f64) {
        let before = self.state.clone();
        self.state.apply(command, frame);
        if settings(&before, &self.state) == self.state {
            return;
        }
        let kind = discriminant(command);
        let goes_on = self.running.is_some_and(|(last, at)| last == kind && now_secs - at < PAUSE_SECS);
        if !goes_on {
            self.past.push(before);
            if self.past.len() > MAX_STEPS {
                self.past.remove(0);
            }
        }
        self.future.clear();
        // What a click switches is a step each time, however fast it is clicked.
        self.running = is_continuous(command).then_some((kind, now_secs));
    }

    /// Goes one step from the end of `from`, leaving the present at the end of `to`.
    fn travel(
        state: &mut ViewState,
        from: &mut Vec<ViewState>,
        to: &mut Vec<ViewState>,
        running: &mut Option<(Discriminant<ViewCommand>, f64)>,
    ) {
        if let Some(target) = from.pop() {
            let next = settings(&target, state);
            to.push(std::mem::replace(state, next));
            *running = None;
        }
    }
}

/// The settings of `of`, looking where `place` looks.
fn settings(of: &ViewState, place: &ViewState) -> ViewState {
    ViewState { cursor_mm: place.cursor_mm, active: place.active, playing: place.playing, ..of.clone() }
}

fn is_continuous(command: &ViewCommand) -> bool {
    matches!(
        command,
        ViewCommand::SetWindow(_)
            | ViewCommand::Zoom { .. }
            | ViewCommand::Pan { .. }
            | ViewCommand::SetMask(_)
            | ViewCommand::Orbit(_)
            | ViewCommand::ZoomCamera(_)
            | ViewCommand::PanCamera(_)
            | ViewCommand::SetErrors(_)
            | ViewCommand::SetCompare(_)
            | ViewCommand::MoveTruth(_)
    )
}
