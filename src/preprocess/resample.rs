//! The geometry of OpenCLIP's "shortest" resize and centre crop, and Pillow's coefficients for it.

use num_rational::Ratio;

use super::{Interpolation, Preprocess};

/// Fraction bits of a weight: what Pillow leaves of 32 for 8-bit samples and two bits of headroom.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// How both axes of an upright picture become the cropped square.
pub(crate) struct Resample {
    pub columns: Axis,
    pub rows: Axis,
    /// Whether the vertical pass comes first, as it does in Pillow from version 13 on where the
    /// height shrinks by more than twice as many pixels as the width. The pixels between the two
    /// passes are rounded to 8 bits, so that the order shows.
    pub vertical_first: bool,
}

/// One axis: which input samples are read, and with what weights.
pub(crate) struct Axis {
    /// First input sample that any output needs.
    pub start: u32,
    /// Input samples from `start` on that are needed.
    pub len: u32,
    /// Numbers in a row of `taps`.
    pub stride: usize,
    /// (S, stride): first input (counted from `start`), number of inputs, their weights in 22-bit
    /// fixed point, zeros.
    pub taps: Vec<i32>,
}

impl Resample {
    /// The way of an upright picture of `width` × `height` pixels, each `aspect` times as wide as
    /// high, to `config.size`².
    ///
    /// The target follows torchvision's `Resize(size)` on the display size, which is the stored
    /// height and the width stretched by the pixel aspect: short side → S, long side →
    /// `int(S * long / short)`; then `CenterCrop(S)` at `round((side - S) / 2)`, half to even.
    pub fn new(width: u32, height: u32, aspect: Ratio<u32>, config: &Preprocess) -> Self {
        let stretched = f64::from(width) * f64::from(*aspect.numer()) / f64::from(*aspect.denom());
        let (wide, high) = (stretched.round().max(1.0), f64::from(height));
        let size = f64::from(config.size);
        let (columns, rows) = if wide <= high {
            (size, (size * high / wide).trunc())
        } else {
            ((size * wide / high).trunc(), size)
        };
        let axis = |input, output: f64| {
            let first = ((output - size) / 2.0).round_ties_even();
            Axis::new(input, output, first, config.size, config.interpolation)
        };
        let (narrower, lower) = (f64::from(width) - columns, high - rows);
        Self {
            vertical_first: lower > 0.0 && lower > 2.0 * narrower,
            columns: axis(width, columns),
            rows: axis(height, rows),
        }
    }
}

impl Axis {
    /// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc` for outputs `first..first + count`
    /// of `output`, resampled from all of `input` samples.
    ///
    /// Pillow skips an axis whose size stays: here that gives weights of exactly 1, the same.
    fn new(input: u32, output: f64, first: f64, count: u32, filter: Interpolation) -> Self {
        let scale = f64::from(input) / output;
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let stride = 2 + 2 * support.ceil() as usize + 1;
        let mut taps = vec![0; count as usize * stride];
        let (mut start, mut end) = (i64::from(input), 0);
        for (i, row) in taps.chunks_exact_mut(stride).enumerate() {
            let center = (first + i as f64 + 0.5) * scale;
            let low = ((center - support + 0.5) as i64).max(0);
            let high = ((center + support + 0.5) as i64).min(i64::from(input));
            let weights: Vec<f64> = (low..high)
                .map(|x| filter.weight((x as f64 - center + 0.5) * (1.0 / stretch)))
                .collect();
            let sum: f64 = weights.iter().sum();
            row[0] = low as i32;
            row[1] = weights.len() as i32;
            for (tap, weight) in row[2..].iter_mut().zip(weights) {
                let normalised = if sum == 0.0 { weight } else { weight / sum };
                let scaled = normalised * f64::from(1 << PRECISION_BITS);
                *tap = (scaled + 0.5_f64.copysign(scaled)) as i32;
            }
            start = start.min(low);
            end = end.max(high);
        }
        for row in taps.chunks_exact_mut(stride) {
            row[0] -= start as i32;
        }
        Self {
            start: start as u32,
            len: (end - start) as u32,
            stride,
            taps,
        }
    }
}

impl Interpolation {
    /// Half the width of the kernel at scale 1.
    fn support(self) -> f64 {
        match self {
            Self::Bicubic => 2.0,
            Self::Bilinear => 1.0,
        }
    }

    /// The kernel at distance `x`; Pillow's `bicubic_filter` (a = -0.5) and `bilinear_filter`.
    fn weight(self, x: f64) -> f64 {
        const A: f64 = -0.5;
        let x = x.abs();
        match self {
            Self::Bicubic if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
            Self::Bilinear if x < 1.0 => 1.0 - x,
            _ => 0.0,
        }
    }
}
