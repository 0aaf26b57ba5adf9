//! Data preparation: a collection in miniature, arranged as the archive has it, with everything that can be odd.

use biplane::atlas::AtlasSource;
use biplane::geometry::phantom::{Part as Piece, Phantom, Shape, ThoraxLimits, thorax};
use biplane::geometry::{Frame, Preset, Raster, Volume};
use biplane::io::dicom::{self, CaseInfo, FilmInfo, SeriesInfo, VolumeOrigin};
use biplane::io::{self, Progress, nifti};
use biplane::metrics::centre::{Centre, to_cube};
use biplane::train::dataset::{CaseFile, Dataset};
use biplane::train::plan::DataPlan;
use biplane::train::prepare::fields::{FIELDS_FOLDER, Field, fields};
use biplane::train::prepare::manifest::{CaseEntry, Manifest, Split};
use biplane::train::prepare::split::{SplitChoice, validation_count};
use biplane::train::prepare::{Part, PrepareEvent, PrepareOptions, Summary, audit, merge, prepare};
use biplane::train::{Control, TrainError};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A thorax on a scanner's grid, coarse so that the tests are fast, with a table of its own height.
fn scan(seed: u64, slices: usize) -> Volume {
    let grid = |centre| Frame::centred([60, 56, slices], [6.0, 6.0, 7.0], centre).unwrap();
    let made = thorax(seed, &ThoraxLimits::default()).volume(&grid([0.0; 3]), 1);
    made.with_frame(grid([12.0, -40.0, 300.0 + seed as f64])).unwrap()
}

fn series(folder: &Path, patient: &str, volume: &Volume) {
    let case = CaseInfo {
        case: patient.to_owned(),
        patient_name: "Secret^Name".to_owned(),
        frame_of_reference: Some(format!("1.2.3.{}", patient.len())),
    };
    dicom::write_series(volume, folder, &SeriesInfo { case, origin: VolumeOrigin::Scanned }, &Progress::new()).unwrap();
    fs::write(folder.join("069.xml"), "<LidcReadMessage/>").unwrap();
}

fn film(path: &Path, patient: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let view = Preset::Simulated.pair().views[0].resized(16, 16);
    let film = Raster::new(16, 16, (0..256).map(|i| i as f32 / 100.0).collect()).unwrap();
    let case = CaseInfo { case: patient.to_owned(), patient_name: "Secret^Name".to_owned(), frame_of_reference: None };
    dicom::write_film(&film, &view, path, &FilmInfo { case, title: "PA".to_owned(), isocentre_mm: None }).unwrap();
}

/// The archive's tree, patient/study/series: four usable scans of three patients, a film, and three series that are
/// damaged, with a gap, too short.
fn collection() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = |place: &str| root.path().join("LIDC-IDRI").join(place);
    series(&at("P-001/study/ct"), "P-001", &scan(1, 44));
    film(&at("P-001/films/cr/1-1.dcm"), "P-001");
    series(&at("P-002/study/ct"), "P-002", &scan(2, 44));
    fs::copy(at("P-002/study/ct/biplane-0005.dcm"), at("P-002/study/ct/biplane-9999.dcm")).unwrap();
    series(&at("P-003/study/ct"), "P-003", &scan(3, 44));
    let cut = at("P-003/study/ct/biplane-0020.dcm");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    series(&at("P-004/study/ct"), "P-004", &scan(4, 44));
    fs::remove_file(at("P-004/study/ct/biplane-0020.dcm")).unwrap();
    series(&at("P-005/early/ct"), "P-005", &scan(5, 44));
    series(&at("P-005/late/ct"), "P-005", &scan(6, 44));
    series(&at("P-006/study/ct"), "P-006", &scan(7, 6));
    fs::write(root.path().join("LICENSE"), "CC BY").unwrap();
    root
}

const CASES: [&str; 4] = ["P-001", "P-002", "P-005", "P-005-2"];

fn options(source: &Path, output: &Path) -> PrepareOptions {
    PrepareOptions {
        source: source.to_owned(),
        output: output.to_owned(),
        centre: Centre::Anatomy,
        split: SplitChoice { seed: 1, ..SplitChoice::default() },
        part: None,
        jobs: Some(2),
    }
}

fn run(options: &PrepareOptions) -> Summary {
    prepare(options, &mut |_| Control::Continue).unwrap()
}

fn names(manifest: &Manifest) -> Vec<&str> {
    manifest.cases.iter().map(|c| c.name.as_str()).collect()
}

fn manifest(folder: &Path) -> (Manifest, String) {
    (Manifest::read(folder).unwrap().0, fs::read_to_string(folder.join("manifest.toml")).unwrap())
}

fn read(path: PathBuf) -> Volume {
    biplane::io::open_volume(&path, &Progress::new()).unwrap().volume
}

/// Whether two cubes are the same: headers round positions, so that here and there a value is rounded to its neighbour.
fn same_cube(a: &Volume, b: &Volume) -> bool {
    let near = |x: &[f64], y: &[f64]| x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-3);
    a.frame().is_cube()
        && near(&a.frame().origin_mm(), &b.frame().origin_mm())
        && a.hu().iter().zip(b.hu()).all(|(x, y)| (x - y).abs() <= 1)
}

/// The words of an error, which must say what to do.
fn refused<T>(result: Result<T, TrainError>) -> String {
    let words = result.err().unwrap().to_string();
    assert!(words.contains("; "), "no advice in: {words}");
    words
}

#[test]
fn a_collection_becomes_cubes_a_manifest_and_a_list_of_causes() {
    let (source, out) = (collection(), tempfile::tempdir().unwrap());
    let summary = run(&options(source.path(), out.path()));
    let (manifest, text) = manifest(out.path());
    assert_eq!(names(&manifest), CASES);
    assert_eq!((summary.made, summary.kept, summary.skipped.len()), (4, 0, 4));
    let told = |patient: &str| {
        let of: Vec<&str> = summary.skipped.iter().filter(|s| s.patient == patient).map(|s| s.cause.as_str()).collect();
        assert_eq!(of.len(), 1, "{patient}: {of:?}");
        of[0].to_owned()
    };
    assert!(told("P-001").contains("not a CT series"), "{}", told("P-001"));
    assert!(told("P-003").contains("biplane-0020.dcm") && told("P-003").contains("cut short"), "{}", told("P-003"));
    assert!(told("P-004").contains("about 1 slices are missing"), "{}", told("P-004"));
    assert!(told("P-006").contains("too few slices (6"), "{}", told("P-006"));
    assert_eq!(manifest.skipped, summary.skipped);

    let case = |name: &str| manifest.cases.iter().find(|c| c.name == name).unwrap();
    assert_eq!(case("P-002").notes, ["1 duplicate slices dropped"]);
    assert_eq!(case("P-005-2").patient, "P-005");
    assert_eq!(case("P-005").split, case("P-005-2").split, "one patient on one side");
    assert_eq!(case("P-001").source, "LIDC-IDRI/P-001/study/ct");
    for (name, seed) in [("P-001", 1), ("P-002", 2)] {
        let cube = read(case(name).path(out.path()));
        assert!(same_cube(&cube, &to_cube(&scan(seed, 44), Centre::Anatomy)), "{name} is not the cube of its scan");
        assert_eq!((case(name).data_slices[0], case(name).data_slices[1]), cube.data_slices().unwrap());
        assert_eq!(case(name).original.dims(), [60, 56, 44]);
        assert_eq!(case(name).original.spacing_mm(), [6.0, 6.0, 7.0]);
    }
    let table = fs::read_to_string(out.path().join("skipped.csv")).unwrap();
    assert_eq!(table.lines().count(), 5);
    for words in [text, table, fs::read_to_string(out.path().join("records/P-001.toml")).unwrap()] {
        assert!(!words.contains("Secret"), "a name in: {words}");
    }
    let plan = DataPlan { folder: Some(out.path().to_owned()), ..DataPlan::default() };
    let (training, validation) = Dataset::open(&plan).unwrap().load_all().unwrap();
    assert_eq!(training.len() + validation.len(), 4);
    assert!(!validation.is_empty());
}

#[test]
fn the_cube_is_centred_as_asked_for() {
    let (source, out) = (collection(), tempfile::tempdir().unwrap());
    let mut by_scan = options(source.path(), out.path());
    run(&by_scan);
    let body = manifest(out.path()).0.cases[0].clone();
    by_scan.centre = Centre::Scan;
    // Another centre makes every cube again.
    assert_eq!(run(&by_scan).made, 4);
    let scan_case = manifest(out.path()).0.cases[0].clone();
    let centre = Frame::cube([0.0; 3]).moved_to(scan(1, 44).frame().centre_mm()).origin_mm();
    assert!(scan_case.cube_origin_mm.iter().zip(centre).all(|(a, b)| (a - b).abs() < 1e-6));
    assert_ne!(body.cube_origin_mm, scan_case.cube_origin_mm);
}

#[test]
fn a_second_call_does_only_what_is_missing() {
    let (source, whole, broken) = (collection(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&options(source.path(), whole.path()));
    let stopped = PrepareOptions { jobs: Some(1), ..options(source.path(), broken.path()) };
    let mut made = 0;
    let result = prepare(&stopped, &mut |event| {
        made += usize::from(matches!(event, PrepareEvent::Made { .. }));
        if made == 2 { Control::Stop } else { Control::Continue }
    });
    assert!(matches!(result, Err(TrainError::Stopped)));
    assert!(!broken.path().join("manifest.toml").exists(), "no manifest before the end");
    let unfinished = DataPlan { folder: Some(broken.path().to_owned()), ..DataPlan::default() };
    assert!(refused(Dataset::open(&unfinished)).contains("has not ended"));
    // What a kill in the middle of a write leaves: a temporary name, never a short file under the real one. A cube
    // that is too short all the same (a full disk, a bad copy) is made again.
    let cube = broken.path().join("cubes/P-001.nii.gz");
    let bytes = fs::read(&cube).unwrap();
    fs::write(broken.path().join("cubes/.P-002.nii.gz.17-0.part"), &bytes[..100]).unwrap();
    fs::write(&cube, &bytes[..bytes.len() / 2]).unwrap();
    let mut started = None;
    let summary = prepare(&options(source.path(), broken.path()), &mut |event| {
        if let PrepareEvent::Started { scans, done, .. } = event {
            started = Some((*scans, *done));
        }
        Control::Continue
    })
    .unwrap();
    let (scans, done) = started.unwrap();
    assert!(scans == 7 && (1..6).contains(&done), "{done} of {scans} kept");
    assert_eq!(summary.made + summary.kept, 4);
    assert!(summary.kept >= 1);
    assert_eq!(manifest(whole.path()).1, manifest(broken.path()).1, "as without interruption");
    assert!(!broken.path().join("cubes/.P-002.nii.gz.17-0.part").exists());
    let third = run(&options(source.path(), broken.path()));
    assert_eq!((third.made, third.kept), (0, 4));

    // A series that was mended is taken in, without the others being made again.
    let place = source.path().join("LIDC-IDRI/P-003/study/ct");
    fs::remove_dir_all(&place).unwrap();
    series(&place, "P-003", &scan(3, 44));
    let fourth = run(&options(source.path(), broken.path()));
    assert_eq!((fourth.made, fourth.kept, fourth.skipped.len()), (1, 4, 3));
}

#[test]
fn parts_that_ran_apart_and_merged_are_one_run() {
    let (source, whole, parts) = (collection(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&options(source.path(), whole.path()));
    let split = options(source.path(), whole.path()).split;
    for text in ["3/3", "1/3"] {
        let part = Some(text.parse::<Part>().unwrap());
        let summary = run(&PrepareOptions { part, ..options(source.path(), parts.path()) });
        assert_eq!(summary.dataset, None);
        assert!(!parts.path().join("manifest.toml").exists(), "a part makes no split");
    }
    let words = refused(merge(parts.path(), &split));
    assert!(words.contains("of 7 scans are not prepared yet"), "{words}");
    run(&PrepareOptions { part: Some("2/3".parse().unwrap()), ..options(source.path(), parts.path()) });
    merge(parts.path(), &split).unwrap();
    for file in ["manifest.toml", "skipped.csv", "cubes/P-001.nii.gz", "cubes/P-005-2.nii.gz"] {
        let [a, b] = [&whole, &parts].map(|folder| fs::read(folder.path().join(file)).unwrap());
        assert!(a == b, "{file} differs");
    }
    for bad in ["0/3", "4/3", "1", "a/b", "1/0"] {
        assert!(bad.parse::<Part>().is_err(), "{bad}");
    }
    let words = refused(merge(source.path(), &split));
    assert!(words.contains("biplane prepare SRC"), "{words}");
}

#[test]
fn volumes_of_other_formats_are_taken_and_a_cube_keeps_its_grid() {
    let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cube = thorax(3, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
    let cube = cube.with_frame(Frame::cube([31.5, -4.25, 1200.0])).unwrap();
    nifti::write(&source.path().join("keeps.nii.gz"), &cube).unwrap();
    fs::create_dir(source.path().join("more")).unwrap();
    biplane::io::metaimage::write(&source.path().join("more/other.mha"), &scan(4, 44)).unwrap();
    let mut odd = scan(5, 44);
    odd.hu_mut().iter_mut().step_by(7).for_each(|v| *v = 9000);
    nifti::write(&source.path().join("metal.nii.gz"), &odd).unwrap();
    let mut half = fs::read(source.path().join("keeps.nii.gz")).unwrap();
    half.truncate(half.len() / 2);
    fs::write(source.path().join("half.nii.gz"), half).unwrap();
    fs::write(source.path().join("empty.nii"), "").unwrap();
    fs::write(source.path().join("notes.txt"), "hello").unwrap();
    let summary = run(&options(source.path(), out.path()));
    let (manifest, _) = manifest(out.path());
    assert_eq!(names(&manifest), ["keeps", "metal", "other"]);
    assert!(same_cube(&read(manifest.cases[0].path(out.path())), &cube), "resampled though it is the cube");
    assert!(read(manifest.cases[1].path(out.path())).hu().iter().all(|v| (-1024..=3071).contains(v)));
    let skipped: Vec<&str> = summary.skipped.iter().map(|s| s.source.as_str()).collect();
    assert_eq!(skipped, ["empty.nii", "half.nii.gz"]);
    // A data set is no source: its own folder is passed over where it lies inside of the source.
    let inside = source.path().join("dataset");
    run(&options(source.path(), &inside));
    assert_eq!(run(&options(source.path(), &inside)).kept, 3);
    assert!(refused(prepare(&options(&inside, &inside), &mut |_| Control::Continue)).contains("at once"));
}

#[test]
fn volume_files_are_their_names_or_their_folders() {
    let cube = thorax(3, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1);
    let patients = |files: &[&str]| {
        let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for file in files {
            let path = source.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            nifti::write(&path, &cube).unwrap();
        }
        run(&options(source.path(), out.path()));
        let (manifest, _) = manifest(out.path());
        manifest.cases.iter().map(|c| format!("{}={}", c.name, c.patient)).collect::<Vec<_>>()
    };
    assert_eq!(patients(&["a/P1.nii.gz", "b/P2.nii.gz"]), ["P1=P1", "P2=P2"]);
    assert_eq!(patients(&["P1/ct.nii", "P1/late.nii", "P2/ct.nii"]), ["P1=P1", "P1-2=P1", "P2=P2"]);
}

#[test]
fn series_that_share_a_folder_or_lie_in_several_are_told_apart() {
    let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |place: &str| source.path().join(place);
    for (seed, patient) in [(1, "A 1"), (2, "B/2")] {
        series(&at("apart"), patient, &scan(seed, 44));
        fs::create_dir_all(at("mixed")).unwrap();
        for k in 1..=44 {
            let from = at("apart").join(format!("biplane-{k:04}.dcm"));
            fs::rename(from, at("mixed").join(format!("{seed}-{k:03}"))).unwrap();
        }
    }
    // As discs have it: a hundred files a folder, whatever they belong to.
    fs::create_dir(at("further")).unwrap();
    for k in 30..=44 {
        fs::rename(at("mixed").join(format!("2-{k:03}")), at("further").join(format!("2-{k:03}"))).unwrap();
    }
    fs::remove_dir_all(at("apart")).unwrap();
    run(&options(source.path(), out.path()));
    let (manifest, _) = manifest(out.path());
    assert_eq!(names(&manifest), ["A_1", "B_2"]);
    assert_eq!(manifest.cases[1].patient, "B/2", "as the archive has it");
    for (case, seed) in manifest.cases.iter().zip([1, 2]) {
        assert!(same_cube(&read(case.path(out.path())), &to_cube(&scan(seed, 44), Centre::Anatomy)), "{}", case.name);
    }
}

#[test]
fn a_copy_of_a_series_is_a_scan_of_its_own_and_damage_in_it_is_told() {
    let (source, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let at = |place: &str| source.path().join(place);
    for place in ["a/good", "b/cut", "c/emptied", "d/short-at-the-end"] {
        series(&at(place), "P", &scan(1, 44));
    }
    let spoil = |place: &str, bytes: usize| {
        let whole = fs::read(at(place)).unwrap();
        fs::write(at(place), &whole[..bytes]).unwrap();
    };
    spoil("b/cut/biplane-0010.dcm", 3000);
    spoil("c/emptied/biplane-0010.dcm", 0);
    spoil("d/short-at-the-end/biplane-0044.dcm", 0);
    let summary = run(&options(source.path(), out.path()));
    let causes: Vec<(&str, &str)> = summary.skipped.iter().map(|s| (s.source.as_str(), s.cause.as_str())).collect();
    assert!(
        matches!(causes[..], [("b/cut", cut), ("c/emptied", emptied)]
        if cut.contains("biplane-0010.dcm") && emptied.contains("biplane-0010.dcm") && emptied.contains("emptied")),
        "{causes:?}"
    );
    let (manifest, _) = manifest(out.path());
    assert_eq!(names(&manifest), ["P", "P-4"]);
    assert_eq!(manifest.cases[1].original.dims()[2], 43);
    assert!(manifest.cases[1].notes[0].contains("biplane-0044.dcm"), "{:?}", manifest.cases[1].notes);
}

/// Cases without files: `per_patient` scans of each of `patients`.
fn entries(patients: usize, per_patient: usize) -> Vec<CaseEntry> {
    let entry = |p: usize, k: usize| CaseEntry {
        name: format!("P{p:04}-{k}"),
        patient: format!("P{p:04}"),
        source: format!("{p}/{k}"),
        series: None,
        split: Split::Training,
        sha256: "0".repeat(64),
        bytes: 1,
        data_slices: [0, 127],
        cube_origin_mm: [0.0; 3],
        notes: Vec::new(),
        original: Frame::cube([0.0; 3]),
    };
    (0..patients).flat_map(|p| (0..per_patient).map(move |k| entry(p, k))).collect()
}

fn drawn(split: &SplitChoice, mut cases: Vec<CaseEntry>) -> BTreeSet<String> {
    split.apply(&mut cases, &mut Vec::new()).unwrap();
    let side = |side: Split| cases.iter().filter(|c| c.split == side).map(|c| c.patient.clone()).collect();
    let (training, validation): (BTreeSet<String>, BTreeSet<String>) = (side(Split::Training), side(Split::Validation));
    assert!(training.is_disjoint(&validation), "a patient on both sides");
    validation
}

#[test]
fn the_split_is_by_patient_seeded_and_as_large_as_the_papers() {
    assert_eq!([1, 2, 3, 10, 1009, 1010, 1018].map(validation_count), [0, 1, 1, 2, 201, 201, 203]);
    let with = |seed| SplitChoice { seed, ..SplitChoice::default() };
    let first = drawn(&with(1), entries(1009, 2));
    assert_eq!(first.len(), 201);
    let mut reversed = entries(1009, 2);
    reversed.reverse();
    assert_eq!(first, drawn(&with(1), reversed), "the order says nothing");
    let other = drawn(&with(2), entries(1009, 1));
    assert!(first.intersection(&other).count() < 80, "another seed, another draw");
    // A patient more leaves the rest where it is.
    let more = drawn(&with(1), entries(1010, 1));
    assert!(first.difference(&more).count() <= 1 && more.len() == 201);
}

#[test]
fn patients_named_by_hand_are_checked_with_or_left_out() {
    let hand = |validation: &[&str], excluded: &[&str]| SplitChoice {
        seed: 1,
        validation: validation.iter().map(|n| (*n).to_owned()).collect(),
        excluded: excluded.iter().map(|n| (*n).to_owned()).collect(),
    };
    let chosen = drawn(&hand(&["P0003", "P0005-1"], &["P0007"]), entries(10, 2));
    assert_eq!(chosen.into_iter().collect::<Vec<_>>(), ["P0003", "P0005"], "a case brings its patient");
    let (mut cases, mut skipped) = (entries(10, 2), Vec::new());
    hand(&[], &["P0007", "P0008-0"]).apply(&mut cases, &mut skipped).unwrap();
    assert_eq!((cases.len(), skipped.len()), (17, 3));
    for (bad, patients, said) in [
        (hand(&["P0003", "nobody"], &[]), 5, "--validation names `nobody`"),
        (hand(&[], &["nobody"]), 5, "--exclude names `nobody`"),
        (hand(&["P0003"], &["P0003"]), 5, "by --validation and by --exclude"),
        (hand(&["P0000", "P0001"], &[]), 2, "no patient is left"),
    ] {
        let words = bad.apply(&mut entries(patients, 1), &mut Vec::new()).unwrap_err();
        assert!(words.contains(said) && words.contains("; "), "{words}");
    }
}

#[test]
fn an_audit_names_every_fault() {
    let (source, out) = (collection(), tempfile::tempdir().unwrap());
    run(&options(source.path(), out.path()));
    let at = |name: &str| out.path().join(format!("cubes/{name}.nii.gz"));
    let sound = audit(out.path(), &mut |_| Control::Continue).unwrap();
    assert_eq!((sound.cases, sound.faults.len(), sound.strays.len()), (4, 0, 0));
    let mut bytes = fs::read(at("P-001")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(at("P-001"), bytes).unwrap();
    fs::remove_file(at("P-002")).unwrap();
    let half = fs::read(at("P-005")).unwrap();
    fs::write(at("P-005"), &half[..half.len() / 2]).unwrap();
    fs::write(at("stranger"), half).unwrap();
    let found = audit(out.path(), &mut |_| Control::Continue).unwrap();
    let faults: Vec<(&str, &str)> = found.faults.iter().map(|f| (f.file.as_str(), f.cause.as_str())).collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
    for ((file, cause), (wanted, said)) in
        faults.iter().zip([("P-001", "SHA-256"), ("P-002", "missing"), ("P-005", "bytes")])
    {
        assert!(file.contains(wanted) && cause.contains(said), "{file}: {cause}");
    }
    assert_eq!(found.strays, ["cubes/stranger.nii.gz"]);
    // A manifest that was edited: the cube is sound, what is said of it is not.
    fs::remove_file(at("stranger")).unwrap();
    run(&options(source.path(), out.path()));
    // The flipped byte kept its length: the record of this cube is believed until it is audited.
    fs::remove_file(at("P-001")).unwrap();
    run(&options(source.path(), out.path()));
    let (mut edited, _) = manifest(out.path());
    edited.cases[0].cube_origin_mm[2] += 2.8;
    edited.cases[1].data_slices[0] += 1;
    fs::write(out.path().join("manifest.toml"), edited.to_toml().unwrap()).unwrap();
    let causes: Vec<String> =
        audit(out.path(), &mut |_| Control::Continue).unwrap().faults.into_iter().map(|f| f.cause).collect();
    assert!(causes.len() == 2 && causes[0].contains("2.800 mm from") && causes[1].contains("slices"), "{causes:?}");
}

fn biplane(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_biplane")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_prepares_merges_checks_and_refuses() {
    let (source, out) = (collection(), tempfile::tempdir().unwrap());
    let (from, to) = (source.path().to_str().unwrap(), out.path().to_str().unwrap());
    let (code, said, beside) = biplane(&["prepare", from, "-o", to, "--validation", "P-002"]);
    assert_eq!(code, Some(0), "{beside}");
    assert!(said.contains("4 cases; 2 patients to learn from, 1 to check with; 4 left out"), "{said}");
    assert!(beside.contains("left out: LIDC-IDRI/P-004/study/ct: about 1 slices are missing"), "{beside}");
    assert!(!beside.contains("Secret"));
    assert_eq!(manifest(out.path()).0.split_seed, None, "named by hand");
    let (code, said, _) = biplane(&["prepare", "--merge", to, "--seed", "5", "--exclude", "P-001", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &json["dataset"]["cases"]), (Some(0), &serde_json::json!(3)), "{said}");
    assert_eq!(biplane(&["prepare", "--check", to]).0, Some(0));
    let cube = out.path().join("cubes/P-002.nii.gz");
    let mut bytes = fs::read(&cube).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&cube, bytes).unwrap();
    let (code, _, beside) = biplane(&["prepare", "--check", to]);
    assert_eq!(code, Some(3));
    assert!(beside.contains("cubes/P-002.nii.gz: its SHA-256") && beside.contains("what to do: "), "{beside}");
    for (arguments, wanted, said) in [
        (vec!["prepare", from], 2, "--output"),
        (vec!["prepare", from, "-o", to, "--part", "9/8"], 2, "1 <= i <= n"),
        (vec!["prepare", from, "-o", to, "--validation", "nobody"], 2, "`nobody`"),
        (vec!["prepare", "/no/such/place", "-o", to], 3, "cannot be read"),
        (vec!["prepare", "--merge", from], 3, "catalogue.toml"),
        (vec!["prepare", "--check", from], 3, "manifest.toml"),
        (vec!["prepare", from, "-o", "/proc/nowhere"], 1, "/proc/nowhere"),
    ] {
        let (code, _, beside) = biplane(&arguments);
        assert!(code == Some(wanted) && beside.contains(said), "{arguments:?}: {code:?} {beside}");
    }
}

#[test]
fn cases_are_registered_to_one_of_them_and_what_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let truth = io::bundled::case().unwrap().truth.volume;
    io::nifti::write(&at.join("a.nii.gz"), &truth).unwrap();
    let atlas = &AtlasSource::Bundled.load().unwrap().atlases[7];
    io::nifti::write(&at.join("b.nii.gz"), &atlas.volume).unwrap();
    let knee = Piece { shape: Shape::cylinder([0.0; 3], [60.0, 60.0, 180.0]), r: 1.05 };
    io::nifti::write(&at.join("knee.nii.gz"), &Phantom::new(vec![knee]).volume(&Frame::cube([0.0; 3]), 1)).unwrap();
    let files: Vec<CaseFile> =
        ["a", "b", "knee"].iter().map(|name| CaseFile::plain(at.join(format!("{name}.nii.gz")))).collect();
    let run = |stop: usize| {
        let mut heard = 0;
        fields(&files, "b", at, &mut |_| {
            heard += 1;
            if heard < stop { Control::Continue } else { Control::Stop }
        })
    };
    assert!(matches!(run(12), Err(TrainError::Stopped)));
    let first = run(usize::MAX).unwrap();
    assert_eq!((first.made, first.kept, first.skipped.len()), (2, 0, 1), "{first:?}");
    assert!(first.skipped[0].source == "knee" && first.skipped[0].cause.contains("no lungs"));
    let again = run(usize::MAX).unwrap();
    assert_eq!((again.made, again.kept), (0, 2), "what is there is not done again");
    let path = at.join(FIELDS_FOLDER).join("a.safetensors");
    let field = Field::read(&path).unwrap();
    assert!(field.card.lung_dice > 0.93 && field.card.template == "b");
    for x in [[0.0; 3], [60.0, -20.0, 50.0], [-70.0, 10.0, -30.0]] {
        let there_and_back = field.from_case.at(field.to_case.at(x));
        assert!(there_and_back.iter().zip(x).all(|(a, b)| (a - b).abs() < 1.5), "{x:?} -> {there_and_back:?}");
    }
    std::fs::write(&path, b"damaged").unwrap();
    assert!(Field::read(&path).unwrap_err().to_string().contains("a.safetensors"));
    let missing = fields(&files, "c", at, &mut |_| Control::Continue).unwrap_err().to_string();
    assert!(missing.contains("no case `c`"), "{missing}");
}
