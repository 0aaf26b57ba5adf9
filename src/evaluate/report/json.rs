//! Every number, definition, test and failure of a study, for programs. Holds neither times nor dates: the same study
//! gives the same bytes, however often it was interrupted.

use crate::evaluate::measure::{Measure, PAPER, PAPER_COLUMNS, PAPER_NOTICE};
use crate::evaluate::record::{CaseRecord, Record};
use crate::evaluate::results::Results;
use crate::evaluate::statistics::{
    HOLM_DEFINITION, INTERVAL_DEFINITION, LEAST_CASES, SPREAD_DEFINITION, TEST_DEFINITION,
};
use crate::evaluate::table::{allowance, cells, differences};
use crate::io::RESEARCH_USE;
use serde_json::{Value, json};

/// The study as JSON.
pub fn results_json(results: &Results) -> Value {
    let measures = results.measures();
    json!({
        "program": results.study.program,
        "note": RESEARCH_USE,
        "cases": results.cases.iter().map(case).collect::<Vec<_>>(),
        "complete_cases": results.complete,
        "learnt_from": results.study.learnt_from,
        "lpips": results.study.lpips,
        "methods": results.study.methods,
        "reference": results.reference().map(|method| &method.name),
        "measures": measures.iter().map(measure).collect::<Vec<_>>(),
        "statistics": {
            "allowance": allowance(results.complete.len()),
            "least_cases": LEAST_CASES,
            "sd": SPREAD_DEFINITION,
            "interval": INTERVAL_DEFINITION,
            "test": TEST_DEFINITION,
            "p_holm": HOLM_DEFINITION,
        },
        "table": cells(results, &measures),
        "differences": differences(results),
        "records": results.records.iter().map(record).collect::<Vec<_>>(),
        "failures": results.failures,
        "paper": paper(),
    })
}

fn case(case: &CaseRecord) -> Value {
    json!({
        "name": case.name,
        "patient": case.patient,
        "sha256": case.sha256,
        "missing_share": case.missing_share,
        "notes": case.notes,
        "failure": case.failure,
    })
}

fn record(record: &Record) -> Value {
    json!({
        "case": record.case,
        "method": record.method,
        "scores": record.scores,
        "consistency": record.consistency,
        "device": record.device,
        "precision": record.precision,
        "method_sha256": record.key.method_sha256,
        "case_sha256": record.key.case_sha256,
        "notes": record.notes,
    })
}

fn measure(measure: &Measure) -> Value {
    json!({
        "key": measure.key,
        "name": measure.name,
        "unit": measure.unit,
        "more_is_better": measure.more_is_better,
        "definition": measure.definition,
    })
}

fn paper() -> Value {
    let columns: Vec<&str> = PAPER_COLUMNS.iter().map(|(name, _)| *name).collect();
    let rows: Vec<Value> =
        PAPER.iter().map(|(method, figures)| json!({ "method": method, "figures": figures })).collect();
    json!({ "notice": PAPER_NOTICE, "columns": columns, "rows": rows })
}
