//! What `series_loading.py` runs of ours: times a load, or makes the series to load. Prints one line of JSON.
//!
//! ```text
//! load_series load FOLDER [TIMES]
//! load_series dump FOLDER FILE         the voxels, raw, for comparison
//! load_series expand FOLDER OUT SLICES
//! ```

use biplane::geometry::resample::resample;
use biplane::geometry::{Frame, Volume};
use biplane::io::Progress;
use biplane::io::dicom::{self, SeriesInfo, VolumeOrigin};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["load", folder] => load(Path::new(folder), 1),
        ["load", folder, times] => load(Path::new(folder), times.parse()?),
        ["dump", folder, file] => dump(Path::new(folder), Path::new(file)),
        ["expand", folder, out, slices] => expand(Path::new(folder), Path::new(out), slices.parse()?),
        _ => Err("load FOLDER [TIMES] | dump FOLDER FILE | expand FOLDER OUT SLICES".into()),
    }
}

fn load(folder: &Path, times: usize) -> Result<(), Box<dyn Error>> {
    let mut secs = Vec::new();
    for _ in 0..times {
        let start = Instant::now();
        let loaded = dicom::open_series(folder, &Progress::new())?;
        secs.push(start.elapsed().as_secs_f64());
        drop(loaded);
    }
    println!("{{\"secs\": {secs:?}}}");
    Ok(())
}

fn dump(folder: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let loaded = dicom::open_series(folder, &Progress::new())?;
    std::fs::write(file, bytemuck::cast_slice(loaded.volume.hu()))?;
    let frame = loaded.volume.frame();
    let words: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    println!(
        "{{\"dims\": {:?}, \"spacing\": {:?}, \"origin\": {:?}, \"warnings\": {words:?}}}",
        frame.dims(),
        frame.spacing_mm(),
        frame.origin_mm()
    );
    Ok(())
}

/// The same scan with `slices` slices over the same length, interpolated.
fn expand(folder: &Path, out: &Path, slices: usize) -> Result<(), Box<dyn Error>> {
    let source = dicom::open_series(folder, &Progress::new())?.volume;
    let frame = source.frame();
    let ([nx, ny, nz], [dx, dy, dz]) = (frame.dims(), frame.spacing_mm());
    let step = dz * (nz as f64 - 1.0) / (slices as f64 - 1.0);
    let finer = Frame::new([nx, ny, slices], [dx, dy, step], frame.origin_mm(), frame.direction())?;
    let volume: Volume = resample(&source, &finer);
    let info = SeriesInfo { origin: VolumeOrigin::Scanned, ..SeriesInfo::default() };
    dicom::write_series(&volume, out, &info, &Progress::new())?;
    println!("{{\"slices\": {slices}}}");
    Ok(())
}
