//! Two films and the views they were taken with, as the command line names them. Knows no network.
//!
//! Where a view's geometry comes from, in this order: `--geometry`; `--view-frontal`, `--view-lateral` and
//! `--preset`; the file's header; for pictures without a header the chest room.

use super::error::CliError;
use super::terminal::{load, notice, warnings};
use crate::app::film::{Film, FilmSettings, Glance, Slot, Straighten};
use crate::app::{concerns, pair};
use crate::geometry::view::hangs_flipped;
use crate::geometry::{Beam, Preset, Raster, ViewPair};
use crate::io::{self, Placement, Provenance, Radiograph, Sensitive, Subject, geometry_file};
use crate::projection::checks::Look;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// From where the frontal film was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Frontal {
    /// Source before the patient.
    Ap,
    /// Source behind the patient.
    Pa,
}

/// Which side of the patient was at the film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lateral {
    /// Left side at the film, the usual one.
    Left,
    /// Right side at the film.
    Right,
}

/// Whether the tone curve is straightened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    #[default]
    Auto,
    On,
    Off,
}

impl From<When> for Straighten {
    fn from(when: When) -> Self {
        match when {
            When::Auto => Self::Auto,
            When::On => Self::On,
            When::Off => Self::Off,
        }
    }
}

/// The machines by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PresetName {
    Simulated,
    Linac,
    CeilingPair,
    ChestRoom,
    Parallel,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Simulated => Self::Simulated,
            PresetName::Linac => Self::Linac,
            PresetName::CeilingPair => Self::CeilingPair,
            PresetName::ChestRoom => Self::ChestRoom,
            PresetName::Parallel => Self::Parallel,
        }
    }
}

/// Arguments that say how the films were taken.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ViewArgs {
    /// Views of both films, as `biplane project` writes them.
    #[arg(long, value_name = "TOML", conflicts_with_all = ["view_frontal", "view_lateral", "preset"])]
    pub geometry: Option<PathBuf>,
    /// From where the first film was taken, against its header.
    #[arg(long, value_name = "SIDE")]
    pub view_frontal: Option<Frontal>,
    /// Which side was at the second film, against its header.
    #[arg(long, value_name = "SIDE")]
    pub view_lateral: Option<Lateral>,
    /// The machine, against the headers.
    #[arg(long, value_name = "NAME")]
    pub preset: Option<PresetName>,
    /// Straighten the tone curve of pictures made for display, whose lungs are blacker than they measured: auto does so
    /// where the header does not say that the values are line integrals or detector counts.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub straighten: When,
    /// Take the films for chest films although BodyPartExamined in their headers says otherwise.
    #[arg(long)]
    pub any_body_part: bool,
}

/// What files must show, by the command line's switch.
pub fn subject(any_body_part: bool) -> Subject {
    if any_body_part { Subject::Any } else { Subject::Chest }
}

/// Two films ready for a job: in the geometry's own orientation, white = dense.
pub struct FilmPair {
    /// The pictures, unflipped.
    pub images: [Raster; 2],
    /// How they were taken, without flips.
    pub views: ViewPair,
    /// Where they stand in the patient, where their geometry or both films say so.
    pub placement: Option<Placement>,
    /// What of distances or tone is not known, where anything is.
    pub uncalibrated: Option<String>,
    /// The patient's number, where both films name the same.
    pub patient_id: Option<Sensitive>,
}

/// Refuses one file where two are wanted.
///
/// # Errors
/// Where both paths lead to the same file.
pub fn refuse_same(a: &Path, b: &Path, what: &str) -> Result<(), CliError> {
    let same = match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        // What is not there yet is compared by name.
        _ => std::path::absolute(a).ok() == std::path::absolute(b).ok(),
    };
    if same {
        let cause = format!("{what} are the same file, {}", a.display());
        return Err(CliError::usage(cause, "name two different files"));
    }
    Ok(())
}

/// Reads both films and settles their views.
///
/// # Errors
/// Films that cannot be read, one file named twice, or views that cannot be.
pub fn open(paths: [&Path; 2], args: &ViewArgs) -> Result<FilmPair, CliError> {
    refuse_same(paths[0], paths[1], "the two films")?;
    let given = args.geometry.as_deref().map(geometry_file::read_placed).transpose()?;
    let films = [film(paths[0], Slot::First, args)?, film(paths[1], Slot::Second, args)?];
    tell_concerns(&films, given.as_ref().map(|(pair, _)| pair));
    let mut settled = match &given {
        Some((pair, _)) => unflipped(&films, fitted(*pair, &films)?),
        None => settled(&films)?,
    };
    settled.uncalibrated = pair::uncalibrated([&films[0], &films[1]], given.is_some());
    settled.placement = given.and_then(|(_, placement)| placement).or(settled.placement);
    if settled.views.is_narrow() {
        let degrees = settled.views.separation_deg();
        notice(&format!("note: the views stand only {degrees:.0} degrees apart; depth is hardly measured"));
    }
    Ok(settled)
}

/// Says what the pictures show that they should not, each film hung as its view says.
fn tell_concerns(films: &[Film; 2], given: Option<&ViewPair>) {
    let hung = [0, 1].map(|i: usize| {
        let look = Look::at(&films[i].radiograph.image).map(Arc::new);
        let film = Film { look, ..films[i].clone() };
        let Some(view) = given.map(|pair| pair.views[i]) else { return film };
        film.with(|settings| {
            settings.angle_deg = view.angle.degrees();
            settings.mirror_cols = view.flip_cols != hangs_flipped(view.angle);
            settings.mirror_rows = view.flip_rows;
        })
    });
    for film in &hung {
        for concern in concerns::film_concerns(film) {
            notice(&format!("{}: check: {}", film.path.display(), concern.sentence()));
        }
    }
    for concern in concerns::pair_concerns([&hung[0], &hung[1]]) {
        notice(&format!("check: {}", concern.sentence()));
    }
}

/// The films as held in memory, by their headers alone.
///
/// # Errors
/// Views that cannot be.
pub fn by_header(films: [Radiograph; 2]) -> Result<FilmPair, CliError> {
    let [a, b] = films.map(Arc::new);
    let films = [(a, Slot::First), (b, Slot::Second)].map(|(film, slot)| {
        let preset = usual_preset(&film);
        Film::new(PathBuf::new(), film, slot, preset)
    });
    settled(&films)
}

/// The machine of a film that names none.
fn usual_preset(film: &Radiograph) -> Preset {
    if film.simulated { Preset::Simulated } else { Preset::ChestRoom }
}

fn film(path: &Path, slot: Slot, args: &ViewArgs) -> Result<Film, CliError> {
    let subject = subject(args.any_body_part);
    let radiograph = Arc::new(load(path, |path, progress| io::open_radiograph_as(path, subject, progress))?);
    warnings(path, &radiograph.warnings);
    let preset = args.preset.map_or_else(|| usual_preset(&radiograph), Preset::from);
    let film = Film::new(path.to_path_buf(), radiograph, slot, preset);
    let mut film = film.with(|settings| override_settings(settings, slot, args, preset));
    if args.geometry.is_none() {
        film.take_in(Glance::at(&film.radiograph.image));
        film.notice.iter().for_each(|said| notice(&format!("{}: note: {said}", path.display())));
    }
    if film.is_straightened() {
        notice(&format!("{}: note: made for display; its tone curve is straightened (--straighten)", path.display()));
    }
    if args.geometry.is_none() && film.settings.pitch_from == Provenance::Assumed {
        notice(&format!(
            "{}: note: pixel spacing unknown; {} assumed, long side {:.0} mm",
            path.display(),
            preset.label(),
            film.settings.pitch_mm[0] * film.radiograph.image.cols().max(film.radiograph.image.rows()) as f64
        ));
    }
    Ok(film)
}

/// What the person said goes before what the header says.
fn override_settings(settings: &mut FilmSettings, slot: Slot, args: &ViewArgs, preset: Preset) {
    settings.straighten = args.straighten.into();
    let hangs_mirrored = settings.mirror_cols;
    if args.preset.is_some() {
        let usual = preset.pair().views[slot.index()];
        if let Beam::Cone { sad_mm, sdd_mm } = usual.beam {
            (settings.sad_mm, settings.sdd_mm) = (sad_mm, sdd_mm);
        }
        settings.parallel = usual.beam == Beam::Parallel;
        settings.angle_deg = usual.angle.degrees();
        settings.angle_from = Provenance::User;
        (settings.sad_from, settings.sdd_from) = (Provenance::User, Provenance::User);
    }
    let named_deg = match slot {
        Slot::First => args.view_frontal.map(|side| if side == Frontal::Ap { 0.0 } else { 180.0 }),
        Slot::Second => args.view_lateral.map(|side| if side == Lateral::Left { 270.0 } else { 90.0 }),
    };
    if let Some(degrees) = named_deg {
        settings.angle_deg = degrees;
        settings.angle_from = Provenance::User;
    }
    // The picture hangs as it did: another angle only says from which side it was seen.
    settings.mirror_cols = hangs_mirrored;
}

fn settled(films: &[Film; 2]) -> Result<FilmPair, CliError> {
    let both = [&films[0], &films[1]];
    if let Some(scale) = pair::matched_scale(both) {
        notice(&format!(
            "note: the films' scale is unknown; matched by apex and diaphragm, the second film enlarged by {scale:.2}"
        ));
    }
    let (images, views) = pair::settle(both)?;
    let patient_id = pair::patient_id(both.map(|film| &*film.radiograph));
    let uncalibrated = pair::uncalibrated(both, false);
    Ok(FilmPair { images, views, placement: noted_in(films), uncalibrated, patient_id })
}

/// Given views on the films there are: a film stored with another number of pixels covers the same area.
fn fitted(pair: ViewPair, films: &[Film; 2]) -> Result<ViewPair, CliError> {
    let mut views = pair.views;
    for (view, film) in views.iter_mut().zip(films) {
        let (cols, rows) = (film.radiograph.image.cols(), film.radiograph.image.rows());
        let wanted = (view.detector.cols, view.detector.rows);
        if wanted == (cols, rows) {
            continue;
        }
        if wanted.0 * rows != wanted.1 * cols {
            let cause = format!(
                "{}: the film has {cols} x {rows} pixels, its geometry {} x {}",
                film.path.display(),
                wanted.0,
                wanted.1
            );
            return Err(CliError::input(cause, "give the geometry.toml that belongs to these films, in their order"));
        }
        *view = view.resized(cols, rows);
    }
    Ok(ViewPair { views })
}

/// The stored pictures without the flips of their views.
fn unflipped(films: &[Film; 2], mut views: ViewPair) -> FilmPair {
    let images = [0, 1].map(|k: usize| {
        let view = &mut views.views[k];
        let image = pair::unflipped(&films[k], view);
        (view.flip_cols, view.flip_rows) = (false, false);
        image
    });
    let patient_id = pair::patient_id([&films[0].radiograph, &films[1].radiograph]);
    FilmPair { images, views, placement: noted_in(films), uncalibrated: None, patient_id }
}

fn noted_in(films: &[Film; 2]) -> Option<Placement> {
    pair::placement([&films[0].radiograph, &films[1].radiograph])
}
