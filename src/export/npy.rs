//! NumPy's `.npy`, format 1.0
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>):
//!
//! ```text
//! \x93NUMPY 1 0   u16 length of the header   header, padded with spaces, ends with \n   values
//! ```

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::{Element, Row, Rows};

/// Bytes before the values; a multiple of 64, as the format asks. There is room for any number of
/// rows, which is known at the end only.
const HEADER: usize = 128;

/// Writes a matrix (n, E) in C order.
pub struct Npy<W: Write> {
    out: BufWriter<W>,
    element: Element,
    width: usize,
    count: usize,
    /// One encoded row.
    bytes: Vec<u8>,
}

impl<W: Write + Seek> Npy<W> {
    /// Begins a matrix whose rows have `width` values, at the beginning of `out`.
    pub fn begin(out: W, width: usize, element: Element) -> io::Result<Self> {
        let mut out = BufWriter::new(out);
        out.write_all(&header(0, width, element))?;
        Ok(Self {
            out,
            element,
            width,
            count: 0,
            bytes: Vec::new(),
        })
    }
}

impl<W: Write + Seek> Rows<W> for Npy<W> {
    fn row(&mut self, _: &Row, embedding: &[f32]) -> io::Result<()> {
        assert_eq!(embedding.len(), self.width, "values of a row");
        self.bytes.clear();
        self.element.encode(embedding, &mut self.bytes);
        self.count += 1;
        self.out.write_all(&self.bytes)
    }

    fn end(mut self: Box<Self>) -> io::Result<W> {
        self.out.seek(SeekFrom::Start(0))?;
        self.out
            .write_all(&header(self.count, self.width, self.element))?;
        self.out.into_inner().map_err(|error| error.into_error())
    }
}

fn header(count: usize, width: usize, element: Element) -> [u8; HEADER] {
    let descr = match element {
        Element::F32 => "<f4",
        Element::F16 => "<f2",
    };
    let dict =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({count}, {width}), }}");
    let mut header = [b' '; HEADER];
    header[..8].copy_from_slice(b"\x93NUMPY\x01\x00");
    header[8..10].copy_from_slice(&(HEADER as u16 - 10).to_le_bytes());
    header[10..10 + dict.len()].copy_from_slice(dict.as_bytes());
    header[HEADER - 1] = b'\n';
    header
}
