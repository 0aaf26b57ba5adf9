//! The native window around [`Workstation`]. The only place that knows eframe.

use super::viewport::{self, Pace};
use super::{LaunchOptions, Workstation, jobs, settings, theme::theme};
use crate::gpu::device::device_descriptor;
use crate::gpu::{GpuError, LossWatch};
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
    let options = LaunchOptions {
        settings: options.settings.or_else(settings::default_path),
        runs: options.runs.or_else(settings::default_runs),
        ..options
    };
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
    eframe::run_native("biplane", native, Box::new(move |cc| Ok(Box::new(Window::new(cc, &options)?))))
        .map_err(|cause| AppError::NoWindow(cause.to_string()))
}

/// A device with all limits the adapter has: the usual defaults allow 256 voxels a side on OpenGL.
fn wgpu_setup() -> WgpuSetup {
    let mut create = WgpuSetupCreateNew::without_display_handle();
    create.device_descriptor = Arc::new(device_descriptor);
    WgpuSetup::CreateNew(create)
}

/// The thin coat that eframe asks for.
struct Window {
    workstation: Workstation,
    loss: LossWatch,
}

impl Window {
    /// The workstation in a window that just opened.
    fn new(cc: &eframe::CreationContext<'_>, options: &LaunchOptions) -> Result<Self, GpuError> {
        let mut workstation = Workstation::new(&cc.egui_ctx, options);
        workstation.system_dialogs = true;
        let mut loss = LossWatch::default();
        if let Some(render_state) = &cc.wgpu_render_state {
            viewport::install(render_state, Pace::Gentle)?;
            loss = LossWatch::install(&render_state.device);
            let info = render_state.adapter.get_info();
            workstation.state.adapter = format!("{} ({:?})", info.name, info.backend);
        }
        Ok(Self { workstation, loss })
    }
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.workstation.remember_window(ui.ctx());
        if let Some(cause) = self.loss.lost() {
            self.workstation.device_lost(ui.ctx(), &cause);
        }
        self.workstation.ui(ui);
    }

    fn on_exit(&mut self) {
        self.workstation.close();
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        theme().color.window.to_normalized_gamma_f32()
    }
}

/// Set in a program that was started anew after a loss, so that a broken driver makes no endless chain.
const RESTARTED: &str = "BIPLANE_RESTARTED";

impl Workstation {
    /// Remembers the window's size.
    fn remember_window(&mut self, ctx: &egui::Context) {
        ctx.input(|i| {
            let viewport = i.viewport();
            let maximised = viewport.maximized.unwrap_or(false);
            self.settings.remembered.maximised = maximised;
            if let (Some(inner), false) = (viewport.inner_rect, maximised || viewport.fullscreen.unwrap_or(false)) {
                self.settings.remembered.window = Some([inner.width(), inner.height()]);
            }
        });
    }

    /// The window closes: remember what is worth it.
    fn close(&mut self) {
        if let Err(cause) = self.settings.save() {
            eprintln!("biplane: settings were not saved: {cause}");
        }
    }

    /// The graphics device is gone and nothing can be drawn any more: the session is saved and the program started
    /// anew with it, once.
    fn device_lost(&mut self, ctx: &egui::Context, cause: &str) {
        if self.state.device_lost.replace(cause.to_owned()).is_some() {
            return;
        }
        let file = settings::recovery_path();
        let unsaved = self.state.case.clone();
        let saved = file.as_deref().map(|file| jobs::save_session(file, self.session(), unsaved));
        match (saved, file) {
            (Some(Ok(())), Some(file)) => {
                eprintln!(
                    "biplane: the graphics device was lost ({cause}); the session is saved as {}",
                    file.display()
                );
                if std::env::var_os(RESTARTED).is_none() && restart(&file) {
                    ctx.send_viewport_cmd(egui::ViewportCommand::Close);
                }
            }
            (Some(Err(error)), _) => eprintln!("biplane: the graphics device was lost ({cause}); {error}"),
            _ => eprintln!("biplane: the graphics device was lost ({cause}); this system has no folder for sessions"),
        }
    }
}

/// Starts this program anew with a session.
fn restart(session: &std::path::Path) -> bool {
    let Ok(program) = std::env::current_exe() else { return false };
    std::process::Command::new(program).arg(session).env(RESTARTED, "1").spawn().is_ok()
}
