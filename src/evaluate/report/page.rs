//! The page as a whole: what was found in a few sentences, the tables, the pictures, what it rests on, and what it does
//! not allow to say. One file, no other is needed to read it. Knows no way to compute anything.

use super::chart::dots;
use super::html::{definitions, escape, paragraph, png_address, section};
use super::tables;
use super::trust::{Extras, trust};
use crate::evaluate::EvaluateError;
use crate::evaluate::figure::{TRUTH, choice, pictured};
use crate::evaluate::pictures;
use crate::evaluate::record::picture_path;
use crate::evaluate::results::Results;
use crate::evaluate::statistics::{
    HOLM_DEFINITION, INTERVAL_DEFINITION, LEAST_CASES, SPREAD_DEFINITION, TEST_DEFINITION,
};
use crate::evaluate::table::{Cell, cells, differences};
use crate::io::Utc;
use std::collections::BTreeSet;
use std::path::Path;

static STYLE: &str = include_str!("../../../assets/report.css");
/// Beside each row of slices.
const PLANE_NAMES: &str = "<div class=\"planes\" aria-hidden=\"true\"><span>&nbsp;</span><span>axial</span><span>coronal</span>\
    <span>sagittal</span></div>\n";
/// How films are made, as it is printed.
const FILMS: &str = "Both films of a case are simulated from its truth: gantry angles 0 and 90 degrees, source-axis distance \
    1000 mm, source-detector distance 1500 mm, 256 x 256 pixels of 2.6 mm; Joseph's projector, water at 70 keV, no noise, \
    no scatter. Real films are harder.";

/// The page of a study.
///
/// # Errors
/// [`EvaluateError::Data`] for a picture or a file beside that cannot be used.
pub fn page(folder: &Path, results: &Results, extras: &Extras) -> Result<String, EvaluateError> {
    let cells = cells(results, &results.measures());
    let title = title(results);
    let sections = [
        section("table", "Results", &(tables::table_one(results, &cells) + &tables::further(results, &cells))),
        section("charts", "Case by case", &(charts(results, &cells) + &tables::cases(results))),
        section("statistics", "What the cases allow to say", &tables::differences(results, &differences(results))),
        section("figure", "Slices", &slices(folder, results)?),
        trust(results, extras)?,
        section("cases", "Cases", &(paragraph("", FILMS) + &tables::truths(results))),
        section("methods", "Methods", &tables::methods(results)),
        section("times", "Times", &tables::times(results)),
        section("definitions", "Definitions", &all_definitions(results)),
    ];
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}{}{}</main>\n</body>\n</html>\n",
        escape(&title),
        head(results, &title),
        sections.concat(),
        foot(results)
    ))
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

fn title(results: &Results) -> String {
    format!("{} on {}", counted(results.study.methods.len(), "method"), counted(results.study.cases.len(), "case"))
}

fn head(results: &Results, title: &str) -> String {
    let Utc { year, month, day, hour, minute, .. } = Utc::now();
    let of_model = |method: &str| results.study.methods.iter().any(|m| m.name == method && m.model.is_some());
    let records = results.records.iter().filter(|r| of_model(&r.method));
    let devices: BTreeSet<String> = records.map(|r| format!("{}, {}", r.device, r.precision)).collect();
    let devices: Vec<String> = devices.into_iter().collect();
    let facts = [
        ("Written", format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")),
        ("Program", results.study.program.clone()),
        ("Networks ran on", if devices.is_empty() { "no network".to_owned() } else { devices.join("; ") }),
        ("Films", "simulated, 0° and 90°".to_owned()),
        ("Cases with every method", format!("{} of {}", results.complete.len(), results.study.cases.len())),
        ("Held against", results.reference().map_or(String::new(), |method| method.name.clone())),
    ];
    let facts: String =
        facts.iter().map(|(term, fact)| format!("<div><dt>{term}</dt><dd>{}</dd></div>\n", escape(fact))).collect();
    format!(
        "<header>\n<p class=\"kicker\">biplane evaluation</p>\n<h1>{}</h1>\n{}{}<dl class=\"facts\">\n{facts}</dl>\n{}</header>\n",
        escape(title),
        paragraph("lede", &in_short(results)),
        "<p class=\"research\"><b>Research use only, not for diagnosis.</b> A volume from two films is mostly prior knowledge, not measurement.</p>\n",
        warnings(results)
    )
}

/// The first thing to know, in a few sentences.
fn in_short(results: &Results) -> String {
    let n = results.complete.len();
    let Some(measure) = results.primary().into_iter().next() else {
        return "No case has numbers of every method; the causes are listed below.".to_owned();
    };
    let mut ranked: Vec<Cell> = cells(results, std::slice::from_ref(&measure));
    ranked.sort_by(|a, b| {
        let order = a.summary.mean.total_cmp(&b.summary.mean);
        if measure.more_is_better { order.reverse() } else { order }
    });
    let said: Vec<String> = ranked
        .iter()
        .map(|cell| {
            format!("{} {} {}", cell.method, measure.show(cell.summary.mean), measure.unit).trim_end().to_owned()
        })
        .collect();
    let warning = match n {
        1 => " It shows how the methods behave on this patient and allows no statement about others.",
        n if n < LEAST_CASES => {
            " So few cases show how the methods behave on these patients; they allow no statement about others."
        }
        _ => "",
    };
    format!("Mean {} over {}, best first: {}.{warning}", measure.name, counted(n, "case"), said.join(", "))
}

/// What must be known before any number is read.
fn warnings(results: &Results) -> String {
    let flattered: String = results.flattered().iter().map(|said| format!("<li>{}</li>\n", escape(said))).collect();
    match flattered.is_empty() {
        true => failures(results),
        false => {
            format!("<div class=\"warning\"><b>Not held out</b>\n<ul>\n{flattered}</ul></div>\n") + &failures(results)
        }
    }
}

fn failures(results: &Results) -> String {
    if results.failures.is_empty() {
        return String::new();
    }
    let item = |f: &crate::evaluate::event::Failure| {
        let method = f.method.as_ref().map_or(String::new(), |method| format!(", {method}"));
        format!("<li><b>{}{}</b>: {}</li>\n", escape(&f.case), escape(&method), escape(&f.cause))
    };
    let items: String = results.failures.iter().map(item).collect();
    format!(
        "<div class=\"warning\"><b>Not evaluated: {}.</b> These stand in no mean; a case that lacks a method is left out \
         for all of them.\n<ul>\n{items}</ul></div>\n",
        results.failures.len()
    )
}

fn charts(results: &Results, cells: &[Cell]) -> String {
    let charts: String = results.primary().iter().map(|measure| dots(results, measure, cells)).collect();
    if charts.is_empty() {
        return String::new();
    }
    let interval = if results.complete.len() >= LEAST_CASES { ", bar: 95 % interval of the mean" } else { "" };
    format!(
        "<div class=\"charts\">\n{charts}</div>\n{}",
        paragraph(
            "caption",
            &format!("A dot is a case, the line the mean{interval}. Point at a dot for its case and value.")
        )
    )
}

/// The pictured cases, truth first.
fn slices(folder: &Path, results: &Results) -> Result<String, EvaluateError> {
    let cases = pictured(results);
    if cases.is_empty() {
        return Ok(String::new());
    }
    let mut body = paragraph("caption", &format!("Shown: {}. {}.", choice(results), pictures::DEFINITION));
    let columns = results.study.methods.len() + 1;
    for case in &cases {
        let methods = results.study.methods.iter().map(|method| Some(method.name.as_str()));
        let mut strip = String::new();
        for method in std::iter::once(None).chain(methods) {
            let path = picture_path(folder, case, method);
            let bytes = std::fs::read(&path).map_err(|e| EvaluateError::Data {
                path: path.clone(),
                cause: format!("cannot be read ({e}); remove its record and evaluate again"),
            })?;
            let name = method.unwrap_or(TRUTH);
            let words = format!("axial, coronal and sagittal slice of {case}: {name}");
            strip.push_str(&format!(
                "<figure><figcaption>{}</figcaption><img alt=\"{}\" src=\"{}\"></figure>\n",
                escape(name),
                escape(&words),
                png_address(&bytes)
            ));
        }
        body.push_str(&format!(
            "<div class=\"slices\"><h3>{}</h3>\n<div class=\"strip\" style=\"grid-template-columns: max-content \
             repeat({columns}, minmax(0, 230px))\">\n{PLANE_NAMES}{strip}</div></div>\n",
            escape(case)
        ));
    }
    Ok(body)
}

fn all_definitions(results: &Results) -> String {
    let mut pairs: Vec<(String, String)> = results.measures().into_iter().map(|m| (m.title(), m.definition)).collect();
    pairs.push(("±".to_owned(), SPREAD_DEFINITION.to_owned()));
    if results.complete.len() >= LEAST_CASES {
        let statistics =
            [("95 % interval", INTERVAL_DEFINITION), ("W, p", TEST_DEFINITION), ("p (Holm)", HOLM_DEFINITION)];
        pairs.extend(statistics.map(|(term, meaning)| (term.to_owned(), meaning.to_owned())));
    }
    pairs.push(("Without truth".to_owned(), "share of the cube's voxels outside of the scan's grid or in axial slices without scan data; air there by assumption, in films and numbers alike".to_owned()));
    pairs.push(("Slices".to_owned(), pictures::DEFINITION.to_owned()));
    definitions(&pairs)
}

fn foot(results: &Results) -> String {
    format!(
        "<footer>Written by {} from the records beside this file; results.json, table.csv, cases.csv and times.csv hold the \
         same numbers. Research use only, not for diagnosis.</footer>\n",
        escape(&results.study.program)
    )
}
