//! Pictures in and out, and the geometry file: every depth and channel count, EXIF, polarity, colours refused.

use biplane::geometry::{Axis, Frame, Preset, Raster, ViewPair, Volume};
use biplane::io::{IoError, Progress, Radiograph, Tone, Warning, geometry_file, picture};
use biplane::units::{Hu, Radians};
use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const COLS: u32 = 3;
const ROWS: u32 = 2;

fn level(col: u32, row: u32) -> u8 {
    (10 + 40 * col + 100 * row) as u8
}

/// The same picture in every pixel type that a film may have; `wide` values are 257 times the narrow ones.
fn pictures() -> Vec<(&'static str, DynamicImage)> {
    let grey = image::GrayImage::from_fn(COLS, ROWS, |c, r| image::Luma([level(c, r)]));
    let grey = DynamicImage::ImageLuma8(grey);
    vec![
        ("grey 8", grey.clone()),
        ("grey 16", DynamicImage::ImageLuma16(grey.to_luma16())),
        ("grey alpha 8", DynamicImage::ImageLumaA8(grey.to_luma_alpha8())),
        ("grey alpha 16", DynamicImage::ImageLumaA16(grey.to_luma_alpha16())),
        ("rgb 8", DynamicImage::ImageRgb8(grey.to_rgb8())),
        ("rgb 16", DynamicImage::ImageRgb16(grey.to_rgb16())),
        ("rgba 8", DynamicImage::ImageRgba8(grey.to_rgba8())),
        ("rgba 16", DynamicImage::ImageRgba16(grey.to_rgba16())),
    ]
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).ok().map(|()| bytes.into_inner())
}

fn read(path: &Path) -> Result<Radiograph, IoError> {
    picture::read(path, &Progress::new())
}

fn put(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("film");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn every_depth_and_channel_count() {
    let folder = TempDir::new().unwrap();
    let mut read_formats = 0;
    for (name, image) in pictures() {
        for format in [ImageFormat::Png, ImageFormat::Tiff] {
            let Some(bytes) = encoded(&image, format) else { continue };
            read_formats += 1;
            let film = read(&put(&folder, &bytes)).unwrap();
            let wide = name.ends_with("16");
            assert_eq!((film.image.cols(), film.image.rows(), film.bits), (3, 2, if wide { 16 } else { 8 }), "{name}");
            for (c, r) in (0..ROWS).flat_map(|r| (0..COLS).map(move |c| (c, r))) {
                let wanted = f32::from(level(c, r)) * if wide { 257.0 } else { 1.0 };
                assert_eq!(film.image.at(c as usize, r as usize), Some(wanted), "{name} {format:?}");
            }
            assert_eq!(film.tone, Tone::Display);
            assert_eq!(film.warnings, [Warning::DisplayContrast]);
        }
    }
    assert!(read_formats >= 12, "only {read_formats} could be written");
}

#[test]
fn jpeg_is_near_and_transparency_lies_on_black() {
    let folder = TempDir::new().unwrap();
    let smooth = image::GrayImage::from_fn(64, 48, |c, r| image::Luma([(c + 2 * r) as u8]));
    for image in [
        DynamicImage::ImageLuma8(smooth.clone()),
        DynamicImage::ImageRgb8(DynamicImage::ImageLuma8(smooth.clone()).to_rgb8()),
    ] {
        let film = read(&put(&folder, &encoded(&image, ImageFormat::Jpeg).unwrap())).unwrap();
        for (c, r, wanted) in smooth.enumerate_pixels() {
            let got = film.image.at(c as usize, r as usize).unwrap();
            assert!((got - f32::from(wanted.0[0])).abs() < 8.0, "{got} at {c}, {r}");
        }
    }
    let half = image::GrayAlphaImage::from_fn(4, 4, |c, _| image::LumaA([200, if c < 2 { 255 } else { 0 }]));
    let film = read(&put(&folder, &encoded(&half.into(), ImageFormat::Png).unwrap())).unwrap();
    assert_eq!((film.image.at(0, 0), film.image.at(3, 0)), (Some(200.0), Some(0.0)));
}

#[test]
fn a_colour_photo_is_refused_and_markers_are_not() {
    let folder = TempDir::new().unwrap();
    let photo = image::RgbImage::from_fn(32, 32, |c, r| image::Rgb([8 * c as u8, 8 * r as u8, 128]));
    let error = read(&put(&folder, &encoded(&photo.into(), ImageFormat::Png).unwrap())).unwrap_err().to_string();
    assert!(error.contains("colour picture") && error.contains("film"), "{error}");
    let marked = image::RgbImage::from_fn(32, 32, |c, r| match (c, r) {
        (0..3, 0) => image::Rgb([255, 0, 0]),
        _ => image::Rgb([90, 90, 91]),
    });
    let film = read(&put(&folder, &encoded(&marked.into(), ImageFormat::Png).unwrap())).unwrap();
    assert!(film.warnings.contains(&Warning::ColoursDropped));
}

/// A TIFF of 3 x 2 grey pixels of 8 bit by the TIFF 6.0 specification, with an orientation and a polarity.
fn tiff(orientation: u16, white_is_zero: bool) -> Vec<u8> {
    let mut bytes = b"II\x2a\0\x0e\0\0\0".to_vec();
    bytes.extend([10, 20, 30, 40, 50, 60]);
    // Tag, type (3 short, 4 long), value.
    let entries: [(u16, u16, u32); 9] = [
        (256, 3, 3),
        (257, 3, 2),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, u32::from(!white_is_zero)),
        (273, 4, 8),
        (274, 3, u32::from(orientation)),
        (278, 3, 2),
        (279, 4, 6),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, sort, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(sort.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn exif_orientation_is_obeyed() {
    let folder = TempDir::new().unwrap();
    // TIFF 6.0, tag 274: where row 0 and column 0 lie when the picture is seen.
    for (orientation, cols, wanted) in [
        (1, 3, [10, 20, 30, 40, 50, 60]),
        (2, 3, [30, 20, 10, 60, 50, 40]),
        (3, 3, [60, 50, 40, 30, 20, 10]),
        (4, 3, [40, 50, 60, 10, 20, 30]),
        (5, 2, [10, 40, 20, 50, 30, 60]),
        (6, 2, [40, 10, 50, 20, 60, 30]),
        (7, 2, [60, 30, 50, 20, 40, 10]),
        (8, 2, [30, 60, 20, 50, 10, 40]),
    ] {
        let film = read(&put(&folder, &tiff(orientation, false))).unwrap();
        assert_eq!(film.image.cols(), cols, "orientation {orientation}");
        assert_eq!(film.image.values(), wanted.map(|v| v as f32), "orientation {orientation}");
    }
}

#[test]
fn tiff_polarity_is_obeyed() {
    let folder = TempDir::new().unwrap();
    let film = read(&put(&folder, &tiff(1, true))).unwrap();
    assert_eq!(film.image.values(), [245.0, 235.0, 225.0, 215.0, 205.0, 195.0]);
}

#[test]
fn a_picture_that_promises_more_than_it_holds_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut small = encoded(&pictures()[1].1, ImageFormat::Png).unwrap();
    let length = small.len();
    let error = read(&put(&folder, &small[..length / 2])).unwrap_err().to_string();
    assert!(error.contains("damaged PNG"), "{error}");
    // IHDR with huge sides, checksum mended.
    small[16..20].copy_from_slice(&8000u32.to_be_bytes());
    small[20..24].copy_from_slice(&8300u32.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&small[12..29]);
    small[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let error = read(&put(&folder, &small)).unwrap_err().to_string();
    assert!(error.contains("far too short"), "{error}");
    small[20..24].copy_from_slice(&2_000_000u32.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&small[12..29]);
    small[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    assert!(read(&put(&folder, &small)).is_err());
}

#[test]
fn a_written_film_comes_back_affine_and_marked() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ap.png");
    let film = Raster::new(7, 5, (0..35).map(|i| 0.1 * i as f32 - 1.0).collect()).unwrap();
    for simulated in [true, false] {
        picture::write_film(&path, &film, simulated).unwrap();
        let back = read(&path).unwrap();
        assert_eq!((back.simulated, back.bits), (simulated, 16));
        assert_eq!(back.tone, if simulated { Tone::LineIntegral } else { Tone::Display });
        for (got, wanted) in back.image.values().iter().zip(film.values()) {
            assert!((got / 65535.0 * 3.4 - 1.0 - wanted).abs() < 1e-4);
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.windows(17).any(|w| w == b"research use only"));
    }
    // A film of one value, and values that are no numbers, are written all the same.
    picture::write_film(&path, &Raster::filled(4, 4, f32::NAN), true).unwrap();
    picture::write_film(&path, &Raster::filled(4, 4, 2.0), true).unwrap();
}

#[test]
fn slices_hang_as_radiologists_see_them() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("slice.png");
    let frame = Frame::centred([4, 3, 2], [1.0, 1.0, 2.0], [0.0; 3]).unwrap();
    // 100 HU a step to the left, 10 to the back, 1 to the head.
    let hu = (0..24).map(|i| ((i % 4) * 100 + (i / 4 % 3) * 10 + i / 12) as i16).collect();
    let volume = Volume::new(frame, hu).unwrap();
    let window = [Hu(0.0), Hu(255.0)];
    for (axis, cols, rows, top_left, step) in
        [(Axis::Z, 4, 3, 1, (100, 10)), (Axis::Y, 4, 2, 11, (100, -1)), (Axis::X, 3, 2, 101, (10, -1))]
    {
        picture::write_slice(&path, &volume, axis, 1, window).unwrap();
        let film = read(&path).unwrap().image;
        assert_eq!((film.cols(), film.rows()), (cols, rows), "{axis:?}");
        for (c, r) in (0..rows).flat_map(|r| (0..cols).map(move |c| (c, r))) {
            let wanted = (top_left + step.0 * c as i32 + step.1 * r as i32).clamp(0, 255);
            assert_eq!(film.at(c, r), Some(wanted as f32), "{axis:?} {c} {r}");
        }
    }
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.windows(17).any(|w| w == b"research use only"));
    // Sagittal: 1000 pixels a metre across, 500 down.
    let at = bytes.windows(4).position(|w| w == b"pHYs").unwrap() + 4;
    assert_eq!(bytes[at..at + 9], [0, 0, 3, 232, 0, 0, 1, 244, 1]);
    assert!(picture::write_slice(&path, &volume, Axis::Z, 2, window).is_err());
}

fn assert_same(a: &ViewPair, b: &ViewPair) {
    assert_eq!(a, b);
}

#[test]
fn geometry_of_every_preset_returns_exactly() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("geometry.toml");
    for preset in Preset::ALL {
        geometry_file::write(&path, &preset.pair(), None).unwrap();
        assert_same(&geometry_file::read(&path).unwrap(), &preset.pair());
    }
}

proptest! {
    #[test]
    fn any_geometry_returns_exactly(
        tenths in 0..3600u32, sad in 500.0..2000.0f64, more in 0.0..1000.0f64, cols in 2..4000usize,
        pitch in prop::array::uniform2(0.05..4.0f64), offset in prop::array::uniform2(-99.0..99.0f64),
        flips: (bool, bool), cone: bool,
    ) {
        let mut pair = Preset::Simulated.pair();
        let view = &mut pair.views[1];
        view.angle = Radians::from_degrees(f64::from(tenths) / 10.0);
        view.beam = if cone {
            biplane::geometry::Beam::Cone { sad_mm: sad, sdd_mm: sad + more }
        } else {
            biplane::geometry::Beam::Parallel
        };
        (view.detector.cols, view.detector.pitch_mm, view.detector.offset_px) = (cols, pitch, offset);
        (view.flip_cols, view.flip_rows) = flips;
        let text = geometry_file::text(&pair, None);
        assert_same(&geometry_file::parse(Path::new("g.toml"), &text).unwrap(), &pair);
    }
}

#[test]
fn geometry_refuses_by_key() {
    let sound = geometry_file::text(&Preset::Simulated.pair(), None);
    for (from, to, cause) in [
        ("version = 1", "version = 3", "version: 3 is not known"),
        ("version = 1", "", "version: is missing"),
        ("version = 1", "version = 1\ncolour = 3", "colour"),
        ("pitch_mm = [2.6, 2.6]", "pitch_mm = [2.6, 2.6]\npich = 1", "pich"),
        ("pitch_mm = [2.6, 2.6]", "pitch_mm = \"wide\"", "a number or two numbers"),
        ("pitch_mm = [2.6, 2.6]", "", "pitch_mm"),
        ("pitch_mm = [2.6, 2.6]", "pitch_mm = 0", "not plausible"),
        ("sad_mm = 1000.0\n", "", "sad_mm is missing"),
        ("sdd_mm = 1500.0", "sdd_mm = 900.0", "SDD not below SAD"),
        ("angle_deg = 90.0", "angle_deg = nan", "angle"),
        ("pixels = [256, 256]", "pixels = [256, 0]", "256 x 0 pixels"),
        ("pixels = [256, 256]", "pixels = [256]", "line"),
        ("[[view]]\nangle_deg = 90.0", "[[view]]\nangle_deg = ", "line"),
    ] {
        let text = sound.replacen(from, to, 1);
        assert_ne!(text, sound, "{from}");
        let error = geometry_file::parse(Path::new("g.toml"), &text).unwrap_err().to_string();
        assert!(error.starts_with("g.toml: ") && error.contains(cause), "{to}: {error}");
    }
    let first = sound.rfind("[[view]]").unwrap();
    let error = geometry_file::parse(Path::new("g.toml"), &sound[..first]).unwrap_err().to_string();
    assert!(error.contains("1 views given"), "{error}");
    let one_number = sound.replace("[2.6, 2.6]", "2.6");
    assert_same(&geometry_file::parse(Path::new("g.toml"), &one_number).unwrap(), &Preset::Simulated.pair());
}
