//! How far a command has come, on stderr.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar where stderr is a terminal and there is more than one thing to wait for.
pub fn bar(count: usize, quiet: bool) -> ProgressBar {
    if quiet || count < 2 {
        return ProgressBar::hidden();
    }
    ProgressBar::new(count as u64).with_style(style("{bar:24} {pos}/{len} {wide_msg}"))
}

/// The style of a template, which is a constant.
pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is well formed")
}
