//! DICOM: round trips through our writers, hand-made headers with known answers, and everything that can be wrong.

use biplane::geometry::{Beam, Detector, Frame, Preset, Raster, View, Volume};
use biplane::io::dicom::{self, CaseInfo, FilmInfo, SeriesInfo, VolumeOrigin};
use biplane::io::{self, FilmKind, IoError, LoadedVolume, Progress, Provenance, Tone, Warning};
use biplane::units::Radians;
use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use std::fs;
use std::path::{Path, PathBuf};

/// A DICOM object made by hand, so that a reader is not tested with its own writer alone.
#[derive(Clone)]
struct Dcm(InMemDicomObject, String);

impl Dcm {
    fn text(mut self, tag: Tag, vr: VR, value: &str) -> Self {
        self.0.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        self
    }

    fn short(mut self, tag: Tag, value: u16) -> Self {
        self.0.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        self
    }

    fn without(mut self, tag: Tag) -> Self {
        self.0.remove_element(tag);
        self
    }

    fn syntax(mut self, uid: &str) -> Self {
        self.1 = uid.to_string();
        self
    }

    fn words(mut self, words: &[u16]) -> Self {
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.iter().copied().collect())));
        self
    }

    fn fragments(mut self, stream: Vec<u8>) -> Self {
        let fragments = PixelFragmentSequence::new_fragments(vec![stream]);
        self.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, fragments));
        self
    }

    fn bytes(self) -> Vec<u8> {
        let meta = FileMetaTableBuilder::new().transfer_syntax(self.1);
        let mut bytes = Vec::new();
        self.0.with_meta(meta).unwrap().write_all(&mut bytes).unwrap();
        bytes
    }

    fn save(self, path: &Path) {
        fs::write(path, self.bytes()).unwrap();
    }
}

/// A picture of 4 columns and 3 rows holding 0, 1, 2 ... 11.
fn picture(modality: &str, class: &str) -> Dcm {
    Dcm(InMemDicomObject::new_empty(), uids::EXPLICIT_VR_LITTLE_ENDIAN.to_string())
        .text(tags::SOP_CLASS_UID, VR::UI, class)
        .text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3")
        .text(tags::MODALITY, VR::CS, modality)
        .text(tags::PATIENT_NAME, VR::PN, "Secret^Name")
        .short(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
        .short(tags::ROWS, 3)
        .short(tags::COLUMNS, 4)
        .short(tags::BITS_ALLOCATED, 16)
        .short(tags::BITS_STORED, 12)
        .short(tags::HIGH_BIT, 11)
        .short(tags::PIXEL_REPRESENTATION, 0)
        .words(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
}

/// CT slice number `k` of a scan with 2 mm steps; its value is 1000 + 10 k + place.
fn ct_slice(k: usize) -> Dcm {
    let words: Vec<u16> = (0..12).map(|i| (1000 + 10 * k + i) as u16).collect();
    picture("CT", uids::CT_IMAGE_STORAGE)
        .text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.840.1")
        .text(tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.2.840.2")
        .text(tags::INSTANCE_NUMBER, VR::IS, &k.to_string())
        .text(tags::IMAGE_POSITION_PATIENT, VR::DS, &format!("-10\\-20\\{}", 100 + 2 * k))
        .text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0")
        .text(tags::PIXEL_SPACING, VR::DS, "0.5\\0.75")
        .text(tags::RESCALE_INTERCEPT, VR::DS, "-1024")
        .text(tags::RESCALE_SLOPE, VR::DS, "1")
        .text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST")
        .words(&words)
}

fn film(modality: &str) -> Dcm {
    picture(modality, uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
}

/// A folder with slices 0 to `n` - 1, in names that run against the order of the positions.
fn scan_folder(n: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for k in 0..n {
        ct_slice(k).save(&dir.path().join(format!("s{:02}.dcm", 50 - k)));
    }
    dir
}

fn open(path: &Path) -> Result<LoadedVolume, IoError> {
    dicom::open_series(path, &Progress::new())
}

/// The message of an error that must name the file and not the patient.
fn refusal<T: std::fmt::Debug>(result: Result<T, IoError>, path: &Path) -> String {
    let words = result.unwrap_err().to_string();
    assert!(words.contains(&*path.file_name().unwrap().to_string_lossy()), "no file in: {words}");
    assert!(!words.contains("Secret"), "a name in: {words}");
    assert!(words.contains(';') && words.len() > 30, "no advice in: {words}");
    words
}

fn has(words: &str, parts: &[&str]) {
    for part in parts {
        assert!(words.contains(part), "no '{part}' in: {words}");
    }
}

#[test]
fn a_series_is_put_in_order_and_scaled() {
    let dir = scan_folder(4);
    let loaded = open(dir.path()).unwrap();
    let frame = loaded.volume.frame();
    assert_eq!(frame.dims(), [4, 3, 4]);
    assert_eq!(frame.spacing_mm(), [0.75, 0.5, 2.0]);
    assert_eq!(frame.origin_mm(), [-10.0, -20.0, 100.0]);
    assert!(frame.is_along_lps());
    assert_eq!(loaded.volume.at(1, 2, 3), Some(1000 + 30 + 9 - 1024));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert_eq!(loaded.info.frame_of_reference.as_deref(), Some("1.2.840.2"));
    assert!(!format!("{:?}", loaded.info).contains("Secret"));
    // Any one of its files opens the whole, and so does a list.
    assert_eq!(open(&dir.path().join("s49.dcm")).unwrap().volume, loaded.volume);
    let list: Vec<PathBuf> = (47..=50).map(|k| dir.path().join(format!("s{k}.dcm"))).collect();
    assert_eq!(dicom::open_series_files(&list, &Progress::new()).unwrap().volume, loaded.volume);
}

#[test]
fn every_plain_syntax_gives_the_same_volume() {
    let wanted = open(scan_folder(3).path()).unwrap().volume;
    #[allow(deprecated)]
    let big = uids::EXPLICIT_VR_BIG_ENDIAN;
    for syntax in [uids::IMPLICIT_VR_LITTLE_ENDIAN, big, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN] {
        let dir = tempfile::tempdir().unwrap();
        for k in 0..3 {
            ct_slice(k).syntax(syntax).save(&dir.path().join(format!("{k}")));
        }
        assert_eq!(open(dir.path()).unwrap().volume, wanted, "{syntax}");
    }
}

#[test]
fn values_are_rescaled_padded_and_clipped_by_slice() {
    let dir = tempfile::tempdir().unwrap();
    ct_slice(0)
        .text(tags::RESCALE_SLOPE, VR::DS, "2.5")
        .words(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4000, 4095])
        .save(&dir.path().join("a"));
    let signed = |v: i32| v as u16 & 0x0FFF;
    ct_slice(1)
        .short(tags::PIXEL_REPRESENTATION, 1)
        .text(tags::RESCALE_INTERCEPT, VR::DS, "0")
        .short(tags::PIXEL_PADDING_VALUE, (-2000i16) as u16)
        // The upper four bits are not part of the value.
        .words(&[signed(-2000), signed(-1000), 0xF000 | signed(-1), 5, 0, 0, 0, 0, 0, 0, 0, 2047])
        .save(&dir.path().join("b"));
    let loaded = open(dir.path()).unwrap();
    let slices: Vec<&[i16]> = loaded.volume.hu().chunks(12).collect();
    // 1 x 2.5 - 1024 = -1021.5 rounds away from zero.
    assert_eq!(slices[0][..3], [-1024, -1022, -1019]);
    assert_eq!(slices[0][10..], [3071, 3071], "clipped");
    assert_eq!(slices[1][..4], [-1024, -1000, -1, 5]);
    assert_eq!(slices[1][11], 2047);
    assert!(loaded.warnings.contains(&Warning::Clipped { count: 2 }), "{:?}", loaded.warnings);
}

#[test]
fn padding_that_names_tissue_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    for k in 0..2 {
        ct_slice(k).short(tags::PIXEL_PADDING_VALUE, 1024).words(&[1024; 12]).save(&dir.path().join(k.to_string()));
    }
    let loaded = open(dir.path()).unwrap();
    assert!(loaded.volume.hu().iter().all(|&v| v == 0));
    assert!(loaded.warnings.iter().any(|w| matches!(w, Warning::Contradiction { .. })));
}

#[test]
fn films_and_other_series_beside_are_left_out_with_a_word() {
    let dir = scan_folder(4);
    fs::create_dir(dir.path().join("deeper")).unwrap();
    film("CR").save(&dir.path().join("deeper/film.dcm"));
    fs::write(dir.path().join("notes.txt"), "hello").unwrap();
    fs::write(dir.path().join("empty.dcm"), "").unwrap();
    for k in 0..2 {
        ct_slice(k)
            .text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.840.9")
            .save(&dir.path().join(format!("deeper/{k}.dcm")));
    }
    let loaded = open(dir.path()).unwrap();
    assert_eq!(loaded.volume.frame().dims()[2], 4);
    let words: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let all = words.join("\n");
    has(&all, &["1 files skipped: CR", "2 files skipped: no DICOM", "2 files skipped: slices of 1 other series"]);
    // A head scan with more slices does not win over a chest.
    for k in 0..9 {
        ct_slice(k)
            .text(tags::SERIES_INSTANCE_UID, VR::UI, "1.2.840.10")
            .text(tags::BODY_PART_EXAMINED, VR::CS, "HEAD")
            .save(&dir.path().join(format!("deeper/h{k}.dcm")));
    }
    assert_eq!(open(dir.path()).unwrap().volume.frame().dims()[2], 4);
}

#[test]
fn duplicates_are_dropped_and_gaps_refused() {
    let dir = scan_folder(5);
    ct_slice(2).text(tags::INSTANCE_NUMBER, VR::IS, "77").words(&[0; 12]).save(&dir.path().join("again.dcm"));
    let loaded = open(dir.path()).unwrap();
    assert_eq!(loaded.warnings, [Warning::DuplicateSlices { count: 1 }]);
    assert_eq!(loaded.volume.at(0, 0, 2), Some(1020 - 1024), "the first by number stays");
    fs::remove_file(dir.path().join("again.dcm")).unwrap();
    fs::remove_file(dir.path().join("s48.dcm")).unwrap();
    has(&refusal(open(dir.path()), dir.path()), &["about 1 slices are missing", "between 102.0 and 106.0 mm"]);
}

#[test]
fn tilt_and_two_frames_of_reference_are_refused() {
    let dir = scan_folder(4);
    for k in 0..4 {
        // 2 mm up and 0.02 mm sideways lean by 0.57 degrees.
        let position = format!("-10\\{:.2}\\{}", -20.0 + 0.02 * k as f64, 100 + 2 * k);
        ct_slice(k)
            .text(tags::IMAGE_POSITION_PATIENT, VR::DS, &position)
            .save(&dir.path().join(format!("s{}.dcm", 50 - k)));
    }
    has(&refusal(open(dir.path()), dir.path()), &["tilted by 0.6 degrees"]);
    let dir = scan_folder(4);
    ct_slice(1).text(tags::FRAME_OF_REFERENCE_UID, VR::UI, "1.9").save(&dir.path().join("s49.dcm"));
    has(&refusal(open(dir.path()), dir.path()), &["several frames of reference"]);
}

#[test]
fn uneven_steps_are_told() {
    let dir = scan_folder(5);
    ct_slice(4).text(tags::IMAGE_POSITION_PATIENT, VR::DS, "-10\\-20\\108.4").save(&dir.path().join("s46.dcm"));
    let loaded = open(dir.path()).unwrap();
    assert!(matches!(loaded.warnings[..], [Warning::UnevenSteps { .. }]), "{:?}", loaded.warnings);
    assert!((loaded.volume.frame().spacing_mm()[2] - 2.1).abs() < 1e-9);
}

#[test]
fn a_scan_stored_along_other_axes_comes_out_along_lps() {
    let dir = tempfile::tempdir().unwrap();
    // Feet first: the row runs to the right, so the normal runs to the feet.
    for k in 0..3 {
        ct_slice(k)
            .text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "-1\\0\\0\\0\\1\\0")
            .save(&dir.path().join(format!("{k}.dcm")));
    }
    let loaded = open(dir.path()).unwrap();
    let frame = loaded.volume.frame();
    assert!(frame.is_along_lps());
    assert_eq!(frame.origin_mm(), [-10.0 - 3.0 * 0.75, -20.0, 100.0]);
    assert_eq!(loaded.volume.at(3, 0, 0), Some(1000 - 1024));
    assert_eq!(loaded.volume.at(0, 0, 2), Some(1023 - 1024));
}

#[test]
fn what_is_no_chest_ct_is_refused_by_name() {
    let dir = scan_folder(3);
    for k in 0..3 {
        ct_slice(k).text(tags::BODY_PART_EXAMINED, VR::CS, "HEAD").save(&dir.path().join(format!("s{}.dcm", 50 - k)));
    }
    has(&refusal(open(dir.path()), dir.path()), &["HEAD", "not the chest"]);
    let dir = tempfile::tempdir().unwrap();
    ct_slice(0).text(tags::MODALITY, VR::CS, "MR").save(&dir.path().join("mr.dcm"));
    has(&refusal(open(dir.path()), dir.path()), &["only 1 MR"]);
    let mr = dir.path().join("mr.dcm");
    has(&refusal(open(&mr), &mr), &["this is MR"]);
    let one = scan_folder(1);
    has(&refusal(open(one.path()), one.path()), &["a single slice"]);
    let perhaps = scan_folder(3);
    ct_slice(0).text(tags::BODY_PART_EXAMINED, VR::CS, "ABDOMEN").save(&perhaps.path().join("s50.dcm"));
    ct_slice(1).text(tags::BODY_PART_EXAMINED, VR::CS, "ABDOMEN").save(&perhaps.path().join("s49.dcm"));
    ct_slice(2).text(tags::BODY_PART_EXAMINED, VR::CS, "ABDOMEN").save(&perhaps.path().join("s48.dcm"));
    assert_eq!(open(perhaps.path()).unwrap().warnings, [Warning::BodyPart { said: "ABDOMEN".to_string() }]);
}

#[test]
fn paths_that_lead_nowhere_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open(dir.path()), Err(IoError::NothingInFolder { .. })));
    assert!(matches!(open(&dir.path().join("gone")), Err(IoError::Missing { .. })));
    let film = |name: &str| dicom::open_radiograph(&dir.path().join(name));
    assert!(matches!(dicom::open_radiograph(dir.path()), Err(IoError::IsFolder { .. })));
    fs::write(dir.path().join("empty.dcm"), "").unwrap();
    assert!(matches!(film("empty.dcm"), Err(IoError::Empty { .. })));
    fs::write(dir.path().join("text.dcm"), "no image at all, but long enough to look at").unwrap();
    assert!(matches!(film("text.dcm"), Err(IoError::UnknownType { .. })));
    // 3 GB that take no room on the disk must take none in memory either.
    let sparse = fs::File::create(dir.path().join("sparse.dcm")).unwrap();
    sparse.set_len(3 << 30).unwrap();
    assert!(matches!(film("sparse.dcm"), Err(IoError::UnknownType { .. })));
    let headed = dir.path().join("headed.dcm");
    super_film().save(&headed);
    fs::OpenOptions::new().write(true).open(&headed).unwrap().set_len(3 << 30).unwrap();
    film("headed.dcm").unwrap();
}

/// A film that nothing is wrong with.
fn super_film() -> Dcm {
    film("DX").text(tags::VIEW_POSITION, VR::CS, "PA")
}

#[cfg(unix)]
#[test]
fn a_closed_file_is_no_permission() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("closed.dcm");
    super_film().save(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads everything; there is nothing to test then.
    if fs::File::open(&path).is_err() {
        assert!(matches!(dicom::open_radiograph(&path), Err(IoError::NoPermission { .. })));
    }
}

#[test]
fn damaged_films_are_refused_with_their_cause() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("film.dcm");
    let try_one = |dcm: Dcm| {
        dcm.save(&path);
        refusal(dicom::open_radiograph(&path), &path)
    };
    has(&try_one(super_film().short(tags::ROWS, 400)), &["Rows and Columns do not fit", "3200 bytes, 24 are stored"]);
    has(&try_one(super_film().without(tags::PIXEL_DATA)), &["no pixel data"]);
    has(&try_one(super_film().without(tags::ROWS)), &["Rows is missing"]);
    has(&try_one(super_film().short(tags::HIGH_BIT, 40)), &["HighBit 40"]);
    has(&try_one(super_film().short(tags::BITS_ALLOCATED, 32)), &["32 bits"]);
    has(&try_one(super_film().text(tags::NUMBER_OF_FRAMES, VR::IS, "30")), &["30 frames"]);
    has(&try_one(film("MR")), &["this is MR"]);
    has(&try_one(ct_slice(0)), &["CT slice"]);
    has(&try_one(super_film().text(tags::BODY_PART_EXAMINED, VR::CS, "KNEE")), &["KNEE", "not the chest"]);
    let any = io::open_radiograph_as(&path, io::Subject::Any, &Progress::new()).unwrap();
    assert!(any.warnings.contains(&Warning::BodyPart { said: "KNEE".to_string() }), "a person knows better");
    has(&try_one(super_film().fragments(vec![1, 2, 3, 4]).syntax(uids::JPEGLS_LOSSLESS)), &["JPEG-LS"]);
    let mut unknown = super_film().bytes();
    let at = unknown.windows(19).position(|w| w == uids::EXPLICIT_VR_LITTLE_ENDIAN.as_bytes()).unwrap();
    unknown[at + 16] = b'9';
    let words = dicom::radiograph_from_bytes(unknown, &path).unwrap_err().to_string();
    has(&words, &["1.2.840.10008.1.9.1 is unknown"]);
    for syntax in [uids::JPEG_LOSSLESS_SV1, uids::JPEG2000_LOSSLESS, uids::JPEGXL, uids::RLE_LOSSLESS] {
        try_one(super_film().fragments(vec![7; 64]).syntax(syntax));
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error_and_never_a_panic() {
    let bytes = super_film().bytes();
    let path = Path::new("cut.dcm");
    for end in 0..bytes.len() {
        assert!(dicom::radiograph_from_bytes(bytes[..end].to_vec(), path).is_err(), "cut at {end}");
    }
    dicom::radiograph_from_bytes(bytes, path).unwrap();
}

#[test]
fn any_byte_of_a_header_may_be_wrong() {
    let path = Path::new("byte.dcm");
    let slice = |k: usize| ct_slice(k).bytes();
    let dir = tempfile::tempdir().unwrap();
    for bytes in [super_film().bytes(), slice(0), film("RTIMAGE").syntax(uids::IMPLICIT_VR_LITTLE_ENDIAN).bytes()] {
        for at in 132..bytes.len() {
            for value in [0x00, 0x01, 0x7F, 0xFE, 0xFF] {
                let mut broken = bytes.clone();
                broken[at] = value;
                // An error or a film; a panic or a flood of memory would end the test.
                let _ = dicom::radiograph_from_bytes(broken, path);
            }
        }
    }
    fs::write(dir.path().join("whole"), slice(0)).unwrap();
    let second = slice(1);
    for at in (132..second.len()).step_by(7) {
        let mut broken = second.clone();
        broken[at] ^= 0xFF;
        fs::write(dir.path().join("broken"), broken).unwrap();
        let _ = open(dir.path());
    }
}

#[test]
fn a_length_in_a_header_allocates_nothing() {
    let mut bytes = super_film().bytes();
    // The length of the first data element behind the file meta becomes 4 GB.
    let at = bytes.windows(4).position(|w| w == [0x08, 0x00, 0x16, 0x00]).unwrap();
    bytes[at + 4..at + 12].copy_from_slice(&[b'O', b'B', 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]);
    let words = dicom::radiograph_from_bytes(bytes, Path::new("long.dcm")).unwrap_err().to_string();
    has(&words, &["4294967294 bytes", "the file ends"]);
}

/// A film of 24 x 16 pixels whose packed picture an outside encoder made (tests/golden/dicom_streams/make.py).
fn packed(name: &str, syntax: &str) -> Dcm {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dicom_streams");
    let stream = fs::read(folder.join(name)).unwrap();
    super_film().short(tags::ROWS, 16).short(tags::COLUMNS, 24).fragments(stream).syntax(syntax)
}

/// What the packed pictures hold at (column, row).
fn packed_value(k: usize) -> usize {
    150 * (k % 24) + 11 * (k / 24)
}

#[test]
fn packed_films_decode_to_what_the_encoder_was_given() {
    let values = |dcm: Dcm| {
        let film = dicom::radiograph_from_bytes(dcm.bytes(), Path::new("packed")).unwrap();
        assert_eq!((film.image.cols(), film.image.rows()), (24, 16));
        film.image.values().to_vec()
    };
    let exact: Vec<f32> = (0..384).map(|k| packed_value(k) as f32).collect();
    assert_eq!(values(packed("lossless12.j2k", uids::JPEG2000_LOSSLESS)), exact);
    assert_eq!(values(packed("lossless12.jpg", uids::JPEG_LOSSLESS_SV1)), exact);
    assert_eq!(values(packed("lossless12.jxl", uids::JPEGXL_LOSSLESS)), exact, "12 bits");
    assert_eq!(values(packed("lossless16.jxl", uids::JPEGXL_LOSSLESS)), exact, "16 bits in boxes");
    let eight = packed("baseline8.jpg", uids::JPEG_BASELINE8_BIT)
        .short(tags::BITS_ALLOCATED, 8)
        .short(tags::BITS_STORED, 8)
        .short(tags::HIGH_BIT, 7);
    for (k, value) in values(eight).iter().enumerate() {
        assert!((value - (packed_value(k) / 32) as f32).abs() <= 4.0, "pixel {k}: {value}");
    }
}

#[test]
fn run_lengths_and_plain_fragments_decode() {
    // PS3.5 annex G: two segments, the high bytes first; a run of 12 zeros, then 12 literal bytes.
    let mut stream = vec![0u8; 64];
    stream[0] = 2;
    stream[4] = 64;
    stream[8] = 66;
    stream.extend([(1i8 - 12) as u8, 1]);
    stream.push(11);
    stream.extend(0..12);
    stream.push(0);
    let rle = super_film().fragments(stream).syntax(uids::RLE_LOSSLESS);
    let wanted: Vec<f32> = (0..12).map(|k| (256 + k) as f32).collect();
    assert_eq!(dicom::radiograph_from_bytes(rle.bytes(), Path::new("rle")).unwrap().image.values(), wanted);
    let plain = (0..12u16).flat_map(|k| (256 + k).to_le_bytes()).collect();
    let fragments = super_film().fragments(plain).syntax(uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(dicom::radiograph_from_bytes(fragments.bytes(), Path::new("raw")).unwrap().image.values(), wanted);
}

#[test]
fn a_packed_picture_of_another_size_is_refused_before_it_is_decoded() {
    for (name, syntax) in [
        ("lossless12.j2k", uids::JPEG2000_LOSSLESS),
        ("lossless12.jpg", uids::JPEG_LOSSLESS_SV1),
        ("lossless12.jxl", uids::JPEGXL_LOSSLESS),
        ("lossless16.jxl", uids::JPEGXL_LOSSLESS),
    ] {
        let bytes = packed(name, syntax).short(tags::ROWS, 17).bytes();
        let words = dicom::radiograph_from_bytes(bytes, Path::new("size")).unwrap_err().to_string();
        has(&words, &["24 x 17 in the header, 24 x 16 in the packed picture"]);
    }
    // 64,000 x 64,000 pixels on a header's word.
    let huge = packed("lossless12.j2k", uids::JPEG2000_LOSSLESS).short(tags::ROWS, 64000).short(tags::COLUMNS, 64000);
    has(&dicom::radiograph_from_bytes(huge.bytes(), Path::new("huge")).unwrap_err().to_string(), &["64000"]);
    let many = packed("lossless12.j2k", uids::JPEG2000_LOSSLESS).short(tags::ROWS, 9000).short(tags::COLUMNS, 9000);
    has(&dicom::radiograph_from_bytes(many.bytes(), Path::new("many")).unwrap_err().to_string(), &["cannot hold"]);
}

#[test]
fn damaged_packed_films_never_panic() {
    let hook = std::panic::take_hook();
    // Panics inside of the decoders are caught; their message would only confuse the reader of this test's output.
    std::panic::set_hook(Box::new(|_| {}));
    let mut decoded = 0;
    for (name, syntax) in [
        ("lossless12.j2k", uids::JPEG2000_LOSSLESS),
        ("lossless12.jpg", uids::JPEG_LOSSLESS_SV1),
        ("lossless12.jxl", uids::JPEGXL_LOSSLESS),
    ] {
        let bytes = packed(name, syntax).bytes();
        for at in (bytes.len() - 200..bytes.len()).step_by(3) {
            let mut broken = bytes.clone();
            broken[at] ^= 0x55;
            decoded += usize::from(dicom::radiograph_from_bytes(broken, Path::new("broken")).is_ok());
        }
    }
    std::panic::set_hook(hook);
    assert!(decoded < 200);
}

#[test]
fn colour_pictures_are_refused_and_grey_ones_in_three_channels_taken() {
    let rgb = |bytes: Vec<u8>| {
        let mut dcm = film("OT")
            .short(tags::SAMPLES_PER_PIXEL, 3)
            .short(tags::PLANAR_CONFIGURATION, 0)
            .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
            .short(tags::BITS_ALLOCATED, 8)
            .short(tags::BITS_STORED, 8)
            .short(tags::HIGH_BIT, 7);
        dcm.0.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into())));
        dicom::radiograph_from_bytes(dcm.bytes(), Path::new("rgb"))
    };
    let grey = rgb((0..36).map(|k| k / 3 * 20).collect()).unwrap();
    assert_eq!(grey.image.values()[..3], [0.0, 20.0, 40.0]);
    assert!(grey.warnings.contains(&Warning::ColoursDropped));
    has(&rgb((0..36).map(|k| k % 3 * 100).collect()).unwrap_err().to_string(), &["colour picture"]);
}

#[test]
fn polarity_and_intensity_make_white_dense() {
    let values = |dcm: Dcm| dicom::radiograph_from_bytes(dcm.bytes(), Path::new("f")).unwrap();
    let plain = values(super_film());
    assert_eq!(plain.image.values()[..3], [0.0, 1.0, 2.0]);
    assert_eq!(plain.tone, Tone::Display);
    assert!(plain.warnings.contains(&Warning::DisplayContrast));
    let inverted = values(super_film().text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1"));
    assert_eq!(inverted.image.values()[..3], [11.0, 10.0, 9.0]);
    let relation = |kind: &str, sign: i16| {
        let mut dcm = super_film()
            .text(tags::PIXEL_INTENSITY_RELATIONSHIP, VR::CS, kind)
            .words(&[100, 200, 400, 800, 800, 800, 800, 800, 800, 800, 800, 800]);
        dcm.0.put(DataElement::new(tags::PIXEL_INTENSITY_RELATIONSHIP_SIGN, VR::SS, PrimitiveValue::from(sign)));
        values(dcm)
    };
    // Counts: every halving of the radiation adds ln 2.
    let counts = relation("LIN", 1);
    assert_eq!(counts.tone, Tone::LineIntegral);
    for (k, wanted) in [3.0, 2.0, 1.0, 0.0].iter().enumerate() {
        assert!((counts.image.values()[k] - wanted * std::f32::consts::LN_2).abs() < 1e-5);
    }
    assert_eq!(relation("LOG", -1).image.values()[..2], [100.0, 200.0]);
    assert_eq!(relation("LOG", 1).image.values()[..2], [800.0, 700.0]);
    // The sign outweighs the photometric interpretation.
    assert_eq!(relation("DISP", 1).image.values()[..2], [800.0, 700.0]);
}

#[test]
fn the_header_tells_the_view() {
    let hints = |dcm: Dcm| dicom::radiograph_from_bytes(dcm.bytes(), Path::new("f")).unwrap().view;
    let degrees = |dcm: Dcm| hints(dcm).angle.map(|a| (a.value.degrees(), a.from));
    let header = |deg: f64| Some((deg, Provenance::Header));
    for (position, angle) in [("AP", 0.0), ("PA", 180.0), ("LL", 270.0), ("RL", 90.0)] {
        assert_eq!(degrees(film("DX").text(tags::VIEW_POSITION, VR::CS, position)), header(angle), "{position}");
    }
    let lateral = hints(film("CR").text(tags::VIEW_POSITION, VR::CS, "LATERAL"));
    assert_eq!(lateral.kind.map(|k| (k.value, k.from)), Some((FilmKind::Lateral, Provenance::Header)));
    assert_eq!(lateral.angle.map(|a| a.from), Some(Provenance::Assumed));
    assert_eq!(degrees(film("DX")), None);
    // 0: the patient faces the detector (PA); +90: detector at the patient's left, so the source at the right.
    for (primary, angle) in [("0", 180.0), ("90", 270.0), ("-90", 90.0), ("180", 0.0)] {
        let xa = film("XA").text(tags::POSITIONER_PRIMARY_ANGLE, VR::DS, primary);
        assert_eq!(degrees(xa), header(angle), "{primary}");
    }
    let pa = |orientation: &str| {
        let dcm = super_film().text(tags::PATIENT_ORIENTATION, VR::CS, orientation);
        let view = hints(dcm);
        (view.flip_cols.map(|k| k.value), view.flip_rows.map(|k| k.value))
    };
    // At 180 degrees columns run to the patient's right; hung films run to the left.
    assert_eq!(pa("L\\F"), (Some(true), Some(false)));
    assert_eq!(pa("R\\F"), (Some(false), Some(false)));
    assert_eq!(pa("L\\H"), (Some(true), Some(true)));
    assert_eq!(pa("A\\F"), (None, Some(false)));
}

#[test]
fn distances_and_pitch_are_those_at_the_detector() {
    let hints = |dcm: Dcm| dicom::radiograph_from_bytes(dcm.bytes(), Path::new("f")).unwrap().view;
    let dx = film("DX")
        .text(tags::IMAGER_PIXEL_SPACING, VR::DS, "0.2\\0.3")
        .text(tags::DISTANCE_SOURCE_TO_DETECTOR, VR::DS, "1800")
        .text(tags::DISTANCE_SOURCE_TO_PATIENT, VR::DS, "1700");
    let view = hints(dx.clone());
    assert_eq!(view.pitch_mm.unwrap().value, [0.3, 0.2]);
    assert_eq!(view.sdd_mm.unwrap().value, 1800.0);
    assert_eq!(view.sad_mm, None, "in DX this distance ends at the support");
    assert_eq!(hints(dx.text(tags::MODALITY, VR::CS, "XA")).sad_mm.unwrap().value, 1700.0);
    let zero = hints(film("CR").text(tags::PIXEL_SPACING, VR::DS, "0.000\\0.000"));
    assert_eq!(zero.pitch_mm, None, "a spacing of 0 is unknown");
    assert_eq!(hints(film("CR").text(tags::PIXEL_SPACING, VR::DS, "0.1\\0.1")).pitch_mm.unwrap().value, [0.1; 2]);
    let calibrated = film("CR").text(tags::PIXEL_SPACING, VR::DS, "0.1\\0.1").text(
        tags::PIXEL_SPACING_CALIBRATION_TYPE,
        VR::CS,
        "GEOMETRY",
    );
    assert_eq!(hints(calibrated.clone()).pitch_mm, None);
    let factor = calibrated.text(tags::ESTIMATED_RADIOGRAPHIC_MAGNIFICATION_FACTOR, VR::DS, "2");
    assert_eq!(hints(factor).pitch_mm.unwrap().value, [0.2; 2]);
    let linac = film("RTIMAGE")
        .text(tags::IMAGE_PLANE_PIXEL_SPACING, VR::DS, "0.4\\0.4")
        .text(tags::RADIATION_MACHINE_SAD, VR::DS, "1000")
        .text(tags::RT_IMAGE_SID, VR::DS, "1500")
        .text(tags::GANTRY_ANGLE, VR::DS, "270")
        // The first pixel stands 0.6 mm left of and 0.8 mm above the axis: column 1.5, row 2 of 4 x 3.
        .text(tags::RT_IMAGE_POSITION, VR::DS, "-0.6\\0.8");
    let view = hints(linac);
    assert_eq!((view.sad_mm.unwrap().value, view.sdd_mm.unwrap().value), (1000.0, 1500.0));
    assert_eq!(view.angle.unwrap().from, Provenance::Assumed, "the kV arm is not the gantry");
    let [u, v] = view.offset_px.unwrap().value;
    assert!(u.abs() < 1e-9 && (v - 1.0).abs() < 1e-9, "{u} {v}");
}

/// A volume with a value of its own in each voxel.
fn numbered(frame: Frame) -> Volume {
    let hu = (0..frame.len()).map(|i| (i as i32 * 37 % 4000 - 1000) as i16).collect();
    Volume::new(frame, hu).unwrap()
}

#[test]
fn a_written_series_reads_back_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let frame = Frame::centred([9, 7, 5], [2.8, 2.8, 2.8], [0.1, -3.7, 1000.3]).unwrap();
    let volume = numbered(frame);
    let info = SeriesInfo::default();
    dicom::write_series(&volume, dir.path(), &info, &Progress::new()).unwrap();
    let back = open(dir.path()).unwrap();
    assert_eq!(back.volume.hu(), volume.hu());
    assert!(back.warnings.is_empty(), "{:?}", back.warnings);
    for k in 0..3 {
        assert!((back.volume.frame().origin_mm()[k] - volume.frame().origin_mm()[k]).abs() < 1e-9);
        assert!((back.volume.frame().spacing_mm()[k] - 2.8).abs() < 1e-9);
    }
    // Said where every reader looks: these are not scans.
    let object = dicom_object::open_file(dir.path().join("biplane-0003.dcm")).unwrap();
    let text = |tag: Tag| object.element(tag).unwrap().to_str().unwrap().to_string();
    assert!(text(tags::IMAGE_TYPE).starts_with("DERIVED\\SECONDARY"));
    has(&text(tags::SERIES_DESCRIPTION), &["reconstructed from two views", "not for diagnosis"]);
    has(&text(Tag(0x0B1B, 0x1001)), &["Reconstructed from two views", "Research use only, not for diagnosis"]);
    assert_eq!(text(tags::BURNED_IN_ANNOTATION), "NO");
    assert!(text(tags::SERIES_INSTANCE_UID).starts_with("2.25."));
    assert!(text(tags::SERIES_DESCRIPTION).len() <= 64);
    // A shorter one written over it leaves no slice of the longer.
    let short = numbered(Frame::centred([9, 7, 3], [2.8; 3], [0.0; 3]).unwrap());
    dicom::write_series(&short, dir.path(), &info, &Progress::new()).unwrap();
    assert_eq!(open(dir.path()).unwrap().volume.hu(), short.hu());
    // Beside slices of somebody else nothing is written.
    let other = scan_folder(2);
    let refused = dicom::write_series(&short, other.path(), &info, &Progress::new());
    has(&refusal(refused, other.path()), &["already holds other DICOM"]);
    let scan = SeriesInfo { origin: VolumeOrigin::Scanned, ..SeriesInfo::default() };
    let plain = tempfile::tempdir().unwrap();
    dicom::write_series(&short, plain.path(), &scan, &Progress::new()).unwrap();
    let object = dicom_object::open_file(plain.path().join("biplane-0001.dcm")).unwrap();
    let said = object.element(tags::SERIES_DESCRIPTION).unwrap().to_str().unwrap().to_string();
    assert!(!said.contains("reconstructed"));
}

#[test]
fn a_written_film_gives_its_view_back_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("film.dcm");
    let info = FilmInfo { case: CaseInfo::default(), title: "AP".to_string(), isocentre_mm: None };
    for preset in Preset::ALL {
        for view in preset.pair().views {
            let detector = Detector { cols: 12, rows: 9, pitch_mm: [0.388, 0.1 + 0.2], offset_px: [1.25, -0.1] };
            let angle = Radians(view.angle.0 + 0.123_456_789_012_345_67);
            let view = View { detector, angle, flip_rows: true, ..view };
            let values: Vec<f32> = (0..108).map(|k| k as f32 * 0.05 - 0.1).collect();
            let raster = Raster::new(12, 9, values).unwrap();
            dicom::write_film(&raster, &view, &path, &info).unwrap();
            let back = dicom::open_radiograph(&path).unwrap();
            let h = &back.view;
            let parallel = h.parallel.unwrap().value;
            let beam = if parallel {
                Beam::Parallel
            } else {
                Beam::Cone { sad_mm: h.sad_mm.unwrap().value, sdd_mm: h.sdd_mm.unwrap().value }
            };
            let detector = Detector {
                cols: back.image.cols(),
                rows: back.image.rows(),
                pitch_mm: h.pitch_mm.unwrap().value,
                offset_px: h.offset_px.unwrap().value,
            };
            let (flip_cols, flip_rows) = (h.flip_cols.unwrap().value, h.flip_rows.unwrap().value);
            assert_eq!(View { angle: h.angle.unwrap().value, beam, detector, flip_cols, flip_rows }, view);
            assert!(back.simulated && back.tone == Tone::LineIntegral && back.warnings.is_empty());
            for (a, b) in back.image.values().iter().zip(raster.values()) {
                assert!((a - b).abs() <= 5.4 / 65535.0, "{a} {b}");
            }
        }
    }
}

#[test]
fn a_written_film_says_its_view_in_the_standards_own_words_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("film.dcm");
    for preset in [Preset::Simulated, Preset::ChestRoom, Preset::CeilingPair] {
        for view in preset.pair().views {
            let view = view.resized(64, 48);
            let raster = Raster::filled(64, 48, 1.5);
            dicom::write_film(
                &raster,
                &view,
                &path,
                &FilmInfo { case: CaseInfo::default(), title: "x".into(), isocentre_mm: None },
            )
            .unwrap();
            let mut object = dicom_object::open_file(&path).unwrap();
            // Without the private block, as another program might hand it on.
            object.remove_element(Tag(0x0B1B, 0x0010));
            object.remove_element(Tag(0x0B1B, 0x1002));
            object.write_to_file(&path).unwrap();
            let hints = dicom::open_radiograph(&path).unwrap().view;
            let Beam::Cone { sad_mm, sdd_mm } = view.beam else { panic!("cone beams only") };
            assert_eq!(hints.angle.unwrap().value.degrees(), view.angle.degrees());
            assert_eq!((hints.sad_mm.unwrap().value, hints.sdd_mm.unwrap().value), (sad_mm, sdd_mm));
            assert_eq!(hints.flip_cols.unwrap().value, view.flip_cols, "{preset:?} {}", view.angle.degrees());
            assert_eq!(hints.flip_rows.unwrap().value, view.flip_rows);
            for k in 0..2 {
                assert!((hints.pitch_mm.unwrap().value[k] - view.detector.pitch_mm[k]).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn cancelling_stops_a_load() {
    let dir = scan_folder(3);
    let progress = Progress::new();
    progress.cancel();
    assert!(matches!(dicom::open_series(dir.path(), &progress), Err(IoError::Cancelled { .. })));
}

/// A chest film whose header says that it shows a knee.
pub(crate) fn write_film_of_a_knee(path: &Path) {
    super_film().text(tags::BODY_PART_EXAMINED, VR::CS, "KNEE").save(path);
}
