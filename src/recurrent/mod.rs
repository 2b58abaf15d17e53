//! Elman, LSTM and GRU networks: forward, and backpropagation through time.
//!
//! One layer in one direction over sequences of their own lengths. All cells share the same path:
//!
//! 1. The weights are packed into panels in which the gates of the same units lie side by side ([`layout`]).
//! 2. The batch is cut into blocks of sequences, one task each, without any meeting of tasks. A task takes some steps at a time:
//!    one product for what x contributes to their gates, then step by step the product with the state, whose register tiles
//!    end with all gates of their units, so that the cell's arithmetic runs on the tile just finished ([`steps`]).
//! 3. For training, the activations stay where the gates were computed. On the way back their gradients take their place,
//!    and then serve as they are for the three big products: the gradients of x and of both weights ([`weights`]).
//!
//! Every sum runs in an order that neither the number of threads nor another sequence of the batch changes, and nothing past
//! the end of a sequence is read ([`plan`]).

mod ahead;
mod backward;
mod elman;
mod forward;
mod gru;
mod kernel;
mod layout;
mod lstm;
mod operand;
mod panels;
mod plan;
mod prepared;
mod product;
#[cfg(test)]
mod reference;
mod sampler;
mod steps;
#[cfg(test)]
mod tests;
mod weights;

use crate::geometry::recurrent::RecurrentGeometry;
use crate::memory::{Block, OutOfMemory};
use crate::scalar::Scalar;
use crate::simd::{self, Isa};

use elman::kernel::Elman;
use gru::kernel::{ResetAfter, ResetBefore};
use layout::{Frame, Layout};
use lstm::kernel::Lstm;
use plan::Plan;
pub use prepared::Stack;
pub use sampler::{Head, Rule, States};

/// The kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Elman { relu: bool },
    Lstm,
    Gru { reset_after: bool },
}

impl Network {
    /// Rows of the weights per hidden unit.
    pub fn gates(self) -> usize {
        match self {
            Network::Elman { .. } => 1,
            Network::Lstm => 4,
            Network::Gru { .. } => 3,
        }
    }

    fn layout(self) -> &'static Layout {
        match self {
            Network::Elman { .. } => &layout::ELMAN,
            Network::Lstm => &layout::LSTM,
            Network::Gru { reset_after: true } => &layout::GRU_RESET_AFTER,
            Network::Gru { reset_after: false } => &layout::GRU_RESET_BEFORE,
        }
    }

    fn frame<T: Scalar>(self, isa: Isa, inputs: usize, hidden: usize) -> Frame {
        Frame::new(self.layout(), kernel::lanes_on::<T>(isa), inputs, hidden)
    }
}

/// Values of shape (T, B, features) in any strides over the first two axes.
pub struct Sequence<'a, T> {
    data: &'a [T],
    origin: isize,
    strides: [isize; 2],
    shape: [usize; 3],
}

impl<'a, T> Sequence<'a, T> {
    /// Element (0, 0, 0) is `data[origin]`.
    ///
    /// # Panics
    /// If an element lies outside `data`.
    pub fn new(data: &'a [T], origin: usize, strides: [isize; 2], shape: [usize; 3]) -> Self {
        let origin = origin as isize;
        if shape.iter().all(|&n| n > 0) {
            let (mut low, mut high) = (origin, origin + shape[2] as isize);
            for (&n, stride) in shape.iter().zip(strides) {
                let reach = stride * (n as isize - 1);
                (low, high) = (low + reach.min(0), high + reach.max(0));
            }
            assert!(low >= 0 && high as usize <= data.len(), "Sequence: an element lies outside its data");
        }
        Sequence { data, origin, strides, shape }
    }

    /// C order.
    pub fn contiguous(data: &'a [T], shape: [usize; 3]) -> Self {
        Self::new(data, 0, [(shape[1] * shape[2]) as isize, shape[2] as isize], shape)
    }

    /// The features at step `t` of sequence `b`.
    #[inline(always)]
    pub fn row(&self, t: usize, b: usize) -> &'a [T] {
        debug_assert!(t < self.shape[0] && b < self.shape[1]);
        if self.shape[2] == 0 {
            return &[];
        }
        let start = self.origin + t as isize * self.strides[0] + b as isize * self.strides[1];
        &self.data[start as usize..][..self.shape[2]]
    }

    /// All rows, step by step, from the first element on, and their distance, if they are evenly spaced.
    fn as_rows(&self) -> Option<(&'a [T], usize)> {
        let stride = usize::try_from(self.strides[1]).ok()?;
        let even = self.strides[0] == self.strides[1] * self.shape[1] as isize;
        (even && stride >= self.shape[2]).then(|| (&self.data[self.origin as usize..], stride))
    }
}

/// The argument x.
pub enum Input<'a, T> {
    /// (T, B, I).
    Features(Sequence<'a, T>),
    /// (T, B) in C order: the numbers of the features that are one, all others being zero.
    Categories(&'a [i64]),
}

/// Everything but x that a call reads, in C order; `None` is zeros.
#[derive(Clone, Copy)]
pub struct Parameters<'a, T> {
    pub h_0: Option<&'a [T]>,
    pub c_0: Option<&'a [T]>,
    pub weight_ih: &'a [T],
    pub weight_hh: &'a [T],
    pub bias_ih: Option<&'a [T]>,
    pub bias_hh: Option<&'a [T]>,
    pub peepholes: Option<&'a [T]>,
}

/// What a forward call writes, in C order; `c_n` for an LSTM.
pub struct Outputs<'a, T> {
    pub y: &'a mut [T],
    pub h_n: &'a mut [T],
    pub c_n: Option<&'a mut [T]>,
}

/// The gradients that come in; `None` is zeros.
pub struct Slopes<'a, T> {
    pub dy: Option<Sequence<'a, T>>,
    pub dh_n: Option<&'a [T]>,
    pub dc_n: Option<&'a [T]>,
}

/// Where the gradients go, in C order; `None` is not computed.
pub struct Gradients<'a, T> {
    pub x: Option<&'a mut [T]>,
    pub h_0: Option<&'a mut [T]>,
    pub c_0: Option<&'a mut [T]>,
    pub weight_ih: Option<&'a mut [T]>,
    pub weight_hh: Option<&'a mut [T]>,
    pub bias_ih: Option<&'a mut [T]>,
    pub bias_hh: Option<&'a mut [T]>,
    pub peepholes: Option<&'a mut [T]>,
}

/// What a forward call keeps for a backward call.
pub struct Saved {
    plan: Plan,
    frame: Frame,
    isa: Isa,
    gates: Block,
    h: Block,
    extra: Option<Block>,
}

impl Saved {
    pub fn nbytes(&self) -> usize {
        self.gates.len() + self.h.len() + self.extra.as_ref().map_or(0, Block::len)
    }
}

/// `y`, and the final states; with `keep` also what [`backward()`] needs.
///
/// # Errors
/// No memory for what is to be kept.
///
/// # Panics
/// If a slice does not have the size that the geometry says, or a category before its sequence's end is not an input.
pub fn forward<T: Scalar>(
    network: Network,
    geometry: &RecurrentGeometry,
    x: &Input<T>,
    parameters: &Parameters<T>,
    outputs: Outputs<T>,
    keep: bool,
) -> Result<Option<Saved>, OutOfMemory> {
    forward_on(simd::isa(), network, geometry, x, parameters, outputs, keep)
}

fn forward_on<T: Scalar>(
    isa: Isa,
    network: Network,
    geometry: &RecurrentGeometry,
    x: &Input<T>,
    parameters: &Parameters<T>,
    outputs: Outputs<T>,
    keep: bool,
) -> Result<Option<Saved>, OutOfMemory> {
    check_sizes(network, geometry, parameters);
    run(network, &forward::Call { isa, geometry, x, parameters, packed: None, keep }, outputs)
}

/// The forward call with the cell of its network.
fn run<T: Scalar>(
    network: Network,
    call: &forward::Call<T>,
    outputs: Outputs<T>,
) -> Result<Option<Saved>, OutOfMemory> {
    match network {
        Network::Elman { relu } => call.run(Elman { relu }, outputs),
        Network::Lstm => {
            let frame = network.frame::<T>(call.isa, call.geometry.inputs, call.geometry.hidden);
            let peepholes = call.parameters.peepholes;
            forward::with_peepholes(&frame, peepholes, |padded| call.run(Lstm::new(padded), outputs))
        }
        Network::Gru { reset_after: true } => call.run(ResetAfter, outputs),
        Network::Gru { reset_after: false } => call.run(ResetBefore, outputs),
    }
}

/// The gradients, for the same arguments that [`forward()`] had; uses `saved` up.
///
/// # Panics
/// If a slice does not have the size that the geometry says.
pub fn backward<T: Scalar>(
    network: Network,
    geometry: &RecurrentGeometry,
    x: &Input<T>,
    parameters: &Parameters<T>,
    saved: Saved,
    slopes: &Slopes<T>,
    gradients: Gradients<T>,
) {
    check_sizes(network, geometry, parameters);
    let call = backward::Call { geometry, x, parameters, slopes };
    match network {
        Network::Elman { relu } => call.run(Elman { relu }, saved, gradients),
        Network::Lstm => {
            let frame = saved.frame;
            forward::with_peepholes(&frame, parameters.peepholes, |padded| {
                call.run(Lstm::new(padded), saved, gradients)
            });
        }
        Network::Gru { reset_after: true } => call.run(ResetAfter, saved, gradients),
        Network::Gru { reset_after: false } => call.run(ResetBefore, saved, gradients),
    }
}

fn check_sizes<T>(network: Network, geometry: &RecurrentGeometry, parameters: &Parameters<T>) {
    let rows = network.gates() * geometry.hidden;
    let states = geometry.batch * geometry.hidden;
    assert!(
        parameters.weight_ih.len() == rows * geometry.inputs && parameters.weight_hh.len() == rows * geometry.hidden
    );
    for bias in [parameters.bias_ih, parameters.bias_hh].into_iter().flatten() {
        assert_eq!(bias.len(), rows);
    }
    for state in [parameters.h_0, parameters.c_0].into_iter().flatten() {
        assert_eq!(state.len(), states);
    }
    assert!(parameters.peepholes.is_none_or(|peepholes| peepholes.len() == 3 * geometry.hidden));
}
