//! The one test binary: libtorch links once. A file a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod app;
mod app_films;
mod bad_input;
mod baselines;
mod cli;
mod compare;
mod dataset;
mod evaluate;
mod frames;
mod geometry;
mod hanging;
mod io_dicom;
mod io_picture;
mod io_text_header;
mod io_volume;
mod keys;
mod layers;
mod lpips;
mod metrics;
mod metrics_grid;
mod metrics_parts;
mod nn;
mod parity;
mod perceptual;
mod prepare;
mod projection;
mod shaders;
mod sirt;
mod snapshots;
mod stage2;
mod train;
mod train_cli;
mod train_panel;
mod trust;
mod viewport;
