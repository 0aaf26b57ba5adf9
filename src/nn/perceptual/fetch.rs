//! Fetching weights from their makers over HTTPS: goes on where it broke off, keeps nothing whose hash is wrong. The
//! only part of the program that speaks to a network, and only when it is asked to. Knows no screen.

use super::checkpoint::sha256_of;
use super::store::Official;
use super::{Card, Store, WeightSet, WeightsError};
use crate::io::Progress;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};

/// Where torchvision's files are served.
pub const OFFICIAL_BASE: &str = "https://download.pytorch.org/models";
/// The variable that names another place with the same files.
pub const BASE_VARIABLE: &str = "BIPLANE_WEIGHTS_URL";
/// How often one call of [`Download::fetch`] takes up a transfer that breaks off.
const ATTEMPTS: u32 = 4;
/// Rest before the second attempt; each further one rests longer by this.
const PAUSE: Duration = Duration::from_millis(400);
/// A server that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// The largest file taken (bytes): twice the size of VGG16 with its classifier.
const MOST_BYTES: u64 = 1 << 30;
/// How addresses on this machine begin.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1:", "http://localhost:"];
/// Bytes taken at a time.
const PIECE_BYTES: usize = 1 << 16;

/// One file to fetch.
#[derive(Clone, Debug)]
pub struct Download {
    /// What it holds.
    pub set: WeightSet,
    /// The file and its hash.
    pub official: Official,
    /// The address of its folder, `https` or `http`.
    pub base: String,
}

/// How one attempt went wrong.
enum Trouble {
    /// Another attempt may help.
    Again(String),
    /// It will not.
    Final(WeightsError),
}

impl Download {
    /// The official file of a set, from where the environment or else torchvision serves it.
    ///
    /// # Errors
    /// [`WeightsError::NotFetchable`] for a set that no server is known for.
    pub fn official(set: WeightSet) -> Result<Self, WeightsError> {
        let official = set.official().ok_or(WeightsError::NotFetchable(set))?;
        let named = std::env::var(BASE_VARIABLE).ok().filter(|base| !base.is_empty());
        Ok(Self { set, official, base: named.unwrap_or_else(|| OFFICIAL_BASE.into()) })
    }

    /// The file's address.
    pub fn url(&self) -> String {
        format!("{}/{}", self.base.trim_end_matches('/'), self.official.file)
    }

    /// Fetches, checks and installs the file. What came before a break or a cancel is kept for the next call.
    ///
    /// # Errors
    /// [`WeightsError::Download`] where the file cannot be had; [`WeightsError::WrongHash`], which also removes it;
    /// [`WeightsError::Cancelled`]; those of [`Store::import`].
    pub fn fetch(&self, store: &Store, progress: &Progress) -> Result<Card, WeightsError> {
        let folder = store.folder();
        let unwritable = |cause| WeightsError::Write { path: folder.to_owned(), cause };
        fs::create_dir_all(folder).map_err(unwritable)?;
        let path = folder.join(format!("{}.part", self.official.file));
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(unwritable)?;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(self.fault("another biplane is fetching it".into(), "wait for it, or end it"));
        }
        self.transfer(&mut file, &path, progress).inspect_err(|_| {
            if file.metadata().is_ok_and(|about| about.len() == 0) {
                // Nothing came that a later call could go on from.
                let _ = fs::remove_file(&path);
            }
        })?;
        let installed = self.check(&path).and_then(|()| store.import(&path, Some(self.set)));
        // Sound and installed, or of no use: in both cases it is not needed again.
        let _ = fs::remove_file(&path);
        installed
    }

    fn transfer(&self, file: &mut File, path: &Path, progress: &Progress) -> Result<(), WeightsError> {
        let mut settings = ureq::Agent::config_builder();
        if LOOPBACK.iter().any(|start| self.base.starts_with(start)) {
            // A mirror on this machine stands before any proxy.
            settings = settings.proxy(None);
        }
        let agent: ureq::Agent = settings
            .http_status_as_error(false)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            // The system's certificates, as hospitals' own proxies need.
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .build()
            .into();
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            std::thread::sleep(PAUSE * attempt);
            match self.attempt(&agent, file, path, progress) {
                Ok(()) => return Ok(()),
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::Again(cause)) => last = cause,
            }
        }
        Err(self.fault(last, "give the same command again: it goes on where it stopped"))
    }

    /// Asks for what is missing and appends what comes.
    fn attempt(&self, agent: &ureq::Agent, file: &mut File, path: &Path, progress: &Progress) -> Result<(), Trouble> {
        let unwritable = |cause| Trouble::Final(WeightsError::Write { path: path.to_owned(), cause });
        let mut have = file.seek(SeekFrom::End(0)).map_err(unwritable)?;
        let mut request = agent.get(self.url());
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let mut response = request.call().map_err(|e| self.no_answer(&e, progress))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if content_range(&response).is_some_and(|(start, _)| start == have) => {}
            StatusCode::OK => {
                file.set_len(0).and_then(|()| file.rewind()).map_err(unwritable)?;
                have = 0;
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => {
                file.set_len(0).map_err(unwritable)?;
                return Err(Trouble::Again("the server cannot go on where the transfer stopped".into()));
            }
            status => return Err(self.refusal(status)),
        }
        let total = match content_range(&response) {
            Some((_, total)) => total,
            None => response.body().content_length(),
        };
        progress.expect(total.unwrap_or(0));
        let mut body = response.body_mut().as_reader();
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            progress.add(have.saturating_sub(progress.done()));
            if progress.is_cancelled() {
                return Err(Trouble::Final(WeightsError::Cancelled));
            }
            let count =
                body.read(&mut piece).map_err(|e| Trouble::Again(format!("broke off after {have} bytes ({e})")))?;
            if count == 0 {
                break;
            }
            have += count as u64;
            if have > MOST_BYTES {
                let _ = file.set_len(0);
                return Err(self.finally("is far larger than it should be".into(), "look at what the address serves"));
            }
            file.write_all(piece.get(..count).unwrap_or_default()).map_err(unwritable)?;
        }
        match total {
            Some(total) if have < total => Err(Trouble::Again(format!("broke off after {have} of {total} bytes"))),
            _ => file.sync_all().map_err(unwritable),
        }
    }

    /// No response at all: where nothing ever came there is likely no network, and waiting does not help.
    fn no_answer(&self, error: &ureq::Error, progress: &Progress) -> Trouble {
        let cause = format!("cannot be reached ({error})");
        if progress.done() > 0 {
            return Trouble::Again(cause);
        }
        let advice = match error {
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
                "set the system's certificates right (the package ca-certificates, or SSL_CERT_FILE)"
            }
            _ => "check the network (HTTPS_PROXY is respected)",
        };
        self.finally(cause, advice)
    }

    fn refusal(&self, status: StatusCode) -> Trouble {
        let cause = format!("the server answers {status}");
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Trouble::Again(cause);
        }
        self.finally(cause, "check the address (BIPLANE_WEIGHTS_URL names another)")
    }

    fn finally(&self, cause: String, advice: &str) -> Trouble {
        let otherwise = format!("{OFFICIAL_BASE}/{}", self.official.file);
        let advice = format!("{advice}, or download {otherwise} elsewhere and `biplane weights import FILE`");
        Trouble::Final(self.fault(cause, &advice))
    }

    fn fault(&self, cause: String, advice: &str) -> WeightsError {
        WeightsError::Download { url: self.url(), cause, advice: advice.into() }
    }

    fn check(&self, path: &Path) -> Result<(), WeightsError> {
        let found = sha256_of(path).map_err(|cause| WeightsError::Read { path: path.to_owned(), cause })?;
        let wanted = self.official.hash;
        if found.starts_with(wanted) {
            return Ok(());
        }
        let found = found.chars().take(wanted.len()).collect();
        Err(WeightsError::WrongHash { url: self.url(), found, wanted: wanted.into() })
    }
}

/// Start and total of `Content-Range: bytes START-END/TOTAL` (RFC 9110, 14.4); the total may be `*`.
fn content_range(response: &Response<ureq::Body>) -> Option<(u64, Option<u64>)> {
    let text = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-')?.0.parse().ok()?;
    Some((start, total.parse().ok()))
}
