//! Which variant of a kernel runs on which adapter.
