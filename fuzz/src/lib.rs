//! What the targets share: reading weights as far as the loader would.

use std::path::Path;

use vcoca_gpu::model::checkpoint::Checkpoint;

/// Reads the beginning and the end of every tensor of a file in memory.
pub fn read_weights(path: &str, bytes: &[u8]) {
    let Ok(checkpoint) = Checkpoint::from_bytes(Path::new(path), bytes.to_vec()) else {
        return;
    };
    for name in checkpoint.names() {
        let Some(Ok(stored)) = checkpoint.get(name) else {
            continue;
        };
        if !stored.readable() {
            continue;
        }
        // Not all of it: an expanded tensor has any number of elements in a few bytes.
        let count = stored.shape.iter().product::<usize>();
        let mut some = vec![0.0; count.min(1000)];
        stored.read(0, &mut some);
        stored.read(count - some.len(), &mut some);
    }
}
