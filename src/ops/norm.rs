//! Layer norm and l2 norm.
