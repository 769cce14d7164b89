//! The tables, and how a file is told to be an index.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};

use super::Recipe;
use crate::files::quoted;
use crate::{Error, Result, files};

/// "VCIX", in SQLite's header: what tells an index from another program's database.
const APPLICATION: i32 = 0x5643_4958;

/// The version of the tables, also in the header.
const VERSION: i32 = 1;

/// Large pages make long blocks of embeddings quick to read.
const PAGE_BYTES: u32 = 16384;

/// The block stands last in its row: to read what is before it takes none of its pages.
const TABLES: &str = "
    CREATE TABLE recipe (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE videos (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL UNIQUE,      -- as the system has it
        size INTEGER NOT NULL,          -- bytes
        mtime INTEGER NOT NULL,         -- nanoseconds since 1970
        sha256 BLOB NOT NULL,           -- of the content
        captioned INTEGER NOT NULL,     -- whether captions were asked for
        embeddings BLOB NOT NULL        -- (n, E) f16, little-endian, rows of length 1
    );
    CREATE INDEX videos_by_content ON videos (sha256);
    CREATE TABLE windows (
        video INTEGER NOT NULL,
        position INTEGER NOT NULL,      -- the row of the video's embeddings
        start_num INTEGER NOT NULL,     -- seconds: numerator and denominator
        start_den INTEGER NOT NULL,
        end_num INTEGER NOT NULL,
        end_den INTEGER NOT NULL,
        caption TEXT,
        PRIMARY KEY (video, position)
    ) WITHOUT ROWID;
";

/// What every SQLite database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Opens an index that is there.
pub(super) fn open(path: &Path, patience: Duration) -> Result<Connection> {
    let bytes = fs::metadata(path).map_err(Error::io(path))?.len();
    let db = connect(path, patience, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let header = header(&db).map_err(fault(path))?;
    if bytes == 0 || header.is_blank() {
        return Err(Error::index(path, "is empty; `index add` makes an index"));
    }
    header.check(path)?;
    is_whole(path, &db)?;
    Ok(db)
}

/// Opens an index, or makes one where there is nothing, an empty file, or what is left of a process that
/// was killed while it made one.
pub(super) fn create(path: &Path, patience: Duration, recipe: &Recipe) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut db = connect(path, patience, flags)?;
    let fault = fault(path);
    if header(&db).map_err(&fault)?.is_blank() {
        db.pragma_update(None, "page_size", PAGE_BYTES)
            .map_err(&fault)?;
        let behavior = TransactionBehavior::Immediate;
        let making = db.transaction_with_behavior(behavior).map_err(&fault)?;
        // Another process may have been quicker.
        if header(&making).map_err(&fault)?.is_blank() {
            let make = || {
                making.execute_batch(TABLES)?;
                making.pragma_update(None, "application_id", APPLICATION)?;
                making.pragma_update(None, "user_version", VERSION)?;
                recipe.write(&making)
            };
            make().map_err(&fault)?;
            making.commit().map_err(&fault)?;
        }
    }
    header(&db).map_err(&fault)?.check(path)?;
    is_whole(path, &db)?;
    Ok(db)
}

/// SQLite reads a last page that is cut short as if zeros followed.
fn is_whole(path: &Path, db: &Connection) -> Result<()> {
    let value = |name| db.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let pages = value("page_count").map_err(fault(path))?;
    let page = value("page_size").map_err(fault(path))?;
    let bytes = fs::metadata(path).map_err(Error::io(path))?.len();
    match bytes < u64::from(pages) * u64::from(page) {
        true => Err(Error::index(path, DAMAGED)),
        false => Ok(()),
    }
}

fn connect(path: &Path, patience: Duration, flags: OpenFlags) -> Result<Connection> {
    look(path)?;
    let fault = fault(path);
    // Some relative names mean something else to SQLite.
    let absolute = std::path::absolute(path).map_err(Error::io(path))?;
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(absolute, flags).map_err(&fault)?;
    db.busy_timeout(patience).map_err(&fault)?;
    // A commit is on the disk, its journal's end included, before the next video is begun.
    db.pragma_update(None, "synchronous", "EXTRA")
        .map_err(&fault)?;
    Ok(db)
}

/// Refuses what SQLite would wait for, or take for an empty database and write over.
fn look(path: &Path) -> Result<()> {
    let Ok(meta) = fs::metadata(path) else {
        return Ok(());
    };
    if meta.is_file() && meta.len() == 0 {
        return Ok(());
    }
    let mut magic = Vec::new();
    files::open(path, "an index")?
        .take(MAGIC.len() as u64)
        .read_to_end(&mut magic)
        .map_err(Error::io(path))?;
    match magic == MAGIC {
        true => Ok(()),
        false => Err(Error::index(path, NO_INDEX)),
    }
}

const DAMAGED: &str = "is damaged or cut short; take a copy of it, or make it anew";
const NO_INDEX: &str = "is no index, nor any other SQLite database";

/// What tells a database of ours.
struct Header {
    application: i32,
    version: i32,
    tables: i64,
}

fn header(db: &Connection) -> rusqlite::Result<Header> {
    let count = "SELECT count(*) FROM sqlite_schema";
    Ok(Header {
        application: db.pragma_query_value(None, "application_id", |row| row.get(0))?,
        version: db.pragma_query_value(None, "user_version", |row| row.get(0))?,
        tables: db.query_row(count, [], |row| row.get(0))?,
    })
}

impl Header {
    /// Nothing was ever written.
    fn is_blank(&self) -> bool {
        (self.application, self.version, self.tables) == (0, 0, 0)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let problem = if self.application != APPLICATION {
            "is a database of another program, no index".to_owned()
        } else if self.version != VERSION {
            format!(
                "has version {} of the format, this program reads version {VERSION}; use a newer \
                 program, or make the index anew",
                self.version
            )
        } else {
            return Ok(());
        };
        Err(Error::index(path, problem))
    }
}

/// What SQLite reports, in words that help.
pub(super) fn fault(path: &Path) -> impl Fn(rusqlite::Error) -> Error + use<> {
    let path = PathBuf::from(path);
    move |error| Error::index(&path, describe(&error))
}

fn describe(error: &rusqlite::Error) -> String {
    let code = error.sqlite_error();
    match code.map(|error| error.code) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "is locked by another process; try again when that has ended".into()
        }
        Some(ErrorCode::DiskFull) => {
            "the disk is full; what was written before is kept: make room and run this again".into()
        }
        Some(ErrorCode::NotADatabase) => NO_INDEX.into(),
        Some(ErrorCode::DatabaseCorrupt) => DAMAGED.into(),
        Some(ErrorCode::ReadOnly) => {
            "cannot be written: the file or its folder is read-only".into()
        }
        Some(ErrorCode::CannotOpen) => "cannot be opened, or its folder cannot be written".into(),
        Some(ErrorCode::TooBig) => {
            "a video has more windows than one row holds (1 GB); use longer windows".into()
        }
        Some(ErrorCode::SystemIoFailure) => format!(
            "reading or writing failed ({})",
            ffi::code_to_str(code.map_or(0, |error| error.extended_code))
        ),
        _ => quoted(error),
    }
}
