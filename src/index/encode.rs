//! From a video to its windows.

use std::path::Path;

use super::Entry;
use crate::engine::{Clip, WindowOptions};
use crate::windows::Span;
use crate::{Engine, Options, Result};

/// Clips that captions are written about together.
const TOGETHER: usize = 16;

/// Reads a video, an image or a folder of images window by window, with captions written by `captions` if
/// there are such options. `seen` is told of each window. Blocks until done.
///
/// # Errors
///
/// As [`Engine::windows`] and [`Engine::captions`].
pub fn encode(
    engine: &Engine,
    path: &Path,
    options: &WindowOptions,
    captions: Option<&Options>,
    mut seen: impl FnMut(Span),
) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut clips = Vec::new();
    for window in engine.windows(path, options)? {
        let window = window?;
        seen(window.span);
        entries.push(Entry {
            span: window.span,
            embedding: window.embedding,
            caption: None,
        });
        if let Some(options) = captions {
            clips.push(window.clip);
            if clips.len() == TOGETHER {
                describe(engine, &std::mem::take(&mut clips), options, &mut entries)?;
            }
        }
    }
    if let Some(options) = captions {
        describe(engine, &clips, options, &mut entries)?;
    }
    Ok(entries)
}

/// Writes the captions of the last entries, whose clips these are.
fn describe(
    engine: &Engine,
    clips: &[Clip],
    options: &Options,
    entries: &mut [Entry],
) -> Result<()> {
    if clips.is_empty() {
        return Ok(());
    }
    let clips: Vec<&Clip> = clips.iter().collect();
    let texts = engine.captions(&clips, options)?;
    let first = entries.len() - clips.len();
    for (entry, mut texts) in entries[first..].iter_mut().zip(texts) {
        entry.caption = Some(texts.swap_remove(0).text);
    }
    Ok(())
}
