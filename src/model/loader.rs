//! From the checkpoint's tensors to buffers in the layout that kernels want.
//!
//! The model's structs are built twice by the same code: first dry, which only checks every name,
//! shape and dtype and collects what is wrong, then for real. So nothing large is allocated for a
//! checkpoint that does not fit, and the list of tensors stands in one place: the structs.

mod fill;

use std::cell::{Cell, RefCell};
use std::ops::Range;

use super::checkpoint::{Checkpoint, Stored};
use super::progress::{LoadProgress, Reading};
use crate::files::shown;
use crate::gpu::{DType, Gpu, Tensor};
use crate::ops::embed::TokenTable;
use crate::ops::linear::{Linear, padded};
use crate::ops::norm::LayerNorm;
use crate::{Error, Result};

pub(super) struct Loader<'a> {
    gpu: &'a Gpu,
    checkpoint: &'a Checkpoint,
    elem: DType,
    /// In a dry run, what every tensor is: nothing is read.
    placeholder: Option<Tensor>,
    problems: RefCell<Vec<String>>,
    /// Name and shape of every tensor that was looked up in the dry run.
    wanted: RefCell<Vec<(String, Vec<usize>)>>,
    reading: RefCell<Reading<'a>>,
    in_flight: Cell<usize>,
}

/// Rows of a PyTorch weight `[out, in]`.
pub(super) struct Part<'a> {
    pub name: &'a str,
    /// Rows the whole tensor has, and those that are wanted.
    pub of: usize,
    pub rows: Range<usize>,
}

impl<'a> Part<'a> {
    /// All rows of a weight.
    pub fn whole(name: &'a str, rows: usize) -> Self {
        Self {
            name,
            of: rows,
            rows: 0..rows,
        }
    }
}

impl<'a> Loader<'a> {
    /// Checks, then builds, what `build` describes.
    pub fn load<T>(
        gpu: &'a Gpu,
        checkpoint: &'a Checkpoint,
        elem: DType,
        progress: &'a mut dyn FnMut(LoadProgress),
        build: impl Fn(&Self) -> Result<T>,
    ) -> Result<T> {
        let mut loader = Self::dry_run(gpu, checkpoint, elem, progress)?;
        build(&loader)?;
        loader.report()?;
        loader.placeholder = None;
        loader.reading.borrow_mut().tell();
        let built = build(&loader)?;
        gpu.wait()?;
        loader.reading.borrow_mut().tell();
        Ok(built)
    }

    /// Name and shape of each tensor that `build` asks of a checkpoint, a name that it asks for in parts
    /// more than once.
    pub fn wanted(
        gpu: &'a Gpu,
        build: impl FnOnce(&Loader) -> Result<()>,
    ) -> Result<Vec<(String, Vec<usize>)>> {
        let none = Checkpoint::of_tensors(Vec::new(), []);
        let ignore = &mut |_| ();
        let loader = Loader::dry_run(gpu, &none, DType::F32, ignore)?;
        build(&loader)?;
        Ok(loader.wanted.into_inner())
    }

    fn dry_run(
        gpu: &'a Gpu,
        checkpoint: &'a Checkpoint,
        elem: DType,
        progress: &'a mut dyn FnMut(LoadProgress),
    ) -> Result<Self> {
        Ok(Self {
            gpu,
            checkpoint,
            elem,
            placeholder: Some(gpu.persistent(&[1], DType::F32)?),
            problems: RefCell::default(),
            wanted: RefCell::default(),
            reading: RefCell::new(Reading::new(progress)),
            in_flight: Cell::new(0),
        })
    }

    fn report(&self) -> Result<()> {
        let problems = self.problems.borrow();
        if !problems.is_empty() {
            return Err(Error::model(
                self.checkpoint.path(),
                listed(&problems, "; "),
            ));
        }
        let reading = self.reading.borrow();
        let names = self.checkpoint.names();
        let mut extra: Vec<_> = names.filter(|name| !reading.has_yet_to(name)).collect();
        if !extra.is_empty() {
            extra.sort_unstable();
            let shown: Vec<_> = extra.iter().map(|name| shown(name)).collect();
            log::warn!(
                "{}: {} tensors are not part of the model and were left out: {}",
                self.checkpoint.path().display(),
                extra.len(),
                listed(&shown, ", ")
            );
        }
        Ok(())
    }

    /// Whether this is the dry run: what tensors hold then means nothing.
    pub fn dry(&self) -> bool {
        self.placeholder.is_some()
    }

    pub fn has(&self, name: &str) -> bool {
        self.checkpoint.get(name).is_some()
    }

    /// Looks a tensor up and checks it. Problems are collected in the dry run, when `None` comes
    /// back whether there are any or not.
    fn stored(&self, name: &str, shape: &[usize]) -> Option<Stored<'a>> {
        let found = self.checkpoint.get(name);
        if !self.dry() {
            let stored = found.expect("the dry run saw it");
            let stored = stored.expect("the dry run checked it");
            (self.reading.borrow_mut()).begins(name, stored.file_bytes());
            return Some(stored);
        }
        (self.wanted.borrow_mut()).push((name.to_owned(), shape.to_vec()));
        let bytes = found.map_or(0, |found| found.map_or(0, |stored| stored.file_bytes()));
        self.reading.borrow_mut().needs(name, bytes);
        let problem = match found {
            None => Some(format!(
                "tensor {name} is missing (expected shape {shape:?})"
            )),
            Some(Err(problem)) => Some(format!("tensor {name}: {problem}")),
            Some(Ok(t)) if t.shape != shape => Some(format!(
                "tensor {name}: expected shape {shape:?}, found {:?}",
                t.shape
            )),
            Some(Ok(t)) if !t.readable() => Some(format!(
                "tensor {name}: expected F32, F16 or BF16, found {:?}",
                t.dtype
            )),
            Some(Ok(_)) => None,
        };
        self.problems.borrow_mut().extend(problem);
        None
    }

    /// A tensor as f32, as it is stored: for norms, biases, positions, class tokens.
    pub fn plain(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let Some(stored) = self.stored(name, shape) else {
            return Ok(self.nothing());
        };
        let (rows, cols) = match shape {
            [] => (1, 1),
            [.., cols] => (shape.iter().product::<usize>() / cols, *cols),
        };
        let dims = if shape.is_empty() { &[1] } else { shape };
        self.fill(name, dims, rows, cols, DType::F32, &|row| {
            (stored, row * cols..(row + 1) * cols)
        })
    }

    /// e to the power of a single stored number.
    pub fn exponential(&self, name: &str) -> Result<f32> {
        let Some(stored) = self.stored(name, &[]) else {
            return Ok(0.0);
        };
        let mut value = 0.0;
        stored.read(0, std::slice::from_mut(&mut value));
        let value = value.exp();
        match value.is_finite() {
            true => Ok(value),
            false => Err(self.not_finite(name, DType::F32)),
        }
    }

    pub fn layer_norm(&self, name: &str, width: usize) -> Result<LayerNorm> {
        Ok(LayerNorm {
            weight: self.plain(&format!("{name}.weight"), &[width])?,
            bias: self.plain(&format!("{name}.bias"), &[width])?,
        })
    }

    /// `name.weight` `[n, k]` and `name.bias` `[n]`.
    pub fn linear(&self, name: &str, k: usize, n: usize) -> Result<Linear> {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        self.stacked(&[Part::whole(&weight, n)], k, Some(Part::whole(&bias, n)))
    }

    /// Rows of several `[out, in]` weights as one: transposed to (K, padded N).
    pub fn stacked(&self, parts: &[Part], k: usize, bias: Option<Part>) -> Result<Linear> {
        self.matrix(parts, &|part| vec![part.of, k], k, bias)
    }

    /// A convolution whose stride is its kernel: `[n, channels, side, side]` without bias, its K
    /// rounded up to whole vec4 with zeros.
    pub fn patch_convolution(&self, name: &str, n: usize, side: usize) -> Result<Linear> {
        let shape = [n, 3, side, side];
        self.matrix(
            &[Part::whole(name, n)],
            &|_| shape.to_vec(),
            3 * side * side,
            None,
        )
    }

    fn matrix(
        &self,
        parts: &[Part],
        shape: &dyn Fn(&Part) -> Vec<usize>,
        k: usize,
        bias: Option<Part>,
    ) -> Result<Linear> {
        let n: usize = parts.iter().map(|part| part.rows.len()).sum();
        let stored: Vec<_> = parts
            .iter()
            .map(|part| (self.stored(part.name, &shape(part)), part.rows.clone()))
            .collect();
        let bias = bias.map(|part| self.bias(&part)).transpose()?;
        if self.dry() {
            let weight = self.nothing();
            return Ok(Linear { weight, bias, n });
        }
        let dims = [k.next_multiple_of(4), padded(n)];
        let weight = self.fill_blocks(parts[0].name, &dims, self.elem, |inputs, block| {
            let inputs = inputs.start.min(k)..inputs.end.min(k);
            let mut column = 0;
            for (stored, rows) in &stored {
                let stored = stored.as_ref().expect("not dry");
                block.transpose(column, stored, rows.clone(), k, inputs.clone());
                column += rows.len();
            }
        })?;
        Ok(Linear { weight, bias, n })
    }

    fn bias(&self, part: &Part) -> Result<Tensor> {
        let Some(stored) = self.stored(part.name, &[part.of]) else {
            return Ok(self.nothing());
        };
        let cols = padded(part.rows.len());
        self.fill(part.name, &[cols], 1, cols, DType::F32, &|_| {
            (stored, part.rows.clone())
        })
    }

    /// A right-multiplied matrix, stored `[k, n]`.
    pub fn projection(&self, name: &str, k: usize, n: usize) -> Result<Linear> {
        let stored = self.stored(name, &[k, n]);
        self.columns(name, stored, [k, n], 0..n)
    }

    /// The same for a projection as wide as the vocabulary: over ranges of its columns, each within
    /// the adapter's binding limit.
    pub fn wide_projection(&self, name: &str, k: usize, n: usize) -> Result<Vec<Linear>> {
        let stored = self.stored(name, &[k, n]);
        let binding = self.gpu.caps().binding_bytes as usize;
        // Whole padding units, so that no part but the last is padded.
        let unit = padded(1);
        let most = (binding / (k * self.elem.size()) / unit * unit).max(unit);
        (0..n)
            .step_by(most)
            .map(|first| self.columns(name, stored, [k, n], first..n.min(first + most)))
            .collect()
    }

    fn columns(
        &self,
        name: &str,
        stored: Option<Stored<'a>>,
        [k, n]: [usize; 2],
        range: Range<usize>,
    ) -> Result<Linear> {
        let weight = match stored {
            None => self.nothing(),
            Some(stored) => {
                let cols = padded(range.len());
                self.fill(name, &[k, cols], k, cols, self.elem, &|row| {
                    (stored, row * n + range.start..row * n + range.end)
                })?
            }
        };
        Ok(Linear {
            weight,
            bias: None,
            n: range.len(),
        })
    }

    /// A token embedding `[rows, width]`, split by rows at the adapter's binding limit.
    pub fn token_table(&self, name: &str, rows: usize, width: usize) -> Result<TokenTable> {
        let stored = self.stored(name, &[rows, width]);
        let binding = self.gpu.caps().binding_bytes as usize;
        let most = (binding / (width * self.elem.size())).max(1);
        let parts = (0..rows).step_by(most).map(|first| {
            let count = most.min(rows - first);
            let Some(stored) = stored else {
                return Ok(self.nothing());
            };
            self.fill(name, &[count, width], count, width, self.elem, &|row| {
                let start = (first + row) * width;
                (stored, start..start + width)
            })
        });
        Ok(TokenTable {
            parts: parts.collect::<Result<_>>()?,
            width,
        })
    }

    fn nothing(&self) -> Tensor {
        self.placeholder.clone().expect("only in a dry run")
    }
}

/// The first few of a list, and how many more there are.
fn listed(all: &[String], between: &str) -> String {
    let (first, more) = all.split_at(all.len().min(5));
    let mut text = first.join(between);
    if !more.is_empty() {
        text += &format!("{between}and {} more", more.len());
    }
    text
}
