//! The videos of an index: what is known of each, what a file is to them, and every change.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use half::f16;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::identity::{Identity, Stamp, bytes_path, canonical, path_bytes};
use super::{Index, schema};
use crate::frames::Seconds;
use crate::windows::Span;
use crate::{Error, Result};

/// A video that the index knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// Absolute, without links.
    pub path: PathBuf,
    /// The file as it was when it was read.
    pub identity: Identity,
    pub windows: usize,
    /// Where the last window ends; 0 for images.
    pub end: Seconds,
    /// Whether captions were asked for.
    pub captioned: bool,
}

/// One window of a video.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub span: Span,
    /// (E), l2-normalised; kept in f16.
    pub embedding: Vec<f32>,
    pub caption: Option<String>,
}

/// What a file is to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there, with this size and time.
    Unchanged,
    /// It is there, with this content and another time.
    Touched(Identity),
    /// Its content is there, of a file that is gone.
    Moved { identity: Identity, from: PathBuf },
    /// Its content is there, of a file that is there, too.
    Copied { identity: Identity, from: PathBuf },
    /// It is there with other content, or without the captions that are wanted.
    Changed(Identity),
    /// Nothing is known of it.
    New(Identity),
}

/// A row of `videos`, with its key.
pub(super) struct Known {
    pub id: i64,
    pub video: Video,
}

impl Index {
    /// Every video, in the order of the paths' bytes.
    pub fn videos(&self) -> Result<Vec<Video>> {
        let rows = self.rows("ORDER BY path", [])?;
        Ok(rows.into_iter().map(|row| row.video).collect())
    }

    /// The windows of the video at `path`, in their order; none if it is not known.
    pub fn entries(&self, path: &Path) -> Result<Option<Vec<Entry>>> {
        let Some(row) = self.at(&canonical(path)?)? else {
            return Ok(None);
        };
        let select = "SELECT embeddings FROM videos WHERE id = ?1";
        let block: Vec<u8> =
            (self.db.query_row(select, [row.id], |row| row.get(0))).map_err(self.fault())?;
        let rows = block.chunks_exact(2 * self.recipe.width);
        let windows = self.windows(row.id)?;
        let entry = |((span, caption), row): ((Span, Option<String>), &[u8])| Entry {
            span,
            caption,
            embedding: floats(row).collect(),
        };
        Ok(Some(windows.into_iter().zip(rows).map(entry).collect()))
    }

    /// Whether a file is known with this size and time, and with captions if they are wanted. It is not
    /// opened.
    pub fn is_unchanged(&self, path: &Path, captions: bool) -> Result<bool> {
        let (stamp, known) = (Stamp::of(path)?, self.at(&canonical(path)?)?);
        Ok(known
            .is_some_and(|row| serves(&row.video, captions) && row.video.identity.stamp == stamp))
    }

    /// What a file is to the index; its content is read unless it is unchanged.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NotAFile`] for anything but a regular file, [`Error::Index`].
    pub fn standing(&self, path: &Path, captions: bool) -> Result<Standing> {
        if self.is_unchanged(path, captions)? {
            return Ok(Standing::Unchanged);
        }
        let identity = Identity::of(path)?;
        let path = canonical(path)?;
        let known = self.at(&path)?;
        let same = |video: &Video| video.identity.sha256 == identity.sha256;
        if known
            .as_ref()
            .is_some_and(|row| same(&row.video) && serves(&row.video, captions))
        {
            return Ok(Standing::Touched(identity));
        }
        let alike = self.rows("WHERE sha256 = ?1 ORDER BY id", [&identity.sha256[..]])?;
        let alike: Vec<PathBuf> = (alike.into_iter())
            .filter(|row| serves(&row.video, captions) && row.video.path != path)
            .map(|row| row.video.path)
            .collect();
        let gone = alike.iter().find(|path| !path.exists());
        Ok(match (gone.or(alike.first()).cloned(), known) {
            // Where the path was another video's, that one is replaced and the older place kept.
            (Some(from), None) if gone.is_some() => Standing::Moved { identity, from },
            (Some(from), _) => Standing::Copied { identity, from },
            (None, Some(_)) => Standing::Changed(identity),
            (None, None) => Standing::New(identity),
        })
    }

    /// Writes down what [`standing`](Self::standing) tells of a file whose content is known, and says
    /// whether that was all: a changed or a new file has to be encoded.
    pub fn adopt(&mut self, path: &Path, standing: &Standing) -> Result<bool> {
        let path = canonical(path)?;
        let (identity, from) = match standing {
            Standing::Unchanged => return Ok(true),
            Standing::Changed(_) | Standing::New(_) => return Ok(false),
            Standing::Touched(identity) => (identity, &path),
            Standing::Moved { identity, from } | Standing::Copied { identity, from } => {
                (identity, from)
            }
        };
        let copied = matches!(standing, Standing::Copied { .. });
        self.change(|change| {
            // Another process may have dropped it meanwhile.
            let select = "SELECT id FROM videos WHERE path = ?1 AND sha256 = ?2";
            let key = (path_bytes(from), &identity.sha256[..]);
            let id: Option<i64> = (change.query_row(select, key, |row| row.get(0))).optional()?;
            let Some(mut id) = id else {
                return Ok(false);
            };
            if *from != path {
                delete(change, &path)?;
            }
            if copied {
                id = copy(change, id, &path)?;
            }
            change.execute(
                "UPDATE videos SET path = ?2, size = ?3, mtime = ?4 WHERE id = ?1",
                (id, path_bytes(&path), size(identity), identity.stamp.mtime),
            )?;
            Ok(true)
        })
    }

    /// Writes a video with its windows, in place of what was known of this path. It is on the disk when
    /// this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for an embedding of another width or with values that are not finite;
    /// [`Error::Index`], after which nothing has changed.
    pub fn put(
        &mut self,
        path: &Path,
        identity: &Identity,
        captioned: bool,
        entries: &[Entry],
    ) -> Result<()> {
        let width = self.recipe.width;
        let mut block = Vec::with_capacity(2 * width * entries.len());
        for entry in entries {
            let fits = |value: &&f32| f16::from_f32(**value).is_finite();
            let good = entry.embedding.iter().filter(fits).count();
            if good != width || entry.embedding.len() != width {
                return Err(Error::Argument {
                    what: "embedding",
                    expected: format!("{width} finite values"),
                    found: format!("{good} of {}", entry.embedding.len()),
                });
            }
            let halves = entry.embedding.iter().map(|&value| f16::from_f32(value));
            block.extend(halves.flat_map(f16::to_le_bytes));
        }
        let path = canonical(path)?;
        self.change(|change| {
            delete(change, &path)?;
            change.execute(
                "INSERT INTO videos (path, size, mtime, sha256, captioned, embeddings)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    path_bytes(&path),
                    size(identity),
                    identity.stamp.mtime,
                    &identity.sha256[..],
                    captioned,
                    block
                ],
            )?;
            let id = change.last_insert_rowid();
            let mut insert = change.prepare(
                "INSERT INTO windows (video, position, start_num, start_den, end_num, end_den, caption)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for (position, Entry { span, caption, .. }) in entries.iter().enumerate() {
                let Span { start, end } = span;
                insert.execute(params![
                    id,
                    position as i64,
                    start.numer(),
                    start.denom(),
                    end.numer(),
                    end.denom(),
                    caption
                ])?;
            }
            Ok(())
        })
    }

    /// Forgets the video at `path`, or those in a folder and its folders; how many.
    pub fn remove(&mut self, path: &Path) -> Result<usize> {
        let path = canonical(path)?;
        self.change(|change| delete_tree(change, &path))
    }

    /// Runs `work` in one transaction.
    fn change<T>(&mut self, work: impl FnOnce(&Transaction) -> rusqlite::Result<T>) -> Result<T> {
        let fault = schema::fault(&self.path);
        // From its beginning a writer: two readers that both want to write would stop each other.
        let behavior = TransactionBehavior::Immediate;
        let change = self
            .db
            .transaction_with_behavior(behavior)
            .map_err(&fault)?;
        let done = work(&change).map_err(&fault)?;
        change.commit().map_err(&fault)?;
        Ok(done)
    }

    fn at(&self, path: &Path) -> Result<Option<Known>> {
        Ok(self.rows("WHERE path = ?1", [path_bytes(path)])?.pop())
    }

    pub(super) fn rows(&self, which: &str, key: impl rusqlite::Params) -> Result<Vec<Known>> {
        let select = format!(
            "SELECT id, path, size, mtime, sha256, captioned, length(embeddings),
             (SELECT end_num FROM windows WHERE video = id ORDER BY position DESC LIMIT 1),
             (SELECT end_den FROM windows WHERE video = id ORDER BY position DESC LIMIT 1)
             FROM videos {which}"
        );
        let bytes = 2 * self.recipe.width as i64;
        let read = || {
            let mut select = self.db.prepare(&select)?;
            let rows = select.query_map(key, |row| {
                let path: Vec<u8> = row.get(1)?;
                Ok(Known {
                    id: row.get(0)?,
                    video: Video {
                        path: bytes_path(&path),
                        identity: Identity {
                            stamp: Stamp {
                                size: row.get::<_, i64>(2)?.unsigned_abs(),
                                mtime: row.get(3)?,
                            },
                            sha256: row.get(4)?,
                        },
                        captioned: row.get(5)?,
                        windows: (row.get::<_, i64>(6)? / bytes) as usize,
                        end: match row.get(7)? {
                            Some(_) => time(row, 7)?,
                            None::<i64> => Seconds::ZERO,
                        },
                    },
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.fault())
    }

    /// Spans and captions of a video, in their order.
    pub(super) fn windows(&self, id: i64) -> Result<Vec<(Span, Option<String>)>> {
        let read = || {
            let mut select = self.db.prepare(
                "SELECT start_num, start_den, end_num, end_den, caption FROM windows
                 WHERE video = ?1 ORDER BY position",
            )?;
            let rows = select.query_map([id], |row| {
                let span = Span {
                    start: time(row, 0)?,
                    end: time(row, 2)?,
                };
                Ok((span, row.get(4)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(self.fault())
    }

    /// Calls `each` with the key and the block of embeddings of every video, in the order of the keys.
    pub(super) fn blocks(&self, mut each: impl FnMut(i64, &[u8]) -> Result<()>) -> Result<()> {
        let fault = self.fault();
        let mut select = (self
            .db
            .prepare("SELECT id, embeddings FROM videos ORDER BY id"))
        .map_err(&fault)?;
        let mut rows = select.query([]).map_err(&fault)?;
        while let Some(row) = rows.next().map_err(&fault)? {
            let id = row.get(0).map_err(&fault)?;
            let block = row.get_ref(1).map_err(&fault)?;
            each(id, block.as_blob().map_err(|error| fault(error.into()))?)?;
        }
        Ok(())
    }
}

/// f16 values as they are stored.
pub(super) fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let halves = bytes.as_chunks::<2>().0.iter();
    halves.map(|&half| f16::from_le_bytes(half).to_f32())
}

fn serves(video: &Video, captions: bool) -> bool {
    video.captioned || !captions
}

fn size(identity: &Identity) -> i64 {
    i64::try_from(identity.stamp.size).unwrap_or(i64::MAX)
}

/// A time whose numerator is in column `first`, its denominator in the next.
fn time(row: &Row, first: usize) -> rusqlite::Result<Seconds> {
    let (numer, denom): (i64, i64) = (row.get(first)?, row.get(first + 1)?);
    // The least integer has no opposite, which reducing a fraction needs.
    match (numer, denom) {
        (i64::MIN, _) => Err(rusqlite::Error::IntegralValueOutOfRange(first, numer)),
        (_, 1..) => Ok(Seconds::new(numer, denom)),
        _ => Err(rusqlite::Error::IntegralValueOutOfRange(first + 1, denom)),
    }
}

fn delete(change: &Transaction, path: &Path) -> rusqlite::Result<()> {
    let key = [path_bytes(path)];
    change.execute(
        "DELETE FROM windows WHERE video IN (SELECT id FROM videos WHERE path = ?1)",
        key,
    )?;
    change.execute("DELETE FROM videos WHERE path = ?1", key)?;
    Ok(())
}

/// Copies a video with its windows to another path; the key of the copy.
fn copy(change: &Transaction, id: i64, path: &Path) -> rusqlite::Result<i64> {
    change.execute(
        "INSERT INTO videos (path, size, mtime, sha256, captioned, embeddings)
         SELECT ?2, size, mtime, sha256, captioned, embeddings FROM videos WHERE id = ?1",
        (id, path_bytes(path)),
    )?;
    let copy = change.last_insert_rowid();
    change.execute(
        "INSERT INTO windows SELECT ?2, position, start_num, start_den, end_num, end_den, caption
         FROM windows WHERE video = ?1",
        (id, copy),
    )?;
    Ok(copy)
}

/// Deletes a path and all below it.
fn delete_tree(change: &Transaction, path: &Path) -> rusqlite::Result<usize> {
    let path = path_bytes(path);
    // That of the outermost folder ends with a separator itself.
    let folder = path.strip_suffix(&[MAIN_SEPARATOR as u8]).unwrap_or(path);
    // What begins with the folder and a separator sorts between these two.
    let first = [folder, &[MAIN_SEPARATOR as u8]].concat();
    let end = [folder, &[MAIN_SEPARATOR as u8 + 1]].concat();
    let which = "WHERE path = ?1 OR (path >= ?2 AND path < ?3)";
    let windows = format!("DELETE FROM windows WHERE video IN (SELECT id FROM videos {which})");
    let key = params![path, first, end];
    change.execute(&windows, key)?;
    change.execute(&format!("DELETE FROM videos {which}"), key)
}
