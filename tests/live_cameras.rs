//! Cameras, by devices that the test invents: listed, opened, unplugged and plugged in again. A
//! program of its own: what it invents would be seen by other tests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer::subclass::prelude::*;
use vcoca_gpu::frames::live::{Camera, Condition, Feed, Source, cameras};

/// Whether the camera `door` is plugged in.
static DOOR: AtomicBool = AtomicBool::new(true);

/// What a camera shows; its width tells which it is. It ends soon.
fn pictures(width: u32) -> gst::Element {
    let description = format!(
        "videotestsrc is-live=true num-buffers=20 \
         ! video/x-raw,width={width},height=48 ! identity"
    );
    let bin = gst::parse::bin_from_description(&description, true);
    bin.expect("a source of pictures").upcast()
}

mod device {
    use super::*;

    #[derive(Default)]
    pub struct Device;

    #[glib::object_subclass]
    impl ObjectSubclass for Device {
        const NAME: &'static str = "InventedDevice";
        type Type = super::Device;
        type ParentType = gst::Device;
    }

    impl ObjectImpl for Device {}
    impl GstObjectImpl for Device {}

    impl DeviceImpl for Device {
        fn create_element(&self, _: Option<&str>) -> Result<gst::Element, gst::LoggableError> {
            let door = self.obj().display_name() == "door";
            Ok(pictures(if door { 64 } else { 32 }))
        }
    }
}

mod provider {
    use std::sync::LazyLock;

    use super::*;

    #[derive(Default)]
    pub struct Provider;

    #[glib::object_subclass]
    impl ObjectSubclass for Provider {
        const NAME: &'static str = "InventedProvider";
        type Type = super::Provider;
        type ParentType = gst::DeviceProvider;
    }

    impl ObjectImpl for Provider {}
    impl GstObjectImpl for Provider {}

    impl DeviceProviderImpl for Provider {
        fn metadata() -> Option<&'static gst::subclass::DeviceProviderMetadata> {
            static METADATA: LazyLock<gst::subclass::DeviceProviderMetadata> =
                LazyLock::new(|| {
                    gst::subclass::DeviceProviderMetadata::new(
                        "Invented cameras",
                        "Source/Video",
                        "Cameras for a test",
                        "none",
                    )
                });
            Some(&METADATA)
        }

        fn probe(&self) -> Vec<gst::Device> {
            let door = DOOR.load(Ordering::Relaxed);
            [
                ("desk", "Video/Source", true),
                ("a screen", "Video/Source/Monitor", true),
                ("door", "Video/Source", door),
            ]
            .into_iter()
            .filter(|(.., plugged)| *plugged)
            .map(|(name, class, _)| {
                let path =
                    gst::Structure::builder("properties").field("device.path", format!("/{name}"));
                glib::Object::builder::<Device>()
                    .property("display-name", name)
                    .property("device-class", class)
                    .property("caps", gst::Caps::new_any())
                    .property("properties", path.build())
                    .build()
                    .upcast()
            })
            .collect()
        }
    }
}

glib::wrapper! {
    pub struct Device(ObjectSubclass<device::Device>) @extends gst::Device, gst::Object;
}

glib::wrapper! {
    pub struct Provider(ObjectSubclass<provider::Provider>) @extends gst::DeviceProvider, gst::Object;
}

/// Waits until `holds`.
fn until(feed: &Feed, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{:?}",
            feed.status()
        );
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn cameras_are_listed_and_found_again() {
    gst::init().unwrap();
    gst::DeviceProvider::register(
        None,
        "invented",
        gst::Rank::PRIMARY,
        Provider::static_type(),
    )
    .unwrap();
    let listed = cameras().unwrap();
    let place = |name: &str| listed.iter().position(|camera| camera.name == name);
    assert_eq!(place("a screen"), None, "{listed:?}");
    let (desk, door) = (place("desk").unwrap(), place("door").unwrap());
    let wanted = Camera {
        name: "door".into(),
        class: "Video/Source".into(),
        id: "/door".into(),
    };
    assert_eq!(listed[door], wanted);

    let width = |number| {
        let feed = Feed::open(&Source::Camera(number)).unwrap();
        let frame = feed.newer(0, Duration::from_secs(30));
        frame.expect("a picture").picture.width
    };
    assert_eq!([width(desk), width(door)], [32, 64]);

    let feed = Feed::open(&Source::Camera(door)).unwrap();
    until(&feed, || feed.status().delivered > 0);
    DOOR.store(false, Ordering::Relaxed);
    until(&feed, || match feed.status().condition {
        Condition::Lost { why, .. } => why.contains("door is unplugged"),
        _ => false,
    });
    let count = listed.len();
    let error = Feed::open(&Source::Camera(count)).err().expect("an error");
    assert!(error.to_string().contains("this machine has"), "{error}");
    DOOR.store(true, Ordering::Relaxed);
    until(&feed, || feed.status().reconnects > 0);
    assert_eq!(feed.status().size, Some((64, 48)));
}
