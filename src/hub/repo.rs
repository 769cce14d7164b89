//! How a repository on the hub is named.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// A model's repository: `owner/name`, or `owner/name@revision`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repo {
    id: String,
    revision: String,
}

/// The revision where none is named.
pub(super) const MAIN: &str = "main";

impl Repo {
    /// `owner/name`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A branch, a tag or a commit.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Whether the revision is a whole commit hash, which always means the same files.
    pub(super) fn is_pinned(&self) -> bool {
        is_commit(&self.revision)
    }

    /// The same repository at another revision, if that can be one.
    pub(super) fn at(&self, revision: &str) -> Option<Self> {
        is_revision(revision).then(|| Self {
            id: self.id.clone(),
            revision: revision.to_owned(),
        })
    }
}

impl FromStr for Repo {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (id, revision) = text.split_once('@').unwrap_or((text, MAIN));
        let named = id
            .split_once('/')
            .is_some_and(|(owner, name)| is_name(owner) && is_name(name));
        if named && id.len() <= 96 && is_revision(revision) {
            Ok(Self {
                id: id.to_owned(),
                revision: revision.to_owned(),
            })
        } else {
            Err(Error::Argument {
                what: "Hugging Face repository",
                expected: "owner/name or owner/name@revision".into(),
                found: text.to_owned(),
            })
        }
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.revision.as_str() {
            MAIN => f.write_str(&self.id),
            revision => write!(f, "{}@{revision}", self.id),
        }
    }
}

/// A hash of git's, as the hub writes it.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_hex(text)
}

pub(super) fn is_hex(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.bytes().all(digit)
}

/// Whether a name from outside can be the name of a file of ours: a plain one that hides nothing and
/// leads nowhere else.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('.')
}

/// The hub's own rules for owners and names. "--" is what the cache puts between the two.
fn is_name(text: &str) -> bool {
    is_plain(text)
        && !text.starts_with('-')
        && !text.ends_with(['-', '.'])
        && !text.contains("--")
        && !text.contains("..")
}

/// A branch, a tag, a commit or the likes of `refs/pr/1`.
fn is_revision(text: &str) -> bool {
    text.len() <= 128 && text.split('/').all(is_plain) && !text.starts_with('-')
}
