//! Turns a run's model into one to ship: f16 weights, a card with its figures, the loss tables and their curve.
//! Knows no optimiser.

use super::curve;
use super::figures::{self, Figure};
use super::table::{LOSS_FILE, Tables, VALIDATION_FILE};
use super::{TrainError, TrainPlan};
use crate::metrics::detail::DEFINITIONS;
use crate::nn::model::{self, Metric};
use crate::nn::{DeviceChoice, Model, ModelCard};
use std::fs;
use std::path::{Path, PathBuf};
use tch::{Device, Kind};

/// The curve's file name in a model folder.
const CURVE_FILE: &str = "training.svg";
/// The plan's file name in a model folder.
const PLAN_FILE: &str = "plan.toml";
/// What figures of the weights as trained are called.
const AS_TRAINED: &str = "f32";
/// What figures of the shipped weights are called.
const AS_SHIPPED: &str = "f16";

/// Packs `run/name` into the model folder `out`, measured on the validation cases and on `further` ones.
/// Returns the figures of the floors, the f32 model and the f16 model.
///
/// # Errors
/// [`TrainError`] where a file cannot be read or written, or a case not be reconstructed.
pub fn pack(
    plan: &TrainPlan,
    run: &Path,
    name: &str,
    out: &Path,
    further: &[PathBuf],
    device: DeviceChoice,
) -> Result<Vec<Figure>, TrainError> {
    let trained = run.join(name);
    let loaded = Model::load(&trained, Device::Cpu)?;
    let mut card = ModelCard { metrics: Vec::new(), detectability: None, ..loaded.card().clone() };
    card.name = plan.card.name.clone();
    card.description = plan.card.description.clone();
    card.licence = plan.card.licence.clone();
    card.training = plan.card.training.clone();
    card.data = plan.card.data.clone();
    let refine = loaded.refine().map(|(net, _)| net.parameters());
    let mut card = model::save(out, card, loaded.coarse().parameters(), refine, Kind::Half)?;
    let models = [(AS_TRAINED.to_owned(), trained), (AS_SHIPPED.to_owned(), out.to_owned())];
    let figures = figures::figures(plan, &models, further, device)?;
    card.metrics = figures.iter().flat_map(card_lines).collect();
    model::write_card(out, &card)?;
    let mut told = plan.clone();
    told.data.folder = Some(PathBuf::from("DATA"));
    told.start_from = None;
    write(&out.join(PLAN_FILE), &told.to_toml()?)?;
    for table in [LOSS_FILE, VALIDATION_FILE] {
        let path = run.join(table);
        write(&out.join(table), &fs::read_to_string(&path).map_err(|e| read_error(&path, e))?)?;
    }
    write(&out.join(CURVE_FILE), &curve::svg(&Tables::read(out)?))?;
    Ok(figures)
}

fn write(path: &Path, text: &str) -> Result<(), TrainError> {
    fs::write(path, text).map_err(|cause| TrainError::Write { path: path.to_owned(), cause })
}

fn read_error(path: &Path, cause: std::io::Error) -> TrainError {
    TrainError::Data { path: path.to_owned(), cause: cause.to_string() }
}

/// The figures a card holds.
fn card_lines(figure: &Figure) -> Vec<Metric> {
    let m = &figure.metrics;
    let dice = m.lung.iter().find(|l| l.threshold_hu == -400.0).map(|l| l.dice);
    let values = [
        ("MAE, HU, whole volume, clipped to [-1000, 1500]", m.mae_hu),
        ("MAE, HU, slices with scan data", m.mae_scanned_hu),
        ("PSNR, dB, whole volume, peak 2500", m.psnr_db),
        ("SSIM, 3D, Gaussian sigma 1.5, range 2500", m.ssim),
        ("Dice of the lungs at -400 HU", dice),
        ("PSNR, dB, as X2CT-GAN's code", m.psnr_x2ct_db),
        ("SSIM, as X2CT-GAN's code", m.ssim_x2ct),
    ];
    let detail = DEFINITIONS.iter().map(|measure| (measure.name, (measure.value)(&m.detail)));
    let line = |(name, value): (&str, Option<f64>)| {
        let rounded = (value? * 1e4).round() / 1e4;
        Some(Metric { name: format!("{}: {name}", figure.method), cases: figure.case.clone(), value: rounded })
    };
    values.into_iter().chain(detail).filter_map(line).collect()
}
