//! How far a command has come, on stderr.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar where stderr is a terminal and there is more than one thing to wait for.
pub fn bar(count: usize, quiet: bool) -> ProgressBar {
    if quiet || count < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
    ProgressBar::new(count as u64).with_style(style.expect("the template is well formed"))
}
