//! Files that make a demuxer open other files and connections: playlists, manifests, projects.

use gstreamer as gst;

/// Media types that refer elsewhere, whether or not a demuxer for them is installed.
const PLAYLISTS: [&str; 6] = [
    "application/x-hls",
    "application/dash+xml",
    "application/vnd.ms-sstr+xml",
    "application/sdp",
    "application/xges",
    "text/uri-list",
];

/// What the classes of demuxers that read nothing but their input are made of. Those that open
/// more say so by another word: Adaptive, Network, Editing.
const PLAIN: [&str; 8] = [
    "Codec", "Demuxer", "Decoder", "Parser", "Audio", "Video", "Metadata", "Subtitle",
];

/// Whether a stream of this type may lead to other files: it is known to, or a demuxer that might
/// be chosen for it is not of a plain class.
pub(super) fn refers_elsewhere(caps: &gst::CapsRef) -> bool {
    let kind = caps.structure(0).map(|kind| kind.name().as_str());
    kind.is_some_and(|kind| PLAYLISTS.contains(&kind))
        || gst::ElementFactory::factories_with_type(
            gst::ElementFactoryType::DEMUXER,
            gst::Rank::MARGINAL,
        )
        .iter()
        .filter(|factory| !factory.metadata("klass").is_some_and(plain))
        .flat_map(gst::ElementFactory::static_pad_templates)
        .filter(|template| template.direction() == gst::PadDirection::Sink)
        .any(|template| {
            let accepted = template.caps();
            !accepted.is_any() && accepted.can_intersect(caps)
        })
}

/// Whether all words of a class are known to be harmless.
fn plain(class: &str) -> bool {
    class.split('/').all(|word| PLAIN.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_elsewhere() {
        gst::init().unwrap();
        let refers = |kind: &str| refers_elsewhere(&gst::Caps::new_empty_simple(kind));
        for kind in PLAYLISTS {
            assert!(refers(kind), "{kind}");
        }
        for kind in [
            "video/quicktime",
            "video/x-matroska",
            "video/webm",
            "video/mpegts",
            "video/x-msvideo",
            "video/x-flv",
            "video/x-h264",
            "application/ogg",
            "application/mxf",
            "application/x-id3",
            "image/jpeg",
            "audio/mpeg",
        ] {
            assert!(!refers(kind), "{kind}");
        }
        assert!(plain("Codec/Demuxer/Audio"));
        for class in [
            "Codec/Demuxer/Adaptive",
            "Codec/Demuxer/Network/RTP",
            "Codec/Demuxer/Editing",
        ] {
            assert!(!plain(class), "{class}");
        }
    }
}
