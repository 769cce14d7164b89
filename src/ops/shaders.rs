//! Every shader file, by name.

use crate::gpu::Source;

macro_rules! shaders {
    ($($constant:ident = $name:literal;)*) => {
        $(pub const $constant: Source = Source {
            name: $name,
            wgsl: include_str!(concat!("../../shaders/", $name, ".wgsl")),
        };)*

        /// All of them: tests hold that each has a case and validates on every backend.
        pub const ALL: &[Source] = &[$($constant),*];
    };
}

shaders! {
    LAYERNORM = "layernorm";
    L2_NORMALIZE = "l2_normalize";
    ATTENTION = "attention";
    ATTENTION_LANE = "attention_lane";
    ATTENTION_ROW = "attention_row";
    POOL_MERGE = "pool_merge";
    POOL_FINISH = "pool_finish";
    KV_APPEND = "kv_append";
    EMBED_TOKENS = "embed_tokens";
    EMBED_PATCHES = "embed_patches";
    SLICE_ROWS = "slice_rows";
    SOFTMAX = "softmax";
    TOP_K = "top_k";
    GREEDY_STEP = "greedy_step";
}
