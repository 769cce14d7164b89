//! PyTorch's own files: a zip archive of one pickle and of the storages that its tensors view.
//!
//! ```text
//! NAME/data.pkl    the state dict: names, and for each the storage, shape and strides of a tensor
//! NAME/byteorder   "little"
//! NAME/data/0 …    the storages
//! ```

use std::ops::Range;
use std::path::Path;

use ::safetensors::Dtype;

use super::cursor::Fault;
use super::pickle::{Node, Pickle, Value};
use super::view::DIMS;
use super::zip::{Archive, Entry};
use super::{Found, View};
use crate::files::shown;
use crate::{Error, Result};

/// What training scripts put the state dict under.
const WRAPPERS: [&str; 2] = ["state_dict", "model"];

/// More than the name of a tensor, of a storage, which is a number, or of an archive takes. A pickle
/// can give one name to many tensors, which copy it or look it up.
const NAME_BYTES: usize = 256;

/// More than any checkpoint has.
const TENSORS: usize = 1 << 16;

/// The tensors of a file, and what is wrong with those that cannot be read.
pub(super) fn read(path: &Path, file: &[u8]) -> Result<Vec<(String, Found)>> {
    let fail = |problem: String| Error::model(path, problem);
    let read = File::open(file).map_err(fail)?;
    let state = read.state_dict().map_err(fail)?;
    if state.len() > TENSORS {
        return Err(fail(format!("more than {TENSORS} tensors")));
    }
    let tensors = state.iter().map(|&[key, value]| match key {
        Value::Text(name) if name.len() > NAME_BYTES => Err(fail(format!(
            "tensor {}: its name takes {} bytes",
            shown(name),
            name.len()
        ))),
        Value::Text(name) => Ok((name.to_owned(), read.tensor(value))),
        _ => Err(fail(format!(
            "data.pkl, byte {}: expected names of tensors, found {}",
            read.start,
            read.pickle.describe(key)
        ))),
    });
    tensors.collect()
}

struct File<'a> {
    archive: Archive<'a>,
    /// What the names of all entries begin with.
    folder: &'a str,
    pickle: Pickle<'a>,
    /// Where the pickle begins.
    start: usize,
}

impl<'a> File<'a> {
    fn open(file: &'a [u8]) -> Result<Self, String> {
        if file.first() == Some(&0x80) {
            return Err(
                "a pickle without a zip archive, as PyTorch wrote before 1.6; \
                 write it anew in Python: torch.save(torch.load(OLD), NEW)"
                    .into(),
            );
        }
        let place = |fault: Fault| format!("byte {}: {}", fault.byte, fault.problem);
        let archive = Archive::read(file).map_err(place)?;
        let folders = (archive.entries().iter()).filter_map(|e| e.name.strip_suffix("data.pkl"));
        let mut folders = folders.filter(|folder| {
            folder.len() <= NAME_BYTES && folder.find('/') == folder.len().checked_sub(1)
        });
        let (Some(folder), None) = (folders.next(), folders.next()) else {
            return Err(format!(
                "byte {}: expected one NAME/data.pkl in the zip directory, as torch.save writes",
                archive.directory
            ));
        };
        let entry = |name: &str| archive.get(&format!("{folder}{name}"));
        if entry("constants.pkl").is_some() {
            return Err(
                "a TorchScript archive, whose tensors are kept in code; convert it in \
                 Python: torch.save(torch.jit.load(OLD).state_dict(), NEW)"
                    .into(),
            );
        }
        if let Some(order) = entry("byteorder")
            && file[order.data.clone()] != *b"little"
        {
            return Err(format!(
                "byte {}: expected the byteorder to be little",
                order.data.start
            ));
        }
        let data = entry("data.pkl").expect("found above");
        if data.packed {
            return Err(packed("data.pkl", data));
        }
        let start = data.data.start;
        let pickle = Pickle::read(&file[data.data.clone()]).map_err(|fault| {
            let byte = start + fault.byte;
            format!("data.pkl, byte {byte}: {}", fault.problem)
        })?;
        Ok(Self {
            archive,
            folder,
            pickle,
            start,
        })
    }

    /// Names and values, from under what a training script wrapped them in.
    fn state_dict(&self) -> Result<&[[Value<'a>; 2]], String> {
        let root = self.pickle.root();
        let Some(top) = self.pickle.dict(root) else {
            return Err(format!(
                "data.pkl, byte {}: expected a dict of tensors, found {}; save model.state_dict()",
                self.start,
                self.pickle.describe(root)
            ));
        };
        let under = |wrapper| {
            let found =
                (top.iter()).find(|[key, _]| matches!(key, Value::Text(text) if *text == wrapper));
            self.pickle.dict(found?[1])
        };
        let state = WRAPPERS.into_iter().find_map(under).unwrap_or(top);
        let calls =
            |[_, value]: &[_; 2]| matches!(self.pickle.node(*value), Some(Node::Call { .. }));
        if !state.iter().any(calls) {
            return Err(format!(
                "data.pkl, byte {}: expected a dict of tensors, or one under \"state_dict\" or \
                 \"model\", found no tensor",
                self.start
            ));
        }
        Ok(state)
    }

    /// Where a tensor's elements are.
    fn tensor(&self, mut value: Value<'a>) -> Found {
        if let Some((("torch._utils", name), [data, ..])) = self.call(value)
            && matches!(name, "_rebuild_parameter" | "_rebuild_parameter_with_state")
        {
            value = *data;
        }
        let Some((("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2"), arguments)) =
            self.call(value)
        else {
            let found = self.pickle.describe(value);
            return Err(format!("expected a tensor, found {found}: refused"));
        };
        let [storage, Value::Int(offset), shape, strides, ..] = *arguments else {
            return Err("expected a storage, an offset, a shape and strides".into());
        };
        let (Some(shape), Some(strides), Ok(offset)) = (
            self.sizes(shape),
            self.sizes(strides),
            usize::try_from(offset),
        ) else {
            return Err(format!(
                "expected a shape and strides of at most {DIMS} sizes, none negative"
            ));
        };
        let (dtype, storage) = self.storage(storage)?;
        View::strided(dtype, shape, strides, offset, storage)
    }

    /// A call of a function: its module, its name and its arguments.
    fn call(&self, value: Value<'a>) -> Option<((&'a str, &'a str), &[Value<'a>])> {
        match *self.pickle.node(value)? {
            Node::Call {
                function,
                arguments,
            } => Some((self.pickle.global(function)?, self.pickle.tuple(arguments)?)),
            _ => None,
        }
    }

    fn sizes(&self, value: Value<'a>) -> Option<Vec<usize>> {
        let items = self
            .pickle
            .tuple(value)
            .filter(|items| items.len() <= DIMS)?;
        let size = |item: &Value| match *item {
            Value::Int(size) => usize::try_from(size).ok(),
            _ => None,
        };
        items.iter().map(size).collect()
    }

    /// The element type of a storage, and its bytes in the file.
    fn storage(&self, value: Value<'a>) -> Result<(Dtype, Range<usize>), String> {
        let Some(&Node::Persistent(id)) = self.pickle.node(value) else {
            return Err(format!(
                "expected a storage, found {}",
                self.pickle.describe(value)
            ));
        };
        let Some([Value::Text("storage"), class, Value::Text(key), ..]) = self.pickle.tuple(id)
        else {
            return Err("expected a storage, found another object outside the pickle".into());
        };
        if key.len() > NAME_BYTES {
            return Err(format!("the name of its storage takes {} bytes", key.len()));
        }
        let dtype = (self.pickle.global(*class)).and_then(|(module, name)| match module {
            "torch" | "torch.cuda" => dtype(name),
            _ => None,
        });
        let Some(dtype) = dtype else {
            return Err(format!(
                "expected a storage of numbers, found one of {}",
                self.pickle.describe(*class)
            ));
        };
        match self.archive.get(&format!("{}data/{key}", self.folder)) {
            None => Err(format!(
                "its storage data/{} is not in the file",
                shown(key)
            )),
            Some(entry) if entry.packed => Err(packed(&format!("data/{key}"), entry)),
            Some(entry) => Ok((dtype, entry.data.clone())),
        }
    }
}

fn packed(name: &str, entry: &Entry) -> String {
    format!(
        "byte {}: {} is compressed or encrypted, which torch.save never does",
        entry.start,
        shown(name)
    )
}

/// The element type of a class of storages.
fn dtype(class: &str) -> Option<Dtype> {
    Some(match class {
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "DoubleStorage" => Dtype::F64,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::BOOL,
        "ComplexFloatStorage" => Dtype::C64,
        _ => return None,
    })
}
