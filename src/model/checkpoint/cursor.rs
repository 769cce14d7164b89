//! Reading little-endian fields out of a file that anybody may have written.

/// What is wrong with a file, and at which byte of it.
#[derive(Debug)]
pub(super) struct Fault {
    pub byte: usize,
    pub problem: String,
}

/// A place in some bytes that moves on as fields are taken.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The byte that is taken next.
    pub fn at(&self) -> usize {
        self.at
    }

    /// A fault of the byte that is taken next.
    pub fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault {
            byte: self.at,
            problem: problem.into(),
        }
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let taken = (self.at.checked_add(count)).and_then(|end| self.bytes.get(self.at..end));
        let Some(taken) = taken else {
            let left = self.bytes.len().saturating_sub(self.at);
            return Err(self.fault(format!(
                "expected {count} bytes, found {left} before the end"
            )));
        };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8, Fault> {
        self.array().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, Fault> {
        self.array().map(i32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// `count` bytes of UTF-8.
    pub fn text(&mut self, count: usize) -> Result<&'a str, Fault> {
        let byte = self.at;
        std::str::from_utf8(self.take(count)?).map_err(|e| Fault {
            byte: byte + e.valid_up_to(),
            problem: "expected UTF-8 text".into(),
        })
    }

    /// Text up to a line feed, which is taken, too.
    pub fn line(&mut self) -> Result<&'a str, Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.fault("expected a line of text, found no end of it"));
        };
        let line = self.text(length)?;
        self.at += 1;
        Ok(line)
    }
}
