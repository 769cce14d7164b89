//! Preprocessing on the GPU against Pillow's pixels, its CPU twin and known colours.

mod colour;
mod pictures;
mod pillow;

use num_rational::Ratio;
use vcoca_gpu::frames::{Picture, PixelFormat, Range};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::preprocess::{self, Interpolation, Preprocess};
use vcoca_gpu::{Error, Result, reference};

use pictures::{GPU, assert_close, frame, noisy, patches, pixels};

#[test]
fn pixel_aspect_is_stretched_in_the_one_resize() -> Result<()> {
    // A disc in anamorphic pixels is round in the result: its width equals its height.
    for (aspect, size) in [(Ratio::new(2, 1), [40, 80]), (Ratio::new(1, 2), [160, 80])] {
        let [w, h] = size.map(|n| n as f64);
        let disc = |_: usize, row: usize, byte: usize| {
            let (x, y) = ((byte as f64 + 0.5) / w - 0.5, (row as f64 + 0.5) / h - 0.5);
            255 * u8::from(x * x + y * y < 0.1)
        };
        let mut frame = frame(PixelFormat::Gray8, size, 0, disc);
        frame.picture.color.range = Range::Full;
        frame.picture.pixel_aspect = aspect;
        let got = pixels(&[frame], &Preprocess::openclip(64))?;
        let light = |i: usize| u32::from(got[i][0] >= 128);
        let across: u32 = (0..64).map(|x| light(32 * 64 + x)).sum();
        let down: u32 = (0..64).map(|y| light(y * 64 + 32)).sum();
        assert!(across.abs_diff(down) <= 2, "{aspect}: {across} x {down}");
        assert!((39..=42).contains(&down), "{down}");
    }
    Ok(())
}

#[test]
fn absurd_aspects_still_give_pixels() -> Result<()> {
    for aspect in [Ratio::new(u32::MAX, 1), Ratio::new(1, u32::MAX)] {
        let mut frame = noisy(PixelFormat::Rgb8, [50, 30], 0, 7);
        frame.picture.pixel_aspect = aspect;
        assert_eq!(pixels(&[frame], &Preprocess::openclip(16))?.len(), 256);
    }
    Ok(())
}

#[test]
fn frames_of_any_sizes_share_a_call_and_rows_are_in_conv1_order() -> Result<()> {
    use PixelFormat::*;
    let frames = [
        noisy(I420, [64, 48], 0, 1),
        noisy(I420, [64, 48], 0, 2),
        noisy(Rgba8, [17, 90], 4, 3),
        noisy(I420, [64, 48], 0, 4),
        noisy(Gray8, [1, 70], 0, 5),
        noisy(P010, [70, 1], 0, 6),
    ];
    for interpolation in [Interpolation::Bicubic, Interpolation::Bilinear] {
        let config = Preprocess {
            interpolation,
            ..Preprocess::openclip(23)
        };
        assert_close(
            &pixels(&frames, &config)?,
            &reference::pixels(&frames, &config),
            "mixed",
        );
        // 23 = 4 patches of 5, and 3 columns that no patch covers; 75 values padded to 76.
        let want = reference::patches(&frames, &config, 5);
        for (elem, tolerance) in [(DType::F32, 1e-6), (DType::F16, 2e-3)] {
            let got = patches(&frames, &config, 5, elem)?;
            assert_eq!(got.len(), 6 * 16 * 76);
            let level = 1.0 / 255.0 / 0.26;
            let wrong =
                (got.iter().zip(&want)).filter(|(a, b)| (**a - **b).abs() > level + tolerance);
            assert_eq!(wrong.count(), 0);
            assert!(got.chunks_exact(76).all(|row| row[75] == 0.0));
        }
    }
    Ok(())
}

#[test]
fn normalised_pixels_are_cut_as_frames_are() -> Result<()> {
    let (frames, size, patch) = (3, 11, 3);
    let pixels: Vec<f32> = (0..frames * 3 * size * size)
        .map(|i| i as f32 / 8.0)
        .collect();
    let mut pass = GPU.pass();
    let tensor = preprocess::patches_from_pixels(
        &mut pass,
        &pixels,
        frames,
        size as u32,
        patch as u32,
        DType::F32,
    )?;
    pass.submit()?;
    assert_eq!(tensor.dims(), [3, 9, 28]);
    let got = GPU.read_f32(&tensor)?;
    for (row, values) in got.chunks_exact(28).enumerate() {
        let (frame, gy, gx) = (row / 9, row / 3 % 3, row % 3);
        for (i, &value) in values[..27].iter().enumerate() {
            let (c, y, x) = (i / 9, i / 3 % 3, i % 3);
            let at = ((frame * 3 + c) * size + gy * 3 + y) * size + gx * 3 + x;
            assert_eq!(value, pixels[at], "row {row}, column {i}");
        }
        assert_eq!(values[27], 0.0);
    }
    Ok(())
}

#[test]
fn large_frames_of_ten_bits_pass_and_need_not_fit_one_dispatch() -> Result<()> {
    let frames = vec![noisy(PixelFormat::I420Le10, [3840, 2160], 0, 1); 3];
    let config = Preprocess::openclip(64);
    let got = pixels(&frames, &config)?;
    let want = reference::pixels(&frames[..1], &config);
    for got in got.chunks_exact(64 * 64) {
        assert_close(got, &want, "4K");
    }
    Ok(())
}

#[test]
fn broken_pictures_are_refused() {
    let good = noisy(PixelFormat::I420, [8, 8], 0, 1);
    let broken: [fn(&mut Picture); 8] = [
        |p| p.width = 0,
        |p| p.height = 9,
        |p| p.width = u32::MAX,
        |p| p.planes.truncate(2),
        |p| p.planes[1].offset = usize::MAX,
        |p| p.planes[0].stride = usize::MAX,
        |p| p.data = p.data[..95].into(),
        |p| p.pixel_aspect = Ratio::new_raw(1, 0),
    ];
    for (i, spoil) in broken.iter().enumerate() {
        let mut frame = good.clone();
        spoil(&mut frame.picture);
        let result = pixels(&[frame], &Preprocess::openclip(8));
        assert!(
            matches!(result, Err(Error::Argument { .. })),
            "case {i}: {result:?}"
        );
    }
    let none = pixels(&[], &Preprocess::openclip(8));
    assert!(matches!(none, Err(Error::Argument { .. })), "{none:?}");
    for (size, patch) in [(8, 0), (8, 9), (0, 1), (u32::MAX, 1)] {
        let result = patches(
            std::slice::from_ref(&good),
            &Preprocess::openclip(size),
            patch,
            DType::F32,
        );
        assert!(
            matches!(result, Err(Error::Argument { .. })),
            "{size}, {patch}: {result:?}"
        );
    }
}
