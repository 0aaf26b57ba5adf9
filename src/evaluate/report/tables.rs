//! The page's tables: like the paper's Table 1, differences, cases, methods, times. Knows no picture.

use super::html::{escape, hash, paragraph, table};
use crate::evaluate::measure::{Measure, PAPER, PAPER_COLUMNS, PAPER_NOTICE};
use crate::evaluate::results::Results;
use crate::evaluate::statistics::{LEAST_CASES, summary};
use crate::evaluate::table::{Cell, Difference, allowance, show_p};
use std::collections::{BTreeMap, BTreeSet};

/// What stands where there is no number.
const NONE: &str = "–";
/// Beyond so many cases their table is folded.
const MOST_OPEN_CASES: usize = 12;

/// A table like the paper's Table 1, with the paper's figures beneath.
pub fn table_one(results: &Results, cells: &[Cell]) -> String {
    let primary = results.primary();
    let measured = |column: usize| primary.iter().find(|m| m.in_paper == Some(column));
    let heads = (0..PAPER_COLUMNS.len()).map(|k| match measured(k) {
        Some(m) => format!("{} {}", escape(&m.title()), if m.more_is_better { "↑" } else { "↓" }),
        None => escape(PAPER_COLUMNS[k].0),
    });
    let heads: String = heads.map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
    let reference = results.reference().map(|method| method.name.as_str());
    let mut body = String::new();
    for method in &results.study.methods {
        let class = if reference == Some(method.name.as_str()) { " class=\"own\"" } else { "" };
        let row = (0..PAPER_COLUMNS.len()).map(|k| {
            let found = measured(k)
                .and_then(|m| Some((m, cells.iter().find(|c| c.method == method.name && c.measure == m.key)?)));
            format!("<td>{}</td>", found.map_or(NONE.to_owned(), |(m, cell)| mean_cell(m, cell)))
        });
        let row: String = row.collect();
        body.push_str(&format!("<tr{class}><th scope=\"row\">{}</th>{row}</tr>\n", escape(&method.name)));
    }
    let span = PAPER_COLUMNS.len() + 1;
    body.push_str(&format!("<tr class=\"group\"><th colspan=\"{span}\">The paper’s own figures, for orientation: they do not compare</th></tr>\n"));
    for (name, figures) in PAPER {
        let figure = |(value, (_, digits)): (&f64, &(&str, usize))| format!("<td>{value:.digits$}</td>");
        let row: String = figures.iter().zip(&PAPER_COLUMNS).map(figure).collect();
        body.push_str(&format!("<tr class=\"paper\"><th scope=\"row\">{}</th>{row}</tr>\n", escape(name)));
    }
    format!(
        "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Method</th>{heads}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n{}{}",
        paragraph("caption", &caption(results)),
        paragraph("caption", PAPER_NOTICE)
    )
}

fn caption(results: &Results) -> String {
    let n = results.complete.len();
    let interval = if n >= LEAST_CASES { "; in brackets the 95 % interval of the mean" } else { "" };
    let lpips = if results.study.lpips.is_empty() { " LPIPS needs weights: biplane weights fetch vgg16." } else { "" };
    format!(
        "Mean over {n} {} ± standard deviation between cases{interval}. Best mean of a column in bold. {NONE}: not \
         computed.{lpips}",
        if n == 1 { "case" } else { "cases" }
    )
}

fn mean(measure: &Measure, cell: &Cell) -> String {
    let mean = measure.show(cell.summary.mean);
    if cell.best { format!("<b>{mean}</b>") } else { mean }
}

fn mean_cell(measure: &Measure, cell: &Cell) -> String {
    let spread =
        cell.summary.sd.map_or(String::new(), |sd| format!(" <span class=\"spread\">± {}</span>", measure.show(sd)));
    let interval = cell.interval.map_or(String::new(), |i| {
        format!("<span class=\"interval-text\">[{}, {}]</span>", measure.show(i.low), measure.show(i.high))
    });
    mean(measure, cell) + &spread + &interval
}

/// Methods beside one another for which a page is wide enough with their spreads; more show their means alone.
const MOST_WITH_SPREAD: usize = 5;

/// The numbers that stand in no paper's table: means, and spreads where there is room.
pub fn further(results: &Results, cells: &[Cell]) -> String {
    let further = results.further();
    if further.is_empty() {
        return String::new();
    }
    let methods = &results.study.methods;
    let heads: Vec<String> =
        std::iter::once("Number".to_owned()).chain(methods.iter().map(|m| escape(&m.name))).collect();
    let row = |measure: &Measure| {
        let arrow = if measure.more_is_better { "↑" } else { "↓" };
        let of = |name: &str| {
            let cell = cells.iter().find(|c| c.method == name && c.measure == measure.key);
            let shown = if methods.len() > MOST_WITH_SPREAD { mean } else { mean_cell };
            cell.map_or(NONE.to_owned(), |cell| shown(measure, cell))
        };
        std::iter::once(format!("{} {arrow}", escape(&measure.title())))
            .chain(methods.iter().map(|m| of(&m.name)))
            .collect()
    };
    let rows: Vec<Vec<String>> = further.iter().map(row).collect();
    format!(
        "<details open><summary>The same volumes by other definitions</summary>\n{}</details>\n",
        table("", &heads, &rows)
    )
}

/// Each method against the reference; words alone where there are too few cases.
pub fn differences(results: &Results, differences: &[Difference]) -> String {
    let mut body = paragraph("", &allowance(results.complete.len()));
    let patients = results.patients();
    if patients < results.complete.len() {
        body.push_str(&paragraph(
            "",
            &format!("They are {patients} patients: several cases of one are not independent, so intervals are too narrow and p-values too small."),
        ));
    }
    let Some(first) = differences.first() else { return body };
    let primary = results.primary();
    let tested = differences.iter().any(|d| d.test.is_some());
    let mut heads = vec!["Number", "Method", "Mean difference", "Better"];
    if tested {
        heads.extend(["95 % interval", "W", "p", "p (Holm)"]);
    }
    let heads: Vec<String> = heads.into_iter().map(str::to_owned).collect();
    let row = |d: &Difference| difference_row(d, primary.iter().find(|m| m.key == d.measure), tested);
    let rows: Vec<Vec<String>> = differences.iter().map(row).collect();
    let reference = &first.reference;
    body.push_str(&table("second", &heads, &rows));
    body.push_str(&paragraph(
        "caption",
        &format!("Method less {reference}, case by case. Better: cases on which {reference} has the better number."),
    ));
    body
}

fn difference_row(d: &Difference, measure: Option<&Measure>, tested: bool) -> Vec<String> {
    let show = |value: f64| measure.map_or(value.to_string(), |m| format!("{value:+.*}", m.digits)).replace('-', "−");
    let spread = d.summary.sd.map_or(String::new(), |sd| {
        format!(" <span class=\"spread\">± {}</span>", measure.map_or(sd.to_string(), |m| m.show(sd)))
    });
    let mut row = vec![
        escape(&measure.map_or(d.measure.to_owned(), Measure::title)),
        escape(&d.method),
        show(d.summary.mean) + &spread,
        format!("{} of {}", d.reference_better, d.summary.n),
    ];
    if tested {
        row.push(d.interval.map_or(NONE.to_owned(), |i| format!("{} to {}", show(i.low), show(i.high))));
        row.push(d.test.map_or(NONE.to_owned(), |t| t.statistic.to_string()));
        row.push(d.test.map_or(NONE.to_owned(), |t| escape(&show_p(t.p))));
        row.push(d.p_holm.map_or(NONE.to_owned(), |p| escape(&show_p(p))));
    }
    row
}

/// Every case with every method.
pub fn cases(results: &Results) -> String {
    let primary = results.primary();
    let heads: String = ["Case", "Method"]
        .map(str::to_owned)
        .into_iter()
        .chain(primary.iter().map(|m| escape(&m.title())))
        .enumerate()
        .map(|(k, head)| format!("<th scope=\"col\"{}>{head}</th>", if k == 1 { " class=\"name\"" } else { "" }))
        .collect();
    let mut body = String::new();
    for case in &results.study.cases {
        let records: Vec<_> = results.records.iter().filter(|r| r.case == *case).collect();
        for (k, record) in records.iter().enumerate() {
            let name = if k == 0 {
                format!("<th scope=\"rowgroup\" rowspan=\"{}\">{}</th>", records.len(), escape(case))
            } else {
                String::new()
            };
            let class = if k == 0 { " class=\"first\"" } else { "" };
            let value =
                |m: &Measure| format!("<td>{}</td>", record.scores.get(m.key).map_or(NONE.to_owned(), |v| m.show(*v)));
            let values: String = primary.iter().map(value).collect();
            body.push_str(&format!(
                "<tr{class}>{name}<td class=\"name\">{}</td>{values}</tr>\n",
                escape(&record.method)
            ));
        }
    }
    let open = if results.study.cases.len() <= MOST_OPEN_CASES { " open" } else { "" };
    format!(
        "<details{open}><summary>Numbers of each case</summary>\n<div class=\"wide\"><table class=\"cases\">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n</details>\n"
    )
}

/// What each truth was and what was done to it.
pub fn truths(results: &Results) -> String {
    let heads = ["Case", "Patient", "Without truth", "What was done", "SHA-256"].map(str::to_owned);
    let row = |case: &crate::evaluate::record::CaseRecord| {
        let notes = match (&case.failure, case.notes.is_empty()) {
            (Some(cause), _) => format!("not used: {cause}"),
            (None, true) => "nothing: it is the cube".to_owned(),
            (None, false) => case.notes.join("; "),
        };
        let share = format!("{:.1} %", 100.0 * case.missing_share);
        vec![escape(&case.name), escape(&case.patient), share, escape(&notes), hash(&case.sha256)]
    };
    let rows: Vec<Vec<String>> = results.cases.iter().map(row).collect();
    table("text", &heads, &rows)
}

/// What each method is.
pub fn methods(results: &Results) -> String {
    let heads = ["Method", "What it is", "Parameters", "Learnt from", "SHA-256"].map(str::to_owned);
    let row = |about: &crate::evaluate::method::About| {
        let licence = about.licence.as_ref().map_or(String::new(), |l| format!(" Licence: {l}."));
        let model = about.model.as_ref().map_or(String::new(), |m| format!("{m} ({}). ", about.source));
        let learnt = if about.learnt_from.is_empty() { NONE.to_owned() } else { about.learnt_from.join(", ") };
        vec![
            escape(&about.name),
            escape(&format!("{model}{}{licence}", about.what)),
            about.parameters.map_or(NONE.to_owned(), thousands),
            escape(&learnt),
            hash(&about.sha256),
        ]
    };
    table("text", &heads, &results.study.methods.iter().map(row).collect::<Vec<_>>())
}

/// 5,645,698.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (k, digit) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Mean seconds of each stage.
pub fn times(results: &Results) -> String {
    const STAGES: [(&str, &str); 7] = [
        ("projection", "Films"),
        ("load", "Weights"),
        ("back-projection", "Back-projection"),
        ("coarse", "Coarse"),
        ("refine", "Refine"),
        ("floor", "Floor"),
        ("metrics", "Metrics"),
    ];
    let heads: Vec<String> = std::iter::once("Method")
        .chain(STAGES.iter().map(|(_, head)| *head))
        .chain(["Where"])
        .map(str::to_owned)
        .collect();
    let mut rows = Vec::new();
    for method in &results.study.methods {
        let own: Vec<_> = results.records.iter().filter(|r| r.method == method.name).collect();
        let stage = |(key, _): &(&str, &str)| {
            let seconds: Vec<f64> = own.iter().filter_map(|r| r.seconds.get(*key).copied()).collect();
            summary(&seconds).map_or(NONE.to_owned(), |s| format!("{:.2}", s.mean))
        };
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        own.iter().for_each(|r| *places.entry(format!("{}, {}", r.device, r.precision)).or_default() += 1);
        let places: Vec<String> = places.into_keys().collect();
        rows.push(
            std::iter::once(escape(&method.name))
                .chain(STAGES.iter().map(stage))
                .chain([escape(&places.join("; "))])
                .collect(),
        );
    }
    let notes: BTreeSet<&String> = results.records.iter().flat_map(|r| &r.notes).collect();
    let notes: String = notes.into_iter().map(|note| paragraph("caption", note)).collect();
    table("", &heads, &rows)
        + &notes
        + &paragraph(
            "caption",
            "Seconds a case, mean over the cases; measured while computing, so other work on the machine counts.",
        )
}
