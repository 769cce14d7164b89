//! Cases of the embeddings.

use super::data::{ids, rounding, uniform, upload, upload_ids};
use super::{Case, Prepared};
use crate::gpu::DType;
use crate::ops::embed::{self, TokenTable};
use crate::reference;

pub fn cases() -> Vec<Case> {
    vec![
        embed_tokens(1, 0, 1, false, 1),
        embed_tokens(3, 2, 7, true, 1),
        embed_tokens(2, 5, 9, true, 3),
        embed_patches(1, 2, 4),
        embed_patches(3, 50, 36),
        embed_patches(8, 257, 1024),
        slice_rows(1, 1, 0, 1, 4),
        slice_rows(3, 65, 1, 64, 12),
        slice_rows(1, 256, 1, 255, 768),
    ]
}

fn embed_tokens(rows: usize, first: usize, count: usize, cls: bool, parts: usize) -> Case {
    let (capacity, width, part_rows) = (17, 20, 11);
    Case {
        op: "embed_tokens",
        shaders: &["embed_tokens"],
        shape: format!("{rows} rows, columns {first}+{count}, cls {cls}, {parts} parts"),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            // All parts but the last have equal rows.
            let vocabulary = part_rows * parts - usize::from(parts > 1) * 4;
            let mut tokens = ids(1, rows * capacity, vocabulary as u32);
            tokens[first] = vocabulary as u32; // reads row 0
            let table = uniform(2, vocabulary * width, dtype);
            let positions = uniform(3, capacity * width, DType::F32);
            let class = uniform(4, width, DType::F32);
            let class = cls.then_some(class);
            let want = reference::embed_tokens(
                &tokens,
                capacity,
                first,
                count,
                &table,
                &positions,
                class.as_deref(),
                width,
            );
            let tokens = upload_ids(gpu, &[rows, capacity], &tokens)?;
            let table = TokenTable {
                parts: (table.chunks(part_rows * width))
                    .map(|part| upload(gpu, &[part.len() / width, width], dtype, part))
                    .collect::<crate::Result<_>>()?,
                width,
            };
            let positions = upload(gpu, &[capacity, width], DType::F32, &positions)?;
            let class = class
                .map(|class| upload(gpu, &[width], DType::F32, &class))
                .transpose()?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let class = class.as_ref();
                    let out = embed::embed_tokens(
                        pass, &tokens, first, count, &table, &positions, class,
                    )?;
                    Ok(vec![out])
                }),
                bound: vec![exact(&want, DType::F32)],
                flops: want.len() as f64,
                bytes: want.len() as f64 * (8.0 + dtype.size() as f64),
                want: vec![want],
            })
        }),
    }
}

fn embed_patches(frames: usize, tokens: usize, width: usize) -> Case {
    Case {
        op: "embed_patches",
        shaders: &["embed_patches"],
        shape: format!("{frames} frames of {tokens} tokens of {width}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let patches = uniform(1, frames * (tokens - 1) * width, DType::F32);
            let class = uniform(2, width, DType::F32);
            let positions = uniform(3, tokens * width, DType::F32);
            let want = reference::embed_patches(&patches, &class, &positions);
            let patches = upload(gpu, &[frames, tokens - 1, width], DType::F32, &patches)?;
            let class = upload(gpu, &[width], DType::F32, &class)?;
            let positions = upload(gpu, &[tokens, width], DType::F32, &positions)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![embed::embed_patches(
                        pass, &patches, &class, &positions,
                    )?])
                }),
                bound: vec![exact(&want, DType::F32)],
                flops: want.len() as f64,
                bytes: want.len() as f64 * 12.0,
                want: vec![want],
            })
        }),
    }
}

fn slice_rows(batch: usize, rows: usize, first: usize, count: usize, width: usize) -> Case {
    Case {
        op: "slice_rows",
        shaders: &["slice_rows"],
        shape: format!("rows {first}+{count} of ({batch}, {rows}, {width})"),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let x = uniform(1, batch * rows * width, DType::F32);
            let want = reference::slice_rows(&x, rows, width, first, count);
            let x = upload(gpu, &[batch, rows, width], DType::F32, &x)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![embed::slice_rows(pass, &x, first, count, dtype)?])
                }),
                bound: vec![exact(&want, dtype)],
                flops: 0.0,
                bytes: (want.len() * (4 + dtype.size())) as f64,
                want: vec![want],
            })
        }),
    }
}

/// The bound of one rounding.
fn exact(want: &[f32], dtype: DType) -> Vec<f32> {
    want.iter().map(|&y| rounding(y, dtype)).collect()
}
