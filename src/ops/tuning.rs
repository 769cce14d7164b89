//! What was measured of the tilings on an adapter, kept in the user's cache directory.
//!
//! A table only chooses among [`TILINGS`](super::linear::TILINGS), and each choice is held against
//! the adapter's limits before it is taken: whatever a file says, results stay right.

mod bucket;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use bucket::{Bucket, Rows, Size};

use super::linear::{Extents, Tiling, Variant};
use super::{Known, coop, shaders};
use crate::gpu::{Caps, DType, Gpu, assemble};
use crate::{Error, Result, files};

/// A new number for a new meaning of the fields.
const FORMAT: u32 = 1;

/// A table has a line for each bucket; a file longer than this is none.
const MOST_BYTES: u64 = 1 << 20;

/// The winners of one adapter.
#[derive(Clone, Debug)]
pub struct Table {
    file: TableFile,
    /// Those lines that this version understands.
    winners: Vec<(Bucket, Tiling)>,
}

/// What is in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TableFile {
    format: u32,
    adapter: String,
    driver: String,
    /// [`revision`] of the kernels that were timed.
    kernels: String,
    winners: Vec<Winner>,
}

/// The fastest tiling of a bucket, where it is not the one that is taken untuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Winner {
    rows: String,
    size: String,
    dtype: String,
    tiling: String,
}

impl Table {
    /// No winners yet.
    pub fn new(caps: &Caps) -> Self {
        Self {
            file: TableFile {
                format: FORMAT,
                adapter: caps.name.clone(),
                driver: caps.driver.clone(),
                kernels: revision(),
                winners: Vec::new(),
            },
            winners: Vec::new(),
        }
    }

    /// The table of an adapter in a file, or `None` if there is no such file.
    ///
    /// Errors: the file cannot be read, is no table, or is one of another adapter, driver or
    /// revision of the kernels. A line that names what this version does not have is passed over
    /// with a warning.
    pub fn load(path: &Path, caps: &Caps) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let problem = |problem: String| Error::Tuning {
            path: path.to_owned(),
            problem,
        };
        let bytes = files::read(path, "a table of tuning", MOST_BYTES)?;
        let file: TableFile =
            serde_json::from_slice(&bytes).map_err(|e| problem(files::quoted(e)))?;
        let own = Self::new(caps).file;
        for (what, expected, found) in [
            (
                "the format",
                &own.format.to_string(),
                &file.format.to_string(),
            ),
            ("the adapter", &own.adapter, &file.adapter),
            ("the driver", &own.driver, &file.driver),
            ("the kernels", &own.kernels, &file.kernels),
        ] {
            if expected != found {
                let found = files::shown(found);
                return Err(problem(format!(
                    "{what}: expected {expected}, found {found}"
                )));
            }
        }
        let mut table = Self {
            winners: Vec::new(),
            file,
        };
        for winner in &table.file.winners {
            match winner.understood() {
                Some(understood) => table.winners.push(understood),
                None => log::warn!(
                    "{}: passed over {} for {} rows, {}, {}: this version does not have it",
                    path.display(),
                    files::shown(&winner.tiling),
                    files::shown(&winner.rows),
                    files::shown(&winner.size),
                    files::shown(&winner.dtype),
                ),
            }
        }
        Ok(Some(table))
    }

    /// Writes the table, and makes the folders above it.
    pub fn save(&self, path: &Path) -> Result<()> {
        files::write_json(path.to_owned(), &self.file)
    }

    /// Takes the fastest of a bucket in, or takes out what was there.
    pub fn set(&mut self, bucket: Bucket, winner: Option<Tiling>) {
        self.winners.retain(|(other, _)| *other != bucket);
        self.winners.extend(winner.map(|tiling| (bucket, tiling)));
        self.file.winners = (self.winners.iter())
            .map(|(bucket, tiling)| Winner::new(*bucket, *tiling))
            .collect();
    }

    /// What is known for a product in `elem`, if it fits the adapter.
    pub fn winner(&self, caps: &Caps, at: Extents, elem: DType) -> Option<Tiling> {
        let bucket = Bucket::of(at, elem)?;
        let (_, tiling) = self.winners.iter().find(|(of, _)| *of == bucket)?;
        tiling.fits(caps, at, elem).then_some(*tiling)
    }

    /// Buckets with a winner.
    pub fn len(&self) -> usize {
        self.winners.len()
    }

    pub fn is_empty(&self) -> bool {
        self.winners.is_empty()
    }
}

impl Winner {
    fn new(bucket: Bucket, tiling: Tiling) -> Self {
        Self {
            rows: bucket.rows.name().to_owned(),
            size: bucket.size.name().to_owned(),
            dtype: bucket.elem.to_string(),
            tiling: tiling.to_string(),
        }
    }

    fn understood(&self) -> Option<(Bucket, Tiling)> {
        let bucket = Bucket {
            rows: Rows::ALL.into_iter().find(|r| r.name() == self.rows)?,
            size: Size::ALL.into_iter().find(|s| s.name() == self.size)?,
            elem: [DType::F32, DType::F16]
                .into_iter()
                .find(|e| e.to_string() == self.dtype)?,
        };
        Some((bucket, Tiling::named(&self.tiling)?))
    }
}

/// Where the table of an adapter is kept, or `None` where users have no cache directory.
pub fn path(caps: &Caps) -> Option<PathBuf> {
    let name: String = (caps.name.chars().take(40))
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let key = hash([caps.name.as_str(), &caps.driver]);
    let file = format!("{name}-{key}.json");
    Some(dirs::cache_dir()?.join("vcoca-gpu/tuning").join(file))
}

/// Lets a device choose by `table`, in place of the one in the user's cache directory. `false` if
/// it has chosen already.
pub fn install(gpu: &Gpu, table: Table) -> bool {
    let known = gpu.known(Known::default);
    known.table.set(Some(table)).is_ok()
}

/// The tiling of a product: the one that was fastest, else what is good as a rule. Cooperative matrices
/// have to be proven right on the device, too.
pub(super) fn tiling(gpu: &Gpu, at: Extents, elem: DType) -> Tiling {
    let caps = gpu.caps();
    let known = gpu.known(Known::default);
    let table = known.table.get_or_init(|| of_user(caps)).as_ref();
    let winner = table
        .and_then(|table| table.winner(caps, at, elem))
        .filter(|tiling| tiling.variant() != Variant::Coop || coop::proven(gpu).products);
    winner.unwrap_or_else(|| Variant::pick(caps, at).tiling(caps, at))
}

fn of_user(caps: &Caps) -> Option<Table> {
    let path = path(caps)?;
    match Table::load(&path, caps) {
        Ok(table) => {
            if let Some(table) = &table {
                let (count, path) = (table.len(), path.display());
                log::info!("kernels chosen as tuned in {path}: {count}");
            }
            table
        }
        Err(error) => {
            log::warn!("not tuned: {error}; `vcoca-gpu tune` writes it anew");
            None
        }
    }
}

/// What tells these kernels from those of other versions.
fn revision() -> String {
    let sources = [
        shaders::LINEAR_BROADCAST,
        shaders::LINEAR_COOP,
        shaders::LINEAR_REGISTER,
        shaders::LINEAR_ROW,
        shaders::LINEAR_TILE,
    ];
    hash(sources.map(|source| assemble(source, DType::F32, &[])))
}

/// The first 16 digits of the sha256 of texts.
fn hash(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut sha = Sha256::new();
    for text in texts {
        sha.update(text.as_ref());
        sha.update([0]);
    }
    files::hex(&sha.finalize()[..8])
}
