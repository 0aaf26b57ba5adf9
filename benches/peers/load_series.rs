//! What `series_loading.py` runs of ours: times a load, or makes the series to load. Prints one line of JSON.
//!
//! ```text
//! load_series load FOLDER [TIMES]
//! load_series dump FOLDER FILE         the voxels, raw, for comparison
//! load_series expand FOLDER OUT SLICES
//! load_series film FILE                what a film's header and pixels say
//! load_series pair FOLDER              two small films of a phantom, ap.dcm and lateral.dcm
//! ```

use biplane::geometry::resample::resample;
use biplane::geometry::{Frame, Preset, Raster, Volume};
use biplane::io::Progress;
use biplane::io::dicom::{self, CaseInfo, FilmInfo, SeriesInfo, VolumeOrigin};
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
        ["film", file] => film(Path::new(file)),
        ["pair", folder] => pair(Path::new(folder)),
        ["expand", folder, out, slices] => expand(Path::new(folder), Path::new(out), slices.parse()?),
        _ => Err("load FOLDER [TIMES] | dump FOLDER FILE | film FILE | pair FOLDER | expand FOLDER OUT SLICES".into()),
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

fn film(file: &Path) -> Result<(), Box<dyn Error>> {
    let film = dicom::open_radiograph(file)?;
    let values = film.image.values();
    let words: Vec<String> = film.warnings.iter().map(ToString::to_string).collect();
    let (low, high) = (film.image.quantile(0.0), film.image.quantile(1.0));
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    println!("{:?}\n{:?}\n{words:?}", film.view, film.info);
    println!("{} x {}, {low:?} to {high:?}, mean {}", film.image.cols(), film.image.rows(), sum / values.len() as f64);
    Ok(())
}

/// Films whose pixel (column, row) holds column / 100 + row / 10.
fn pair(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (view, name) in Preset::Simulated.pair().views.iter().zip(["ap", "lateral"]) {
        let (cols, rows) = (view.detector.cols, view.detector.rows);
        let value = |k: usize| (k % cols) as f32 / 100.0 + (k / cols) as f32 / 10.0;
        let film = Raster::new(cols, rows, (0..cols * rows).map(value).collect()).ok_or("no pixels")?;
        let info = FilmInfo { case: CaseInfo::default(), title: name.to_string(), isocentre_mm: None };
        dicom::write_film(&film, view, &folder.join(format!("{name}.dcm")), &info)?;
    }
    println!("{{\"films\": 2}}");
    Ok(())
}
