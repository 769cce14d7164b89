//! Every shader, with every set of constants in use, validates and translates for Vulkan, Metal and
//! DX12. The adapter here only tells which constants the ops choose; no kernel runs.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, SubgroupOperationSet, ValidationFlags, Validator};
use vcoca_gpu::cases;
use vcoca_gpu::gpu::{DType, assemble};
use vcoca_gpu::ops::linear::{Extents, Op, TILINGS, Variant};
use vcoca_gpu::ops::shaders::{self, ATTENTION_COOP, CEILING_COOP, LINEAR_COOP};
use vcoca_gpu::ops::{attention, ceiling, linear};

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
    let gpu = common::gpu().with_caps(|caps| caps.coop_matrix = Some(8));
    let tested: BTreeSet<_> = (cases::all(gpu.caps()).iter())
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
            if case.cooperative() {
                continue;
            }
            let prepared = (case.prepare)(gpu, dtype).expect("operands");
            for kind in ["software", "discrete"] {
                let gpu = gpu.with_caps(|caps| caps.kind = kind);
                (prepared.record)(&mut gpu.pass()).expect("recording");
            }
        }
    }
    let kernels = gpu.compiled();
    let mut unused: BTreeSet<_> = shaders::ALL.iter().map(|s| s.name).collect();
    for source in shaders::COOPERATIVE {
        unused.remove(source.name);
    }
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

/// Cooperative matrices, of both sides that WGSL has. DX12 has nothing to translate them to, and Metal
/// no larger ones than 8 × 8.
#[test]
fn kernels_of_cooperative_matrices_translate_where_there_are_any() {
    let at = Extents {
        m: 64,
        n: 63,
        k: 64,
    };
    for side in [8, 16] {
        let gpu = common::gpu().with_caps(|caps| {
            (caps.coop_matrix, caps.subgroup) = (Some(side), Some((32, 32)));
        });
        let caps = gpu.caps();
        let ceiling = (CEILING_COOP, ceiling::coop_constants(caps).to_vec());
        let products = TILINGS
            .iter()
            .filter(|tiling| tiling.fits(caps, at, DType::F16))
            .filter(|tiling| tiling.variant() == Variant::Coop)
            .flat_map(|&tiling| {
                let ops = [Op::Plain, Op::Gelu, Op::Add];
                ops.map(|op| (LINEAR_COOP, linear::constants(caps, tiling, op, at)))
            });
        let attentions = [16, 64, 128].into_iter().flat_map(|head_dim| {
            let kinds = [(0, false), (1, false), (2, false), (0, true)];
            kinds.map(|(mask, state)| attention::coop_constants(caps, head_dim, mask, state))
        });
        let attentions = attentions.map(|constants| (ATTENTION_COOP, constants));
        for (source, constants) in products.chain(attentions).chain([ceiling]) {
            let wgsl = assemble(source, DType::F16, &constants);
            let translated = validate(&wgsl, Capabilities::COOPERATIVE_MATRIX)
                .and_then(|valid| to_spirv(&valid).map(|()| valid))
                .and_then(|valid| if side == 8 { to_metal(&valid) } else { Ok(()) });
            if let Err(problem) = translated {
                panic!("{} with {constants:?}: {problem}", source.name);
            }
        }
    }
}

/// Takes a module through naga to the languages of all backends.
fn translate(wgsl: &str) -> Result<(), String> {
    let valid = validate(wgsl, Capabilities::empty())?;
    to_spirv(&valid)?;
    to_metal(&valid)?;
    to_dx12(&valid)
}

/// A module that passed validation, and what is known of it.
type Valid = (naga::Module, naga::valid::ModuleInfo);

/// Validates a module that needs no more than all backends have, and `besides`.
fn validate(wgsl: &str, besides: Capabilities) -> Result<Valid, String> {
    let module = naga::front::wgsl::parse_str(wgsl).map_err(|e| e.emit_to_string(wgsl))?;
    let everywhere = spv::supported_capabilities()
        & msl::supported_capabilities()
        & hlsl::supported_capabilities()
        & !Capabilities::FLOAT64;
    let info = Validator::new(ValidationFlags::all(), everywhere | besides)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(SubgroupOperationSet::all())
        .validate(&module)
        .map_err(|e| e.emit_to_string(wgsl))?;
    Ok((module, info))
}

fn to_spirv((module, info): &Valid) -> Result<(), String> {
    let written = spv::write_vec(module, info, &spv::Options::default(), None);
    written.map(drop).map_err(|e| format!("SPIR-V: {e}"))
}

fn to_metal((module, info): &Valid) -> Result<(), String> {
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
    let (text, translation) = msl::write_string(module, info, &metal, &Default::default())
        .map_err(|e| format!("MSL: {e}"))?;
    for entry in translation.entry_point_names {
        entry.map_err(|e| format!("MSL: {e}"))?;
    }
    assert!(text.contains("kernel void"), "MSL without an entry point");
    Ok(())
}

fn to_dx12((module, info): &Valid) -> Result<(), String> {
    let dx12 = hlsl::Options {
        shader_model: hlsl::ShaderModel::V6_2,
        immediates_target: Some(Default::default()),
        ..Default::default()
    };
    let mut text = String::new();
    let pipeline = Default::default();
    let reflection = hlsl::Writer::new(&mut text, &dx12, &pipeline)
        .write(module, info, None)
        .map_err(|e| format!("HLSL: {e}"))?;
    for entry in reflection.entry_point_names {
        entry.map_err(|e| format!("HLSL: {e}"))?;
    }
    assert!(text.contains("numthreads"), "HLSL without an entry point");
    Ok(())
}
