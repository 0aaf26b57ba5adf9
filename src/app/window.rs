//! The native window around [`Workstation`]. The only place that knows eframe.

use super::{LaunchOptions, Workstation, settings, theme::theme};
use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew};
use std::sync::Arc;
use thiserror::Error;

/// The window's icon, 256 x 256 RGBA PNG.
const ICON: &[u8] = include_bytes!("../../assets/icon.png");
/// The smallest window in which nothing is cut, points.
const LEAST_SIZE: [f32; 2] = [1180.0, 760.0];
/// The window the first time, points.
const FIRST_SIZE: [f32; 2] = [1440.0, 900.0];

/// Why the workstation could not be shown.
#[derive(Debug, Error)]
pub enum AppError {
    /// No window system, or it refused a window.
    #[error("no window could be opened: {0}; without a display use `biplane screenshot` or `biplane demo --headless`")]
    NoWindow(String),
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// [`AppError::NoWindow`] where there is no display or no graphics driver.
pub fn run(options: LaunchOptions) -> Result<(), AppError> {
    let options = LaunchOptions { settings: options.settings.or_else(settings::default_path), ..options };
    let remembered = settings::Settings::load(options.settings.as_deref()).remembered;
    let size = remembered.window.unwrap_or(FIRST_SIZE);
    let viewport = egui::ViewportBuilder::default()
        .with_title("biplane")
        .with_app_id("biplane")
        .with_inner_size(size)
        .with_min_inner_size(LEAST_SIZE)
        .with_maximized(remembered.maximised)
        .with_fullscreen(options.demo)
        .with_icon(eframe::icon_data::from_png_bytes(ICON).map(Arc::new).unwrap_or_default());
    let native = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Wgpu,
        wgpu_options: WgpuConfiguration { wgpu_setup: wgpu_setup(), ..Default::default() },
        system_font_fallback: false,
        ..Default::default()
    };
    eframe::run_native(
        "biplane",
        native,
        Box::new(move |cc| Ok(Box::new(Window(Workstation::new(&cc.egui_ctx, &options))))),
    )
    .map_err(|cause| AppError::NoWindow(cause.to_string()))
}

/// A device with all limits the adapter has: the usual defaults allow 256 voxels a side on OpenGL.
fn wgpu_setup() -> WgpuSetup {
    let mut create = WgpuSetupCreateNew::without_display_handle();
    create.device_descriptor = Arc::new(|adapter| wgpu::DeviceDescriptor {
        label: Some("biplane"),
        required_limits: adapter.limits(),
        ..Default::default()
    });
    WgpuSetup::CreateNew(create)
}

/// The thin coat that eframe asks for.
struct Window(Workstation);

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.0.remember_window(ui.ctx());
        self.0.ui(ui);
    }

    fn on_exit(&mut self) {
        self.0.close();
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        theme().color.window.to_normalized_gamma_f32()
    }
}
