//! Products that are tuned together.

use super::super::linear::Extents;
use crate::gpu::DType;

/// Products for which one tiling is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub rows: Rows,
    pub size: Size,
    pub elem: DType,
}

/// How many rows x has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// 1: greedy decoding.
    One,
    /// 2 to 8: beams.
    Few,
    /// 9 to 128: an image or a text.
    Tens,
    /// 129 to 1024: a few images.
    Hundreds,
    /// More: a clip of many frames, or several clips.
    Thousands,
}

/// How large the weight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// K and N up to 512.
    Small,
    /// K and N up to 1024: projections.
    Square,
    /// K up to 1024, N up to 16384: what makes queries, keys and values, and the way up in an MLP.
    Wide,
    /// K up to 4096, N up to 16384: the way down in an MLP.
    Deep,
    /// K up to 768, more columns: a vocabulary.
    Vocabulary,
}

impl Bucket {
    /// The bucket of a product; `None` where K is larger than any that is tuned.
    pub fn of(at: Extents, elem: DType) -> Option<Self> {
        let rows = match at.m {
            0..=1 => Rows::One,
            2..=8 => Rows::Few,
            9..=128 => Rows::Tens,
            129..=1024 => Rows::Hundreds,
            _ => Rows::Thousands,
        };
        let size = match (at.k, at.n) {
            (..=512, ..=512) => Size::Small,
            (..=1024, ..=1024) => Size::Square,
            (..=1024, ..=16384) => Size::Wide,
            (..=768, _) => Size::Vocabulary,
            (..=4096, ..=16384) => Size::Deep,
            _ => return None,
        };
        Some(Self { rows, size, elem })
    }

    /// Every bucket that a model of ours meets often in `elem`: many rows times a vocabulary are
    /// rare.
    pub fn all(elem: DType) -> Vec<Self> {
        let all = Rows::ALL.into_iter().flat_map(|rows| {
            let buckets = Size::ALL.map(|size| Self { rows, size, elem });
            buckets.into_iter()
        });
        let often =
            |of: &Self| of.size != Size::Vocabulary || matches!(of.rows, Rows::One | Rows::Few);
        all.filter(often).collect()
    }

    /// The product that stands for the others, by a published model's shapes. Its K is the largest
    /// of the bucket, since some drivers bound the rounds of a loop.
    pub fn extents(self) -> Extents {
        let m = match self.rows {
            Rows::One => 1,
            Rows::Few => 6,
            Rows::Tens => 77,
            Rows::Hundreds => 514,
            Rows::Thousands => 2056,
        };
        let (k, n) = match self.size {
            Size::Small => (512, 384),
            Size::Square => (1024, 768),
            Size::Wide => (1024, 3072),
            Size::Deep => (4096, 1024),
            Size::Vocabulary => (768, 49408),
        };
        Extents { m, n, k }
    }
}

impl Rows {
    pub const ALL: [Self; 5] = [
        Self::One,
        Self::Few,
        Self::Tens,
        Self::Hundreds,
        Self::Thousands,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Few => "2-8",
            Self::Tens => "9-128",
            Self::Hundreds => "129-1024",
            Self::Thousands => "1025-",
        }
    }
}

impl Size {
    pub const ALL: [Self; 5] = [
        Self::Small,
        Self::Square,
        Self::Wide,
        Self::Deep,
        Self::Vocabulary,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Square => "square",
            Self::Wide => "wide",
            Self::Deep => "deep",
            Self::Vocabulary => "vocabulary",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_bucket_is_in_it() {
        for bucket in Bucket::all(DType::F16) {
            assert_eq!(Bucket::of(bucket.extents(), DType::F16), Some(bucket));
        }
        let deeper = Extents {
            m: 1,
            n: 1024,
            k: 4100,
        };
        assert_eq!(Bucket::of(deeper, DType::F32), None);
    }
}
