//! What was found as one page that needs nothing else: no network, no other file but the videos.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use vcoca_gpu::frames::Seconds;
use vcoca_gpu::gpu::Gpu;
use vcoca_gpu::index::{Found, Moment, Timeline};
use vcoca_gpu::windows::to_f64;
use vcoca_gpu::{Error, Result};

use super::sparkline::Scale;
use super::{is_image, thumbnail};
use crate::cli::index::from_here;
use crate::cli::output::count;

const STYLE: &str = include_str!("page.css");

/// Bars of a timeline, and its extent in units of its own.
const BARS: usize = 200;
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 60.0;

pub struct Page<'a> {
    pub query: &'a str,
    pub model: &'a str,
    pub index: &'a Path,
    pub found: &'a Found,
    pub scale: Scale,
}

impl Page<'_> {
    /// Writes the page to `file`, which need not be a regular one.
    pub fn write(&self, gpu: &Gpu, file: &Path) -> Result<()> {
        let page = self.html(|moment| {
            let video = &self.found.videos[moment.video];
            let middle = (to_f64(moment.best.start) + to_f64(moment.best.end)) / 2.0;
            let middle = Seconds::new((middle * 1e3) as i64, 1000);
            thumbnail::data_uri(gpu, &video.path, middle)
        })?;
        fs::write(file, page).map_err(|reason| Error::Io {
            path: file.to_owned(),
            reason,
        })
    }

    fn html(&self, picture: impl Fn(&Moment) -> Result<String>) -> Result<String> {
        let query = escaped(self.query);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{query}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
             <h1>{query}</h1>\n<p>{} of {} in {} \u{b7} model {}</p>\n</header>\n",
            count(self.found.moments.len(), "moment"),
            count(self.found.windows, "window"),
            escaped(&self.index.to_string_lossy()),
            escaped(self.model),
        );
        for (number, video) in self.found.videos.iter().enumerate() {
            let all = self.found.moments.iter().enumerate();
            let moments: Vec<(usize, &Moment)> =
                all.filter(|(_, moment)| moment.video == number).collect();
            self.section(&mut page, video, &moments, &picture)?;
        }
        page.push_str("</body>\n</html>\n");
        Ok(page)
    }

    /// One video: its timeline, and its moments with their ranks.
    fn section(
        &self,
        page: &mut String,
        video: &Timeline,
        moments: &[(usize, &Moment)],
        picture: &impl Fn(&Moment) -> Result<String>,
    ) -> Result<()> {
        let (address, name) = (
            escaped(&address(&video.path)),
            from_here(&video.path).to_string_lossy(),
        );
        let name = escaped(&name);
        write(
            page,
            format_args!("<section>\n<h2><a href=\"{address}\">{name}</a></h2>\n"),
        );
        // One window has the same relevance all the time.
        if video.spans.len() > 1 && !is_image(video) {
            self.timeline(page, video, moments);
        }
        page.push_str("<div class=\"moments\">\n");
        for (rank, moment) in moments {
            let (start, end) = (to_f64(moment.span.start), to_f64(moment.span.end));
            let (place, time) = match is_image(video) {
                true => (String::new(), String::new()),
                false => (
                    format!("#t={start:.3},{end:.3}"),
                    format!(" <span>{}\u{2013}{}</span>", clock(start), clock(end)),
                ),
            };
            let shown = match picture(moment) {
                Ok(uri) => format!("<img src=\"{uri}\" alt=\"\">"),
                Err(error @ Error::DeviceLost(_)) => return Err(error),
                Err(error) => {
                    log::warn!("no picture of a moment: {error}");
                    format!(
                        "<div class=\"blank\">no picture: {}</div>",
                        escaped(&error.to_string())
                    )
                }
            };
            let caption = moment
                .caption
                .as_deref()
                .map_or(String::new(), |text| format!("<br>{}", escaped(text)));
            write(
                page,
                format_args!(
                    "<figure><a href=\"{address}{place}\">{shown}</a>\
                 <figcaption>{}. <b>{:.3}</b>{time}{caption}</figcaption></figure>\n",
                    rank + 1,
                    moment.score
                ),
            );
        }
        page.push_str("</div>\n</section>\n");
        Ok(())
    }

    fn timeline(&self, page: &mut String, video: &Timeline, moments: &[(usize, &Moment)]) {
        let end = to_f64(video.end());
        let x = |time: f64| time / end * WIDTH;
        write(
            page,
            format_args!(
                "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"relevance over time\">\n"
            ),
        );
        let spans = moments
            .iter()
            .map(|(_, moment)| (to_f64(moment.span.start), to_f64(moment.span.end)));
        let spans: Vec<(f64, f64)> = spans.collect();
        for &(from, to) in &spans {
            write(
                page,
                format_args!(
                    "<rect class=\"band\" x=\"{:.1}\" y=\"0\" width=\"{:.1}\" height=\"{HEIGHT}\"/>\n",
                    x(from),
                    x(to) - x(from)
                ),
            );
        }
        let width = WIDTH / BARS as f64;
        for (i, score) in video.parts(BARS).into_iter().enumerate() {
            let Some(score) = score else { continue };
            // The mean is a line that can still be seen.
            let height = 1.5 + f64::from(self.scale.level(score)) * (HEIGHT - 1.5);
            let middle = (i as f64 + 0.5) / BARS as f64 * end;
            let found = spans
                .iter()
                .any(|&(from, to)| from <= middle && middle < to);
            write(
                page,
                format_args!(
                    "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>\n",
                    if found { "found" } else { "bars" },
                    i as f64 * width,
                    HEIGHT - height,
                    width
                ),
            );
        }
        write(
            page,
            format_args!(
                "<line class=\"base\" x1=\"0\" y1=\"{HEIGHT}\" x2=\"{WIDTH}\" y2=\"{HEIGHT}\"/>\n</svg>\n\
             <div class=\"times\"><span>{}</span><span>{}</span></div>\n",
                clock(0.0),
                clock(end)
            ),
        );
    }
}

fn write(page: &mut String, text: std::fmt::Arguments) {
    page.write_fmt(text).expect("a String takes everything");
}

/// Text as HTML shows it, in elements and in attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A path as a `file:` address.
fn address(path: &Path) -> String {
    let mut address = String::from("file://");
    if !path.has_root() || cfg!(windows) {
        address.push('/');
    }
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => address.push('/'),
            b'/' | b'-' | b'_' | b'.' | b'~' => address.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(byte)),
            byte => write(&mut address, format_args!("%{byte:02X}")),
        }
    }
    address
}

/// 75.25 as 1:15.3.
fn clock(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round() as u64;
    let (minutes, tenths) = (tenths / 600, tenths % 600);
    let rest = format!("{:02}.{}", tenths / 10, tenths % 10);
    match minutes {
        0..60 => format!("{minutes}:{rest}"),
        _ => format!("{}:{:02}:{rest}", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vcoca_gpu::windows::Span;

    fn found(path: &str, caption: &str) -> Found {
        let span = |start: i64| Span {
            start: Seconds::from(start),
            end: Seconds::from(start + 4),
        };
        Found {
            moments: vec![Moment {
                video: 0,
                span: span(4),
                score: 0.5,
                best: span(4),
                caption: Some(caption.into()),
            }],
            videos: vec![Timeline {
                path: path.into(),
                spans: vec![span(0), span(4)],
                scores: vec![0.1, 0.5],
            }],
            windows: 2,
            mean: 0.3,
        }
    }

    fn page(query: &str, found: &Found) -> String {
        let page = Page {
            query,
            model: "<m>",
            index: Path::new("a&b"),
            found,
            scale: Scale::of(found),
        };
        page.html(|_| Ok("data:image/jpeg;base64,AA==".into()))
            .unwrap()
    }

    #[test]
    fn nothing_that_was_read_becomes_markup() {
        let evil = "\"><script>alert('1')</script>&";
        let page = page(evil, &found(&format!("/v{evil}.mp4"), evil));
        assert!(
            !page.contains("<script") && !page.contains("alert('"),
            "{page}"
        );
        assert!(page.contains("<title>&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)"));
        assert!(page.contains("model &lt;m&gt;") && page.contains("a&amp;b"));
        assert!(page.contains("file:///v%22%3E%3Cscript%3E"));
    }

    #[test]
    fn a_page_needs_nothing_else() {
        let page = page("a star", &found("/v.mp4", "a star"));
        for outside in ["http", "<link", "src=\"/", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("href=\"file:///v.mp4#t=4.000,8.000\""));
        assert!(page.contains("1. <b>0.500</b> <span>0:04.0\u{2013}0:08.0</span><br>a star"));
        // Half of the bars are the moment's.
        assert_eq!(page.matches("class=\"found\"").count(), BARS / 2);
        assert_eq!(page.matches("class=\"bars\"").count(), BARS / 2);
    }

    #[test]
    fn times_are_read_at_a_glance() {
        for (seconds, text) in [
            (0.0, "0:00.0"),
            (75.25, "1:15.3"),
            (59.99, "1:00.0"),
            (3661.0, "1:01:01.0"),
        ] {
            assert_eq!(clock(seconds), text);
        }
    }
}
