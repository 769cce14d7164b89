//! Where a redirect leads, and whose address that is.

use ureq::http::Uri;

/// Where `location` leads from `from`, unless that is nowhere or gives up encryption.
pub(super) fn target(from: &Uri, location: &str) -> Option<Uri> {
    let (scheme, authority) = (from.scheme()?, from.authority()?);
    let absolute = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    let uri: Uri = absolute.parse().ok()?;
    match (from.scheme_str()?, uri.scheme_str()?) {
        (_, "https") | ("http", "http") => Some(uri),
        _ => None,
    }
}

/// Whether what is meant for `a` alone, such as a token, may go to `b`.
pub(super) fn is_same_host(a: &Uri, b: &Uri) -> bool {
    a.scheme() == b.scheme() && a.authority() == b.authority()
}

/// Whether `uri` is on this machine.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn redirects_lead_on_but_never_out_of_encryption() {
        for (from, location, expected) in [
            (
                "https://hub/a",
                "https://store/b?c",
                Some("https://store/b?c"),
            ),
            ("https://hub/a", "http://hub/a", None),
            ("https://hub/a", "//store/b", Some("https://store/b")),
            ("https://hub:8443/a", "/b?c", Some("https://hub:8443/b?c")),
            ("http://hub/a", "http://store/b", Some("http://store/b")),
            ("http://hub/a", "https://hub/a", Some("https://hub/a")),
            ("http://hub/a", "//store/b", Some("http://store/b")),
            // No hub sends names relative to a directory.
            ("http://hub/a/b", "c", None),
            ("http://hub/a/b", "../c", None),
            ("http://hub/a", "ftp://hub/a", None),
            ("http://hub/a", "file:///etc/passwd", None),
            ("http://hub/a", "", None),
        ] {
            let target = target(&uri(from), location);
            assert_eq!(target, expected.map(uri), "{from} to {location:?}");
        }
    }

    #[test]
    fn another_scheme_or_port_is_another_host() {
        for (b, same) in [
            ("https://hub/b?c", true),
            ("https://HUB/a", true),
            ("http://hub/a", false),
            ("https://hub:8443/a", false),
            ("https://store.hub/a", false),
            ("https://hub.store/a", false),
            ("https://hub@store/a", false),
            ("/a", false),
        ] {
            assert_eq!(is_same_host(&uri("https://hub/a"), &uri(b)), same, "{b}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        for (text, here) in [
            ("http://localhost:80", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:80", true),
            ("http://hub", false),
            ("http://128.0.0.1", false),
            ("http://127.0.0.1.hub", false),
        ] {
            assert_eq!(is_loopback(&uri(text)), here, "{text}");
        }
    }
}
