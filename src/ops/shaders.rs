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
    LINEAR_BROADCAST = "linear_broadcast";
    LINEAR_REGISTER = "linear_register";
    LINEAR_ROW = "linear_row";
    LINEAR_TILE = "linear_tile";
}
