//! Asking for a path: the system's dialog on a thread, and a line to type where the system has none.
//! Knows no file's content.

use super::command::{Command, Outbox};
use super::compare::command::ComparePurpose;
use super::state::{Dialog, Purpose, State};
use super::theme::theme;
use super::train::command::TrainPurpose;
use super::widgets;
use poll_promise::Promise;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A portal that is not there answers at once; nobody closes a dialog as fast as this.
const TOO_FAST_FOR_A_PERSON: Duration = Duration::from_millis(700);

/// Recent files listed in the path dialog.
const SHOWN_RECENT: usize = 5;

/// A system dialog that is open.
struct Asked {
    purpose: Purpose,
    since: Instant,
    answer: Promise<Vec<PathBuf>>,
}

/// The system dialog, at most one.
#[derive(Default)]
pub struct Dialogs {
    asked: Option<Asked>,
}

/// How a system dialog ended.
pub enum Answer {
    /// Paths were chosen.
    Chosen(Purpose, Vec<PathBuf>),
    /// It closed before anybody could have closed it: there is no dialog on this system.
    NoDialog(Purpose),
}

impl Dialogs {
    /// Opens the system's dialog; one that is open already stays.
    pub fn ask(&mut self, purpose: Purpose, wake: impl Fn() + Send + 'static) {
        if self.asked.is_some() {
            return;
        }
        let answer = Promise::spawn_thread("biplane dialog", move || {
            let paths = pick(purpose);
            wake();
            paths
        });
        self.asked = Some(Asked { purpose, since: Instant::now(), answer });
    }

    /// The answer, once it is there. Never waits.
    pub fn poll(&mut self) -> Option<Answer> {
        self.asked.as_ref()?.answer.ready()?;
        let asked = self.asked.take()?;
        let paths = asked.answer.try_take().unwrap_or_default();
        if !paths.is_empty() {
            return Some(Answer::Chosen(asked.purpose, paths));
        }
        (asked.since.elapsed() < TOO_FAST_FOR_A_PERSON).then_some(Answer::NoDialog(asked.purpose))
    }
}

/// The system's dialog for a purpose; blocks its own thread.
fn pick(purpose: Purpose) -> Vec<PathBuf> {
    let dialog = rfd::FileDialog::new().set_title(title(purpose));
    let films = |d: rfd::FileDialog| d.add_filter("Films", &["dcm", "png", "tif", "tiff", "jpg", "jpeg"]);
    let cts = |d: rfd::FileDialog| {
        d.add_filter("CT", &["nii", "gz", "nrrd", "nhdr", "mha", "mhd", "dcm"]).add_filter("All files", &["*"])
    };
    let one = |path: Option<PathBuf>| path.into_iter().collect();
    match purpose {
        Purpose::Open => dialog.pick_files().unwrap_or_default(),
        Purpose::Film(_) => one(films(dialog).add_filter("All files", &["*"]).pick_file()),
        Purpose::Volume => one(cts(dialog).pick_file()),
        Purpose::Series | Purpose::Model => one(dialog.pick_folder()),
        Purpose::OpenSession => one(dialog.add_filter("Session", &["toml"]).pick_file()),
        Purpose::SaveSession => one(dialog.set_file_name("session.biplane.toml").save_file()),
        Purpose::Export(form) if form.is_folder() => {
            one(dialog.pick_folder().map(|folder| folder.join(form.file_name())))
        }
        Purpose::Export(form) => one(dialog.set_file_name(form.file_name()).save_file()),
        Purpose::Compare(purpose) if purpose.is_folder() => one(dialog.pick_folder()),
        Purpose::Compare(_) => one(cts(dialog).pick_file()),
        Purpose::Train(TrainPurpose::OpenPlan) => one(dialog.add_filter("Plan", &["toml"]).pick_file()),
        Purpose::Train(TrainPurpose::SavePlan) => one(dialog.set_file_name("plan.toml").save_file()),
        Purpose::Train(_) => one(dialog.pick_folder()),
    }
}

/// What is asked, in words.
fn title(purpose: Purpose) -> String {
    match purpose {
        Purpose::Open => "Open films, a CT or a session".into(),
        Purpose::Film(slot) => format!("Open the {}", slot.title().to_lowercase()),
        Purpose::Volume => "Open a CT".into(),
        Purpose::Series => "Open a folder with a DICOM series".into(),
        Purpose::Model => "Choose a model folder".into(),
        Purpose::OpenSession => "Open a session".into(),
        Purpose::SaveSession => "Save the session".into(),
        Purpose::Export(form) => format!("Export as {}", form.label()),
        Purpose::Compare(purpose) => purpose.title().into(),
        Purpose::Train(purpose) => purpose.title().into(),
    }
}

/// The line to type a path in, over the window.
pub fn path_dialog(ui: &mut egui::Ui, state: &State, out: &mut Outbox) {
    let Some(Dialog::Path(purpose)) = state.dialog else { return };
    let t = theme();
    let saving = matches!(
        purpose,
        Purpose::SaveSession
            | Purpose::Export(_)
            | Purpose::Compare(ComparePurpose::Export)
            | Purpose::Train(TrainPurpose::SavePlan)
    );
    let mut text = state.typed_path.clone();
    let (given, close) = widgets::modal(ui, "path dialog", t.size.dialog, |ui| {
        ui.label(egui::RichText::new(title(purpose)).font(t.title()).color(t.color.text));
        ui.add_space(t.space.medium);
        let typed = widgets::path_field(ui, &mut text, "Path", "Type or paste a path, then press Enter");
        let recent = if saving { None } else { recent(ui, state) };
        ui.add_space(t.space.large);
        let size = egui::vec2(ui.available_width(), t.size.control);
        let pressed = ui.allocate_ui_with_layout(size, egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let word = if saving { "Save" } else { "Open" };
            let ready = !text.trim().is_empty();
            let pressed = ui.add_enabled_ui(ready, |ui| widgets::quiet_button(ui, None, word, None).clicked()).inner;
            if widgets::quiet_button(ui, None, "Close", None).clicked() {
                out.send(Command::Show(None));
            }
            pressed
        });
        typed.or_else(|| pressed.inner.then(|| text.trim().to_owned())).map(|p| expand_home(&p)).or(recent)
    });
    if text != state.typed_path {
        out.send(Command::TypePath(text));
    }
    if close || given.is_some() {
        out.send(Command::Show(None));
    }
    if let Some(path) = given {
        out.send(Command::Given(purpose, path));
    }
}

/// Files opened before, one press away.
fn recent(ui: &mut egui::Ui, state: &State) -> Option<PathBuf> {
    let t = theme();
    if state.recent.is_empty() {
        return None;
    }
    ui.add_space(t.space.medium);
    widgets::caption(ui, "RECENT");
    let mut chosen = None;
    for path in state.recent.iter().take(SHOWN_RECENT) {
        let button = egui::Button::new(path.display().to_string()).truncate().frame_when_inactive(false);
        if ui.add(button).clicked() {
            chosen = Some(path.clone());
        }
    }
    chosen
}

/// `~/` is what people type; the system does not know it.
fn expand_home(path: &str) -> PathBuf {
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf());
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
