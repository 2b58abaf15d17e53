//! Stacks of layers whose weights are packed once, for inference.

use super::{Input, Network, Outputs, Parameters, Sequence, check_sizes, forward, run};
use crate::geometry::recurrent::RecurrentGeometry;
use crate::memory::{Block, OutOfMemory, with_scratch};
use crate::scalar::Scalar;
use crate::simd::{self, Isa};

/// One layer in one direction.
struct Prepared<T> {
    inputs: usize,
    weights: Block,
    peepholes: Option<Vec<T>>,
}

/// Layers on top of one another, each in one or two directions: the outputs of both, side by side, are the next one's input.
///
/// Panels of weights stay as they are from call to call, and a call takes nothing but scratch. Any number of threads may call.
pub struct Stack<T> {
    network: Network,
    isa: Isa,
    hidden: usize,
    directions: usize,
    cells: Vec<Prepared<T>>,
}

impl<T: Scalar> Stack<T> {
    /// `cells` are the parameters (the states are not looked at) of each layer's directions in turn.
    ///
    /// # Errors
    /// No memory for the packed weights.
    ///
    /// # Panics
    /// If there is no cell or direction, or a slice does not have the size that `hidden` says.
    pub fn new(
        network: Network,
        hidden: usize,
        directions: usize,
        cells: &[Parameters<T>],
    ) -> Result<Self, OutOfMemory> {
        assert!(!cells.is_empty() && directions > 0 && cells.len().is_multiple_of(directions));
        let isa = simd::isa();
        let rows = network.gates() * hidden;
        let first = cells[0].weight_ih.len() / rows.max(1);
        let prepare = |(index, parameters): (usize, &Parameters<T>)| {
            let inputs = if index < directions { first } else { directions * hidden };
            let none = None;
            let parameters = Parameters { h_0: none, c_0: none, ..*parameters };
            let gates = network.gates();
            let geometry =
                RecurrentGeometry { steps: 0, batch: 0, inputs, hidden, gates, lengths: None, reverse: false };
            check_sizes(network, &geometry, &parameters);
            let frame = network.frame::<T>(isa, inputs, hidden);
            let size = forward::packed_size(network.layout(), &frame);
            let mut weights = Block::new(size * size_of::<T>())?;
            forward::pack(isa, network.layout(), &frame, &parameters, weights.as_mut_slice(size));
            Ok(Prepared { inputs, weights, peepholes: parameters.peepholes.map(<[T]>::to_vec) })
        };
        let cells = cells.iter().enumerate().map(prepare).collect::<Result<_, _>>()?;
        Ok(Stack { network, isa, hidden, directions, cells })
    }

    /// Bytes of the packed weights.
    pub fn nbytes(&self) -> usize {
        self.cells.iter().map(|cell| cell.weights.len()).sum()
    }

    pub fn network(&self) -> Network {
        self.network
    }

    pub fn inputs(&self) -> usize {
        self.cells[0].inputs
    }

    pub fn hidden(&self) -> usize {
        self.hidden
    }

    pub fn directions(&self) -> usize {
        self.directions
    }

    /// Layers times directions: the first axis of the states.
    pub fn levels(&self) -> usize {
        self.cells.len()
    }

    /// All layers. `geometry` is the first one's; states are (layers * directions, B, H), y is (T, B, directions * H).
    ///
    /// # Errors
    /// None: nothing is kept for a backward call.
    ///
    /// # Panics
    /// If a slice does not have the size that the geometry says.
    pub fn forward(
        &self,
        geometry: &RecurrentGeometry,
        x: &Input<T>,
        h_0: Option<&[T]>,
        c_0: Option<&[T]>,
        outputs: Outputs<T>,
    ) -> Result<(), OutOfMemory> {
        let (rows, state) = (geometry.steps * geometry.batch, geometry.batch * self.hidden);
        let width = self.directions * self.hidden;
        let between = if self.cells.len() > self.directions { rows * width } else { 0 };
        let one_direction = if self.directions > 1 { rows * self.hidden } else { 0 };
        let Outputs { y, h_n, mut c_n } = outputs;
        with_scratch::<T, _>(2 * between + one_direction, |scratch| {
            let (mut below, scratch) = scratch.split_at_mut(between);
            let (mut above, half) = scratch.split_at_mut(between);
            for (index, cell) in self.cells.iter().enumerate() {
                let direction = index % self.directions;
                let top = index + self.directions >= self.cells.len();
                let geometry = RecurrentGeometry { inputs: cell.inputs, reverse: direction == 1, ..geometry.clone() };
                let part = index * state..(index + 1) * state;
                let whole = if top { &mut *y } else { &mut *above };
                let outputs = Outputs {
                    y: if self.directions > 1 { &mut *half } else { &mut *whole },
                    h_n: &mut h_n[part.clone()],
                    c_n: c_n.as_mut().map(|c_n| &mut c_n[part.clone()]),
                };
                let states = [h_0, c_0].map(|state| state.map(|state| &state[part.clone()]));
                if index < self.directions {
                    self.cell(cell, &geometry, x, states, outputs)?;
                } else {
                    let sequence = Sequence::contiguous(below, [geometry.steps, geometry.batch, width]);
                    self.cell(cell, &geometry, &Input::Features(sequence), states, outputs)?;
                }
                if self.directions > 1 {
                    let first = direction * self.hidden;
                    for (to, from) in whole.chunks_exact_mut(width).zip(half.chunks_exact(self.hidden)) {
                        to[first..first + self.hidden].copy_from_slice(from);
                    }
                }
                if direction + 1 == self.directions {
                    std::mem::swap(&mut below, &mut above);
                }
            }
            Ok(())
        })
    }

    fn cell(
        &self,
        cell: &Prepared<T>,
        geometry: &RecurrentGeometry,
        x: &Input<T>,
        [h_0, c_0]: [Option<&[T]>; 2],
        outputs: Outputs<T>,
    ) -> Result<(), OutOfMemory> {
        let frame = self.network.frame::<T>(self.isa, cell.inputs, self.hidden);
        let packed = cell.weights.as_slice(forward::packed_size(self.network.layout(), &frame));
        let parameters = Parameters {
            h_0,
            c_0,
            weight_ih: &[],
            weight_hh: &[],
            bias_ih: None,
            bias_hh: None,
            peepholes: cell.peepholes.as_deref(),
        };
        let (isa, packed, keep) = (self.isa, Some(packed), false);
        let call = forward::Call { isa, geometry, x, parameters: &parameters, packed, keep };
        run(self.network, &call, outputs).map(|_| ())
    }
}
