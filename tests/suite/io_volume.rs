//! CT volumes in and out: round trips, every number type and byte order, axes in any order, against the layout
//! of the formats' own definitions (bytes put together here by hand).

use biplane::geometry::reorient::AxisOrder;
use biplane::geometry::{Frame, Volume};
use biplane::io::{IoError, LoadedVolume, Progress, Warning, nifti};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A rotation about z then x, as a direction matrix.
fn rotation(a: f64, b: f64) -> [[f64; 3]; 3] {
    let ((s, c), (t, k)) = (a.sin_cos(), b.sin_cos());
    [[c, -s * k, s * t], [s, c * k, -c * t], [0.0, t, k]]
}

/// Distinct values in every voxel, air among them.
fn volume(frame: Frame) -> Volume {
    let hu = (0..frame.len()).map(|i| (i as i16 * 7) % 3000 - 1000).collect();
    Volume::new(frame, hu).unwrap()
}

fn small(direction: [[f64; 3]; 3]) -> Volume {
    volume(Frame::new([5, 4, 3], [0.7, 1.3, 2.5], [-10.5, 20.25, 1000.125], direction).unwrap())
}

fn along_lps() -> Volume {
    small(biplane::geometry::frame::IDENTITY)
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn nii(path: &Path) -> Result<LoadedVolume, IoError> {
    nifti::read(path, &Progress::new())
}

/// Whether two volumes hold the same value at the same place in the patient, whatever the order of their axes.
fn same_in_space(a: &Volume, b: &Volume, tolerance_mm: f64) -> bool {
    let [nx, ny, nz] = a.frame().dims();
    a.frame().len() == b.frame().len()
        && (0..nz).all(|z| {
            (0..ny).all(|y| {
                (0..nx).all(|x| {
                    let world = a.frame().world_from_voxel([x as f64, y as f64, z as f64]);
                    let p = b.frame().voxel_from_world(world);
                    let near = p.map(|v| v.round());
                    let apart = (0..3).map(|k| (p[k] - near[k]).abs() * b.frame().spacing_mm()[k]).sum::<f64>();
                    apart <= tolerance_mm && b.at(near[0] as usize, near[1] as usize, near[2] as usize) == a.at(x, y, z)
                })
            })
        })
}

/// All 48 ways to lay axes along the patient's.
fn signed_permutations() -> Vec<[[f64; 3]; 3]> {
    let mut all = Vec::new();
    for from in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for signs in 0..8 {
            let mut direction = [[0.0; 3]; 3];
            for k in 0..3 {
                direction[from[k]][k] = if signs >> k & 1 == 1 { -1.0 } else { 1.0 };
            }
            all.push(direction);
        }
    }
    all
}

#[test]
fn every_order_of_axes_becomes_lps_and_back() {
    for direction in signed_permutations() {
        let stored = small(direction);
        let order = AxisOrder::nearest_lps(direction);
        let frame = order.frame(stored.frame()).unwrap();
        assert!(frame.is_along_lps());
        let values = order.values(stored.frame().dims(), stored.hu().to_vec());
        let ordered = Volume::new(frame.clone(), values.clone()).unwrap();
        assert!(same_in_space(&stored, &ordered, 1e-9), "{direction:?}");
        let back = order.inverse();
        assert_eq!(back.values(frame.dims(), values), stored.hu());
        let again = back.frame(&frame).unwrap();
        assert_eq!((again.dims(), again.direction()), (stored.frame().dims(), direction));
    }
}

proptest! {
    #[test]
    fn oblique_axes_go_to_their_nearest(a in -3.0..3.0f64, b in -3.0..3.0f64) {
        let stored = small(rotation(a, b));
        let order = AxisOrder::nearest_lps(stored.frame().direction());
        let frame = order.frame(stored.frame()).unwrap();
        let values = order.values(stored.frame().dims(), stored.hu().to_vec());
        prop_assert!(same_in_space(&stored, &Volume::new(frame.clone(), values).unwrap(), 1e-9));
        // No other order has a larger trace, and all diagonal elements point forward.
        let trace: f64 = (0..3).map(|k| frame.direction()[k][k]).sum();
        for other in signed_permutations() {
            let d = frame.direction();
            let turned: f64 = (0..3).map(|k| (0..3).map(|j| d[k][j] * other[j][k]).sum::<f64>()).sum();
            prop_assert!(turned <= trace + 1e-9);
        }
    }

    #[test]
    fn nifti_keeps_an_oblique_volume(a in -3.0..3.0f64, b in -3.0..3.0f64, packed: bool) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(if packed { "v.nii.gz" } else { "v.nii" });
        let written = small(rotation(a, b));
        nifti::write(&path, &written).unwrap();
        // The header holds 32 bit floats: 1000 mm to 6e-5.
        prop_assert!(same_in_space(&written, &nii(&path).unwrap().volume, 1e-3));
    }
}

#[test]
fn nifti_keeps_every_order_of_axes() {
    let folder = TempDir::new().unwrap();
    for direction in signed_permutations() {
        let path = folder.path().join("v.nii");
        nifti::write(&path, &small(direction)).unwrap();
        let read = nii(&path).unwrap();
        assert!(read.volume.frame().is_along_lps());
        assert!(same_in_space(&small(direction), &read.volume, 1e-6), "{direction:?}");
    }
}

#[test]
fn nifti_returns_decimal_geometry_exactly() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cube.nii.gz");
    let cube = volume(Frame::cube_of(16, [12.3, -45.6, 789.1]));
    nifti::write(&path, &cube).unwrap();
    let read = nii(&path).unwrap();
    assert_eq!(read.volume.hu(), cube.hu());
    for k in 0..3 {
        assert_eq!(read.volume.frame().spacing_mm()[k], cube.frame().spacing_mm()[k]);
        assert!((read.volume.frame().origin_mm()[k] - cube.frame().origin_mm()[k]).abs() < 1e-4);
    }
    assert_eq!(read.volume.frame().direction(), cube.frame().direction());
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
}

/// A header by the table of nifti1.h, each field at its offset.
struct Header {
    big_endian: bool,
    bytes: Vec<u8>,
}

impl Header {
    fn new(big_endian: bool, dims: [i16; 3], datatype: i16, bits: i16) -> Self {
        let mut header = Self { big_endian, bytes: vec![0; 352] };
        header.i32(0, 348);
        for (k, n) in [3, dims[0], dims[1], dims[2], 1, 1, 1, 1].into_iter().enumerate() {
            header.i16(40 + 2 * k, n);
        }
        header.i16(70, datatype);
        header.i16(72, bits);
        for (k, d) in [1.0, 2.0, 3.0, 4.0].into_iter().enumerate() {
            header.f32(76 + 4 * k, d);
        }
        header.f32(108, 352.0);
        header.bytes[123] = 2;
        header.bytes[344..348].copy_from_slice(b"n+1\0");
        header.sform([[-2.0, 0.0, 0.0, 5.0], [0.0, -3.0, 0.0, 6.0], [0.0, 0.0, 4.0, 7.0]]);
        header
    }

    fn put(&mut self, at: usize, mut native_le: Vec<u8>) {
        if self.big_endian {
            native_le.reverse();
        }
        self.bytes[at..at + native_le.len()].copy_from_slice(&native_le);
    }

    fn i16(&mut self, at: usize, v: i16) {
        self.put(at, v.to_le_bytes().to_vec());
    }

    fn i32(&mut self, at: usize, v: i32) {
        self.put(at, v.to_le_bytes().to_vec());
    }

    fn f32(&mut self, at: usize, v: f32) {
        self.put(at, v.to_le_bytes().to_vec());
    }

    fn sform(&mut self, rows: [[f32; 4]; 3]) {
        self.i16(254, 1);
        for (k, v) in rows.into_iter().flatten().enumerate() {
            self.f32(280 + 4 * k, v);
        }
    }

    fn with(&self, data: &[u8]) -> Vec<u8> {
        [&self.bytes, data].concat()
    }
}

/// Two voxels, -1000 + k and 40, in the bytes of a number type.
macro_rules! two {
    ($number:ty, $big:expr, $values:expr) => {{
        let values: [$number; 2] = $values;
        values
            .into_iter()
            .flat_map(|v| if $big { v.to_be_bytes().to_vec() } else { v.to_le_bytes().to_vec() })
            .collect()
    }};
}

#[test]
fn nifti_reads_every_number_type_in_both_byte_orders() {
    let folder = TempDir::new().unwrap();
    for big in [false, true] {
        // Codes of nifti1.h; unsigned and 8 bit types are shifted by scl_inter.
        let cases: [(i16, i16, f32, Vec<u8>); 10] = [
            (2, 8, -1024.0, two!(u8, big, [24, 224])),
            (256, 8, -924.0, two!(i8, big, [-76, 124])),
            (512, 16, -1024.0, two!(u16, big, [24, 224])),
            (4, 16, 0.0, two!(i16, big, [-1000, -800])),
            (768, 32, -1024.0, two!(u32, big, [24, 224])),
            (8, 32, 0.0, two!(i32, big, [-1000, -800])),
            (1280, 64, -1024.0, two!(u64, big, [24, 224])),
            (1024, 64, 0.0, two!(i64, big, [-1000, -800])),
            (16, 32, 0.0, two!(f32, big, [-1000.4, -799.6])),
            (64, 64, 0.0, two!(f64, big, [-1000.4, -799.6])),
        ];
        for (code, bits, inter, data) in cases {
            let mut header = Header::new(big, [2, 1, 1], code, bits);
            header.f32(112, 1.0);
            header.f32(116, inter);
            let path = put(&folder, "n.nii", &header.with(&data));
            let read = nii(&path).unwrap();
            assert_eq!(read.volume.hu(), [-1000, -800], "type {code}, big endian {big}");
            assert_eq!(read.volume.frame().spacing_mm(), [2.0, 3.0, 4.0]);
            // Stored along L, P, H already: RAS (5, 6, 7) is LPS (-5, -6, 7).
            assert_eq!(read.volume.frame().origin_mm(), [-5.0, -6.0, 7.0]);
            let packed = put(&folder, "n.nii.gz", &gzip(&header.with(&data)));
            assert_eq!(nii(&packed).unwrap().volume, read.volume);
        }
    }
}

#[test]
fn nifti_scales_and_marks_what_is_no_number() {
    let folder = TempDir::new().unwrap();
    let mut header = Header::new(false, [4, 1, 1], 16, 32);
    header.f32(112, 2.0);
    header.f32(116, -1000.0);
    let data: Vec<u8> = [f32::NAN, 0.0, 100.0, 1e9].into_iter().flat_map(f32::to_le_bytes).collect();
    let read = nii(&put(&folder, "n.nii", &header.with(&data))).unwrap();
    assert_eq!(read.volume.hu(), [-1024, -1000, -800, i16::MAX]);
    assert_eq!(read.warnings, [Warning::NotNumbers { count: 1 }, Warning::Clipped { count: 1 }]);
    // A slope of 0 means that there is none.
    header.f32(112, 0.0);
    let data: Vec<u8> = [-1000f32, -2000.0, 0.0, 40.0].into_iter().flat_map(f32::to_le_bytes).collect();
    let read = nii(&put(&folder, "n.nii", &header.with(&data))).unwrap();
    assert_eq!(read.volume.hu(), [-1000, -1024, 0, 40]);
    assert_eq!(read.warnings, []);
}

#[test]
fn nifti_units_and_qform() {
    let folder = TempDir::new().unwrap();
    let data = [-1000i16, 0].map(i16::to_le_bytes).concat();
    let mut header = Header::new(false, [2, 1, 1], 4, 16);
    // Metres and micrometres.
    for (code, factor) in [(1, 1e-3), (3, 1e3)] {
        header.bytes[123] = code;
        header.sform([[-2.0 * factor, 0.0, 0.0, 0.0], [0.0, -3.0 * factor, 0.0, 0.0], [0.0, 0.0, 4.0 * factor, 0.0]]);
        let read = nii(&put(&folder, "n.nii", &header.with(&data))).unwrap();
        let spacing = read.volume.frame().spacing_mm();
        assert!((0..3).all(|k| (spacing[k] - [2.0, 3.0, 4.0][k]).abs() < 1e-6), "{spacing:?}");
    }
    // The half turn about z (b = c = 0, d = 1) is RAS to LPS; qfac -1 turns the third axis round.
    header.bytes[123] = 2;
    header.i16(254, 0);
    header.i16(252, 1);
    header.f32(264, 1.0);
    header.f32(76, -1.0);
    for (k, v) in [5.0, 6.0, 7.0].into_iter().enumerate() {
        header.f32(268 + 4 * k, v);
    }
    let read = nii(&put(&folder, "n.nii", &header.with(&data))).unwrap();
    assert_eq!(read.volume.hu(), [-1000, 0]);
    assert_eq!(read.volume.frame().origin_mm(), [-5.0, -6.0, 7.0]);
    assert_eq!(read.info.fields[2], ("Stored along".to_string(), "LPF".to_string()));
    // Neither: pixdim alone, and it says so.
    header.i16(252, 0);
    header.bytes[123] = 0;
    let read = nii(&put(&folder, "n.nii", &header.with(&data))).unwrap();
    assert_eq!(read.volume.hu(), [0, -1000]);
    assert_eq!(read.warnings.len(), 2, "{:?}", read.warnings);
}

#[test]
fn a_load_can_be_cancelled_and_tells_how_far_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("v.nii.gz");
    nifti::write(&path, &along_lps()).unwrap();
    let progress = Progress::new();
    nifti::read(&path, &progress).unwrap();
    assert_eq!(progress.fraction(), Some(1.0));
    progress.cancel();
    assert!(matches!(nifti::read(&path, &progress), Err(IoError::Cancelled { .. })));
}

#[test]
fn a_failed_write_leaves_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("no/such/folder/v.nii.gz");
    assert!(matches!(nifti::write(&path, &along_lps()), Err(IoError::Write { .. })));
    let blocked = folder.path().join("taken.nii");
    std::fs::create_dir(&blocked).unwrap();
    assert!(nifti::write(&blocked, &along_lps()).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn bytes_after_the_voxels_are_told() {
    let folder = TempDir::new().unwrap();
    let mut header = Header::new(false, [1, 1, 1], 4, 16);
    header.f32(112, 1.0);
    let bytes = header.with(&[&(-1000i16).to_le_bytes()[..], &[0; 5]].concat());
    for bytes in [gzip(&bytes), bytes] {
        let read = nii(&put(&folder, "n.nii", &bytes)).unwrap();
        assert_eq!(read.warnings, [Warning::TrailingBytes { count: 5 }]);
    }
}
