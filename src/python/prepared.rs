//! Recurrent layers with packed weights.

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arguments::Call;
use super::array::{Dense, Dtype, Input, Numeric};
use super::recurrent::{Values, is_categories, operation};
use crate::geometry::recurrent::RecurrentGeometry;
use crate::geometry::{Error, tuple};
use crate::recurrent::{Head, Network, Outputs, Parameters, Rule, Stack, States};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RecurrentStack>()
}

/// Layers of one kind on top of one another, ready for inference.
#[pyclass(frozen, module = "goldfish._core")]
pub struct RecurrentStack {
    stack: Typed,
    /// An array of the stack's dtype, for the check of a call's dtypes.
    weight: Py<PyAny>,
}

enum Typed {
    F32(Stack<f32>),
    F64(Stack<f64>),
}

#[pymethods]
impl RecurrentStack {
    /// `cells` are tuples (weight_ih, weight_hh, bias_ih, bias_hh, peepholes), layer by layer, direction by direction.
    #[new]
    #[pyo3(signature = (name, option, directions, cells, /))]
    fn new(
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        option: &Bound<'_, PyAny>,
        directions: usize,
        cells: Vec<Bound<'_, PyTuple>>,
    ) -> PyResult<Self> {
        let call = Call::new(py, "prepare");
        let network = match call.choice("name", name, &["rnn", "lstm", "gru"])? {
            0 => Network::Elman { relu: call.choice("nonlinearity", option, &["tanh", "relu"])? == 1 },
            1 => Network::Lstm,
            _ => Network::Gru { reset_after: call.boolean("reset_after", option)? },
        };
        if cells.is_empty() || directions == 0 || !cells.len().is_multiple_of(directions) {
            let message = format!("cells must be as many for each of {directions} directions, got {}", cells.len());
            return Err(call.fail(Error::value(message)));
        }
        let cells = cells.iter().map(|cell| Arguments::new(call, cell)).collect::<PyResult<Vec<_>>>()?;
        let hidden = check(call, network, directions, &cells)?;
        let arrays = cells.iter().flat_map(|cell| [&cell.weight_ih, &cell.weight_hh].into_iter().chain(&cell.others));
        let stack = match call.float_dtype(arrays)? {
            Dtype::F32 => Typed::F32(pack(call, network, hidden, directions, &cells)?),
            Dtype::F64 => Typed::F64(pack(call, network, hidden, directions, &cells)?),
        };
        Ok(RecurrentStack { stack, weight: cells[0].weight.clone().unbind() })
    }

    #[getter]
    fn nbytes(&self) -> usize {
        match &self.stack {
            Typed::F32(stack) => stack.nbytes(),
            Typed::F64(stack) => stack.nbytes(),
        }
    }

    /// y (T, B, directions * H), h_n (layers * directions, B, H), and c_n in an LSTM, else None.
    #[pyo3(signature = (x, h_0, c_0, lengths, /))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        h_0: &Bound<'py, PyAny>,
        c_0: &Bound<'py, PyAny>,
        lengths: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let weight = self.weight.bind(py);
        match &self.stack {
            Typed::F32(stack) => forward(py, stack, weight, x, h_0, c_0, lengths),
            Typed::F64(stack) => forward(py, stack, weight, x, h_0, c_0, lengths),
        }
    }

    /// The categories (n,) drawn by `numbers`, the logits of each (n, V), h_n, and c_n in an LSTM, else None: each step reads the
    /// category before, one-hot or its row of `table` (V, I).
    #[pyo3(signature = (table, head_weight, head_bias, first, h_0, c_0, temperature, top_k, top_p, numbers, /))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        table: &Bound<'py, PyAny>,
        head_weight: &Bound<'py, PyAny>,
        head_bias: &Bound<'py, PyAny>,
        first: &Bound<'py, PyAny>,
        h_0: &Bound<'py, PyAny>,
        c_0: &Bound<'py, PyAny>,
        temperature: &Bound<'py, PyAny>,
        top_k: &Bound<'py, PyAny>,
        top_p: &Bound<'py, PyAny>,
        numbers: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let call = Call::new(py, "sample");
        let rule = rule(call, temperature, top_k, top_p)?;
        let given = [table, head_weight, head_bias, first, h_0, c_0, numbers];
        match &self.stack {
            Typed::F32(stack) => sample(call, stack, self.weight.bind(py), rule, given),
            Typed::F64(stack) => sample(call, stack, self.weight.bind(py), rule, given),
        }
    }
}

fn rule<'py>(
    call: Call<'py>,
    temperature: &Bound<'py, PyAny>,
    top_k: &Bound<'py, PyAny>,
    top_p: &Bound<'py, PyAny>,
) -> PyResult<Rule> {
    let temperature = call.float("temperature", temperature)?;
    if !(temperature > 0.0 && temperature.is_finite()) {
        let message = format!("temperature must be a finite number > 0, got {temperature}");
        return Err(call.fail(Error::value(message)));
    }
    let top_k = if top_k.is_none() { None } else { Some(call.size("top_k", top_k, 1)?) };
    let top_p = if top_p.is_none() { None } else { Some(call.float("top_p", top_p)?) };
    if let Some(top_p) = top_p.filter(|&top_p| !(top_p > 0.0 && top_p <= 1.0)) {
        return Err(call.fail(Error::value(format!("top_p must be in (0, 1], got {top_p}"))));
    }
    Ok(Rule { temperature, top_k, top_p })
}

fn sample<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    stack: &Stack<T>,
    weight: &Bound<'py, PyAny>,
    rule: Rule,
    [table, head_weight, head_bias, first, h_0, c_0, numbers]: [&Bound<'py, PyAny>; 7],
) -> PyResult<Bound<'py, PyTuple>> {
    let hidden = stack.hidden();
    if stack.directions() != 1 {
        return Err(call.fail(Error::value("a network that reads both ways cannot write".to_owned())));
    }
    let (weight, table) = (call.array("weight_ih", weight)?, call.optional_array("table", table)?);
    let (head_weight, head_bias) =
        (call.array("head_weight", head_weight)?, call.optional_array("head_bias", head_bias)?);
    let (h_0, c_0) = (call.optional_array("h_0", h_0)?, call.optional_array("c_0", c_0)?);
    let others = table.iter().chain(&head_bias).chain(&h_0).chain(&c_0);
    call.float_dtype([&weight, &head_weight].into_iter().chain(others))?;
    let categories = head_weight.shape().first().copied().unwrap_or(0);
    let expect = |name: &str, shape: &[usize], expected: &[usize]| {
        if shape == expected {
            return Ok(());
        }
        let message = format!("{name} must have shape {}, got {}", tuple(expected), tuple(shape));
        Err(call.fail(Error::value(message)))
    };
    expect("head_weight", head_weight.shape(), &[categories, hidden])?;
    if categories == 0 || table.is_none() && categories > stack.inputs() {
        let message = format!("head_weight must have 1 to {} rows, got {categories}", stack.inputs());
        return Err(call.fail(Error::value(message)));
    }
    for (given, expected) in [(&head_bias, &[categories][..]), (&table, &[categories, stack.inputs()])] {
        if let Some(given) = given {
            expect(given.name, given.shape(), expected)?;
        }
    }
    let state = [stack.levels(), 1, hidden];
    for given in h_0.iter().chain(&c_0) {
        expect(given.name, given.shape(), &state)?;
    }
    let first = call.size("first", first, 0)?;
    if first >= categories {
        return Err(call.fail(Error::value(format!("first must be below {categories}, got {first}"))));
    }
    let numbers = call.dense::<f64>(&call.array("numbers", numbers)?)?;
    expect("numbers", numbers.shape(), &[numbers.as_slice().len()])?;
    if let Some(i) = numbers.as_slice().iter().position(|number| !(0.0..1.0).contains(number)) {
        let message = format!("numbers must be in [0, 1), got {} at {i}", numbers.as_slice()[i]);
        return Err(call.fail(Error::value(message)));
    }
    let count = numbers.as_slice().len();
    let (weight, bias) = (call.dense::<T>(&head_weight)?, call.optional_dense::<T>(head_bias.as_ref())?);
    let table = call.optional_dense::<T>(table.as_ref())?;
    let mut written = call.output::<i64>(&[count])?;
    let mut logits = call.output::<T>(&[count, categories])?;
    let mut h = call.output::<T>(&state)?;
    let mut c = (stack.network() == Network::Lstm).then(|| call.output::<T>(&state)).transpose()?;
    for (to, from) in [(Some(&mut h), h_0), (c.as_mut(), c_0)] {
        let Some(to) = to else { continue };
        match call.optional_dense::<T>(from.as_ref())? {
            Some(from) => to.as_mut_slice().copy_from_slice(from.as_slice()),
            None => to.as_mut_slice().fill(T::ZERO),
        }
    }
    let states = States { h: h.as_mut_slice(), c: c.as_mut().map(|c| c.as_mut_slice()) };
    let head = Head { weight: weight.as_slice(), bias: bias.as_ref().map(Dense::as_slice), categories };
    let table = table.as_ref().map(Dense::as_slice);
    let (to, rows) = (written.as_mut_slice(), logits.as_mut_slice());
    let work = count * (stack.levels() * stack.network().gates() * 2 * hidden + categories) * hidden;
    let done = call.run(work, || stack.sample(table, &head, states, first, rule, numbers.as_slice(), to, rows));
    done.map_err(|error| call.fail(Error::Memory(error.to_string())))?;
    let arrays =
        [Some(written.into_array()), Some(logits.into_array()), Some(h.into_array()), c.map(|c| c.into_array())];
    PyTuple::new(call.py, arrays)
}

/// The parameters of one layer in one direction.
struct Arguments<'py> {
    weight: Bound<'py, PyAny>,
    weight_ih: Input<'py>,
    weight_hh: Input<'py>,
    /// bias_ih, bias_hh, peepholes: those that were given.
    others: Vec<Input<'py>>,
}

const OTHERS: [&str; 3] = ["bias_ih", "bias_hh", "peepholes"];

impl<'py> Arguments<'py> {
    fn new(call: Call<'py>, cell: &Bound<'py, PyTuple>) -> PyResult<Self> {
        let mut others = Vec::new();
        for (i, name) in OTHERS.iter().enumerate() {
            others.extend(call.optional_array(name, &cell.get_item(2 + i)?)?);
        }
        Ok(Arguments {
            weight: cell.get_item(0)?,
            weight_ih: call.array("weight_ih", &cell.get_item(0)?)?,
            weight_hh: call.array("weight_hh", &cell.get_item(1)?)?,
            others,
        })
    }
}

/// Checks the shapes against each other; returns H.
fn check(call: Call<'_>, network: Network, directions: usize, cells: &[Arguments<'_>]) -> PyResult<usize> {
    let mut hidden = None;
    for (index, cell) in cells.iter().enumerate() {
        let (ih, hh) = (cell.weight_ih.shape(), cell.weight_hh.shape());
        let inputs = ih.get(1).copied().unwrap_or(0);
        let geometry = call.check(RecurrentGeometry::new(&[0, 0, inputs], false, ih, hh, network.gates(), false))?;
        let expected = if index < directions {
            cells[0].weight_ih.shape().get(1).copied().unwrap_or(0)
        } else {
            directions * geometry.hidden
        };
        if *hidden.get_or_insert(geometry.hidden) != geometry.hidden || inputs != expected {
            let message = format!("weight_ih of cell {index} must have {expected} columns, got {}", tuple(ih));
            return Err(call.fail(Error::value(message)));
        }
        for other in &cell.others {
            let checked = match other.name {
                "peepholes" => geometry.check_peepholes(other.shape()),
                name => geometry.check_bias(name, other.shape()),
            };
            call.check(checked)?;
        }
    }
    Ok(hidden.unwrap_or(0))
}

fn pack<T: Scalar + Numeric>(
    call: Call<'_>,
    network: Network,
    hidden: usize,
    directions: usize,
    cells: &[Arguments<'_>],
) -> PyResult<Stack<T>> {
    type Arrays<T> = (Dense<T>, Dense<T>, Vec<(&'static str, Dense<T>)>);
    let arrays = cells
        .iter()
        .map(|cell| {
            let others = cell.others.iter().map(|other| Ok((other.name, call.dense(other)?)));
            Ok((call.dense(&cell.weight_ih)?, call.dense(&cell.weight_hh)?, others.collect::<PyResult<_>>()?))
        })
        .collect::<PyResult<Vec<Arrays<T>>>>()?;
    let parameters: Vec<_> = arrays
        .iter()
        .map(|(weight_ih, weight_hh, others)| {
            let other = |wanted| others.iter().find(|(name, _)| *name == wanted).map(|(_, array)| array.as_slice());
            Parameters {
                h_0: None,
                c_0: None,
                weight_ih: weight_ih.as_slice(),
                weight_hh: weight_hh.as_slice(),
                bias_ih: other("bias_ih"),
                bias_hh: other("bias_hh"),
                peepholes: other("peepholes"),
            }
        })
        .collect();
    let stack = Stack::new(network, hidden, directions, &parameters);
    stack.map_err(|error| call.fail(Error::Memory(error.to_string())))
}

fn forward<'py, T: Scalar + Numeric>(
    py: Python<'py>,
    stack: &Stack<T>,
    weight: &Bound<'py, PyAny>,
    x: &Bound<'py, PyAny>,
    h_0: &Bound<'py, PyAny>,
    c_0: &Bound<'py, PyAny>,
    lengths: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let call = Call::new(py, operation(stack.network()));
    let (gates, hidden) = (stack.network().gates(), stack.hidden());
    let weight = call.array("weight_ih", weight)?;
    let x = call.array("x", x)?;
    let (h_0, c_0) = (call.optional_array("h_0", h_0)?, call.optional_array("c_0", c_0)?);
    call.float_dtype([&weight, &x].into_iter().chain(&h_0).chain(&c_0))?;
    let (ih, hh) = ([gates * hidden, stack.inputs()], [gates * hidden, hidden]);
    let mut geometry = call.check(RecurrentGeometry::new(x.shape(), is_categories(&x), &ih, &hh, gates, false))?;
    if !lengths.is_none() {
        let lengths = call.integers("lengths", lengths)?;
        geometry = call.check(geometry.with_lengths(lengths.shape(), lengths.as_slice()))?;
    }
    let state = [stack.levels(), geometry.batch, hidden];
    for given in h_0.iter().chain(&c_0) {
        if given.shape() != state {
            let message = format!("{} must have shape {}, got {}", given.name, tuple(&state), tuple(given.shape()));
            return Err(call.fail(Error::value(message)));
        }
    }
    let values = Values::<T>::new(call, &x, &geometry)?;
    let (h_0, c_0) = (call.optional_dense::<T>(h_0.as_ref())?, call.optional_dense::<T>(c_0.as_ref())?);
    let mut y = call.output::<T>(&[geometry.steps, geometry.batch, stack.directions() * hidden])?;
    let mut h_n = call.output::<T>(&state)?;
    let mut c_n = (stack.network() == Network::Lstm).then(|| call.output::<T>(&state)).transpose()?;
    let outputs =
        Outputs { y: y.as_mut_slice(), h_n: h_n.as_mut_slice(), c_n: c_n.as_mut().map(|output| output.as_mut_slice()) };
    let work = geometry.steps * geometry.batch * stack.levels() * gates * hidden * (stack.inputs() + hidden);
    let done = call.run(work, || {
        let (h_0, c_0) = (h_0.as_ref().map(Dense::as_slice), c_0.as_ref().map(Dense::as_slice));
        stack.forward(&geometry, &values.input(), h_0, c_0, outputs)
    });
    done.map_err(|error| call.fail(Error::Memory(error.to_string())))?;
    PyTuple::new(py, [Some(y.into_array()), Some(h_n.into_array()), c_n.map(|c_n| c_n.into_array())])
}
