//! Every shader, with every set of constants in use, validates and translates for Vulkan, Metal and
//! DX12. The adapter here only tells which constants the ops choose; no kernel runs.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, SubgroupOperationSet, ValidationFlags, Validator};
use vcoca_gpu::cases;
use vcoca_gpu::gpu::{DType, assemble};
use vcoca_gpu::ops::shaders;

/// Shader files as they lie on disk, without the prelude that all of them get.
fn on_disk() -> BTreeSet<String> {
    std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders"))
        .expect("the folder of shaders")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wgsl"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into())
        .filter(|name| name != "prelude")
        .collect()
}

#[test]
fn every_shader_is_listed_and_has_a_case() {
    let listed: BTreeSet<_> = shaders::ALL.iter().map(|s| s.name.to_owned()).collect();
    assert_eq!(on_disk(), listed, "files in shaders/ and ops::shaders::ALL");
    let tested: BTreeSet<_> = (cases::all(common::gpu().caps()).iter())
        .flat_map(|case| case.shaders)
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(listed, tested, "ops::shaders::ALL and the shaders of cases");
}

#[test]
fn every_kernel_translates_for_every_backend() {
    let gpu = common::gpu();
    let mut dtypes = vec![DType::F32];
    dtypes.extend(gpu.caps().f16.then_some(DType::F16));
    for case in cases::all(gpu.caps()) {
        for &dtype in &dtypes {
            let prepared = (case.prepare)(gpu, dtype).expect("operands");
            for kind in ["software", "discrete"] {
                let gpu = gpu.with_caps(|caps| caps.kind = kind);
                (prepared.record)(&mut gpu.pass()).expect("recording");
            }
        }
    }
    let kernels = gpu.compiled();
    let mut unused: BTreeSet<_> = shaders::ALL.iter().map(|s| s.name).collect();
    for (name, elem, constants) in &kernels {
        unused.remove(name);
        let source = shaders::ALL.iter().find(|s| s.name == *name);
        let module = assemble(*source.expect("a listed shader"), *elem, constants);
        if let Err(problem) = translate(&module) {
            panic!("{name} in {elem} with {constants:?}: {problem}");
        }
    }
    assert!(unused.is_empty(), "no case compiled {unused:?}");
}

/// Takes a module through naga to the languages of all backends.
fn translate(wgsl: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let allowed = spv::supported_capabilities()
        & msl::supported_capabilities()
        & hlsl::supported_capabilities()
        & !Capabilities::FLOAT64;
    let info = Validator::new(ValidationFlags::all(), allowed)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(SubgroupOperationSet::all())
        .validate(&module)
        .map_err(|e| e.emit_to_string(wgsl))?;

    spv::write_vec(&module, &info, &spv::Options::default(), None)
        .map_err(|e| format!("SPIR-V: {e}"))?;

    let metal = msl::Options {
        lang_version: (2, 4),
        per_entry_point_map: [(
            "main".to_owned(),
            msl::EntryPointResources {
                immediates_buffer: Some(30),
                sizes_buffer: Some(29),
                ..Default::default()
            },
        )]
        .into(),
        ..Default::default()
    };
    let (text, translation) = msl::write_string(&module, &info, &metal, &Default::default())
        .map_err(|e| format!("MSL: {e}"))?;
    for entry in translation.entry_point_names {
        entry.map_err(|e| format!("MSL: {e}"))?;
    }
    assert!(text.contains("kernel void"), "MSL without an entry point");

    let dx12 = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_2,
        immediates_target: Some(Default::default()),
        ..Default::default()
    };
    let mut text = String::new();
    let pipeline = Default::default();
    let reflection = hlsl::Writer::new(&mut text, &dx12, &pipeline)
        .write(&module, &info, None)
        .map_err(|e| format!("HLSL: {e}"))?;
    for entry in reflection.entry_point_names {
        entry.map_err(|e| format!("HLSL: {e}"))?;
    }
    assert!(text.contains("numthreads"), "HLSL without an entry point");
    Ok(())
}
