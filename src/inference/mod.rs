//! Networks of two-dimensional convolutions, prepared for inference.
//!
//! A [`Network`] is a list of steps over numbered values: value 0 is the input (N, C, H, W), step `i` makes value `i + 1`, and
//! the last one is the output. Between convolutions the channels lie along the lanes ([`Layout::Lanes`]). For each shape of the
//! input a [`Schedule`] settles once how each step runs and when its memory is free again, so a call does nothing but that.

pub mod lanes;
mod schedule;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use crate::conv::choice::Precision;
use crate::conv::prepared::{Filters, Finish};
use crate::gemm::{Epilogue, Matrix, Target, gemm};
use crate::geometry::Error;
use crate::geometry::adaptive::OutputSize;
use crate::geometry::pool::PoolOptions;
use crate::memory::Block;
use crate::pointwise::activation;
use crate::pool::average::Divisor;
use crate::scalar::Scalar;
use schedule::{Instruction, Operands, Operation};

pub use schedule::Schedule;

/// Schedules that are kept: those of the shapes that came last.
const SCHEDULES: usize = 8;

/// A function of one element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    Relu,
    LeakyRelu(f64),
    Sigmoid,
    Tanh,
    Silu,
    Gelu { approximate: bool },
}

/// One step; `x` and `add` are numbers of values.
pub enum Step<T> {
    /// A convolution, to which a value of its output's shape may be added.
    Convolve {
        x: usize,
        filters: Filters<T>,
        add: Option<usize>,
        relu: bool,
    },
    /// The largest value of each window, or its mean.
    Pool {
        x: usize,
        options: PoolOptions,
        mean: Option<Divisor>,
    },
    AdaptiveMean {
        x: usize,
        output_size: Vec<OutputSize>,
    },
    Activate {
        x: usize,
        activation: Activation,
    },
    /// `scale * x + shift` by channel; both in whole vectors.
    Affine {
        x: usize,
        channels: usize,
        scale: Vec<T>,
        shift: Vec<T>,
        relu: bool,
    },
    Add {
        x: usize,
        add: usize,
        relu: bool,
    },
    /// From (N, C, H, W) to (N, C H W).
    Flatten {
        x: usize,
    },
    /// `x weight^T + bias` of (N, F).
    Linear {
        x: usize,
        weight: Vec<T>,
        bias: Option<Vec<T>>,
        outputs: usize,
        relu: bool,
    },
}

/// A network whose weights are packed. Any number of threads may call it.
pub struct Network<T> {
    steps: Vec<Step<T>>,
    schedules: Mutex<Vec<Arc<Schedule>>>,
}

impl<T: Scalar> Network<T> {
    /// # Panics
    /// If there is no step, or one reads a value that is not there yet.
    pub fn new(steps: Vec<Step<T>>) -> Self {
        assert!(!steps.is_empty());
        for (number, step) in steps.iter().enumerate() {
            assert!(step.reads().into_iter().flatten().all(|value| value <= number));
        }
        Network { steps, schedules: Mutex::new(Vec::new()) }
    }

    /// Bytes of the packed weights.
    pub fn nbytes(&self) -> usize {
        self.steps.iter().map(Step::nbytes).sum()
    }

    /// How inputs of a shape are computed; packs what that needs.
    ///
    /// # Errors
    /// A shape that does not fit, or [`Error::Memory`].
    pub fn schedule(&self, shape: [usize; 4]) -> Result<Arc<Schedule>, Error> {
        if let Some(found) = self.known(shape) {
            return Ok(found);
        }
        let schedule = Arc::new(Schedule::new(&self.steps, shape, Precision::get())?);
        let mut kept = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(SCHEDULES - 1);
        kept.insert(0, schedule.clone());
        Ok(schedule)
    }

    /// The same, if it was asked for lately.
    pub fn known(&self, shape: [usize; 4]) -> Option<Arc<Schedule>> {
        let precision = Precision::get();
        let mut kept = self.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|schedule| schedule.serves(shape, precision))?;
        let found = kept[at].clone();
        kept[..=at].rotate_right(1);
        Some(found)
    }

    /// # Errors
    /// [`Error::Memory`].
    ///
    /// # Panics
    /// If a length is not that of the schedule.
    pub fn run(&self, schedule: &Schedule, x: &[T], y: &mut [T]) -> Result<(), Error> {
        assert!(x.len() == schedule.input_len() && y.len() == schedule.output_len());
        let mut values: Vec<Option<Block>> = (0..schedule.values).map(|_| None).collect();
        for instruction in &schedule.instructions {
            let last = instruction.writes == schedule.values - 1;
            let mut block = None;
            {
                let read = |value: usize| -> &[T] {
                    match &values[value] {
                        Some(block) => block.as_slice(schedule.lens[value]),
                        None => x,
                    }
                };
                let to: &mut [T] = if last {
                    y
                } else {
                    let len = schedule.lens[instruction.writes];
                    let new = Block::new(len * size_of::<T>()).map_err(|error| Error::Memory(error.to_string()))?;
                    block.insert(new).as_mut_slice(len)
                };
                self.step(instruction, &read, to)?;
            }
            values[instruction.writes] = block;
            for &value in &instruction.frees {
                values[value] = None;
            }
        }
        Ok(())
    }

    fn step<'a>(&self, instruction: &Instruction, read: &dyn Fn(usize) -> &'a [T], y: &mut [T]) -> Result<(), Error> {
        let Operands { x, add } = instruction.reads;
        let x = read(x);
        let add = add.map(read);
        match (&instruction.operation, instruction.step.map(|step| &self.steps[step])) {
            (Operation::Pack(images), _) => lanes::pack(*images, x, y),
            (Operation::Unpack(images), _) => lanes::unpack(*images, x, y),
            (Operation::Convolve(g, way), Some(Step::Convolve { filters, relu, .. })) => {
                filters.forward(g, way, x, Finish { add, relu: *relu }, y)?;
            }
            (Operation::Pool(g), Some(Step::Pool { mean, .. })) => lanes::pool(g, *mean, x, y),
            (Operation::AdaptiveMean(g), _) => lanes::adaptive_mean(g, x, y),
            (Operation::Affine(images), Some(Step::Affine { scale, shift, relu, .. })) => {
                lanes::affine(*images, x, scale, shift, *relu, y);
            }
            (Operation::Each, Some(Step::Activate { activation, .. })) => activation.apply(x, y),
            (Operation::Each, Some(Step::Add { relu, .. })) => lanes::add(x, add.unwrap_or(x), *relu, y),
            (Operation::Linear(rows), Some(Step::Linear { weight, bias, outputs, relu, .. })) => {
                let inputs = weight.len() / outputs;
                let weight = Matrix::new(weight, *outputs, inputs).transposed();
                let epilogue = Epilogue { column_bias: bias.as_deref(), relu: *relu, ..Epilogue::NONE };
                gemm(Matrix::new(x, *rows, inputs), weight, Target::new(y, *outputs), epilogue);
            }
            _ => unreachable!("a schedule has the operations of its steps"),
        }
        Ok(())
    }
}

impl Activation {
    fn apply<T: Scalar>(self, x: &[T], y: &mut [T]) {
        match self {
            Activation::Relu => activation::relu(x, y),
            Activation::LeakyRelu(slope) => activation::leaky_relu(x, T::from_f64(slope), y),
            Activation::Sigmoid => activation::sigmoid(x, y),
            Activation::Tanh => activation::tanh(x, y),
            Activation::Silu => activation::silu(x, y),
            Activation::Gelu { approximate } => activation::gelu(x, approximate, y),
        }
    }
}

impl<T: Scalar> Step<T> {
    /// The values that it reads.
    fn reads(&self) -> [Option<usize>; 2] {
        match *self {
            Step::Convolve { x, add, .. } => [Some(x), add],
            Step::Add { x, add, .. } => [Some(x), Some(add)],
            Step::Pool { x, .. }
            | Step::AdaptiveMean { x, .. }
            | Step::Activate { x, .. }
            | Step::Affine { x, .. }
            | Step::Flatten { x }
            | Step::Linear { x, .. } => [Some(x), None],
        }
    }

    fn nbytes(&self) -> usize {
        match self {
            Step::Convolve { filters, .. } => filters.nbytes(),
            Step::Affine { scale, shift, .. } => size_of_val(&**scale) + size_of_val(&**shift),
            Step::Linear { weight, bias, .. } => {
                size_of_val(&**weight) + bias.as_ref().map_or(0, |bias| size_of_val(&**bias))
            }
            _ => 0,
        }
    }
}
