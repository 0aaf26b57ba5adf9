//! The networks against PyTorch's own modules with the same weights (tests/reference/networks.py made the values).

use biplane::geometry::{Beam, Frame, Preset, Raster};
use biplane::nn::coarse::{Coarse, CoarseConfig};
use biplane::nn::parameters::Parameters;
use biplane::nn::refine::RefineInput;
use biplane::nn::tensor::from_channels;
use biplane::nn::unet::{UNet, UNetConfig, uninterrupted};
use biplane::nn::{Method, Precision, coarse, refine};
use biplane::projection::{BackProjection, back_project};
use biplane::units::Radians;
use std::path::Path;
use tch::{Device, Tensor};

/// Largest difference to PyTorch in f64; outputs are of the order of 1.
const TOLERANCE: f64 = 1e-4;

#[derive(serde::Deserialize)]
struct Golden {
    coarse: Output,
    refine: Output,
    packed: Output,
}

/// Every `stride`-th value of an output.
#[derive(serde::Deserialize)]
struct Output {
    stride: i64,
    values: Vec<f64>,
}

/// `count` values in [-1, 1) that depend on `name`, as `values` in tests/reference/networks.py.
pub fn values(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let value = |i: u32| {
        let mut u = seed.wrapping_add(i.wrapping_mul(0x9E37_79B1));
        u ^= u >> 15;
        u = u.wrapping_mul(0x85EB_CA6B);
        u ^= u >> 13;
        (f64::from(u) / 2f64.powi(31) - 1.0) as f32
    };
    (1..=count as u32).map(value).collect()
}

/// The network with weights from the formula.
fn filled(config: UNetConfig) -> UNet {
    let mut net = UNet::new(config, Device::Cpu).unwrap();
    fill(net.parameters_mut());
    net
}

/// Weights from the formula; norms scale by about 1.
fn fill(parameters: &mut Parameters) {
    let named: Vec<(String, Tensor)> = parameters
        .entries()
        .iter()
        .map(|e| (e.name.clone(), e.shape.clone()))
        .map(|(name, shape)| {
            let v = Tensor::from_slice(&values(&name, shape.iter().product::<i64>() as usize)).reshape(shape);
            let scaled =
                if name.contains(".norm") && name.ends_with("weight") { (v * 0.25 + 1.0) * 0.5 } else { v * 0.5 };
            (name, scaled)
        })
        .collect();
    parameters.load(&named, "", Path::new("the formula")).unwrap();
}

fn worst(name: &str, config: UNetConfig, shape: &[i64], golden: &Output) -> f64 {
    let input = Tensor::from_slice(&values(name, shape.iter().product::<i64>() as usize)).reshape(shape);
    let _guard = tch::no_grad_guard();
    off_by(&filled(config).forward(&input, Precision::F32, &uninterrupted).unwrap(), golden)
}

/// The largest difference of an output to what was kept of PyTorch's.
fn off_by(out: &Tensor, golden: &Output) -> f64 {
    let kept = out.flatten(0, -1).slice(0, None, None, golden.stride);
    let wanted = Tensor::from_slice(&golden.values);
    assert_eq!(kept.size(), wanted.size());
    // The golden values must differ among themselves, or they prove nothing.
    assert!(wanted.std(false).double_value(&[]) > 0.05);
    (kept - wanted).abs().max().double_value(&[])
}

#[test]
fn both_networks_give_what_pytorch_gives() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/networks.json")).unwrap();
    let config = coarse::config(2, BackProjection::PerView);
    let off = worst("coarse", config, &[1, 2, 32, 32, 32], &golden.coarse);
    assert!(off < TOLERANCE, "coarse: {off}");
    let off = worst("refine", refine::config(2, RefineInput::default()), &[2, 1, 32, 32], &golden.refine);
    assert!(off < TOLERANCE, "refine: {off}");
}

#[test]
fn the_packed_network_sees_and_gives_what_pytorch_does() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/networks.json")).unwrap();
    let side = 64;
    let films: Vec<Raster> = values("films", 2 * side * side)
        .chunks_exact(side * side)
        .map(|v| Raster::new(side, side, v.to_vec()).unwrap())
        .collect();
    let films: [Raster; 2] = films.try_into().unwrap();
    let views = [3.0, 268.0].map(|degrees| {
        let mut view = Preset::Simulated.view_at(Radians::from_degrees(degrees)).resized(side, side);
        view.beam = Beam::Cone { sad_mm: 1000.0, sdd_mm: 1500.0 };
        view.detector.pitch_mm = [11.5; 2];
        view
    });
    let input = BackProjection::Packed;
    let seen = back_project(&films, &views, &Frame::cube_of(side, [0.0; 3]), input);
    let seen = from_channels(&seen, input.channels(), [input.side(side); 3], Device::Cpu).unwrap();
    let config = CoarseConfig { method: Method::Biplane, base_width: 2, input, late_input: true };
    let mut net = Coarse::new(config, Device::Cpu).unwrap();
    fill(net.parameters_mut());
    let (recomputed, _) = net.forward_recomputing(&seen, Precision::F32).unwrap();
    let _guard = tch::no_grad_guard();
    let out = net.forward(&seen, Precision::F32, &uninterrupted).unwrap();
    assert_eq!(out.size(), [1, 1, 64, 64, 64]);
    let off = off_by(&out, &golden.packed);
    // Values reach 10, and bands of detail are films' differences, enlarged twenty times.
    assert!(off < 10.0 * TOLERANCE, "{off}");
    assert!((out - recomputed).abs().max().double_value(&[]) < TOLERANCE);
}
