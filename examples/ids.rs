//! CLIP's ids of texts: a JSON string a line on stdin, a JSON row of ids a line on stdout, from the
//! start token to the end token. The argument is the longest row. `tools/tokenizer_reference.py`
//! compares them with OpenCLIP's.

use std::io::{BufWriter, Write, stdin, stdout};

use vcoca_gpu::tokenizer::Tokenizer;

fn main() -> anyhow::Result<()> {
    let longest = std::env::args().nth(1).map_or(Ok(76), |n| n.parse())?;
    let tokenizer = Tokenizer::clip(longest)?;
    let mut out = BufWriter::new(stdout().lock());
    for line in stdin().lines() {
        let text: String = serde_json::from_str(&line?)?;
        writeln!(out, "{}", serde_json::json!(tokenizer.encode(&text)?))?;
    }
    Ok(out.flush()?)
}
