//! How far a volume can be trusted, as the report tells it: whether re-projections agree with the films, whether planted
//! nodules are found, whether the expected error covers the true one. Knows no way to compute any of it.

use super::html::{escape, paragraph, section, table};
use crate::evaluate::EvaluateError;
use crate::evaluate::consistency;
use crate::evaluate::method::About;
use crate::evaluate::results::Results;
use crate::evaluate::statistics::summary;
use crate::evaluate::uncertainty::learn::{Coverage, Role};
use crate::evaluate::uncertainty::{DEFINITION, ErrorModel};
use crate::nn::ModelSource;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Files of other tests that a report takes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Detectability of planted nodules, as `biplane nodules` writes it; else the reference model's own, where it has one.
    pub nodules: Option<PathBuf>,
}

/// The section on trust.
///
/// # Errors
/// [`EvaluateError::Data`] for a file beside that cannot be used.
pub fn trust(results: &Results, extras: &Extras) -> Result<String, EvaluateError> {
    let model = results.reference().and_then(About::model_source);
    let guided = results.reference().is_some_and(About::is_guided);
    let mut body = paragraph(
        "",
        "Two films measure at most 2 x 256 x 256 numbers of the 128^3 that a volume has: most of it is prior knowledge of \
         the networks. A volume can look right, and agree with both films, and be wrong.",
    );
    body.push_str(&reprojection(results));
    body.push_str("<h3>Planted nodules</h3>\n");
    // What a model's folder tells of nodules is of its networks alone.
    body.push_str(&nodules(model.as_ref().filter(|_| !guided), extras)?);
    body.push_str("<h3>Expected error</h3>\n");
    body.push_str(&expected_error(model.as_ref(), guided));
    Ok(section("trust", "How far it can be trusted", &body))
}

/// Which planted nodules the reference model shows.
fn nodules(model: Option<&ModelSource>, extras: &Extras) -> Result<String, EvaluateError> {
    if let Some(path) = &extras.nodules {
        let text = std::fs::read(path).map_err(|e| fault(path, format!("cannot be read ({e}); check the path")))?;
        return of_json(path, &text);
    }
    match model.map(ModelSource::nodules).transpose()?.flatten() {
        Some((path, text)) => of_json(&path, &text),
        None => Ok(paragraph("note", "Not measured for this model; `biplane nodules` does.")),
    }
}

/// How well the reference model's error bars hold, patient by patient.
fn expected_error(model: Option<&ModelSource>, guided: bool) -> String {
    let known = match model.map(|source| ErrorModel::of(source, guided)) {
        Some(Ok(Some(known))) => known,
        Some(Err(error)) => return paragraph("note", &error.to_string()),
        _ => return paragraph("note", "Not calibrated for this model; `biplane calibrate` does."),
    };
    let share = |v: f64| format!("{:.1} %", 100.0 * v);
    let row = |c: &Coverage| {
        let role = match c.role {
            Role::LeftOut => "trained on, left out",
            Role::HeldOut => "never trained on",
            Role::Check => "never trained on, no part in anything",
        };
        vec![escape(&c.patient), role.to_owned(), share(c.level), share(c.volume), share(c.body)]
    };
    let heads = ["Patient", "What it was", "Promised", "Within, volume", "Within, body"].map(str::to_owned);
    let rows: Vec<Vec<String>> = known.card().coverage.iter().map(row).collect();
    table("", &heads, &rows) + &paragraph("caption", &format!("Share of voxels within the {DEFINITION}."))
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

fn fault(path: &Path, cause: String) -> EvaluateError {
    EvaluateError::Data { path: path.to_owned(), cause }
}

/// A JSON file in words and tables, whatever it holds: texts as paragraphs, lists of like objects as tables.
fn of_json(path: &Path, text: &[u8]) -> Result<String, EvaluateError> {
    let value: Value =
        serde_json::from_slice(text).map_err(|e| fault(path, format!("is no JSON ({e}); make it again")))?;
    let Value::Object(fields) = value else {
        return Err(fault(path, "holds no named values; make it again".to_owned()));
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
