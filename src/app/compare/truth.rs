//! What is to be said of a ground truth beside a reconstruction: whose it is, how it stands, what it covers, and what
//! was done about it. Names nobody.

use super::state::{Entry, Pair, Truth};
use crate::app::state::State;
use crate::app::viewport::compare_view::MAX_TURN_RAD;
use crate::app::widgets::Tone;
use crate::geometry::{Frame, Pose, norm};

/// A correlation below this is no picture of the same patient in the same place: reconstructions of the right patient
/// reach 0.85 and more, the mean of other patients about 0.7.
pub const POOR_CORRELATION: f64 = 0.6;
/// A truth that covers all but this share covers all.
const ALL_BUT: f64 = 0.0005;

/// A fact, and how much it matters; `None` for what is merely told.
pub type Fact = (Option<Tone>, String);

/// All facts of the truth beside the chosen result, those that matter first.
pub fn facts(state: &State) -> Vec<Fact> {
    let compare = &state.compare;
    let (Some(entry), Some(truth)) = (compare.entry(), &compare.truth) else { return Vec::new() };
    let pose = state.viewer.state.compare.pose;
    let pair = compare.present_pair(entry.id, pose);
    let mut facts = strangers(entry, truth);
    facts.extend(pair.iter().flat_map(|pair| fit(pair)));
    facts.extend(grids(entry.case.volume.frame(), truth.volume.frame()).map(|text| (None, text)));
    facts.extend(moved(pose).map(|text| (None, text)));
    facts.extend(truth.warnings.iter().map(|text| (Some(Tone::Warning), text.clone())));
    facts
}

/// Whether the headers name another patient or another space.
fn strangers(entry: &Entry, truth: &Truth) -> Vec<Fact> {
    let mut facts = Vec::new();
    if entry.patient_id().zip(truth.info.patient_id.as_ref()).is_some_and(|(a, b)| a != b) {
        let text = "Another patient: the patient numbers differ (names stay hidden). Numbers mean little.";
        facts.push((Some(Tone::Danger), text.to_owned()));
    }
    if entry.frame_of_reference().zip(truth.info.frame_of_reference.as_deref()).is_some_and(|(a, b)| a != b) {
        let text = "Another frame of reference: another scan, or another patient. Align before you compare.";
        facts.push((Some(Tone::Warning), text.to_owned()));
    }
    facts
}

/// How the two meet.
fn fit(pair: &Pair) -> Vec<Fact> {
    let mut facts = Vec::new();
    let missing = 1.0 - pair.covered;
    if missing > ALL_BUT {
        let text = format!(
            "Covers {:.0} % of the reconstruction's cube; the rest is black in the difference, and air in volume numbers.",
            100.0 * pair.covered
        );
        facts.push((Some(Tone::Warning), text));
    }
    match pair.correlation {
        Some(r) if r < POOR_CORRELATION => {
            let text = format!("Correlation {r:.2} only: another patient, or not aligned. Align, then look again.");
            facts.push((Some(Tone::Warning), text.replace('-', "−")));
        }
        Some(r) => facts.push((None, format!("Correlation with the reconstruction {r:.3}"))),
        None => {
            facts.push((Some(Tone::Warning), "No correlation: one of the two is the same everywhere they meet.".into()))
        }
    }
    facts
}

/// What was done to bring one grid onto the other.
fn grids(recon: &Frame, truth: &Frame) -> Option<String> {
    if recon == truth {
        return Some("Stands on the reconstruction's own grid".into());
    }
    let size = |frame: &Frame| {
        let ([x, y, z], [sx, sy, sz]) = (frame.dims(), frame.spacing_mm());
        format!("{x} × {y} × {z} of {sx:.2} × {sy:.2} × {sz:.2} mm")
    };
    let turned = if truth.is_along_lps() { "" } else { ", its axes oblique to the patient's" };
    Some(format!("{}{turned}: resampled onto {}", size(truth), size(recon)))
}

/// How far it was moved.
fn moved(pose: Pose) -> Option<String> {
    let turned_deg = norm(pose.turn_rad).min(3.0 * MAX_TURN_RAD).to_degrees();
    let turned = if turned_deg > 0.005 { format!(", turned by {turned_deg:.1}°") } else { String::new() };
    (!pose.is_none()).then(|| format!("Shifted by {:.1} mm{turned}", norm(pose.shift_mm)))
}
