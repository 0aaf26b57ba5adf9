//! Expected errors on screen and by command: asked for with a press, laid over the volume they belong to, and refused
//! where they cannot be.

use super::app::{App, press, send, settle, state, with_bundled_films};
use biplane::app::command::Command;
use biplane::app::film::Slot;
use biplane::app::state::Purpose;
use biplane::evaluate::uncertainty::{BANDS_HU, CELLS, ErrorCard, ErrorModel, LEVELS};
use biplane::nn::source::UNCERTAINTY_FILE;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::process::Command as Program;

/// The same error everywhere, HU.
const EVERYWHERE_HU: f32 = 40.0;

/// A tiny model whose error is known.
fn model(folder: &Path) {
    let card = super::nn::tiny_model(folder, false);
    let card = ErrorCard {
        model_sha256: card.sha256,
        disagreement_weight: 0.0,
        factors: [[1.0; BANDS_HU.len()]; LEVELS.len()],
        inflation: [1.0; LEVELS.len()],
        training: vec!["a".into()],
        held_out: vec!["b".into()],
        coverage: Vec::new(),
    };
    let table = vec![EVERYWHERE_HU; BANDS_HU.len() * CELLS * CELLS * CELLS];
    ErrorModel::new(table, card).unwrap().write(&folder.join(UNCERTAINTY_FILE)).unwrap();
}

fn reconstructed(folder: &Path) -> App {
    let mut app = with_bundled_films();
    send(&mut app, Command::Given(Purpose::Model, folder.to_owned()));
    app.step();
    press(&mut app, "Reconstruct");
    settle(&mut app);
    app
}

fn is_offered(app: &App) -> bool {
    app.query_by_role_and_label(Role::Button, "Estimate").is_some()
}

#[test]
fn a_press_lays_the_expected_error_over_the_volume_it_belongs_to() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let mut app = reconstructed(folder.path());
    assert!(!state(&app).scene.as_ref().unwrap().has_errors());
    // Stopped, it is offered anew and nothing comes.
    press(&mut app, "Estimate");
    press(&mut app, "Stop");
    settle(&mut app);
    assert!(is_offered(&app) && !state(&app).scene.as_ref().unwrap().has_errors());
    press(&mut app, "Estimate");
    settle(&mut app);
    let case = state(&app).case.as_ref().unwrap();
    let errors = case.errors.get().unwrap();
    assert!(errors.hu().iter().all(|hu| *hu == EVERYWHERE_HU as i16));
    assert!(state(&app).scene.as_ref().unwrap().has_errors() && state(&app).viewer.state.errors.on);
    assert!(app.query_by_label("Expected error over the pictures").is_some());
    // Another volume has none of it, and one from a file cannot be asked.
    send(&mut app, Command::CloseVolume);
    assert!(!is_offered(&app) && state(&app).estimate.job.is_none());
}

#[test]
fn an_estimate_for_a_volume_that_is_gone_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    model(folder.path());
    let mut app = reconstructed(folder.path());
    press(&mut app, "Estimate");
    press(&mut app, "Reconstruct");
    settle(&mut app);
    assert!(is_offered(&app) && !state(&app).scene.as_ref().unwrap().has_errors());
    assert!(state(&app).film(Slot::First).is_some());
}

#[test]
fn a_model_without_errors_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    super::nn::tiny_model(folder.path(), false);
    let app = reconstructed(folder.path());
    assert!(!is_offered(&app));
    assert!(app.query_by_label("EXPECTED ERROR").is_none());
}

#[test]
fn the_commands_name_what_they_cannot_use_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    super::nn::tiny_model(&folder.path().join("tiny"), false);
    let refused = |arguments: &[&str]| {
        let run =
            Program::new(env!("CARGO_BIN_EXE_biplane")).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(!run.status.success() && run.stdout.is_empty(), "{arguments:?}");
        String::from_utf8_lossy(&run.stderr).into_owned()
    };
    let calibrate = ["calibrate", "--model", "tiny", "--cases", "nowhere", "--only", "a", "--held-out"];
    let said = refused(&[&calibrate[..], &["b"]].concat());
    assert!(said.contains("nowhere") && said.contains("what to do"), "{said}");
    let said = refused(&[&calibrate[..], &["a"]].concat());
    assert!(said.contains("`a`") || said.contains(" a "), "one case on both sides: {said}");
    let said = refused(&["nodules", "--cases", ".", "--only", "nobody"]);
    assert!(said.contains("nobody") && said.contains("what to do"), "{said}");
    let said = refused(&["nodules", "--model", "missing", "--cases", ".", "--only", "nobody"]);
    assert!(said.contains("missing") && said.contains("what to do"), "{said}");
}
