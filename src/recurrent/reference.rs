//! Plain loops in float64, one sequence and one unit at a time: what the tests compare with.

use super::{Input, Network, Parameters};
use crate::geometry::recurrent::RecurrentGeometry;

/// `y`, `h_n` and, for an LSTM, `c_n`.
pub struct Results {
    pub y: Vec<f64>,
    pub h_n: Vec<f64>,
    pub c_n: Vec<f64>,
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// `bias[row] + weight[row] . values`.
fn affine(weight: &[f64], bias: Option<&[f64]>, row: usize, values: &[f64]) -> f64 {
    let mut sum = bias.map_or(0.0, |bias| bias[row]);
    for (w, x) in weight[row * values.len()..].iter().zip(values) {
        sum += w * x;
    }
    sum
}

/// The states after one step from `(h, c)`.
fn step(network: Network, p: &Parameters<f64>, x: &[f64], h: &[f64], c: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let hidden = h.len();
    let (mut h_next, mut c_next) = (vec![0.0; hidden], vec![0.0; hidden]);
    let from_x = |gate: usize, unit: usize| affine(p.weight_ih, p.bias_ih, gate * hidden + unit, x);
    let from = |h: &[f64], gate: usize, unit: usize| affine(p.weight_hh, p.bias_hh, gate * hidden + unit, h);
    let z = |gate: usize, unit: usize| from_x(gate, unit) + from(h, gate, unit);
    let peephole = |gate: usize, unit: usize| p.peepholes.map_or(0.0, |p| p[gate * hidden + unit]);
    let reset: Vec<f64> = match network {
        Network::Gru { .. } => (0..hidden).map(|unit| sigmoid(z(0, unit)) * h[unit]).collect(),
        _ => vec![],
    };
    for unit in 0..hidden {
        match network {
            Network::Elman { relu: true } => h_next[unit] = z(0, unit).max(0.0),
            Network::Elman { relu: false } => h_next[unit] = z(0, unit).tanh(),
            Network::Lstm => {
                let i = sigmoid(z(0, unit) + peephole(0, unit) * c[unit]);
                let f = sigmoid(z(1, unit) + peephole(1, unit) * c[unit]);
                c_next[unit] = f * c[unit] + i * z(2, unit).tanh();
                let o = sigmoid(z(3, unit) + peephole(2, unit) * c_next[unit]);
                h_next[unit] = o * c_next[unit].tanh();
            }
            Network::Gru { reset_after } => {
                let inner = if reset_after { sigmoid(z(0, unit)) * from(h, 2, unit) } else { from(&reset, 2, unit) };
                let n = (from_x(2, unit) + inner).tanh();
                let z = sigmoid(z(1, unit));
                h_next[unit] = (1.0 - z) * n + z * h[unit];
            }
        }
    }
    (h_next, c_next)
}

pub fn forward(
    network: Network,
    geometry: &RecurrentGeometry,
    x: &Input<f64>,
    parameters: &Parameters<f64>,
) -> Results {
    let (batch, hidden) = (geometry.batch, geometry.hidden);
    let mut results = Results {
        y: vec![0.0; geometry.steps * batch * hidden],
        h_n: vec![0.0; batch * hidden],
        c_n: vec![0.0; batch * hidden],
    };
    for b in 0..batch {
        let initial = |state: Option<&[f64]>| state.map_or(vec![0.0; hidden], |s| s[b * hidden..][..hidden].to_vec());
        let (mut h, mut c) = (initial(parameters.h_0), initial(parameters.c_0));
        let length = geometry.length(b);
        for s in 0..length {
            let t = if geometry.reverse { length - 1 - s } else { s };
            let features = match x {
                Input::Features(sequence) => sequence.row(t, b).to_vec(),
                Input::Categories(ids) => {
                    (0..geometry.inputs).map(|i| f64::from(ids[t * batch + b] == i as i64)).collect()
                }
            };
            (h, c) = step(network, parameters, &features, &h, &c);
            results.y[(t * batch + b) * hidden..][..hidden].copy_from_slice(&h);
        }
        results.h_n[b * hidden..][..hidden].copy_from_slice(&h);
        results.c_n[b * hidden..][..hidden].copy_from_slice(&c);
    }
    results
}
