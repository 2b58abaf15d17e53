//! Steps of optimisers, in place, by the equations of `torch.optim`.

mod kernel;

use super::kernel::for_each;
use crate::scalar::Scalar;

/// `g = grad + weight_decay parameter`, `velocity = momentum velocity + g`, `parameter -= lr velocity`; with Nesterov's
/// momentum `parameter -= lr (g + momentum velocity)`.
#[derive(Clone, Copy, Debug)]
pub struct Sgd<T> {
    pub lr: T,
    pub momentum: T,
    pub nesterov: bool,
    pub weight_decay: T,
}

impl<T: Scalar> Sgd<T> {
    /// One step. Without a velocity there is no momentum.
    pub fn step(self, parameter: &mut [T], grad: &[T], velocity: Option<&mut [T]>) {
        match velocity {
            Some(velocity) => for_each(self, [grad], [parameter, velocity]),
            None => for_each(self, [grad], [parameter]),
        }
    }
}

/// Adam (Kingma, Ba 2015), with the corrections of one step worked out.
#[derive(Clone, Copy, Debug)]
pub struct Adam<T> {
    rate: T,
    fresh1: T,
    beta2: T,
    fresh2: T,
    root_correction: T,
    eps: T,
    weight_decay: T,
    keep: T,
}

impl<T: Scalar> Adam<T> {
    /// `step` counts from 1. A decoupled weight decay shrinks the parameter instead of changing the gradient (Loshchilov,
    /// Hutter 2019).
    pub fn new(lr: f64, [beta1, beta2]: [f64; 2], eps: f64, weight_decay: f64, decoupled: bool, step: f64) -> Self {
        let (weight_decay, keep) = if decoupled { (0.0, 1.0 - lr * weight_decay) } else { (weight_decay, 1.0) };
        Adam {
            rate: T::from_f64(lr / (1.0 - beta1.powf(step))),
            fresh1: T::from_f64(1.0 - beta1),
            beta2: T::from_f64(beta2),
            fresh2: T::from_f64(1.0 - beta2),
            root_correction: T::from_f64(1.0 / (1.0 - beta2.powf(step)).sqrt()),
            eps: T::from_f64(eps),
            weight_decay: T::from_f64(weight_decay),
            keep: T::from_f64(keep),
        }
    }

    /// With `g = grad + weight_decay parameter`: `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
    /// `parameter -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)`; decoupled, `g = grad` and the parameter is
    /// multiplied by `1 - lr weight_decay` first.
    pub fn step(self, parameter: &mut [T], grad: &[T], first_moment: &mut [T], second_moment: &mut [T]) {
        for_each(self, [grad], [parameter, first_moment, second_moment]);
    }
}

/// `g = grad + weight_decay parameter`, `mean_square = alpha mean_square + (1 - alpha) g^2`,
/// `d = g / (sqrt(mean_square) + eps)`, `parameter -= lr d`; with momentum `velocity = momentum velocity + d` takes the
/// place of d.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp<T> {
    lr: T,
    alpha: T,
    fresh: T,
    eps: T,
    momentum: T,
    weight_decay: T,
}

impl<T: Scalar> RmsProp<T> {
    pub fn new(lr: f64, alpha: f64, eps: f64, momentum: f64, weight_decay: f64) -> Self {
        RmsProp {
            lr: T::from_f64(lr),
            alpha: T::from_f64(alpha),
            fresh: T::from_f64(1.0 - alpha),
            eps: T::from_f64(eps),
            momentum: T::from_f64(momentum),
            weight_decay: T::from_f64(weight_decay),
        }
    }

    /// One step. Without a velocity there is no momentum.
    pub fn step(self, parameter: &mut [T], grad: &[T], mean_square: &mut [T], velocity: Option<&mut [T]>) {
        match velocity {
            Some(velocity) => for_each(self, [grad], [parameter, mean_square, velocity]),
            None => for_each(self, [grad], [parameter, mean_square]),
        }
    }
}

/// `g = grad + weight_decay parameter`, `square_sum += g^2`, `parameter -= lr g / (sqrt(square_sum) + eps)`.
#[derive(Clone, Copy, Debug)]
pub struct Adagrad<T> {
    pub lr: T,
    pub eps: T,
    pub weight_decay: T,
}

impl<T: Scalar> Adagrad<T> {
    /// One step (Duchi, Hazan, Singer 2011).
    pub fn step(self, parameter: &mut [T], grad: &[T], square_sum: &mut [T]) {
        for_each(self, [grad], [parameter, square_sum]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<T: Scalar>(len: usize, seed: usize) -> Vec<T> {
        (0..len).map(|i| T::from_f64(((i * 31 + seed * 17) % 97) as f64 / 40.0 - 1.2)).collect()
    }

    fn assert_close<T: Scalar>(got: &[T], expected: &[f64], tolerance: f64) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got.to_f64() - expected).abs() <= tolerance * (1.0 + expected.abs()), "{got:?} {expected}");
        }
    }

    fn sgd<T: Scalar>(len: usize, momentum: f64, nesterov: bool, tolerance: f64) {
        let settings =
            Sgd { lr: T::from_f64(0.1), momentum: T::from_f64(momentum), nesterov, weight_decay: T::from_f64(0.01) };
        let (mut parameter, mut velocity) = (values::<T>(len, 1), vec![T::ZERO; len]);
        let mut expected: Vec<f64> = parameter.iter().map(|p| p.to_f64()).collect();
        let mut speed = vec![0.0; len];
        for step in 0..3 {
            let grad = values::<T>(len, 5 + step);
            settings.step(&mut parameter, &grad, (momentum != 0.0).then_some(&mut velocity));
            for i in 0..len {
                let g = grad[i].to_f64() + 0.01 * expected[i];
                speed[i] = momentum * speed[i] + g;
                expected[i] -= 0.1 * if nesterov { g + momentum * speed[i] } else { speed[i] };
            }
        }
        assert_close(&parameter, &expected, tolerance);
    }

    #[test]
    fn sgd_by_its_equations() {
        for len in [0, 1, 7, 16, 33, 20_000] {
            for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
                sgd::<f32>(len, momentum, nesterov, 1e-6);
                sgd::<f64>(len, momentum, nesterov, 1e-14);
            }
        }
    }

    fn adam<T: Scalar>(len: usize, decoupled: bool, tolerance: f64) {
        let (lr, beta1, beta2, eps, decay) = (0.01, 0.9, 0.99, 1e-8, 0.02);
        let mut parameter = values::<T>(len, 1);
        let (mut m, mut v) = (vec![T::ZERO; len], vec![T::ZERO; len]);
        let mut expected: Vec<f64> = parameter.iter().map(|p| p.to_f64()).collect();
        let (mut first, mut second) = (vec![0.0; len], vec![0.0; len]);
        for step in 1..=4 {
            let grad = values::<T>(len, 5 + step);
            let t = step as f64;
            Adam::new(lr, [beta1, beta2], eps, decay, decoupled, t).step(&mut parameter, &grad, &mut m, &mut v);
            for i in 0..len {
                let g = grad[i].to_f64() + if decoupled { 0.0 } else { decay * expected[i] };
                expected[i] *= if decoupled { 1.0 - lr * decay } else { 1.0 };
                first[i] = beta1 * first[i] + (1.0 - beta1) * g;
                second[i] = beta2 * second[i] + (1.0 - beta2) * g * g;
                let (m_hat, v_hat) = (first[i] / (1.0 - beta1.powf(t)), second[i] / (1.0 - beta2.powf(t)));
                expected[i] -= lr * m_hat / (v_hat.sqrt() + eps);
            }
        }
        assert_close(&parameter, &expected, tolerance);
        assert_close(&m, &first, tolerance);
        assert_close(&v, &second, tolerance);
    }

    #[test]
    fn adam_by_its_equations() {
        for len in [0, 1, 7, 16, 33, 20_000] {
            for decoupled in [false, true] {
                adam::<f32>(len, decoupled, 3e-6);
                adam::<f64>(len, decoupled, 1e-13);
            }
        }
    }

    /// Three steps of `update(parameter, gradient, square)` in float64 beside those of `step`.
    fn compare<T: Scalar>(
        len: usize,
        tolerance: f64,
        mut step: impl FnMut(&mut [T], &[T], &mut [T]),
        mut update: impl FnMut(usize, f64, f64, &mut f64) -> f64,
    ) {
        let (mut parameter, mut square) = (values::<T>(len, 1), vec![T::ZERO; len]);
        let mut expected: Vec<f64> = parameter.iter().map(|p| p.to_f64()).collect();
        let mut squares = vec![0.0; len];
        for number in 0..3 {
            let grad = values::<T>(len, 5 + number);
            step(&mut parameter, &grad, &mut square);
            for i in 0..len {
                expected[i] -= update(i, expected[i], grad[i].to_f64(), &mut squares[i]);
            }
        }
        assert_close(&parameter, &expected, tolerance);
        assert_close(&square, &squares, tolerance);
    }

    fn rmsprop<T: Scalar>(len: usize, momentum: f64, tolerance: f64) {
        let settings = RmsProp::<T>::new(0.1, 0.9, 1e-2, momentum, 0.02);
        let (mut velocity, mut speed) = (vec![T::ZERO; len], vec![0.0; len]);
        let step = |parameter: &mut [T], grad: &[T], mean_square: &mut [T]| {
            settings.step(parameter, grad, mean_square, (momentum != 0.0).then_some(&mut velocity));
        };
        compare(len, tolerance, step, |i, parameter, grad, square| {
            let g = grad + 0.02 * parameter;
            *square = 0.9 * *square + (1.0 - 0.9) * g * g;
            speed[i] = momentum * speed[i] + g / (square.sqrt() + 1e-2);
            0.1 * speed[i]
        });
    }

    fn adagrad<T: Scalar>(len: usize, tolerance: f64) {
        let settings = Adagrad { lr: T::from_f64(0.1), eps: T::from_f64(1e-2), weight_decay: T::from_f64(0.02) };
        compare(
            len,
            tolerance,
            |parameter: &mut [T], grad, square_sum| settings.step(parameter, grad, square_sum),
            |_, parameter, grad, square| {
                let g = grad + 0.02 * parameter;
                *square += g * g;
                0.1 * g / (square.sqrt() + 1e-2)
            },
        );
    }

    #[test]
    fn rmsprop_and_adagrad_by_their_equations() {
        for len in [0, 1, 7, 16, 33, 20_000] {
            for momentum in [0.0, 0.9] {
                rmsprop::<f32>(len, momentum, 3e-6);
                rmsprop::<f64>(len, momentum, 1e-13);
            }
            adagrad::<f32>(len, 3e-6);
            adagrad::<f64>(len, 1e-13);
        }
    }
}
