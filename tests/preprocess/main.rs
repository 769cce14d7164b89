//! Preprocessing on the GPU against Pillow's pixels, its CPU twin and known colours.

mod colour;
mod pictures;

use num_rational::Ratio;
use vcoca_gpu::frames::{Frame, Picture, PixelFormat, Range};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::preprocess::{self, Interpolation, Preprocess};
use vcoca_gpu::{Error, Result, reference};

use pictures::{GPU, assert_close, frame, noisy, patches, pixels, upright};

/// The input image of a fixture; `tools/preprocess_reference.py` has the formula.
fn fixture(width: u32, height: u32, seed: u32) -> Frame {
    frame(PixelFormat::Rgb8, [width, height], 1, |_, y, byte| {
        let (x, y, c) = (byte as u32 / 3, y as u32, byte as u32 % 3);
        let mut k = seed.wrapping_mul(0x9e37_79b9)
            ^ y.wrapping_mul(0x85eb_ca6b)
            ^ x.wrapping_mul(0xc2b2_ae35)
            ^ c.wrapping_mul(0x27d4_eb2f);
        k = (k ^ k >> 16).wrapping_mul(0x7feb_352d);
        k = (k ^ k >> 15).wrapping_mul(0x846c_a68b);
        let noise = (k ^ k >> 16) >> 24;
        let gx = 255 * x / (width - 1).max(1);
        let gy = 255 * y / (height - 1).max(1);
        let gradient = [gx, gy, 255 - (gx + gy) / 2][c as usize];
        match seed % 3 {
            0 => ((3 * gradient + noise) / 4) as u8,
            1 => noise as u8,
            _ => 255 * u8::from(noise >= 128),
        }
    })
}

#[test]
fn resized_pixels_are_pillows() -> Result<()> {
    let file = std::fs::read("tests/data/preprocess.safetensors").expect("the fixtures");
    let stored = safetensors::SafeTensors::deserialize(&file).expect("a safetensors file");
    let tensor = |name: String| stored.tensor(&name);
    let numbers: Vec<i64> =
        bytemuck::pod_collect_to_vec(tensor("cases".into()).expect("cases").data());
    let cases: Vec<[u32; 4]> = (numbers.as_chunks().0.iter())
        .map(|case: &[i64; 4]| case.map(|n| n as u32))
        .collect();
    assert!(cases.len() >= 50);
    let mut sizes: Vec<u32> = cases.iter().map(|case| case[3]).collect();
    sizes.sort();
    sizes.dedup();
    for size in sizes {
        // All cases of one target in one call: the size changes from frame to frame.
        let (indices, frames): (Vec<_>, Vec<_>) = (cases.iter().enumerate())
            .filter(|(_, case)| case[3] == size)
            .map(|(i, &[w, h, seed, _])| (i, fixture(w, h, seed)))
            .unzip();
        let got = pixels(&frames, &Preprocess::openclip(size))?;
        for (got, i) in got.chunks_exact((size * size) as usize).zip(&indices) {
            let want = tensor(format!("case.{i:02}.rgb")).expect("rgb");
            let wrong = (got.as_flattened().iter().zip(want.data())).filter(|(a, b)| a != b);
            assert_eq!(wrong.count(), 0, "case {i}: {:?}", cases[*i]);
        }
        for (frame, i) in frames.iter().zip(&indices) {
            if let Ok(input) = tensor(format!("case.{i:02}.input")) {
                let flat = upright(frame)?;
                assert_eq!(flat.as_flattened(), input.data(), "the formula of case {i}");
            }
            if let Ok(want) = tensor(format!("case.{i:02}.pixels")) {
                let want: Vec<f32> = bytemuck::pod_collect_to_vec(want.data());
                // One patch as large as the picture is the picture in (3, S, S).
                let one = std::slice::from_ref(frame);
                assert_eq!(
                    patches(one, &Preprocess::openclip(size), size, DType::F32)?,
                    want
                );
                let halves: Vec<f32> = (want.iter())
                    .map(|&v| half::f16::from_f32(v).to_f32())
                    .collect();
                assert_eq!(
                    patches(one, &Preprocess::openclip(size), size, DType::F16)?,
                    halves
                );
            }
        }
    }
    Ok(())
}

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
