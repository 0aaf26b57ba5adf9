//! Pictures of the screen as PNG, in colour. Knows nothing of what is on them.

use super::IoError;
use super::output::{RESEARCH_USE, write_whole};
use std::path::Path;

/// Writes `rgba` bytes, row by row, `[width, height]` pixels, as PNG; the note on research use goes into its text.
///
/// # Errors
/// [`IoError::Write`] or [`IoError::NoPermission`]; nothing half-written is left.
pub fn write(path: &Path, [width, height]: [usize; 2], rgba: &[u8]) -> Result<(), IoError> {
    write_whole(path, |out| {
        let mut encoder = png::Encoder::new(out, width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgba);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.add_text_chunk("Comment".into(), RESEARCH_USE.into())?;
        let mut writer = encoder.write_header()?;
        writer.write_image_data(rgba)?;
        Ok(writer.finish()?)
    })
}
