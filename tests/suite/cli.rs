//! The command line as a person meets it: the built program, its output, its exit codes.

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn biplane(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_biplane")).args(arguments).current_dir(folder).output().unwrap()
}

/// Standard output of a run that must succeed.
pub fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = biplane(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a run that must fail with an exit code, in two lines at most: cause, what to do.
fn refused(folder: &Path, code: i32, arguments: &[&str]) -> String {
    let output = biplane(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    let error: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("biplane: ")).collect();
    if code != 2 || !error.is_empty() {
        assert_eq!(error.len(), 2, "{arguments:?}: {said}");
        assert!(error[1].starts_with("  what to do: ") && error[1].len() > 20, "{said}");
    }
    said
}

/// A folder with a thorax on a grid that is not the cube, small so that the tests are fast.
fn folder_with_ct() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let grid = |centre| Frame::centred([60, 50, 60], [6.0, 6.0, 6.5], centre).unwrap();
    let ct = thorax(5, &ThoraxLimits::default()).volume(&grid([0.0; 3]), 1);
    io::nifti::write(&folder.path().join("ct.nii.gz"), &ct.with_frame(grid([30.0, -20.0, 400.0])).unwrap()).unwrap();
    folder
}

fn read(path: PathBuf) -> Volume {
    io::open_volume(&path, &io::Progress::new()).unwrap().volume
}

#[test]
fn help_tells_examples_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let help = done(folder.path(), &["--help"]);
    for wanted in
        ["Examples:", "Exit codes:", "130", "Research use only", "reconstruct", "project", "metrics", "prepare"]
    {
        assert!(help.contains(wanted), "{wanted} is missing");
    }
    for command in ["demo", "reconstruct", "project", "convert", "info", "metrics", "prepare", "screenshot"] {
        assert!(done(folder.path(), &[command, "--help"]).contains("Examples:"), "{command}");
    }
    assert!(done(folder.path(), &["--version"]).starts_with("biplane 0."));
    assert!(done(folder.path(), &["completions", "bash"]).contains("reconstruct"));
}

#[test]
fn arguments_that_make_no_sense_end_with_2() {
    let folder = folder_with_ct();
    let at = folder.path();
    refused(at, 2, &["reconstruct"]);
    refused(at, 2, &["metrics", "ct.nii.gz"]);
    refused(at, 2, &["project", "ct.nii.gz", "-o", "films", "--size", "many"]);
    refused(at, 2, &["project", "ct.nii.gz", "-o", "films", "--parallel", "--sad", "1000"]);
    let same = refused(at, 2, &["metrics", "ct.nii.gz", "./ct.nii.gz"]);
    assert!(same.contains("the same file"));
    let films = ["reconstruct", "--ap", "a.png", "--lateral", "./a.png", "-o", "out.nii.gz"];
    assert!(refused(at, 2, &films).contains("the same file"));
    assert!(refused(at, 2, &["convert", "ct.nii.gz", "ct.docx"]).contains(".nii.gz"));
    let far = refused(at, 2, &["project", "ct.nii.gz", "-o", "films", "--sad", "1000", "--sdd", "500"]);
    assert!(far.contains("SDD"));
    assert!(!at.join("films").exists());
    refused(at, 2, &["demo", "-o", "out"]);
    refused(at, 2, &["screenshot"]);
    assert!(refused(at, 2, &["screenshot", "-o", "s.png", "--size", "90000x90"]).contains("90000"));
    assert!(refused(at, 2, &["screenshot", "-o", "s.png", "--scale", "0"]).contains("scale"));
    let device = ["reconstruct", "--ap", "a.png", "--lateral", "b.png", "-o", "o.nii", "--device", "toaster"];
    assert!(refused(at, 2, &device).contains("toaster"));
}

#[test]
fn bad_input_ends_with_3_and_names_the_file() {
    let folder = folder_with_ct();
    let at = folder.path();
    std::fs::write(at.join("text.nii.gz"), "not a volume").unwrap();
    std::fs::write(at.join("empty.dcm"), "").unwrap();
    std::fs::create_dir(at.join("hollow")).unwrap();
    for input in ["missing.nii.gz", "text.nii.gz", "empty.dcm", "hollow"] {
        assert!(refused(at, 3, &["info", input]).contains(input), "{input}");
        assert!(refused(at, 3, &["convert", input, "out.mha"]).contains(input), "{input}");
    }
    let films = ["reconstruct", "--ap", "ct.nii.gz", "--lateral", "missing.png", "-o", "out.nii.gz"];
    assert!(refused(at, 3, &films).contains("ct.nii.gz"));
    assert!(refused(at, 3, &["missing-film.png"]).contains("missing-film.png"));
    std::fs::write(at.join("geometry.toml"), "version = 9").unwrap();
    let views = ["reconstruct", "--ap", "a.png", "--lateral", "b.png", "--geometry", "geometry.toml", "-o", "o.nii"];
    assert!(refused(at, 3, &views).contains("geometry.toml"));
    assert!(!at.join("out.mha").exists() && !at.join("out.nii.gz").exists());
}

#[test]
fn output_that_cannot_be_written_ends_with_1_before_work_begins() {
    let folder = folder_with_ct();
    let at = folder.path();
    assert!(refused(at, 1, &["convert", "ct.nii.gz", "no/such/folder/ct.mha"]).contains("no/such/folder"));
    std::fs::write(at.join("occupied"), "").unwrap();
    assert!(refused(at, 1, &["project", "ct.nii.gz", "-o", "occupied"]).contains("occupied"));
}

#[test]
fn a_reconstruction_stands_where_the_truth_stands_and_can_be_cancelled() {
    let folder = folder_with_ct();
    let at = folder.path();
    done(at, &["project", "ct.nii.gz", "-o", "films"]);
    // The trained networks: fresh ones turn the rounding of bf16, where a processor has it, into whole HU.
    let networks = ["--device", "cpu", "--guide", "none"];
    let films = [&["reconstruct", "--ap", "films/ap.dcm", "--lateral", "films/lateral.dcm"], &networks[..]].concat();
    let said = done(at, &[&films[..], &["-o", "out.nii.gz", "--json"]].concat());
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(said["seconds"]["coarse"].as_f64().unwrap() > 0.0 && said["output"] == "out.nii.gz");
    assert!(said["guidance"].is_null());
    let (out, truth) = (read(at.join("out.nii.gz")), read(at.join("films/truth.nii.gz")));
    assert_eq!(out.frame(), truth.frame());
    // Pictures with the geometry beside them give the same volume, up to the rounding of their grey values.
    let pictures = [&["reconstruct", "--ap", "films/ap.png", "--lateral", "films/lateral.png"], &networks[..]].concat();
    done(at, &[&pictures[..], &["--geometry", "films/geometry.toml", "-o", "series"]].concat());
    let error = biplane::metrics::mae::mae(read(at.join("series")).hu(), out.hu()).unwrap();
    assert!(error < 2.0, "{error} HU between DICOM and PNG films");
    // Another model that is none, and a CT that is not the cube as truth.
    assert!(refused(at, 3, &[&films[..5], &["-o", "o.nii", "--model", "films"]].concat()).contains("films"));
    assert!(refused(at, 3, &[&films[..], &["-o", "o.nii", "--truth", "ct.nii.gz"]].concat()).contains("128"));
    #[cfg(unix)]
    {
        let mut arguments = films.clone();
        arguments.extend(["-o", "never.nii.gz"]);
        let mut run = Command::new(env!("CARGO_BIN_EXE_biplane"))
            .args(&arguments)
            .current_dir(at)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The first line says that the job is set up; from then on Ctrl+C must be heard.
        let mut first = [0; 1];
        std::io::Read::read_exact(run.stderr.as_mut().unwrap(), &mut first).unwrap();
        // SAFETY: a signal to a child of this process, which has not been waited for.
        unsafe { libc::kill(run.id() as i32, libc::SIGINT) };
        assert_eq!(run.wait().unwrap().code(), Some(130));
        assert!(!at.join("never.nii.gz").exists());
    }
}

#[test]
fn the_bundled_case_is_sound() {
    let case = io::bundled::case().unwrap();
    assert!(case.truth.volume.frame().is_cube() && case.truth.warnings.is_empty());
    assert!(case.films.iter().all(|film| film.simulated && film.view.angle.is_some() && film.view.sad_mm.is_some()));
    // The films are the truth's own: projected again they are the same, up to 16 bits.
    let attenuation = biplane::projection::Attenuation::from_volume(&case.truth.volume).unwrap();
    let views = biplane::geometry::Preset::Simulated.pair().views;
    for (film, view) in case.films.iter().zip(&views) {
        let again = biplane::projection::project(&attenuation, view, case.truth.volume.frame().centre_mm());
        let worst = film.image.values().iter().zip(again.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-3, "{worst}");
    }
}

#[test]
fn projecting_writes_the_films_their_geometry_and_the_truth() {
    let folder = folder_with_ct();
    let at = folder.path();
    done(at, &["project", "ct.nii.gz", "-o", "films", "--size", "128"]);
    for name in ["ap.dcm", "lateral.dcm", "ap.png", "lateral.png", "geometry.toml", "truth.nii.gz"] {
        assert!(at.join("films").join(name).is_file(), "{name}");
    }
    let views = io::geometry_file::read(&at.join("films/geometry.toml")).unwrap();
    let [a, b] = views.views.map(|view| (view.angle.degrees(), view.detector.cols, view.detector.pitch_mm));
    assert_eq!((a, b), ((0.0, 128, [5.2; 2]), (90.0, 128, [5.2; 2])));
    let truth = read(at.join("films/truth.nii.gz"));
    assert!(truth.frame().is_cube());
    // The thorax's body is centred about the phantom's origin, which stands at (30, -20) here.
    let [x, y, _] = truth.frame().centre_mm();
    assert!((x - 30.0).abs() < 15.0 && (y + 20.0).abs() < 25.0, "{x}, {y}");
    // The truth is the cube: projecting it again keeps its grid.
    done(at, &["project", "films/truth.nii.gz", "-o", "again", "--angles", "10,100", "--parallel"]);
    assert_eq!(read(at.join("again/truth.nii.gz")), truth);
    let again = io::geometry_file::read(&at.join("again/geometry.toml")).unwrap();
    assert_eq!(again.views.map(|v| v.beam), [biplane::geometry::Beam::Parallel; 2]);
    // The films of the scan's middle are others.
    done(at, &["project", "ct.nii.gz", "-o", "middle", "--center", "scan"]);
    assert!(
        read(at.join("middle/truth.nii.gz"))
            .frame()
            .centre_mm()
            .iter()
            .zip([30.0, -20.0, 400.0])
            .all(|(a, b)| (a - b).abs() < 1e-3)
    );
}

#[test]
fn converting_keeps_voxels_and_place() {
    let folder = folder_with_ct();
    let at = folder.path();
    let ct = read(at.join("ct.nii.gz"));
    done(at, &["convert", "ct.nii.gz", "ct.mha"]);
    assert_eq!(read(at.join("ct.mha")).hu(), ct.hu());
    done(at, &["convert", "ct.mha", "series"]);
    let series = read(at.join("series"));
    assert_eq!(series.hu(), ct.hu());
    let (a, b) = (series.frame().origin_mm(), ct.frame().origin_mm());
    assert!((0..3).all(|k| (a[k] - b[k]).abs() < 1e-3), "{a:?} {b:?}");
    done(at, &["convert", "ct.nii.gz", "slice.png"]);
    assert!(at.join("slice-000.png").is_file() && at.join("slice-059.png").is_file());
    assert!(refused(at, 2, &["convert", "slice-040.png", "film.mha"]).contains("is a film"));
    assert!(refused(at, 2, &["convert", "ct.mha", "ct.mha"]).contains("the same file"));
}

#[test]
fn info_and_metrics_also_speak_json() {
    let folder = folder_with_ct();
    let at = folder.path();
    let info: serde_json::Value = serde_json::from_str(&done(at, &["info", "--json", "ct.nii.gz"])).unwrap();
    assert_eq!(info["what"], "CT volume");
    assert_eq!(info["fields"]["Matrix"], "60 x 50 x 60");
    let ct = read(at.join("ct.nii.gz"));
    let louder = Volume::new(ct.frame().clone(), ct.hu().iter().map(|v| v.saturating_add(10)).collect()).unwrap();
    io::nifti::write(&at.join("louder.nii.gz"), &louder).unwrap();
    let text = done(at, &["metrics", "louder.nii.gz", "ct.nii.gz"]);
    assert!(text.contains("MAE") && text.contains("clipped to [-1000, 1500]") && text.contains("Lung Dice at -400"));
    let json = done(at, &["metrics", "--json", "louder.nii.gz", "ct.nii.gz"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!((json["metrics"]["psnr_db"].as_f64().unwrap() - 47.96).abs() < 0.2);
    assert!(json["definitions"]["SSIM"].as_str().unwrap().contains("sigma 1.5"));
    // On another grid it is resampled, and this is said.
    done(at, &["project", "ct.nii.gz", "-o", "films"]);
    let output = biplane(at, &["metrics", "--json", "ct.nii.gz", "films/truth.nii.gz"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).contains("resampled"));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let covered = json["grid"]["covered"].as_f64().unwrap();
    assert!(covered > 0.5 && covered < 1.0 && json["grid"]["notes"][0].as_str().unwrap().contains("resampled"));
    assert!(json["lpips_missing"].is_array() && json["metrics"]["vif"].is_f64());
    assert!(json["definitions"]["VIF"].as_str().unwrap().contains("sewar"));
    // A truth that stands elsewhere, and one that holds nothing.
    let ct = read(at.join("ct.nii.gz"));
    let far = ct.frame().moved_to([900.0, 0.0, 0.0]);
    let air = Volume::filled(ct.frame().clone(), biplane::units::Hu::PADDING);
    io::nifti::write(&at.join("far.nii.gz"), &ct.with_frame(far).unwrap()).unwrap();
    io::nifti::write(&at.join("air.nii.gz"), &air).unwrap();
    let apart = refused(at, 3, &["metrics", "ct.nii.gz", "far.nii.gz"]);
    assert!(apart.contains("ct.nii.gz, far.nii.gz") && apart.contains("mm apart"), "{apart}");
    assert!(refused(at, 3, &["metrics", "ct.nii.gz", "air.nii.gz"]).contains("no scan data"));
}
