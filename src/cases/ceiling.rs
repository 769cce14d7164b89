//! Cases of the loops that measure an adapter's ceilings.

use super::data::{uniform, upload};
use super::{Case, Prepared, named};
use crate::gpu::{Caps, DType};
use crate::ops::ceiling::{Chains, ceiling_coop, ceiling_copy, ceiling_multiply_add, coop_steps};
use crate::reference;

/// What the case that measures a ceiling is called.
pub const NAME: &str = "ceiling";

pub fn cases(caps: &Caps) -> Vec<Case> {
    // Some 20 ms of a slow adapter of each kind, and more bytes than caches hold.
    let (invocations, bytes, groups) = match caps.software() {
        true => (8 << 10, 64 << 20, 8),
        false => (1 << 20, 128 << 20, 16 << 10),
    };
    let bytes = bytes.min(caps.binding_bytes as usize / 16 * 16);
    let mut cases = vec![
        multiply_add(3, 1, 256),
        multiply_add(7, 65, 512),
        named(NAME, multiply_add(64, 1024, invocations)),
        copy(4),
        copy(4 * 257),
        copy(4 * 1757),
        named(NAME, copy(bytes / 4)),
    ];
    if let Some(side) = caps.coop_matrix {
        let side = side as usize;
        cases.extend([
            coop(side, 1, 1),
            coop(side, 33, 5),
            named(NAME, coop(side, 1024, groups)),
        ]);
    }
    cases
}

/// One type will do: both compute in f32 whatever the model does.
fn multiply_add(seeds: usize, rounds: u32, count: usize) -> Case {
    Case {
        op: "ceiling_multiply_add",
        shaders: &["ceiling_multiply_add"],
        shape: format!("{count} invocations, {rounds} rounds, {seeds} seeds"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let values = uniform(1, seeds * 4, DType::F32);
            // Chains end near b / (1 - a), whatever they begin with: an error is forgotten as fast.
            let chains = Chains::new(seeds, rounds, 0.96875, 0.125);
            let want = reference::ceiling_multiply_add(&values, chains, count);
            let bound = want
                .iter()
                .map(|v| 64.0 * f32::EPSILON * v.abs().max(8.0))
                .collect();
            let x = upload(gpu, &[seeds, 4], DType::F32, &values)?;
            Ok(Prepared {
                record: Box::new(move |pass| {
                    Ok(vec![ceiling_multiply_add(pass, &x, chains, count)?])
                }),
                want: vec![want],
                bound: vec![bound],
                flops: chains.flops() * count as f64,
                bytes: (4 * count) as f64,
            })
        }),
    }
}

/// Operands are f16 whatever the model computes in.
fn coop(side: usize, rounds: u32, groups: usize) -> Case {
    Case {
        op: "ceiling_coop",
        shaders: &["ceiling_coop"],
        shape: format!("{groups} subgroups, {rounds} rounds of {side} x {side}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            // Eighths, so that every sum is exact in f32.
            let eighths = |seed| -> Vec<f32> {
                let values = uniform(seed, 2 * side * side, DType::F32);
                values.iter().map(|v| (8.0 * v).round() / 8.0).collect()
            };
            let (a, b) = (eighths(3), eighths(4));
            let want = reference::ceiling_coop(&a, &b, side, rounds, groups);
            let bound = vec![0.0; want.len()];
            let a = upload(gpu, &[2 * side, side], DType::F16, &a)?;
            let b = upload(gpu, &[side, 2 * side], DType::F16, &b)?;
            let products = (f64::from(coop_steps(rounds)) * groups as f64) * 4.0;
            Ok(Prepared {
                record: Box::new(move |pass| Ok(vec![ceiling_coop(pass, &a, &b, rounds, groups)?])),
                flops: products * 2.0 * side.pow(3) as f64,
                bytes: (4 * want.len()) as f64,
                want: vec![want],
                bound: vec![bound],
            })
        }),
    }
}

fn copy(values: usize) -> Case {
    Case {
        op: "ceiling_copy",
        shaders: &["ceiling_copy"],
        shape: format!("{values} words"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let data = uniform(2, values, DType::F32);
            let want = reference::ceiling_copy(&data);
            let x = upload(gpu, &[values], DType::F32, &data)?;
            Ok(Prepared {
                record: Box::new(move |pass| Ok(vec![ceiling_copy(pass, &x)?])),
                bound: vec![vec![0.0; values]],
                want: vec![want],
                flops: 0.0,
                bytes: (8 * values) as f64,
            })
        }),
    }
}
