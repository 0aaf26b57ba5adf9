//! Perceptual weights and loss: files that may not be executed, features as PyTorch computes them, the store, and the
//! download against a server of this test.

use biplane::io::Progress;
use biplane::nn::perceptual::fetch::Download;
use biplane::nn::perceptual::store::Official;
use biplane::nn::perceptual::{Array, Backbone, Checkpoint, Layer, Network, Store, WeightSet, WeightsError};
use biplane::train::perceptual::{Perceptual, PerceptualPlan, WeightsSource};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tch::{Device, Kind, Tensor};

/// What tests/reference/perceptual.py made by PyTorch alone.
#[derive(serde::Deserialize)]
struct Golden {
    weights: BTreeMap<String, Vec<f32>>,
    features: BTreeMap<String, Vec<f32>>,
    each: BTreeMap<String, f64>,
    loss: f64,
    gradient: Vec<f32>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/perceptual/values.json")).unwrap()
}

fn golden_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/perceptual").join(name)
}

fn read_all(path: &Path) -> Result<Vec<Array>, WeightsError> {
    Checkpoint::open(path)?.read(&|_| true)
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach().contiguous().view([-1])).unwrap()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst, d| if d > worst || d.is_nan() { d } else { worst })
}

/// The slices of tests/reference/perceptual.py: relative attenuation from below the window to above it.
fn slices(phase: f32) -> Tensor {
    let value = |i: usize| {
        let (n, y, x) = ((i / 256) as f32, (i / 16 % 16) as f32, (i % 16) as f32);
        1.0 + 1.3 * (0.7 * x + 0.4 * y + n + phase).sin()
    };
    Tensor::from_slice(&(0..512).map(value).collect::<Vec<f32>>()).view([2, 1, 16, 16])
}

/// The loss over the narrow network of the golden files.
fn narrow_loss(layers: &[Layer]) -> Perceptual {
    let path = golden_file("legacy.pth");
    let network = Network::new(Backbone::Vgg16, &read_all(&path).unwrap(), &path, Device::Cpu).unwrap();
    Perceptual::over(network, layers, "a narrow network", Device::Cpu).unwrap()
}

const PAPER: [Layer; 3] = [Layer::Relu1_2, Layer::Relu2_2, Layer::Relu3_3];

#[test]
fn every_format_that_pytorch_has_had_is_read() {
    let golden = golden();
    for name in ["zip.pth", "legacy.pth", "oldest.pth"] {
        let arrays = read_all(&golden_file(name)).unwrap();
        assert_eq!(arrays.len(), golden.weights.len(), "{name}");
        for array in arrays {
            assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
            assert!(worst(&array.values, &golden.weights[&array.name]) < 1e-7, "{name}: {}", array.name);
        }
    }
    // A checkpoint with parameters under `state_dict`, in f16, bf16 and f64; its epoch is no tensor.
    let kinds = read_all(&golden_file("kinds.pth")).unwrap();
    let names: Vec<&str> = kinds.iter().map(|array| array.name.as_str()).collect();
    assert_eq!(names, ["features.0.weight", "features.0.bias", "features.2.weight"]);
    for (array, tolerance) in kinds.iter().zip([1e-3, 1e-2, 1e-7]) {
        assert!(worst(&array.values, &golden.weights[&array.name]) < tolerance, "{}", array.name);
    }
}

#[test]
fn code_in_a_pickle_is_named_and_not_run() {
    for name in ["evil-zip.pth", "evil-legacy.pth", "evil-plain.pth"] {
        let error = read_all(&golden_file(name)).unwrap_err();
        assert!(matches!(&error, WeightsError::WouldExecute { global, .. } if global == "posix.system"), "{error}");
        let said = error.to_string();
        assert!(said.contains(name) && said.contains("execute code") && said.contains("posix.system"), "{said}");
    }
    // The same by every way in which a pickle can call: by name, by two texts, at once, and as a class.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calls.pth");
    let calls: [&[u8]; 5] = [
        b"\x80\x02cos\nsystem\nU\x04true\x85R.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"\x80\x02(U\x04trueios\nsystem\n.",
        b"\x80\x02cos\nsystem\n)\x81.",
        b"\x80\x02ctorch.serialization\nload\nU\x04x\x85R.",
    ];
    for call in calls {
        std::fs::write(&path, call).unwrap();
        let error = read_all(&path).unwrap_err();
        assert!(matches!(error, WeightsError::WouldExecute { .. }), "{error}");
    }
    assert!(!Path::new("/tmp/biplane-was-executed").exists());
}

#[test]
fn no_cut_and_no_changed_byte_of_a_pth_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pth");
    for name in ["kinds.pth", "small-legacy.pth", "small-oldest.pth"] {
        let whole = std::fs::read(golden_file(name)).unwrap();
        std::fs::write(&path, &whole).unwrap();
        assert!(!read_all(&path).unwrap().is_empty());
        // One file changed in place: writing thousands anew would take minutes.
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let mut put = |at: usize, byte: u8| {
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        for (at, byte) in whole.iter().enumerate() {
            put(at, byte ^ [0xff, 0x01, 0x80][at % 3]);
            // Values may be others; numbers of them and shapes must still agree.
            for array in read_all(&path).unwrap_or_default() {
                assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
            }
            put(at, *byte);
        }
        for cut in (0..whole.len()).rev() {
            file.set_len(cut as u64).unwrap();
            let read = read_all(&path).map(|arrays| arrays.len());
            assert!(read.is_err(), "{name} cut after {cut} bytes gives {read:?}");
        }
    }
}

#[test]
fn a_pickle_cannot_make_memory_grow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.pth");
    let refuse = |bytes: &[u8], wanted: &str| {
        std::fs::write(&path, bytes).unwrap();
        let said = read_all(&path).unwrap_err().to_string();
        assert!(said.contains(wanted), "{said}");
    };
    // A text of 4 GiB by its header's word.
    refuse(b"\x80\x02X\xff\xff\xff\xff....", "cut off");
    // A list of 100,000 pairs, made into a dictionary over and over.
    let mut copies = b"\x80\x02(".to_vec();
    copies.extend((0..100_000).flat_map(|_| *b"N"));
    copies.extend(b"lq\x00");
    refuse(&copies, "no place in weights");
    let mut copies = b"\x80\x02]q\x00(NN\x86q\x01".to_vec();
    copies.extend((0..100_000).flat_map(|_| *b"h\x01"));
    copies.extend(b"e0ccollections\nOrderedDict\nq\x02");
    copies.extend((0..10_000).flat_map(|_| *b"h\x02h\x00\x85R"));
    copies.push(b'.');
    refuse(&copies, "over and over");
    // Tuples within tuples, as deep as bytes last.
    let mut deep = b"\x80\x02)".to_vec();
    deep.extend((0..500_000).map(|_| 0x85));
    deep.push(b'.');
    refuse(&deep, "without tensors");
    // A storage of 2^60 samples in a file of some kilobytes: the number stands before the samples of the first one.
    let mut legacy = std::fs::read(golden_file("oldest.pth")).unwrap();
    let samples: usize = golden().weights.values().map(Vec::len).sum();
    let first = legacy.len() - 4 * samples - 8 * golden().weights.len();
    legacy[first + 7] = 0x10;
    refuse(&legacy, "promises more than it holds");
}

#[test]
fn features_and_loss_are_those_of_pytorch() {
    let golden = golden();
    let loss = narrow_loss(&PAPER);
    for (layer, features) in PAPER.iter().zip(loss.features(&slices(0.0)).unwrap()) {
        let off = worst(&floats(&features), &golden.features[layer.name()]);
        assert!(off < 1e-5, "{layer}: {off}");
        let one = narrow_loss(&[*layer]).loss(&slices(0.0), &slices(0.3)).unwrap().double_value(&[]);
        assert!((one - golden.each[layer.name()]).abs() < 1e-6, "{layer}: {one}");
    }
    let refined = slices(0.0).set_requires_grad(true);
    let value = loss.loss(&refined, &slices(0.3)).unwrap();
    assert!((value.double_value(&[]) - golden.loss).abs() < 1e-6);
    value.backward();
    let largest = golden.gradient.iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    let off = worst(&floats(&refined.grad()), &golden.gradient);
    assert!(largest > 1e-4 && off < 1e-3 * largest, "{off} of {largest}");
    assert_eq!(loss.loss(&slices(0.0), &slices(0.0)).unwrap().double_value(&[]), 0.0);
}

#[test]
fn the_gradient_is_the_slope() {
    let loss = narrow_loss(&PAPER);
    let refined = slices(0.0).set_requires_grad(true);
    loss.loss(&refined, &slices(0.3)).unwrap().backward();
    let slope = refined.grad();
    let step = 0.05;
    let at = |step: f64| loss.loss(&(slices(0.0) + &slope * step), &slices(0.3)).unwrap().double_value(&[]);
    let along = (at(step) - at(-step)) / (2.0 * step);
    let wanted = (&slope * &slope).sum(Kind::Double).double_value(&[]);
    assert!((along - wanted).abs() < 0.02 * wanted, "{along} along the gradient, its square is {wanted}");
}

#[test]
fn gradients_flow_into_the_refined_slices_alone_and_within_the_window() {
    let loss = narrow_loss(&PAPER);
    let refined = slices(0.0).set_requires_grad(true);
    let truth = slices(0.3).set_requires_grad(true);
    loss.loss(&refined, &truth).unwrap().backward();
    assert!(!truth.grad().defined());
    let outside = refined.detach().lt(0.0).logical_or(&refined.detach().gt(2.0));
    assert!(outside.sum(Kind::Int64).int64_value(&[]) > 50);
    assert_eq!(refined.grad().masked_select(&outside).abs().max().double_value(&[]), 0.0);
    // Beyond [-1000, 1000] HU nothing is seen.
    let clamped = slices(0.0).clamp(0.0, 2.0);
    assert_eq!(loss.loss(&slices(0.0), &clamped).unwrap().double_value(&[]), 0.0);
    for (a, b) in [([2, 1, 16, 16], [1, 1, 16, 16]), ([1, 3, 16, 16], [1, 3, 16, 16])] {
        let zeros = |shape: [i64; 4]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        assert!(loss.loss(&zeros(a), &zeros(b)).unwrap_err().to_string().contains("[N, 1, H, W]"));
    }
}

#[test]
fn the_random_network_is_one_and_the_same_and_leaves_libtorchs_generator_alone() {
    let plan: PerceptualPlan = toml::from_str("weights = \"random-for-tests\"").unwrap();
    let loss = || plan.build(Device::Cpu).unwrap().loss(&slices(0.0), &slices(0.3)).unwrap().double_value(&[]);
    let first = loss();
    assert!(first > 1e-3 && first.is_finite());
    assert_eq!(first, loss());
    assert!(plan.build(Device::Cpu).unwrap().origin().contains("random"));
    let all = Network::random(Backbone::AlexNet, 1, Device::Cpu).unwrap();
    let picture = Tensor::ones([1, 3, 64, 64], (Kind::Float, Device::Cpu));
    let taps = Backbone::AlexNet.lpips_taps();
    let seen = all.features(&picture, taps, biplane::nn::Precision::F32).unwrap();
    // torchvision's AlexNet on 64 x 64: 15, 7, 3, 3, 3.
    let sides: Vec<i64> = seen.iter().map(|features| features.size()[2]).collect();
    assert_eq!(sides, [15, 7, 3, 3, 3]);
    assert!(all.features(&picture, &[6], biplane::nn::Precision::F32).is_err());
}

#[test]
fn plans_are_understood_or_refused() {
    let plan = |text: &str| toml::from_str::<PerceptualPlan>(text);
    let paper = plan("").unwrap();
    assert_eq!((paper.layers.as_slice(), &paper.weights), (&PAPER[..], &WeightsSource::Installed));
    let own = plan("layers = [\"relu1_2\", \"relu2_2\"]\nweights = \"nets/vgg16.pth\"").unwrap();
    assert_eq!(own.weights, WeightsSource::File("nets/vgg16.pth".into()));
    for plan in [&paper, &own] {
        assert_eq!(*plan, toml::from_str(&toml::to_string(plan).unwrap()).unwrap());
        plan.check().unwrap();
    }
    assert!(plan("layer = [\"relu1_2\"]").unwrap_err().to_string().contains("layer"));
    assert!(plan("layers = [\"relu9_9\"]").unwrap_err().to_string().contains("relu9_9"));
    assert!(plan("layers = []").unwrap().check().is_err());
    assert!(plan("layers = [\"relu1_2\", \"relu1_2\"]").unwrap().check().unwrap_err().to_string().contains("twice"));
}

/// VGG16's first convolutions in their true shapes, as a safetensors file.
fn partial_vgg(convolutions: usize, shift: f32) -> Vec<u8> {
    let tensors = WeightSet::Vgg16.tensors();
    safetensors_of(tensors.into_iter().take(2 * convolutions), |k| (k as f32 * 0.37).sin() * 0.05 + shift)
}

fn safetensors_of(tensors: impl Iterator<Item = (String, Vec<usize>)>, value: impl Fn(usize) -> f32) -> Vec<u8> {
    let tensors = tensors.map(|(name, shape)| {
        let bytes: Vec<u8> = (0..shape.iter().product()).flat_map(|k| value(k).to_le_bytes()).collect();
        (name, shape, bytes)
    });
    let tensors: Vec<_> = tensors.collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn what_is_installed_says_which_layers_it_gives() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path().join("store"));
    let said = store.load(WeightSet::Vgg16).unwrap_err().to_string();
    assert!(said.contains("VGG16 weights not installed: biplane weights fetch vgg16"), "{said}");
    let file = folder.path().join("part.safetensors");
    std::fs::write(&file, partial_vgg(4, 0.0)).unwrap();
    let card = store.import(&file, None).unwrap();
    assert_eq!((card.name, card.complete), (WeightSet::Vgg16, false));
    assert_eq!(card.layers, ["relu1_2", "relu2_2"]);
    let (loaded, arrays) = store.load(WeightSet::Vgg16).unwrap();
    assert_eq!((loaded, arrays.len()), (card, 8));
    // The paper's three layers are not there: the message has both ways out.
    let source = WeightsSource::File(file.clone());
    let said = Perceptual::new(&source, &PAPER, Device::Cpu).err().unwrap().to_string();
    for wanted in ["lack relu3_3", "weights fetch vgg16", "perceptual.layers = [\"relu1_2\", \"relu2_2\"]"] {
        assert!(said.contains(wanted), "{said}");
    }
    let loss = Perceptual::new(&source, &PAPER[..2], Device::Cpu).unwrap();
    assert!(loss.loss(&slices(0.0), &slices(0.3)).unwrap().double_value(&[]) > 0.0);
    // Better weights replace the old file; a damaged one is not used.
    std::fs::write(&file, partial_vgg(7, 0.01)).unwrap();
    let card = store.import(&file, Some(WeightSet::Vgg16)).unwrap();
    assert_eq!(card.layers, ["relu1_2", "relu2_2", "relu3_3"]);
    let files: Vec<_> = std::fs::read_dir(store.folder()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    let path = store.folder().join(&card.file);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let said = store.load(WeightSet::Vgg16).unwrap_err().to_string();
    assert!(said.contains("damaged") && said.contains("install the weights again"), "{said}");
}

#[test]
fn unsuitable_weights_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (Store::at(folder.path().join("store")), folder.path().join("weights.safetensors"));
    let refuse = |bytes: Vec<u8>, set, wanted: &str| {
        std::fs::write(&file, bytes).unwrap();
        let said = store.import(&file, set).unwrap_err().to_string();
        assert!(said.contains(wanted) && said.contains("weights.safetensors"), "{said}");
    };
    let vgg = || WeightSet::Vgg16.tensors().into_iter().take(10);
    let zero = |_| 0.0;
    refuse(safetensors_of(vgg(), zero), Some(WeightSet::AlexNet), "holds VGG16 weights, not AlexNet weights");
    refuse(safetensors_of(vgg().filter(|(n, _)| n != "features.5.bias"), zero), None, "lacks `features.5.bias`");
    refuse(safetensors_of(vgg(), |_| f32::NAN), None, "no numbers");
    refuse(safetensors_of(vgg().skip(2), zero), None, "none of the known weights");
    let wide = |(name, shape): (String, Vec<usize>)| {
        let shape = if name == "features.7.weight" { vec![128, 128, 3, 5] } else { shape };
        (name, shape)
    };
    refuse(safetensors_of(vgg().map(wide), zero), None, "`features.7.weight` has shape");
    let heads = WeightSet::LpipsAlex.tensors().into_iter();
    refuse(safetensors_of(heads.clone().take(4), zero), None, "lacks `lin4.model.1.weight`");
    refuse(b"no weights at all".to_vec(), None, "neither a .pth");
    assert!(!store.folder().exists());
    std::fs::write(&file, safetensors_of(heads, zero)).unwrap();
    assert_eq!(store.import(&file, None).unwrap().name, WeightSet::LpipsAlex);
    std::fs::write(&file, safetensors_of(WeightSet::LpipsVgg.tensors().into_iter(), zero)).unwrap();
    assert_eq!(store.import(&file, None).unwrap().name, WeightSet::LpipsVgg);
}

/// How the server of a test answers one request.
#[derive(Clone, Copy)]
enum Reply {
    /// What is asked for, obeying ranges.
    Well,
    /// The same, but the connection breaks after half of it.
    HalfOfIt,
    /// The whole file, whatever range is asked for.
    WithoutRanges,
    /// This status and no file.
    Status(u16),
}

/// A server on this machine that answers as told, one reply a connection, and keeps what it was asked.
fn serve(file: Vec<u8>, replies: Vec<Reply>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://127.0.0.1:{}/models", listener.local_addr().unwrap().port());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for reply in replies {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).to_ascii_lowercase();
            let start = request.split("range: bytes=").nth(1).and_then(|r| r.split('-').next()?.parse::<usize>().ok());
            log.lock().unwrap().push(request);
            let start = if matches!(reply, Reply::WithoutRanges) { None } else { start };
            let rest = &file[start.unwrap_or(0).min(file.len())..];
            let (status, range) = match (reply, start) {
                (Reply::Status(code), _) => (format!("{code} No"), String::new()),
                (_, Some(s)) => {
                    let range = format!("Content-Range: bytes {s}-{}/{}\r\n", file.len() - 1, file.len());
                    ("206 Partial Content".into(), range)
                }
                _ => ("200 OK".into(), String::new()),
            };
            let body = match reply {
                Reply::Status(_) => &[][..],
                Reply::HalfOfIt => &rest[..rest.len() / 2],
                _ => rest,
            };
            let length = if matches!(reply, Reply::Status(_)) { 0 } else { rest.len() };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{range}Connection: close\r\n\r\n");
            // The other side may have gone already: that is its affair.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        }
    });
    (base, asked)
}

fn hash_of(bytes: &[u8]) -> &'static str {
    let letters: String = Sha256::digest(bytes).iter().take(4).map(|b| format!("{b:02x}")).collect();
    letters.leak()
}

fn download(base: String, hash: &'static str) -> Download {
    Download { set: WeightSet::Vgg16, official: Official { file: "vgg16-test.pth", hash }, base }
}

#[test]
fn a_download_is_checked_and_installed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let file = partial_vgg(4, 0.0);
    let (base, asked) = serve(file.clone(), vec![Reply::Well]);
    let progress = Progress::new();
    let card = download(base, hash_of(&file)).fetch(&store, &progress).unwrap();
    assert!(card.source.contains("vgg16-test.pth"), "{}", card.source);
    assert_eq!(card.layers, ["relu1_2", "relu2_2"]);
    assert_eq!((progress.done(), progress.of()), (file.len() as u64, file.len() as u64));
    assert!(asked.lock().unwrap()[0].starts_with("get /models/vgg16-test.pth "));
    store.load(WeightSet::Vgg16).unwrap();
    assert!(!folder.path().join("vgg16-test.pth.part").exists());
}

#[test]
fn a_download_goes_on_where_it_broke_off() {
    let file = partial_vgg(4, 0.0);
    // Within one call, and by a server without ranges, which sends everything again.
    for second in [Reply::Well, Reply::WithoutRanges] {
        let folder = tempfile::tempdir().unwrap();
        let (base, asked) = serve(file.clone(), vec![Reply::HalfOfIt, second]);
        download(base, hash_of(&file)).fetch(&Store::at(folder.path()), &Progress::new()).unwrap();
        let asked = asked.lock().unwrap();
        assert!(asked[1].contains(&format!("range: bytes={}-", file.len() / 2)), "{}", asked[1]);
    }
    // By a later call: what came is kept where the server goes away altogether.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let part = folder.path().join("vgg16-test.pth.part");
    let (base, _) = serve(file.clone(), vec![Reply::HalfOfIt]);
    let said = download(base, hash_of(&file)).fetch(&store, &Progress::new()).unwrap_err().to_string();
    assert!(said.contains("goes on where it stopped"), "{said}");
    assert_eq!(std::fs::metadata(&part).unwrap().len(), file.len() as u64 / 2);
    let (base, asked) = serve(file.clone(), vec![Reply::Well]);
    download(base, hash_of(&file)).fetch(&store, &Progress::new()).unwrap();
    assert!(asked.lock().unwrap()[0].contains("range: bytes="));
    // One that was cancelled also.
    let progress = Progress::new();
    progress.cancel();
    let (base, _) = serve(file.clone(), vec![Reply::Well]);
    let error = download(base, hash_of(&file)).fetch(&store, &progress).unwrap_err();
    assert!(matches!(error, WeightsError::Cancelled));
}

#[test]
fn a_wrong_file_and_a_missing_one_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let left =
        || std::fs::read_dir(folder.path()).unwrap().filter(|e| e.as_ref().unwrap().metadata().unwrap().len() > 0);
    let (base, _) = serve(partial_vgg(4, 0.0), vec![Reply::Well]);
    let error = download(base.clone(), "397923af").fetch(&store, &Progress::new()).unwrap_err();
    assert!(matches!(&error, WeightsError::WrongHash { wanted, .. } if wanted == "397923af"), "{error}");
    assert_eq!(left().count(), 0);
    // Nobody listens there any more: no network, as it were.
    let said = download(base, "397923af").fetch(&store, &Progress::new()).unwrap_err().to_string();
    assert!(!folder.path().join("vgg16-test.pth.part").exists());
    for wanted in ["cannot be reached", "HTTPS_PROXY", "weights import"] {
        assert!(said.contains(wanted), "{said}");
    }
    let (base, _) = serve(Vec::new(), vec![Reply::Status(404)]);
    let said = download(base, "397923af").fetch(&store, &Progress::new()).unwrap_err().to_string();
    assert!(said.contains("404") && said.contains("BIPLANE_WEIGHTS_URL") && said.contains("weights import"), "{said}");
    // A file that is complete, and that the server can therefore not go on with, is begun again.
    let file = partial_vgg(4, 0.0);
    std::fs::write(folder.path().join("vgg16-test.pth.part"), &file[..100]).unwrap();
    let (base, asked) = serve(file.clone(), vec![Reply::Status(416), Reply::Well]);
    download(base, hash_of(&file)).fetch(&store, &Progress::new()).unwrap();
    assert!(!asked.lock().unwrap()[1].contains("range:"));
    assert!(matches!(Download::official(WeightSet::LpipsAlex), Err(WeightsError::NotFetchable(_))));
}

#[test]
fn the_command_line_fetches_imports_and_lists() {
    let folder = tempfile::tempdir().unwrap();
    let run = |base: &str, arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_biplane"))
            .args(arguments)
            .current_dir(folder.path())
            .env("BIPLANE_CACHE", folder.path().join("cache"))
            .env("BIPLANE_WEIGHTS_URL", base)
            .output()
            .unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code().unwrap(), out, err)
    };
    let list = || serde_json::from_str::<serde_json::Value>(&run("", &["weights", "list", "--json"]).1).unwrap();
    assert_eq!(list().as_array().unwrap().len(), 4);
    assert!(list().as_array().unwrap().iter().all(|set| set["installed"] == false));
    assert!(run("", &["weights", "list"]).1.contains("not installed; biplane weights fetch vgg16"));
    std::fs::write(folder.path().join("part.safetensors"), partial_vgg(4, 0.0)).unwrap();
    let (code, out, err) = run("", &["weights", "import", "part.safetensors", "--as", "vgg16"]);
    assert!(code == 0 && out.contains("relu1_2, relu2_2") && out.contains("BSD-3-Clause"), "{err}");
    assert_eq!(list()[0]["card"]["layers"], serde_json::json!(["relu1_2", "relu2_2"]));
    let evil = golden_file("evil-zip.pth");
    let (code, _, err) = run("", &["weights", "import", evil.to_str().unwrap()]);
    assert!(code == 3 && err.contains("posix.system") && err.contains("what to do: "), "{code} {err}");
    let (base, _) = serve(partial_vgg(4, 0.0), vec![Reply::Well]);
    let (code, out, err) = run(&base, &["weights", "fetch", "vgg16"]);
    assert!(code == 1 && out.is_empty() && err.contains("must begin 397923af"), "{code} {err}");
    // What was installed before still is.
    assert_eq!(list()[0]["installed"], true);
    assert_eq!(run("", &["weights", "fetch", "vgg19"]).0, 2);
    let (code, _, err) = run("", &["weights", "fetch", "lpips-alex"]);
    assert!(code == 2 && err.contains("package `lpips`"), "{err}");
}

/// With the genuine weights at hand: numbers printed by `tests/reference/perceptual.py --weights FOLDER`.
#[test]
fn real_weights_see_what_pytorch_sees() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/perceptual");
    let folder = std::env::var_os("BIPLANE_PERCEPTUAL").map_or(folder, PathBuf::from);
    let file = folder.join("vgg16_features_partial.safetensors");
    if !file.exists() {
        return;
    }
    let loss = Perceptual::new(&WeightsSource::File(file), &PAPER[..2], Device::Cpu).unwrap();
    let wanted = [[1.499_072_9, 2.971_608_2], [2.163_473_6, 5.038_544_7]];
    for (features, [mean, deviation]) in loss.features(&slices(0.0)).unwrap().iter().zip(wanted) {
        assert!((features.mean(Kind::Double).double_value(&[]) - mean).abs() < 1e-4);
        assert!((features.std(false).double_value(&[]) - deviation).abs() < 1e-4);
    }
    let value = loss.loss(&slices(0.0), &slices(0.3)).unwrap().double_value(&[]);
    assert!((value - 0.598_131_6).abs() < 1e-5, "{value}");
    let store = tempfile::tempdir().unwrap();
    for (name, set) in [
        ("vgg16_features_partial", WeightSet::Vgg16),
        ("alexnet_features", WeightSet::AlexNet),
        ("lpips_vgg_heads", WeightSet::LpipsVgg),
        ("lpips_alex_heads", WeightSet::LpipsAlex),
    ] {
        let card = Store::at(store.path()).import(&folder.join(format!("{name}.safetensors")), None).unwrap();
        assert_eq!((card.name, card.complete), (set, set != WeightSet::Vgg16));
    }
}
