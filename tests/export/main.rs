//! Embeddings as files, read back by other means than those that wrote them.

mod folder;
mod formats;

use vcoca_gpu::export::{Columns, Moment, Row};
use vcoca_gpu::frames::Seconds;

const WIDTH: usize = 5;

const MOMENTS: Columns = Columns {
    moments: true,
    captions: false,
};

const TEXTS: Columns = Columns {
    moments: false,
    captions: true,
};

/// The embedding of row i: no value is a half.
fn embedding(i: usize) -> Vec<f32> {
    (0..WIDTH)
        .map(|j| (i as f32 + 0.1 * j as f32).sin())
        .collect()
}

fn moment(video: &str, i: i64) -> Row<'_> {
    Row {
        moment: Some(Moment {
            video,
            start: Seconds::new(1001 * i, 30_000),
            end: Seconds::new(1001 * (i + 1), 30_000),
        }),
        caption: None,
    }
}
