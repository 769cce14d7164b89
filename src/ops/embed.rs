//! From ids and patches to rows of the residual stream.
