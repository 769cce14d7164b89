//! Search on the GPU against plain loops.

use vcoca_gpu::Result;
use vcoca_gpu::gpu::Gpu;
use vcoca_gpu::index::{Moment, Wanted};

use super::*;

/// An index with videos of these numbers of windows, and all its embeddings.
fn filled(path: &Path, width: usize, videos: &[u64]) -> (Index, Vec<Vec<f32>>) {
    let mut index = index(path, width);
    let mut all = Vec::new();
    for (i, &count) in videos.iter().enumerate() {
        let video = path.with_file_name(format!("{i}.mp4"));
        let entries = entries(i as u64, count, width);
        index
            .put(&video, &identity(i as u64), true, &entries)
            .unwrap();
        all.extend(entries.into_iter().map(|entry| entry.embedding));
    }
    (index, all)
}

/// What the index keeps of a value.
fn kept(value: f32) -> f64 {
    f64::from(half::f16::from_f32(value).to_f32())
}

fn twin(rows: &[Vec<f32>], query: &[f32]) -> Vec<f64> {
    let product = |row: &Vec<f32>| {
        row.iter()
            .zip(query)
            .map(|(&a, &b)| kept(a) * f64::from(b))
            .sum()
    };
    rows.iter().map(product).collect()
}

fn assert_scores(gpu: &Gpu, index: &Index, rows: &[Vec<f32>], query: &[f32]) -> Result<()> {
    let scores = index.scores(gpu, query)?;
    assert_eq!(scores.len(), rows.len());
    for (i, (score, want)) in scores.iter().zip(twin(rows, query)).enumerate() {
        assert!(
            (f64::from(*score) - want).abs() < 1e-5,
            "row {i}: {score}, not {want}"
        );
    }
    Ok(())
}

#[test]
fn scores_are_those_of_plain_loops() -> Result<()> {
    for (width, videos) in [
        (1, &[1][..]),
        (3, &[2, 0, 5]),
        (64, &[7, 1, 30]),
        (130, &[63, 65]),
        (768, &[17, 1, 9]),
    ] {
        let (_folder, path) = place();
        let (index, rows) = filled(&path, width, videos);
        assert_scores(common::gpu(), &index, &rows, &unit(77, width))?;
        // The kernel of hardware, and an adapter without f16.
        let other = common::gpu().with_caps(|caps| (caps.f16, caps.kind) = (false, "discrete"));
        assert_scores(&other, &index, &rows, &unit(77, width))?;
    }
    Ok(())
}

#[test]
fn an_index_larger_than_a_binding_is_searched_in_chunks() -> Result<()> {
    let gpu = common::gpu_with_bindings(4096);
    let (_folder, path) = place();
    // 51 rows of 80 bytes at a time: videos begin and end in the middle of chunks.
    let (index, rows) = filled(&path, 33, &[70, 1, 62, 200, 3]);
    assert_scores(&gpu, &index, &rows, &unit(5, 33))?;
    // Chunks share one buffer, and what a search took serves the next.
    let before = gpu.pool_stats();
    assert_scores(&gpu, &index, &rows, &unit(6, 33))?;
    let after = gpu.pool_stats();
    assert_eq!(after.allocations, before.allocations);
    assert_eq!(after.live_bytes, 0);
    Ok(())
}

fn search(index: &Index, query: &[f32], top: usize, min_score: Option<f32>) -> Vec<Moment> {
    let wanted = Wanted { top, min_score };
    index.search(common::gpu(), query, &wanted).unwrap().moments
}

#[test]
fn the_window_that_is_asked_for_comes_first() -> Result<()> {
    let (_folder, path) = place();
    let (index, rows) = filled(&path, 48, &[12, 1, 9]);
    let found = index.search(
        common::gpu(),
        &rows[15],
        &Wanted {
            top: 3,
            min_score: None,
        },
    )?;
    assert_eq!(found.windows, 22);
    let mean = twin(&rows, &rows[15]).iter().sum::<f64>() / 22.0;
    assert!((f64::from(found.mean) - mean).abs() < 1e-4);
    let best = &found.moments[0];
    let timeline = &found.videos[best.video];
    assert_eq!(timeline.path, path.with_file_name("2.mp4"));
    assert_eq!(timeline.scores.len(), 9);
    // The third window, 2 s each 1001/1000 long.
    assert_eq!(best.best, entries(2, 3, 48)[2].span);
    assert_eq!(best.caption, entries(2, 3, 48)[2].caption);
    assert!(best.span.start <= best.best.start && best.best.end <= best.span.end);
    assert!((best.score - 1.0).abs() < 1e-3);
    assert!(found.moments.is_sorted_by(|a, b| a.score >= b.score));
    Ok(())
}

#[test]
fn moments_are_counted_and_bounded() {
    let (_folder, path) = place();
    let (index, rows) = filled(&path, 48, &[12, 1, 9]);
    assert_eq!(search(&index, &rows[15], 0, None).len(), 0);
    assert_eq!(search(&index, &rows[15], 1, None).len(), 1);
    let all = search(&index, &rows[15], 1000, None);
    assert!(all.len() > 3 && all.len() <= 22);
    let least = all[2].score;
    assert_eq!(search(&index, &rows[15], 1000, Some(least)), all[..3]);
    // Moments of a video share no time.
    for (i, a) in all.iter().enumerate() {
        for b in all[..i].iter().filter(|b| b.video == a.video) {
            assert!(
                a.span.end <= b.span.start || b.span.end <= a.span.start,
                "{a:?} and {b:?}"
            );
        }
    }
}

#[test]
fn equal_scores_stand_in_the_order_of_the_index() {
    let (_folder, path) = place();
    let mut index = index(&path, 4);
    for name in ["b.mp4", "a.mp4"] {
        let video = path.with_file_name(name);
        index
            .put(&video, &identity(1), false, &entries(1, 1, 4))
            .unwrap();
    }
    let wanted = Wanted {
        top: 5,
        min_score: None,
    };
    let found = index
        .search(common::gpu(), &unit(1000, 4), &wanted)
        .unwrap();
    let names: Vec<_> = found
        .videos
        .iter()
        .map(|video| video.path.file_name().unwrap())
        .collect();
    assert_eq!(names, ["b.mp4", "a.mp4"]);
}

#[test]
fn an_empty_index_has_no_moments_and_a_query_has_its_width() {
    let (_folder, path) = place();
    let index = index(&path, 4);
    assert_eq!(search(&index, &unit(1, 4), 10, None), []);
    let wanted = Wanted {
        top: 1,
        min_score: None,
    };
    let error = index
        .search(common::gpu(), &unit(1, 5), &wanted)
        .unwrap_err();
    assert!(error.to_string().contains("4 values"), "{error}");
}

#[test]
fn a_damaged_embedding_does_not_come_first() {
    let (_folder, path) = place();
    let (index, rows) = filled(&path, 4, &[2, 1]);
    let db = rusqlite::Connection::open(&path).unwrap();
    let nan = "UPDATE videos SET embeddings = X'007E007E007E007E' WHERE id = 2";
    assert_eq!(db.execute(nan, []).unwrap(), 1);
    let found = search(&index, &rows[0], 10, None);
    assert!(
        !found.is_empty() && found.iter().all(|moment| moment.score.is_finite()),
        "{found:?}"
    );
}
