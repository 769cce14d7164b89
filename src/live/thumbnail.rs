//! Small pictures for the timeline.

use super::Thumbnail;
use crate::frames::Picture;

/// Pixels across at most: what a moment shows when it is jumped to.
const WIDTH: u32 = 320;

impl Thumbnail {
    /// Shrinks an upright RGBA picture without gaps between its rows; each pixel is the mean of what it
    /// covers.
    pub(super) fn of(picture: &Picture) -> Self {
        let factor = picture.width.div_ceil(WIDTH).max(1);
        let (width, height) = (
            (picture.width / factor).max(1),
            (picture.height / factor).max(1),
        );
        let (stride, side) = (4 * picture.width as usize, factor as usize);
        // The last ones of a picture that is narrower than a block end with it.
        let (cols, rows) = (
            side.min(picture.width as usize),
            side.min(picture.height as usize),
        );
        let mut rgba = Vec::with_capacity((4 * width * height) as usize);
        for y in 0..height as usize {
            for x in 0..width as usize {
                let mut sums = [0_u32; 3];
                for row in 0..rows {
                    let first = (y * side + row) * stride + 4 * x * side;
                    for pixel in picture.data[first..first + 4 * cols].chunks_exact(4) {
                        (sums.iter_mut().zip(pixel))
                            .for_each(|(sum, &value)| *sum += u32::from(value));
                    }
                }
                rgba.extend(sums.map(|sum| (sum / (rows * cols) as u32) as u8));
                rgba.push(255);
            }
        }
        Self {
            width,
            height,
            rgba,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{
        ChromaSiting, Colorimetry, Matrix, Orientation, PixelFormat, Plane, Range, Transfer,
    };

    fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Picture {
        Picture {
            format: PixelFormat::Rgba8,
            width,
            height,
            data: (0..width * height)
                .flat_map(|i| pixel(i % width, i / width))
                .collect(),
            planes: vec![Plane {
                offset: 0,
                stride: 4 * width as usize,
            }],
            color: Colorimetry {
                matrix: Matrix::Bt601,
                range: Range::Full,
                transfer: Transfer::Sdr,
                siting: ChromaSiting::Center,
            },
            pixel_aspect: num_rational::Ratio::ONE,
            orientation: Orientation::Upright,
        }
    }

    #[test]
    fn a_thumbnail_is_the_mean_of_what_it_covers() {
        // Three pixels of 900 make one; the last column and rows are left out.
        let wide = picture(901, 7, |x, y| [(x % 3 * 30) as u8, (y * 10) as u8, 9, 0]);
        let small = Thumbnail::of(&wide);
        assert_eq!((small.width, small.height), (300, 2));
        assert_eq!(small.rgba[..8], [30, 10, 9, 255, 30, 10, 9, 255]);
        assert_eq!(small.rgba[4 * 300..][..4], [30, 40, 9, 255]);
    }

    #[test]
    fn small_and_flat_pictures_stay() {
        let tiny = Thumbnail::of(&picture(1, 1, |_, _| [1, 2, 3, 4]));
        assert_eq!(
            (tiny.width, tiny.height, &tiny.rgba[..]),
            (1, 1, &[1, 2, 3, 255][..])
        );
        let flat = Thumbnail::of(&picture(700, 1, |_, _| [7, 7, 7, 7]));
        assert_eq!((flat.width, flat.height), (233, 1));
    }
}
