//! Words in grey pictures, in the typeface of the screen. Knows no picture's meaning.

use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider};
use vello_cpu::color::palette::css::WHITE;
use vello_cpu::kurbo::BezPath;
use vello_cpu::{Pixmap, RenderContext, Resources};

static ROBOTO: &[u8] = include_bytes!("../../assets/fonts/Roboto-Regular.ttf");
/// Room around the letters for what hangs over or below, of their size.
const MARGIN: f32 = 0.4;

/// A grey picture of 8 bit, row by row.
pub struct Canvas {
    /// Columns.
    pub cols: usize,
    /// Rows.
    pub rows: usize,
    /// Grey values.
    pub pixels: Vec<u8>,
}

impl Canvas {
    /// Of one grey value.
    pub fn filled(cols: usize, rows: usize, grey: u8) -> Self {
        Self { cols, rows, pixels: vec![grey; cols * rows] }
    }

    /// Lays a picture of `tile_cols` columns over this one; what lies beyond its edge is left out.
    pub fn put(&mut self, tile: &[u8], tile_cols: usize, left: usize, top: usize) {
        let cols = tile_cols.min(self.cols.saturating_sub(left));
        for (row, from) in tile.chunks_exact(tile_cols).enumerate().take(self.rows.saturating_sub(top)) {
            let start = (top + row) * self.cols + left;
            self.pixels[start..start + cols].copy_from_slice(&from[..cols]);
        }
    }
}

/// Where a line of text stands about its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// Ends there.
    End,
}

/// Collects outlines, upside up, one letter behind the other.
struct Pen {
    path: BezPath,
    at: (f32, f32),
}

impl Pen {
    fn point(&self, x: f32, y: f32) -> (f64, f64) {
        (f64::from(self.at.0 + x), f64::from(self.at.1 - y))
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.path.move_to(to);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.point(x, y);
        self.path.line_to(to);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (by, to) = (self.point(cx, cy), self.point(x, y));
        self.path.quad_to(by, to);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (a, b, to) = (self.point(ax, ay), self.point(bx, by), self.point(x, y));
        self.path.curve_to(a, b, to);
    }

    fn close(&mut self) {
        self.path.close_path();
    }
}

/// Width of a line of text, pixels.
pub fn width(text: &str, size_px: f32) -> f32 {
    let Ok(font) = FontRef::new(ROBOTO) else { return 0.0 };
    let metrics = font.glyph_metrics(Size::new(size_px), LocationRef::default());
    let letters = text.chars().filter_map(|letter| font.charmap().map(letter));
    letters.map(|glyph| metrics.advance_width(glyph).unwrap_or(0.0)).sum()
}

/// Writes a line of text of grey value `ink`, its baseline at `row`, its anchor at `col`. Letters that the typeface has
/// not are left out.
pub fn write(canvas: &mut Canvas, text: &str, size_px: f32, [col, row]: [f32; 2], anchor: Anchor, ink: u8) {
    let Ok(font) = FontRef::new(ROBOTO) else { return };
    let (size, location) = (Size::new(size_px), LocationRef::default());
    let (metrics, outlines) = (font.glyph_metrics(size, location), font.outline_glyphs());
    let margin = (MARGIN * size_px).ceil();
    let mut pen = Pen { path: BezPath::new(), at: (margin, margin + size_px) };
    for glyph in text.chars().filter_map(|letter| font.charmap().map(letter)) {
        if let Some(outline) = outlines.get(glyph) {
            // A damaged outline leaves a gap; the typeface is our own.
            let _ = outline.draw(DrawSettings::unhinted(size, location), &mut pen);
        }
        pen.at.0 += metrics.advance_width(glyph).unwrap_or(0.0);
    }
    let (cols, rows) = ((pen.at.0 + margin).ceil() as u16, (size_px + 2.0 * margin).ceil() as u16);
    let mut context = RenderContext::new(cols, rows);
    context.set_paint(WHITE);
    context.fill_path(&pen.path);
    let mut coverage = Pixmap::new(cols, rows);
    context.render(&mut coverage, &mut Resources::new());
    let shift = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => (pen.at.0 - margin) / 2.0,
        Anchor::End => pen.at.0 - margin,
    };
    let left = (col - margin - shift).round() as i64;
    let top = (row - margin - size_px).round() as i64;
    blend(canvas, coverage.data_as_u8_slice(), usize::from(cols), [left, top], ink);
}

/// Lays `ink` over the canvas where the rendered letters (premultiplied RGBA) cover it.
fn blend(canvas: &mut Canvas, rgba: &[u8], cols: usize, [left, top]: [i64; 2], ink: u8) {
    for (k, pixel) in rgba.chunks_exact(4).enumerate() {
        let (col, row) = (left + (k % cols) as i64, top + (k / cols) as i64);
        if pixel[3] == 0 || !(0..canvas.cols as i64).contains(&col) || !(0..canvas.rows as i64).contains(&row) {
            continue;
        }
        let under = &mut canvas.pixels[row as usize * canvas.cols + col as usize];
        let part = f32::from(pixel[3]) / f32::from(u8::MAX);
        *under = (f32::from(*under) + part * (f32::from(ink) - f32::from(*under))).round() as u8;
    }
}
