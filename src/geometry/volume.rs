//! A CT volume: Hounsfield units on a [`Frame`]. Knows no file and no display window.

use super::{Frame, FrameError};
use crate::units::Hu;
use thiserror::Error;

/// Why values and grid do not make a volume.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum VolumeError {
    /// The number of values is not the number of voxels.
    #[error("{values} values for a grid of {voxels} voxels")]
    Length {
        /// Values given.
        values: usize,
        /// Voxels of the grid.
        voxels: usize,
    },
    /// The grid itself cannot be used.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Hounsfield units as 16 bit integers, `[z][y][x]` (x fastest), on a grid in LPS mm.
///
/// Integers are exact for every CT scanner, half the memory of floats, and what the 3D texture takes as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    frame: Frame,
    hu: Vec<i16>,
}

impl Volume {
    /// A volume of `hu` values, `[z][y][x]`, on `frame`.
    ///
    /// # Errors
    /// [`VolumeError::Length`] where the number of values does not fit the grid.
    pub fn new(frame: Frame, hu: Vec<i16>) -> Result<Self, VolumeError> {
        if hu.len() != frame.len() {
            return Err(VolumeError::Length { values: hu.len(), voxels: frame.len() });
        }
        Ok(Self { frame, hu })
    }

    /// A volume of one value everywhere.
    pub fn filled(frame: Frame, hu: Hu) -> Self {
        let value = hu.0.round() as i16;
        Self { hu: vec![value; frame.len()], frame }
    }

    /// A volume from relative attenuation r, `[z][y][x]`: HU = (r - 1) * 1000, rounded.
    ///
    /// # Errors
    /// [`VolumeError::Length`] where the number of values does not fit the grid.
    pub fn from_relative_attenuation(frame: Frame, r: &[f32]) -> Result<Self, VolumeError> {
        // `as` saturates and sends NaN to 0, so no value can panic here.
        let hu = r.iter().map(|&r| Hu::from_relative_attenuation(r).0.round() as i16).collect();
        Self::new(frame, hu)
    }

    /// The grid.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// All values, `[z][y][x]`.
    pub fn hu(&self) -> &[i16] {
        &self.hu
    }

    /// The values, to change in place.
    pub fn hu_mut(&mut self) -> &mut [i16] {
        &mut self.hu
    }

    /// The value at voxel (x, y, z), if there is such a voxel.
    pub fn at(&self, x: usize, y: usize, z: usize) -> Option<i16> {
        let [nx, ny, nz] = self.frame.dims();
        (x < nx && y < ny && z < nz).then(|| self.hu[(z * ny + y) * nx + x])
    }

    /// Axial slice `z`, `[y][x]`.
    ///
    /// # Panics
    /// Where `z` is not a slice of this volume.
    pub fn axial(&self, z: usize) -> &[i16] {
        let [nx, ny, _] = self.frame.dims();
        &self.hu[z * nx * ny..(z + 1) * nx * ny]
    }

    /// Relative attenuation of every voxel, `[z][y][x]`, clipped to [0, 3].
    pub fn relative_attenuation(&self) -> Vec<f32> {
        self.hu.iter().map(|&v| Hu(f32::from(v)).relative_attenuation()).collect()
    }

    /// The same values on another grid of the same size.
    ///
    /// # Errors
    /// [`VolumeError::Length`] where the grids differ in size.
    pub fn with_frame(self, frame: Frame) -> Result<Self, VolumeError> {
        Self::new(frame, self.hu)
    }

    /// First and last axial slice that hold scan data (anything above padding), if any does.
    pub fn data_slices(&self) -> Option<(usize, usize)> {
        let holds = |z: &usize| self.axial(*z).iter().any(|&v| f32::from(v) > Hu::PADDING.0);
        let slices = 0..self.frame.dims()[2];
        Some((slices.clone().find(holds)?, slices.rev().find(holds)?))
    }
}
