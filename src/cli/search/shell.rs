//! Commands for people to paste.

use std::path::Path;

use vcoca_gpu::frames::Seconds;
use vcoca_gpu::windows::to_f64;

/// A command that plays a video from `start` on.
pub fn play(path: &Path, start: Seconds) -> String {
    let path = quoted(path);
    match start > Seconds::ZERO {
        true => format!("mpv --start={} {path}", (to_f64(start) * 1e3).round() / 1e3),
        false => format!("mpv {path}"),
    }
}

/// A path as one word of a shell: as it is, 'quoted', or $'quoted' where it has bytes that no terminal
/// shows.
fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let text = path.to_str();
    // What begins with a dash would be an option.
    let dash = if bytes.starts_with(b"-") { "./" } else { "" };
    match text {
        Some(text)
            if text
                .chars()
                .all(|c| c.is_alphanumeric() || "/._-+,:@%".contains(c)) =>
        {
            format!("{dash}{text}")
        }
        Some(text) if !text.chars().any(char::is_control) => {
            format!("'{dash}{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut word = format!("$'{dash}");
            for &byte in bytes {
                match byte {
                    b'\'' | b'\\' => word.extend(['\\', char::from(byte)]),
                    b' '..=b'~' => word.push(char::from(byte)),
                    _ => word.push_str(&format!("\\x{byte:02x}")),
                }
            }
            word + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_path_back() {
        for (path, word) in [
            ("a/b.mp4", "a/b.mp4"),
            ("-v.mp4", "./-v.mp4"),
            ("", ""),
            ("two words.mp4", "'two words.mp4'"),
            ("it's $HOME.mp4", r"'it'\''s $HOME.mp4'"),
            ("caf\u{e9}.mp4", "caf\u{e9}.mp4"),
            ("new\nline's\\.mp4", r"$'new\x0aline\'s\\.mp4'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_real_shell_agrees() {
        use std::os::unix::ffi::OsStrExt;
        for name in [
            &b"a'b\\c d\n\xff.mp4"[..],
            b"-x; rm\t*.mp4",
            b"$(id) `id` \"'",
        ] {
            let path = Path::new(std::ffi::OsStr::from_bytes(name));
            let script = format!("printf %s {}", quoted(path));
            let Ok(output) = std::process::Command::new("bash")
                .args(["-c", &script])
                .output()
            else {
                eprintln!("no bash here");
                return;
            };
            let read = output.stdout.strip_prefix(b"./").unwrap_or(&output.stdout);
            assert_eq!(read, name, "{script}");
        }
    }

    #[test]
    fn the_start_is_exact_to_a_millisecond() {
        let play = |start| play(Path::new("v.mp4"), start);
        assert_eq!(play(Seconds::ZERO), "mpv v.mp4");
        assert_eq!(play(Seconds::new(1001, 30)), "mpv --start=33.367 v.mp4");
    }
}
