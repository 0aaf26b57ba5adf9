//! What is remembered between two starts: window, recent files, choices. One small TOML file. Knows no panel.

use super::viewport::Scheme;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Recent files that are kept.
const MAX_RECENT: usize = 10;

/// What fills the window between the bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Workspace {
    /// Films on the left, planes in the middle.
    #[default]
    Reconstruct,
    /// A reconstruction beside its truth.
    Compare,
    /// Plans and runs.
    Train,
}

impl Workspace {
    /// All of them, in the order of their tabs.
    pub const ALL: [Self; 3] = [Self::Reconstruct, Self::Compare, Self::Train];

    /// The name on its tab.
    pub fn label(self) -> &'static str {
        match self {
            Self::Reconstruct => "Reconstruct",
            Self::Compare => "Compare",
            Self::Train => "Train",
        }
    }
}

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// Inner size of the window, points.
    pub window: Option<[f32; 2]>,
    /// The window filled the screen.
    pub maximised: bool,
    /// Files opened before, newest first.
    pub recent: Vec<PathBuf>,
    /// What the mouse does.
    pub mouse: Scheme,
    /// A model folder chosen by hand.
    pub model: Option<PathBuf>,
    /// The device's name.
    pub device: Option<String>,
    /// The workspace that was on screen.
    pub workspace: Workspace,
    /// Run folders opened by hand.
    pub runs: Vec<PathBuf>,
    /// Keys and mouse as the person changed them, in the form of [`super::viewport::Bindings::changes`].
    pub keys: BTreeMap<String, String>,
}

/// The settings and the file they live in.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What is remembered.
    pub remembered: Remembered,
    file: Option<PathBuf>,
}

/// Where settings live unless told otherwise: the user's configuration folder.
pub fn default_path() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "biplane").map(|dirs| dirs.config_dir().join("workstation.toml"))
}

/// Where training runs are kept unless told otherwise: the user's data folder.
pub fn default_runs() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "biplane").map(|dirs| dirs.data_dir().join("runs"))
}

/// Where the session goes when the graphics device is lost.
pub fn recovery_path() -> Option<PathBuf> {
    let file = default_path()?.with_file_name("recovered.biplane.toml");
    std::fs::create_dir_all(file.parent()?).ok()?;
    Some(file)
}

impl Settings {
    /// Reads the file; one that is missing or damaged gives the defaults, since nothing of value is lost with it.
    pub fn load(file: Option<&Path>) -> Self {
        let text = file.and_then(|f| std::fs::read_to_string(f).ok()).unwrap_or_default();
        Self { remembered: toml::from_str(&text).unwrap_or_default(), file: file.map(Path::to_path_buf) }
    }

    /// Puts a file on top of the recent ones.
    pub fn opened(&mut self, path: &Path) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let recent = &mut self.remembered.recent;
        recent.retain(|p| *p != path);
        recent.insert(0, path);
        recent.truncate(MAX_RECENT);
    }

    /// Writes the file, through a temporary name so that a crash leaves the old one.
    ///
    /// # Errors
    /// The system's error; nothing depends on these settings, so callers may go on.
    pub fn save(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = toml::to_string_pretty(&self.remembered).map_err(std::io::Error::other)?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let draft = file.with_extension("toml.new");
        std::fs::write(&draft, text)?;
        std::fs::rename(&draft, file)
    }
}
