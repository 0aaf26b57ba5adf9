//! Pictures of the screen as PNG, in colour. Knows nothing of what is on them.

use super::IoError;
use super::output::{RESEARCH_USE, write_whole};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Longest side of a picture that is read back, pixels: more than any screen has.
const MAX_SIDE_PX: u32 = 8192;

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

/// Reads a picture that [`write()`] wrote: `[width, height]` and its `rgba` bytes, row by row.
///
/// # Errors
/// [`IoError`] where it is missing, damaged, of another kind, or larger than a screen.
pub fn read(path: &Path) -> Result<([usize; 2], Vec<u8>), IoError> {
    let file = File::open(path).map_err(|e| IoError::from_read(path, e))?;
    let damaged = |e: png::DecodingError| IoError::damaged(path, "PNG", "the picture cannot be decoded").because(e);
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().map_err(damaged)?;
    let info = reader.info();
    let (width, height) = (info.width, info.height);
    let known = info.color_type == png::ColorType::Rgba && info.bit_depth == png::BitDepth::Eight;
    if !known || width.max(height) > MAX_SIDE_PX {
        return Err(IoError::damaged(path, "PNG", "it is no picture of a screen written by this program"));
    }
    let mut rgba = vec![0; width as usize * height as usize * 4];
    reader.next_frame(&mut rgba).map_err(damaged)?;
    Ok(([width as usize, height as usize], rgba))
}
