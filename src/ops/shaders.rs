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
    CUT_PATCHES = "cut_patches";
    FRAME_RGB = "frame_rgb";
    RESIZE = "resize";
}
