//! How the values of decoded pictures map to RGB, from GStreamer's caps.

use gstreamer as gst;
use gstreamer_video as gst_video;

use crate::frames::{ChromaSiting, Colorimetry, Matrix, Range, Transfer};

/// The colorimetry of a decoded frame. `stated` are the caps that went into the decoder, or came
/// out of the demuxer where there is no decoder. Where they do not tell the matrix, GStreamer
/// guesses from the size; other decoders, and what models were trained on, take BT.601.
pub(super) fn color(info: &gst_video::VideoInfo, stated: Option<&gst::CapsRef>) -> Colorimetry {
    use gst_video::{VideoColorMatrix, VideoColorRange, VideoTransferFunction};
    let decoded = info.colorimetry();
    let matrix = match decoded.matrix() {
        _ if !states_matrix(stated) => Matrix::Bt601,
        VideoColorMatrix::Bt709 | VideoColorMatrix::Smpte240m => Matrix::Bt709,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt601,
    };
    let range = match decoded.range() {
        VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    let transfer = match decoded.transfer() {
        VideoTransferFunction::Smpte2084 => Transfer::Pq,
        VideoTransferFunction::AribStdB67 => Transfer::Hlg,
        _ => Transfer::Sdr,
    };
    Colorimetry {
        matrix,
        range,
        transfer,
        siting: siting(info.chroma_site(), matrix, stated),
    }
}

/// Whether the stream says how its luma and chroma were made.
fn states_matrix(caps: Option<&gst::CapsRef>) -> bool {
    caps.and_then(|caps| caps.structure(0)?.get::<String>("colorimetry").ok())
        .and_then(|text| text.parse::<gst_video::VideoColorimetry>().ok())
        .is_some_and(|color| color.matrix() != gst_video::VideoColorMatrix::Unknown)
}

/// Where chroma lies: as stated, else as the standard of the codec or of the matrix has it.
fn siting(
    decoded: gst_video::VideoChromaSite,
    matrix: Matrix,
    stated: Option<&gst::CapsRef>,
) -> ChromaSiting {
    use gst_video::VideoChromaSite;
    let kind = stated.and_then(|caps| caps.structure(0));
    let centered = kind.is_some_and(|kind| {
        matches!(
            kind.name().as_str(),
            "image/jpeg" | "video/x-vp8" | "video/x-theora"
        ) || (kind.name() == "video/mpeg" && kind.get::<i32>("mpegversion") == Ok(1))
    });
    // GStreamer has a default of its own for decoded pictures, which replaces what is told if the
    // colorimetry is not told with it.
    let told = kind.and_then(|kind| kind.get::<String>("chroma-site").ok()?.parse().ok());
    match told.unwrap_or(decoded) {
        VideoChromaSite::COSITED => ChromaSiting::TopLeft,
        _ if centered => ChromaSiting::Center,
        VideoChromaSite::JPEG if told.is_some() => ChromaSiting::Center,
        _ if told.is_none() && matrix == Matrix::Bt2020 => ChromaSiting::TopLeft,
        _ => ChromaSiting::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of raw caps, decoded from a stream with these.
    fn of(decoded: &str, stated: &str) -> Colorimetry {
        gst::init().unwrap();
        let caps = |text: &str| text.parse::<gst::Caps>().unwrap();
        let raw = format!("video/x-raw,width=1920,height=1080,{decoded}");
        let info = gst_video::VideoInfo::from_caps(&caps(&raw)).unwrap();
        color(&info, Some(&caps(stated)))
    }

    fn colorimetry(
        matrix: Matrix,
        range: Range,
        transfer: Transfer,
        siting: ChromaSiting,
    ) -> Colorimetry {
        Colorimetry {
            matrix,
            range,
            transfer,
            siting,
        }
    }

    #[test]
    fn high_dynamic_range() {
        let pq = of(
            "format=I420_10LE,colorimetry=bt2100-pq",
            "video/x-h265,colorimetry=bt2100-pq",
        );
        let wanted =
            |transfer, siting| colorimetry(Matrix::Bt2020, Range::Limited, transfer, siting);
        assert_eq!(pq, wanted(Transfer::Pq, ChromaSiting::TopLeft));
        let hlg = of(
            "format=P010_10LE,colorimetry=bt2100-hlg,chroma-site=mpeg2",
            "video/x-h265,colorimetry=bt2100-hlg,chroma-site=mpeg2",
        );
        assert_eq!(hlg, wanted(Transfer::Hlg, ChromaSiting::Left));
        let sdr = of(
            "format=P010_10LE,colorimetry=bt2020-10,chroma-site=cosited",
            "video/x-vp9,colorimetry=bt2020-10,chroma-site=cosited",
        );
        assert_eq!(sdr, wanted(Transfer::Sdr, ChromaSiting::TopLeft));
    }

    #[test]
    fn ranges_and_matrices() {
        // Range, matrix, transfer and primaries by GStreamer's numbers.
        for (tag, matrix, range) in [
            ("bt709", Matrix::Bt709, Range::Limited),
            ("bt601", Matrix::Bt601, Range::Limited),
            ("smpte240m", Matrix::Bt709, Range::Limited),
            ("1:3:5:1", Matrix::Bt709, Range::Full),
            ("1:4:0:0", Matrix::Bt601, Range::Full),
        ] {
            let found = of(
                &format!("format=NV12,colorimetry={tag}"),
                &format!("video/x-h264,colorimetry={tag}"),
            );
            let wanted = colorimetry(matrix, range, Transfer::Sdr, ChromaSiting::Left);
            assert_eq!(found, wanted, "{tag}");
        }
    }

    #[test]
    fn silent_streams_are_bt601_whatever_their_size() {
        for (decoded, stated) in [
            ("format=I420", "video/x-h264"),
            ("format=I420,colorimetry=bt709", "video/x-h264"),
            // The matrix unknown, all else told.
            (
                "format=I420,colorimetry=bt709",
                "video/x-h264,colorimetry=2:0:5:1",
            ),
            // Raw pictures out of the container.
            ("format=I420", "video/x-raw,format=I420"),
        ] {
            let found = of(decoded, stated);
            assert_eq!(found.matrix, Matrix::Bt601, "{decoded} {stated}");
            assert_eq!(found.siting, ChromaSiting::Left, "{decoded} {stated}");
        }
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 1920, 1080)
            .build()
            .unwrap();
        assert_eq!(color(&info, None).matrix, Matrix::Bt601);
    }

    #[test]
    fn chroma_lies_where_it_is_told_or_where_the_codec_puts_it() {
        for (site, stated, wanted) in [
            (
                "jpeg",
                "video/x-h264,chroma-site=jpeg",
                ChromaSiting::Center,
            ),
            (
                "mpeg2",
                "video/x-h264,chroma-site=mpeg2",
                ChromaSiting::Left,
            ),
            (
                "cosited,colorimetry=bt709",
                "video/x-h264",
                ChromaSiting::TopLeft,
            ),
            // GStreamer's own guess for a silent stream.
            ("jpeg", "video/x-h264", ChromaSiting::Left),
            ("mpeg2", "video/x-vp8", ChromaSiting::Center),
            ("mpeg2", "image/jpeg", ChromaSiting::Center),
            ("mpeg2", "video/mpeg,mpegversion=1", ChromaSiting::Center),
            ("mpeg2", "video/mpeg,mpegversion=2", ChromaSiting::Left),
        ] {
            let found = of(&format!("format=I420,chroma-site={site}"), stated);
            assert_eq!(found.siting, wanted, "{site} {stated}");
        }
    }
}
