//! A safetensors file with one tensor, `embeddings` (n, E):
//!
//! ```text
//! u64 length of the header   header (JSON, padded with spaces)   values
//! ```

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use serde::Serialize;

use super::{Element, Row, Rows};

/// Writes the tensor `embeddings` (n, E), with metadata.
pub struct Safetensors<W: Write> {
    out: BufWriter<W>,
    element: Element,
    width: usize,
    metadata: BTreeMap<String, String>,
    count: usize,
    /// One encoded row.
    bytes: Vec<u8>,
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: &'a BTreeMap<String, String>,
    embeddings: Tensor,
}

#[derive(Serialize)]
struct Tensor {
    dtype: &'static str,
    shape: [u64; 2],
    data_offsets: [u64; 2],
}

impl<W: Write + Seek> Safetensors<W> {
    /// Begins a tensor whose rows have `width` values, at the beginning of `out`.
    pub fn begin(
        out: W,
        width: usize,
        element: Element,
        metadata: BTreeMap<String, String>,
    ) -> io::Result<Self> {
        let mut writer = Self {
            out: BufWriter::new(out),
            element,
            width,
            metadata,
            count: 0,
            bytes: Vec::new(),
        };
        writer.header()?;
        Ok(writer)
    }

    /// Writes the header for the rows that are there. Its length is that for the largest number of
    /// rows, because the number is known at the end only, and a multiple of 8, as readers want it.
    fn header(&mut self) -> io::Result<()> {
        let longest = self.json(u64::MAX, u64::MAX)?.len();
        let length = longest.next_multiple_of(8);
        let count = self.count as u64;
        let mut json = self.json(count, count * (self.width * self.element.bytes()) as u64)?;
        json.resize(length, b' ');
        self.out.write_all(&(length as u64).to_le_bytes())?;
        self.out.write_all(&json)
    }

    fn json(&self, count: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let embeddings = Tensor {
            dtype: match self.element {
                Element::F32 => "F32",
                Element::F16 => "F16",
            },
            shape: [count, self.width as u64],
            data_offsets: [0, bytes],
        };
        let metadata = &self.metadata;
        Ok(serde_json::to_vec(&Header {
            metadata,
            embeddings,
        })?)
    }
}

impl<W: Write + Seek> Rows<W> for Safetensors<W> {
    fn row(&mut self, _: &Row, embedding: &[f32]) -> io::Result<()> {
        assert_eq!(embedding.len(), self.width, "values of a row");
        self.bytes.clear();
        self.element.encode(embedding, &mut self.bytes);
        self.count += 1;
        self.out.write_all(&self.bytes)
    }

    fn end(mut self: Box<Self>) -> io::Result<W> {
        self.out.seek(SeekFrom::Start(0))?;
        self.header()?;
        self.out.into_inner().map_err(|error| error.into_error())
    }
}
