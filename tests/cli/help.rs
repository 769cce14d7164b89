//! What `--help` tells.

use super::*;

const COMMANDS: &[&[&str]] = &[
    &[],
    &["caption"],
    &["classify"],
    &["ask"],
    &["embed"],
    #[cfg(feature = "index")]
    &["index"],
    #[cfg(feature = "index")]
    &["index", "add"],
    #[cfg(feature = "index")]
    &["index", "update"],
    #[cfg(feature = "index")]
    &["index", "ls"],
    #[cfg(feature = "index")]
    &["index", "rm"],
    #[cfg(feature = "index")]
    &["index", "verify"],
    #[cfg(feature = "index")]
    &["search"],
    #[cfg(all(feature = "gstreamer", feature = "index"))]
    &["live"],
    &["eval"],
    &["devices"],
    &["models"],
    &["tune"],
    &["parity"],
];

fn help(command: &[&str]) -> String {
    let output = run(&[command, &["--help"]].concat());
    assert_code(&output, 0);
    stdout(&output).to_owned()
}

#[test]
fn help_tells_of_exit_codes_and_the_environment() {
    for command in COMMANDS {
        let help = help(command);
        for word in ["Exit codes:", "WGPU_ADAPTER_NAME", "HF_HOME", "NO_COLOR"] {
            // `index` is told by those of its commands that are run.
            if *command != ["index"] {
                assert!(help.contains(word), "{command:?} lacks {word}");
            }
        }
    }
    assert_code(&run(&["--version"]), 0);
}
