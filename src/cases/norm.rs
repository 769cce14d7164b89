//! Cases of the norms.

use super::data::{EPS, rounding, uniform, upload};
use super::{Case, Prepared, named};
use crate::gpu::DType;
use crate::ops::norm::{self, LayerNorm};
use crate::reference;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rows, width) in [(1, 4), (3, 12), (7, 260), (65, 768), (9, 1028)] {
        cases.push(layernorm(rows, width));
        cases.push(l2_normalize(rows, width));
    }
    // More rows than one axis of a grid has workgroups.
    cases.push(layernorm(65_537, 4));
    cases.push(named("vit_l14", layernorm(8 * 257, 1024)));
    cases.push(named("decode", layernorm(1, 768)));
    cases
}

fn layernorm(rows: usize, width: usize) -> Case {
    Case {
        op: "layernorm",
        shaders: &["layernorm"],
        shape: format!("{rows} rows of {width}"),
        bench: false,
        prepare: Box::new(move |gpu, dtype| {
            // Far from zero, so that a variance from squares would lose its digits.
            let mut x = uniform(1, rows * width, DType::F32);
            x.iter_mut().for_each(|v| *v += 10.0);
            // One row is constant: its variance is 0.
            x[..width].fill(2.5);
            let weight = uniform(2, width, DType::F32);
            let bias = uniform(3, width, DType::F32);
            let want = reference::layernorm(&x, &weight, &bias);
            // The mean is off by c·√D·ε·|x|, and a row's spread here is about 0.65.
            let error = 11.25 * EPS * (width as f32).sqrt().max(8.0) * 4.0;
            let bound = (want.iter())
                .map(|&y| error + 8.0 * EPS * y.abs() + rounding(y, dtype))
                .collect();
            let x = upload(gpu, &[rows, width], DType::F32, &x)?;
            let ln = LayerNorm {
                weight: upload(gpu, &[width], DType::F32, &weight)?,
                bias: upload(gpu, &[width], DType::F32, &bias)?,
            };
            Ok(Prepared {
                record: Box::new(move |pass| Ok(vec![norm::layernorm(pass, &x, &ln, dtype)?])),
                want: vec![want],
                bound: vec![bound],
                flops: 8.0 * (rows * width) as f64,
                bytes: (rows * width * (4 + dtype.size())) as f64,
            })
        }),
    }
}

fn l2_normalize(rows: usize, width: usize) -> Case {
    Case {
        op: "l2_normalize",
        shaders: &["l2_normalize"],
        shape: format!("{rows} rows of {width}"),
        bench: false,
        prepare: Box::new(move |gpu, _| {
            let mut x = uniform(4, rows * width, DType::F32);
            if rows > 1 {
                x[..width].fill(0.0); // stays 0
            }
            let want = reference::l2_normalize(&x, width);
            let error = EPS * (8.0 + (width as f32).sqrt());
            let bound = want.iter().map(|&y| error * y.abs()).collect();
            let x = upload(gpu, &[rows, width], DType::F32, &x)?;
            Ok(Prepared {
                record: Box::new(move |pass| Ok(vec![norm::l2_normalize(pass, &x)?])),
                want: vec![want],
                bound: vec![bound],
                flops: 3.0 * (rows * width) as f64,
                bytes: (rows * width * 8) as f64,
            })
        }),
    }
}
