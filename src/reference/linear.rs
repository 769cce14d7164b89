//! Twin of the linear ops.
