//! Cases of the linear ops.

use super::Case;

pub fn cases() -> Vec<Case> {
    Vec::new()
}
