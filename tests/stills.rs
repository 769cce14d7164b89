//! Image files and folders of images: these need no GStreamer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use vcoca_gpu::frames::{self, Frame, Method, Orientation, PixelFormat, Sampling, Seconds};
use vcoca_gpu::{Error, Result};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("stills")
        .join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn picture(seed: u32) -> RgbImage {
    RgbImage::from_fn(37, 21, |x, y| {
        Rgb([(x * 5 + seed) as u8, (y * 9) as u8, ((x ^ y) * 7) as u8])
    })
}

fn sample(path: &Path, count: usize) -> Result<Vec<Frame>> {
    let started = Instant::now();
    let sampled = frames::sample(path, count, Sampling::Uniform);
    assert!(started.elapsed() < Duration::from_secs(10));
    let sampled = sampled?;
    assert_eq!((sampled.method, sampled.duration), (Method::Still, None));
    Ok(sampled.frames)
}

fn media(path: &Path) -> String {
    let error = sample(path, 1).unwrap_err();
    assert!(matches!(error, Error::Media { .. }), "{error:?}");
    error.to_string()
}

const FORMATS: [ImageFormat; 6] = [
    ImageFormat::Png,
    ImageFormat::Jpeg,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
];

#[test]
fn one_frame_whatever_the_name() {
    let folder = folder("formats");
    for format in FORMATS {
        let path = folder.join(format!("{format:?}.mp4"));
        picture(0).save_with_format(&path, format).unwrap();
        let frames = sample(&path, 8).unwrap();
        assert_eq!(frames.len(), 1, "{format:?}");
        let shown = &frames[0].picture;
        assert_eq!(frames[0].pts, Seconds::ZERO);
        assert_eq!((shown.width, shown.height), (37, 21));
        assert_eq!(shown.format, PixelFormat::Rgb8);
        assert_eq!(shown.planes[0].stride, 37 * 3);
        if ![ImageFormat::Jpeg, ImageFormat::Gif].contains(&format) {
            assert_eq!(&*shown.data, picture(0).as_raw(), "{format:?}");
        }
    }
}

#[test]
fn other_pixels_become_rgb() {
    let folder = folder("pixels");
    let rgb = DynamicImage::from(picture(0));
    let mut seen_through = rgb.to_rgba8();
    for pixel in seen_through.pixels_mut() {
        pixel.0[3] = 7;
    }
    for (name, image, wanted) in [
        ("rgba", seen_through.into(), rgb.to_rgb8()),
        ("deep", rgb.to_rgb16().into(), rgb.to_rgb8()),
        (
            "gray",
            rgb.to_luma8().into(),
            DynamicImage::from(rgb.to_luma8()).to_rgb8(),
        ),
        (
            "deep-gray",
            rgb.to_luma16().into(),
            DynamicImage::from(rgb.to_luma16()).to_rgb8(),
        ),
    ] {
        let path = folder.join(name).with_extension("png");
        DynamicImage::save(&image, &path).unwrap();
        let frames = sample(&path, 1).unwrap();
        assert_eq!(&*frames[0].picture.data, wanted.as_raw(), "{name}");
    }
}

#[test]
fn exif_orientation() {
    let path = folder("exif").join("turned.jpg");
    picture(0).save(&path).unwrap();
    let plain = fs::read(&path).unwrap();
    for (value, orientation) in [
        (1, Orientation::Upright),
        (2, Orientation::FlipHorizontal),
        (3, Orientation::Rotate180),
        (4, Orientation::FlipRotate180),
        (5, Orientation::FlipRotate270),
        (6, Orientation::Rotate90),
        (7, Orientation::FlipRotate90),
        (8, Orientation::Rotate270),
    ] {
        // One entry: tag 0x112, short, one value.
        let mut segment = b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
        segment.extend([1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0, 0, 0, 0, 0]);
        let mut turned = plain.clone();
        turned.splice(2..2, segment);
        fs::write(&path, turned).unwrap();
        let frames = sample(&path, 1).unwrap();
        assert_eq!(frames[0].picture.orientation, orientation, "{value}");
        assert_eq!(frames[0].picture.width, 37);
    }
}

#[test]
fn folders_go_by_name() {
    let folder = folder("sequence");
    for i in 0..10 {
        // Written in another order than that of their names.
        let i = i * 7 % 10;
        picture(i).save(folder.join(format!("{i:03}.png"))).unwrap();
    }
    fs::write(folder.join("000-notes.txt"), "no image").unwrap();
    fs::write(folder.join(".hidden.png"), "no image").unwrap();
    for (count, wanted) in [
        (3, vec![1, 5, 8]),
        (10, (0..10).collect()),
        (1, vec![5]),
        (20, (0..20).map(|i| i / 2).collect()),
    ] {
        let frames = sample(&folder, count).unwrap();
        let found: Vec<u8> = frames.iter().map(|frame| frame.picture.data[0]).collect();
        assert_eq!(found, wanted);
        for pair in frames.windows(2) {
            let [a, b] = [&pair[0].picture.data, &pair[1].picture.data];
            assert_eq!(Arc::ptr_eq(a, b), a[0] == b[0], "repeats share their bytes");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_read_in_a_folder_is_passed_over() {
    let folder = folder("unreadable");
    picture(3).save(folder.join("1.png")).unwrap();
    // Not even the superuser reads the first page of a process.
    std::os::unix::fs::symlink("/proc/self/mem", folder.join("0.png")).unwrap();
    let frames = sample(&folder, 2).unwrap();
    let found: Vec<u8> = frames.iter().map(|frame| frame.picture.data[0]).collect();
    assert_eq!(found, [3, 3]);
}

#[test]
fn truncated_images() {
    let folder = folder("truncated");
    for format in FORMATS {
        let path = folder.join(format!("{format:?}"));
        picture(0).save_with_format(&path, format).unwrap();
        let bytes = fs::read(&path).unwrap();
        for part in [0.3, 0.6, 0.95] {
            fs::write(&path, &bytes[..(bytes.len() as f32 * part) as usize]).unwrap();
            let error = media(&path);
            assert!(error.contains("image"), "{format:?} {part}: {error}");
        }
    }
}

#[test]
fn huge_images_are_refused_by_their_header() {
    let path = folder("huge").join("huge.png");
    let side = 30_000_u32.to_be_bytes();
    let header = [&b"IHDR"[..], &side, &side, &[8, 2, 0, 0, 0]].concat();
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    file.extend(&header);
    file.extend(crc(&header).to_be_bytes());
    file.extend(b"\0\0\0\x01IDAT\0");
    fs::write(&path, file).unwrap();
    let started = Instant::now();
    let error = media(&path);
    assert!(error.contains("30000x30000"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn what_is_no_image() {
    let folder = folder("none");
    let error = sample(&folder, 8).unwrap_err();
    assert!(matches!(error, Error::NotAFile { .. }), "{error:?}");
    let empty = folder.join("empty.png");
    fs::write(&empty, "").unwrap();
    assert!(media(&empty).contains("is empty"));
    let broken = folder.join("broken.png");
    fs::write(&broken, b"\x89PNG\r\n\x1a\nand then nothing of the kind").unwrap();
    media(&broken);
    let error = sample(&folder.join("nowhere.png"), 8).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    for count in [0, 5000] {
        let error = sample(&broken, count).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error:?}");
    }
}

#[cfg(not(feature = "gstreamer"))]
#[test]
fn videos_need_a_feature() {
    let path = folder("video").join("clip.mp4");
    fs::write(&path, b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom").unwrap();
    assert!(media(&path).contains("cannot decode video"));
}

#[test]
fn sampling_by_name() {
    for sampling in [Sampling::Uniform, Sampling::Keyframes] {
        assert_eq!(sampling.to_string().parse::<Sampling>().unwrap(), sampling);
    }
    assert!("every".parse::<Sampling>().is_err());
}

/// PNG's checksum.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    })
}
