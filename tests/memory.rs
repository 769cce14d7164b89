//! What a model takes of the host's memory while it is loaded. A process of its own, because what
//! is looked at is the process's peak.
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;
use std::io::Write;

use common::checkpoint::{SMALL, Sizes, Tensors, shapes, write};
use common::gpu;
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::{CoCa, ModelSource};

/// The most that this process ever had in memory, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    1024 * line
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
}

#[test]
fn a_model_is_loaded_in_its_buffers_and_a_fixed_amount_of_memory() {
    // Two matrices of a whole vocabulary, 168 MB each: together more than the fixed amount. They
    // are zeros in a sparse file, which take no room on the disk.
    let sizes = Sizes {
        vocab: 1 << 20,
        ..SMALL
    };
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), sizes, &Tensors::new());
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for (name, shape) in shapes(sizes) {
        let bytes = 4 * shape.iter().product::<usize>();
        let info = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [end, end + bytes],
        });
        header.insert(name, info);
        end += bytes;
    }
    let header = serde_json::Value::from(header).to_string();
    let mut file = File::create(folder.path().join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len((8 + header.len() + end) as u64).unwrap();

    let dtype = match gpu().caps().f16 {
        true => DType::F16,
        false => DType::F32,
    };
    let source = ModelSource::Directory(folder.path().to_owned());
    let model = CoCa::load(gpu(), &source, dtype).unwrap();
    let buffers = gpu().pool_stats().held_bytes;
    let more = peak().saturating_sub(buffers);
    assert!(end > 300_000_000, "a file that would be seen: {end} bytes");
    assert!(
        more < 300_000_000,
        "{buffers} bytes of buffers and {more} more"
    );
    drop(model);
}
