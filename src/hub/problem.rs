//! What can go wrong between the hub and the cache.

use std::path::PathBuf;

/// Why a repository's files are not to be had. [`Error::Hub`](crate::Error::Hub) names the repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// 401 or 403. The hub answers so for repositories that do not exist, too.
    #[error(
        "the hub answers {status} ({said}): there is no such repository (nor such a directory here), \
         or it is private or gated; check the name, accept its terms at {page}, and set HF_TOKEN to \
         a token that may read it{}", if *token { " (the one it was sent may not)" } else { "" }
    )]
    Refused {
        status: u16,
        /// The hub's own words.
        said: String,
        /// Where a person can see the repository and its terms.
        page: String,
        /// Whether a token went with the request.
        token: bool,
    },

    /// 404.
    #[error("the hub has no {what} (looked at {url}; nor is there such a directory here)")]
    NotFound { what: String, url: String },

    /// The network is down, or the hub is.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable { endpoint: String, reason: String },

    /// The hub, or the store behind it, began to answer and stopped, several times.
    #[error("the connection to {endpoint} broke: {reason}")]
    Interrupted { endpoint: String, reason: String },

    /// 429, or 500 and above: the hub is overloaded or broken.
    #[error("the hub answers {status} ({said}); try again later")]
    Busy {
        status: u16,
        /// The hub's own words, or what the status means.
        said: String,
    },

    /// The cache does not have all files, and the hub is not asked.
    #[error("not in the cache (nor a directory here), and {0}")]
    NotCached(&'static str),

    /// A setting makes no sense.
    #[error("{variable}: expected {expected}")]
    Setting {
        variable: &'static str,
        expected: &'static str,
    },

    /// The hub's answer is not what it should be.
    #[error("{url}: {problem}")]
    Answer { url: String, problem: String },

    /// The bytes that came are not those that were published.
    #[error(
        "{file}: expected sha256 {expected}, found {found}; the download was deleted: run this again"
    )]
    Checksum {
        file: String,
        expected: String,
        found: String,
    },

    /// The repository lacks files that every CoCa of OpenCLIP's has.
    #[error("not a CoCa of OpenCLIP's: it has no {missing}")]
    NotAModel { missing: String },

    /// No space left.
    #[error(
        "{}: the disk is full, {missing} bytes of {file} are still to come; make room (what came so \
         far is kept), or set HF_HUB_CACHE to a directory on another disk", folder.display()
    )]
    DiskFull {
        folder: PathBuf,
        file: String,
        missing: u64,
    },

    /// A file of the cache could not be read or written.
    #[error("{}: {reason}", path.display())]
    Io {
        path: PathBuf,
        reason: std::io::Error,
    },
}

impl Problem {
    /// Whether what was fetched earlier is still good.
    pub(super) fn is_the_hubs(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::NotFound { .. }
                | Self::Unreachable { .. }
                | Self::Interrupted { .. }
                | Self::Busy { .. }
                | Self::Answer { .. }
        )
    }

    /// Whether the rest of a file may come if it is asked for once more.
    #[cfg(feature = "hub")]
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::Interrupted { .. } | Self::Busy { .. }
        )
    }

    #[cfg(feature = "hub")]
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |reason| Self::Io {
            path: path.to_owned(),
            reason,
        }
    }
}
