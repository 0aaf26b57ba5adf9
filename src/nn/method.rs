//! Which method a model follows: ours, or one of the three that the paper holds itself against. Knows no tensor.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A method that learns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Dong et al.: a coarse 3D U-Net, then a refining 2D U-Net.
    #[default]
    Biplane,
    /// The coarse 3D U-Net alone.
    UNet3d,
    /// A 2D encoder-decoder over both films whose last feature channels are read as depth.
    Cnn2d,
    /// X2CT-GAN: two 2D-to-3D encoder-decoders of dense blocks, fused, with a 3D discriminator.
    X2ctGan,
}

impl Method {
    /// All of them, ours first.
    pub const ALL: [Self; 4] = [Self::Biplane, Self::UNet3d, Self::Cnn2d, Self::X2ctGan];

    /// Its name on the command line and in plans.
    pub fn name(self) -> &'static str {
        match self {
            Self::Biplane => "biplane",
            Self::UNet3d => "unet3d",
            Self::Cnn2d => "cnn2d",
            Self::X2ctGan => "x2ctgan",
        }
    }

    /// Its name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Biplane => "biplane",
            Self::UNet3d => "3D U-Net",
            Self::Cnn2d => "2D CNN",
            Self::X2ctGan => "X2CT-GAN",
        }
    }

    /// Whether a second network refines what the first one gives.
    pub fn refines(self) -> bool {
        self == Self::Biplane
    }

    /// Whether the networks look at the films themselves, which only a back-projection that keeps them apart still holds.
    pub fn needs_both_films(self) -> bool {
        matches!(self, Self::Cnn2d | Self::X2ctGan)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|method| method.name() == text);
        named.ok_or_else(|| format!("`{text}` is no method; there are {}", Self::ALL.map(Self::name).join(", ")))
    }
}
