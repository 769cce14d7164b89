//! `tokenizer.json` and `merges.txt`, and a text and some ids through the tokenizer that they make.
#![no_main]

use std::path::Path;

use vcoca_gpu::tokenizer::{self, CLIP_VOCAB, Tokenizer};

/// Entries of a vocabulary that are not merges.
const WITHOUT_MERGES: usize = 514;

fn use_it(tokenizer: &Tokenizer) {
    let text = "a photo of 2 cats, it's \u{e9}t\u{e9} \u{1f408}!";
    if let Ok(ids) = tokenizer.encode_padded(text) {
        assert_eq!(ids.len(), 16, "a row of ids is as long as the context");
        tokenizer.decode(&ids);
    }
    tokenizer.decode(&[0, 1, 2, 300, 513, 49405, 49406, u32::MAX]);
}

libfuzzer_sys::fuzz_target!(
    init: {
        // The tokenizers crate panics on some files, which the library makes an error of: only
        // other panics are findings.
        let abort = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !tokenizer::panic_is_contained() {
                abort(info);
            }
        }));
    },
    |bytes: &[u8]| {
        let path = Path::new("tokenizer");
        if let Ok(tokenizer) = Tokenizer::from_json(path, bytes, 16, CLIP_VOCAB) {
            use_it(&tokenizer);
        }
        let merges = bytes.split(|&byte| byte == b'\n').count();
        for merges in [merges, merges.saturating_sub(1), merges.saturating_sub(2)] {
            let vocabulary = WITHOUT_MERGES + merges;
            if let Ok(tokenizer) = Tokenizer::from_merges(path, bytes, 16, vocabulary) {
                use_it(&tokenizer);
            }
        }
    }
);
