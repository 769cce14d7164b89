//! `vcoca-gpu`: captions of videos on the command line.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    give_mesa_a_runtime_dir();
    cli::run()
}

/// Mesa complains on stderr, once per look at its adapters, where this variable is not set, as in
/// containers and over ssh; nothing of ours uses the directory.
fn give_mesa_a_runtime_dir() {
    const NAME: &str = "XDG_RUNTIME_DIR";
    if cfg!(target_os = "linux") && std::env::var_os(NAME).is_none() {
        // SAFETY: no other thread runs yet that could read the environment meanwhile.
        unsafe { std::env::set_var(NAME, std::env::temp_dir()) };
    }
}
