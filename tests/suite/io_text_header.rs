//! NRRD and MetaImage: headers as their definitions have them, put together by hand, and what they must refuse.

use biplane::geometry::{Frame, Volume};
use biplane::io::{IoError, LoadedVolume, Progress, metaimage, nrrd};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

/// 3 x 2 x 2 voxels; air in the first.
const VALUES: [i16; 12] = [-1000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3000];

fn bytes(big_endian: bool) -> Vec<u8> {
    VALUES.iter().flat_map(|v| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() }).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn put(folder: &TempDir, name: &str, parts: &[&[u8]]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, parts.concat()).unwrap();
    path
}

/// A header with the fields that differ between cases; LPS axes, 2 x 3 x 4 mm, origin (-5, -6, 7).
fn nrrd_header(encoding: &str, more: &str) -> String {
    format!(
        "NRRD0004\n# made by hand\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 3 2 2\n\
         space directions: (2,0,0) (0,3,0) (0,0,4)\nkinds: domain domain domain\nendian: little\n\
         encoding: {encoding}\nspace origin: (-5,-6,7)\n{more}key:=value\n"
    )
}

fn read_nrrd(folder: &TempDir, parts: &[&[u8]]) -> Result<LoadedVolume, IoError> {
    nrrd::read(&put(folder, "v.nrrd", parts), &Progress::new())
}

fn expected() -> Volume {
    let identity = biplane::geometry::frame::IDENTITY;
    Volume::new(Frame::new([3, 2, 2], [2.0, 3.0, 4.0], [-5.0, -6.0, 7.0], identity).unwrap(), VALUES.to_vec()).unwrap()
}

#[test]
fn nrrd_raw_and_gzip_attached_and_detached() {
    let folder = TempDir::new().unwrap();
    let raw = nrrd_header("raw", "");
    assert_eq!(read_nrrd(&folder, &[raw.as_bytes(), b"\n", &bytes(false)]).unwrap().volume, expected());
    let packed = nrrd_header("gzip", "");
    let read = read_nrrd(&folder, &[packed.as_bytes(), b"\n", &gzip(&bytes(false))]).unwrap();
    assert_eq!((read.volume, read.warnings), (expected(), vec![]));
    let big = raw.replace("endian: little", "endian: big");
    assert_eq!(read_nrrd(&folder, &[big.as_bytes(), b"\n", &bytes(true)]).unwrap().volume, expected());
    // Windows line ends.
    let windows = raw.replace('\n', "\r\n");
    assert_eq!(read_nrrd(&folder, &[windows.as_bytes(), b"\r\n", &bytes(false)]).unwrap().volume, expected());

    put(&folder, "v.raw", &[b"junk\n", b"ab", &bytes(false)]);
    let skipping = nrrd_header("raw", "line skip: 1\nbyte skip: 2\ndata file: v.raw\n");
    assert_eq!(read_nrrd(&folder, &[skipping.as_bytes()]).unwrap().volume, expected());
    let from_the_end = nrrd_header("raw", "byte skip: -1\ndata file: ./v.raw\n");
    assert_eq!(read_nrrd(&folder, &[from_the_end.as_bytes()]).unwrap().volume, expected());
    put(&folder, "v.raw.gz", &[&gzip(&[b"ab".to_vec(), bytes(false)].concat())]);
    let packed = nrrd_header("gzip", "byte skip: 2\ndatafile: v.raw.gz\n");
    assert_eq!(read_nrrd(&folder, &[packed.as_bytes()]).unwrap().volume, expected());
}

#[test]
fn nrrd_spaces_are_turned_into_lps() {
    let folder = TempDir::new().unwrap();
    let header = nrrd_header("raw", "");
    for (space, directions, origin) in [
        ("RAS", "(-2,0,0) (0,-3,0) (0,0,4)", "(5,6,7)"),
        ("right-anterior-superior", "(-2,0,0) (0,-3,0) (0,0,4)", "(5,6,7)"),
        ("left-anterior-superior", "(2,0,0) (0,-3,0) (0,0,4)", "(-5,6,7)"),
        ("LPS", "(2,0,0) (0,3,0) (0,0,4)", "(-5,-6,7)"),
    ] {
        let header = header.replace("left-posterior-superior", space).replace("(2,0,0) (0,3,0) (0,0,4)", directions);
        let header = header.replace("(-5,-6,7)", origin);
        assert_eq!(
            read_nrrd(&folder, &[header.as_bytes(), b"\n", &bytes(false)]).unwrap().volume,
            expected(),
            "{space}"
        );
    }
    // A fourth axis of one element, in any place, is no frame.
    let header = header.replace("dimension: 3", "dimension: 4").replace("sizes: 3 2 2", "sizes: 1 3 2 2");
    let header = header.replace("directions: ", "directions: none ");
    assert_eq!(read_nrrd(&folder, &[header.as_bytes(), b"\n", &bytes(false)]).unwrap().volume, expected());
    // Spacings alone: LPS is assumed, and said.
    let header = nrrd_header("raw", "").replace("space directions: (2,0,0) (0,3,0) (0,0,4)", "spacings: 2 3 4");
    let read = read_nrrd(&folder, &[header.as_bytes(), b"\n", &bytes(false)]).unwrap();
    assert_eq!((read.volume, read.warnings.len()), (expected(), 1));
}

#[test]
fn nrrd_refuses_by_cause() {
    let folder = TempDir::new().unwrap();
    let sound = nrrd_header("raw", "");
    for (from, to, cause) in [
        ("sizes: 3 2 2", "sizes: 3 2 8000", "promises"),
        ("sizes: 3 2 2", "sizes: 8000 8000 8000", "more than the"),
        ("sizes: 3 2 2", "sizes: 18446744073709551615 2 2", "cannot be"),
        ("sizes: 3 2 2", "sizes: 3 2 0", "\"sizes\""),
        ("sizes: 3 2 2\n", "", "no field \"sizes\""),
        ("type: short", "type: block", "blocks"),
        ("type: short", "type: apple", "\"type\""),
        ("encoding: raw", "encoding: bzip2", "bzip2"),
        ("endian: little\n", "", "endian"),
        ("(2,0,0)", "(0,0,0)", "length zero"),
        ("(2,0,0)", "(nan,0,0)", "not a finite"),
        ("(2,0,0)", "(2,1,0)", "right angle"),
        ("(2,0,0)", "(0,3,0)", "singular"),
        ("(2,0,0)", "(2,0)", "space directions"),
        ("(2,0,0)", "none", "values a voxel"),
        ("left-posterior-superior", "scanner-xyz", "scanner-xyz"),
        ("encoding: raw", "encoding: raw\nline skip: x", "line skip"),
        ("encoding: raw", "encoding: raw\nbyte skip: -2", "byte skip"),
        ("encoding: raw", "encoding: raw\ndata file: LIST\n", "several files"),
        ("encoding: raw", "encoding: raw\ndata file: ../v.raw", "outside"),
        ("encoding: raw", "encoding: raw\ndata file: /etc/passwd", "outside"),
        ("encoding: raw", "encoding: raw\ndata file: none.raw", "none.raw is not there"),
    ] {
        let header = sound.replace(from, to);
        assert_ne!(header, sound, "{from}");
        let error = read_nrrd(&folder, &[header.as_bytes(), b"\n", &bytes(false)]).unwrap_err().to_string();
        assert!(error.contains(cause), "{from} -> {to}: {error}");
    }
    let error = read_nrrd(&folder, &[sound.as_bytes(), b"\n", &bytes(false)[..23]]).unwrap_err().to_string();
    assert!(error.contains("promises 24 bytes"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_headers_folder() {
    let (outside, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let secret = put(&outside, "secret.raw", &[&bytes(false)]);
    std::os::unix::fs::symlink(&secret, folder.path().join("v.raw")).unwrap();
    let header = nrrd_header("raw", "data file: v.raw\n");
    let error = read_nrrd(&folder, &[header.as_bytes()]).unwrap_err().to_string();
    assert!(error.contains("outside of the header's folder"), "{error}");
}

fn mha_header(compressed: bool, data: &str) -> String {
    format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
         CompressedData = {}\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = -5 -6 7\nCenterOfRotation = 0 0 0\n\
         AnatomicalOrientation = RAI\nElementSpacing = 2 3 4\nDimSize = 3 2 2\nElementType = MET_SHORT\n\
         ElementDataFile = {data}\n",
        if compressed { "True" } else { "False" }
    )
}

fn read_mha(folder: &TempDir, parts: &[&[u8]]) -> Result<LoadedVolume, IoError> {
    metaimage::read(&put(folder, "v.mha", parts), &Progress::new())
}

#[test]
fn metaimage_raw_and_zlib_attached_and_detached() {
    let folder = TempDir::new().unwrap();
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&bytes(false)).unwrap();
    let packed = packer.finish().unwrap();
    let raw = mha_header(false, "LOCAL");
    assert_eq!(read_mha(&folder, &[raw.as_bytes(), &bytes(false)]).unwrap().volume, expected());
    assert_eq!(read_mha(&folder, &[mha_header(true, "LOCAL").as_bytes(), &packed]).unwrap().volume, expected());
    let big = raw.replace("MSB = False", "MSB = True");
    assert_eq!(read_mha(&folder, &[big.as_bytes(), &bytes(true)]).unwrap().volume, expected());
    put(&folder, "v.raw", &[b"junk", &bytes(false)]);
    for size in ["4", "-1"] {
        let header = mha_header(false, "v.raw").replace("NDims", &format!("HeaderSize = {size}\nNDims"));
        assert_eq!(read_mha(&folder, &[header.as_bytes()]).unwrap().volume, expected());
    }
    put(&folder, "v.zraw", &[&packed]);
    assert_eq!(read_mha(&folder, &[mha_header(true, "v.zraw").as_bytes()]).unwrap().volume, expected());
}

#[test]
fn metaimage_refuses_by_cause() {
    let folder = TempDir::new().unwrap();
    let sound = mha_header(false, "LOCAL");
    for (from, to, cause) in [
        ("DimSize = 3 2 2", "DimSize = 3 2 8000", "promises"),
        ("DimSize = 3 2 2", "DimSize = 3 -2 2", "DimSize"),
        ("DimSize = 3 2 2\n", "", "DimSize"),
        ("DimSize = 3 2 2", "DimSize = 3 2 2 5", "NDims"),
        ("ElementSpacing = 2 3 4", "ElementSpacing = 2 3 0", "length zero"),
        ("ElementSpacing = 2 3 4\n", "", "ElementSpacing"),
        ("ElementSpacing = 2 3 4", "ElementSpacing = 2 3 4000", "not plausible"),
        ("Offset = -5 -6 7", "Offset = -5 -6 nan", "origin"),
        ("1 0 0 0 1 0 0 0 1", "1 0 0 1 0 0 0 0 1", "singular"),
        ("MET_SHORT", "MET_SHORT_ARRAY", "values a voxel"),
        ("MET_SHORT", "MET_LONG", "ElementType"),
        ("BinaryData = True", "BinaryData = False", "text"),
        ("NDims = 3", "NDims = 3\nElementNumberOfChannels = 3", "3 values a voxel"),
        ("CompressedData = False", "CompressedData = True", "damaged"),
        ("CompressedData = False", "CompressedData = perhaps", "perhaps"),
        ("= LOCAL", "= LIST", "several files"),
        ("= LOCAL", "= ../v.raw", "outside"),
        ("ElementDataFile = LOCAL\n", "", "ElementDataFile"),
    ] {
        let header = sound.replace(from, to);
        assert_ne!(header, sound, "{from}");
        let error = read_mha(&folder, &[header.as_bytes(), &bytes(false)]).unwrap_err().to_string();
        assert!(error.contains(cause), "{from} -> {to}: {error}");
    }
}

proptest! {
    #[test]
    fn metaimage_returns_what_was_written(a in -0.7..0.7f64, b in -0.7..0.7f64, origin in prop::array::uniform3(-500.0..500.0f64)) {
        let ((s, c), (t, k)) = (a.sin_cos(), b.sin_cos());
        let direction = [[c, -s * k, s * t], [s, c * k, -c * t], [0.0, t, k]];
        let frame = Frame::new([3, 2, 2], [0.7, 1.3, 2.5], origin, direction).unwrap();
        let written = Volume::new(frame, VALUES.to_vec()).unwrap();
        let folder = TempDir::new().unwrap();
        for name in ["v.mha", "v.mhd"] {
            let path = folder.path().join(name);
            metaimage::write(&path, &written).unwrap();
            let read = metaimage::read(&path, &Progress::new()).unwrap().volume;
            prop_assert_eq!(read.hu(), written.hu());
            for corner in [[0.0; 3], [2.0, 1.0, 1.0]] {
                let (p, q) = (read.frame().world_from_voxel(corner), written.frame().world_from_voxel(corner));
                prop_assert!((0..3).all(|k| (p[k] - q[k]).abs() < 1e-9));
            }
        }
    }
}
