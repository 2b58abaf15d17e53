//! `rnn`, `lstm` and `gru`.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::arguments::{Call, shown};
use super::array::{Dense, Dtype, Input, Kind, Numeric, Strided};
use super::cache::{Cache, open};
use crate::geometry::Error;
use crate::geometry::recurrent::RecurrentGeometry;
use crate::recurrent::{self as kernels, Gradients, Network, Outputs, Parameters, Saved, Sequence, Slopes};
use crate::scalar::Scalar;

const GRADIENTS: [&str; 6] = ["x", "h_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh"];
const LSTM_GRADIENTS: [&str; 8] = ["x", "h_0", "c_0", "weight_ih", "weight_hh", "bias_ih", "bias_hh", "peepholes"];

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(rnn, module)?)?;
    module.add_function(wrap_pyfunction!(rnn_forward, module)?)?;
    module.add_function(wrap_pyfunction!(rnn_backward, module)?)?;
    module.add_function(wrap_pyfunction!(lstm, module)?)?;
    module.add_function(wrap_pyfunction!(lstm_forward, module)?)?;
    module.add_function(wrap_pyfunction!(lstm_backward, module)?)?;
    module.add_function(wrap_pyfunction!(gru, module)?)?;
    module.add_function(wrap_pyfunction!(gru_forward, module)?)?;
    module.add_function(wrap_pyfunction!(gru_backward, module)?)
}

pub fn operation(network: Network) -> &'static str {
    match network {
        Network::Elman { .. } => "rnn",
        Network::Lstm => "lstm",
        Network::Gru { .. } => "gru",
    }
}

/// The arguments of a forward call, as they came.
struct Given<'a, 'py> {
    x: &'a Bound<'py, PyAny>,
    h_0: Option<Bound<'py, PyAny>>,
    c_0: Option<Bound<'py, PyAny>>,
    /// weight_ih, weight_hh, bias_ih, bias_hh.
    weights: [&'a Bound<'py, PyAny>; 4],
    peepholes: Option<&'a Bound<'py, PyAny>>,
    lengths: &'a Bound<'py, PyAny>,
    reverse: &'a Bound<'py, PyAny>,
}

/// The same as arrays, checked against each other.
struct Arguments<'py> {
    network: Network,
    geometry: RecurrentGeometry,
    x: Input<'py>,
    h_0: Option<Input<'py>>,
    c_0: Option<Input<'py>>,
    weight_ih: Input<'py>,
    weight_hh: Input<'py>,
    bias_ih: Option<Input<'py>>,
    bias_hh: Option<Input<'py>>,
    peepholes: Option<Input<'py>>,
}

impl<'py> Arguments<'py> {
    fn new(call: Call<'py>, network: Network, given: Given<'_, 'py>) -> PyResult<Self> {
        let optional = |name, argument: Option<&Bound<'py, PyAny>>| {
            argument.map_or(Ok(None), |argument| call.optional_array(name, argument))
        };
        let [weight_ih, weight_hh, bias_ih, bias_hh] = given.weights;
        let x = call.array("x", given.x)?;
        let h_0 = optional("h_0", given.h_0.as_ref())?;
        let c_0 = optional("c_0", given.c_0.as_ref())?;
        let (weight_ih, weight_hh) = (call.array("weight_ih", weight_ih)?, call.array("weight_hh", weight_hh)?);
        let (bias_ih, bias_hh) = (call.optional_array("bias_ih", bias_ih)?, call.optional_array("bias_hh", bias_hh)?);
        let peepholes = optional("peepholes", given.peepholes)?;
        let geometry = call.check(RecurrentGeometry::new(
            x.shape(),
            is_categories(&x),
            weight_ih.shape(),
            weight_hh.shape(),
            network.gates(),
            call.boolean("reverse", given.reverse)?,
        ))?;
        let geometry = if given.lengths.is_none() {
            geometry
        } else {
            let lengths = call.integers("lengths", given.lengths)?;
            call.check(geometry.with_lengths(lengths.shape(), lengths.as_slice()))?
        };
        for state in h_0.iter().chain(&c_0) {
            call.check(geometry.check_state(state.name, state.shape()))?;
        }
        for bias in bias_ih.iter().chain(&bias_hh) {
            call.check(geometry.check_bias(bias.name, bias.shape()))?;
        }
        if let Some(peepholes) = &peepholes {
            call.check(geometry.check_peepholes(peepholes.shape()))?;
        }
        Ok(Arguments { network, geometry, x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes })
    }

    fn dtype(&self, call: Call<'py>) -> PyResult<Dtype> {
        let required = [&self.x, &self.weight_ih, &self.weight_hh];
        let optional = [&self.h_0, &self.c_0, &self.bias_ih, &self.bias_hh, &self.peepholes];
        call.float_dtype(required.into_iter().chain(optional.into_iter().flatten()))
    }
}

/// Integers of shape (T, B), rather than (T, B, I), are numbers of categories.
pub fn is_categories(x: &Input<'_>) -> bool {
    x.kind == Kind::Integer && x.shape().len() == 2
}

/// The argument x in its own strides, or as categories.
pub enum Values<T> {
    Features(Strided<T>),
    Categories(Dense<i64>),
}

impl<T: Scalar + Numeric> Values<T> {
    pub fn new(call: Call<'_>, x: &Input<'_>, geometry: &RecurrentGeometry) -> PyResult<Self> {
        if !is_categories(x) {
            return Ok(Values::Features(call.strided::<T>(x)?));
        }
        let ids = call.dense::<i64>(x)?;
        call.check(geometry.check_categories(ids.as_slice()))?;
        Ok(Values::Categories(ids))
    }

    pub fn input(&self) -> kernels::Input<'_, T> {
        match self {
            Values::Features(x) => kernels::Input::Features(sequence(x)),
            Values::Categories(ids) => kernels::Input::Categories(ids.as_slice()),
        }
    }
}

/// What the kernels read; kept for the backward call.
struct Arrays<T> {
    x: Values<T>,
    h_0: Option<Dense<T>>,
    c_0: Option<Dense<T>>,
    weight_ih: Dense<T>,
    weight_hh: Dense<T>,
    bias_ih: Option<Dense<T>>,
    bias_hh: Option<Dense<T>>,
    peepholes: Option<Dense<T>>,
}

impl<T: Scalar + Numeric> Arrays<T> {
    fn new(call: Call<'_>, arguments: &Arguments<'_>) -> PyResult<Self> {
        Ok(Arrays {
            x: Values::new(call, &arguments.x, &arguments.geometry)?,
            h_0: call.optional_dense(arguments.h_0.as_ref())?,
            c_0: call.optional_dense(arguments.c_0.as_ref())?,
            weight_ih: call.dense(&arguments.weight_ih)?,
            weight_hh: call.dense(&arguments.weight_hh)?,
            bias_ih: call.optional_dense(arguments.bias_ih.as_ref())?,
            bias_hh: call.optional_dense(arguments.bias_hh.as_ref())?,
            peepholes: call.optional_dense(arguments.peepholes.as_ref())?,
        })
    }

    fn input(&self) -> kernels::Input<'_, T> {
        self.x.input()
    }

    fn parameters(&self) -> Parameters<'_, T> {
        Parameters {
            h_0: self.h_0.as_ref().map(Dense::as_slice),
            c_0: self.c_0.as_ref().map(Dense::as_slice),
            weight_ih: self.weight_ih.as_slice(),
            weight_hh: self.weight_hh.as_slice(),
            bias_ih: self.bias_ih.as_ref().map(Dense::as_slice),
            bias_hh: self.bias_hh.as_ref().map(Dense::as_slice),
            peepholes: self.peepholes.as_ref().map(Dense::as_slice),
        }
    }

    fn nbytes(&self) -> usize {
        let x = match &self.x {
            Values::Features(x) => x.nbytes(),
            Values::Categories(ids) => ids.nbytes(),
        };
        x + self.weight_ih.nbytes() + self.weight_hh.nbytes()
    }
}

fn sequence<T>(array: &Strided<T>) -> Sequence<'_, T> {
    let (data, origin) = array.extent();
    let (shape, strides) = (array.shape(), array.strides());
    Sequence::new(data, origin, [strides[0], strides[1]], [shape[0], shape[1], shape[2]])
}

/// What the backward call needs.
struct Kept<T> {
    network: Network,
    geometry: RecurrentGeometry,
    arrays: Arrays<T>,
    saved: Saved,
}

/// Multiply-adds of a forward call.
fn operations(geometry: &RecurrentGeometry) -> usize {
    let RecurrentGeometry { steps, batch, inputs, hidden, gates, .. } = geometry;
    steps * batch * gates * hidden * (inputs + hidden)
}

/// y, the final states (a pair in an LSTM), and with `keep` the cache.
fn forward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    arguments: Arguments<'py>,
    keep: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    let arrays = Arrays::<T>::new(call, &arguments)?;
    let Arguments { network, geometry, .. } = arguments;
    let mut y = call.output::<T>(&geometry.y_shape())?;
    let mut h_n = call.output::<T>(&geometry.state_shape())?;
    let mut c_n = (network == Network::Lstm).then(|| call.output::<T>(&geometry.state_shape())).transpose()?;
    let outputs =
        Outputs { y: y.as_mut_slice(), h_n: h_n.as_mut_slice(), c_n: c_n.as_mut().map(|output| output.as_mut_slice()) };
    let saved = call.run(operations(&geometry), || {
        kernels::forward(network, &geometry, &arrays.input(), &arrays.parameters(), outputs, keep)
    });
    let saved = saved.map_err(|error| call.fail(Error::Memory(error.to_string())))?;
    let h_n = h_n.into_array();
    let state_n = match c_n {
        Some(c_n) => PyTuple::new(call.py, [h_n, c_n.into_array()])?.into_any(),
        None => h_n,
    };
    let Some(saved) = saved else { return PyTuple::new(call.py, [y.into_array(), state_n]) };
    let nbytes = saved.nbytes() + arrays.nbytes();
    let kept = Kept { network, geometry, arrays, saved };
    let cache = Cache::create::<T, _>(call, operation(network), nbytes, kept)?;
    PyTuple::new(call.py, [y.into_array(), state_n, cache.into_any()])
}

fn run<'py>(call: Call<'py>, network: Network, given: Given<'_, 'py>, keep: bool) -> PyResult<Bound<'py, PyTuple>> {
    let arguments = Arguments::new(call, network, given)?;
    match arguments.dtype(call)? {
        Dtype::F32 => forward::<f32>(call, arguments, keep),
        Dtype::F64 => forward::<f64>(call, arguments, keep),
    }
}

/// The gradients that came in, checked.
struct Incoming<T> {
    dy: Option<Strided<T>>,
    dh_n: Option<Dense<T>>,
    dc_n: Option<Dense<T>>,
}

fn backward<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    name: &'static str,
    dy: &Bound<'py, PyAny>,
    dstate_n: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    let (kept, (incoming, needs)) = open(call, cache, name, |kept: &Kept<T>| {
        Ok((check_incoming(call, &kept.geometry, name, dy, dstate_n)?, wanted(call, name, needs)?))
    })?;
    let Kept { network, geometry, arrays, saved } = *kept;
    let rows = geometry.gates * geometry.hidden;
    let features = matches!(arrays.x, Values::Features(_));
    let state = geometry.state_shape();
    let output = |wanted: bool, shape: &[usize]| wanted.then(|| call.output::<T>(shape)).transpose();
    let mut outputs = [
        output(needs[0] && features, &geometry.x_shape())?,
        output(needs[1] && arrays.h_0.is_some(), &state)?,
        output(needs[2] && arrays.c_0.is_some(), &state)?,
        output(needs[3], &[rows, geometry.inputs])?,
        output(needs[4], &[rows, geometry.hidden])?,
        output(needs[5] && arrays.bias_ih.is_some(), &[rows])?,
        output(needs[6] && arrays.bias_hh.is_some(), &[rows])?,
        output(needs[7] && arrays.peepholes.is_some(), &[3, geometry.hidden])?,
    ];
    let [x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes] =
        outputs.each_mut().map(|output| output.as_mut().map(|output| output.as_mut_slice()));
    let gradients = Gradients { x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes };
    call.run(2 * operations(&geometry), || {
        let slopes = Slopes {
            dy: incoming.dy.as_ref().map(sequence),
            dh_n: incoming.dh_n.as_ref().map(Dense::as_slice),
            dc_n: incoming.dc_n.as_ref().map(Dense::as_slice),
        };
        kernels::backward(network, &geometry, &arrays.input(), &arrays.parameters(), saved, &slopes, gradients);
    });
    let [x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes] =
        outputs.map(|output| output.map(|output| output.into_array()));
    if name == "lstm" {
        PyTuple::new(call.py, [x, h_0, c_0, weight_ih, weight_hh, bias_ih, bias_hh, peepholes])
    } else {
        PyTuple::new(call.py, [x, h_0, weight_ih, weight_hh, bias_ih, bias_hh])
    }
}

fn check_incoming<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    geometry: &RecurrentGeometry,
    name: &str,
    dy: &Bound<'py, PyAny>,
    dstate_n: &Bound<'py, PyAny>,
) -> PyResult<Incoming<T>> {
    let dy = if dy.is_none() {
        None
    } else {
        Some(call.strided::<T>(&call.slope_input::<T>("dy", dy, &geometry.y_shape())?)?)
    };
    let state = |name, slope: Option<Bound<'py, PyAny>>| {
        slope.filter(|slope| !slope.is_none()).map(|slope| call.slope::<T>(name, &slope, &geometry.state_shape()))
    };
    if name == "lstm" {
        let (dh_n, dc_n) = pair(call, "dstate_n", "(dh_n, dc_n)", dstate_n)?;
        return Ok(Incoming { dy, dh_n: state("dh_n", dh_n).transpose()?, dc_n: state("dc_n", dc_n).transpose()? });
    }
    Ok(Incoming { dy, dh_n: state("dstate_n", Some(dstate_n.clone())).transpose()?, dc_n: None })
}

/// Which gradients are asked for, in the order of the LSTM's.
fn wanted<'py>(call: Call<'py>, name: &str, needs: &Bound<'py, PyAny>) -> PyResult<[bool; 8]> {
    if name == "lstm" {
        return call.needs(needs, LSTM_GRADIENTS);
    }
    let [x, h_0, weight_ih, weight_hh, bias_ih, bias_hh] = call.needs(needs, GRADIENTS)?;
    Ok([x, h_0, false, weight_ih, weight_hh, bias_ih, bias_hh, false])
}

fn start_backward<'py>(
    call: Call<'py>,
    name: &'static str,
    dy: &Bound<'py, PyAny>,
    dstate_n: &Bound<'py, PyAny>,
    cache: &Bound<'py, PyAny>,
    needs: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyTuple>> {
    match Cache::dtype(call, cache, name)? {
        Dtype::F32 => backward::<f32>(call, name, dy, dstate_n, cache, needs),
        Dtype::F64 => backward::<f64>(call, name, dy, dstate_n, cache, needs),
    }
}

type Half<'py> = Option<Bound<'py, PyAny>>;

/// The two items of a tuple or list; `None` stands for two of them.
fn pair<'py>(
    call: Call<'py>,
    name: &str,
    expected: &str,
    argument: &Bound<'py, PyAny>,
) -> PyResult<(Half<'py>, Half<'py>)> {
    if argument.is_none() {
        return Ok((None, None));
    }
    let wrong = || Error::type_(format!("{name} must be a pair {expected} or None, got {}", shown(argument)));
    if !argument.is_instance_of::<PyTuple>() && !argument.is_instance_of::<PyList>() {
        return Err(call.fail(wrong()));
    }
    let items: Vec<Bound<'py, PyAny>> = argument.try_iter()?.collect::<PyResult<_>>()?;
    match <[Bound<'py, PyAny>; 2]>::try_from(items) {
        Ok([first, second]) => Ok((Some(first), Some(second))),
        Err(items) => {
            let message = format!("{name} must be a pair {expected} or None, got {} items", items.len());
            Err(call.fail(Error::value(message)))
        }
    }
}

fn elman<'py>(call: Call<'py>, nonlinearity: &Bound<'py, PyAny>) -> PyResult<Network> {
    Ok(Network::Elman { relu: call.choice("nonlinearity", nonlinearity, &["tanh", "relu"])? == 1 })
}

macro_rules! with_one_state {
    ($forward:ident, $name:literal, $option:ident, $keep:literal, $network:expr) => {
        #[pyfunction]
        #[pyo3(signature = (x, h_0, weight_ih, weight_hh, bias_ih, bias_hh, $option, lengths, reverse, /))]
        fn $forward<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            h_0: Bound<'py, PyAny>,
            weight_ih: &Bound<'py, PyAny>,
            weight_hh: &Bound<'py, PyAny>,
            bias_ih: &Bound<'py, PyAny>,
            bias_hh: &Bound<'py, PyAny>,
            $option: &Bound<'py, PyAny>,
            lengths: &Bound<'py, PyAny>,
            reverse: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyTuple>> {
            let call = Call::new(py, $name);
            let weights = [weight_ih, weight_hh, bias_ih, bias_hh];
            let given = Given { x, h_0: Some(h_0), c_0: None, weights, peepholes: None, lengths, reverse };
            run(call, $network(call, $option)?, given, $keep)
        }
    };
}

fn gated<'py>(call: Call<'py>, reset_after: &Bound<'py, PyAny>) -> PyResult<Network> {
    Ok(Network::Gru { reset_after: call.boolean("reset_after", reset_after)? })
}

with_one_state!(rnn, "rnn", nonlinearity, false, elman);
with_one_state!(rnn_forward, "rnn_forward", nonlinearity, true, elman);
with_one_state!(gru, "gru", reset_after, false, gated);
with_one_state!(gru_forward, "gru_forward", reset_after, true, gated);

macro_rules! with_two_states {
    ($forward:ident, $name:literal, $keep:literal) => {
        #[pyfunction]
        #[pyo3(signature = (x, state, weight_ih, weight_hh, bias_ih, bias_hh, peepholes, lengths, reverse, /))]
        fn $forward<'py>(
            py: Python<'py>,
            x: &Bound<'py, PyAny>,
            state: &Bound<'py, PyAny>,
            weight_ih: &Bound<'py, PyAny>,
            weight_hh: &Bound<'py, PyAny>,
            bias_ih: &Bound<'py, PyAny>,
            bias_hh: &Bound<'py, PyAny>,
            peepholes: &Bound<'py, PyAny>,
            lengths: &Bound<'py, PyAny>,
            reverse: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyTuple>> {
            let call = Call::new(py, $name);
            let (h_0, c_0) = pair(call, "state", "(h_0, c_0)", state)?;
            let weights = [weight_ih, weight_hh, bias_ih, bias_hh];
            let given = Given { x, h_0, c_0, weights, peepholes: Some(peepholes), lengths, reverse };
            run(call, Network::Lstm, given, $keep)
        }
    };
}

with_two_states!(lstm, "lstm", false);
with_two_states!(lstm_forward, "lstm_forward", true);

macro_rules! backward_of {
    ($backward:ident, $name:literal, $operation:literal) => {
        #[pyfunction]
        #[pyo3(signature = (dy, dstate_n, cache, needs, /))]
        fn $backward<'py>(
            py: Python<'py>,
            dy: &Bound<'py, PyAny>,
            dstate_n: &Bound<'py, PyAny>,
            cache: &Bound<'py, PyAny>,
            needs: &Bound<'py, PyAny>,
        ) -> PyResult<Bound<'py, PyTuple>> {
            start_backward(Call::new(py, $name), $operation, dy, dstate_n, cache, needs)
        }
    };
}

backward_of!(rnn_backward, "rnn_backward", "rnn");
backward_of!(lstm_backward, "lstm_backward", "lstm");
backward_of!(gru_backward, "gru_backward", "gru");
