//! Sets of atlases and guidance by them: what may never be shown, what is told, and sets that cannot be used.

use biplane::atlas::{
    self, AtlasCard, AtlasEntry, AtlasError, AtlasSource, CARD_FILE, DEFAULT_COUNT, Guidance, Source,
};
use biplane::geometry::phantom::{Part, Phantom, Shape};
use biplane::geometry::{Frame, Preset, Raster, Volume};
use biplane::io::dicom::{SeriesInfo, VolumeOrigin, write_series};
use biplane::io::{Opened, Progress, Subject, bundled, metaimage, nifti, open_as};
use biplane::metrics::detail::detail;
use biplane::metrics::lung::{DEFAULT_THRESHOLD, lung_mask};
use biplane::nn::guidance::{Guide, GuideTask, Guided, Unguided};
use biplane::projection::{Attenuation, project};
use biplane::registration::sampled::{Sampled, pooled};
use biplane::units::Hu;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The bundled patient, films, and what a network would make of them: the truth, blurred.
struct Case {
    truth: Volume,
    network: Volume,
    films: [Raster; 2],
}

fn case() -> &'static Case {
    static KEPT: OnceLock<Case> = OnceLock::new();
    KEPT.get_or_init(|| {
        let truth = bundled::case().unwrap().truth.volume;
        let r = truth.relative_attenuation();
        let soft = Sampled::new(32, &pooled(&r.iter().map(|r| r.min(1.15)).collect::<Vec<_>>(), 128, 4));
        let place = |i: usize| (i as f32 - 63.5) * 2.8;
        let blurred: Vec<f32> =
            (0..r.len()).map(|i| soft.at([place(i % 128), place(i / 128 % 128), place(i / 16384)])).collect();
        let network = Volume::from_relative_attenuation(truth.frame().clone(), &blurred).unwrap();
        let volume = Attenuation::from_volume(&truth).unwrap();
        let films = Preset::Simulated.pair().views.map(|view| project(&volume, &view, truth.frame().centre_mm()));
        Case { truth, network, films }
    })
}

fn guided(guidance: &Guidance) -> Result<Guided, Unguided> {
    let case = case();
    let task = GuideTask { films: &case.films, views: &Preset::Simulated.pair(), network: &case.network };
    guidance.load().unwrap().guide(&task, &mut |_, _| true)
}

/// The usual guidance of the bundled patient, made once.
fn usual() -> &'static Guided {
    static KEPT: OnceLock<Guided> = OnceLock::new();
    KEPT.get_or_init(|| guided(&Guidance::default()).unwrap())
}

#[test]
fn bones_are_lent_and_the_body_comes_nearer_to_the_truth() {
    let (case, guided) = (case(), usual());
    let (before, after) = (detail(&case.network, &case.truth), detail(&guided.volume, &case.truth));
    assert!(after.bone_dice.unwrap() > before.bone_dice.unwrap() + 0.02, "{before:?} {after:?}");
    assert!(after.mae_body_skin_hu.unwrap() < before.mae_body_skin_hu.unwrap() - 10.0, "{before:?} {after:?}");
    assert!(after.bone_contrast.unwrap() > before.bone_contrast.unwrap() + 0.05, "{before:?} {after:?}");
    assert_eq!(guided.atlases.len(), DEFAULT_COUNT);
    assert!(guided.note.contains("guided by CTs of other patients") && guided.note.contains(&guided.atlases[0]));
    assert_eq!(guided.volume.frame(), case.network.frame());
    let lent = guided.borrowed.iter().filter(|share| **share > 100).count();
    assert!(
        lent > 200_000 && guided.borrowed.iter().all(|share| *share <= 128),
        "{lent} voxels are borrowed by two fifths"
    );
    assert!(guided.spread_hu.iter().all(|hu| hu.is_finite() && *hu >= 0.0));
    // Wherever nothing is borrowed, the voxel is the network's or air.
    let own = guided.borrowed.iter().zip(guided.volume.hu()).zip(case.network.hu()).filter(|((b, _), _)| **b == 0);
    assert!(own.clone().count() > 300_000);
    assert!(own.into_iter().all(|((_, a), b)| (a - b).abs() <= 1 || *a.max(b) < -790));
    // What the atlases differ by is counted only where they are borrowed from.
    let lung = |i: &usize| guided.borrowed[*i] == 0 && (-780..-400).contains(&case.network.hu()[*i]);
    let inside: Vec<usize> = (0..guided.borrowed.len()).filter(lung).collect();
    assert!(inside.len() > 20_000 && inside.into_iter().all(|i| guided.spread_hu[i] == 0.0));
}

/// A copy of the bundled set with the atlases that guide the bundled patient, changed as asked.
fn copied(folder: &Path, change: impl Fn(&str, &mut Volume, &[u8])) -> AtlasSource {
    let set = AtlasSource::Bundled.load().unwrap();
    let mut card = AtlasCard { atlases: Vec::new(), ..set.card.clone() };
    for atlas in set.atlases.iter().filter(|atlas| usual().atlases.contains(&atlas.entry.name)) {
        let (mut volume, mut entry) = (atlas.volume.clone(), atlas.entry.clone());
        change(&entry.name, &mut volume, &atlas.labels);
        let labels = atlas.labels.iter().map(|label| i16::from(*label)).collect();
        let labels = Volume::new(volume.frame().clone(), labels).unwrap();
        entry.sha256 = written(&folder.join(entry.file()), &volume);
        entry.labels_sha256 = written(&folder.join(entry.labels_file()), &labels);
        card.atlases.push(entry);
    }
    fs::write(folder.join(CARD_FILE), toml::to_string(&card).unwrap()).unwrap();
    AtlasSource::Folder(folder.to_owned())
}

fn written(path: &Path, volume: &Volume) -> String {
    nifti::write(path, volume).unwrap();
    Sha256::digest(fs::read(path).unwrap()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn inside_the_lungs_nothing_is_borrowed() {
    let (case, guided) = (case(), usual());
    let lungs = lung_mask(&case.network, DEFAULT_THRESHOLD).labels;
    let reach = -4isize..=4;
    let is_inside = |i: &usize| {
        let near = |z: isize, y: isize| reach.clone().map(move |x| z * 16384 + y * 128 + x);
        let mut around = reach.clone().flat_map(|z| reach.clone().flat_map(move |y| near(z, y)));
        lungs[*i] != 0 && around.all(|step| i.checked_add_signed(step).is_some_and(|at| lungs.get(at) > Some(&0)))
    };
    let inside: Vec<usize> = (0..lungs.len()).filter(is_inside).collect();
    assert!(inside.len() > 20_000, "{} voxels lie 4 voxels inside", inside.len());
    for i in inside {
        assert_eq!((guided.borrowed[i], guided.spread_hu[i]), (0, 0.0));
        assert!((guided.volume.hu()[i] - case.network.hu()[i]).abs() <= 1);
    }
}

#[test]
fn a_nodule_in_an_atlas_never_enters_the_result() {
    let folder = tempfile::tempdir().unwrap();
    // A ball of 28 mm and 100 HU in the middle of each atlas's larger lung.
    let source = copied(folder.path(), |_, volume, labels| {
        let lungs = lung_mask(volume, DEFAULT_THRESHOLD);
        let right = lungs.labels.iter().enumerate().filter(|(_, label)| **label == 1).map(|(i, _)| i);
        let centre = right.clone().nth(right.count() / 2).unwrap();
        let at = |i: usize| [i % 128, i / 128 % 128, i / 16384].map(|k| k as f64);
        for (i, hu) in volume.hu_mut().iter_mut().enumerate() {
            let away: f64 = at(i).iter().zip(at(centre)).map(|(a, b)| (a - b).powi(2)).sum();
            if away < 25.0 && labels[i] == 1 {
                *hu = 100;
            }
        }
    });
    let planted = guided(&Guidance { source, ..Guidance::default() }).unwrap();
    // Inside of the lungs of the result there is nothing denser than the network's own.
    let lungs = lung_mask(&case().network, Hu(-500.0)).labels;
    let far = |i: usize| planted.borrowed[i] == 0 && lungs[i] != 0;
    let worst = (0..lungs.len()).filter(|i| far(*i)).map(|i| planted.volume.hu()[i] - case().network.hu()[i]).max();
    assert_eq!(worst, Some(0));
    let shown = (0..lungs.len()).filter(|i| lungs[*i] != 0 && planted.volume.hu()[*i] > -300).count();
    let before = (0..lungs.len()).filter(|i| lungs[*i] != 0 && usual().volume.hu()[*i] > -300).count();
    assert!(shown < before + 400, "{before} -> {shown} dense voxels in the lungs; the balls hold 1,500");
}

#[test]
fn odd_films_keep_the_networks_volume_and_say_why() {
    let case = case();
    let guide = Guidance::default().load().unwrap();
    let views = Preset::Simulated.pair();
    let with =
        |network: &Volume| guide.guide(&GuideTask { films: &case.films, views: &views, network }, &mut |_, _| true);
    // A knee: no lungs.
    let knee = Phantom::new(vec![Part { shape: Shape::cylinder([0.0; 3], [60.0, 60.0, 180.0]), r: 1.05 }]);
    let told = |result: Result<Guided, Unguided>| match result {
        Err(Unguided::Notice(why)) => why,
        Err(Unguided::Cancelled) => panic!("cancelled"),
        Ok(guided) => panic!("{}", guided.note),
    };
    let why = told(with(&knee.volume(&Frame::cube([0.0; 3]), 1)));
    assert!(why.contains("lungs of 0 ml (right) and 0 ml (left)"), "{why}");
    // Half a chest.
    let mut half = case.network.clone();
    half.hu_mut().iter_mut().enumerate().filter(|(i, _)| i % 128 > 64).for_each(|(_, hu)| *hu = -1000);
    let why = told(with(&half));
    assert!(why.contains("not both of an adult") || why.contains("no atlas fits"), "{why}");
    let blank = views.views.map(|v| Raster::filled(v.detector.cols, v.detector.rows, 0.0));
    let task = GuideTask { films: &blank, views: &views, network: &case.network };
    assert!(told(guide.guide(&task, &mut |_, _| true)).contains("film 1 shows nothing"));
    // Films of another chest than the network's volume: upside down.
    let turned = case.films.clone().map(Raster::flipped_rows);
    let task = GuideTask { films: &turned, views: &views, network: &case.network };
    assert!(told(guide.guide(&task, &mut |_, _| true)).contains("no atlas fits these films"));
    let task = GuideTask { films: &case.films, views: &views, network: &case.network };
    assert!(matches!(guide.guide(&task, &mut |done, _| done < 30), Err(Unguided::Cancelled)));
}

#[test]
fn the_patients_own_atlas_can_be_left_out() {
    let own = usual().atlases[0].clone();
    let other = guided(&Guidance { without: Some(own.clone()), count: 1, ..Guidance::default() }).unwrap();
    assert!(other.atlases.len() == 1 && other.atlases[0] != own);
    let entry = AtlasEntry { name: "lidc-0002".into(), patient: "LIDC-IDRI-0002".into(), ..AtlasEntry::default() };
    assert!(["lidc_0002", "LIDC-0002", "lidc_idri_0002"].into_iter().all(|own| entry.is_of(own)));
    assert!(!entry.is_of("lidc-0020") && !entry.is_of("") && !AtlasEntry::default().is_of(""));
}

fn refused(source: &AtlasSource) -> String {
    let error = source.load().unwrap_err().to_string();
    assert!(error.contains("; "), "no advice: {error}");
    error
}

#[test]
fn sets_that_cannot_be_used_are_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(refused(&AtlasSource::Folder(at("none"))).contains("no such folder"));
    assert!(refused(&AtlasSource::Folder(folder.path().to_owned())).contains(CARD_FILE));
    let source = copied(folder.path(), |_, _, _| {});
    let whole = fs::read_to_string(at(CARD_FILE)).unwrap();
    let card: AtlasCard = toml::from_str(&whole).unwrap();
    assert_eq!(source.load().unwrap().atlases.len(), card.atlases.len());
    fs::write(at(CARD_FILE), whole.replace("version = 1", "version = 7")).unwrap();
    assert!(refused(&source).contains("version 7"));
    fs::write(at(CARD_FILE), "version = 1\nname = 3").unwrap();
    assert!(refused(&source).contains(CARD_FILE));
    let one = AtlasCard { atlases: card.atlases[..1].to_vec(), ..card.clone() };
    fs::write(at(CARD_FILE), toml::to_string(&one).unwrap()).unwrap();
    assert!(refused(&source).contains("names 1 atlas"));
    fs::write(at(CARD_FILE), &whole).unwrap();
    let file = at(&card.atlases[1].file());
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = refused(&source);
    assert!(damaged.contains(&card.atlases[1].file()) && damaged.contains("hash"), "{damaged}");
    // A cube of another size, with the right hash.
    let small = Volume::filled(Frame::cube_of(64, [0.0; 3]), Hu(0.0));
    let sha256 = written(&file, &small);
    fs::write(at(CARD_FILE), whole.replace(&card.atlases[1].sha256, &sha256)).unwrap();
    assert!(refused(&source).contains("64 x 64 x 64"));
}

#[test]
fn a_ct_without_lungs_becomes_no_atlas_and_leaves_no_set() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("set");
    let source = |name: &str, volume: Volume| {
        let entry = AtlasEntry { name: name.to_owned(), ..AtlasEntry::default() };
        Ok(Source { path: PathBuf::from(format!("{name}.nii.gz")), volume, entry })
    };
    let knee = Phantom::new(vec![Part { shape: Shape::cylinder([0.0; 3], [60.0, 60.0, 180.0]), r: 1.05 }]);
    let truth = || case().truth.clone();
    let make = |list: Vec<Result<Source, AtlasError>>| {
        atlas::make(list.into_iter(), &set, AtlasCard::default(), &mut |_| true)
    };
    let error = make(vec![source("a", truth()), source("knee", knee.volume(&Frame::cube([0.0; 3]), 1))]).unwrap_err();
    assert!(error.to_string().contains("knee.nii.gz") && error.to_string().contains("lungs of 0 ml"), "{error}");
    assert!(!set.join(CARD_FILE).exists());
    let twice = make(vec![source("a", truth()), source("a", truth())]).unwrap_err();
    assert!(twice.to_string().contains("another CT is named `a`"));
    let card = make(vec![source("a", truth()), source("b", truth())]).unwrap();
    let loaded = AtlasSource::Folder(set).load().unwrap();
    assert_eq!((loaded.card.clone(), loaded.atlases.len()), (card, 2));
    // The table is gone, and all of both lungs is kept from being shown.
    let (volume, labels) = (&loaded.atlases[0].volume, &loaded.atlases[0].labels);
    let lungs = lung_mask(volume, DEFAULT_THRESHOLD).labels;
    // But for voxels on the edge, which rounding to 16 HU moves across -400.
    let missed = lungs.iter().zip(labels).filter(|(lung, label)| **lung != 0 && **label != atlas::LUNG).count();
    assert!(missed * 200 < lungs.iter().filter(|lung| **lung != 0).count(), "{missed} voxels of lung");
    let behind = (0..volume.hu().len()).filter(|i| i / 128 % 128 > 115).all(|i| volume.hu()[i] == -1000);
    assert!(behind, "the table lies behind the patient");
}

#[test]
fn a_copy_of_a_guided_volume_still_says_that_it_is_guided() {
    let folder = tempfile::tempdir().unwrap();
    let volume = Volume::filled(Frame::cube_of(16, [0.0; 3]), Hu(40.0));
    for origin in [VolumeOrigin::Guided, VolumeOrigin::Reconstructed] {
        let place = folder.path().join(format!("{origin:?}"));
        let (series, nii, mha) = (place.join("series"), place.join("v.nii.gz"), place.join("v.mha"));
        write_series(&volume, &series, &SeriesInfo { origin, ..SeriesInfo::default() }, &Progress::new()).unwrap();
        nifti::write_noted(&nii, &volume, &origin.line()).unwrap();
        metaimage::write_noted(&mha, &volume, &origin.line()).unwrap();
        for path in [series, nii, mha] {
            let Opened::Volume(read) = open_as(&path, Subject::Any, &Progress::new()).unwrap() else {
                panic!("a film")
            };
            let guided = origin == VolumeOrigin::Guided;
            assert_eq!(read.info.guided, guided, "{}", path.display());
            assert_eq!(VolumeOrigin::of_copy(&read.info) == VolumeOrigin::Guided, guided);
        }
    }
}
