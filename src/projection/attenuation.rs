//! Relative attenuation on a grid along LPS, laid out for the projectors. Knows no view.

use crate::geometry::{Frame, Volume};
use crate::units::Hu;
use rayon::prelude::*;
use thiserror::Error;

/// Why a volume cannot be projected.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum AttenuationError {
    /// The projectors walk along the patient's axes.
    #[error("the volume's axes are oblique to the patient's; resample it onto a grid along LPS first")]
    Oblique,
    /// The number of values is not the number of voxels.
    #[error("{values} values for a grid of {voxels} voxels")]
    Length {
        /// Values given.
        values: usize,
        /// Voxels of the grid.
        voxels: usize,
    },
}

/// Relative attenuation r (0 air, 1 water), stored `[y][x][z]`: z fastest, because the views turn about z and
/// a column of pixels then reads whole lines.
#[derive(Clone, Debug)]
pub struct Attenuation {
    frame: Frame,
    lines: Vec<f32>,
}

/// Voxels along z and x of the blocks in which the layout is turned: whole cache lines are written (16 floats) and
/// longer runs of them read, and a block fits in the first-level cache.
const BLOCK: (usize, usize) = (16, 128);

impl Attenuation {
    /// From a CT; values below -1000 HU are air, r is clipped to [0, 3].
    ///
    /// # Errors
    /// [`AttenuationError::Oblique`] where the volume's axes are not LPS axes.
    pub fn from_volume(volume: &Volume) -> Result<Self, AttenuationError> {
        Self::turned(volume.frame(), volume.hu(), |hu| Hu(f32::from(hu)).relative_attenuation())
    }

    /// From values of r, `[z][y][x]`, taken as they are.
    ///
    /// # Errors
    /// [`AttenuationError`] where the frame is oblique or the number of values does not fit it.
    pub fn from_values(frame: &Frame, r: &[f32]) -> Result<Self, AttenuationError> {
        Self::turned(frame, r, |r| r)
    }

    /// Turns `[z][y][x]` into `[y][x][z]` in blocks, so that neither side strides through memory.
    fn turned<T: Copy + Sync>(
        frame: &Frame,
        data: &[T],
        convert: impl Fn(T) -> f32 + Sync,
    ) -> Result<Self, AttenuationError> {
        if !frame.is_along_lps() {
            return Err(AttenuationError::Oblique);
        }
        if data.len() != frame.len() {
            return Err(AttenuationError::Length { values: data.len(), voxels: frame.len() });
        }
        let [nx, ny, nz] = frame.dims();
        let mut lines = vec![0f32; data.len()];
        lines.par_chunks_mut(nx * nz).enumerate().for_each(|(y, plane)| {
            for z0 in (0..nz).step_by(BLOCK.0) {
                for x0 in (0..nx).step_by(BLOCK.1) {
                    for z in z0..(z0 + BLOCK.0).min(nz) {
                        let row = &data[(z * ny + y) * nx..][..nx];
                        for x in x0..(x0 + BLOCK.1).min(nx) {
                            plane[x * nz + z] = convert(row[x]);
                        }
                    }
                }
            }
        });
        Ok(Self { frame: frame.clone(), lines })
    }

    /// The grid.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// All values, `[y][x][z]`.
    pub(super) fn lines(&self) -> &[f32] {
        &self.lines
    }
}
