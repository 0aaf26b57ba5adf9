//! Sessions of the workstation: the state as a value that can be written, and back. Knows no file's form.

use super::Workstation;
use super::film::Slot;
use super::jobs::{self, Done, Lane};
use super::session::{FilmEntry, Session};
use super::state::Origin;
use crate::io::Subject;
use crate::nn::ModelSource;
use std::path::{Path, PathBuf};

impl Workstation {
    pub(super) fn save_session(&mut self, file: PathBuf) {
        let session = self.session();
        let unsaved = self.state.case.as_ref().filter(|c| matches!(c.origin, Origin::Films { .. }));
        let unsaved = unsaved.cloned();
        self.state.session_file = Some(file.clone());
        self.jobs.start(Lane::Session, move |_| {
            let result = jobs::save_session(&file, session, unsaved);
            Done::Written { what: "Session saved".into(), path: file, result }
        });
    }

    /// The state as a session.
    pub(super) fn session(&self) -> Session {
        let setup = &self.state.setup;
        let device = setup.devices.get(setup.device).copied().unwrap_or_default();
        let mut session = Session::new(setup.preset, device.to_string(), self.state.viewer.state.clone());
        session.model = setup.models.get(setup.model).and_then(|m| match &m.source {
            ModelSource::Folder(folder) => Some(absolute(folder)),
            ModelSource::Automatic | ModelSource::BuiltIn(_) => None,
        });
        session.volume = self.state.case.as_ref().and_then(|c| match &c.origin {
            Origin::File { info, .. } => Some(absolute(&info.path)),
            Origin::Films { .. } => None,
        });
        session.truth = self.state.compare.truth.as_ref().map(|truth| absolute(&truth.path));
        for slot in Slot::BOTH {
            if let Some(film) = self.state.film(slot) {
                let (path, settings) = (absolute(&film.path), film.settings.clone());
                session.film.push(FilmEntry { place: slot.index(), path, settings });
            }
        }
        session
    }

    /// Restores a session: its films and volume are read, their settings wait for them.
    pub(super) fn restore(&mut self, file: PathBuf, session: Session) {
        self.state.session_file = Some(file);
        (self.state.setup.preset, self.state.setup.preset_chosen) = (session.preset, true);
        if let Some(k) = self.state.setup.devices.iter().position(|d| d.to_string() == session.device) {
            self.state.setup.device = k;
        }
        if let Some(folder) = session.model {
            self.add_model(folder);
        }
        for entry in session.film {
            let slot = if entry.place == 0 { Slot::First } else { Slot::Second };
            self.awaited_settings[slot.index()] = Some((entry.path.clone(), entry.settings));
            self.open_anyway(Lane::Film(slot), entry.path, Some(slot));
        }
        self.state.viewer = super::viewport::Viewer::new(session.view);
        if let Some(truth) = session.truth {
            self.open_truth(truth, true);
        }
        if let Some(volume) = session.volume {
            self.awaited_view = Some(self.state.viewer.state.clone());
            self.start_reading(Lane::Open(0), volume, None, Subject::Any);
        }
    }
}

/// Paths in sessions are absolute; the bundled case has no place on the disk.
fn absolute(path: &Path) -> PathBuf {
    if path.starts_with(jobs::BUNDLED) {
        return path.to_path_buf();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
