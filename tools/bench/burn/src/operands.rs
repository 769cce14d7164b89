//! Weights and activations: on the host, and as tensors.

use burn::module::Param;
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::tensor::module::linear;
use burn::tensor::{DType, Device, Tensor, TensorData, f16};

use crate::twin;

/// Numbers on the host, as an element type has them, and as a tensor.
pub struct Operands<'a> {
    device: &'a Device,
    dtype: DType,
    seed: u64,
}

impl Operands<'_> {
    /// `offset` ± `spread`, other ones each time.
    pub fn values(&mut self, len: usize, offset: f32, spread: f32) -> Vec<f32> {
        self.seed += 1;
        let mut state = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            // xorshift64*
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let unit = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 23) as f32;
            let value = offset + spread * (unit - 1.0);
            match self.dtype {
                DType::F16 => f16::from_f32(value).to_f32(),
                _ => value,
            }
        };
        (0..len).map(|_| next()).collect()
    }

    pub fn tensor<const D: usize>(&self, values: &[f32], dims: [usize; D]) -> Tensor<D> {
        let data = TensorData::new(values.to_vec(), dims);
        Tensor::from_data(data, (self.device, self.dtype))
    }
}

pub fn operands(device: &Device, dtype: DType) -> Operands<'_> {
    Operands {
        device,
        dtype,
        seed: 0,
    }
}

pub fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

pub fn add(to: &mut [f64], terms: impl IntoIterator<Item = f64>) {
    to.iter_mut().zip(terms).for_each(|(to, term)| *to += term);
}

/// A linear layer, on both sides.
pub struct Layer {
    values: [Vec<f32>; 2],
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Layer {
    /// Outputs are about as large as inputs times `gain`.
    pub fn new(operands: &mut Operands, [k, n]: [usize; 2], gain: f32) -> Self {
        let spread = gain * (3.0 / k as f32).sqrt();
        let values = [
            operands.values(k * n, 0.0, spread),
            operands.values(n, 0.1, 0.5),
        ];
        Self {
            weight: operands.tensor(&values[0], [k, n]),
            bias: operands.tensor(&values[1], [n]),
            values,
        }
    }

    pub fn twin(&self, x: &[f64]) -> Vec<f64> {
        twin::linear(x, &self.values[0], &self.values[1])
    }

    pub fn on<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        linear(x, self.weight.clone(), Some(self.bias.clone()))
    }
}

/// A layer norm, on both sides.
pub struct Norm {
    values: [Vec<f32>; 2],
    module: LayerNorm,
}

impl Norm {
    pub fn new(operands: &mut Operands, width: usize) -> Self {
        let values = [
            operands.values(width, 1.0, 0.25),
            operands.values(width, 0.1, 0.5),
        ];
        let mut module = LayerNormConfig::new(width).init(operands.device);
        let [weight, bias] = values.each_ref().map(|v| operands.tensor(v, [width]));
        module.gamma = Param::from_tensor(weight);
        module.beta = Some(Param::from_tensor(bias));
        Self { values, module }
    }

    pub fn on<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        self.module.forward(x)
    }

    pub fn twin(&self, x: &[f64]) -> Vec<f64> {
        twin::layer_norm(x, &self.values[0], &self.values[1])
    }
}
