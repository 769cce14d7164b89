//! The cache on disk, laid out as `huggingface_hub` does, so that both find what the other fetched:
//!
//! ```text
//! models--OWNER--NAME/
//!   blobs/ETAG                      the content of a file, named by its hash
//!   blobs/ETAG.incomplete           what came of it so far
//!   refs/REVISION                   the commit that a branch or tag was last seen at
//!   snapshots/COMMIT/FILE           a link to ../../blobs/ETAG
//! .locks/models--OWNER--NAME/ETAG.lock
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use super::Repo;
use super::repo::{MAIN, is_commit};

/// One repository's part of the cache. It need not be there.
pub(super) struct Folder {
    pub root: PathBuf,
    #[cfg(feature = "hub")]
    pub locks: PathBuf,
}

impl Folder {
    pub fn new(cache: &Path, repo: &Repo) -> Self {
        let name = format!("models--{}", repo.id().replace('/', "--"));
        Self {
            root: cache.join(&name),
            #[cfg(feature = "hub")]
            locks: cache.join(".locks").join(name),
        }
    }

    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// The commit that `revision` was last seen at.
    pub fn commit(&self, revision: &str) -> Option<String> {
        let text = fs::read_to_string(self.root.join("refs").join(revision)).ok()?;
        let commit = text.trim();
        is_commit(commit).then(|| commit.to_owned())
    }
}

/// Every snapshot of every model's repository in `cache`, `main` first, then by name. One that a
/// branch or tag points to is called by that, others by their directory; where a directory placed by
/// hand has the same name, it comes after.
pub(super) fn snapshots(cache: &Path) -> Vec<(Repo, PathBuf)> {
    let mut found = Vec::new();
    for folder in names(cache) {
        let id = folder.strip_prefix("models--").and_then(|name| {
            let (owner, name) = name.split_once("--")?;
            format!("{owner}/{name}").parse::<Repo>().ok()
        });
        let Some(repo) = id else { continue };
        let folder = Folder::new(cache, &repo);
        let mut revisions = names(&folder.root.join("refs"));
        revisions.sort_by_key(|name| name != MAIN);
        for commit in names(&folder.root.join("snapshots")) {
            let points_here = |name: &&String| folder.commit(name).as_ref() == Some(&commit);
            let revision = revisions.iter().find(points_here).unwrap_or(&commit);
            if let Some(repo) = repo.at(revision) {
                found.push((repo, folder.snapshot(&commit)));
            }
        }
    }
    found.sort_by_cached_key(|(repo, folder)| {
        let own_name = folder.ends_with(repo.revision());
        (repo.revision() != MAIN, repo.clone(), own_name)
    });
    found
}

/// The names in a directory, sorted; none where there is no directory.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
