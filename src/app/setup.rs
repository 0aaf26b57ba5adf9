//! What a reconstruction runs with: machine, model, device, atlases. Knows no widget.

use crate::geometry::Preset;
use crate::nn::{BuiltIn, DeviceChoice, ModelSource};

/// What a reconstruction runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The machine whose geometry is taken where films say nothing.
    pub preset: Preset,
    /// The models there are, as shown.
    pub models: Vec<ModelEntry>,
    /// The person chose the preset; else films without a header choose it.
    pub preset_chosen: bool,
    /// The chosen one, an index into `models`.
    pub model: usize,
    /// The devices there are.
    pub devices: Vec<DeviceChoice>,
    /// The chosen one, an index into `devices`.
    pub device: usize,
    /// Whether atlases lend anatomy where the films allow it.
    pub guide: bool,
}

/// A model that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelEntry {
    /// Its name on screen.
    pub label: String,
    /// Where it is.
    pub source: ModelSource,
}

impl ModelEntry {
    /// Those that come with the program: the one that suits the films, then each by its name.
    fn built_in() -> Vec<Self> {
        let named = BuiltIn::ALL.map(|m| Self { label: m.name().to_owned(), source: ModelSource::BuiltIn(m) });
        [Self { label: "Automatic".to_owned(), source: ModelSource::Automatic }].into_iter().chain(named).collect()
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            preset: Preset::Simulated,
            preset_chosen: false,
            models: ModelEntry::built_in(),
            guide: true,
            model: 0,
            devices: vec![DeviceChoice::Auto, DeviceChoice::Cpu],
            device: 0,
        }
    }
}

impl Setup {
    /// The places of all models, each once: the automatic choice is one of the others.
    pub fn each_model(&self) -> Vec<usize> {
        (0..self.models.len()).filter(|k| self.models[*k].source != ModelSource::Automatic).collect()
    }

    /// Adds a model, or finds it where it is in the list; gives its place.
    pub fn add_model(&mut self, label: String, source: ModelSource) -> usize {
        self.models.iter().position(|m| m.source == source).unwrap_or_else(|| {
            self.models.push(ModelEntry { label, source });
            self.models.len() - 1
        })
    }
}
