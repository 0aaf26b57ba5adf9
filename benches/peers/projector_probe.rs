//! What `projector.py` runs of ours: times both films of a volume file, layout for the projector included.
//! Prints one line of JSON.
//!
//! ```text
//! projector_probe VOLUME PIXELS PITCH_MM TIMES FILMS
//! ```
//!
//! The views are those of the preset Simulated (source-axis 1000 mm, source-detector 1500 mm, 0 and 90 degrees)
//! with PIXELS x PIXELS of PITCH_MM. FILMS receives both films, `[view][row][col]`, raw f32.

use biplane::geometry::{Detector, Preset, Raster, View};
use biplane::io::{self, Progress};
use biplane::projection::{Attenuation, BackProjection, back_project, project};
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [volume, pixels, pitch_mm, times, out] = args.as_slice() else {
        return Err("VOLUME PIXELS PITCH_MM TIMES FILMS".into());
    };
    let volume = io::metaimage::read(Path::new(volume), &Progress::new())?.volume;
    let views = views(pixels.parse()?, pitch_mm.parse()?);
    let (mut layout_secs, mut project_secs, mut both_secs) = (f64::MAX, f64::MAX, f64::MAX);
    let mut films = [(); 2].map(|()| Raster::filled(1, 1, 0.0));
    for _ in 0..times.parse::<usize>()? {
        let start = Instant::now();
        let attenuation = Attenuation::from_volume(&volume)?;
        let laid_out = start.elapsed().as_secs_f64();
        films = views.map(|view| project(&attenuation, &view, [0.0; 3]));
        let all = start.elapsed().as_secs_f64();
        layout_secs = layout_secs.min(laid_out);
        project_secs = project_secs.min(all - laid_out);
        both_secs = both_secs.min(all);
    }
    let bytes: Vec<u8> = films.iter().flat_map(|film| bytemuck::cast_slice(film.values()).to_vec()).collect();
    std::fs::write(out, bytes)?;
    let back_secs = back_projection_secs(&films, &views);
    println!(
        "{{\"secs\": {both_secs}, \"layout_secs\": {layout_secs}, \"project_secs\": {project_secs}, \
         \"back_secs\": {back_secs}}}"
    );
    Ok(())
}

fn views(pixels: usize, pitch_mm: f64) -> [View; 2] {
    Preset::Simulated.pair().views.map(|view| View {
        detector: Detector { cols: pixels, rows: pixels, pitch_mm: [pitch_mm; 2], offset_px: [0.0; 2] },
        ..view
    })
}

/// Seconds to back-project both films into the networks' cube, a channel a view.
fn back_projection_secs(films: &[Raster; 2], views: &[View; 2]) -> f64 {
    const TIMES: usize = 5;
    let cube = biplane::geometry::Frame::cube([0.0; 3]);
    let once = || {
        let start = Instant::now();
        std::hint::black_box(back_project(films, views, &cube, BackProjection::PerView));
        start.elapsed().as_secs_f64()
    };
    (0..TIMES).map(|_| once()).fold(f64::MAX, f64::min)
}
