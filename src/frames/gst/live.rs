//! Live sources: a pipeline that delivers the newest picture, in RGBA and upright.

mod cameras;
mod drawn;
mod origin;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use gstreamer_video as gst_video;

pub(in crate::frames) use self::cameras::list as cameras;
use super::graph::{Graph, Origin, STALL, element, plugin};
use super::{init, picture};
use crate::frames::live::{Camera, Source};
use crate::frames::{Orientation, Picture, Plane};
use crate::{Error, Result};

/// How a source is opened, as often as need be.
pub(in crate::frames) struct Recipe {
    source: Source,
    /// The source as typed, without its password.
    name: PathBuf,
    /// The camera that was meant when the recipe was made: its number may go to another.
    camera: Option<Camera>,
    /// When the drawn source's story begins.
    begun: Instant,
}

/// A pipeline over a source; dropping it ends it.
pub(in crate::frames) struct Capture {
    graph: Graph,
    queue: gst::Element,
    sink: AppSink,
    started: Cell<bool>,
    /// What must not appear in messages, and what stands for it.
    secret: Option<(String, String)>,
}

impl Recipe {
    /// # Errors
    ///
    /// If there is no such file, camera or screen.
    pub(in crate::frames) fn new(source: &Source, begun: Instant) -> Result<Self> {
        init()?;
        let mut camera = None;
        match source {
            Source::Camera(number) => camera = Some(cameras::numbered(*number)?),
            Source::Screen => origin::check_screen()?,
            Source::File(path) => origin::check_file(path)?,
            Source::Rtsp(_) | Source::Test | Source::Pipeline(_) => {}
        }
        Ok(Self {
            source: source.clone(),
            name: source.to_string().into(),
            camera,
            begun,
        })
    }

    /// Whether the source comes to an end that is no loss.
    pub(in crate::frames) fn ends(&self) -> bool {
        matches!(self.source, Source::File(_))
    }

    /// Builds a pipeline. A file and the screen are started, too, to know whether they work.
    ///
    /// # Errors
    ///
    /// If a plugin is missing, a description does not parse, the file has no video, or the camera
    /// or the screen is gone.
    pub(in crate::frames) fn build(&self) -> Result<Capture> {
        let origin = match &self.source {
            Source::Camera(_) => origin::camera(&self.name, self.camera.as_ref())?,
            Source::Rtsp(address) => origin::rtsp(&self.name, address)?,
            Source::Screen => origin::screen(&self.name)?,
            Source::File(path) => Origin::file(path, "decodebin")?,
            Source::Test => origin::device(&self.name, drawn::element(self.begun))?,
            Source::Pipeline(description) => origin::described(&self.name, description)?,
        };
        let mut capture = Capture::new(&self.name, origin)?;
        match &self.source {
            Source::Rtsp(address) => {
                capture.secret = Some((address.clone(), self.source.to_string()));
            }
            Source::Screen => capture.start()?,
            Source::File(_) => {
                capture.start()?;
                capture.graph.wait_linked()?;
            }
            _ => {}
        }
        Ok(capture)
    }
}

impl Capture {
    fn new(name: &Path, origin: Origin) -> Result<Self> {
        let queue = element("queue")?;
        queue.set_property("max-size-buffers", 1u32);
        queue.set_property("max-size-bytes", 0u32);
        queue.set_property("max-size-time", 0u64);
        let flip = plugin("videoflip", "gstreamer1.0-plugins-good")?;
        flip.set_property_from_str("video-direction", "auto");
        let caps = gst_video::VideoCapsBuilder::new()
            .format(gst_video::VideoFormat::Rgba)
            .pixel_aspect_ratio(gst::Fraction::new(1, 1))
            .build();
        let sink = AppSink::builder()
            .caps(&caps)
            .drop(true)
            .max_buffers(1)
            .enable_last_sample(false)
            .qos(false)
            .build();
        let tail = [
            queue.clone(),
            element("videoconvert")?,
            flip,
            element("videoscale")?,
            sink.clone().upcast(),
        ];
        let graph = Graph::build(name, STALL, origin, &["video/x-raw"], &tail, |_, _| {})?;
        Ok(Self {
            graph,
            queue,
            sink,
            started: Cell::new(false),
            secret: None,
        })
    }

    /// Sets the pipeline going, if it is not yet.
    ///
    /// # Errors
    ///
    /// What keeps the source from starting, if that is known at once.
    pub(in crate::frames) fn start(&self) -> Result<()> {
        if self.started.replace(true) {
            return Ok(());
        }
        if self.set_state(gst::State::Paused)? == gst::StateChangeSuccess::NoPreroll {
            // A source that gives the pace itself: the newest picture at once, those before it
            // are dropped. Others wait for the clock.
            self.queue.set_property_from_str("leaky", "downstream");
            self.sink.set_property("sync", false);
        }
        self.set_state(gst::State::Playing).map(drop)
    }

    fn set_state(&self, state: gst::State) -> Result<gst::StateChangeSuccess> {
        match self.graph.set_state(state)? {
            Ok(success) => Ok(success),
            Err(_) => {
                self.check()?;
                Err(self.failed("cannot be started"))
            }
        }
    }

    /// The newest picture and its age, if one comes within `patience`.
    ///
    /// # Errors
    ///
    /// What the pipeline reports, or what keeps it from ever having a picture.
    pub(in crate::frames) fn next(
        &self,
        patience: Duration,
    ) -> Result<Option<(Picture, Duration)>> {
        let patience = gst::ClockTime::try_from(patience).unwrap_or(gst::ClockTime::ZERO);
        let Some(sample) = self.sink.try_pull_sample(patience) else {
            self.check()?;
            return Ok(None);
        };
        let picture = picture::copy(&sample, None, Orientation::Upright)
            .map_err(|problem| self.failed(&problem))?;
        Ok(Some((
            packed(picture),
            self.age(&sample).unwrap_or_default(),
        )))
    }

    /// Whether the stream has come to its end.
    pub(in crate::frames) fn ended(&self) -> bool {
        self.sink.is_eos()
    }

    /// Whether anything is at work, or waits for its time.
    pub(in crate::frames) fn alive(&self) -> bool {
        self.graph.alive()
    }

    /// An error of this source.
    pub(in crate::frames) fn failed(&self, problem: &str) -> Error {
        Error::live(self.graph.path().display(), problem)
    }

    fn check(&self) -> Result<()> {
        self.graph
            .check_linked()
            .map_err(|error| match &self.secret {
                Some((secret, shown)) => {
                    let message = error.to_string().replace(secret, shown);
                    let own = format!("{shown}: ");
                    self.failed(message.strip_prefix(&own).unwrap_or(&message))
                }
                None => error,
            })
    }

    /// How long ago a sample was captured, or due, by the pipeline's clock.
    fn age(&self, sample: &gst::Sample) -> Option<Duration> {
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let time = segment.to_running_time(sample.buffer()?.pts()?)?;
        self.graph.since(time)
    }
}

/// The picture without gaps between its rows.
fn packed(picture: Picture) -> Picture {
    let row = 4 * picture.width as usize;
    let Plane { offset, stride } = picture.planes[0];
    if stride == row && offset == 0 {
        return picture;
    }
    let rows = picture.data[offset..].chunks(stride);
    let data: Vec<u8> = rows.flat_map(|line| &line[..row]).copied().collect();
    Picture {
        data: data.into(),
        planes: vec![Plane {
            offset: 0,
            stride: row,
        }],
        ..picture
    }
}
