//! What to embed: a list of paths or of texts, and the share of it that is this run's.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, anyhow, bail};
use serde_json::Value;

/// Reads a list: one entry a line, or the field `key` of a JSON object a line; `-` is stdin. Blank
/// lines are left out. An entry of its own that begins with `{"` is no object if `./` precedes it.
pub fn read(path: &Path, key: &str) -> anyhow::Result<Vec<OsString>> {
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().lock().read_to_end(&mut bytes),
        // Not a regular file alone: a shell may hand over a pipe.
        _ => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.with_context(|| path.display().to_string())
        .map_err(|error| anyhow!("{error:#}"))?;
    parse(&bytes, key).map_err(|error| anyhow!("{}: {error:#}", path.display()))
}

fn parse(bytes: &[u8], key: &str) -> anyhow::Result<Vec<OsString>> {
    let mut entries = Vec::new();
    // Some editors begin a file with a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (i, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            continue;
        }
        let entry = match line.trim_ascii_start().starts_with(b"{\"") {
            true => field(line, key).map(OsString::from),
            false => os_string(line),
        };
        entries.push(entry.with_context(|| format!("line {}", i + 1))?);
    }
    match entries.is_empty() {
        true => bail!("expected one entry a line, found none"),
        false => Ok(entries),
    }
}

fn field(line: &[u8], key: &str) -> anyhow::Result<String> {
    let object: Value = serde_json::from_slice(line).context("expected a JSON object")?;
    match object.get(key) {
        Some(Value::String(entry)) if !entry.is_empty() => Ok(entry.clone()),
        Some(other) => bail!("\"{key}\": expected a string with something in it, found {other}"),
        None => bail!("expected a field \"{key}\", found none"),
    }
}

/// A line as the system has names: any bytes on Unix.
fn os_string(line: &[u8]) -> anyhow::Result<OsString> {
    #[cfg(unix)]
    return Ok(std::os::unix::ffi::OsStringExt::from_vec(line.to_vec()));
    #[cfg(not(unix))]
    return match std::str::from_utf8(line) {
        Ok(text) => Ok(text.into()),
        Err(_) => bail!("expected UTF-8"),
    };
}

/// A share of the parts of a list: every count-th one, from the index-th on. So each part belongs to
/// one of `1/n` to `n/n`, whichever machine makes it, and is the same as without shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 on.
    index: usize,
    count: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 1, count: 1 }
    }
}

impl Shard {
    pub fn has(self, part: usize) -> bool {
        part % self.count == self.index - 1
    }

    pub fn count(self) -> usize {
        self.count
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(index, count)| {
            let (index, count) = (index.parse().ok()?, count.parse().ok()?);
            (1..=count)
                .contains(&index)
                .then_some(Self { index, count })
        });
        parsed.ok_or_else(|| "expected i/n with i from 1 to n, like 1/4, 2/4, 3/4 or 4/4".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(list: &str) -> String {
        format!("{:#}", parse(list.as_bytes(), "video").unwrap_err())
    }

    #[test]
    fn lists_are_lines_or_objects() {
        let list =
            "\u{feff}a b.mp4\r\n\n \t\n{\"video\":\"new\\nline.mp4\",\"error\":\"x\"}\nü.mp4";
        let entries = parse(list.as_bytes(), "video").unwrap();
        assert_eq!(entries, ["a b.mp4", "new\nline.mp4", "ü.mp4"]);
        let entries = parse(b" {x}.mp4 \n./{\"a\"}.mp4\n", "video").unwrap();
        assert_eq!(entries, [" {x}.mp4 ", "./{\"a\"}.mp4"]);
    }

    #[cfg(unix)]
    #[test]
    fn names_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let entries = parse(b"\xff.mp4\n", "video").unwrap();
        assert_eq!(entries[0].as_bytes(), b"\xff.mp4");
    }

    #[test]
    fn what_is_no_list_is_refused_by_line() {
        assert!(said("a\n{\"video\":").starts_with("line 2: expected a JSON object"));
        assert_eq!(
            said("{\"path\":\"a\"}"),
            "line 1: expected a field \"video\", found none"
        );
        assert!(said("{\"video\":1}").ends_with("found 1"));
        assert!(said("\n\r\n").contains("found none"));
    }

    #[test]
    fn each_part_belongs_to_one_shard() {
        for count in [1, 2, 3, 7] {
            let shards: Vec<Shard> = (1..=count)
                .map(|index| format!("{index}/{count}").parse().unwrap())
                .collect();
            for part in 0..20 {
                assert_eq!(shards.iter().filter(|shard| shard.has(part)).count(), 1);
            }
        }
        assert!((0..9).all(|part| Shard::default().has(part)));
        for text in ["", "1", "0/4", "5/4", "1/0", "a/b", "1/2/3", "-1/2"] {
            assert!(text.parse::<Shard>().unwrap_err().contains("4/4"), "{text}");
        }
    }
}
