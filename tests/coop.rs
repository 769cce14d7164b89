//! Cooperative matrices are used where a device has them, does them right, and a table of tuning says
//! so; nowhere else.

mod common;

use std::path::Path;

use vcoca_gpu::cases;
use vcoca_gpu::cases::linear::{By, Operands};
use vcoca_gpu::gpu::{DType, Gpu};
use vcoca_gpu::ops::attention::{Mask, Rows, Shape, attention};
use vcoca_gpu::ops::linear::{Extents, Op, TILINGS, Variant};
use vcoca_gpu::ops::tuning::{self, Bucket, Table};
use vcoca_gpu::parity::{Dump, compare};
use vcoca_gpu::selftest;

const AT: Extents = Extents {
    m: 50,
    n: 100,
    k: 36,
};

/// A table that asks for cooperative matrices wherever there are a few rows at least.
fn eager(gpu: &Gpu) -> Table {
    let coop = TILINGS.iter().filter(|t| t.variant() == Variant::Coop);
    let tiling = coop
        .copied()
        .find(|t| t.fits(gpu.caps(), AT, DType::F16))
        .expect("one that fits");
    let mut table = Table::new(gpu.caps());
    for bucket in Bucket::all(DType::F16) {
        table.set(bucket, (bucket.extents().m > 1).then_some(tiling));
    }
    table
}

fn operands(gpu: &Gpu) -> Operands {
    Operands::new(gpu, DType::F16, Op::Gelu, [AT.m, AT.k, AT.n]).unwrap()
}

/// Makes a product as the device chooses, and tells whether it chose cooperative matrices.
fn chosen(gpu: &Gpu) -> bool {
    let before = gpu.work().cooperative;
    let product = operands(gpu).product(By::Choice);
    product.check(gpu).unwrap().unwrap();
    gpu.work().cooperative > before
}

#[test]
fn a_device_that_was_not_asked_has_none() {
    let gpu = common::gpu_of_host(|_| ());
    assert_eq!(gpu.caps().coop_matrix, None);
    assert!(!selftest::cooperative_matrices(&gpu).unwrap());
}

/// As a driver would be that tells of cooperative matrices and refuses their kernels.
#[test]
fn a_device_that_fails_its_test_does_not_use_them() {
    if !common::gpu().caps().f16 {
        return;
    }
    let gpu = common::gpu_of_host(|_| ()).with_caps(|caps| caps.coop_matrix = Some(8));
    assert!(tuning::install(&gpu, eager(&gpu)));
    assert!(!chosen(&gpu), "before the test");
    assert!(!selftest::cooperative_matrices(&gpu).unwrap());
    assert!(!chosen(&gpu), "after it");
}

/// Runs to its end only with `VCOCA_COOP` and an adapter that has them.
#[test]
fn a_device_that_passes_its_test_does_what_the_table_says() {
    if common::gpu().caps().coop_matrix.is_none() {
        return;
    }
    let gpu = Gpu::new().unwrap();
    assert!(tuning::install(&gpu, eager(&gpu)));
    assert!(!chosen(&gpu), "before the test");
    assert!(selftest::cooperative_matrices(&gpu).unwrap());
    assert!(chosen(&gpu), "after it");

    // More subgroups than a workgroup was laid out for.
    let varying = gpu.with_caps(|caps| {
        let (least, most) = caps.subgroup.unwrap();
        caps.subgroup = Some((least, 2 * most));
    });
    let product = operands(&gpu).product(By::Variant(Variant::Coop));
    product.check(&varying).unwrap().unwrap();

    let model = common::tiny_on(&gpu, DType::F16);
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny");
    let dump = Dump::open(&reference.join("reference.safetensors")).unwrap();
    let before = gpu.work().cooperative;
    let report = compare(&model, &dump).unwrap();
    assert!(report.pass(), "{report:?}");
    assert!(gpu.work().cooperative > before + 10);
}

/// Does an attention as the device chooses, and tells whether it chose cooperative matrices.
fn chosen_for_attention(gpu: &Gpu) -> bool {
    let shape = Shape {
        batch: 1,
        heads: 2,
        head_dim: 32,
        queries: 5,
        keys: 5,
    };
    let before = gpu.work().cooperative;
    let mut pass = gpu.pass();
    let qkv = pass.upload_f32(&[1, 5, 3 * 64], DType::F16, &[0.5; 5 * 3 * 64]);
    let qkv = qkv.unwrap();
    let [q, k, v] = [0, 1, 2].map(|part| Rows::part(&qkv, part, 3));
    attention(&mut pass, q, k, v, shape, Mask::None).unwrap();
    pass.submit().unwrap();
    gpu.work().cooperative > before
}

/// Runs to its end only with `VCOCA_COOP` and an adapter that has them.
#[test]
fn attention_is_done_so_after_the_test_where_all_was_asked_for() {
    if common::gpu().caps().coop_matrix.is_none() {
        return;
    }
    let gpu = Gpu::new().unwrap();
    assert!(!chosen_for_attention(&gpu), "before the test");
    assert!(selftest::cooperative_matrices(&gpu).unwrap());
    let all = std::env::var("VCOCA_COOP").is_ok_and(|value| value == "all");
    assert_eq!(chosen_for_attention(&gpu), all, "after it");
}

/// More subgroups than a workgroup was laid out for, and several invocations to a query. With the smallest
/// heads, whose kernels compile the soonest.
#[test]
fn attention_is_right_whatever_the_size_of_subgroups() {
    let gpu = common::gpu();
    for times in [2, 4] {
        let varying = gpu.with_caps(|caps| {
            caps.subgroup = caps.subgroup.map(|(least, most)| (least, times * most));
        });
        for case in cases::all(varying.caps()) {
            if case.shaders == ["attention_coop"] && case.shape.contains("heads of 16,") {
                let prepared = (case.prepare)(&varying, DType::F16).unwrap();
                prepared.check(&varying).unwrap().unwrap();
            }
        }
    }
}
