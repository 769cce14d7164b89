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
    ATTENTION = "attention";
    ATTENTION_BROADCAST = "attention_broadcast";
    ATTENTION_COOP = "attention_coop";
    ATTENTION_ROW = "attention_row";
    BEAM_CANDIDATES = "beam_candidates";
    BEAM_STEP = "beam_step";
    CEILING_COOP = "ceiling_coop";
    CEILING_COPY = "ceiling_copy";
    CEILING_MULTIPLY_ADD = "ceiling_multiply_add";
    CUT_PATCHES = "cut_patches";
    EMBED_PATCHES = "embed_patches";
    EMBED_TOKENS = "embed_tokens";
    FRAME_RGB = "frame_rgb";
    GREEDY_STEP = "greedy_step";
    KV_APPEND = "kv_append";
    L2_NORMALIZE = "l2_normalize";
    LAYERNORM = "layernorm";
    LINEAR_BROADCAST = "linear_broadcast";
    LINEAR_COOP = "linear_coop";
    LINEAR_REGISTER = "linear_register";
    LINEAR_ROW = "linear_row";
    LINEAR_TILE = "linear_tile";
    POOL_FINISH = "pool_finish";
    POOL_MERGE = "pool_merge";
    RESIZE = "resize";
    SAMPLE_STEP = "sample_step";
    SCORE_ROWS = "score_rows";
    SCORE_TOKENS = "score_tokens";
    SLICE_ROWS = "slice_rows";
    SOFTMAX = "softmax";
    TEXTURE_RGB = "texture_rgb";
    TOKEN_LOGPROBS = "token_logprobs";
    TOP_K = "top_k";
}

/// Those that multiply cooperative matrices: they compute in f16 alone, not every adapter can run them,
/// and DX12 has nothing to translate them to.
pub const COOPERATIVE: &[Source] = &[ATTENTION_COOP, CEILING_COOP, LINEAR_COOP];
