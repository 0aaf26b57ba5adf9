//! Everything of a comparison as files in a folder: numbers with their definitions, volumes, curves, pictures.
//! Takes values and writes; knows no window.

use super::jobs::{self, voxel_along};
use super::profile::SAMPLES;
use super::state::{Lungs, Pair, VolumeNumbers};
use crate::app::viewport::{self, ViewState};
use crate::geometry::{Axis, Frame, Pose, Volume, norm, sub};
use crate::gpu::compare::{CompareColours, CompareParams, PlaneVoxels};
use crate::gpu::compare_twin::{Side, render_on_cpu};
use crate::gpu::{Interpolation, Together};
use crate::io::{self, IoError, RESEARCH_USE};
use crate::metrics::bands::{Band, by_bands};
use crate::metrics::by_slice::{DEFINITION_BODY, DEFINITION_SLICE, Numbers, slice_numbers};
use crate::metrics::joint::{JointHistogram, joint_histogram};
use crate::metrics::{Comparison, Line, align, bands, joint, profile};
use crate::units::Hu;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Shorter side of a written picture, pixels.
const PICTURE_PX: f64 = 512.0;
/// Bins of the written histogram.
const BINS: usize = 128;
/// What a voxel of the difference without a scan of the truth holds, and why.
const DIFFERENCE: &str = "reconstruction - truth, HU; 0 where the truth has no scan";

/// What is exported.
pub struct Export {
    /// Where to.
    pub folder: PathBuf,
    /// The result's name.
    pub name: String,
    /// Reconstruction and truth.
    pub pair: Arc<Pair>,
    /// The numbers, where they are there already.
    pub numbers: Option<Arc<VolumeNumbers>>,
    /// The lungs, where they are seen.
    pub lungs: Option<Arc<Lungs>>,
    /// How they are looked at.
    pub view: ViewState,
    /// Colours of the pictures.
    pub colours: CompareColours,
}

/// All numbers, as they go into JSON.
#[derive(Serialize)]
struct Report<'a> {
    note: &'a str,
    reconstruction: &'a str,
    truth: String,
    pose: Pose,
    truth_covers: f64,
    correlation: Option<f64>,
    correlation_definition: &'a str,
    volume: Option<&'a Comparison>,
    body: Numbers,
    slice: Option<Slice>,
    bands: Option<Vec<Band>>,
    bands_definition: &'a str,
    difference: &'a str,
    lines: Vec<Line>,
}

/// The numbers of the slice on screen.
#[derive(Serialize)]
struct Slice {
    plane: &'static str,
    voxel: usize,
    numbers: Numbers,
}

impl Export {
    /// Writes all of it; `cancelled` is asked between files.
    ///
    /// # Errors
    /// [`IoError`] naming the first file that could not be written; what was written before it stays.
    pub fn write(&self, cancelled: &dyn Fn() -> bool) -> Result<(), IoError> {
        std::fs::create_dir_all(&self.folder).map_err(|e| IoError::from_write(&self.folder, e))?;
        type Step = fn(&Export) -> Result<(), IoError>;
        let steps: [Step; 6] =
            [Self::numbers, Self::difference, Self::truth, Self::profile, Self::histogram, Self::pictures];
        for step in steps {
            if cancelled() {
                return Err(IoError::Cancelled { file: self.folder.clone() });
            }
            step(self)?;
        }
        Ok(())
    }

    fn recon(&self) -> &Volume {
        &self.pair.key.recon
    }

    fn text(&self, name: &str, text: &str) -> Result<(), IoError> {
        io::write_bytes(&self.folder.join(name), text.as_bytes())
    }

    /// numbers.csv, bands.csv and numbers.json.
    fn numbers(&self) -> Result<(), IoError> {
        let (recon, truth) = (self.recon(), self.pair.truth.as_ref());
        let computed = || Arc::new(jobs::numbers(recon, truth));
        let numbers = self.numbers.clone().unwrap_or_else(computed);
        let volume = numbers.comparison.as_ref().ok();
        let bands = by_bands(recon, truth);
        let slice = self.slice();
        let report = Report {
            note: RESEARCH_USE,
            reconstruction: &self.name,
            truth: crate::app::apply::file_name(&self.pair.key.truth.path),
            pose: self.pair.key.pose,
            truth_covers: self.pair.covered,
            correlation: self.pair.correlation,
            correlation_definition: align::DEFINITION,
            volume,
            body: numbers.body,
            lines: self.lines(volume, numbers.body, slice.as_ref()),
            slice,
            bands: bands.clone(),
            bands_definition: bands::DEFINITION,
            difference: DIFFERENCE,
        };
        let mut csv = format!("# {RESEARCH_USE}\nname,value,definition\n");
        for Line { name, value, definition } in &report.lines {
            let _ = writeln!(csv, "{},{},{}", quoted(name), quoted(value), quoted(definition));
        }
        self.text("numbers.csv", &csv)?;
        self.text("bands.csv", &bands_csv(bands.as_deref().unwrap_or_default()))?;
        let path = self.folder.join("numbers.json");
        let json = serde_json::to_vec_pretty(&report).map_err(|e| IoError::from_write(&path, e.into()))?;
        io::write_bytes(&path, &json)
    }

    /// Every number with its definition, as in the window.
    fn lines(&self, volume: Option<&Comparison>, body: Numbers, slice: Option<&Slice>) -> Vec<Line> {
        let mut lines = volume.map(Comparison::lines).unwrap_or_default();
        let part = |of: &str, n: Numbers, definition: &str| {
            [("MAE", n.mae_hu, " HU"), ("PSNR", n.psnr_db, " dB"), ("SSIM", n.ssim, "")].map(|(name, value, unit)| {
                Line {
                    name: format!("{name}, {of}"),
                    value: value.map_or("not defined".into(), |v| format!("{v:.4}{unit}")),
                    definition: definition.to_owned(),
                }
            })
        };
        if volume.is_none() {
            // Else they stand among the volume's lines already.
            lines.extend(part("body", body, DEFINITION_BODY));
        }
        if let Some(slice) = slice {
            let of = format!("{} slice, voxel {}", slice.plane.to_lowercase(), slice.voxel);
            lines.extend(part(&of, slice.numbers, DEFINITION_SLICE));
        }
        lines.extend(self.pair.correlation.map(|r| Line {
            name: "Correlation".into(),
            value: format!("{r:.4}"),
            definition: align::DEFINITION.into(),
        }));
        lines
    }

    fn slice(&self) -> Option<Slice> {
        let axis = self.view.compare.axis;
        let voxel = voxel_along(self.recon().frame(), axis, self.view.cursor_mm)?;
        let numbers = slice_numbers(self.recon(), &self.pair.truth, axis, voxel)?;
        Some(Slice { plane: axis.plane_name(), voxel, numbers })
    }

    /// difference.nii.gz.
    fn difference(&self) -> Result<(), IoError> {
        let padding = Hu::PADDING.0 as i16;
        let mut difference = self.recon().clone();
        for (ours, theirs) in difference.hu_mut().iter_mut().zip(self.pair.truth.hu()) {
            *ours = if *theirs > padding { ours.saturating_sub(*theirs) } else { 0 };
        }
        io::nifti::write(&self.folder.join("difference.nii.gz"), &difference)
    }

    /// truth-aligned.nii.gz: the truth on the reconstruction's grid, moved as on screen.
    fn truth(&self) -> Result<(), IoError> {
        io::nifti::write(&self.folder.join("truth-aligned.nii.gz"), &self.pair.truth)
    }

    /// profile.csv, where a line was drawn.
    fn profile(&self) -> Result<(), IoError> {
        let Some([from, to]) = self.view.compare.profile_mm else { return Ok(()) };
        let step = norm(sub(to, from)) / (SAMPLES - 1) as f64;
        let [ours, theirs] = [self.recon(), self.pair.truth.as_ref()].map(|v| profile::profile(v, from, to, SAMPLES));
        let mut csv = format!("# {RESEARCH_USE}\n# {}; from {from:?} to {to:?}, LPS mm\n", profile::DEFINITION);
        csv.push_str("mm,reconstruction_hu,truth_hu\n");
        let hu = |v: Option<f32>| v.map_or(String::new(), |v| format!("{v:.1}"));
        for (k, (a, b)) in ours.into_iter().zip(theirs).enumerate() {
            let _ = writeln!(csv, "{:.3},{},{}", k as f64 * step, hu(a), hu(b));
        }
        self.text("profile.csv", &csv)
    }

    /// histogram.csv: the bins that hold voxels.
    fn histogram(&self) -> Result<(), IoError> {
        let joint: Option<JointHistogram> = joint_histogram(self.recon(), &self.pair.truth, BINS);
        let Some(joint) = joint else { return Ok(()) };
        let mut csv = format!("# {RESEARCH_USE}\n# {}\ntruth_hu,reconstruction_hu,voxels\n", joint::DEFINITION);
        for (k, count) in joint.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            let (truth, recon) = (joint.middle_hu(k / joint.bins), joint.middle_hu(k % joint.bins));
            let _ = writeln!(csv, "{truth:.1},{recon:.1},{count}");
        }
        self.text("histogram.csv", &csv)
    }

    /// A picture of each plane through the crosshair: reconstruction, truth and difference.
    fn pictures(&self) -> Result<(), IoError> {
        for axis in Axis::ALL {
            for (word, together) in [
                ("reconstruction", Together::Recon),
                ("truth", Together::Truth),
                ("difference", Together::Difference(self.view.compare.range_hu)),
            ] {
                let path = self.folder.join(format!("{}-{word}.png", axis.plane_name().to_lowercase()));
                self.picture(&path, axis, together)?;
            }
        }
        Ok(())
    }

    fn picture(&self, path: &Path, axis: Axis, together: Together) -> Result<(), IoError> {
        let frame = self.recon().frame();
        let (plane, size_px) = whole_plane(frame, axis, &self.view);
        let params = CompareParams {
            recon: plane,
            truth: plane,
            together,
            window: self.view.window,
            invert: self.view.invert,
            interpolation: Interpolation::Linear,
            outline_px: self.lungs.as_ref().map(|_| 1.5),
            colours: self.colours,
        };
        let labels = |pick: fn(&Lungs) -> &Arc<[u8]>| self.lungs.as_deref().map(|l| pick(l).as_ref());
        let recon = Side { volume: self.recon(), labels: labels(|l| &l.recon) };
        let truth = Side { volume: &self.pair.truth, labels: labels(|l| &l.truth) };
        let picture = render_on_cpu(recon, truth, &params, size_px[0], size_px[1]);
        io::screen::write(path, size_px.map(|side| side as usize), &picture.rgba)
    }
}

/// All of the plane through the crosshair, in voxels of a grid, and the picture's size.
fn whole_plane(frame: &Frame, axis: Axis, view: &ViewState) -> (PlaneVoxels, [u32; 2]) {
    let whole = viewport::PlaneView { flip: view.plane(axis).flip, ..viewport::PlaneView::default() };
    let geometry =
        viewport::geometry::PlaneGeometry::new(frame, axis, &whole, view.cursor_mm, [PICTURE_PX, PICTURE_PX]);
    let [origin, per_column, per_row] = geometry.voxel_from_px(frame);
    (PlaneVoxels { origin, per_column, per_row }, [PICTURE_PX as u32; 2])
}

fn bands_csv(bands: &[Band]) -> String {
    let mut csv = format!("# {RESEARCH_USE}\n# {}\n", bands::DEFINITION);
    csv.push_str("tissue,from_hu,below_hu,voxels,bias_hu,mae_hu,rmse_hu\n");
    for b in bands {
        let _ = writeln!(
            csv,
            "{},{},{},{},{:.3},{:.3},{:.3}",
            quoted(b.name),
            b.from_hu,
            b.to_hu,
            b.voxels,
            b.bias_hu,
            b.mae_hu,
            b.rmse_hu
        );
    }
    csv
}

/// A field of a CSV (RFC 4180).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
