//! The small JSON files of a model: its configuration, and the index of its shards.
#![no_main]

use std::path::Path;

use vcoca_gpu::model::Config;
use vcoca_gpu::model::checkpoint::ShardIndex;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(config) = Config::parse(Path::new("open_clip_config.json"), bytes) {
        // Sizes that are computed, and must not overflow.
        let _ = (
            config.tokens(),
            config.patch_columns(),
            config.sot(),
            config.eot(),
        );
    }
    if let Ok(index) = ShardIndex::parse(Path::new("model.safetensors.index.json"), bytes) {
        for file in index.files() {
            assert!(!file.contains(['/', '\\']), "{file:?} leads elsewhere");
        }
    }
});
