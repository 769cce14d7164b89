//! `tokenizer.json`, and a text and some ids through the tokenizer that it makes.
#![no_main]

use std::path::Path;

use vcoca_gpu::tokenizer::{self, Tokenizer};

/// As many as CLIP has.
const VOCABULARY: usize = 49408;

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
        let read = Tokenizer::from_json(Path::new("tokenizer.json"), bytes, 16, VOCABULARY);
        if let Ok(tokenizer) = read {
            if let Ok(ids) = tokenizer.encode_padded("a photo of 2 cats, it's \u{e9}t\u{e9} \u{1f408}!") {
                assert_eq!(ids.len(), 16, "a row of ids is as long as the context");
                tokenizer.decode(&ids);
            }
            tokenizer.decode(&[0, 1, 2, 300, 49405, 49406, u32::MAX]);
        }
    }
);
