//! Cooperative matrices are used where a device has them, does them right, and a table of tuning says
//! so; nowhere else.

mod common;

use std::path::Path;

use vcoca_gpu::cases::linear::{By, Operands};
use vcoca_gpu::gpu::{DType, Gpu};
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

/// Runs to its end only with `VCOCA_COOP=1` and an adapter that has them.
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
