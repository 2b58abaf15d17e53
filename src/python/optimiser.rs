//! `sgd_step`, `adam_step`, `adamw_step`, `rmsprop_step` and `adagrad_step`, in place.

use pyo3::prelude::*;

use super::arguments::Call;
use super::array::{Dtype, Input, Numeric};
use crate::geometry::Error;
use crate::pointwise::optimiser::{Adagrad, Adam, RmsProp, Sgd};
use crate::scalar::Scalar;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sgd_step, module)?)?;
    module.add_function(wrap_pyfunction!(adam_step, module)?)?;
    module.add_function(wrap_pyfunction!(adamw_step, module)?)?;
    module.add_function(wrap_pyfunction!(rmsprop_step, module)?)?;
    module.add_function(wrap_pyfunction!(adagrad_step, module)?)
}

fn floats<'py, const N: usize>(
    call: Call<'py>,
    arguments: [(&'static str, &Bound<'py, PyAny>); N],
) -> PyResult<[f64; N]> {
    let mut numbers = [0.0; N];
    for (number, (name, argument)) in numbers.iter_mut().zip(arguments) {
        *number = call.float(name, argument)?;
    }
    Ok(numbers)
}

/// Refuses two names for the same memory.
fn check_apart<T>(call: Call, arrays: &[(&str, &[T])]) -> PyResult<()> {
    for (i, (name, array)) in arrays.iter().enumerate() {
        for (other_name, other) in &arrays[..i] {
            let (a, b) = (array.as_ptr_range(), other.as_ptr_range());
            if a.start < b.end && b.start < a.end {
                return Err(call.fail(Error::value(format!("{name} must not overlap {other_name}"))));
            }
        }
    }
    Ok(())
}

#[pyfunction]
#[pyo3(signature = (parameter, grad, velocity, lr, momentum, nesterov, weight_decay, /))]
fn sgd_step<'py>(
    py: Python<'py>,
    parameter: &Bound<'py, PyAny>,
    grad: &Bound<'py, PyAny>,
    velocity: &Bound<'py, PyAny>,
    lr: &Bound<'py, PyAny>,
    momentum: &Bound<'py, PyAny>,
    nesterov: &Bound<'py, PyAny>,
    weight_decay: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let call = Call::new(py, "sgd_step");
    let like = call.array("parameter", parameter)?;
    let settings = Sgd {
        lr: call.float("lr", lr)?,
        momentum: call.float("momentum", momentum)?,
        nesterov: call.boolean("nesterov", nesterov)?,
        weight_decay: call.float("weight_decay", weight_decay)?,
    };
    match call.float_dtype([&like])? {
        Dtype::F32 => sgd::<f32>(call, &like, [parameter, grad, velocity], settings),
        Dtype::F64 => sgd::<f64>(call, &like, [parameter, grad, velocity], settings),
    }
}

fn sgd<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    like: &Input<'py>,
    [parameter, grad, velocity]: [&Bound<'py, PyAny>; 3],
    settings: Sgd<f64>,
) -> PyResult<()> {
    let shape = like.shape();
    let settings = Sgd {
        lr: T::from_f64(settings.lr),
        momentum: T::from_f64(settings.momentum),
        nesterov: settings.nesterov,
        weight_decay: T::from_f64(settings.weight_decay),
    };
    let mut parameter = call.in_place::<T>("parameter", parameter, shape)?;
    let grad = call.slope::<T>("grad", grad, shape)?;
    let has_velocity = !velocity.is_none();
    let mut velocity = has_velocity.then(|| call.in_place::<T>("velocity", velocity, shape)).transpose()?;
    let parameter = parameter.as_mut_slice();
    let velocity = velocity.as_mut().map(|velocity| velocity.as_mut_slice());
    let others =
        [("parameter", &*parameter), ("grad", grad.as_slice()), ("velocity", velocity.as_deref().unwrap_or(&[]))];
    check_apart(call, &others)?;
    call.run(grad.as_slice().len(), || settings.step(parameter, grad.as_slice(), velocity));
    Ok(())
}

macro_rules! adam_function {
    ($name:ident, $decoupled:expr) => {
        #[pyfunction]
        #[pyo3(signature = (parameter, grad, first_moment, second_moment, lr, beta1, beta2, eps, weight_decay, step, /))]
        fn $name<'py>(
            py: Python<'py>,
            parameter: &Bound<'py, PyAny>,
            grad: &Bound<'py, PyAny>,
            first_moment: &Bound<'py, PyAny>,
            second_moment: &Bound<'py, PyAny>,
            lr: &Bound<'py, PyAny>,
            beta1: &Bound<'py, PyAny>,
            beta2: &Bound<'py, PyAny>,
            eps: &Bound<'py, PyAny>,
            weight_decay: &Bound<'py, PyAny>,
            step: &Bound<'py, PyAny>,
        ) -> PyResult<()> {
            let call = Call::new(py, stringify!($name));
            let like = call.array("parameter", parameter)?;
            let step = call.size("step", step, 1)? as f64;
            let numbers = [("lr", lr), ("beta1", beta1), ("beta2", beta2), ("eps", eps), ("weight_decay", weight_decay)];
            let [lr, beta1, beta2, eps, weight_decay] = floats(call, numbers)?;
            let (arrays, betas) = ([parameter, grad, first_moment, second_moment], [beta1, beta2]);
            match call.float_dtype([&like])? {
                Dtype::F32 => adam::<f32>(call, &like, arrays, Adam::new(lr, betas, eps, weight_decay, $decoupled, step)),
                Dtype::F64 => adam::<f64>(call, &like, arrays, Adam::new(lr, betas, eps, weight_decay, $decoupled, step)),
            }
        }
    };
}

adam_function!(adam_step, false);
adam_function!(adamw_step, true);

fn adam<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    like: &Input<'py>,
    [parameter, grad, first_moment, second_moment]: [&Bound<'py, PyAny>; 4],
    adam: Adam<T>,
) -> PyResult<()> {
    let shape = like.shape();
    let mut parameter = call.in_place::<T>("parameter", parameter, shape)?;
    let grad = call.slope::<T>("grad", grad, shape)?;
    let mut first = call.in_place::<T>("first_moment", first_moment, shape)?;
    let mut second = call.in_place::<T>("second_moment", second_moment, shape)?;
    let [parameter, first, second] = [&mut parameter, &mut first, &mut second].map(|output| output.as_mut_slice());
    let grad = grad.as_slice();
    check_apart(
        call,
        &[("parameter", &*parameter), ("grad", grad), ("first_moment", first), ("second_moment", second)],
    )?;
    call.run(2 * grad.len(), || adam.step(parameter, grad, first, second));
    Ok(())
}

#[pyfunction]
#[pyo3(signature = (parameter, grad, mean_square, velocity, lr, alpha, eps, momentum, weight_decay, /))]
fn rmsprop_step<'py>(
    py: Python<'py>,
    parameter: &Bound<'py, PyAny>,
    grad: &Bound<'py, PyAny>,
    mean_square: &Bound<'py, PyAny>,
    velocity: &Bound<'py, PyAny>,
    lr: &Bound<'py, PyAny>,
    alpha: &Bound<'py, PyAny>,
    eps: &Bound<'py, PyAny>,
    momentum: &Bound<'py, PyAny>,
    weight_decay: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let call = Call::new(py, "rmsprop_step");
    let like = call.array("parameter", parameter)?;
    let [lr, alpha, eps, momentum, weight_decay] = floats(
        call,
        [("lr", lr), ("alpha", alpha), ("eps", eps), ("momentum", momentum), ("weight_decay", weight_decay)],
    )?;
    let arrays = [parameter, grad, mean_square, velocity];
    match call.float_dtype([&like])? {
        Dtype::F32 => rmsprop(call, &like, arrays, RmsProp::<f32>::new(lr, alpha, eps, momentum, weight_decay)),
        Dtype::F64 => rmsprop(call, &like, arrays, RmsProp::<f64>::new(lr, alpha, eps, momentum, weight_decay)),
    }
}

fn rmsprop<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    like: &Input<'py>,
    [parameter, grad, mean_square, velocity]: [&Bound<'py, PyAny>; 4],
    rmsprop: RmsProp<T>,
) -> PyResult<()> {
    let shape = like.shape();
    let mut parameter = call.in_place::<T>("parameter", parameter, shape)?;
    let grad = call.slope::<T>("grad", grad, shape)?;
    let mut mean_square = call.in_place::<T>("mean_square", mean_square, shape)?;
    let has_velocity = !velocity.is_none();
    let mut velocity = has_velocity.then(|| call.in_place::<T>("velocity", velocity, shape)).transpose()?;
    let (parameter, mean_square, grad) = (parameter.as_mut_slice(), mean_square.as_mut_slice(), grad.as_slice());
    let velocity = velocity.as_mut().map(|velocity| velocity.as_mut_slice());
    let kept = velocity.as_deref().unwrap_or(&[]);
    check_apart(
        call,
        &[("parameter", &*parameter), ("grad", grad), ("mean_square", &*mean_square), ("velocity", kept)],
    )?;
    call.run(2 * grad.len(), || rmsprop.step(parameter, grad, mean_square, velocity));
    Ok(())
}

#[pyfunction]
#[pyo3(signature = (parameter, grad, square_sum, lr, eps, weight_decay, /))]
fn adagrad_step<'py>(
    py: Python<'py>,
    parameter: &Bound<'py, PyAny>,
    grad: &Bound<'py, PyAny>,
    square_sum: &Bound<'py, PyAny>,
    lr: &Bound<'py, PyAny>,
    eps: &Bound<'py, PyAny>,
    weight_decay: &Bound<'py, PyAny>,
) -> PyResult<()> {
    let call = Call::new(py, "adagrad_step");
    let like = call.array("parameter", parameter)?;
    let [lr, eps, weight_decay] = floats(call, [("lr", lr), ("eps", eps), ("weight_decay", weight_decay)])?;
    let (arrays, numbers) = ([parameter, grad, square_sum], [lr, eps, weight_decay]);
    match call.float_dtype([&like])? {
        Dtype::F32 => adagrad::<f32>(call, &like, arrays, numbers),
        Dtype::F64 => adagrad::<f64>(call, &like, arrays, numbers),
    }
}

fn adagrad<'py, T: Scalar + Numeric>(
    call: Call<'py>,
    like: &Input<'py>,
    [parameter, grad, square_sum]: [&Bound<'py, PyAny>; 3],
    numbers: [f64; 3],
) -> PyResult<()> {
    let shape = like.shape();
    let [lr, eps, weight_decay] = numbers.map(T::from_f64);
    let mut parameter = call.in_place::<T>("parameter", parameter, shape)?;
    let grad = call.slope::<T>("grad", grad, shape)?;
    let mut square_sum = call.in_place::<T>("square_sum", square_sum, shape)?;
    let (parameter, square_sum, grad) = (parameter.as_mut_slice(), square_sum.as_mut_slice(), grad.as_slice());
    check_apart(call, &[("parameter", &*parameter), ("grad", grad), ("square_sum", &*square_sum)])?;
    call.run(2 * grad.len(), || Adagrad { lr, eps, weight_decay }.step(parameter, grad, square_sum));
    Ok(())
}
