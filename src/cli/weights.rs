//! `biplane weights fetch|list|import`: the networks that others trained, for the perceptual loss and LPIPS.

use super::error::CliError;
use super::terminal::{load, print, print_json};
use crate::nn::perceptual::fetch::{BASE_VARIABLE, Download, OFFICIAL_BASE};
use crate::nn::perceptual::{Card, Store, WeightSet, WeightsError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Gets and lists weights that others trained: VGG16 for the perceptual loss and LPIPS-VGG, AlexNet for LPIPS-Alex, and
/// the heads of LPIPS. They lie in the user's cache and are not part of biplane.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  biplane weights fetch vgg16
  biplane weights import vgg16-397923af.pth
  biplane weights import lpips/weights/v0.1/alex.pth --as lpips-alex
  biplane weights list --json")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Download and install torchvision's official file.
    #[command(after_help = after_fetch())]
    Fetch {
        /// vgg16 (528 MiB are fetched, 56 MiB kept) or alexnet (233 MiB, 10 MiB kept).
        #[arg(value_name = "NAME")]
        set: WeightSet,
    },
    /// Say what is installed: layers, hash, licence.
    #[command(after_help = "Examples:\n  biplane weights list\n  biplane weights list --json")]
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Install weights from a file.
    #[command(after_help = AFTER_IMPORT)]
    Import {
        /// A `.pth` of PyTorch, or safetensors with torchvision's names.
        file: PathBuf,
        /// vgg16, alexnet, lpips-vgg or lpips-alex; without it the tensors tell.
        #[arg(long = "as", value_name = "NAME")]
        set: Option<WeightSet>,
    },
}

const AFTER_IMPORT: &str = "\
Files taken:
  torchvision's vgg16-397923af.pth and alexnet-owt-7be5be79.pth, or their `features.N.weight` and `features.N.bias` as
  safetensors, from the first convolution on (VGG16's first four give relu1_2 and relu2_2);
  vgg.pth and alex.pth of lpips/weights/v0.1 in the package `lpips` 0.1.4, or `linK.model.1.weight` as safetensors.
A .pth is never executed: one that would run code is refused.

Examples:
  biplane weights import vgg16-397923af.pth
  biplane weights import heads.safetensors --as lpips-vgg";

fn after_fetch() -> String {
    format!(
        "The file's SHA-256 must begin with the letters in its name. A transfer that breaks off goes on where it \
         stopped. HTTPS_PROXY and the system's certificates are respected.\n\n\
         Environment:\n  {BASE_VARIABLE}  another address with the same files, in place of {OFFICIAL_BASE}\n  \
         BIPLANE_CACHE        another folder for what is installed\n\n\
         Examples:\n  biplane weights fetch vgg16\n  {BASE_VARIABLE}=https://mirror.example/models biplane weights fetch alexnet"
    )
}

pub fn run(args: &Args) -> Result<(), CliError> {
    let store = Store::user()?;
    match &args.action {
        Action::Fetch { set } => {
            let download = Download::official(*set)?;
            let file = Path::new(download.official.file);
            let card = load(file, |_, progress| download.fetch(&store, progress))?;
            print(&about(&card))
        }
        Action::Import { file, set } => {
            let card = load(file, |file, _| store.import(file, *set))?;
            print(&about(&card))
        }
        Action::List { json: true } => print_json(&WeightSet::ALL.map(|set| as_json(set, store.card(set)))),
        Action::List { json: false } => {
            let rows = WeightSet::ALL.map(|set| as_text(set, store.card(set)));
            print(&format!("{}\nIn {}", rows.concat(), store.folder().display()))
        }
    }
}

fn about(card: &Card) -> String {
    format!("{} installed\n{}", card.name.title(), details(card))
}

fn details(card: &Card) -> String {
    let part = if card.complete { "" } else { " (a part of the network)" };
    format!(
        "  layers   {}{part}\n  source   {}\n  SHA-256  {}\n  licence  {}\n",
        card.layers.join(", "),
        card.source,
        card.source_sha256,
        card.licence
    )
}

fn as_text(set: WeightSet, card: Result<Option<Card>, WeightsError>) -> String {
    match card {
        Ok(Some(card)) => format!("{:<11}{}\n{}", set.name(), set.title(), details(&card)),
        Ok(None) if set.official().is_some() => {
            format!("{:<11}{}: not installed; biplane weights fetch {set}\n", set.name(), set.title())
        }
        Ok(None) => format!("{:<11}{}: not installed; {}\n", set.name(), set.title(), set.by_hand()),
        Err(error) => format!("{:<11}{error}\n", set.name()),
    }
}

fn as_json(set: WeightSet, card: Result<Option<Card>, WeightsError>) -> Value {
    let (card, error) = match card {
        Ok(card) => (card, None),
        Err(error) => (None, Some(error.to_string())),
    };
    json!({ "name": set, "title": set.title(), "installed": card.is_some(), "card": card, "error": error })
}
