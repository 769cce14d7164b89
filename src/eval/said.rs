//! What a model said of a clip, as it is kept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// All that was said of one clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The clip's.
    pub id: String,
    /// The file that was read; what of its name is not UTF-8 is replaced.
    pub file: String,
    /// The presentation times of the frames, in seconds.
    pub frames: Vec<f64>,
    /// By the name of the pooling.
    pub by: BTreeMap<String, Said>,
}

/// What was said with one way of pooling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Said {
    /// Classification.
    Classes {
        /// The likeliest classes with their probabilities, at most five.
        top: Vec<(String, f32)>,
        /// The logit of each class.
        logits: Floats,
    },
    /// Retrieval: the embedding (E), l2-normalised.
    Embedding { embedding: Floats },
    /// Captioning.
    Caption { caption: String },
    /// Question answering, in the order of the questions.
    Answers { answers: Vec<Answer> },
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's.
    pub id: String,
    pub answer: String,
}

/// Numbers that are kept to the bit: in JSON, base64 of little-endian f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Floats(pub Vec<f32>);

impl Serialize for Floats {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        out.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Floats {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        let (values, rest) = bytes.as_chunks::<4>();
        match rest {
            [] => Ok(Self(
                values
                    .iter()
                    .map(|value| f32::from_le_bytes(*value))
                    .collect(),
            )),
            _ => Err(D::Error::custom("expected 32-bit numbers")),
        }
    }
}
