//! libtorch at run time: devices, the CUDA libraries, threads, and which precision pays. Knows no network.

use super::NnError;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::OnceLock;
use tch::{Cuda, Device, Kind};

/// The library that brings CUDA to a running libtorch.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";
/// The variable that names the folder of [`CUDA_LIBRARY`].
const CUDA_FOLDER_VARIABLE: &str = "BIPLANE_LIBTORCH_CUDA";
/// The version this program is built for; another's libraries do not load.
const LIBTORCH_VERSION: &str = "2.11.0";

/// Where to compute, as the user chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DeviceChoice {
    /// The first GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A GPU by number.
    Cuda(usize),
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.write_str("auto"),
            Self::Cpu => out.write_str("cpu"),
            Self::Cuda(n) => write!(out, "cuda:{n}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("`{text}` is no device; use auto, cpu or cuda:N")),
        }
    }
}

impl DeviceChoice {
    /// The device behind the choice.
    ///
    /// # Errors
    /// [`NnError::NoDevice`] where a GPU was asked for that is not there.
    pub fn device(self) -> Result<Device, NnError> {
        let gpus = gpu_count();
        match self {
            Self::Auto => Ok(if gpus > 0 { Device::Cuda(0) } else { Device::Cpu }),
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda(n) if n < gpus => Ok(Device::Cuda(n)),
            Self::Cuda(_) => Err(NnError::NoDevice(self.to_string())),
        }
    }

    /// Every choice this machine offers.
    pub fn available() -> Vec<Self> {
        let gpus = (0..gpu_count()).map(Self::Cuda);
        [Self::Auto, Self::Cpu].into_iter().chain(gpus).collect()
    }
}

/// The name of a device on screen.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cuda(n) => format!("GPU {n} (CUDA)"),
        _ => match tch::get_num_threads() {
            1 => "CPU, 1 thread".to_owned(),
            threads => format!("CPU, {threads} threads"),
        },
    }
}

/// GPUs that libtorch can use. The first call looks for the CUDA libraries.
pub fn gpu_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        // The library must be there before the first CUDA query: after one, libtorch's hooks are stuck.
        if open_cuda() && Cuda::is_available() { usize::try_from(Cuda::device_count()).unwrap_or(0) } else { 0 }
    })
}

/// Loads the CUDA half of libtorch where a driver and the library are there.
fn open_cuda() -> bool {
    if !PathBuf::from("/proc/driver/nvidia/version").exists() && std::env::var_os(CUDA_FOLDER_VARIABLE).is_none() {
        return false;
    }
    cuda_folders().into_iter().map(|folder| folder.join(CUDA_LIBRARY)).any(|path| {
        path.exists() && {
            let mut name = path.to_string_lossy().into_owned().into_bytes();
            name.push(0);
            // SAFETY: `name` ends in NUL and lives through the call. The library is libtorch's own, whose
            // initialisers may run at any time before the first CUDA query; the handle is kept for good.
            let handle = unsafe { libc::dlopen(name.as_ptr().cast(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
            !handle.is_null()
        }
    })
}

/// Where the CUDA libraries may be, in the order of trust: the variable, the cache, an installed PyTorch.
fn cuda_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os(CUDA_FOLDER_VARIABLE).map(PathBuf::from).into_iter().collect();
    if let Some(cache) = cache_folder() {
        folders.push(cache.join(format!("libtorch-{LIBTORCH_VERSION}-cuda")).join("lib"));
    }
    // The linker's own search path reaches an installation that the user put there.
    for variable in ["LD_LIBRARY_PATH", "PYTHONPATH"] {
        let paths = std::env::var_os(variable).unwrap_or_default();
        folders.extend(std::env::split_paths(&paths).flat_map(|p| [p.clone(), p.join("torch/lib")]));
    }
    folders.retain(|folder| version_matches(folder));
    folders
}

/// Whether a PyTorch beside this folder, if there is one, is of the version this program was built for.
fn version_matches(folder: &std::path::Path) -> bool {
    let Some(torch) = folder.parent() else { return true };
    match std::fs::read_to_string(torch.join("version.py")) {
        Ok(text) => text.contains(LIBTORCH_VERSION),
        Err(_) => true,
    }
}

/// The per-user cache of this program.
pub fn cache_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("BIPLANE_CACHE") {
        return Some(PathBuf::from(folder));
    }
    directories::BaseDirs::new().map(|dirs| dirs.cache_dir().join("biplane"))
}

/// The precision of convolutions; norms, heads and losses are always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bit floats.
    F32,
    /// bfloat16.
    Bf16,
    /// bfloat16, the finest level of the decoder in 32 bit floats: its rounding is what shows in the result.
    Mixed,
}

impl Precision {
    /// libtorch's kind.
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 | Self::Mixed => Kind::BFloat16,
        }
    }

    /// What reconstructions are computed in: bf16 on a GPU; on the CPU f32, or mixed where the processor
    /// multiplies bf16 that much faster.
    pub fn for_inference(device: Device) -> Self {
        match Self::fastest(device) {
            Self::Bf16 if !device.is_cuda() => Self::Mixed,
            precision => precision,
        }
    }

    /// The faster precision on a device: bf16 on a GPU and on processors with AMX, else f32. Elsewhere on the CPU bf16
    /// was never faster. The processor decides, not a stopwatch: the same films must give the same volume each time.
    pub fn fastest(device: Device) -> Self {
        if device.is_cuda() || multiplies_bf16_tiles() { Self::Bf16 } else { Self::F32 }
    }
}

/// Whether the processor has AMX-BF16 (Intel SDM, CPUID leaf 7, EDX bit 22).
#[cfg(target_arch = "x86_64")]
fn multiplies_bf16_tiles() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    const FEATURES_LEAF: u32 = 7;
    const AMX_BF16: u32 = 1 << 22;
    // CPUID is there on every x86-64 processor; leaf 0 tells the highest leaf there is.
    #[allow(unused_unsafe, reason = "older compilers call these unsafe")]
    // SAFETY: as above, and only an existing leaf is read.
    unsafe {
        __cpuid(0).eax >= FEATURES_LEAF && __cpuid_count(FEATURES_LEAF, 0).edx & AMX_BF16 != 0
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn multiplies_bf16_tiles() -> bool {
    false
}
