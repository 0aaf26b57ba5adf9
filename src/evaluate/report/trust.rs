//! How far a volume can be trusted, as the report tells it: whether re-projections agree with the films, whether planted
//! nodules are found, whether the expected error covers the true one. Knows no way to compute any of it.

use super::html::{escape, paragraph, section, table};
use crate::evaluate::EvaluateError;
use crate::evaluate::consistency;
use crate::evaluate::results::Results;
use crate::evaluate::statistics::summary;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What a model folder may hold on nodules.
const NODULES_FILE: &str = "nodules.json";
/// What a model folder may hold on calibration.
const CALIBRATION_FILE: &str = "calibration.json";

/// Files of other tests that a report takes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Detectability of planted nodules, as JSON; else the reference model's own, where its folder has it.
    pub nodules: Option<PathBuf>,
    /// Calibration of the expected error, as JSON; else the reference model's own, where its folder has it.
    pub calibration: Option<PathBuf>,
}

/// The section on trust.
///
/// # Errors
/// [`EvaluateError::Data`] for a file beside that cannot be used.
pub fn trust(results: &Results, extras: &Extras) -> Result<String, EvaluateError> {
    let beside = |name: &str| {
        let folder = results.reference().map(|method| PathBuf::from(&method.source));
        folder.map(|folder| folder.join(name)).filter(|path| path.is_file())
    };
    let mut body = paragraph(
        "",
        "Two films measure at most 2 x 256 x 256 numbers of the 128^3 that a volume has: most of it is prior knowledge of \
         the networks. A volume can look right, and agree with both films, and be wrong.",
    );
    body.push_str(&reprojection(results));
    let files = [
        (
            "Planted nodules",
            extras.nodules.clone().or_else(|| beside(NODULES_FILE)),
            "detectability of planted nodules",
        ),
        (
            "Expected error",
            extras.calibration.clone().or_else(|| beside(CALIBRATION_FILE)),
            "calibration of the expected error",
        ),
    ];
    for (heading, path, what) in files {
        body.push_str(&format!("<h3>{heading}</h3>\n"));
        match path {
            Some(path) => body.push_str(&of_file(&path)?),
            None => body.push_str(&paragraph("note", &format!("The {what} was not measured for this report."))),
        }
    }
    Ok(section("trust", "How far it can be trusted", &body))
}

/// Re-projection errors of each method, where they were computed.
fn reprojection(results: &Results) -> String {
    let mut rows = Vec::new();
    for method in &results.study.methods {
        let of: Vec<[f64; 2]> =
            results.records.iter().filter(|r| r.method == method.name).filter_map(|r| r.consistency).collect();
        let film = |k: usize| summary(&of.iter().map(|pair| pair[k]).collect::<Vec<f64>>());
        if let (Some(first), Some(second)) = (film(0), film(1)) {
            let cell = |mean: f64| format!("{:.2} %", 100.0 * mean);
            rows.push(vec![escape(&method.name), cell(first.mean), cell(second.mean), first.n.to_string()]);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let heads = ["Method", "First film", "Second film", "Cases"].map(str::to_owned);
    let words =
        format!("Mean over the cases of the {}. Agreement proves little, disagreement much.", consistency::DEFINITION);
    format!("<h3>Re-projection</h3>\n{}{}", table("", &heads, &rows), paragraph("caption", &words))
}

/// A JSON file in words and tables, whatever it holds: texts as paragraphs, lists of like objects as tables.
fn of_file(path: &Path) -> Result<String, EvaluateError> {
    let fault = |cause: String| EvaluateError::Data { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|e| fault(format!("cannot be read ({e}); check the path")))?;
    let value: Value = serde_json::from_str(&text).map_err(|e| fault(format!("is no JSON ({e}); make it again")))?;
    let Value::Object(fields) = value else {
        return Err(fault("holds no named values; make it again".to_owned()));
    };
    let (mut words, mut numbers, mut tables) = (String::new(), Vec::new(), String::new());
    for (name, value) in &fields {
        match value {
            Value::String(text) => words.push_str(&paragraph("", text)),
            Value::Array(list) if list.iter().any(Value::is_object) => tables.push_str(&list_table(list)),
            other => numbers.push(vec![escape(&plain(name)), cell(other)]),
        }
    }
    let numbers =
        if numbers.is_empty() { String::new() } else { table("", &["Number".into(), "Value".into()], &numbers) };
    Ok(words + &tables + &numbers)
}

fn list_table(list: &[Value]) -> String {
    let first = list.iter().find_map(Value::as_object);
    let names: Vec<&String> = first.map(|fields| fields.keys().collect()).unwrap_or_default();
    let row = |item: &Value| names.iter().map(|name| item.get(*name).map_or(String::new(), cell)).collect();
    let heads: Vec<String> = names.iter().map(|name| escape(&plain(name))).collect();
    table("", &heads, &list.iter().map(row).collect::<Vec<_>>())
}

/// `diameter_mm` to `diameter mm`.
fn plain(name: &str) -> String {
    name.replace('_', " ")
}

/// A value in a cell; numbers with four digits that count.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => escape(text),
        Value::Null => "–".to_owned(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(v)) if v != 0.0 => {
                let digits = (3.0 - v.abs().log10().floor()).clamp(0.0, 6.0) as usize;
                format!("{v:.digits$}")
            }
            _ => number.to_string(),
        },
        Value::Array(list) => list.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => escape(&other.to_string()),
    }
}
