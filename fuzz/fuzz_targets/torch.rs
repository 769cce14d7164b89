//! PyTorch's `.bin` files: the zip directory, the pickle, and reading the tensors that it describes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    vcoca_gpu_fuzz::read_weights("model.bin", bytes);
});
