//! Headers of safetensors, and reading the tensors behind them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    vcoca_gpu_fuzz::read_weights("model.safetensors", bytes);
});
