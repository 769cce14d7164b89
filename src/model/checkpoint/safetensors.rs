//! Safetensors: eight bytes of length, a JSON header, then the tensors without holes.

use std::fmt;
use std::path::Path;

use ::safetensors::tensor::TensorInfo;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Found, View};
use crate::files::{quoted, shown};
use crate::{Error, Result};

/// Far above any header (that of ViT-L/14 takes 90 kB), and small enough that what the worst one
/// makes stays below 64 MB.
const HEADER_BYTES: usize = 4 << 20;

const LENGTH_BYTES: usize = 8;

/// The tensors of a file.
pub(super) fn read(path: &Path, file: &[u8]) -> Result<Vec<(String, Found)>> {
    let tensors = tensors(file).map_err(|problem| Error::model(path, problem))?;
    Ok(tensors
        .into_iter()
        .map(|(name, view)| (name, Ok(view)))
        .collect())
}

fn tensors(file: &[u8]) -> Result<Vec<(String, View)>, String> {
    let header = header(file)?;
    let Header(mut tensors) = serde_json::from_slice(header).map_err(|e| {
        let byte = LENGTH_BYTES + byte_of(header, e.line(), e.column());
        format!("byte {byte}: not a safetensors header: {}", quoted(e))
    })?;
    tensors.sort_unstable_by_key(|(_, info)| info.data_offsets);
    let data = LENGTH_BYTES + header.len();
    let mut end = data;
    let views = tensors.into_iter().map(|(name, info)| {
        let place = |offset: usize| data.saturating_add(offset);
        let bytes = place(info.data_offsets.0)..place(info.data_offsets.1);
        if bytes.start != end {
            return Err(format!(
                "tensor {}: expected to begin at byte {end}, where the one before it ends, found \
                 byte {}",
                shown(&name),
                bytes.start
            ));
        }
        if bytes.end > file.len() {
            return Err(format!(
                "tensor {}: takes bytes {} to {}, the file ends at byte {}: is it cut off?",
                shown(&name),
                bytes.start,
                bytes.end,
                file.len()
            ));
        }
        end = bytes.end;
        match View::contiguous(info.dtype, info.shape, bytes) {
            Ok(view) => Ok((name, view)),
            Err(problem) => Err(format!("tensor {}: {problem}", shown(&name))),
        }
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    match file.len() - end {
        0 => Ok(views),
        left => Err(format!(
            "byte {end}: expected the end of the file, found {left} bytes that are in no tensor"
        )),
    }
}

fn header(file: &[u8]) -> Result<&[u8], String> {
    let Some((length, rest)) = file.split_first_chunk::<LENGTH_BYTES>() else {
        return Err(format!(
            "byte {}: expected {LENGTH_BYTES} bytes of header length, found the end of the file",
            file.len()
        ));
    };
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length)
        .ok()
        .filter(|&length| length <= HEADER_BYTES)
        .ok_or_else(|| {
            format!(
                "byte 0: a header of {length} bytes, at most {HEADER_BYTES} are read; \
                 is it a safetensors file?"
            )
        })?;
    rest.get(..header).ok_or_else(|| {
        format!(
            "byte {}: expected a header of {length} bytes, the file ends before: is it cut off?",
            file.len()
        )
    })
}

/// A position that serde_json gives, counted in bytes from 0.
fn byte_of(json: &[u8], line: usize, column: usize) -> usize {
    let lines = json.split_inclusive(|&byte| byte == b'\n');
    lines
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>()
        + column.saturating_sub(1)
}

/// All tensors of a header, a name that comes twice included.
struct Header(Vec<(String, TensorInfo)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut tensors = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        tensors.push((name, map.next_value()?));
                    }
                }
                Ok(Header(tensors))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
