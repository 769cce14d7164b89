//! What GStreamer reports, in words that help.

use std::path::Path;

use gstreamer as gst;
use gstreamer::glib::translate::IntoGlib;
use gstreamer::prelude::*;

use crate::Error;

/// Debian's packages by the codecs that they alone, or best, decode.
const PACKAGES: [(&str, &str); 8] = [
    ("video/x-vp8", "gstreamer1.0-plugins-good"),
    ("video/x-vp9", "gstreamer1.0-plugins-good"),
    ("image/jpeg", "gstreamer1.0-plugins-good"),
    ("video/x-dv", "gstreamer1.0-plugins-good"),
    ("video/x-av1", "gstreamer1.0-plugins-bad"),
    ("video/x-theora", "gstreamer1.0-plugins-base"),
    ("image/heic", "gstreamer1.0-plugins-bad"),
    ("application/mxf", "gstreamer1.0-plugins-bad"),
];

/// Decodes nearly all else.
const LIBAV: &str = "gstreamer1.0-libav";

/// The error for a codec without a decoder: its description and its media type.
pub(super) fn missing(path: &Path, codec: &str, kind: &str) -> Error {
    let install = PACKAGES
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or(LIBAV, |(_, package)| package);
    Error::MissingCodec {
        path: path.to_owned(),
        codec: format!("{codec} ({kind})"),
        install: install.into(),
    }
}

/// Description and media type, if this message says that a plugin is missing.
pub(super) fn missing_plugin(message: &gst::StructureRef) -> Option<(String, String)> {
    if message.name() != "missing-plugin" {
        return None;
    }
    let caps = message.get::<gst::Caps>("detail").ok()?;
    let kind = caps.structure(0)?.name().to_string();
    let codec = message.get::<String>("name").ok()?;
    Some((codec, kind))
}

/// Whether a stream ended because nothing takes it.
pub(super) fn not_linked(message: &gst::message::Error) -> bool {
    let flow = message
        .details()
        .and_then(|d| d.get::<i32>("flow-return").ok());
    flow == Some(gst::FlowError::NotLinked.into_glib())
}

/// The error that an element posted.
pub(super) fn reported(path: &Path, message: &gst::message::Error) -> Error {
    let error = message.error();
    if error.matches(gst::StreamError::TypeNotFound) {
        return Error::media(path, "is no video: nothing recognises its content");
    }
    if error.matches(gst::StreamError::WrongType) {
        return Error::media(path, "is no video: it looks like text");
    }
    if error.matches(gst::ResourceError::NotFound) || error.matches(gst::ResourceError::OpenRead) {
        let source = std::io::Error::other(error.to_string());
        return Error::io(path)(source);
    }
    // The last line of the details is the plain one; those before name source files.
    let details = message.debug();
    let detail = details
        .as_deref()
        .and_then(|details| details.lines().skip(1).last())
        .filter(|line| !line.is_empty())
        .map_or_else(String::new, |line| format!(" ({line})"));
    if error.matches(gst::ResourceError::NotAuthorized) {
        let problem = "the server refuses the user name or password, which go before the host: \
                       rtsp://USER:PASSWORD@HOST/…";
        return Error::media(path, problem);
    }
    if error.matches(gst::ResourceError::Busy) {
        return Error::media(path, format!("is in use by another program{detail}"));
    }
    if error.matches(gst::ResourceError::OpenReadWrite) {
        return Error::media(path, format!("cannot be reached{detail}"));
    }
    let element = message
        .src()
        .and_then(|source| source.downcast_ref::<gst::Element>())
        .and_then(|element| element.factory())
        .map_or_else(
            || "the decoder".to_owned(),
            |factory| factory.name().to_string(),
        );
    Error::media(path, format!("{element} reports: {error}{detail}"))
}
