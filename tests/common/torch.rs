//! Files as `torch.save` writes them, and as it would never: pickles and zip archives by hand.

use std::collections::BTreeMap;

use super::checkpoint::Tensors;

/// The bytes of storages, by their keys.
pub type Storages = BTreeMap<String, Vec<u8>>;

/// A Python value to be pickled.
#[derive(Clone)]
pub enum Py {
    None,
    Int(i64),
    Text(String),
    Tuple(Vec<Py>),
    Dict(Vec<(Py, Py)>),
    /// `collections.OrderedDict`, which is what `state_dict()` gives.
    Ordered(Vec<(Py, Py)>),
    Global(&'static str, &'static str),
    /// What unpickling makes by calling a function.
    Call(&'static str, &'static str, Vec<Py>),
    Persistent(Box<Py>),
    /// These bytes of pickle.
    Raw(Vec<u8>),
}

pub fn text(text: &str) -> Py {
    Py::Text(text.into())
}

pub fn ints(values: &[usize]) -> Py {
    Py::Tuple(values.iter().map(|&v| Py::Int(v as i64)).collect())
}

/// A storage outside the pickle: of `class`, in entry `data/KEY`.
pub fn storage(class: &'static str, key: &str) -> Py {
    Py::Persistent(Box::new(Py::Tuple(vec![
        text("storage"),
        Py::Global("torch", class),
        text(key),
        text("cpu"),
        Py::Int(0),
    ])))
}

/// A view of a storage.
pub fn tensor(storage: Py, offset: usize, shape: &[usize], strides: &[usize]) -> Py {
    let arguments = vec![
        storage,
        Py::Int(offset as i64),
        ints(shape),
        ints(strides),
        Py::None,
        Py::Ordered(Vec::new()),
    ];
    Py::Call("torch._utils", "_rebuild_tensor_v2", arguments)
}

/// The strides of a tensor whose elements follow each other.
pub fn row_major(shape: &[usize]) -> Vec<usize> {
    (1..=shape.len())
        .map(|i| shape[i..].iter().product())
        .collect()
}

/// A pickle in protocol 2, as `torch.save` writes it, or a later one.
pub fn pickle(value: &Py, protocol: u8) -> Vec<u8> {
    let mut out = vec![0x80, protocol];
    emit(value, protocol, &mut out);
    out.push(b'.');
    out
}

fn emit(value: &Py, protocol: u8, out: &mut Vec<u8>) {
    match value {
        Py::None => out.push(b'N'),
        Py::Int(value) => match i32::try_from(*value) {
            Ok(small) => {
                out.push(b'J');
                out.extend(small.to_le_bytes());
            }
            Err(_) => {
                out.extend([0x8a, 8]);
                out.extend(value.to_le_bytes());
            }
        },
        Py::Text(text) => emit_text(text, protocol, out),
        Py::Tuple(items) => {
            out.push(b'(');
            items.iter().for_each(|item| emit(item, protocol, out));
            out.push(b't');
        }
        Py::Dict(items) => {
            out.push(b'}');
            emit_items(items, protocol, out);
        }
        Py::Ordered(items) => {
            emit(&Py::Global("collections", "OrderedDict"), protocol, out);
            out.extend(b")R");
            emit_items(items, protocol, out);
        }
        Py::Global(module, name) if protocol < 4 => {
            out.extend(format!("c{module}\n{name}\n").bytes());
        }
        Py::Global(module, name) => {
            emit_text(module, protocol, out);
            emit_text(name, protocol, out);
            out.push(0x93);
        }
        Py::Call(module, name, arguments) => {
            emit(&Py::Global(module, name), protocol, out);
            emit(&Py::Tuple(arguments.clone()), protocol, out);
            out.push(b'R');
        }
        Py::Persistent(id) => {
            emit(id, protocol, out);
            out.push(b'Q');
        }
        Py::Raw(bytes) => out.extend(bytes),
    }
    // As the real pickler, which remembers whatever it may meet again.
    if protocol >= 4 && !matches!(value, Py::None | Py::Int(_) | Py::Raw(_)) {
        out.push(0x94);
    }
}

fn emit_text(text: &str, protocol: u8, out: &mut Vec<u8>) {
    match u8::try_from(text.len()) {
        Ok(length) if protocol >= 4 => out.extend([0x8c, length]),
        _ => {
            out.push(b'X');
            out.extend((text.len() as u32).to_le_bytes());
        }
    }
    out.extend(text.bytes());
}

fn emit_items(items: &[(Py, Py)], protocol: u8, out: &mut Vec<u8>) {
    out.push(b'(');
    for (key, value) in items {
        emit(key, protocol, out);
        emit(value, protocol, out);
    }
    out.push(b'u');
}

/// One entry of a zip archive, and what its headers say.
#[derive(Clone)]
pub struct Entry {
    pub name: String,
    pub data: Vec<u8>,
    /// 0: stored as it is.
    pub method: u16,
    /// Where the directory says that it is, if not where it is.
    pub said_at: Option<u32>,
}

impl Entry {
    pub fn new(name: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            data: data.into(),
            method: 0,
            said_at: None,
        }
    }
}

/// A zip archive; with `zip64`, its end is as in archives above 4 GB, and as PyTorch writes it.
pub fn zip(entries: &[Entry], zip64: bool) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = entry.said_at.unwrap_or(out.len() as u32);
        let length = entry.data.len() as u32;
        let name = entry.name.as_bytes();
        let mut header = Vec::new();
        header.extend([0; 4]);
        header.extend(entry.method.to_le_bytes());
        header.extend([0; 8]);
        header.extend([length, length].map(u32::to_le_bytes).concat());
        header.extend((name.len() as u16).to_le_bytes());

        out.extend(b"PK\x03\x04");
        out.extend(&header);
        out.extend([0, 0]);
        out.extend(name);
        out.extend(&entry.data);

        directory.extend(b"PK\x01\x02\0\0");
        directory.extend(&header);
        match zip64 {
            true => directory.extend([12, 0]),
            false => directory.extend([0, 0]),
        }
        directory.extend([0; 10]);
        match zip64 {
            true => directory.extend([0xff; 4]),
            false => directory.extend(at.to_le_bytes()),
        }
        directory.extend(name);
        if zip64 {
            directory.extend([1, 0, 8, 0]);
            directory.extend(u64::from(at).to_le_bytes());
        }
    }
    let (count, start, length) = (
        entries.len() as u64,
        out.len() as u64,
        directory.len() as u64,
    );
    out.extend(directory);
    if zip64 {
        let end = out.len() as u64;
        out.extend(b"PK\x06\x06");
        out.extend(44_u64.to_le_bytes());
        out.extend([0; 12]);
        out.extend([count, count, length, start].map(u64::to_le_bytes).concat());
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(end.to_le_bytes());
        out.extend(1_u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    match zip64 {
        true => out.extend([0xff; 12]),
        false => {
            out.extend([count as u16, count as u16].map(u16::to_le_bytes).concat());
            out.extend([length as u32, start as u32].map(u32::to_le_bytes).concat());
        }
    }
    out.extend([0, 0]);
    out
}

/// The entries of a `.bin`: a pickle, and the storages it names.
pub fn entries(pickle: Vec<u8>, storages: &Storages) -> Vec<Entry> {
    let mut entries = vec![
        Entry::new("archive/data.pkl", pickle),
        Entry::new("archive/byteorder", *b"little"),
    ];
    for (key, data) in storages {
        entries.push(Entry::new(format!("archive/data/{key}"), data.clone()));
    }
    entries.push(Entry::new("archive/version", *b"3\n"));
    entries
}

/// A `.bin` of a pickled value and its storages.
pub fn bin(value: &Py, storages: &Storages) -> Vec<u8> {
    zip(&entries(pickle(value, 2), storages), true)
}

/// A state dict of f32 tensors, each in a storage of its own, and the storages.
pub fn state_dict(tensors: &Tensors) -> (Vec<(Py, Py)>, Storages) {
    let mut storages = Storages::new();
    let items = tensors
        .iter()
        .enumerate()
        .map(|(i, (name, (shape, values)))| {
            let key = i.to_string();
            storages.insert(key.clone(), bytemuck::cast_slice(values).to_vec());
            let view = tensor(storage("FloatStorage", &key), 0, shape, &row_major(shape));
            (text(name), view)
        });
    (items.collect(), storages)
}
