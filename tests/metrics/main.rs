//! The metrics against others: pycocoevalcap for captions and scikit-learn for average precision, by
//! what `tools/metrics_reference.py` wrote of them; plain counting for ranks.

mod answers;
mod captions;
mod classification;
mod retrieval;
mod tokens;

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

/// A file of the reference.
fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/metrics");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&text(name)).unwrap()
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        (self.0 >> 33) as usize % limit
    }
}
