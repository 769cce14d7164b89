//! Embeddings of texts: read some at a time, kept by text.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::Engine;
use crate::Result;
use crate::gpu::DType;
use crate::model::{Taps, Texts};

/// Texts that are remembered: a label set with its prompt templates, and many queries. 24 MiB for the
/// widest published model.
const KEPT: NonZeroUsize = NonZeroUsize::new(8192).unwrap();

/// The embeddings read last, by their texts.
pub(super) struct Kept(Mutex<LruCache<Box<str>, Arc<[f32]>>>);

impl Default for Kept {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Kept {
    fn get(&self, text: &str) -> Option<Arc<[f32]>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(text).cloned()
    }

    fn put(&self, text: &str, embedding: Arc<[f32]>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.put(text.into(), embedding);
    }
}

impl Engine {
    /// The embedding (E), l2-normalised, of each text: its product with [`Clip::embedding`] is their
    /// cosine. Texts are read some at a time, each once, and the latest are remembered. Blocks until
    /// done.
    ///
    /// Errors: a tokenizer that its file breaks; embeddings that are not numbers; the device's.
    ///
    /// [`Clip::embedding`]: super::Clip::embedding
    pub fn embed_texts<S: AsRef<str>>(&self, texts: &[S]) -> Result<Vec<Arc<[f32]>>> {
        let mut known: HashMap<&str, Option<Arc<[f32]>>> = HashMap::new();
        for text in texts {
            let text = text.as_ref();
            known.entry(text).or_insert_with(|| self.texts.get(text));
        }
        let unknown: Vec<&str> = (known.iter())
            .filter_map(|(&text, embedding)| embedding.is_none().then_some(text))
            .collect();
        for some in unknown.chunks(Texts::AT_ONCE) {
            for (&text, embedding) in some.iter().zip(self.read_texts(some)?) {
                self.texts.put(text, embedding.clone());
                known.insert(text, Some(embedding));
            }
        }
        Ok((texts.iter())
            .map(|text| known[text.as_ref()].clone().expect("read above"))
            .collect())
    }

    fn read_texts(&self, texts: &[&str]) -> Result<Vec<Arc<[f32]>>> {
        let length = self.tokenizer.context_length();
        let mut ids = Vec::with_capacity(texts.len() * length);
        for text in texts {
            ids.extend(self.tokenizer.encode_padded(text)?);
        }
        let gpu = self.model.gpu();
        let mut pass = gpu.pass();
        let ids = pass.upload(&[texts.len(), length], DType::U32, &ids)?;
        let read = (self.model).encode_text(&mut pass, &ids, &mut Taps::none())?;
        pass.submit()?;
        let embeddings = gpu.read_f32(&read.embedding)?;
        if embeddings.iter().any(|value| !value.is_finite()) {
            return Err(crate::Error::Overflow(self.model.dtype()));
        }
        Ok((embeddings.chunks(read.embedding.cols()))
            .map(Arc::from)
            .collect())
    }
}
