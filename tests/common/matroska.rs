//! Matroska files of a few JPEG pictures whose times are whatever a test wants.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// A file with one gray picture for each of these times and durations, in milliseconds.
pub fn file(pictures: &[(u64, u64)]) -> Vec<u8> {
    let mut jpeg = Cursor::new(Vec::new());
    RgbImage::from_pixel(64, 48, image::Rgb([128; 3]))
        .write_to(&mut jpeg, ImageFormat::Jpeg)
        .unwrap();
    let block = [&[0x81, 0, 0, 0], jpeg.get_ref().as_slice()].concat();

    let head = [
        element(0x4282, b"matroska"),
        number(0x4287, 2),
        number(0x4285, 2),
    ];
    let milliseconds = number(0x2ad7b1, 1_000_000);
    let size = [number(0xb0, 64), number(0xba, 48)].concat();
    let track = [
        number(0xd7, 1),
        number(0x73c5, 1),
        number(0x83, 1),
        element(0x86, b"V_MJPEG"),
        element(0xe0, &size),
    ];
    let mut segment = element(0x1549_a966, &milliseconds);
    segment.extend(element(0x1654_ae6b, &element(0xae, &track.concat())));
    for &(time, duration) in pictures {
        let group = [element(0xa1, &block), number(0x9b, duration)].concat();
        let cluster = [number(0xe7, time), element(0xa0, &group)].concat();
        segment.extend(element(0x1f43_b675, &cluster));
    }
    [
        element(0x1a45_dfa3, &head.concat()),
        element(0x1853_8067, &segment),
    ]
    .concat()
}

/// An EBML element: its id, its size in eight bytes, its content.
fn element(id: u32, content: &[u8]) -> Vec<u8> {
    let skip = id.leading_zeros() as usize / 8;
    let mut bytes = id.to_be_bytes()[skip..].to_vec();
    bytes.extend((content.len() as u64 | 1 << 56).to_be_bytes());
    bytes.extend(content);
    bytes
}

fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}
