//! The private block in which biplane notes what DICOM has no place for: the exact view of a simulated film.
//! Knows tags and numbers, no file.

use super::dataset::Fields;
use crate::geometry::{Beam, Detector, Vec3, View};
use crate::units::Radians;
use dicom_core::Tag;

/// The private group (odd, PS3.5 section 7.8).
pub(super) const GROUP: u16 = 0x0B1B;
/// The block's creator.
pub(super) const CREATOR: &str = "BIPLANE 1";
/// Block 10: its creator.
pub(super) const CREATOR_TAG: Tag = Tag(GROUP, 0x0010);
/// LO: what kind of thing this is, and its restriction.
pub(super) const NOTE_TAG: Tag = Tag(GROUP, 0x1001);
/// FD, 13 values: see [`numbers_of`].
pub(super) const VIEW_TAG: Tag = Tag(GROUP, 0x1002);

/// FD, 3 values: the isocentre in the patient, LPS, mm.
pub(super) const ISOCENTRE_TAG: Tag = Tag(GROUP, 0x1003);

/// The isocentre noted in a file.
pub(super) fn isocentre_in(fields: &Fields) -> Option<Vec3> {
    let noted: Vec3 = fields.doubles(ISOCENTRE_TAG).try_into().ok()?;
    let ours = fields.text(CREATOR_TAG).as_deref() == Some(CREATOR);
    Some(noted).filter(|at| ours && at.iter().all(|mm| mm.is_finite()))
}

/// The numbers noted for a view: columns, rows, angle in radians, 1 for a parallel beam, SAD, SDD (mm), pitch along
/// columns and rows (mm), offset along columns and rows (pixels), 1 where stored mirrored in columns, in rows; 0.
pub(super) fn numbers_of(view: &View) -> [f64; 13] {
    let Detector { cols, rows, pitch_mm: [pu, pv], offset_px: [ou, ov] } = view.detector;
    let (parallel, sad, sdd) = match view.beam {
        Beam::Cone { sad_mm, sdd_mm } => (0.0, sad_mm, sdd_mm),
        Beam::Parallel => (1.0, 0.0, 0.0),
    };
    let flag = |on: bool| f64::from(u8::from(on));
    let (fc, fr) = (flag(view.flip_cols), flag(view.flip_rows));
    [cols as f64, rows as f64, view.angle.0, parallel, sad, sdd, pu, pv, ou, ov, fc, fr, 0.0]
}

/// The view noted in a file, where it was written by biplane and still has as many pixels.
pub(super) fn view_in(fields: &Fields, cols: usize, rows: usize) -> Option<View> {
    if fields.text(CREATOR_TAG).as_deref() != Some(CREATOR) {
        return None;
    }
    let noted: [f64; 13] = fields.doubles(VIEW_TAG).try_into().ok()?;
    let [c, r, angle, parallel, sad_mm, sdd_mm, pu, pv, ou, ov, fc, fr, _] = noted;
    if (c, r) != (cols as f64, rows as f64) {
        return None;
    }
    let beam = if parallel == 1.0 { Beam::Parallel } else { Beam::Cone { sad_mm, sdd_mm } };
    let detector = Detector { cols, rows, pitch_mm: [pu, pv], offset_px: [ou, ov] };
    let view = View { angle: Radians(angle), beam, detector, flip_cols: fc == 1.0, flip_rows: fr == 1.0 };
    view.checked().ok()
}
