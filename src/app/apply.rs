//! The one place where commands and results change the state.

use super::Workstation;
use super::command::Command;
use super::dialogs::Answer;
use super::film::{Film, Slot};
use super::jobs::{self, Done, Lane, Opened};
use super::state::{Case, Dialog, Origin, Purpose};
use super::widgets::Tone;
use super::worker::Lost;
use crate::io::{FilmKind, IoError, Provenance};
use egui::{Context, TextureOptions, ViewportCommand};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl Workstation {
    /// Obeys one command.
    pub(super) fn apply(&mut self, ctx: &Context, command: Command) {
        match command {
            Command::Open(paths) => self.open_all(paths),
            Command::OpenFilm(slot, path) => self.open_film(slot, path),
            Command::Ask(purpose) => {
                let waker = ctx.clone();
                self.dialogs.ask(purpose, move || waker.request_repaint());
            }
            Command::Given(purpose, path) => self.given(purpose, path),
            Command::SwapFilms => self.swap_films(),
            Command::CloseFilm(slot) => self.state.films[slot.index()] = Default::default(),
            Command::SetAngle(slot, deg) => self.change_film(slot, |s| {
                (s.angle_deg, s.angle_from) = (deg.rem_euclid(360.0), Provenance::User);
            }),
            Command::SetPitch(slot, mm) => self.change_film(slot, |s| {
                let ratio = s.pitch_mm[1] / s.pitch_mm[0];
                (s.pitch_mm, s.pitch_from) = ([mm, mm * ratio], Provenance::User);
            }),
            Command::SetSad(slot, mm) => self.change_film(slot, |s| (s.sad_mm, s.sad_from) = (mm, Provenance::User)),
            Command::SetSdd(slot, mm) => self.change_film(slot, |s| (s.sdd_mm, s.sdd_from) = (mm, Provenance::User)),
            Command::MirrorCols(slot) => self.change_picture(slot, |s| s.mirror_cols = !s.mirror_cols),
            Command::MirrorRows(slot) => self.change_picture(slot, |s| s.mirror_rows = !s.mirror_rows),
            Command::Invert(slot) => self.change_picture(slot, |s| s.invert = !s.invert),
            Command::SetFilmWindow(slot, window) => self.change_picture(slot, |s| s.window = window),
            Command::SetPreset(preset) => self.set_preset(preset),
            Command::SetModel(k) => self.state.setup.model = k.min(self.state.setup.models.len().saturating_sub(1)),
            Command::SetDevice(k) => self.state.setup.device = k.min(self.state.setup.devices.len().saturating_sub(1)),
            Command::Reconstruct | Command::Cancel | Command::Export(_) | Command::SaveSession | Command::Restart => {}
            Command::ShowNames(shown) => self.state.names_shown = shown,
            Command::Show(dialog) => {
                self.state.typed_path.clear();
                self.state.dialog = dialog;
            }
            Command::TypePath(text) => self.state.typed_path = text,
            Command::Dismiss(id) => self.state.notes.retain(|n| n.id != id),
            Command::FullScreen => {
                let full = ctx.input(|i| i.viewport().fullscreen.unwrap_or(false));
                ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!full));
            }
        }
    }

    /// Takes in what jobs and dialogs have given since the last frame.
    pub(super) fn receive(&mut self, ctx: &Context) {
        for (lane, result) in self.jobs.poll() {
            match result {
                Ok(done) => self.take(ctx, lane, done),
                Err(lost) => self.job_lost(lane, lost),
            }
        }
        match self.dialogs.poll() {
            Some(Answer::Chosen(Purpose::Open, paths)) => self.open_all(paths),
            Some(Answer::Chosen(purpose, paths)) => paths.into_iter().for_each(|path| self.given(purpose, path)),
            Some(Answer::NoDialog(purpose)) => self.state.dialog = Some(Dialog::Path(purpose)),
            None => {}
        }
    }

    fn take(&mut self, ctx: &Context, lane: Lane, done: Done) {
        if let Lane::Film(slot) = lane {
            self.state.films[slot.index()].loading = None;
        }
        match (lane, done) {
            (_, Done::Opened(path, Err(cause))) => self.refuse(&path, &cause),
            (Lane::Film(slot), Done::Opened(path, Ok(Opened::Film(r)))) => self.place_film(slot, path, r),
            (_, Done::Opened(path, Ok(Opened::Film(radiograph)))) => {
                let slot = self.place_for(radiograph.view.kind.map(|k| k.value));
                self.place_film(slot, path, radiograph);
            }
            (_, Done::Opened(path, Ok(Opened::Volume(loaded)))) => {
                self.settings.opened(&path);
                self.state.loading_volume = None;
                let warnings = loaded.warnings.iter().map(ToString::to_string).collect();
                let origin = Origin::File { info: Box::new(loaded.info), warnings };
                self.show_volume(Arc::new(loaded.volume), origin);
            }
            (Lane::Preview(slot), Done::Preview(image)) => {
                let texture = ctx.load_texture(format!("film {slot:?}"), image, TextureOptions::LINEAR);
                self.state.films[slot.index()].preview = Some(texture);
            }
            _ => {}
        }
    }

    /// A file that could not be opened: said calmly, everything else stays.
    fn refuse(&mut self, path: &Path, cause: &IoError) {
        self.state.loading_volume = None;
        let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
        self.state.note(Tone::Danger, format!("{name} was not opened"), cause.to_string());
    }

    fn job_lost(&mut self, lane: Lane, lost: Lost) {
        let cause = match lost {
            Lost::Broke => "a defect in this program stopped it; the terminal says more",
            Lost::NoThread => "the system gave no thread; close other programs and try again",
        };
        self.state.note(Tone::Danger, format!("{lane:?} did not finish"), cause);
    }

    fn given(&mut self, purpose: Purpose, path: PathBuf) {
        match purpose {
            Purpose::Film(slot) => self.open_film(slot, path),
            _ => self.open_all(vec![path]),
        }
    }

    /// Each file on its own thread; what it is decides where it goes.
    fn open_all(&mut self, paths: Vec<PathBuf>) {
        for (k, path) in paths.into_iter().enumerate() {
            self.jobs.start(Lane::Open(k), move |cancel| {
                let opened = jobs::open(&path, cancel);
                Done::Opened(path, opened)
            });
        }
    }

    fn open_film(&mut self, slot: Slot, path: PathBuf) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        self.state.films[slot.index()].loading = Some(name);
        self.jobs.start(Lane::Film(slot), move |cancel| {
            let opened = jobs::open(&path, cancel);
            Done::Opened(path, opened)
        });
    }

    /// Where a film of this kind goes: its own place, else a free one, else the first.
    fn place_for(&self, kind: Option<FilmKind>) -> Slot {
        match kind {
            Some(FilmKind::Frontal) => Slot::First,
            Some(FilmKind::Lateral) => Slot::Second,
            None => Slot::BOTH.into_iter().find(|s| self.state.film(*s).is_none()).unwrap_or(Slot::First),
        }
    }

    fn place_film(&mut self, slot: Slot, path: PathBuf, radiograph: Arc<crate::io::Radiograph>) {
        self.settings.opened(&path);
        self.state.recent = self.settings.remembered.recent.clone();
        let film = Film::new(path, radiograph, slot, self.state.setup.preset);
        self.put(slot, film);
    }

    /// Puts a film into a place and has its picture made.
    fn put(&mut self, slot: Slot, film: Film) {
        let film = Arc::new(film);
        let place = &mut self.state.films[slot.index()];
        place.film = Some(Arc::clone(&film));
        self.jobs.start(Lane::Preview(slot), move |_| Done::Preview(jobs::preview(&film)));
    }

    /// Changes settings that the picture does not show.
    fn change_film(&mut self, slot: Slot, change: impl FnOnce(&mut super::film::FilmSettings)) {
        if let Some(film) = &mut self.state.films[slot.index()].film {
            *film = Arc::new(film.with(change));
        }
    }

    /// Changes settings that the picture shows.
    fn change_picture(&mut self, slot: Slot, change: impl FnOnce(&mut super::film::FilmSettings)) {
        if let Some(film) = self.state.film(slot).map(|f| f.with(change)) {
            self.put(slot, film);
        }
    }

    fn set_preset(&mut self, preset: crate::geometry::Preset) {
        self.state.setup.preset = preset;
        for slot in Slot::BOTH {
            if let Some(film) = self.state.film(slot).cloned() {
                let changed = film.with(|s| s.apply_preset(&film.radiograph, slot, preset));
                self.put(slot, changed);
            }
        }
    }

    fn swap_films(&mut self) {
        self.state.films.swap(0, 1);
    }

    /// Puts a volume on the planes.
    pub(super) fn show_volume(&mut self, volume: Arc<crate::geometry::Volume>, origin: Origin) {
        let id = self.state.case.as_ref().map_or(1, |c| c.id + 1);
        self.state.case = Some(Arc::new(Case { id, volume, origin }));
    }

    /// Remembers the window's size and place.
    pub(super) fn remember_window(&mut self, ctx: &Context) {
        ctx.input(|i| {
            let viewport = i.viewport();
            let filling = viewport.fullscreen.unwrap_or(false) || viewport.maximized.unwrap_or(false);
            self.settings.remembered.maximised = viewport.maximized.unwrap_or(false);
            if let (Some(inner), false) = (viewport.inner_rect, filling) {
                self.settings.remembered.window = Some([inner.width(), inner.height()]);
            }
        });
    }

    /// The window closes: remember what is worth it.
    pub(super) fn close(&mut self) {
        if let Err(cause) = self.settings.save() {
            eprintln!("settings were not saved: {cause}");
        }
    }
}
