//! Results as tables: mean and spread a method, paired differences from the method that the others are held against,
//! and these as text and for spreadsheets. Knows no file.

use super::measure::{Measure, PAPER, PAPER_COLUMNS, PAPER_NOTICE};
use super::results::Results;
use super::statistics::{
    HOLM_DEFINITION, INTERVAL_DEFINITION, Interval, LEAST_CASES, SPREAD_DEFINITION, SignedRank, Summary,
    TEST_DEFINITION, bootstrap_mean, holm, signed_rank, summary,
};
use serde::Serialize;
use std::fmt::Write;

/// One number of one method over the complete cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The method.
    pub method: String,
    /// The number's key.
    pub measure: &'static str,
    /// Mean and spread.
    pub summary: Summary,
    /// Interval of the mean; absent under [`LEAST_CASES`].
    pub interval: Option<Interval>,
    /// Whether no method has a better mean.
    pub best: bool,
}

/// A method held against the reference, case by case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The method.
    pub method: String,
    /// What it is held against.
    pub reference: String,
    /// The number's key.
    pub measure: &'static str,
    /// Method less reference: mean and spread.
    pub summary: Summary,
    /// Cases on which the reference is better.
    pub reference_better: usize,
    /// Interval of the mean difference; absent under [`LEAST_CASES`].
    pub interval: Option<Interval>,
    /// The test; absent under [`LEAST_CASES`].
    pub test: Option<SignedRank>,
    /// Its p, held together with those of the other methods in this number.
    pub p_holm: Option<f64>,
}

/// Every number of every method; the primary ones first, methods in the study's order.
pub fn cells(results: &Results, measures: &[Measure]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for measure in measures {
        let mut of_measure: Vec<Cell> = Vec::new();
        for method in &results.study.methods {
            let Some(values) = results.column(&method.name, measure.key) else { continue };
            let Some(summary) = summary(&values) else { continue };
            let interval = bootstrap_mean(&values);
            of_measure.push(Cell { method: method.name.clone(), measure: measure.key, summary, interval, best: false });
        }
        let means: Vec<f64> = of_measure.iter().map(|cell| cell.summary.mean).collect();
        for cell in &mut of_measure {
            cell.best = means.len() > 1 && !means.iter().any(|mean| measure.is_better(*mean, cell.summary.mean));
        }
        cells.extend(of_measure);
    }
    cells
}

/// Every other method against the reference, in the primary numbers.
pub fn differences(results: &Results) -> Vec<Difference> {
    let Some(reference) = results.reference() else { return Vec::new() };
    let mut all = Vec::new();
    for measure in results.primary() {
        let Some(own) = results.column(&reference.name, measure.key) else { continue };
        let others = results.study.methods.iter().filter(|method| method.name != reference.name);
        let mut of_measure: Vec<Difference> = others
            .filter_map(|method| {
                let values = results.column(&method.name, measure.key)?;
                difference(&method.name, &reference.name, &measure, &values, &own)
            })
            .collect();
        let p: Option<Vec<f64>> = of_measure.iter().map(|d| d.test.map(|test| test.p)).collect();
        for (difference, p) in of_measure.iter_mut().zip(p.map(|p| holm(&p)).unwrap_or_default()) {
            difference.p_holm = Some(p);
        }
        all.extend(of_measure);
    }
    all
}

fn difference(method: &str, reference: &str, measure: &Measure, values: &[f64], own: &[f64]) -> Option<Difference> {
    let differences: Vec<f64> = values.iter().zip(own).map(|(a, b)| a - b).collect();
    let reference_better = values.iter().zip(own).filter(|(a, b)| measure.is_better(**b, **a)).count();
    Some(Difference {
        method: method.to_owned(),
        reference: reference.to_owned(),
        measure: measure.key,
        summary: summary(&differences)?,
        reference_better,
        interval: bootstrap_mean(&differences),
        test: signed_rank(&differences),
        p_holm: None,
    })
}

/// What so many cases allow to say.
pub fn allowance(n: usize) -> String {
    match n {
        0 => "No case has numbers of every method: there is no table.".to_owned(),
        1 => format!(
            "One case: its numbers are what they are; nothing follows for other patients ({LEAST_CASES} are needed for an interval or a test)."
        ),
        _ if n < LEAST_CASES => format!(
            "{n} cases: too few for an interval or a p-value ({LEAST_CASES} are needed), so each case is printed and none is given."
        ),
        _ => format!("{n} cases: intervals and p-values speak of patients like these, scanned like these."),
    }
}

/// The table as the terminal prints it, every number with its definition.
pub fn text(results: &Results) -> String {
    let measures = results.primary();
    let n = results.complete.len();
    let mut out = format!("{}\n", allowance(n));
    for said in results.flattered() {
        let _ = writeln!(out, "{said}");
    }
    let cells = cells(results, &measures);
    let mut rows = vec![heads(&measures)];
    for method in &results.study.methods {
        rows.push(row(&method.name, &measures, &cells));
    }
    let _ = writeln!(out, "\nmean of {n} cases ± {SPREAD_DEFINITION}");
    out.push_str(&aligned(&rows));
    if n < LEAST_CASES && n > 1 {
        for case in &results.complete {
            let _ = writeln!(out, "\n{case}");
            out.push_str(&aligned(&case_rows(results, case, &measures)));
        }
    }
    out.push_str(&paper_text());
    out.push_str(&differences_text(results, &measures));
    out.push_str("\nDefinitions:\n");
    for measure in &measures {
        let _ = writeln!(out, "  {}: {}", measure.title(), measure.definition);
    }
    out
}

fn heads(measures: &[Measure]) -> Vec<String> {
    let head = |m: &Measure| format!("{} {}", m.title(), if m.more_is_better { "↑" } else { "↓" });
    std::iter::once(String::new()).chain(measures.iter().map(head)).collect()
}

fn row(method: &str, measures: &[Measure], cells: &[Cell]) -> Vec<String> {
    let cell = |m: &Measure| {
        let found = cells.iter().find(|c| c.method == method && c.measure == m.key);
        found.map_or("-".to_owned(), |c| {
            m.show(c.summary.mean) + &c.summary.sd.map_or(String::new(), |sd| format!(" ± {}", m.show(sd)))
        })
    };
    std::iter::once(method.to_owned()).chain(measures.iter().map(cell)).collect()
}

fn case_rows(results: &Results, case: &str, measures: &[Measure]) -> Vec<Vec<String>> {
    let of_method = |method: &str| {
        let scores = results.record(case, method).map(|r| &r.scores);
        let cell = |m: &Measure| scores.and_then(|s| s.get(m.key)).map_or("-".to_owned(), |v| m.show(*v));
        std::iter::once(method.to_owned()).chain(measures.iter().map(cell)).collect()
    };
    let mut rows = vec![heads(measures)];
    rows.extend(results.study.methods.iter().map(|method| of_method(&method.name)));
    rows
}

fn paper_text() -> String {
    let mut rows =
        vec![std::iter::once(String::new()).chain(PAPER_COLUMNS.iter().map(|(name, _)| (*name).to_owned())).collect()];
    for (method, figures) in PAPER {
        let show = |(value, (_, digits)): (&f64, &(&str, usize))| format!("{value:.digits$}");
        rows.push(std::iter::once(method.to_owned()).chain(figures.iter().zip(&PAPER_COLUMNS).map(show)).collect());
    }
    format!("\nThe paper's Table 1\n{}{PAPER_NOTICE}\n", aligned(&rows))
}

fn differences_text(results: &Results, measures: &[Measure]) -> String {
    let differences = differences(results);
    let tested: Vec<&Difference> = differences.iter().filter(|d| d.test.is_some()).collect();
    let Some(first) = tested.first() else { return String::new() };
    let mut rows =
        vec![["method", "number", "difference", "95 % interval", "W", "p", "p (Holm)"].map(str::to_owned).to_vec()];
    for d in &tested {
        let Some(measure) = measures.iter().find(|m| m.key == d.measure) else { continue };
        let interval =
            d.interval.map_or("-".to_owned(), |i| format!("{} to {}", measure.show(i.low), measure.show(i.high)));
        let (w, p) = d.test.map_or((0.0, 1.0), |test| (test.statistic, test.p));
        let adjusted = d.p_holm.map_or("-".to_owned(), show_p);
        rows.push(vec![
            d.method.clone(),
            measure.title(),
            measure.show(d.summary.mean),
            interval,
            format!("{w}"),
            show_p(p),
            adjusted,
        ]);
    }
    format!(
        "\nEach method less `{}`, case by case\n{}  interval: {INTERVAL_DEFINITION}\n  p: {TEST_DEFINITION}\n  p (Holm): {HOLM_DEFINITION}\n",
        first.reference,
        aligned(&rows)
    )
}

/// A p-value as it is printed: never as zero.
pub fn show_p(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// Columns side by side, the first to the left, the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate();
        let padded: Vec<String> = cells
            .map(|(k, (cell, width))| if k == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") })
            .collect();
        let _ = writeln!(out, "  {}", padded.join("  ").trim_end());
    }
    out
}

/// The table for spreadsheets (RFC 4180), a line a number and method, the paper's figures beneath.
pub fn table_csv(results: &Results) -> String {
    let mut out = "source,method,measure,unit,n,mean,sd,interval_low,interval_high,definition\n".to_owned();
    let measures = results.measures();
    for cell in cells(results, &measures) {
        let Some(measure) = measures.iter().find(|m| m.key == cell.measure) else { continue };
        let number = |v: Option<f64>| v.map_or(String::new(), |v| v.to_string());
        let fields = [
            "measured".to_owned(),
            cell.method,
            measure.name.to_owned(),
            measure.unit.to_owned(),
            cell.summary.n.to_string(),
            cell.summary.mean.to_string(),
            number(cell.summary.sd),
            number(cell.interval.map(|i| i.low)),
            number(cell.interval.map(|i| i.high)),
            measure.definition.clone(),
        ];
        out.push_str(&csv_line(&fields));
    }
    for (method, figures) in PAPER {
        for ((column, _), value) in PAPER_COLUMNS.iter().zip(figures) {
            let empty = String::new;
            let fields = ["paper, Table 1", method, column].map(str::to_owned).into_iter().chain([
                empty(),
                empty(),
                value.to_string(),
                empty(),
                empty(),
                empty(),
                "not stated by the paper; does not compare".to_owned(),
            ]);
            out.push_str(&csv_line(&fields.collect::<Vec<_>>()));
        }
    }
    out
}

/// Every number of every case and method for spreadsheets, a line a pair.
pub fn cases_csv(results: &Results) -> String {
    let measures = results.measures();
    let heads = ["case", "method"].map(str::to_owned).into_iter().chain(measures.iter().map(Measure::title));
    let mut out = csv_line(&heads.collect::<Vec<_>>());
    for record in &results.records {
        let number = |m: &Measure| record.scores.get(m.key).map_or(String::new(), ToString::to_string);
        let names = [record.case.clone(), record.method.clone()];
        out.push_str(&csv_line(&names.into_iter().chain(measures.iter().map(number)).collect::<Vec<_>>()));
    }
    out
}

/// What each pair took for spreadsheets, a line a stage.
pub fn times_csv(results: &Results) -> String {
    let mut out = "case,method,stage,seconds,device,precision\n".to_owned();
    for r in &results.records {
        for (stage, seconds) in &r.seconds {
            let fields = [&r.case, &r.method, stage, &format!("{seconds:.4}"), &r.device, &r.precision];
            out.push_str(&csv_line(&fields.map(Clone::clone)));
        }
    }
    out
}

/// One line; fields with commas or quotation marks are quoted.
fn csv_line(fields: &[String]) -> String {
    let quoted = |field: &String| match field.contains([',', '"', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.clone(),
    };
    fields.iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}
