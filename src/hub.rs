//! Models that Hugging Face's hub keeps: found in the cache that all its tools share, or downloaded
//! into it.

#[cfg(feature = "hub")]
mod address;
#[cfg(feature = "hub")]
mod attempts;
mod cache;
#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod download;
mod problem;
mod repo;
#[cfg(feature = "hub")]
mod store;
mod wanted;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fmt, fs};

pub use problem::Problem;
pub use repo::Repo;
pub(crate) use wanted::Wanted;

use crate::{Error, Result};
use cache::Folder;

/// Where the hub and its cache are, and what may be done there.
///
/// Downloads go through the proxy of `HTTPS_PROXY`, except from hosts that `NO_PROXY` names, and trust
/// the certificates that this machine trusts.
#[derive(Clone)]
pub struct Hub {
    cache: PathBuf,
    endpoint: String,
    token: Option<String>,
    offline: bool,
    #[cfg_attr(not(feature = "hub"), allow(dead_code))]
    patience: Duration,
    #[cfg_attr(not(feature = "hub"), allow(dead_code))]
    report: Option<Arc<Report>>,
}

type Report = dyn Fn(&Progress) + Send + Sync;

/// How far the download of one file is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    pub file: &'a str,
    /// Bytes that are here, those of an earlier run included.
    pub done: u64,
    /// Bytes of the whole file.
    pub size: u64,
}

const ENDPOINT: &str = "https://huggingface.co";

impl Hub {
    /// The public hub, without a token, with this cache directory.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            cache: cache.into(),
            endpoint: ENDPOINT.to_owned(),
            token: None,
            offline: false,
            patience: Duration::from_secs(30),
            report: None,
        }
    }

    /// What the environment says, as for all tools of Hugging Face: `HF_HOME`, `HF_HUB_CACHE`,
    /// `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_ENDPOINT`, `HF_HUB_OFFLINE`.
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var_os(name))
    }

    /// As [`from_env`](Self::from_env), from an environment of the caller's own.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let path = |name: &str| set(name).map(|value| below_home(PathBuf::from(value)));
        let home = path("HF_HOME").unwrap_or_else(|| {
            let cache = path("XDG_CACHE_HOME").unwrap_or_else(|| below_home("~/.cache".into()));
            cache.join("huggingface")
        });
        let token_path = path("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        let token = text("HF_TOKEN").or_else(|| fs::read_to_string(token_path).ok());
        let is_true = |value: String| {
            let value = value.to_lowercase();
            ["1", "true", "yes", "on"].contains(&value.as_str())
        };
        Self::new(path("HF_HUB_CACHE").unwrap_or_else(|| home.join("hub")))
            .endpoint(text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()))
            .token(token)
            .offline(text("HF_HUB_OFFLINE").is_some_and(is_true))
    }

    /// Asks this server instead of the public hub.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = url.into().trim().trim_end_matches('/').to_owned();
        self
    }

    /// Shows this token to the endpoint, and to no other host.
    pub fn token(mut self, token: Option<String>) -> Self {
        let token = token.map(|token| token.trim().to_owned());
        self.token = token.filter(|token| !token.is_empty());
        self
    }

    /// Takes what the cache has and never uses the network.
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Gives a connection up that was silent for so long: 30 seconds if not said.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Calls `report` while files are downloaded: when one begins and whenever some of it came.
    pub fn progress(mut self, report: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    /// Where files are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Whether the network is never used.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// The directory that has all wanted files of `repo`, after downloading those that the cache lacks.
    /// Blocks until they are there.
    ///
    /// A branch or tag is looked up each time; where the hub does not answer, what was fetched before
    /// has to do. Errors are [`Error::Hub`].
    pub(crate) fn fetch(&self, repo: &Repo, wanted: &Wanted) -> Result<PathBuf> {
        let here = self.find(repo, wanted);
        let problem = match here {
            Some(folder) if self.offline || repo.is_pinned() => return Ok(folder),
            _ if self.offline => Problem::NotCached(
                "the hub is not asked when offline (--offline or HF_HUB_OFFLINE)",
            ),
            here => match (self.download(repo, wanted), here) {
                (Ok(folder), _) => return Ok(folder),
                (Err(problem), Some(folder)) if problem.is_the_hubs() => {
                    log::warn!("{repo}: using what was fetched before, for {problem}");
                    return Ok(folder);
                }
                (Err(problem), _) => problem,
            },
        };
        let advice = match problem {
            Problem::Unreachable { .. } | Problem::Interrupted { .. } | Problem::NotCached(_) => {
                self.by_hand(repo, wanted)
            }
            _ => String::new(),
        };
        Err(Error::Hub {
            repo: repo.to_string(),
            problem,
            advice,
        })
    }

    /// The directory of `repo` in the cache that has all wanted files.
    fn find(&self, repo: &Repo, wanted: &Wanted) -> Option<PathBuf> {
        let folder = Folder::new(&self.cache, repo);
        let commit = folder
            .commit(repo.revision())
            .map(|name| folder.snapshot(&name));
        // A whole commit hash stands for itself, and files placed by hand are where the advice said.
        let named = folder.snapshot(repo.revision());
        let snapshots = commit.into_iter().chain([named]);
        snapshots
            .into_iter()
            .find(|snapshot| wanted.complete(snapshot))
    }

    /// Every snapshot in the cache, of any model's repository, complete or not.
    pub(crate) fn snapshots(&self) -> Vec<(Repo, PathBuf)> {
        cache::snapshots(&self.cache)
    }

    /// Tells where to get the files, and where to put them so that they are found.
    fn by_hand(&self, repo: &Repo, wanted: &Wanted) -> String {
        let folder = Folder::new(&self.cache, repo).snapshot(repo.revision());
        format!(
            "; run this again where there is a network, or place the files by hand: {}, from \
             {}/{}/tree/{} into {}",
            wanted.in_words,
            self.endpoint,
            repo.id(),
            repo.revision(),
            folder.display(),
        )
    }

    #[cfg(feature = "hub")]
    fn download(&self, repo: &Repo, wanted: &Wanted) -> Result<PathBuf, Problem> {
        download::download(self, repo, wanted)
    }

    #[cfg(not(feature = "hub"))]
    fn download(&self, _: &Repo, _: &Wanted) -> Result<PathBuf, Problem> {
        Err(Problem::NotCached(
            "this program was built without the feature that downloads (hub)",
        ))
    }
}

impl fmt::Debug for Hub {
    /// Everything but the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "…"))
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

/// Replaces a leading `~`, which no shell has seen where a variable comes from a file.
fn below_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), dirs::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}
