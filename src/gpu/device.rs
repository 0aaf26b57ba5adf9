//! Opening a device with all it can give, with or without a window, and noticing when it is lost.
//! Knows no texture and no shader.
//!
//! A lost device: the window's set-up calls [`LossWatch::install`] once its device exists. Without it wgpu panics on
//! the first uncaptured error. From then on [`LossWatch::lost`] tells, frame by frame, whether the card went away;
//! the application then saves its session and offers a restart, it does not draw any more.

use super::GpuError;
use std::sync::{Arc, Mutex, PoisonError};

/// Features that make pictures better where they are there and are never required.
const WELCOME_FEATURES: wgpu::Features = wgpu::Features::TEXTURE_FORMAT_16BIT_NORM;
/// Complaints kept for the log; a broken frame loop repeats itself.
const MAX_COMPLAINTS: usize = 16;

/// What to ask an adapter for: all its limits (the usual defaults allow 256 voxels a side on OpenGL, the adapters
/// give 2048) and the welcome features it has. Fits `WgpuSetupCreateNew::device_descriptor`.
pub fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    wgpu::DeviceDescriptor {
        label: Some("biplane"),
        required_features: adapter.features() & WELCOME_FEATURES,
        required_limits: adapter.limits(),
        ..Default::default()
    }
}

/// Keeps Mesa quiet where there is no session: its layer that sorts devices asks for a Wayland display, and libwayland
/// prints an error for each time there is none. Without a session nothing is lost with that layer. Must be the
/// program's first act.
pub fn quiet_drivers() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: the first act of main; no other thread runs yet that could read or write the environment.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
}

/// A device without a window.
#[derive(Clone, Debug)]
pub struct Gpu {
    /// The entry to the drivers.
    pub instance: wgpu::Instance,
    /// The card, or the software that plays one.
    pub adapter: wgpu::Adapter,
    /// Makes textures and pipelines.
    pub device: wgpu::Device,
    /// Takes work.
    pub queue: wgpu::Queue,
    /// Tells when the device is gone.
    pub loss: LossWatch,
}

impl Gpu {
    /// A device on the best adapter there is: OpenGL only where nothing better is, or as `WGPU_BACKEND` says.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`], [`GpuError::NoDevice`].
    pub fn headless() -> Result<Self, GpuError> {
        if let Some(chosen) = wgpu::Backends::from_env() {
            return Self::headless_on(chosen);
        }
        // One after the other: opening OpenGL takes time and talks to the display server even when it is not used.
        Self::headless_on(wgpu::Backends::PRIMARY).or_else(|_| Self::headless_on(wgpu::Backends::GL))
    }

    /// The same, on these backends alone.
    ///
    /// # Errors
    /// As [`Gpu::headless`].
    pub fn headless_on(backends: wgpu::Backends) -> Result<Self, GpuError> {
        let described = wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
        let instance = wgpu::Instance::new(described);
        let wanted = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = pollster::block_on(instance.request_adapter(&wanted))
            .map_err(|cause| GpuError::NoAdapter(cause.to_string()))?;
        let (device, queue) = pollster::block_on(adapter.request_device(&device_descriptor(&adapter)))
            .map_err(|cause| GpuError::NoDevice { adapter: adapter.get_info().name, cause: cause.to_string() })?;
        let loss = LossWatch::install(&device);
        Ok(Self { instance, adapter, device, queue, loss })
    }

    /// Whether pictures are computed by the processor.
    pub fn is_software(&self) -> bool {
        self.adapter.get_info().device_type == wgpu::DeviceType::Cpu
    }

    /// Name and backend, for the info panel.
    pub fn describe(&self) -> String {
        let info = self.adapter.get_info();
        format!("{} ({:?})", info.name, info.backend)
    }
}

/// What went wrong with a device after it was opened.
#[derive(Debug, Default)]
struct Trouble {
    lost: Option<String>,
    complaints: Vec<String>,
}

/// Remembers a device's loss and its complaints instead of panicking over them.
#[derive(Clone, Debug, Default)]
pub struct LossWatch {
    trouble: Arc<Mutex<Trouble>>,
}

impl LossWatch {
    /// Takes over the device's two handlers: loss, and errors nobody asked for.
    pub fn install(device: &wgpu::Device) -> Self {
        let watch = Self::default();
        let on_loss = watch.clone();
        device.set_device_lost_callback(move |reason, message| {
            // Dropping the last handle of a device at the program's end is no loss.
            if reason != wgpu::DeviceLostReason::Destroyed {
                on_loss.note(|t| t.lost = Some(message.clone()));
            }
        });
        let on_error = watch.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            on_error.note(|t| {
                if t.complaints.len() < MAX_COMPLAINTS {
                    t.complaints.push(error.to_string());
                }
            });
        }));
        watch
    }

    /// Why the device is gone, once it is.
    pub fn lost(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).lost.clone()
    }

    /// Errors that nobody captured, oldest first; empties the list.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.trouble.lock().unwrap_or_else(PoisonError::into_inner).complaints)
    }

    fn note(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.trouble.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
