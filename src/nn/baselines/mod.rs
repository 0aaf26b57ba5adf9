//! The networks that ours are held against: each takes what our coarse network takes and gives what it gives, so that
//! films, training, metrics and screen are the same for all. Knows no loss.

pub mod cnn2d;
pub mod x2ct;

use super::NnError;
use tch::{Kind, Tensor};

/// Both films as they fall on the isocentre's planes, from a back-projection that keeps them apart.
pub(super) struct Films {
    /// The first film on the coronal plane, `[1, 1, D (z), W (x)]`.
    pub frontal: Tensor,
    /// The second film on the sagittal plane, `[1, 1, D (z), H (y)]`.
    pub lateral: Tensor,
}

/// Reads the films back from `[1, 2, D, H, W]`: the planes through the isocentre lie between the two middle voxels,
/// whatever the distances, pitch and flips of the detectors were.
pub(super) fn films(input: &Tensor) -> Result<Films, NnError> {
    let size = input.size();
    if size.len() != 5 || size[0] != 1 || size[1] != 2 {
        return Err(NnError::Input(format!("an input of shape {size:?}; the network takes one volume a film")));
    }
    let middle = |channel: i64, axis: i64| -> Result<Tensor, NnError> {
        let volume = input.f_narrow(1, channel, 1)?;
        let half = size[axis as usize] / 2;
        Ok(volume.f_narrow(axis, half - 1, 2)?.f_mean_dim([axis].as_slice(), false, Kind::Float)?)
    };
    Ok(Films { frontal: middle(0, 3)?, lateral: middle(1, 4)? })
}
