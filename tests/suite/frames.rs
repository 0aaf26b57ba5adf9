//! Where a reconstruction stands: what `biplane project` notes in films and geometry files, and who follows it.

use super::cli::done;
use biplane::app::film::{Film, Slot};
use biplane::app::pair;
use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Beam, Frame, Preset};
use biplane::io::dicom::{CaseInfo, SeriesInfo, write_series};
use biplane::io::{self, Placement, Progress, Radiograph, geometry_file};
use std::path::Path;
use std::sync::Arc;

const FRAME_OF_REFERENCE: &str = "1.2.826.0.1.3680043.10.1";

/// Films of a CT that stands in a named frame of reference, far from its origin.
fn folder_with_films(projecting: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let grid = |centre| Frame::centred([60, 50, 60], [6.0, 6.0, 6.5], centre).unwrap();
    let ct = thorax(5, &ThoraxLimits::default()).volume(&grid([0.0; 3]), 1);
    let ct = ct.with_frame(grid([30.0, -20.0, 400.0])).unwrap();
    let case = CaseInfo { frame_of_reference: Some(FRAME_OF_REFERENCE.into()), ..CaseInfo::default() };
    let info = SeriesInfo { case, ..SeriesInfo::default() };
    write_series(&ct, &folder.path().join("ct"), &info, &Progress::new()).unwrap();
    done(folder.path(), &[&["project", "ct", "-o", "films", "--size", "96"], projecting].concat());
    folder
}

fn film(path: &Path) -> Radiograph {
    io::open_radiograph(path, &Progress::new()).unwrap()
}

fn near(a: [f64; 3], b: [f64; 3]) -> bool {
    (0..3).all(|k| (a[k] - b[k]).abs() < 1e-3)
}

#[test]
fn films_alone_bring_their_reconstruction_into_the_frame_of_the_ct() {
    let folder = folder_with_films(&[]);
    let at = folder.path();
    let truth = io::open_volume(&at.join("films/truth.nii.gz"), &Progress::new()).unwrap().volume;
    let wanted = truth.frame().centre_mm();
    assert!(wanted[2] > 200.0, "far from the origin");
    std::fs::remove_file(at.join("films/truth.nii.gz")).unwrap();
    std::fs::create_dir(at.join("tiny")).unwrap();
    super::nn::tiny_model(&at.join("tiny"), false);
    let model = ["--device", "cpu", "--model", "tiny"];
    let films = [&["reconstruct", "--ap", "films/ap.dcm", "--lateral", "films/lateral.dcm"], &model[..]].concat();
    done(at, &[&films[..], &["-o", "series"]].concat());
    let result = io::open_volume(&at.join("series"), &Progress::new()).unwrap();
    assert!(near(result.volume.frame().centre_mm(), wanted), "{:?}", result.volume.frame());
    assert_eq!(result.info.frame_of_reference.as_deref(), Some(FRAME_OF_REFERENCE));
    // Pictures know nothing; their geometry file does.
    let pictures = [&["reconstruct", "--ap", "films/ap.png", "--lateral", "films/lateral.png"], &model[..]].concat();
    done(at, &[&pictures[..], &["--geometry", "films/geometry.toml", "-o", "out.nii.gz"]].concat());
    let result = io::open_volume(&at.join("out.nii.gz"), &Progress::new()).unwrap();
    assert!(near(result.volume.frame().centre_mm(), wanted));
}

#[test]
fn films_of_two_places_stand_nowhere_together() {
    let folder = folder_with_films(&[]);
    let films = ["ap.dcm", "lateral.dcm"].map(|name| film(&folder.path().join("films").join(name)));
    let [first, second] = &films;
    let together = pair::placement([first, second]).unwrap();
    assert_eq!(together.frame_of_reference.as_deref(), Some(FRAME_OF_REFERENCE));
    let mut elsewhere = second.clone();
    elsewhere.view.isocentre_mm = elsewhere.view.isocentre_mm.map(|mut at| {
        at.value[0] += 1.0;
        at
    });
    assert_eq!(pair::placement([first, &elsewhere]), None);
    let mut unnamed = second.clone();
    unnamed.info.frame_of_reference = None;
    assert_eq!(pair::placement([first, &unnamed]).unwrap().frame_of_reference, None);
}

#[test]
fn parallel_films_are_parallel_by_their_header() {
    let folder = folder_with_films(&["--parallel"]);
    for (slot, name) in [(Slot::First, "ap.dcm"), (Slot::Second, "lateral.dcm")] {
        let path = folder.path().join("films").join(name);
        for preset in [Preset::Simulated, Preset::ChestRoom] {
            let mut opened = Film::new(path.clone(), Arc::new(film(&path)), slot, preset);
            assert_eq!(opened.view().unwrap().beam, Beam::Parallel, "{name} with {preset:?}");
            let radiograph = Arc::clone(&opened.radiograph);
            opened.settings.apply_preset(&radiograph, slot, Preset::Linac);
            assert_eq!(opened.view().unwrap().beam, Beam::Parallel, "{name} after another machine was chosen");
        }
    }
}

#[test]
fn a_geometry_file_keeps_where_it_stands_and_refuses_nonsense() {
    let pair = Preset::Linac.pair();
    let path = Path::new("g.toml");
    for frame_of_reference in [None, Some(FRAME_OF_REFERENCE.to_owned())] {
        let placement = Placement { isocentre_mm: [1.25, -180.0, 1e-3], frame_of_reference };
        let text = geometry_file::text(&pair, Some(&placement));
        let (back, read) = geometry_file::parse_placed(path, &text).unwrap();
        assert_eq!((back.views.len(), read), (2, Some(placement)));
    }
    // The first version, which knows no place, is read as before.
    let old = geometry_file::text(&pair, None);
    assert!(old.contains("version = 1"));
    assert_eq!(geometry_file::parse_placed(path, &old).unwrap().1, None);
    for (line, said) in [
        ("isocentre_mm = [nan, 0.0, 0.0]", "isocentre_mm"),
        ("isocentre_mm = [1e9, 0.0, 0.0]", "isocentre_mm"),
        ("isocentre_mm = [0.0, 0.0, 0.0]\nframe_of_reference = \"Doe^Jane\"", "frame_of_reference"),
    ] {
        let text = old.replace("version = 1", &format!("version = 2\n{line}"));
        let error = geometry_file::parse(path, &text).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("Doe"), "{error}");
    }
}
