//! The drawn source: moving shapes at 30 frames a second.

use std::thread;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSrc, AppSrcCallbacks};
use gstreamer_video as gst_video;

use crate::frames::shapes::{HEIGHT, WIDTH, draw};

/// Frames a second.
const RATE: u32 = 30;

/// A live element that shows at each moment what the story, begun at `begun`, has there.
pub(super) fn element(begun: Instant) -> gst::Element {
    let caps = gst_video::VideoCapsBuilder::new()
        .format(gst_video::VideoFormat::Rgba)
        .width(WIDTH as i32)
        .height(HEIGHT as i32)
        .pixel_aspect_ratio(gst::Fraction::new(1, 1))
        .framerate(gst::Fraction::new(RATE as i32, 1))
        .build();
    let mut due = Instant::now();
    let callbacks = AppSrcCallbacks::builder()
        .need_data(move |source, _| {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // After a delay goes on from now, rather than to catch up in a burst.
            due = due.max(Instant::now()) + Duration::from_secs(1) / RATE;
            let picture = draw(begun.elapsed());
            let buffer = gst::Buffer::from_slice(picture.data);
            if let Err(flow) = source.push_buffer(buffer) {
                log::debug!("a drawn picture was not taken: {flow}");
            }
        })
        .build();
    AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(true)
        .do_timestamp(true)
        .callbacks(callbacks)
        .build()
        .upcast()
}
