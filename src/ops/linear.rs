//! y = x Wᵀ + b, with what follows it fused.
