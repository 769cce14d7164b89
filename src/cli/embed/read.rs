//! Videos read side by side: while one is decoded, the GPU encodes another.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use vcoca_gpu::engine::{Engine, Window, WindowOptions};
use vcoca_gpu::generate::Options;
use vcoca_gpu::windows::Span;

/// What is known of one window of a video.
pub struct Found {
    pub span: Span,
    pub caption: Option<String>,
    pub embedding: Vec<f32>,
}

/// How each video is read.
pub struct Reader<'a> {
    pub engine: &'a Engine,
    pub options: WindowOptions,
    pub captions: bool,
    /// Videos at a time.
    pub jobs: usize,
}

impl Reader<'_> {
    /// Reads videos in any order and gives them to `take` in theirs. An error of `take` ends it.
    pub fn each<E>(
        &self,
        videos: &[OsString],
        mut take: impl FnMut(&OsString, vcoca_gpu::Result<Vec<Found>>) -> Result<(), E>,
    ) -> Result<(), E> {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..self.jobs.min(videos.len()) {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        let Some(video) = videos.get(i) else { break };
                        // Nobody takes more once one result was refused.
                        if sender.send((i, self.read(Path::new(video)))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            // Those that came before their turn.
            let mut early = BTreeMap::new();
            let mut taken = 0;
            for (i, found) in receiver {
                early.insert(i, found);
                while let Some(found) = early.remove(&taken) {
                    take(&videos[taken], found)?;
                    taken += 1;
                }
            }
            Ok(())
        })
    }

    fn read(&self, video: &Path) -> vcoca_gpu::Result<Vec<Found>> {
        let windows = self.engine.windows(video, &self.options)?;
        windows.map(|window| self.found(window?)).collect()
    }

    fn found(&self, window: Window) -> vcoca_gpu::Result<Found> {
        let caption = match self.captions {
            true => Some((self.engine.caption(&window.clip, &Options::default())?).text),
            false => None,
        };
        Ok(Found {
            span: window.span,
            caption,
            embedding: window.embedding,
        })
    }
}
