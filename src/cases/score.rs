//! Cases of the scores of rows.

use super::data::{EPS, uniform, upload};
use super::{Case, Prepared, named};
use crate::gpu::DType;
use crate::ops::score::score_rows;
use crate::reference;

pub fn cases() -> Vec<Case> {
    let awkward = [(1, 8), (3, 24), (31, 264), (33, 64), (65, 768), (257, 1032)];
    let mut cases: Vec<Case> = awkward.map(|(rows, width)| case(rows, width)).into();
    // More rows than one axis of a grid has workgroups.
    cases.push(case(16 * 65_535 + 5, 8));
    cases.push(named("search_l14", case(21_845, 768)));
    cases
}

fn case(rows: usize, width: usize) -> Case {
    Case {
        op: "score_rows",
        shaders: &["score_rows"],
        shape: format!("{rows} rows of {width}"),
        bench: false,
        // Rows are f16 whatever the model computes in.
        prepare: Box::new(move |gpu, _| {
            let x = uniform(1, rows * width, DType::F16);
            let query = uniform(2, width, DType::F32);
            let want = reference::score_rows(&x, &query);
            let abs = |values: &[f32]| values.iter().map(|v| v.abs()).collect::<Vec<_>>();
            let magnitude = reference::score_rows(&abs(&x), &abs(&query));
            let error = EPS * 2.0 * (width as f32).sqrt();
            let bound = magnitude.iter().map(|m| error * m + 1e-6).collect();
            let x = upload(gpu, &[rows, width], DType::F16, &x)?;
            let query = upload(gpu, &[width], DType::F32, &query)?;
            Ok(Prepared {
                record: Box::new(move |pass| Ok(vec![score_rows(pass, &x, &query)?])),
                want: vec![want],
                bound: vec![bound],
                flops: 2.0 * (rows * width) as f64,
                bytes: (rows * (2 * width + 4)) as f64,
            })
        }),
    }
}
