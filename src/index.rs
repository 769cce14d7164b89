//! Embeddings of videos in one file, kept up to date and searched.
//!
//! An index is an SQLite database. For each video it has the path, size, time and sha256 that tell it
//! again, the embeddings of its windows as one (n, E) block of little-endian f16, and for each window
//! its exact start and end (numerator and denominator, in seconds) and a caption if one was asked for.
//! [`Recipe`] says what the embeddings were made with; those of two recipes are never mixed.
//!
//! A video is written in one transaction: a process that is killed, or a disk that is full, loses the
//! video under way and nothing else. The journal is SQLite's rollback journal, not a write-ahead log:
//! at rest the index is one file that can be copied, on any file system, and writes are few and short.
//! Of two processes that write, one waits for the other.
//!
//! Search is exact: [`Index::search`] compares a query with every window on the GPU.

mod encode;
mod identity;
mod moments;
mod query;
mod recipe;
mod schema;
mod scorer;
mod search;
mod verify;
mod videos;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

pub use encode::encode;
pub use identity::{Identity, Stamp};
pub use moments::{Moment, Timeline};
pub use query::{Sign, Term, combine, terms};
pub use recipe::Recipe;
pub use search::{Found, Wanted};
pub use verify::Fault;
pub use videos::{Entry, Standing, Video};

use crate::{Error, Result};

/// How long a process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open index.
pub struct Index {
    db: Connection,
    path: PathBuf,
    recipe: Recipe,
}

impl Index {
    /// Opens the index at `path`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if there is nothing; [`Error::Index`] if it is no index, damaged, of a newer
    /// version, or locked by another process for more than 30 seconds.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_within(path, PATIENCE)
    }

    /// [`open`](Self::open), waiting for other processes no longer than `patience`, then and later.
    #[doc(hidden)]
    pub fn open_within(path: &Path, patience: Duration) -> Result<Self> {
        let db = schema::open(path, patience)?;
        Self::read(db, path)
    }

    /// Opens the index at `path`, or makes one of this recipe where there is nothing or an empty file.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`check`](Self::check); [`Error::Index`] if it cannot be made.
    pub fn open_or_create(path: &Path, recipe: &Recipe) -> Result<Self> {
        let db = schema::create(path, PATIENCE, recipe)?;
        let index = Self::read(db, path)?;
        index.check(recipe)?;
        Ok(index)
    }

    fn read(db: Connection, path: &Path) -> Result<Self> {
        let recipe = Recipe::read(&db, path)?;
        Ok(Self {
            db,
            path: path.to_owned(),
            recipe,
        })
    }

    /// Where the index is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the embeddings were made with.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Refuses a recipe that is not the index's own.
    ///
    /// # Errors
    ///
    /// [`Error::Index`], which names what differs and what to do.
    pub fn check(&self, recipe: &Recipe) -> Result<()> {
        match self.recipe.difference(recipe) {
            None => Ok(()),
            Some(problem) => Err(Error::index(&self.path, problem)),
        }
    }

    /// Lets the file grow to this many pages: a full disk, for tests.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) -> Result<()> {
        (self.db.pragma_update(None, "max_page_count", pages)).map_err(self.fault())
    }

    /// What SQLite reports, as an error of this index.
    fn fault(&self) -> impl Fn(rusqlite::Error) -> Error + '_ {
        schema::fault(&self.path)
    }
}
