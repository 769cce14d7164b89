//! The window of `live`.
