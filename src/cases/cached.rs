//! Cases of key-value caches.

use super::attention::{Layout, Masked, Operands, bytes, describe, flops, weight_error};
use super::data::{ids, rounding, uniform, upload, upload_ids};
use super::{Case, Prepared};
use crate::ops::attention::{self, Shape};
use crate::reference;

pub fn cases() -> Vec<Case> {
    vec![
        kv_append(1, 1, 4, 3, 0),
        kv_append(3, 7, 20, 11, 4),
        attention_history(1, 1, 4, 1),
        attention_history(6, 3, 64, 29),
        attention_history(3, 2, 96, 257),
    ]
}

fn kv_append(batch: usize, length: usize, width: usize, capacity: usize, at: usize) -> Case {
    Case {
        op: "kv_append",
        shaders: &["kv_append"],
        shape: format!("{batch} × {length} rows of {width} at {at} of {capacity}"),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let qkv = uniform(1, batch * length * 3 * width, dtype);
            let mut want = vec![0.0; batch * capacity * 2 * width];
            reference::kv_append(&qkv, &mut want, batch, width, at);
            let qkv = upload(gpu, &[batch, length, 3 * width], dtype, &qkv)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let cache = pass.tensor(&[batch, capacity, 2 * width], dtype)?;
                    pass.clear(&cache);
                    attention::kv_append(pass, &qkv, &cache, at)?;
                    Ok(vec![cache])
                }),
                bound: vec![vec![0.0; want.len()]],
                want: vec![want],
                flops: 0.0,
                bytes: (batch * length * 4 * width * dtype.size()) as f64,
            })
        }),
    }
}

fn attention_history(batch: usize, heads: usize, head_dim: usize, keys: usize) -> Case {
    let shape = Shape {
        batch,
        heads,
        head_dim,
        queries: 1,
        keys,
    };
    Case {
        op: "attention_history",
        shaders: &["attention_row"],
        shape: describe(&shape, Layout::Cache, Masked::Causal),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            let operands = Operands::new(gpu, dtype, &shape, Layout::Cache)?;
            let capacity = shape.keys + 1;
            let history = ids(5, shape.batch * capacity, shape.batch as u32);
            let [q, k, v] = operands.twins(&shape);
            let want = reference::attention_history(q, k, v, &shape, &history);
            let error = 1.25 * weight_error(&shape);
            let bound = (want.iter()).map(|&y| error + rounding(y, dtype)).collect();
            let history = upload_ids(gpu, &[shape.batch, capacity], &history)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    let rows = operands.rows(&shape);
                    Ok(vec![attention::attention_history(
                        pass, rows, shape, &history,
                    )?])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: flops(&shape, Masked::No),
                bytes: bytes(&shape, dtype),
            })
        }),
    }
}
