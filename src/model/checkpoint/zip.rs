//! The directory of a zip archive: where each entry's bytes stand in the file.
//!
//! Nothing is unpacked, because PyTorch stores tensors as they are. The directory is at the end:
//!
//! ```text
//! entry …  directory  [zip64 end record  zip64 locator]  end record  comment
//! ```

use std::ops::Range;

use super::cursor::{Cursor, Fault};
use crate::files::shown;

/// Far above the entries of any checkpoint: a training checkpoint of ViT-L/14 has some 3,000.
const ENTRIES: usize = 1 << 16;

const ENTRY: &[u8] = b"PK\x03\x04";
const LISTED: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const ZIP64_END: &[u8] = b"PK\x06\x06";
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";

/// Bytes of the end record without its comment, and of the locator before it.
const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;

/// What a field of 32 bits holds when the value stands in the zip64 field instead.
const IN_ZIP64: u32 = u32::MAX;

/// The entries of an archive, by name.
pub(super) struct Archive<'a> {
    /// Where the directory begins.
    pub directory: usize,
    entries: Vec<Entry<'a>>,
}

pub(super) struct Entry<'a> {
    pub name: &'a str,
    /// Its bytes in the file.
    pub data: Range<usize>,
    /// Whether they are compressed or encrypted.
    pub packed: bool,
    /// Where its header begins.
    pub start: usize,
}

impl<'a> Archive<'a> {
    pub fn read(file: &'a [u8]) -> Result<Self, Fault> {
        let Directory { range, count } = Directory::find(file)?;
        let mut cursor = Cursor::new(&file[..range.end], range.start);
        let mut entries = Vec::new();
        while cursor.at() < range.end {
            if entries.len() == ENTRIES {
                return Err(cursor.fault(format!("more than {ENTRIES} zip entries")));
            }
            entries.push(listed(&mut cursor, &file[..range.start])?);
        }
        if entries.len() as u64 != count {
            let found = entries.len();
            return Err(cursor.fault(format!("expected {count} zip entries, found {found}")));
        }
        entries.sort_unstable_by_key(|entry| entry.start);
        if let Some([first, second]) =
            (entries.array_windows()).find(|[first, second]| first.data.end > second.start)
        {
            return Err(Fault {
                byte: second.start,
                problem: format!(
                    "zip entry {} overlaps {}",
                    shown(second.name),
                    shown(first.name)
                ),
            });
        }
        entries.sort_unstable_by_key(|entry| entry.name);
        if let Some([_, second]) =
            (entries.array_windows()).find(|[first, second]| first.name == second.name)
        {
            return Err(Fault {
                byte: second.start,
                problem: format!("zip entry {} is stored twice", shown(second.name)),
            });
        }
        Ok(Self {
            directory: range.start,
            entries,
        })
    }

    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    pub fn get(&self, name: &str) -> Option<&Entry<'a>> {
        let found = (self.entries).binary_search_by_key(&name, |entry| entry.name);
        Some(&self.entries[found.ok()?])
    }
}

/// Where the directory is and how many entries it lists.
struct Directory {
    range: Range<usize>,
    count: u64,
}

impl Directory {
    fn find(file: &[u8]) -> Result<Self, Fault> {
        let end = end_record(file)?;
        let zip64 = end.checked_sub(LOCATOR_BYTES);
        let zip64 = zip64.filter(|&at| file[at..].starts_with(ZIP64_LOCATOR));
        let (count, length, start, limit) = match zip64 {
            Some(locator) => {
                let at = Cursor::new(file, locator + 8).u64()?;
                let at = usize::try_from(at).unwrap_or(usize::MAX).min(locator);
                let mut cursor = Cursor::new(&file[..locator], at);
                expect(&mut cursor, ZIP64_END, "the zip64 end record")?;
                cursor.take(28)?;
                (cursor.u64()?, cursor.u64()?, cursor.u64()?, at)
            }
            None => {
                let mut cursor = Cursor::new(file, end + 10);
                let count = cursor.u16()?.into();
                (count, cursor.u32()?.into(), cursor.u32()?.into(), end)
            }
        };
        let range = within(start, length, limit).ok_or_else(|| Fault {
            byte: end,
            problem: format!(
                "the zip directory is said to take {length} bytes from byte {start} on, \
                 but it ends before byte {limit}"
            ),
        })?;
        Ok(Self { range, count })
    }
}

/// Where the end record begins. Only a comment can stand behind it.
fn end_record(file: &[u8]) -> Result<usize, Fault> {
    let last = file.len().checked_sub(END_BYTES);
    let candidates = last.map(|last| last.saturating_sub(usize::from(u16::MAX))..=last);
    let is_end = |&at: &usize| {
        let comment = Cursor::new(file, at + 20).u16().unwrap_or_default();
        file[at..].starts_with(END) && at + END_BYTES + usize::from(comment) == file.len()
    };
    candidates
        .and_then(|mut candidates| candidates.rfind(is_end))
        .ok_or_else(|| Fault {
            byte: file.len(),
            problem: "expected the end of a zip archive, found none: is the file cut off?".into(),
        })
}

/// One entry of the directory, whose data are somewhere in `body`.
fn listed<'a>(cursor: &mut Cursor<'a>, body: &'a [u8]) -> Result<Entry<'a>, Fault> {
    expect(cursor, LISTED, "an entry of the zip directory")?;
    cursor.take(4)?;
    let (flags, method) = (cursor.u16()?, cursor.u16()?);
    cursor.take(8)?;
    let (packed, size) = (cursor.u32()?, cursor.u32()?);
    let lengths = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
    cursor.take(8)?;
    let offset = cursor.u32()?;
    let name = cursor.text(lengths[0])?;
    let extra = cursor.take(lengths[1])?;
    cursor.take(lengths[2])?;
    let of_entry = |fault: Fault| Fault {
        problem: format!("zip entry {}: {}", shown(name), fault.problem),
        ..fault
    };

    let wide = zip64_fields(extra, [size, packed, offset]);
    let [size, packed, offset] = wide.map_err(|fault| of_entry(cursor.fault(fault.problem)))?;
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut header = Cursor::new(body, start);
    expect(&mut header, ENTRY, "its header").map_err(of_entry)?;
    header.take(22).map_err(of_entry)?;
    let skipped = [header.u16(), header.u16()];
    for length in skipped {
        let length = length.map_err(of_entry)?;
        header.take(length.into()).map_err(of_entry)?;
    }
    let data = within(header.at() as u64, packed, body.len()).ok_or_else(|| {
        of_entry(header.fault(format!(
            "expected {packed} bytes of data, the directory begins at byte {}",
            body.len()
        )))
    })?;
    Ok(Entry {
        name,
        data,
        packed: flags & 1 != 0 || method != 0 || packed != size,
        start,
    })
}

/// Replaces the fields that stand in the zip64 extra field, which holds those alone, in order.
fn zip64_fields(extra: &[u8], fields: [u32; 3]) -> Result<[u64; 3], Fault> {
    let mut wide = fields.map(u64::from);
    if !fields.contains(&IN_ZIP64) {
        return Ok(wide);
    }
    let mut cursor = Cursor::new(extra, 0);
    loop {
        let (id, length) = (cursor.u16()?, cursor.u16()?);
        let mut field = Cursor::new(cursor.take(length.into())?, 0);
        if id == 1 {
            for value in wide
                .iter_mut()
                .filter(|value| **value == u64::from(IN_ZIP64))
            {
                *value = field.u64()?;
            }
            return Ok(wide);
        }
    }
}

fn expect(cursor: &mut Cursor, signature: &[u8], what: &str) -> Result<(), Fault> {
    let fault = cursor.fault(format!("expected {what}"));
    match cursor.take(signature.len()) {
        Ok(found) if found == signature => Ok(()),
        _ => Err(fault),
    }
}

/// `length` bytes from `start` on, if they end at `limit` or before.
fn within(start: u64, length: u64, limit: usize) -> Option<Range<usize>> {
    let end = start.checked_add(length)?;
    (end <= limit as u64).then_some(start as usize..end as usize)
}
