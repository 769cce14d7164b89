//! Fused attention with online softmax, pooling state, key-value caches.
