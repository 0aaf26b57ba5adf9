//! The tables of a run folder: their names, and how they are read back for curves, the panel and comparisons. Knows no
//! network.

use super::TrainError;
use crate::metrics::Detail;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// A line a step.
pub const LOSS_FILE: &str = "losses.csv";
/// A line a case and validation.
pub const VALIDATION_FILE: &str = "validation.csv";
/// The mean's name in the validation table.
pub const MEAN_CASE: &str = "mean";

/// One line of the loss table.
#[derive(Clone, Debug, PartialEq)]
pub struct LossRow {
    /// Phase, from 0.
    pub phase: usize,
    /// Step within the phase, from 1.
    pub step: u64,
    /// Learning rate.
    pub lr: f64,
    /// The loss that was descended.
    pub loss: f64,
    /// Length of the gradient.
    pub gradient: f64,
    /// Seconds of the step.
    pub seconds: f64,
    /// The parts of the loss that were computed, by name.
    pub terms: Vec<(String, f64)>,
}

/// One line of the validation table.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationRow {
    /// Phase, from 0.
    pub phase: usize,
    /// Step within the phase.
    pub step: u64,
    /// The case, or `mean`.
    pub case: String,
    /// Mean absolute error, HU.
    pub mae_hu: f64,
    /// Fine detail and bone; nothing in runs of older versions.
    pub detail: Detail,
}

/// Both tables of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    /// A line a step.
    pub losses: Vec<LossRow>,
    /// A line a case and validation, and one for their mean.
    pub validations: Vec<ValidationRow>,
}

/// Columns of the loss table that are no part of the loss.
const PLAIN: [&str; 9] = ["phase", "epoch", "step", "share", "lr", "loss", "gradient", "seconds", "waited"];

impl Tables {
    /// Reads the tables of a run folder; lines that cannot be read are left out.
    ///
    /// # Errors
    /// [`TrainError::Data`] naming the file that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).map_err(|e| TrainError::Data { path, cause: e.to_string() })
        };
        Ok(Self::parse(&text(LOSS_FILE)?, &text(VALIDATION_FILE)?))
    }

    /// From the tables' text.
    pub fn parse(losses: &str, validations: &str) -> Self {
        Self {
            losses: rows(losses).iter().filter_map(loss_row).collect(),
            validations: rows(validations).iter().filter_map(validation_row).collect(),
        }
    }

    /// The validation errors' means.
    pub fn means(&self) -> impl Iterator<Item = &ValidationRow> {
        self.validations.iter().filter(|row| row.case == MEAN_CASE)
    }

    /// Steps of each phase so far.
    pub fn phase_lengths(&self) -> Vec<u64> {
        let mut lengths = Vec::new();
        for row in &self.losses {
            if lengths.len() <= row.phase {
                lengths.resize(row.phase + 1, 0);
            }
            lengths[row.phase] = row.step.max(lengths[row.phase]);
        }
        lengths
    }
}

/// Lines of a table as column name and cell; a last line that was cut off is left out.
fn rows(text: &str) -> Vec<HashMap<&str, &str>> {
    let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let Some(header) = lines.next() else { return Vec::new() };
    let names: Vec<&str> = header.split(',').collect();
    lines.map(|line| names.iter().copied().zip(line.split(',')).collect()).collect()
}

fn number<T: std::str::FromStr>(row: &HashMap<&str, &str>, name: &str) -> Option<T> {
    row.get(name)?.parse().ok()
}

fn loss_row(row: &HashMap<&str, &str>) -> Option<LossRow> {
    let mut terms: Vec<(String, f64)> = row
        .iter()
        .filter(|(name, cell)| !PLAIN.contains(name) && !cell.is_empty())
        .filter_map(|(name, cell)| Some(((*name).to_owned(), cell.parse().ok()?)))
        .collect();
    terms.sort_by(|a, b| a.0.cmp(&b.0));
    Some(LossRow {
        phase: number(row, "phase")?,
        step: number(row, "step")?,
        lr: number(row, "lr")?,
        loss: number(row, "loss")?,
        gradient: number(row, "gradient")?,
        seconds: number(row, "seconds")?,
        terms,
    })
}

fn validation_row(row: &HashMap<&str, &str>) -> Option<ValidationRow> {
    Some(ValidationRow {
        phase: number(row, "phase")?,
        step: number(row, "step")?,
        case: (*row.get("case")?).to_owned(),
        mae_hu: number(row, "mae_hu")?,
        detail: Detail::from_keys(|key| number(row, key)),
    })
}
