//! The cameras that the system knows.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::frames::gst::init;
use crate::frames::limit::run;
use crate::frames::live::Camera;
use crate::{Error, Result};

/// How long the system may take to list its devices.
const LISTING: Duration = Duration::from_secs(5);

/// What tells devices of one name apart, by the names that the systems give it.
const IDS: [&str; 5] = [
    "device.path",
    "object.path",
    "api.v4l2.path",
    "avf.unique_id",
    "device.strid",
];

/// All cameras, in the system's order.
pub(in crate::frames) fn list() -> Result<Vec<Camera>> {
    init()?;
    Ok(devices()?.into_iter().map(|(camera, _)| camera).collect())
}

/// The camera with this number.
pub(super) fn numbered(number: usize) -> Result<Camera> {
    let cameras = list()?;
    let found = match cameras.len() {
        0 => "this machine has no camera".into(),
        1 => "this machine has one camera, camera:0".into(),
        count => format!("this machine has cameras 0 to {}", count - 1),
    };
    let camera = cameras.into_iter().nth(number);
    camera.ok_or_else(|| Error::live(format!("camera:{number}"), found))
}

/// The source element of a camera that may be plugged in at another place by now.
pub(super) fn element(name: &str, camera: &Camera) -> Result<gst::Element> {
    let devices = devices()?;
    let by = |same: fn(&Camera, &Camera) -> bool| devices.iter().find(|(c, _)| same(c, camera));
    let found = by(|a, b| a.id == b.id).or_else(|| by(|a, b| a.name == b.name));
    let (_, device) =
        found.ok_or_else(|| Error::live(name, format!("{} is unplugged", camera.name)))?;
    let made = device.create_element(None);
    made.map_err(|error| Error::live(name, format!("{}: {error}", camera.name)))
}

fn devices() -> Result<Vec<(Camera, gst::Device)>> {
    let listed = run(LISTING, || {
        let monitor = gst::DeviceMonitor::new();
        monitor.add_filter(Some("Video/Source"), None);
        // Not started, it looks once.
        monitor.devices().into_iter().collect::<Vec<_>>()
    });
    let devices = listed.ok_or_else(|| Error::live("cameras", "the system does not list them"))?;
    let camera = |device: gst::Device| {
        let properties = device.properties();
        let text = |key: &str| properties.as_ref()?.get::<String>(key).ok();
        let (name, class) = (device.display_name(), device.device_class());
        // Some systems list their screens among the cameras.
        let screen = class.contains("Monitor")
            || text("device.class").is_some_and(|class| class == "monitor");
        let camera = Camera {
            id: (IDS.iter().find_map(|key| text(key))).unwrap_or_else(|| name.to_string()),
            name: name.into(),
            class: class.into(),
        };
        (!screen).then_some((camera, device))
    };
    Ok(devices.into_iter().filter_map(camera).collect())
}
