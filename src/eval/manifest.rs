//! The manifest beside results: what they were made of, by what, and what is not among them.

use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::files::{self, quoted, write_json};
use crate::gpu::Caps;
use crate::{Error, Result};

/// The manifest's file in the folder of results.
const MANIFEST: &str = "manifest.json";

/// Far above any list of videos.
const BYTES: u64 = 1 << 30;

/// Everything that tells where results come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub settings: Settings,
    /// One for each time that the evaluation was begun or gone on with.
    pub sessions: Vec<Session>,
    pub counts: Counts,
    /// The clips whose files are not there.
    pub missing: Vec<String>,
    /// The clips whose files could not be read, in the last session.
    pub failed: Vec<Failed>,
}

/// One process that worked on the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Of this crate.
    pub version: String,
    pub adapter: String,
    /// Name and version.
    pub driver: String,
    pub backend: String,
    /// The folder of the videos.
    pub videos: String,
    /// UTC, as RFC 3339 has it.
    pub started: String,
    /// None where the process was killed.
    pub ended: Option<String>,
}

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Clips that the annotations name, up to a limit that was set.
    pub clips: usize,
    /// Labels, sentences or questions about those that were measured.
    pub truths: usize,
    /// Clips that were measured.
    pub measured: usize,
    pub missing: usize,
    pub failed: usize,
}

/// A clip whose file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    pub id: String,
    pub file: String,
    pub reason: String,
}

impl Session {
    /// A session that begins now.
    pub fn start(caps: &Caps, videos: &Path) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            adapter: caps.name.clone(),
            driver: caps.driver.clone(),
            backend: caps.backend.clone(),
            videos: videos.display().to_string(),
            started: now(),
            ended: None,
        }
    }
}

/// The present time, UTC, as RFC 3339 has it.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

impl Manifest {
    /// Of an evaluation that nobody has begun yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            sessions: Vec::new(),
            counts: Counts::default(),
            missing: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// The manifest in a folder of results, if there is one.
    ///
    /// Errors: [`Error::Results`] if it is malformed; [`Error::Io`].
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(MANIFEST);
        if !path.try_exists().map_err(Error::io(&path))? {
            return Ok(None);
        }
        let bytes = files::read(&path, "the manifest of results", BYTES)?;
        let read = serde_json::from_slice(&bytes);
        read.map(Some)
            .map_err(|error| Error::results(&path, quoted(error)))
    }

    /// Writes the manifest into a folder. Whoever reads it meanwhile sees the old one or the new one.
    pub fn write(&self, folder: &Path) -> Result<()> {
        write_json(folder.join(MANIFEST), self)
    }
}

/// Writes the figures beside the manifest, as `results.json`.
pub fn write_results(folder: &Path, results: &impl Serialize) -> Result<()> {
    write_json(folder.join("results.json"), results)
}
