//! What `registration.py` runs of ours: guides a network's volume by the bundled atlases, or bends one CT. Prints one line
//! of JSON with the measures before and after.
//!
//! ```text
//! registration_probe TRUTH NETWORK [CT]
//! ```
//!
//! All are NIfTI on the cube of 128^3 voxels of 2.8 mm; films are simulated from TRUTH. Without CT the whole guidance runs.

use biplane::atlas::Guidance;
use biplane::geometry::{Preset, Volume};
use biplane::io::{self, Progress};
use biplane::metrics::compare;
use biplane::nn::guidance::{Guide, GuideTask};
use biplane::projection::sirt::FilmScale;
use biplane::projection::{Attenuation, project};
use biplane::registration::{Bending, FilmTargets, Sampled, bend};
use serde_json::json;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [truth, network, ct @ ..] = args.as_slice() else { return Err("TRUTH NETWORK [CT]".into()) };
    let open = |path: &String| io::open_volume(Path::new(path), &Progress::new()).map(|loaded| loaded.volume);
    let (truth, network) = (open(truth)?, open(network)?);
    let network = network.with_frame(truth.frame().clone())?;
    let pair = Preset::Simulated.pair();
    let attenuation = Attenuation::from_volume(&truth)?;
    let films = pair.views.map(|view| project(&attenuation, &view, truth.frame().centre_mm()));
    let start = Instant::now();
    let (seconds, volume) = match ct.first() {
        None => {
            let guide = Guidance::default().load()?;
            let start = Instant::now();
            let task = GuideTask { films: &films, views: &pair, network: &network };
            let guided = guide.guide(&task, &mut |_, _| true).map_err(|why| format!("{why:?}"))?;
            (start.elapsed().as_secs_f64(), Volume::clone(&guided.volume))
        }
        Some(ct) => {
            let ct = open(ct)?.relative_attenuation();
            let coarse = network.relative_attenuation();
            let targets = FilmTargets::new(films, &pair, FilmScale::LineIntegrals)?;
            let fit = bend(&ct, Some(&targets), Some(&coarse), None, &Bending::atlas(), &mut |_| true)?;
            let bent = fit.volume(&Sampled::new(128, &ct));
            (start.elapsed().as_secs_f64(), Volume::from_relative_attenuation(truth.frame().clone(), &bent)?)
        }
    };
    let told = |volume: &Volume| -> Result<serde_json::Value, Box<dyn Error>> {
        let found = compare(volume, &truth)?;
        Ok(json!({ "mae_hu": found.mae_hu, "psnr_db": found.psnr_db, "lung": found.lung, "detail": found.detail }))
    };
    println!("{}", json!({ "seconds": seconds, "network": told(&network)?, "result": told(&volume)? }));
    Ok(())
}
