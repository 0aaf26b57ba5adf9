//! LPIPS against the package `lpips` (golden numbers made by tests/reference/metrics.py with weights by formula), a slow
//! plain twin, and the genuine weights where they lie beside the repository.

use biplane::geometry::{Frame, Volume};
use biplane::metrics::lpips::definition;
use biplane::metrics::{Lpips, LpipsSet, compare};
use biplane::nn::perceptual::{Array, Backbone, Checkpoint, Network, Store};
use biplane::units::Hu;
use std::path::{Path, PathBuf};
use tch::{Device, Tensor};

/// The narrow networks of tests/reference/metrics.py have an eighth of the channels.
const NARROWING: usize = 8;

/// Numbers in [-1, 1] without much order, as `formula` of tests/reference/metrics.py.
fn formula(count: usize, salt: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| ((i * i * 31 + i * 7919 + salt * 101) % 2003) as f64 / 2003.0 * 2.0 - 1.0)
}

fn array(name: String, shape: &[usize], values: impl Iterator<Item = f64>) -> Array {
    Array { name, shape: shape.to_vec(), values: values.map(|v| v as f32).collect() }
}

/// The convolutions and heads of a narrow network.
fn narrow(backbone: Backbone) -> (Vec<Array>, Vec<Array>) {
    let (mut from, mut convolutions, mut heads) = (3, Vec::new(), Vec::new());
    for (number, conv) in backbone.convolutions().iter().enumerate() {
        let (to, side) = (conv.to as usize / NARROWING, conv.side as usize);
        let fan = from * side * side;
        let scale = (6.0 / fan as f64).sqrt();
        let name = |part: &str| format!("features.{}.{part}", conv.index);
        let weight = formula(to * fan, 2 * number).map(|v| v * scale);
        convolutions.push(array(name("weight"), &[to, from, side, side], weight));
        convolutions.push(array(name("bias"), &[to], formula(to, 2 * number + 1).map(|v| v * 0.05)));
        if backbone.lpips_taps().contains(&(number + 1)) {
            let k = heads.len();
            let head = formula(to, 50 + k).map(|v| (v + 1.0) / 2.0);
            heads.push(array(format!("lin{k}.model.1.weight"), &[1, to, 1, 1], head));
        }
        from = to;
    }
    (convolutions, heads)
}

fn narrow_lpips(backbone: Backbone) -> Lpips {
    let (convolutions, heads) = narrow(backbone);
    let network = Network::new(backbone, &convolutions, Path::new("narrow"), Device::Cpu).unwrap();
    Lpips::over(network, backbone, &heads, Device::Cpu).unwrap()
}

/// A grey value of the pictures of tests/reference/metrics.py.
fn grey(second: bool, n: usize, x: usize, y: usize) -> f64 {
    let phase = if second { 4 * x * y + 17 * n } else { 5 * x * y + 29 * n };
    ((13 * x + 7 * y + phase) % 201) as f64 / 100.0 - 1.0
}

/// Both pictures, `[2, 1, 40, 48]` each.
fn pictures() -> [Tensor; 2] {
    [false, true].map(|second| {
        let at = |i: usize| grey(second, i / 1920, i % 48, i / 48 % 40) as f32;
        Tensor::from_slice(&(0..3840).map(at).collect::<Vec<f32>>()).view([2, 1, 40, 48])
    })
}

fn rows(tensor: &Tensor) -> Vec<Vec<f32>> {
    Vec::try_from(tensor).unwrap()
}

#[test]
fn distances_are_those_of_the_package() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../golden/metrics.json")).unwrap();
    let [a, b] = pictures();
    for (name, backbone) in [("alex", Backbone::AlexNet), ("vgg", Backbone::Vgg16)] {
        let wanted: Vec<Vec<f32>> = serde_json::from_value(golden["lpips"][name].clone()).unwrap();
        let lpips = narrow_lpips(backbone);
        let found = rows(&lpips.distances(&a, &b).unwrap());
        assert_eq!((found.len(), found[0].len()), (2, 5));
        for (found, wanted) in found.concat().iter().zip(wanted.concat()) {
            assert!((found - wanted).abs() <= 1e-4 * wanted, "{name}: {found}, the package has {wanted}");
        }
        assert!(rows(&lpips.distances(&a, &a).unwrap()).concat().iter().all(|d| *d == 0.0));
        assert!(definition(backbone).contains(backbone.title()));
    }
}

/// Activations of one picture, `[channel][row][col]`.
type Planes = Vec<Vec<Vec<f64>>>;

/// Zero-padded correlation with a stride, plus the bias, then ReLU.
fn plain_convolution(input: &Planes, weight: &Array, bias: &Array, stride: usize, padding: usize) -> Planes {
    let [to, from, side, _] = weight.shape[..] else { panic!("{:?}", weight.shape) };
    let (rows, cols) = (input[0].len(), input[0][0].len());
    let out = |n: usize| (n + 2 * padding - side) / stride + 1;
    let at = |c: usize, y: usize, x: usize| {
        let inside = y >= padding && x >= padding && y - padding < rows && x - padding < cols;
        if inside { input[c][y - padding][x - padding] } else { 0.0 }
    };
    let one = |o: usize, y: usize, x: usize| {
        let mut sum = f64::from(bias.values[o]);
        for (c, i, j) in (0..from).flat_map(|c| (0..side).flat_map(move |i| (0..side).map(move |j| (c, i, j)))) {
            sum += f64::from(weight.values[((o * from + c) * side + i) * side + j])
                * at(c, y * stride + i, x * stride + j);
        }
        sum.max(0.0)
    };
    (0..to).map(|o| (0..out(rows)).map(|y| (0..out(cols)).map(|x| one(o, y, x)).collect()).collect()).collect()
}

/// Maximum over 3 x 3, every second.
fn plain_pool(input: &Planes) -> Planes {
    let largest = |plane: &[Vec<f64>], y: usize, x: usize| {
        (0..9).map(|i| plane[2 * y + i / 3][2 * x + i % 3]).fold(f64::MIN, f64::max)
    };
    let out = |n: usize| (n - 3) / 2 + 1;
    let row = |p: &[Vec<f64>], y: usize| (0..out(p[0].len())).map(|x| largest(p, y, x)).collect();
    input.iter().map(|p| (0..out(p.len())).map(|y| row(p, y)).collect()).collect()
}

/// What AlexNet sees of picture `n` after each ReLU.
fn plain_alexnet(second: bool, n: usize, convolutions: &[Array]) -> Vec<Planes> {
    let (shift, scale) = ([-0.030, -0.088, -0.188], [0.458, 0.448, 0.450]);
    let colour = |c: usize, y: usize, x: usize| (f64::from(grey(second, n, x, y) as f32) - shift[c]) / scale[c];
    let plane = |c: usize| (0..40).map(|y| (0..48).map(|x| colour(c, y, x)).collect()).collect();
    let mut x: Planes = (0..3).map(plane).collect();
    let mut seen = Vec::new();
    for (k, (stride, padding, pooled)) in
        [(4, 2, false), (1, 2, true), (1, 1, true), (1, 1, false), (1, 1, false)].into_iter().enumerate()
    {
        if pooled {
            x = plain_pool(&x);
        }
        x = plain_convolution(&x, &convolutions[2 * k], &convolutions[2 * k + 1], stride, padding);
        seen.push(x.clone());
    }
    seen
}

#[test]
fn distances_are_those_of_a_slow_plain_twin() {
    let (convolutions, heads) = narrow(Backbone::AlexNet);
    let [a, b] = pictures();
    let found = rows(&narrow_lpips(Backbone::AlexNet).distances(&a, &b).unwrap());
    let [first, second] = [false, true].map(|second| plain_alexnet(second, 1, &convolutions));
    for (k, ((a, b), head)) in first.iter().zip(&second).zip(&heads).enumerate() {
        let (rows, cols) = (a[0].len(), a[0][0].len());
        let mut sum = 0.0;
        for (y, x) in (0..rows).flat_map(|y| (0..cols).map(move |x| (y, x))) {
            let length = |f: &Planes| f.iter().map(|p| p[y][x].powi(2)).sum::<f64>().sqrt() + 1e-10;
            let (of_a, of_b) = (length(a), length(b));
            let each = a.iter().zip(b).zip(&head.values);
            sum += each.map(|((a, b), w)| f64::from(*w) * (a[y][x] / of_a - b[y][x] / of_b).powi(2)).sum::<f64>();
        }
        let wanted = sum / (rows * cols) as f64;
        assert!((f64::from(found[1][k]) - wanted).abs() <= 1e-4 * wanted, "{k}: {}, wanted is {wanted}", found[1][k]);
    }
}

#[test]
fn slices_are_windowed_and_averaged() {
    let lpips = narrow_lpips(Backbone::AlexNet);
    let frame = |dims| Frame::centred(dims, [2.0; 3], [0.0; 3]).unwrap();
    // The pictures as HU within the window: -1 is -500 HU and 1 is 800 HU. More slices than a batch holds.
    let volume = |second: bool| {
        let hu = |i: usize| (grey(second, i / 1920, i % 48, i / 48 % 40) * 650.0 + 150.0).round() as i16;
        Volume::new(frame([48, 40, 35]), (0..1920 * 35).map(hu).collect()).unwrap()
    };
    let (recon, truth) = (volume(false), volume(true));
    let grey_of = |hu: i16| (f32::from(hu) - 150.0) / 650.0;
    let slice = |volume: &Volume, z: usize| {
        Tensor::from_slice(&volume.axial(z).iter().map(|hu| grey_of(*hu)).collect::<Vec<f32>>()).view([1, 1, 40, 48])
    };
    let one = |z: usize| rows(&lpips.distances(&slice(&recon, z), &slice(&truth, z)).unwrap())[0].iter().sum::<f32>();
    let wanted = (1..=33).map(one).sum::<f32>() / 33.0;
    let found = lpips.of_slices(&recon, &truth, (1, 33)).unwrap().unwrap() as f32;
    assert!((found - wanted).abs() < 1e-4 * wanted, "{found}, wanted is {wanted}");
    // Beyond the window nothing is seen.
    let [bone, metal] = [900.0, 3000.0].map(|hu| Volume::filled(frame([48, 40, 35]), Hu(hu)));
    assert_eq!(lpips.of_slices(&bone, &metal, (0, 34)).unwrap(), Some(0.0));
    assert_eq!(lpips.of_slices(&recon, &recon, (0, 34)).unwrap(), Some(0.0));
    for (slices, other) in [((3, 2), &truth), ((0, 35), &truth), ((0, 0), &Volume::filled(frame([8; 3]), Hu(0.0)))] {
        assert_eq!(lpips.of_slices(&recon, other, slices).unwrap(), None);
    }
    // AlexNet sees nothing in pictures of less than 31 pixels a side, and just something in those.
    for (side, seen) in [(30, false), (31, true)] {
        let small = Volume::filled(frame([side, 40, 1]), Hu(0.0));
        assert_eq!(lpips.of_slices(&small, &small, (0, 0)).unwrap().is_some(), seen, "{side}");
    }
    for (side, seen) in [(15, false), (16, true)] {
        let small = Volume::filled(frame([side, 40, 1]), Hu(0.0));
        assert_eq!(narrow_lpips(Backbone::Vgg16).of_slices(&small, &small, (0, 0)).unwrap().is_some(), seen, "{side}");
    }
}

#[test]
fn pictures_that_do_not_fit_are_refused_and_nan_stays_nan() {
    let lpips = narrow_lpips(Backbone::AlexNet);
    let [a, b] = pictures();
    assert!(lpips.distances(&a, &b.narrow(0, 0, 1)).unwrap_err().to_string().contains("[1, 1, 40, 48]"));
    assert!(lpips.distances(&a.view([-1]), &b.view([-1])).is_err());
    assert!(lpips.distances(&a.narrow(3, 0, 8), &b.narrow(3, 0, 8)).is_err());
    let holed = a.f_mul_scalar(f64::NAN).unwrap();
    assert!(rows(&lpips.distances(&holed, &b).unwrap()).concat().iter().all(|d| d.is_nan()));
}

#[test]
fn what_is_not_installed_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = LpipsSet::installed(&Store::at(folder.path()), Device::Cpu);
    assert_eq!(nothing.column(), None);
    let said = nothing.missing();
    assert_eq!(said[0], "VGG16 weights not installed: biplane weights fetch vgg16");
    assert_eq!(said[1], "AlexNet weights not installed: biplane weights fetch alexnet");
    let volume = Volume::filled(Frame::cube_of(32, [0.0; 3]), Hu(0.0));
    let compared = compare(&volume, &volume).unwrap().with_lpips(&volume, &volume, &nothing).unwrap();
    assert_eq!((compared.lpips_alex, compared.lpips_vgg), (None, None));
}

/// The folder of genuine weights, where it is there.
fn genuine() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/perceptual");
    let folder = std::env::var_os("BIPLANE_PERCEPTUAL").map_or(folder, PathBuf::from);
    folder.join("alexnet_features.safetensors").exists().then_some(folder)
}

/// An example picture of the LPIPS repository, `[1, 3, 64, 64]`.
fn example(folder: &Path, name: &str) -> Tensor {
    let picture = tch::vision::image::load(folder.join("examples").join(name)).unwrap();
    (picture.to_kind(tch::Kind::Float) / 127.5 - 1.0).unsqueeze(0)
}

/// `synthetic` of the weights' README, `[1, 1, 64, 64]`.
fn synthetic(shift: f32) -> Tensor {
    let value = |i: usize| (0.2 * ((i % 64) as f32 + shift)).sin() * (0.13 * (i / 64) as f32).cos();
    Tensor::from_slice(&(0..4096).map(value).collect::<Vec<f32>>()).view([1, 1, 64, 64])
}

/// With the genuine weights at hand: the values that their README gives.
#[test]
fn genuine_weights_give_the_known_distances() {
    let Some(folder) = genuine() else { return };
    let cache = tempfile::tempdir().unwrap();
    let store = Store::at(cache.path());
    for name in ["alexnet_features", "lpips_alex_heads", "vgg16_features_partial", "lpips_vgg_heads"] {
        store.import(&folder.join(format!("{name}.safetensors")), None).unwrap();
    }
    let set = LpipsSet::installed(&store, Device::Cpu);
    // A part of VGG16 gives no LPIPS: the column is AlexNet's, and it is said why.
    assert_eq!(set.column(), Some(Backbone::AlexNet));
    assert!(set.missing()[0].starts_with("VGG16 weights not installed: biplane weights fetch vgg16"));
    assert!(set.missing()[0].contains("relu1_2, relu2_2") && set.missing().len() == 1);
    let alex = set.over(Backbone::AlexNet).unwrap();
    let pairs =
        [("ex_ref.png", "ex_p0.png"), ("ex_ref.png", "ex_p1.png")].map(|(a, b)| [a, b].map(|n| example(&folder, n)));
    let [first, second] = &pairs;
    let wanted = [
        (first, [0.018132, 0.286968, 0.159858, 0.119004, 0.137919]),
        (second, [0.011739, 0.029715, 0.035380, 0.034368, 0.026363]),
        (&[synthetic(0.0), synthetic(2.0)], [0.001839, 0.004180, 0.002874, 0.003050, 0.001342]),
    ];
    let near = |found: &[f32], wanted: &[f32]| {
        assert!(found.len() == wanted.len());
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 2e-6), "{found:?}, wanted are {wanted:?}");
    };
    for ([a, b], wanted) in wanted {
        near(&rows(&alex.distances(a, b).unwrap())[0], &wanted);
    }
    let read = |name: &str| {
        let file = folder.join(format!("{name}.safetensors"));
        Checkpoint::open(&file).unwrap().read(&|_| true).unwrap()
    };
    let network = Network::new(Backbone::Vgg16, &read("vgg16_features_partial"), &folder, Device::Cpu).unwrap();
    let mut heads = read("lpips_vgg_heads");
    heads.sort_by(|a, b| a.name.cmp(&b.name));
    let vgg = Lpips::over(network, Backbone::Vgg16, &heads[..2], Device::Cpu).unwrap();
    near(&rows(&vgg.distances(&first[0], &first[1]).unwrap())[0], &[0.060839, 0.070204]);
    near(&rows(&vgg.distances(&second[0], &second[1]).unwrap())[0], &[0.073910, 0.084017]);
    near(&rows(&vgg.distances(&synthetic(0.0), &synthetic(2.0)).unwrap())[0], &[0.010184, 0.012455]);
}
