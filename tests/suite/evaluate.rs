//! Evaluations: statistics against SciPy (golden numbers made by tests/reference/statistics.py), studies that stop, are
//! split and meet bad cases, and what a report says and does not say.

use crate::nn::tiny_model;
use biplane::evaluate::EvaluateError;
use biplane::evaluate::cases::{self, Cases, Choice};
use biplane::evaluate::event::{Event, Outcome};
use biplane::evaluate::measure::{Scores, measures};
use biplane::evaluate::method::{About, Kind, Method, check_names};
use biplane::evaluate::record::{CaseRecord, Record, Study, picture_path, record_path};
use biplane::evaluate::report::{self, Extras};
use biplane::evaluate::results::Results;
use biplane::evaluate::statistics::{LEAST_CASES, bootstrap_mean, holm, signed_rank, summary};
use biplane::evaluate::study::{StudyOptions, study};
use biplane::evaluate::{figure, pictures, table};
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::io::{self, nifti};
use biplane::metrics::LpipsSet;
use biplane::nn::{DeviceChoice, ModelSource};
use biplane::train::Control;
use biplane::train::dataset::CaseFile;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const GOLDEN: &str = include_str!("../golden/statistics.json");

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn statistics_are_those_of_scipy() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let near = |found: f64, wanted: &Value, tolerance: f64, what: &str| {
        let wanted = wanted.as_f64().unwrap();
        assert!((found - wanted).abs() <= tolerance, "{what}: {found}, wanted {wanted}");
    };
    for (name, set) in golden["sets"].as_object().unwrap() {
        let values = numbers(&set["values"]);
        let found = summary(&values).unwrap();
        near(found.mean, &set["mean"], 1e-12, name);
        near(found.sd.unwrap(), &set["sd"], 1e-12, name);
        let test = signed_rank(&values).unwrap();
        near(test.statistic, &set["statistic"], 1e-12, name);
        near(test.p, &set["p"], 1e-9, name);
        // Ten thousand draws against all of them: their chance is a few hundredths of the deviation.
        let interval = bootstrap_mean(&values).unwrap();
        let chance = 0.03 * found.sd.unwrap();
        near(interval.low, &set["low"], chance, name);
        near(interval.high, &set["high"], chance, name);
    }
    let (p, adjusted) = (numbers(&golden["holm"]["p"]), numbers(&golden["holm"]["adjusted"]));
    assert!(holm(&p).iter().zip(&adjusted).all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn degenerate_numbers_have_defined_answers() {
    assert_eq!(summary(&[]), None);
    assert_eq!(summary(&[1.0, f64::NAN]), None);
    assert_eq!(summary(&[2.5]).unwrap().sd, None);
    assert_eq!(bootstrap_mean(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
    assert_eq!(signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
    assert_eq!(signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0, f64::INFINITY]), None);
    let equal = signed_rank(&[0.0; 7]).unwrap();
    assert_eq!((equal.pairs, equal.p), (0, 1.0));
    let constant = bootstrap_mean(&[3.0; 6]).unwrap();
    assert_eq!((constant.low, constant.high), (3.0, 3.0));
    assert!(holm(&[]).is_empty());
    // Many pairs go by the normal distribution, which must meet the exact one where they hand over.
    let pairs =
        |n: usize| (0..n).map(|k| ((k * 7919 % 1009) as f64 - 480.0) / 3.0 + 0.001 * k as f64).collect::<Vec<_>>();
    let (exact, normal) = (signed_rank(&pairs(400)).unwrap().p, signed_rank(&pairs(401)).unwrap().p);
    assert!((exact - normal).abs() < 0.02, "{exact} {normal}");
}

#[test]
fn methods_are_understood_or_refused() {
    let method = |text: &str| text.parse::<Method>();
    assert_eq!(method("mean-volume").unwrap().name, "mean-volume");
    assert!(matches!(method("floor=back-projection").unwrap().kind, Kind::Floor(_)));
    assert!(method("x=mean-volume").unwrap().learns() && !method("sirt-tv").unwrap().learns());
    assert!(matches!(method("ours=runs/a=b/final").unwrap().kind, Kind::Model(_)));
    for bad in ["ours", "ours=", "=bundled", "a/b=bundled", "a--b=bundled", ".a=bundled", "ö=bundled"] {
        assert!(method(bad).is_err(), "{bad}");
    }
    let mut about = made_up(1).1.study.methods[0].clone();
    about.learnt_from = vec!["LIDC-IDRI-0001".to_owned()];
    assert!(about.learnt_from_case("lidc_idri_0001", "x") && about.learnt_from_case("x", "LIDC-IDRI-0001"));
    assert!(!about.learnt_from_case("LIDC-IDRI-00010", "x"));
    let twice = [method("a=bundled").unwrap(), method("a=mean-volume").unwrap()];
    assert!(check_names(&twice).unwrap_err().to_string().contains("two methods are named `a`; "));
    assert!(check_names(&[]).is_err());
}

// A small world: three cubes, of which one is learnt from, a file that is no CT, and a model of width 2.

struct World {
    folder: TempDir,
    /// The whole study, done at once.
    whole: PathBuf,
}

fn cube(seed: u64) -> Volume {
    thorax(seed, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1)
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let cts = folder.path().join("cts");
        fs::create_dir(&cts).unwrap();
        for (seed, name) in [(1, "a"), (2, "b"), (3, "learnt")] {
            nifti::write(&cts.join(format!("{name}.nii.gz")), &cube(seed)).unwrap();
        }
        fs::write(cts.join("broken.nii.gz"), "no volume").unwrap();
        tiny_model(&folder.path().join("tiny"), false);
        let whole = folder.path().join("whole");
        let outcome = run(&options(folder.path(), &whole), &mut |_| Control::Continue).unwrap();
        assert_eq!((outcome.measured, outcome.kept), (4, 0));
        World { folder, whole }
    })
}

fn options(world: &Path, output: &Path) -> StudyOptions {
    let choice =
        Choice { sources: vec![world.join("cts")], learn_from: vec!["learnt".to_owned()], ..Choice::default() };
    let tiny = format!("tiny={}", world.join("tiny").display());
    StudyOptions {
        cases: cases::list(&choice).unwrap(),
        methods: ["mean-volume", &tiny].map(|text| text.parse().unwrap()).to_vec(),
        output: output.to_owned(),
        part: None,
        device: DeviceChoice::Cpu,
    }
}

/// Evaluates and, where that was the whole, writes the report.
fn run(options: &StudyOptions, observer: &mut dyn FnMut(&Event) -> Control) -> Result<Outcome, EvaluateError> {
    let outcome = study(options, &LpipsSet::default(), observer)?;
    if options.part.is_none() {
        report::write(&options.output, &Extras::default())?;
    }
    Ok(outcome)
}

fn results_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("results.json")).unwrap()
}

#[test]
fn a_bad_case_does_not_end_the_study_and_is_told() {
    let world = world();
    let results = Results::read(&world.whole).unwrap();
    assert_eq!(results.study.cases, ["a", "b", "broken"]);
    assert_eq!(results.complete, ["a", "b"]);
    assert_eq!(results.failures.len(), 1);
    assert_eq!((results.failures[0].case.as_str(), &results.failures[0].method), ("broken", &None));
    let page = fs::read_to_string(world.whole.join("report.html")).unwrap();
    assert!(page.contains("Not evaluated: 1") && page.contains("broken.nii.gz"));
    // The learnt one alone is the mean: its own error would be none.
    let error = |case: &str, method: &str| results.record(case, method).unwrap().scores["mae_hu"];
    assert!(error("a", "mean-volume") > 20.0 && error("a", "tiny") > 20.0);
    let tiny = results.record("b", "tiny").unwrap();
    assert!(tiny.device.starts_with("CPU") && !tiny.precision.is_empty());
    assert!(["load", "coarse", "metrics"].iter().all(|stage| tiny.seconds[*stage] > 0.0));
    assert_eq!(results.reference().unwrap().name, "tiny");
    // The mean of others explains the films to some degree, fresh weights hardly.
    let off = |method: &str| results.record("a", method).unwrap().consistency.unwrap();
    assert!(off("mean-volume").iter().zip(off("tiny")).all(|(mean, fresh)| 0.01 < *mean && *mean < fresh));
}

#[test]
fn a_stopped_study_goes_on_and_equals_one_that_was_not() {
    let (world, out) = (world(), tempfile::tempdir().unwrap());
    let options = options(world.folder.path(), out.path());
    let mut measured = 0;
    let stopped = run(&options, &mut |event| {
        measured += usize::from(matches!(event, Event::Measured { .. }));
        // In the middle of the second reconstruction.
        let at_work =
            matches!(event, Event::Working { case, method, share } if case == "b" && method == "tiny" && *share > 0.1);
        if at_work { Control::Stop } else { Control::Continue }
    });
    assert!(matches!(stopped, Err(EvaluateError::Cancelled)));
    assert_eq!(measured, 3);
    assert!(Results::read(out.path()).unwrap_err().to_string().contains("of 6 pairs"));
    assert!(!record_path(out.path(), "b", Some("tiny")).exists());
    // A record that was cut short is as good as none.
    fs::write(record_path(out.path(), "a", Some("mean-volume")), "{\"case\":").unwrap();
    let outcome = run(&options, &mut |_| Control::Continue).unwrap();
    assert_eq!((outcome.measured, outcome.kept), (2, 2));
    assert_eq!(results_of(out.path()), results_of(&world.whole));
    let again = run(&options, &mut |_| Control::Continue).unwrap();
    assert_eq!((again.measured, again.kept, again.failures.len()), (0, 4, 1));
    assert_eq!(results_of(out.path()), results_of(&world.whole));
}

#[test]
fn parts_that_ran_apart_and_merged_are_one_study() {
    let (world, out) = (world(), tempfile::tempdir().unwrap());
    let part = |text: &str, folder: &str| {
        let output = out.path().join(folder);
        let options = StudyOptions { part: Some(text.parse().unwrap()), ..options(world.folder.path(), &output) };
        run(&options, &mut |_| Control::Continue).unwrap()
    };
    assert_eq!(part("1/3", "one").measured, 2);
    let (one, two, joined) = (out.path().join("one"), out.path().join("two"), out.path().join("joined"));
    assert!(Results::read(&one).unwrap_err().to_string().contains("not evaluated yet; "));
    // The other parts share a folder.
    part("2/3", "two");
    part("3/3", "two");
    report::join(&[one.clone(), two], &joined).unwrap();
    report::write(&joined, &Extras::default()).unwrap();
    assert_eq!(results_of(&joined), results_of(&world.whole));
    for file in ["table.csv", "cases.csv", "figure.png"] {
        assert_eq!(fs::read(joined.join(file)).unwrap(), fs::read(world.whole.join(file)).unwrap(), "{file}");
    }
    let mut other = Study::read(&one).unwrap();
    other.cases.pop();
    other.write(&one).unwrap();
    let refused = report::join(&[joined.clone(), one], &joined).unwrap_err().to_string();
    assert!(refused.contains("another study") && refused.contains("; "), "{refused}");
}

#[test]
fn only_what_changed_is_computed_again() {
    let (world, out) = (world(), tempfile::tempdir().unwrap());
    fs::create_dir_all(out.path().join("cts")).unwrap();
    let copy = |name: &str| fs::copy(world.folder.path().join("cts").join(name), out.path().join("cts").join(name));
    ["a.nii.gz", "learnt.nii.gz"].iter().for_each(|name| drop(copy(name)));
    let output = out.path().join("report");
    let floor = |word: &str| StudyOptions {
        cases: Cases {
            evaluated: vec![CaseFile::plain(out.path().join("cts/a.nii.gz"))],
            learnt_from: vec![CaseFile::plain(out.path().join("cts/learnt.nii.gz"))],
        },
        methods: vec![word.parse().unwrap()],
        ..options(world.folder.path(), &output)
    };
    let measured = |options: &StudyOptions| run(options, &mut |_| Control::Continue).unwrap().measured;
    assert_eq!(measured(&floor("mean-volume")), 1);
    assert_eq!(measured(&floor("mean-volume")), 0);
    // Another truth, then another training case under the same name.
    nifti::write(&out.path().join("cts/a.nii.gz"), &cube(4)).unwrap();
    assert_eq!(measured(&floor("mean-volume")), 1);
    nifti::write(&out.path().join("cts/learnt.nii.gz"), &cube(2)).unwrap();
    assert_eq!(measured(&floor("mean-volume")), 1);
    // A copy under another name is told by its bytes.
    nifti::write(&out.path().join("cts/a.nii.gz"), &cube(2)).unwrap();
    let refused =
        study(&floor("mean-volume"), &LpipsSet::default(), &mut |_| Control::Continue).unwrap_err().to_string();
    assert!(refused.contains("a copy of `a` is learnt from"), "{refused}");
}

#[test]
fn what_cannot_be_is_refused_before_any_work() {
    let (world, out) = (world(), tempfile::tempdir().unwrap());
    let output = out.path().join("report");
    let good = options(world.folder.path(), &output);
    let refused = |options: &StudyOptions| {
        let mut worked = false;
        let error = study(options, &LpipsSet::default(), &mut |event| {
            worked |= matches!(event, Event::Read { .. } | Event::Working { .. } | Event::Learning { .. });
            Control::Continue
        });
        assert!(!worked && !output.exists());
        error.unwrap_err().to_string()
    };
    let with = |text: &str| StudyOptions { methods: vec![text.parse().unwrap()], ..good.clone() };
    assert!(refused(&with("ours=no/such/model")).contains("no such model folder"));
    let damaged = out.path().join("damaged");
    tiny_model(&damaged, false);
    let weights = damaged.join("weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    assert!(refused(&with(&format!("ours={}", damaged.display()))).contains("damaged"));
    let no_training = Cases { learnt_from: Vec::new(), ..good.cases.clone() };
    assert!(refused(&StudyOptions { cases: no_training, ..good.clone() }).contains("--learn-from"));
    assert!(refused(&StudyOptions { device: DeviceChoice::Cuda(99), ..good.clone() }).contains("cuda:99"));
}

#[test]
fn nothing_is_learnt_from_and_evaluated() {
    let cts = world().folder.path().join("cts");
    let listed = |only: &[&str], exclude: &[&str], learn_from: &[&str]| {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        let choice = Choice {
            sources: vec![cts.clone()],
            only: names(only),
            exclude: names(exclude),
            learn_from: names(learn_from),
        };
        cases::list(&choice).map(|c| c.evaluated.into_iter().map(|case| case.name).collect::<Vec<_>>())
    };
    assert_eq!(listed(&[], &["broken"], &["learnt"]).unwrap(), ["a", "b"]);
    assert_eq!(listed(&["b"], &[], &["a", "learnt"]).unwrap(), ["b"]);
    let words = |listed: Result<Vec<String>, EvaluateError>| listed.unwrap_err().to_string();
    assert!(words(listed(&["a"], &[], &["a"])).contains("evaluated and learnt from"));
    assert!(words(listed(&["c"], &[], &[])).contains("no case `c`; choose among a, b"));
    assert!(words(listed(&[], &[], &["z"])).contains("`z` to learn from"));
    assert!(words(listed(&["a"], &["a"], &[])).contains("no case is left"));
    let twice = Choice { sources: vec![cts.clone(), cts.join("a.nii.gz")], ..Choice::default() };
    assert!(cases::list(&twice).unwrap_err().to_string().contains("two cases are named `a`"));
}

#[test]
fn a_truth_of_another_grid_is_brought_onto_the_cube_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.nii.gz");
    // 40 slices of 5 mm: 200 of the cube's 358.4 mm.
    let grid = Frame::centred([80, 70, 40], [5.0, 5.0, 5.0], [10.0, -5.0, 40.0]).unwrap();
    let scan = thorax(5, &ThoraxLimits::default()).volume(&grid.moved_to([0.0; 3]), 1).with_frame(grid).unwrap();
    nifti::write(&path, &scan).unwrap();
    let loaded = cases::load(&CaseFile::plain(path)).unwrap();
    assert!(loaded.case.volume().frame().is_cube());
    let outside = 1.0 - 200.0 / 358.4;
    assert!((loaded.missing_share - outside).abs() < 0.02, "{}", loaded.missing_share);
    let notes = loaded.notes.join("\n");
    assert!(notes.contains("80 x 70 x 40 voxels of 5.00 x 5.00 x 5.00 mm, stored along LPH"), "{notes}");
    assert!(notes.contains("does not cover 44"), "{notes}");
    let whole = cases::load(&CaseFile::plain(world().folder.path().join("cts/a.nii.gz"))).unwrap();
    assert!(whole.notes.is_empty() && whole.missing_share == 0.0, "{:?}", whole.notes);
}

#[test]
fn a_guided_method_is_told_from_a_folder_that_is_called_so() {
    let about = |source: &str| About {
        name: "m".to_owned(),
        what: String::new(),
        source: source.to_owned(),
        sha256: String::new(),
        model: Some("x".to_owned()),
        parameters: None,
        licence: None,
        learnt_from: Vec::new(),
    };
    let folder = |path: &str| Some(ModelSource::Folder(path.into()));
    let (plain, guided) = (about("models/lung-guided"), about("models/lung+guided"));
    assert!(!plain.is_guided() && plain.model_source() == folder("models/lung-guided"));
    assert!(guided.is_guided() && guided.model_source() == folder("models/lung"));
    assert_eq!(about("bundled+guided").model_source(), Some(ModelSource::Automatic));
}

// Studies of made-up numbers: what is said of them needs no volume.

/// A report's folder of so many cases and three methods: `ours` better by far than `floor`, by chance than `rival`.
fn made_up(cases: usize) -> (TempDir, Results) {
    let folder = tempfile::tempdir().unwrap();
    let about = |name: &str, model: bool| About {
        name: name.to_owned(),
        what: "<b>no tag</b> & \"no attribute\"".to_owned(),
        source: "weights/x".to_owned(),
        sha256: format!("{name}-hash"),
        model: model.then(|| "x".to_owned()),
        parameters: model.then_some(5_645_698),
        licence: None,
        learnt_from: vec!["P-1".to_owned()],
    };
    let methods = vec![about("floor", false), about("rival", true), about("ours", true)];
    let names: Vec<String> = (0..cases).map(|k| format!("case-{k}")).collect();
    let study = Study { cases: names.clone(), learnt_from: vec!["t".to_owned()], methods, ..Study::new() };
    study.write(folder.path()).unwrap();
    for (k, name) in names.iter().enumerate() {
        let truth = CaseRecord {
            name: name.clone(),
            patient: name.clone(),
            sha256: format!("sha-{k}"),
            notes: vec!["a <script>alert(1)</script> of \"notes\"".to_owned()],
            missing_share: 0.1,
            pictured: [64; 3],
            failure: None,
        };
        truth.write(folder.path()).unwrap();
        let picture = vec![(40 + 20 * k) as u8; pictures::SIZE[0] * pictures::SIZE[1]];
        let mut methods: Vec<Option<&str>> = study.methods.iter().map(|m| Some(m.name.as_str())).collect();
        methods.push(None);
        for method in methods {
            io::picture::write_grey(&picture_path(folder.path(), name, method), pictures::SIZE, &picture).unwrap();
        }
        for (place, method) in study.methods.iter().enumerate() {
            let wave = ((k * 5 + place * 3) % 7) as f64;
            let mae = [250.0, 92.0, 90.0][place] + 2.0 * wave;
            made_up_record(&study, &truth, method, mae).write(folder.path()).unwrap();
        }
    }
    let results = Results::read(folder.path()).unwrap();
    (folder, results)
}

fn made_up_record(study: &Study, truth: &CaseRecord, method: &About, mae: f64) -> Record {
    let scores: Scores = measures()
        .iter()
        .map(|m| {
            (
                m.key.to_owned(),
                if m.unit == "HU" {
                    mae
                } else if m.unit == "dB" {
                    40.0 - mae / 5.0
                } else {
                    1.0 - mae / 500.0
                },
            )
        })
        .collect();
    Record {
        case: truth.name.clone(),
        method: method.name.clone(),
        key: study.key(&truth.sha256, method),
        scores,
        consistency: Some([0.02, 0.03]),
        device: "CPU, 2 threads".to_owned(),
        precision: "f32".to_owned(),
        notes: Vec::new(),
        failure: None,
        seconds: BTreeMap::from([("coarse".to_owned(), 1.5)]),
    }
}

#[test]
fn with_few_cases_each_is_told_and_no_p() {
    for cases in [1, LEAST_CASES - 1] {
        let (folder, results) = made_up(cases);
        assert!(
            table::differences(&results).iter().all(|d| d.test.is_none() && d.interval.is_none() && d.p_holm.is_none())
        );
        let text = table::text(&results);
        report::write(folder.path(), &Extras::default()).unwrap();
        let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
        let json = results_of(folder.path());
        assert!(text.contains("interval or a") && page.contains("interval or a"), "{text}");
        assert!(!text.contains("p (Holm)") && !page.contains("p (Holm)") && !json.contains("\"p\":"));
        assert!(cases == 1 || results.complete.iter().all(|case| text.contains(case)));
    }
    let (_folder, results) = made_up(7);
    let differences = table::differences(&results);
    let of = |method: &str| differences.iter().find(|d| d.method == method && d.measure == "mae_hu").unwrap();
    // Seven pairs all one way: 2 / 2^7, and twice that among two methods.
    assert!((of("floor").test.unwrap().p - 2.0 / 128.0).abs() < 1e-12);
    assert!((of("floor").p_holm.unwrap() - 4.0 / 128.0).abs() < 1e-12);
    assert_eq!(of("floor").reference_better, 7);
    assert!(of("rival").test.unwrap().p > 0.1);
    let text = table::text(&results);
    assert!(text.contains("p (Holm)") && text.contains("0.0156") && text.contains("Definitions:"), "{text}");
}

#[test]
fn the_page_needs_no_other_file_and_runs_nothing() {
    let (folder, results) = made_up(6);
    let nodules = folder.path().join("n.json");
    fs::write(&nodules, r#"{"sentence": "None under 20 mm <i>.", "sizes": [{"diameter_mm": 6, "found": 0.0612345}]}"#)
        .unwrap();
    let extras = Extras { nodules: Some(nodules.clone()) };
    report::write(folder.path(), &extras).unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    for attribute in ["src=\"", "href=\""] {
        assert!(
            page.split(attribute).skip(1).all(|rest| rest.starts_with("data:") || rest.starts_with('#')),
            "{attribute}"
        );
    }
    for foreign in ["http:", "https:", "url(", "@import", "<script", "<link", "<i>", "<b>no tag"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("Research use only, not for diagnosis"));
    assert!(page.contains("None under 20 mm") && page.contains("0.0612") && page.contains("diameter mm"));
    assert!(page.contains("102.25") && page.contains("do not compare"));
    // Every printed number's definition stands in the page, and every tag that opens closes.
    let escaped =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;");
    assert!(results.measures().iter().all(|m| page.contains(&escaped(&m.definition))));
    for tag in ["section", "table", "figure", "svg", "details", "dl", "tr", "td", "p"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    fs::write(&nodules, "{").unwrap();
    assert!(report::write(folder.path(), &extras).unwrap_err().to_string().contains("n.json"));
}

#[test]
fn the_figure_shows_the_pictures_of_few_cases() {
    let (folder, results) = made_up(6);
    let path = folder.path().join("figure.png");
    figure::draw(folder.path(), &results, &path).unwrap();
    let drawn = io::picture::read(&path, &io::Progress::new()).unwrap().image;
    let chosen = figure::pictured(&results);
    assert_eq!(chosen.len(), figure::MOST_CASES);
    // Each case's grey fills three slices of four columns, enlarged to twice their side.
    for case in &chosen {
        let grey = (40 + 20 * results.complete.iter().position(|c| c == case).unwrap()) as f32;
        let pixels = drawn.values().iter().filter(|v| **v == grey).count();
        let wanted = 3 * 4 * (2 * pictures::SIDE) * (2 * pictures::SIDE);
        assert!((wanted..wanted + 2000).contains(&pixels), "{case}: {pixels} of {wanted}");
    }
    fs::remove_file(picture_path(folder.path(), &chosen[0], None)).unwrap();
    assert!(figure::draw(folder.path(), &results, &path).unwrap_err().to_string().contains("case-"));
}

#[test]
fn lpips_is_never_a_mixture_of_networks() {
    let (folder, results) = made_up(2);
    let column = |results: &Results| results.primary().into_iter().find(|m| m.in_paper == Some(3)).map(|m| m.key);
    assert_eq!(column(&results), Some("lpips_vgg"));
    assert!(results.further().iter().any(|m| m.key == "lpips_alex"));
    let mut one = Record::read(folder.path(), "case-1", "rival").unwrap();
    one.scores.remove("lpips_vgg");
    one.write(folder.path()).unwrap();
    assert_eq!(column(&Results::read(folder.path()).unwrap()), Some("lpips_alex"));
    one.scores.remove("lpips_alex");
    one.write(folder.path()).unwrap();
    assert_eq!(column(&Results::read(folder.path()).unwrap()), None);
}

#[test]
fn spreadsheets_have_a_line_each() {
    let (_folder, results) = made_up(3);
    let (table, cases) = (table::table_csv(&results), table::cases_csv(&results));
    assert_eq!(table.lines().count(), 1 + 3 * measures().len() + 4 * 6);
    assert_eq!(cases.lines().count(), 1 + 9);
    let columns = cases.lines().next().unwrap().matches("HU").count();
    assert_eq!(columns, measures().iter().filter(|m| m.unit == "HU").count());
    assert!(table.contains("\"paper, Table 1\",ours,Dice,,,0.875"));
}

fn biplane(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_biplane")).arg("evaluate").args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_tells_the_table_and_fails_as_documented() {
    let world = world();
    let cts = world.folder.path().join("cts").display().to_string();
    let whole = world.whole.display().to_string();
    // All is there but for the broken case, which is tried again and makes the exit code.
    let (code, out, said) = biplane(&["--merge", &whole]);
    assert_eq!(code, 1);
    for wanted in ["mean-volume", "tiny", "The paper's Table 1", "75.30", "Definitions:", "report.html", "2 cases"] {
        assert!(out.contains(wanted), "{wanted} is missing in {out}");
    }
    assert!(said.contains("broken") && said.contains("what to do: "), "{said}");
    let (_, json, _) = biplane(&["--merge", &whole, "--json"]);
    assert_eq!(format!("{}\n", json.trim_end()), results_of(&world.whole));
    let refused = |code: i32, arguments: &[&str]| {
        let (found, out, said) = biplane(arguments);
        assert_eq!((found, out.as_str()), (code, ""), "{arguments:?}: {said}");
        said
    };
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report").display().to_string();
    refused(2, &["--cases", &cts, "-o", &report]);
    refused(2, &["--cases", &cts, "--method", "sharp", "-o", &report]);
    refused(2, &["--cases", &cts, "--method", "a=bundled", "--method", "a=bundled", "-o", &report]);
    refused(2, &["--cases", &cts, "--only", "nobody", "--method", "mean-volume", "-o", &report]);
    refused(2, &["--cases", &cts, "--method", "mean-volume", "-o", &report]);
    refused(3, &["--cases", "no/such/folder", "--method", "ours=bundled", "-o", &report]);
    refused(3, &["--cases", &cts, "--method", "ours=no/such/model", "-o", &report]);
    refused(3, &["--merge", &folder.path().display().to_string()]);
}
