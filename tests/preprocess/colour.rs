//! Conversion to upright RGB, without a resize.

use num_rational::Ratio;
use vcoca_gpu::frames::*;
use vcoca_gpu::preprocess::Preprocess;
use vcoca_gpu::{Result, reference};

use crate::pictures::{SDR, assert_close, frame, noisy, pixels, upright};

const ORIENTATIONS: [Orientation; 8] = [
    Orientation::Upright,
    Orientation::Rotate90,
    Orientation::Rotate180,
    Orientation::Rotate270,
    Orientation::FlipHorizontal,
    Orientation::FlipRotate90,
    Orientation::FlipRotate180,
    Orientation::FlipRotate270,
];

/// The frames of `tools/colour_reference.py`, whose formulas `docs/preprocessing.md` has.
#[test]
fn colours_are_those_of_the_written_formulas() -> Result<()> {
    use PixelFormat::*;
    let file = std::fs::read("tests/data/colour.safetensors").expect("the fixtures");
    let stored = safetensors::SafeTensors::deserialize(&file).expect("a safetensors file");
    let cases = stored.tensor("cases").expect("cases");
    let cases: Vec<u16> = bytemuck::pod_collect_to_vec(cases.data());
    let rgb = stored.tensor("rgb").expect("rgb");
    let (mut rgb, _) = rgb.data().as_chunks::<3>();
    // Of SDR, then of HDR: pixels, the sum of their differences, the largest.
    let mut found = [(0, 0, 0); 2];
    for case in cases.as_chunks::<8>().0 {
        let [format, matrix, range, transfer, siting, width, height, seed] = case.map(usize::from);
        let format = [I420, Nv12, Y42b, Y444, I420Le10, P010][format];
        let mut frame = noisy(format, [width as u32, height as u32], 3, seed as u32);
        frame.picture.color = Colorimetry {
            matrix: [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020][matrix],
            range: [Range::Limited, Range::Full][range],
            transfer: [Transfer::Sdr, Transfer::Pq, Transfer::Hlg][transfer],
            siting: [
                ChromaSiting::Left,
                ChromaSiting::Center,
                ChromaSiting::TopLeft,
            ][siting],
        };
        let (want, rest) = rgb.split_at(width * height);
        rgb = rest;
        let (count, sum, largest) = &mut found[usize::from(transfer > 0)];
        for (got, want) in upright(&frame)?
            .as_flattened()
            .iter()
            .zip(want.as_flattened())
        {
            let difference = u32::from(got.abs_diff(*want));
            assert!(
                difference <= 2,
                "{format:?} {:?}: {got}, want {want}",
                frame.picture.color
            );
            *count += 1;
            *sum += difference;
            *largest = difference.max(*largest);
        }
    }
    assert!(rgb.is_empty());
    for (count, sum, _) in found {
        assert!(count > 0 && sum <= count, "{sum} levels on {count} values");
    }
    Ok(())
}

#[test]
fn every_format_matrix_range_and_siting_converts_like_the_twin() -> Result<()> {
    use PixelFormat::*;
    let formats = [Gray8, Rgb8, Rgba8, I420, Nv12, Y42b, Y444, I420Le10, P010];
    for (i, format) in formats.into_iter().enumerate() {
        for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
            for range in [Range::Limited, Range::Full] {
                for siting in [
                    ChromaSiting::Left,
                    ChromaSiting::Center,
                    ChromaSiting::TopLeft,
                ] {
                    for (size, padding) in [([37, 23], 3), ([1, 1], 0), ([2, 5], 1)] {
                        let mut frame = noisy(format, size, padding, i as u32);
                        frame.picture.color = Colorimetry {
                            matrix,
                            range,
                            siting,
                            ..SDR
                        };
                        let want = reference::upright(&frame.picture).1;
                        let what = format!("{format:?} {size:?} {:?}", frame.picture.color);
                        assert_close(&upright(&frame)?, &want, &what);
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn hdr_is_tone_mapped_like_the_twin() -> Result<()> {
    use PixelFormat::*;
    for transfer in [Transfer::Pq, Transfer::Hlg] {
        for format in [I420Le10, P010, Nv12, Rgb8, Gray8] {
            let mut frame = noisy(format, [61, 45], 5, 9);
            frame.picture.color = Colorimetry {
                matrix: Matrix::Bt2020,
                transfer,
                ..SDR
            };
            let want = reference::upright(&frame.picture).1;
            assert_close(
                &upright(&frame)?,
                &want,
                &format!("{format:?} {transfer:?}"),
            );
        }
    }
    // PQ at 0 and 10,000 nits: black and white stay black and white.
    for (level, want) in [(16, 0), (235, 255)] {
        let mut frame = frame(Gray8, [3, 3], 0, |_, _, _| level);
        frame.picture.color.transfer = Transfer::Pq;
        assert_eq!(upright(&frame)?, [[want; 3]; 9]);
    }
    Ok(())
}

/// Greys of the table in `docs/preprocessing.md`: luma of 10 bits, and the level that is shown.
#[test]
fn the_tone_curve_goes_through_the_stated_points() -> Result<()> {
    let pq = [
        (195, 15),
        (327, 63),
        (450, 136),
        (510, 187),
        (573, 225),
        (636, 242),
        (689, 250),
        (723, 255),
        (940, 255),
    ];
    let hlg = [
        (149, 15),
        (287, 63),
        (499, 136),
        (618, 188),
        (721, 225),
        (816, 242),
        (892, 250),
        (940, 255),
    ];
    let points = pq.map(|point| (Transfer::Pq, point)).into_iter();
    for (transfer, (luma, level)) in points.chain(hlg.map(|point| (Transfer::Hlg, point))) {
        let mut frame = frame(PixelFormat::I420Le10, [2, 2], 0, |plane, _, byte| {
            u16::to_le_bytes([luma, 512, 512][plane])[byte % 2]
        });
        frame.picture.color = Colorimetry {
            matrix: Matrix::Bt2020,
            transfer,
            ..SDR
        };
        for got in upright(&frame)?.as_flattened() {
            assert!(
                got.abs_diff(level) <= 1,
                "{transfer:?} {luma}: {got}, want {level}"
            );
        }
    }
    Ok(())
}

#[test]
fn known_colours_come_out() -> Result<()> {
    let near = |yuv: [u8; 3], color, want: [u8; 3]| -> Result<()> {
        let mut frame = frame(PixelFormat::I420, [6, 4], 0, |plane, _, _| yuv[plane]);
        frame.picture.color = color;
        for got in upright(&frame)? {
            let off = (got.iter().zip(want)).any(|(a, b)| a.abs_diff(b) > 1);
            assert!(!off, "{yuv:?} in {color:?}: {got:?}, want {want:?}");
        }
        Ok(())
    };
    let hd = Colorimetry {
        matrix: Matrix::Bt709,
        ..SDR
    };
    let jpeg = Colorimetry {
        range: Range::Full,
        ..SDR
    };
    near([81, 90, 240], SDR, [255, 0, 0])?;
    near([145, 54, 34], SDR, [0, 255, 0])?;
    near([41, 240, 110], SDR, [0, 0, 255])?;
    near([63, 102, 240], hd, [255, 0, 0])?;
    near([173, 42, 26], hd, [0, 255, 0])?;
    near([32, 240, 118], hd, [0, 0, 255])?;
    near([76, 85, 255], jpeg, [254, 0, 0])?;
    near([235, 128, 128], SDR, [255, 255, 255])?;
    near([16, 128, 128], SDR, [0, 0, 0])?;
    near([128, 128, 128], jpeg, [128, 128, 128])
}

#[test]
fn a_marked_picture_is_turned_upright_in_all_eight_ways() -> Result<()> {
    // a b c
    // d e f
    let marked = |_: usize, row: usize, byte: usize| (10 * (3 * row + byte / 3) + byte % 3) as u8;
    let rows: [&[&str]; 8] = [
        &["abc", "def"],
        &["da", "eb", "fc"],
        &["fed", "cba"],
        &["cf", "be", "ad"],
        &["cba", "fed"],
        &["fc", "eb", "da"],
        &["def", "abc"],
        &["ad", "be", "cf"],
    ];
    for (orientation, rows) in ORIENTATIONS.into_iter().zip(rows) {
        let mut frame = frame(PixelFormat::Rgb8, [3, 2], 2, marked);
        frame.picture.orientation = orientation;
        let want: Vec<_> = (rows.concat().bytes())
            .map(|letter| 10 * (letter - b'a'))
            .map(|first| [first, first + 1, first + 2])
            .collect();
        assert_eq!(upright(&frame)?, want, "{orientation:?}");
        let mut small = noisy(PixelFormat::Nv12, [31, 17], 1, 3);
        small.picture.orientation = orientation;
        small.picture.pixel_aspect = Ratio::new(4, 3);
        let frames = [small];
        let want = reference::pixels(&frames, &Preprocess::openclip(12));
        assert_close(
            &pixels(&frames, &Preprocess::openclip(12))?,
            &want,
            "resized",
        );
    }
    Ok(())
}
