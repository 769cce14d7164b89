//! Bringing a repository's files into the cache: resumed where it was interrupted, checked by hash,
//! and visible only when whole.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::attempts::Attempts;
use super::cache::Folder;
use super::client::{Client, Meta};
use super::repo::{is_hex, is_plain};
use super::store::make_parent;
use super::wanted::is_index;
use super::{Hub, Problem, Progress, Repo, Wanted};
use crate::Error;
use crate::files::hex;

/// Bytes read at a time.
const PIECE: usize = 256 << 10;

/// Fetches what `folder` of the cache lacks, and returns the snapshot that has it all.
pub(super) fn download(hub: &Hub, repo: &Repo, wanted: &Wanted) -> Result<PathBuf, Problem> {
    let client = Client::new(hub, repo)?;
    let listing = client.listing()?;
    let folder = Folder::new(&hub.cache, repo);
    let snapshot = folder.snapshot(&listing.commit);
    let fetch = |file: &str| {
        if snapshot.join(file).exists() {
            return Ok(());
        }
        if !listing.files.contains(file) {
            let missing = file.to_owned();
            return Err(Problem::NotAModel { missing });
        }
        Download::new(hub, &client, &folder, &listing.commit, file)?.run()
    };
    let choice = (wanted.choose(&listing.files, &snapshot))
        .map_err(|missing| Problem::NotAModel { missing })?;
    // Weights come last: a snapshot that has them has everything.
    for file in choice.files {
        fetch(file)?;
    }
    fetch(choice.weights)?;
    if is_index(choice.weights) {
        for shard in shards(wanted, &snapshot.join(choice.weights))? {
            fetch(&shard)?;
        }
    }
    folder.set_commit(repo.revision(), &listing.commit)?;
    Ok(snapshot)
}

/// The files that a downloaded index names.
fn shards(wanted: &Wanted, index: &Path) -> Result<BTreeSet<String>, Problem> {
    let fail = |problem| Problem::Answer {
        url: index.display().to_string(),
        problem,
    };
    let names = (wanted.shards)(index).map_err(|error| match error {
        Error::Model { problem, .. } => fail(problem),
        other => fail(other.to_string()),
    })?;
    // The hub's addresses have no place for other names.
    match names.iter().find(|name| !is_plain(name)) {
        Some(name) => Err(fail(format!(
            "expected the plain name of a file, found {name:?}"
        ))),
        None => Ok(names),
    }
}

/// One file on its way into the cache.
struct Download<'a> {
    hub: &'a Hub,
    client: &'a Client<'a>,
    folder: &'a Folder,
    commit: &'a str,
    file: &'a str,
    meta: Meta,
}

/// What is here of a file so far.
struct Partial {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl<'a> Download<'a> {
    fn new(
        hub: &'a Hub,
        client: &'a Client<'a>,
        folder: &'a Folder,
        commit: &'a str,
        file: &'a str,
    ) -> Result<Self, Problem> {
        let meta = client.meta(commit, file)?;
        Ok(Self {
            hub,
            client,
            folder,
            commit,
            file,
            meta,
        })
    }

    fn run(&self) -> Result<(), Problem> {
        let etag = &self.meta.etag;
        let _lock = self.folder.lock(etag)?;
        let blob = self.folder.blob(etag);
        if !blob.exists() {
            let partial = blob.with_file_name(format!("{etag}.incomplete"));
            make_parent(&partial)?;
            self.complete(&partial)?;
            fs::rename(&partial, &blob).map_err(Problem::io(&blob))?;
        }
        self.folder.link(etag, self.commit, self.file)
    }

    /// Fetches the rest of the file at `path`, and checks all of it.
    fn complete(&self, path: &Path) -> Result<(), Problem> {
        let mut partial = self.open(path).map_err(Problem::io(path))?;
        log::info!(
            "fetching {}: {} of {} bytes to come",
            self.file,
            self.meta.size - partial.bytes,
            self.meta.size,
        );
        self.report(&partial);
        let (mut furthest, mut attempts) = (partial.bytes, Attempts::default());
        while partial.bytes < self.meta.size {
            let Err(problem) = self.extend(&mut partial, path) else {
                continue;
            };
            if partial.bytes > furthest {
                (furthest, attempts) = (partial.bytes, Attempts::default());
            }
            if !problem.may_pass() {
                return Err(problem);
            }
            attempts.wait_after(problem)?;
        }
        self.check(partial, path)
    }

    /// Opens what an earlier run left, if it did.
    fn open(&self, path: &Path) -> std::io::Result<Partial> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path)?;
        if file.metadata()?.len() > self.meta.size {
            file.set_len(0)?;
        }
        let mut hash = Sha256::new();
        let mut piece = vec![0; PIECE];
        let mut bytes = 0;
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(Partial { file, hash, bytes }),
                count => {
                    hash.update(&piece[..count]);
                    bytes += count as u64;
                }
            }
        }
    }

    /// Asks once for what is missing, and takes all that comes.
    fn extend(&self, partial: &mut Partial, path: &Path) -> Result<(), Problem> {
        let part = (self.client).part(self.commit, self.file, partial.bytes)?;
        if part.first != partial.bytes {
            partial.restart().map_err(Problem::io(path))?;
        }
        let mut body = part.body.take(self.meta.size - partial.bytes);
        let mut piece = vec![0; PIECE];
        loop {
            let count = match body.read(&mut piece) {
                Ok(0) if partial.bytes < self.meta.size => {
                    return Err(self.client.interrupted("the file ended too early"));
                }
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) => return Err(self.client.interrupted(error)),
            };
            (partial.append(&piece[..count])).map_err(|e| self.not_written(e, path, partial))?;
            self.report(partial);
        }
    }

    fn not_written(&self, error: std::io::Error, path: &Path, partial: &Partial) -> Problem {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Problem::DiskFull {
                folder: self.hub.cache.clone(),
                file: self.file.to_owned(),
                missing: self.meta.size - partial.bytes,
            },
            _ => Problem::io(path)(error),
        }
    }

    /// Deletes a file that is not what was published.
    fn check(&self, partial: Partial, path: &Path) -> Result<(), Problem> {
        // Power may fail after the file has its name.
        partial.file.sync_data().map_err(Problem::io(path))?;
        let expected = &self.meta.etag;
        let found = hex(&partial.hash.finalize());
        // Small files that git keeps have another hash; their size has to do.
        let is_sha256 = expected.len() == found.len() && is_hex(expected);
        if !is_sha256 || *expected == found {
            return Ok(());
        }
        drop(partial.file);
        fs::remove_file(path).map_err(Problem::io(path))?;
        Err(Problem::Checksum {
            file: self.file.to_owned(),
            expected: expected.clone(),
            found,
        })
    }

    fn report(&self, partial: &Partial) {
        if let Some(report) = &self.hub.report {
            report(&Progress {
                file: self.file,
                done: partial.bytes,
                size: self.meta.size,
            });
        }
    }
}

impl Partial {
    fn append(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hash = Sha256::new();
        self.bytes = 0;
        Ok(())
    }
}
