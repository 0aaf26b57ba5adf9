//! Bad input, a folder a case: `tests/cases/NAME/case.toml` says how to make the file and what the message must
//! hold. Every message names the file; none of them takes long, which it would if memory were taken on a header's
//! word.

use biplane::io::{self, Progress};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Far above what reading a few bytes takes, far below what filling gigabytes takes.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Why the case exists.
    about: String,
    /// What the message must hold, each.
    message: Vec<String>,
    make: Make,
}

/// How to make the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Make {
    kind: Kind,
    /// The file's name; with `kind = "input"` the name of a file in the case's folder.
    name: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    hex: String,
    #[serde(default)]
    length: u64,
    #[serde(default)]
    gzip: bool,
    /// Keep so many bytes; negative counts from the end.
    cut: Option<i64>,
    /// Changes to the plain bytes, and to the gzipped ones.
    #[serde(default)]
    patches: Vec<Patch>,
    #[serde(default)]
    patches_packed: Vec<Patch>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Missing,
    Bytes,
    Text,
    Sparse,
    Folder,
    NoPermission,
    Device,
    /// A sound volume of 3 x 2 x 2 voxels, to be patched.
    Nifti,
    Png,
    Photo,
    Input,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// Where; negative counts from the end.
    at: i64,
    #[serde(flatten)]
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Value {
    U8(u8),
    I16(i16),
    F32(Float),
    Hex(String),
    Text(String),
}

/// TOML's nan and inf may be written as text too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Float {
    Number(f32),
    Word(String),
}

impl Value {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::U8(v) => vec![*v],
            Self::I16(v) => v.to_le_bytes().to_vec(),
            Self::F32(Float::Number(v)) => v.to_le_bytes().to_vec(),
            Self::F32(Float::Word(word)) => word.parse::<f32>().unwrap().to_le_bytes().to_vec(),
            Self::Hex(digits) => unhex(digits),
            Self::Text(text) => text.as_bytes().to_vec(),
        }
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len() / 2).map(|k| u8::from_str_radix(&digits[2 * k..2 * k + 2], 16).unwrap()).collect()
}

fn from_end(at: i64, length: usize) -> usize {
    if at < 0 { length - at.unsigned_abs() as usize } else { at as usize }
}

fn patch(bytes: &mut [u8], patches: &[Patch]) {
    for p in patches {
        let (at, value) = (from_end(p.at, bytes.len()), p.value.bytes());
        bytes[at..at + value.len()].copy_from_slice(&value);
    }
}

/// A sound NIfTI-1 file: 3 x 2 x 2 int16, 2 x 3 x 4 mm, by the table of nifti1.h.
fn nifti() -> Vec<u8> {
    let mut bytes = vec![0u8; 352];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &348i32.to_le_bytes());
    for (k, n) in [3i16, 3, 2, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + 2 * k, &n.to_le_bytes());
    }
    put(70, &4i16.to_le_bytes());
    put(72, &16i16.to_le_bytes());
    for (k, d) in [1f32, 2.0, 3.0, 4.0].into_iter().enumerate() {
        put(76 + 4 * k, &d.to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(123, &[2]);
    put(254, &1i16.to_le_bytes());
    for (k, v) in [-2f32, 0.0, 0.0, 5.0, 0.0, -3.0, 0.0, 6.0, 0.0, 0.0, 4.0, 7.0].into_iter().enumerate() {
        put(280 + 4 * k, &v.to_le_bytes());
    }
    put(344, b"n+1\0");
    bytes.extend((0..12i16).flat_map(|v| (v * 100 - 1000).to_le_bytes()));
    bytes
}

fn png(colour: bool) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(32, 32, |c, r| {
        if colour { image::Rgb([8 * c as u8, 8 * r as u8, 128]) } else { image::Rgb([(c * r) as u8; 3]) }
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

impl Make {
    /// The file of the case in `folder`; `None` where this machine cannot make it.
    fn build(&self, case: &Path, folder: &Path) -> Option<PathBuf> {
        let path = folder.join(&self.name);
        let mut bytes = match self.kind {
            Kind::Missing => return Some(path),
            Kind::Input => return Some(case.join(&self.name)),
            Kind::Device => return Some(PathBuf::from(&self.name)).filter(|p| p.exists()),
            Kind::Folder => {
                std::fs::create_dir(&path).unwrap();
                return Some(path);
            }
            Kind::Sparse => {
                std::fs::File::create(&path).unwrap().set_len(self.length).unwrap();
                return Some(path);
            }
            Kind::NoPermission => return forbidden(path),
            Kind::Bytes => unhex(&self.hex),
            Kind::Text => self.text.as_bytes().to_vec(),
            Kind::Nifti => nifti(),
            Kind::Png => png(false),
            Kind::Photo => png(true),
        };
        patch(&mut bytes, &self.patches);
        if self.gzip {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(&bytes).unwrap();
            bytes = packer.finish().unwrap();
            patch(&mut bytes, &self.patches_packed);
        }
        if let Some(cut) = self.cut {
            bytes.truncate(from_end(cut, bytes.len()));
        }
        std::fs::write(&path, bytes).unwrap();
        Some(path)
    }
}

/// A file without rights; `None` for a user whom rights do not bind (root) and where there are none.
#[cfg(unix)]
fn forbidden(path: PathBuf) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(&path, nifti()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::read(&path).is_err().then_some(path)
}

#[cfg(not(unix))]
fn forbidden(_: PathBuf) -> Option<PathBuf> {
    None
}

#[test]
fn every_case_is_refused_by_name_cause_and_advice() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut faults = Vec::new();
    for folder in &folders {
        let name = folder.file_name().unwrap().to_string_lossy().to_string();
        let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let case: Case = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!case.about.is_empty() && !case.message.is_empty(), "{name} says nothing");
        let scratch = tempfile::TempDir::new().unwrap();
        let Some(path) = case.make.build(folder, scratch.path()) else { continue };
        let start = Instant::now();
        let result = io::open(&path, &Progress::new());
        let took = start.elapsed();
        let Err(error) = result else {
            faults.push(format!("{name}: was read"));
            continue;
        };
        let message = error.to_string();
        let file = Path::new(&case.make.name).file_name().unwrap().to_string_lossy().to_string();
        let wanted = case.message.iter().chain([&file]);
        faults.extend(
            wanted.filter(|part| !message.contains(*part)).map(|part| format!("{name}: no \"{part}\" in: {message}")),
        );
        if took > PATIENCE {
            faults.push(format!("{name}: took {took:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(folders.len() >= 30, "only {} cases", folders.len());
}

/// The base of the patched cases is sound, so each is refused for its patch alone.
#[test]
fn the_unpatched_file_is_read() {
    let scratch = tempfile::TempDir::new().unwrap();
    let path = scratch.path().join("v");
    std::fs::write(&path, nifti()).unwrap();
    assert!(matches!(io::open(&path, &Progress::new()), Ok(io::Opened::Volume(_))));
    std::fs::write(&path, png(false)).unwrap();
    assert!(matches!(io::open(&path, &Progress::new()), Ok(io::Opened::Radiograph(_))));
}

/// No file of any kind panics, wherever it is cut or changed.
#[test]
fn no_cut_and_no_changed_byte_panics() {
    let scratch = tempfile::TempDir::new().unwrap();
    let path = scratch.path().join("v");
    // A PNG may miss the chunk that ends it.
    for (sound, needed) in [(nifti(), 376), (png(false), png(false).len() - 16)] {
        for length in (0..needed).step_by(13) {
            std::fs::write(&path, &sound[..length]).unwrap();
            assert!(io::open(&path, &Progress::new()).is_err(), "{length} of {} bytes", sound.len());
        }
        for at in 0..sound.len().min(352) {
            for value in [0, 0xff] {
                let mut bytes = sound.clone();
                bytes[at] = value;
                std::fs::write(&path, &bytes).unwrap();
                let _ = io::open(&path, &Progress::new());
            }
        }
    }
}
