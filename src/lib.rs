//! biplane turns two X-ray projections into a CT.
//!
//! Rooms, in the order in which data flows: a module uses only what stands above it. ARCHITECTURE.md tells the rest.

pub mod units;

pub mod geometry;

pub mod io;

pub mod projection;

pub mod registration;

pub mod nn;

pub mod metrics;

pub mod atlas;

pub mod train;

pub mod evaluate;

pub mod gpu;

pub mod app;

pub mod cli;
