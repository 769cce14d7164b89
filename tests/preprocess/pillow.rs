//! Resized pictures against Pillow's pixels: a few that are stored, hundreds of which hashes are.
//! `tools/preprocess_reference.py` wrote both.

use vcoca_gpu::Result;
use vcoca_gpu::frames::{Frame, PixelFormat};
use vcoca_gpu::gpu::DType;
use vcoca_gpu::preprocess::Preprocess;

use crate::pictures::{frame, patches, pixels, upright};

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
    assert_eq!(cases.len(), 68);
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
fn random_sizes_are_pillows_too() -> Result<()> {
    let rows = include_str!("../data/preprocess_digest.txt").lines();
    let mut cases: Vec<([u32; 4], u64)> = (rows.filter(|row| !row.starts_with('#')))
        .map(|row| {
            let (numbers, hash) = row.rsplit_once(' ').expect("five columns");
            let numbers: Vec<_> =
                (numbers.split(' ').map(|n| n.parse().expect("a number"))).collect();
            (
                numbers.try_into().expect("four numbers"),
                u64::from_str_radix(hash, 16).expect("a hash"),
            )
        })
        .collect();
    assert_eq!(cases.len(), 600);
    cases.sort_by_key(|([_, _, _, size], _)| *size);
    let mut wrong = Vec::new();
    for of_size in cases.chunk_by(|a, b| a.0[3] == b.0[3]) {
        let size = of_size[0].0[3];
        // A few at a time, for the memory's sake.
        for some in of_size.chunks(50) {
            let frames: Vec<_> = (some.iter())
                .map(|&([w, h, seed, _], _)| fixture(w, h, seed))
                .collect();
            let got = pixels(&frames, &Preprocess::openclip(size))?;
            for (got, (case, hash)) in got.chunks_exact((size * size) as usize).zip(some) {
                if fnv(got.as_flattened()) != *hash {
                    wrong.push(case);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "width, height, seed, size: {wrong:?}");
    Ok(())
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}
