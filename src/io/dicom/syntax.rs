//! Transfer syntaxes: how a file is written, and which of them can be decoded. Decodes nothing.

use super::fault::Fault;
use super::walk::Coding;
use dicom_dictionary_std::uids;
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

/// How the pixels of a file are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// Plain samples.
    Plain,
    /// Plain samples, big end first (retired).
    PlainBig,
    /// The whole data set is deflated.
    Deflated,
    /// JPEG baseline, extended or lossless.
    Jpeg,
    /// JPEG 2000 of either kind.
    Jpeg2000,
    /// JPEG XL.
    JpegXl,
    /// Run lengths.
    Rle,
    /// Plain samples in fragments.
    Fragments,
}

/// A transfer syntax this program reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    uid: String,
    packing: Packing,
    implicit: bool,
}

impl Syntax {
    /// The syntax of a UID.
    ///
    /// # Errors
    /// One that is unknown, or that needs a decoder not built in (JPEG-LS, video), named.
    pub(super) fn of_uid(uid: &str) -> Result<Self, Fault> {
        let uid = uid.trim_end_matches(['\0', ' ']);
        #[allow(deprecated)] // Old archives still hold big-endian files.
        let packing = match uid {
            uids::IMPLICIT_VR_LITTLE_ENDIAN | uids::EXPLICIT_VR_LITTLE_ENDIAN => Packing::Plain,
            uids::EXPLICIT_VR_BIG_ENDIAN => Packing::PlainBig,
            uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN => Packing::Deflated,
            uids::JPEG_BASELINE8_BIT | uids::JPEG_EXTENDED12_BIT | uids::JPEG_LOSSLESS | uids::JPEG_LOSSLESS_SV1 => {
                Packing::Jpeg
            }
            uids::JPEG2000_LOSSLESS
            | uids::JPEG2000
            | uids::HTJ2K_LOSSLESS
            | uids::HTJ2K_LOSSLESS_RPCL
            | uids::HTJ2K => Packing::Jpeg2000,
            uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION | uids::JPEGXL => Packing::JpegXl,
            uids::RLE_LOSSLESS => Packing::Rle,
            uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Packing::Fragments,
            _ => return Err(Self::refusal(uid)),
        };
        Ok(Self { uid: uid.to_string(), packing, implicit: uid == uids::IMPLICIT_VR_LITTLE_ENDIAN })
    }

    fn refusal(uid: &str) -> Fault {
        let advice = "convert it to Explicit VR Little Endian, for example with dcmdjpls, gdcmconv --raw or dcm2dcm";
        match TransferSyntaxRegistry.get(uid) {
            Some(known) => Fault::unsupported(format!("its pixels are packed as {} ({uid})", known.name()), advice),
            None => {
                let shown: String = uid.chars().filter(|c| c.is_ascii_digit() || *c == '.').take(64).collect();
                Fault::unsupported(format!("its transfer syntax {shown} is unknown"), advice)
            }
        }
    }

    /// The syntax of a file that names none, from its first element.
    pub(super) fn guessed(data: &[u8]) -> Self {
        let explicit = data.get(4..6).is_some_and(|vr| vr.iter().all(u8::is_ascii_uppercase));
        let uid = if explicit { uids::EXPLICIT_VR_LITTLE_ENDIAN } else { uids::IMPLICIT_VR_LITTLE_ENDIAN };
        Self { uid: uid.to_string(), packing: Packing::Plain, implicit: !explicit }
    }

    /// The UID.
    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    /// The name in words.
    pub(super) fn name(&self) -> &str {
        TransferSyntaxRegistry.get(&self.uid).map_or("unknown", |syntax| syntax.name())
    }

    /// How pixels are packed.
    pub(super) fn packing(&self) -> Packing {
        self.packing
    }

    /// Whether the whole data set is deflated.
    pub(super) fn is_deflated(&self) -> bool {
        self.packing == Packing::Deflated
    }

    /// How elements are written.
    pub(super) fn coding(&self) -> Coding {
        Coding { implicit: self.implicit, big: self.packing == Packing::PlainBig }
    }
}
