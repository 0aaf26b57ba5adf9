//! What a study leaves behind: numbers for programs and spreadsheets, a figure, and a page that explains itself, all made
//! of the records alone. Knows no method's making.
//!
//! ```text
//! REPORT/results.json   every number, definition, test and failure; no times, so that it repeats to the byte
//! REPORT/table.csv      mean and spread a method; the paper's figures beneath
//! REPORT/cases.csv      every number of every case and method
//! REPORT/times.csv      seconds of every stage
//! REPORT/figure.png     methods side by side
//! REPORT/report.html    all of it, in one file
//! ```

pub mod html;

mod chart;
mod json;
mod page;
mod tables;
mod trust;

pub use json::results_json;
pub use trust::Extras;

use super::EvaluateError;
use super::figure;
use super::record::Study;
use super::record::{STUDY_FILE, picture_path, record_path, write_json, write_whole};
use super::results::Results;
use super::table::{cases_csv, table_csv, times_csv};
use std::path::{Path, PathBuf};

/// Every number of a study.
pub const RESULTS_FILE: &str = "results.json";
/// The page.
pub const REPORT_FILE: &str = "report.html";
/// The figure.
pub const FIGURE_FILE: &str = "figure.png";

/// Writes the report of a finished study into its folder.
///
/// # Errors
/// [`EvaluateError::Data`] where pairs are still to be evaluated or a file beside cannot be used,
/// [`EvaluateError::Write`].
pub fn write(folder: &Path, extras: &Extras) -> Result<Results, EvaluateError> {
    let results = Results::read(folder)?;
    write_json(&folder.join(RESULTS_FILE), &results_json(&results))?;
    for (name, text) in
        [("table.csv", table_csv(&results)), ("cases.csv", cases_csv(&results)), ("times.csv", times_csv(&results))]
    {
        write_whole(&folder.join(name), text.as_bytes())?;
    }
    figure::draw(folder, &results, &folder.join(FIGURE_FILE))?;
    write_whole(&folder.join(REPORT_FILE), page::page(folder, &results, extras)?.as_bytes())?;
    Ok(results)
}

/// Joins parts that were evaluated into folders of their own: their records and pictures into `folder`, byte by byte.
/// Parts that share a folder need no joining.
///
/// # Errors
/// [`EvaluateError::Data`] where a folder holds another study, [`EvaluateError::Write`].
pub fn join(parts: &[PathBuf], folder: &Path) -> Result<(), EvaluateError> {
    let mut first: Option<(Study, &PathBuf)> = None;
    for part in parts {
        let study = Study::read(part)?;
        match &first {
            Some((other, path)) if *other != study => {
                let cause = format!(
                    "is another study than {} (other cases, methods or models); evaluate both with the same arguments",
                    path.display()
                );
                return Err(EvaluateError::Data { path: part.join(STUDY_FILE), cause });
            }
            Some(_) => {}
            None => first = Some((study, part)),
        }
    }
    let Some((study, _)) = first else {
        return Err(EvaluateError::Input("no folder to merge; name those that --part wrote".to_owned()));
    };
    study.write(folder)?;
    parts.iter().filter(|part| !is_same(part, folder)).try_for_each(|part| take_in(part, folder, &study))
}

fn is_same(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Copies what a part has of a study.
fn take_in(part: &Path, folder: &Path, study: &Study) -> Result<(), EvaluateError> {
    for case in &study.cases {
        let methods = study.methods.iter().map(|method| Some(method.name.as_str()));
        for method in std::iter::once(None).chain(methods) {
            for place in [picture_path, record_path] {
                let from = place(part, case, method);
                if from.is_file() {
                    let unreadable = |e: std::io::Error| EvaluateError::Data {
                        path: from.clone(),
                        cause: format!("cannot be read ({e}); check its disk"),
                    };
                    write_whole(&place(folder, case, method), &std::fs::read(&from).map_err(unreadable)?)?;
                }
            }
        }
    }
    Ok(())
}
