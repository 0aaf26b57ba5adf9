//! Colours and sizes of the panes. The application fills it from its theme; the values here serve pictures made
//! without one. Knows no drawing.

use crate::geometry::Axis;
use egui::Color32;

/// Colours and sizes of the panes, points.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Behind pictures, and outside of the volume.
    pub background: Color32,
    /// Text that matters.
    pub text: Color32,
    /// Text that explains.
    pub faint: Color32,
    /// Something to check.
    pub warning: Color32,
    /// Orientation letters.
    pub letter: Color32,
    /// Between panes.
    pub gap_colour: Color32,
    /// Around the pane that keys act on.
    pub active: Color32,
    /// Planes and their crosshair lines, across x, y, z.
    pub planes: [Color32; 3],
    /// The right lung.
    pub right_lung: Color32,
    /// The left lung.
    pub left_lung: Color32,
    /// The reconstruction in a comparison.
    pub recon: Color32,
    /// The ground truth in a comparison.
    pub truth: Color32,
    /// The difference far below zero, at zero, far above.
    pub difference: [Color32; 3],
    /// Expected errors.
    pub errors: Color32,
    /// What is borrowed from other patients.
    pub borrowed: Color32,
    /// Size of text.
    pub text_size: f32,
    /// Size of orientation letters.
    pub letter_size: f32,
    /// Distance of text from the pane's edge.
    pub margin: f32,
    /// Between panes.
    pub gap: f32,
    /// Crosshair, scale bar.
    pub line: f32,
    /// Free around the crosshair's middle, so that what is looked at is seen.
    pub crosshair_gap: f32,
    /// Width of the mask's outline.
    pub outline: f32,
    /// Longest scale bar.
    pub scale_bar: f32,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            background: Color32::BLACK,
            text: Color32::from_rgb(222, 226, 232),
            faint: Color32::from_rgb(150, 158, 170),
            warning: Color32::from_rgb(245, 190, 90),
            letter: Color32::from_rgb(240, 226, 170),
            gap_colour: Color32::from_rgb(38, 42, 49),
            active: Color32::from_rgb(92, 104, 122),
            planes: [
                Color32::from_rgb(236, 196, 78),
                Color32::from_rgb(104, 200, 120),
                Color32::from_rgb(232, 104, 96),
            ],
            right_lung: Color32::from_rgb(80, 180, 240),
            left_lung: Color32::from_rgb(240, 160, 70),
            recon: Color32::from_rgb(239, 164, 83),
            truth: Color32::from_rgb(90, 180, 238),
            difference: [
                Color32::from_rgb(74, 144, 255),
                Color32::from_rgb(30, 32, 36),
                Color32::from_rgb(255, 120, 60),
            ],
            errors: Color32::from_rgb(255, 64, 190),
            borrowed: Color32::from_rgb(255, 170, 40),
            text_size: 12.0,
            letter_size: 16.0,
            margin: 8.0,
            gap: 2.0,
            line: 1.0,
            crosshair_gap: 10.0,
            outline: 1.5,
            scale_bar: 160.0,
        }
    }
}

impl Style {
    /// The colour of the plane across `axis`.
    pub fn plane(&self, axis: Axis) -> Color32 {
        self.planes[axis.index()]
    }
}
