//! Data sets as the trainer opens them: plain folders of cubes and folders with a manifest, and what is refused.

use biplane::geometry::phantom::{ThoraxLimits, thorax};
use biplane::geometry::{Frame, Volume};
use biplane::io::nifti;
use biplane::train::TrainError;
use biplane::train::dataset::{CaseCache, CaseFile, Dataset};
use biplane::train::plan::DataPlan;
use biplane::train::prepare::manifest::{CaseEntry, MANIFEST_VERSION, Manifest, Split};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

fn plan(folder: &Path, validation: &[&str]) -> DataPlan {
    DataPlan {
        folder: Some(folder.to_owned()),
        validation: validation.iter().map(|n| (*n).to_owned()).collect(),
        excluded: Vec::new(),
        ..DataPlan::default()
    }
}

fn patient(seed: u64) -> Volume {
    thorax(seed, &ThoraxLimits::default()).volume(&Frame::cube([0.0; 3]), 1)
}

/// A data set of three cubes, one of them for validation.
fn prepared(folder: &Path) -> Manifest {
    fs::create_dir(folder.join("cubes")).unwrap();
    let case = |k: u64, split: Split| {
        let (name, cube) = (format!("case-{k}"), patient(k));
        let path = folder.join(format!("cubes/{name}.nii.gz"));
        nifti::write(&path, &cube).unwrap();
        let bytes = fs::read(&path).unwrap();
        let (first, last) = cube.data_slices().unwrap();
        CaseEntry {
            patient: format!("P {k}"),
            source: format!("tree/{name}"),
            series: Some(format!("1.2.{k}")),
            split,
            sha256: format!("{:x}", Sha256::digest(&bytes)),
            bytes: bytes.len() as u64,
            data_slices: [first, last],
            cube_origin_mm: cube.frame().origin_mm(),
            notes: Vec::new(),
            original: cube.frame().clone(),
            name,
        }
    };
    let cases = vec![case(0, Split::Training), case(1, Split::Validation), case(2, Split::Training)];
    let made_by = "a test".to_owned();
    let manifest = Manifest {
        version: MANIFEST_VERSION,
        made_by,
        centre: Default::default(),
        split_seed: Some(1),
        cases,
        skipped: Vec::new(),
    };
    save(folder, &manifest);
    manifest
}

fn save(folder: &Path, manifest: &Manifest) {
    fs::write(folder.join("manifest.toml"), manifest.to_toml().unwrap()).unwrap();
}

fn names(cases: &[CaseFile]) -> Vec<&str> {
    cases.iter().map(|c| c.name.as_str()).collect()
}

/// The words of an error about this folder, which must say what to do.
fn refused<T>(result: Result<T, TrainError>) -> String {
    let words = result.err().unwrap().to_string();
    assert!(words.contains("; ") || words.contains("name "), "no advice in: {words}");
    words
}

#[test]
fn a_plain_folder_is_split_by_the_plans_names() {
    let folder = tempfile::tempdir().unwrap();
    for k in 0..3 {
        nifti::write(&folder.path().join(format!("case-{k}.nii.gz")), &patient(k)).unwrap();
    }
    // What a killed process left behind, and notes beside the cubes, are no cases.
    fs::write(folder.path().join(".case-9.nii.gz.17-0.part"), "half").unwrap();
    fs::write(folder.path().join("case-0.nii.notes.txt"), "hello").unwrap();
    let mut wanted = plan(folder.path(), &["case-1"]);
    let data = Dataset::open(&wanted).unwrap();
    assert_eq!((names(&data.training), names(&data.validation)), (vec!["case-0", "case-2"], vec!["case-1"]));
    assert_eq!(data.manifest_sha256, None);
    assert_eq!(data.training[0].patient, "case-0");
    wanted.excluded = vec!["case-0".to_owned()];
    let (training, validation) = Dataset::open(&wanted).unwrap().load_all().unwrap();
    assert_eq!((training.len(), validation.len()), (1, 1));
    assert_eq!(training[0].volume().hu(), patient(2).hu());
    let words = Dataset::open(&plan(folder.path(), &["nobody"])).unwrap_err().to_string();
    assert!(words.contains("`nobody`"), "{words}");
}

#[test]
fn a_manifest_makes_the_split_and_the_plan_may_not() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = prepared(folder.path());
    let data = Dataset::open(&plan(folder.path(), &[])).unwrap();
    assert_eq!((names(&data.training), names(&data.validation)), (vec!["case-0", "case-2"], vec!["case-1"]));
    let text = fs::read(folder.path().join("manifest.toml")).unwrap();
    assert_eq!(data.manifest_sha256, Some(format!("{:x}", Sha256::digest(&text))));
    let case = &data.validation[0];
    assert_eq!((case.patient.as_str(), case.sha256.as_ref()), ("P 1", Some(&manifest.cases[1].sha256)));
    assert_eq!(case.data_slices, Some(case.load().unwrap().data_slices));
    let words = refused(Dataset::open(&plan(folder.path(), &["case-1"])));
    assert!(words.contains("manifest") && words.contains("must be empty"), "{words}");
    let words = refused(Dataset::open(&plan(&folder.path().join("cubes"), &[])));
    assert!(words.contains("inside of a prepared data set"), "{words}");
}

#[test]
fn a_changed_or_vanished_cube_is_named_when_it_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let data = Dataset::open(&plan(folder.path(), &[])).unwrap();
    let path = folder.path().join("cubes/case-0.nii.gz");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::remove_file(folder.path().join("cubes/case-2.nii.gz")).unwrap();
    let words = refused(data.training[0].load());
    assert!(words.contains("case-0.nii.gz") && words.contains("`case-0`") && words.contains("SHA-256"), "{words}");
    let words = refused(data.training[1].load());
    assert!(words.contains("`case-2`") && words.contains("cannot be read"), "{words}");
    assert!(data.validation[0].load().is_ok(), "the others are as they were");
}

#[test]
fn manifests_that_contradict_themselves_are_refused_wherever_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let good = prepared(folder.path());
    let change = |spoil: &dyn Fn(&mut Manifest)| {
        let mut bad = good.clone();
        spoil(&mut bad);
        save(folder.path(), &bad);
        refused(Dataset::open(&plan(folder.path(), &[])))
    };
    for (spoil, said) in [
        (&(|m: &mut Manifest| m.cases[2].patient = "P 1".into()) as &dyn Fn(&mut Manifest), "P 1 on both sides"),
        (&|m| m.cases[2].name = "case-0".into(), "`case-0` twice"),
        (&|m| m.cases[2].name = "../../etc/case".into(), "cannot be a file's name"),
        (&|m| m.cases[2].patient.clear(), "names no patient"),
        (&|m| m.cases[2].sha256 = "abc".into(), "no hash"),
        (&|m| m.cases[2].data_slices = [3, 128], "data_slices"),
        (&|m| m.version = MANIFEST_VERSION + 1, "made by a newer biplane"),
        (&|m| m.version = 0, "older version 0"),
    ] {
        let words = change(spoil);
        assert!(words.contains(said) && words.contains("manifest.toml"), "{words}");
    }
    let text = good.to_toml().unwrap();
    for (bad, said) in [
        (text.replacen("made_by", "maid_by", 1), "maid_by"),
        (text.replacen("version = 1\n", "", 1), "says no version"),
        (text.replacen("split = \"validation\"", "split = \"test\"", 1), "line"),
    ] {
        assert_ne!(bad, text);
        fs::write(folder.path().join("manifest.toml"), bad).unwrap();
        let words = refused(Dataset::open(&plan(folder.path(), &[])));
        assert!(words.contains(said), "{words}");
    }
}

#[test]
fn the_cache_keeps_what_fits_and_forgets_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    prepared(folder.path());
    let data = Dataset::open(&plan(folder.path(), &[])).unwrap();
    let [a, b] = &data.training[..] else { panic!("two cases") };
    let one = a.load().unwrap().bytes();
    let roomy = CaseCache::new(2 * one);
    let first = roomy.get(a).unwrap();
    roomy.get(b).unwrap();
    fs::rename(folder.path().join("cubes"), folder.path().join("away")).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &roomy.get(a).unwrap()), "read once");
    assert_eq!(roomy.bytes(), 2 * one);
    fs::rename(folder.path().join("away"), folder.path().join("cubes")).unwrap();
    let narrow = CaseCache::new(2 * one);
    narrow.get(a).unwrap();
    narrow.get(b).unwrap();
    narrow.get(a).unwrap();
    narrow.get(&data.validation[0]).unwrap();
    assert_eq!(narrow.bytes(), 2 * one, "bounded");
    fs::rename(folder.path().join("cubes"), folder.path().join("away")).unwrap();
    assert!(narrow.get(a).is_ok() && narrow.get(b).is_err(), "the one not wanted for longest left");
}
