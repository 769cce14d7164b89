//! Spoilt model files: whatever bits are wrong and however much is missing, a model or an error
//! comes back, never a panic, and reading never takes more than twice the file and 64 MB.

mod common;

use std::path::{Path, PathBuf};

use common::alloc::{Counting, peak_of};
use common::checkpoint::{SMALL, tensors, write};
use common::gpu;
use common::torch::{Entry, Py, Storages, bin, state_dict, zip};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::model::checkpoint::{Checkpoint, ShardIndex};
use vcoca_gpu::model::{CoCa, Config, ModelSource};
use vcoca_gpu::tokenizer::{Tokenizer, panic_is_contained};
use vcoca_gpu::{Error, Result};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RUNS: u64 = 1000;

/// Reads a file in memory; gives the error's message.
type Reader = fn(&Path, Vec<u8>) -> Result<()>;

/// Reads a checkpoint to the last element of its tensors.
fn weights(path: &Path, bytes: Vec<u8>) -> Result<()> {
    let checkpoint = Checkpoint::from_bytes(path, bytes)?;
    let mut some = [0.0; 512];
    for name in checkpoint.names() {
        let Some(Ok(stored)) = checkpoint.get(name) else {
            continue;
        };
        let count = stored.shape.iter().product::<usize>();
        // An expanded tensor can have more elements than there is time for.
        for first in (0..count).step_by(some.len()).take(1000) {
            let length = some.len().min(count - first);
            if stored.readable() {
                stored.read(first, &mut some[..length]);
            }
        }
    }
    Ok(())
}

fn config(path: &Path, bytes: Vec<u8>) -> Result<()> {
    Config::parse(path, &bytes).map(drop)
}

fn shards(path: &Path, bytes: Vec<u8>) -> Result<()> {
    ShardIndex::parse(path, &bytes).map(drop)
}

fn tokenizer(path: &Path, bytes: Vec<u8>) -> Result<()> {
    let tokenizer = Tokenizer::from_json(path, &bytes, 16, 49408)?;
    let ids = tokenizer.encode_padded("a photo of 2 cats, it's \u{e9}t\u{e9}!")?;
    tokenizer.decode(&ids);
    Ok(())
}

/// Merges that make a vocabulary of 517 entries.
fn merges(path: &Path, bytes: Vec<u8>) -> Result<()> {
    let tokenizer = Tokenizer::from_merges(path, &bytes, 16, 517)?;
    let ids = tokenizer.encode_padded("the hat")?;
    tokenizer.decode(&ids);
    Ok(())
}

/// Runs `read` within the bounds of memory.
fn bounded(read: Reader, path: &Path, bytes: Vec<u8>) -> Result<()> {
    let limit = 2 * bytes.len() + (64 << 20);
    let (outcome, peak) = peak_of(|| read(path, bytes));
    assert!(peak <= limit, "{}: {peak} bytes", path.display());
    outcome
}

/// A small generator of numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// A file cut off somewhere, or with some bits flipped: anywhere, or where the structure is, near
/// the beginning or the end.
fn spoilt(file: &[u8], run: u64) -> Vec<u8> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ run.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut bytes = file.to_vec();
    let edge = file.len().min(2048);
    let mut place = || match random.below(3) {
        0 => random.below(file.len()),
        1 => random.below(edge),
        _ => file.len() - 1 - random.below(edge),
    };
    if run.is_multiple_of(3) {
        bytes.truncate(place());
    } else {
        for _ in 0..1 + run % 4 {
            let bit = place();
            bytes[bit] ^= 1 << (run / 12 % 8);
        }
    }
    bytes
}

/// Spoils a file in many ways: each has to be read, or to be refused with a message that has one of
/// `places`. Gives how many were refused.
fn spoil(read: Reader, path: &str, file: &[u8], places: &[&str]) -> usize {
    let path = Path::new(path);
    bounded(read, path, file.to_vec()).expect("the file as it was");
    let mut refused = 0;
    for run in 0..RUNS {
        let Err(error) = bounded(read, path, spoilt(file, run)) else {
            continue;
        };
        refused += 1;
        let message = error.to_string();
        assert!(matches!(error, Error::Model { .. }), "run {run}: {message}");
        let place = places.iter().any(|place| message.contains(place));
        assert!(place, "run {run}: no place in: {message}");
    }
    refused
}

fn small_safetensors() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), SMALL, &tensors(SMALL));
    std::fs::read(folder.path().join("model.safetensors")).unwrap()
}

fn small_bin() -> Vec<u8> {
    let (items, storages) = state_dict(&tensors(SMALL));
    bin(&Py::Ordered(items), &storages)
}

fn repository(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn spoilt_safetensors_are_refused_by_tensor_or_byte() {
    let refused = spoil(
        weights,
        "m.safetensors",
        &small_safetensors(),
        &["tensor ", "byte "],
    );
    assert!(refused > 300, "{refused}");
}

#[test]
fn spoilt_bins_are_refused_by_tensor_or_byte() {
    for file in [small_bin(), repository("tests/data/torch/kinds.bin")] {
        let refused = spoil(weights, "m.bin", &file, &["tensor ", "byte "]);
        assert!(refused > 300, "{refused}");
    }
}

#[test]
fn spoilt_configurations_are_refused() {
    let file = repository("models/shapes/open_clip_config.json");
    let refused = spoil(
        config,
        "open_clip_config.json",
        &file,
        &["open_clip_config.json"],
    );
    assert!(refused > 300, "{refused}");
}

#[test]
fn spoilt_indices_of_shards_are_refused() {
    let file = repository("fuzz/seeds/config/shards.json");
    let path = "model.safetensors.index.json";
    let refused = spoil(shards, path, &file, &["tensor ", "column "]);
    assert!(refused > 300, "{refused}");
}

#[test]
fn spoilt_tokenizers_are_refused() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !panic_is_contained() {
            usual(info);
        }
    }));
    let file = repository("models/shapes/tokenizer.json");
    let refused = spoil(tokenizer, "tokenizer.json", &file, &["tokenizer", "token "]);
    assert!(refused > 300, "{refused}");
}

#[test]
fn spoilt_merges_are_refused_by_line() {
    let file = repository("fuzz/seeds/tokenizer/merges.txt");
    let refused = spoil(merges, "merges.txt", &file, &["line ", "merges", "text"]);
    assert!(refused > 300, "{refused}");
}

/// The same through the loader, which reads whatever comes out of the file.
#[test]
fn a_model_of_spoilt_weights_is_loaded_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), SMALL, &tensors(SMALL));
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let source = ModelSource::Directory(folder.path().to_owned());
    for (name, file) in [
        ("m.safetensors", small_safetensors()),
        ("m.bin", small_bin()),
    ] {
        let path = folder.path().join(name);
        let mut outcomes = [0, 0];
        for run in 0..100 {
            std::fs::write(&path, spoilt(&file, run)).unwrap();
            match CoCa::load(gpu(), &source, DType::F32) {
                Ok(_) => outcomes[0] += 1,
                Err(Error::Model { .. }) => outcomes[1] += 1,
                Err(other) => panic!("{name}, run {run}: {other}"),
            }
        }
        assert!(
            outcomes.iter().all(|&count| count > 0),
            "{name}: {outcomes:?}"
        );
        std::fs::remove_file(path).unwrap();
    }
}

/// The inputs that fuzzing starts from, and whatever it found that once went wrong.
#[test]
fn the_seeds_of_fuzzing_are_read() {
    let read = |folder: &str, read: Reader, path: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut files: Vec<PathBuf> = (std::fs::read_dir(&folder).unwrap())
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{}", folder.display());
        for file in files {
            // Whether it is refused is its own affair.
            let _ = bounded(read, Path::new(path), std::fs::read(file).unwrap());
        }
    };
    read("fuzz/seeds/safetensors", weights, "m.safetensors");
    read("tests/data/torch", weights, "m.bin");
    read("fuzz/seeds/config", config, "open_clip_config.json");
    read("fuzz/seeds/config", shards, "model.safetensors.index.json");
    read("fuzz/seeds/tokenizer", tokenizer, "tokenizer.json");
}

#[test]
fn the_worst_of_pickles_stay_within_bounds() {
    let steps = 1 << 19;
    let puts =
        (0..steps / 2).flat_map(|i: u32| [b"Nr".to_vec(), i.to_le_bytes().to_vec()].concat());
    let shape = [
        b"(".to_vec(),
        b"K\x01".repeat(steps as usize / 2),
        b"tq\x00".to_vec(),
    ]
    .concat();
    let view = b"h\x01h\x02K\x00h\x00h\x00NN";
    let global = b"ctorch._utils\n_rebuild_tensor_v2\nq\x01Nq\x02".to_vec();
    let shared = [
        shape,
        global,
        [b"(".as_slice(), view, b"tR"].concat().repeat(20_000),
    ]
    .concat();
    let name = [
        b"X\0\0\x10\0".to_vec(),
        vec![b'x'; 1 << 20],
        b"q\x00".to_vec(),
    ]
    .concat();
    let same = [
        name,
        b"}(".to_vec(),
        b"h\x00N".repeat(200_000),
        b"u".to_vec(),
    ]
    .concat();
    for raw in [
        b"}".repeat(steps as usize),
        [b")".to_vec(), b"\x85".repeat(steps as usize)].concat(),
        b"(".repeat(steps as usize),
        b"}\x94".repeat(steps as usize / 2),
        b"}NNs".repeat(steps as usize / 4),
        b"(N(".repeat(steps as usize / 3),
        puts.collect(),
        shared,
        same,
    ] {
        let file = bin(&Py::Raw(raw), &Storages::new());
        let refused = bounded(weights, Path::new("m.bin"), file).expect_err("no state dict");
        assert!(refused.to_string().contains("data.pkl"), "{refused}");
    }
}

#[test]
fn state_dicts_that_name_long_texts_everywhere_stay_within_bounds() {
    // 30,000 tensors whose storage, or whose class, has a name of 64 kB.
    let long = [b"X\0\0\x01\0".to_vec(), vec![b'x'; 1 << 16]].concat();
    let key = [
        b"ctorch\nFloatStorage\nq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x03".to_vec(),
        [b"X\x07\0\0\0storageh\x01".as_slice(), &long, b"NNtQq\x02"].concat(),
    ];
    let key = [key[0].clone(), b"(".to_vec(), key[1].clone()].concat();
    let by_key = (key, b"h\x03(h\x02K\x00))NNtR".as_slice());
    let class = [b"X\x02\0\0\0os".as_slice(), &long, b"\x93q\x01"].concat();
    let by_class = (class, b"h\x01)R".as_slice());
    for (shared, value) in [by_key, by_class] {
        let mut raw = [shared, b"}(".to_vec()].concat();
        for i in 0..30_000_u32 {
            raw.extend(b"X\x04\0\0\0");
            raw.extend(format!("{i:04x}").bytes().take(4));
            raw.extend(value);
        }
        raw.push(b'u');
        let file = bin(&Py::Raw(raw), &Storages::new());
        bounded(weights, Path::new("m.bin"), file).expect("refused tensor by tensor");
    }
    // 10,000 tensors that are all called the same, which takes 64 kB.
    let call = b"cos\nsystem\n)Rq\x01";
    let shared = [&long[..], b"q\x02", call, b"}("].concat();
    let raw = [shared, b"h\x02h\x01".repeat(10_000), b"u".to_vec()].concat();
    let file = bin(&Py::Raw(raw), &Storages::new());
    let error = bounded(weights, Path::new("m.bin"), file).unwrap_err();
    assert!(error.to_string().contains("65536 bytes"), "{error}");
}

#[test]
fn the_worst_of_headers_and_directories_stay_within_bounds() {
    let header = |text: String| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let zeros = "0,".repeat((4 << 20) / 2 - 100);
    let one = format!(r#"{{"a":{{"dtype":"F32","data_offsets":[0,0],"shape":[{zeros}0]}}}}"#);
    let info = r#"{"dtype":"F32","shape":[],"data_offsets":[0,0]}"#;
    let many: String = (0..70_000).map(|i| format!(r#""{i:x}":{info},"#)).collect();
    let many = format!(r#"{{{many}"z":{info}}}"#);
    let nested = format!(r#"{{"__metadata__":{}"#, "[".repeat(1 << 20));
    for text in [one, many, nested] {
        assert!(text.len() <= 4 << 20, "{}", text.len());
        let _ = bounded(weights, Path::new("m.safetensors"), header(text));
    }
    let zeros = format!(r#"{{"model_cfg": [{}0]}}"#, "0,".repeat((1 << 19) - 100));
    bounded(config, Path::new("open_clip_config.json"), zeros.into()).unwrap_err();
    let entries: Vec<_> = (0..66_000).map(|i| Entry::new(i.to_string(), [])).collect();
    let error = bounded(weights, Path::new("m.bin"), zip(&entries, true)).unwrap_err();
    assert!(error.to_string().contains("65536 zip entries"), "{error}");
}
