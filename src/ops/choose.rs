//! Choosing tokens: softmax, top-k, the greedy step.
