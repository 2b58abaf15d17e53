//! How a network runs on inputs of one shape.

use super::Step;
use crate::conv::choice::Precision;
use crate::conv::prepared::{Way, images};
use crate::geometry::adaptive::AdaptiveGeometry;
use crate::geometry::conv::ConvGeometry;
use crate::geometry::layout::{Images, Layout};
use crate::geometry::pool::PoolGeometry;
use crate::geometry::{Error, tuple};
use crate::scalar::Scalar;

/// What a value is, and how it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Images(Images, Layout),
    /// (N, F).
    Rows(usize, usize),
}

impl Form {
    fn len<T: Scalar>(&self) -> usize {
        match *self {
            Form::Images(images, layout) => images.len::<T>(layout),
            Form::Rows(rows, columns) => rows * columns,
        }
    }
}

/// The work of an instruction, with its sizes.
// A schedule has some tens of them, made once.
#[allow(clippy::large_enum_variant)]
pub enum Operation {
    Pack(Images),
    Unpack(Images),
    Convolve(ConvGeometry, Way),
    Pool(PoolGeometry),
    AdaptiveMean(AdaptiveGeometry),
    Affine(Images),
    /// Element by element, however these lie.
    Each,
    /// So many rows.
    Linear(usize),
}

/// The values that an instruction reads.
#[derive(Clone, Copy)]
pub struct Operands {
    pub x: usize,
    pub add: Option<usize>,
}

pub struct Instruction {
    pub operation: Operation,
    /// The step that it belongs to; None if it only moves elements.
    pub step: Option<usize>,
    pub reads: Operands,
    pub writes: usize,
    /// Values that nobody reads any more.
    pub frees: Vec<usize>,
}

/// The instructions for one shape of the input. Their values are others than those of the steps: some only move elements.
pub struct Schedule {
    shape: [usize; 4],
    precision: Precision,
    output: Vec<usize>,
    pub(super) instructions: Vec<Instruction>,
    pub(super) values: usize,
    pub(super) lens: Vec<usize>,
}

impl Schedule {
    pub(super) fn new<T: Scalar>(steps: &[Step<T>], shape: [usize; 4], precision: Precision) -> Result<Self, Error> {
        if shape.contains(&0) {
            return Err(Error::value(format!("x must not be empty, got shape {}", tuple(&shape))));
        }
        let input = Form::Images(Images::new(shape), Layout::Planes);
        let mut builder = Builder { forms: vec![input], others: vec![None], instructions: Vec::new() };
        let mut places = vec![0];
        for (number, step) in steps.iter().enumerate() {
            places.push(builder.step(number, step, &places)?);
        }
        builder.finish::<T>(places[steps.len()], shape, precision)
    }

    pub(super) fn serves(&self, shape: [usize; 4], precision: Precision) -> bool {
        self.shape == shape && self.precision == precision
    }

    /// The shape of the output.
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    pub(super) fn input_len(&self) -> usize {
        self.lens[0]
    }

    pub(super) fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    /// Multiply-adds, about.
    pub fn work(&self) -> usize {
        let work = |instruction: &Instruction| match &instruction.operation {
            Operation::Convolve(g, _) => g.work(),
            _ => self.lens[instruction.writes],
        };
        self.instructions.iter().map(work).fold(0, usize::saturating_add)
    }
}

struct Builder {
    forms: Vec<Form>,
    /// The same images in the other layout, if that was made.
    others: Vec<Option<usize>>,
    instructions: Vec<Instruction>,
}

impl Builder {
    fn push(&mut self, operation: Operation, step: Option<usize>, reads: Operands, form: Form) -> usize {
        let writes = self.forms.len();
        self.forms.push(form);
        self.others.push(None);
        self.instructions.push(Instruction { operation, step, reads, writes, frees: Vec::new() });
        writes
    }

    /// The images of a value.
    fn images(&self, value: usize) -> Result<Images, Error> {
        match self.forms[value] {
            Form::Images(images, _) => Ok(images),
            Form::Rows(rows, columns) => {
                Err(Error::value(format!("x must have 4 axes (N, C, H, W), got shape {}", tuple(&[rows, columns]))))
            }
        }
    }

    /// The value with its images in a layout.
    fn lying(&mut self, value: usize, wanted: Layout) -> usize {
        let Form::Images(images, layout) = self.forms[value] else { return value };
        if layout == wanted {
            return value;
        }
        if let Some(other) = self.others[value] {
            return other;
        }
        let operation = if wanted == Layout::Lanes { Operation::Pack(images) } else { Operation::Unpack(images) };
        let other = self.push(operation, None, Operands { x: value, add: None }, Form::Images(images, wanted));
        self.others[value] = Some(other);
        other
    }

    fn step<T: Scalar>(&mut self, number: usize, step: &Step<T>, places: &[usize]) -> Result<usize, Error> {
        let [x, add] = step.reads().map(|value| value.map(|value| places[value]));
        let x = x.unwrap_or(0);
        let lanes = Layout::Lanes;
        Ok(match step {
            Step::Convolve { filters, .. } => {
                let g = filters.geometry(self.images(x)?)?;
                let Form::Images(_, layout) = self.forms[x] else { unreachable!("images have a layout") };
                let way = filters.way(&g, layout);
                filters.prepare(&way).map_err(|error| Error::Memory(error.to_string()))?;
                let (x, add) = (self.lying(x, way.layout()), add.map(|add| self.lying(add, lanes)));
                let form = Form::Images(images(&g)[1], lanes);
                if let Some(add) = add {
                    self.check_equal(form, self.forms[add])?;
                }
                self.push(Operation::Convolve(g, way), Some(number), Operands { x, add }, form)
            }
            Step::Pool { options, .. } => {
                let g = PoolGeometry::new(2, &self.images(x)?.shape(), options)?;
                let [_, height, width] = g.output();
                let form = Form::Images(Images::new([g.batch, g.channels, height, width]), lanes);
                self.over_lanes(Operation::Pool(g), number, x, form)
            }
            Step::AdaptiveMean { output_size, .. } => {
                let g = AdaptiveGeometry::new(2, &self.images(x)?.shape(), output_size)?;
                let [_, height, width] = g.output;
                let form = Form::Images(Images::new([g.batch, g.channels, height, width]), lanes);
                self.over_lanes(Operation::AdaptiveMean(g), number, x, form)
            }
            Step::Affine { channels, .. } => {
                let images = self.images(x)?;
                if images.channels != *channels {
                    return Err(Error::value(format!("x must have {channels} channels, got {}", images.channels)));
                }
                self.over_lanes(Operation::Affine(images), number, x, Form::Images(images, lanes))
            }
            Step::Activate { .. } => {
                let form = self.forms[x];
                self.push(Operation::Each, Some(number), Operands { x, add: None }, form)
            }
            Step::Add { .. } => {
                let (x, add) = (self.lying(x, lanes), add.map(|add| self.lying(add, lanes)));
                self.check_equal(self.forms[x], self.forms[add.unwrap_or(x)])?;
                let form = self.forms[x];
                self.push(Operation::Each, Some(number), Operands { x, add }, form)
            }
            Step::Flatten { .. } => {
                let images = self.images(x)?;
                let form = Form::Rows(images.batch, images.channels * images.plane());
                match self.forms[x] {
                    Form::Images(_, Layout::Lanes) => {
                        self.push(Operation::Unpack(images), None, Operands { x, add: None }, form)
                    }
                    _ => return Err(Error::value("x must come from a convolution")),
                }
            }
            Step::Linear { weight, outputs, .. } => {
                let Form::Rows(rows, columns) = self.forms[x] else {
                    return Err(Error::value("x must have 2 axes"));
                };
                if columns * outputs != weight.len() {
                    return Err(Error::value(format!("x must have other features than {columns}")));
                }
                self.push(Operation::Linear(rows), Some(number), Operands { x, add: None }, Form::Rows(rows, *outputs))
            }
        })
    }

    fn over_lanes(&mut self, operation: Operation, step: usize, x: usize, form: Form) -> usize {
        let x = self.lying(x, Layout::Lanes);
        self.push(operation, Some(step), Operands { x, add: None }, form)
    }

    fn check_equal(&self, a: Form, b: Form) -> Result<(), Error> {
        if a == b { Ok(()) } else { Err(Error::value("what is added must have equal shapes")) }
    }

    /// Turns the last value to what callers have, and finds out when values are read for the last time.
    fn finish<T: Scalar>(mut self, value: usize, shape: [usize; 4], precision: Precision) -> Result<Schedule, Error> {
        let value = self.lying(value, Layout::Planes);
        if value + 1 != self.forms.len() {
            return Err(Error::value("the last step must be the output"));
        }
        let output = match self.forms[value] {
            Form::Images(images, _) => images.shape().to_vec(),
            Form::Rows(rows, columns) => vec![rows, columns],
        };
        let mut last = vec![None; self.forms.len()];
        for (at, instruction) in self.instructions.iter().enumerate() {
            last[instruction.reads.x] = Some(at);
            if let Some(add) = instruction.reads.add {
                last[add] = Some(at);
            }
        }
        for (value, at) in last.into_iter().enumerate().skip(1) {
            if let Some(at) = at {
                self.instructions[at].frees.push(value);
            }
        }
        let lens = self.forms.iter().map(Form::len::<T>).collect();
        Ok(Schedule { shape, precision, output, values: self.forms.len(), instructions: self.instructions, lens })
    }
}
