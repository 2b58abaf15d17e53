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
}

impl<T: Scalar> Adam<T> {
    /// `step` counts from 1.
    pub fn new(lr: f64, beta1: f64, beta2: f64, eps: f64, weight_decay: f64, step: f64) -> Self {
        Adam {
            rate: T::from_f64(lr / (1.0 - beta1.powf(step))),
            fresh1: T::from_f64(1.0 - beta1),
            beta2: T::from_f64(beta2),
            fresh2: T::from_f64(1.0 - beta2),
            root_correction: T::from_f64(1.0 / (1.0 - beta2.powf(step)).sqrt()),
            eps: T::from_f64(eps),
            weight_decay: T::from_f64(weight_decay),
        }
    }

    /// With `g = grad + weight_decay parameter`: `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g^2`,
    /// `parameter -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)`.
    pub fn step(self, parameter: &mut [T], grad: &[T], first_moment: &mut [T], second_moment: &mut [T]) {
        for_each(self, [grad], [parameter, first_moment, second_moment]);
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

    fn adam<T: Scalar>(len: usize, tolerance: f64) {
        let (lr, beta1, beta2, eps, decay) = (0.01, 0.9, 0.99, 1e-8, 0.02);
        let mut parameter = values::<T>(len, 1);
        let (mut m, mut v) = (vec![T::ZERO; len], vec![T::ZERO; len]);
        let mut expected: Vec<f64> = parameter.iter().map(|p| p.to_f64()).collect();
        let (mut first, mut second) = (vec![0.0; len], vec![0.0; len]);
        for step in 1..=4 {
            let grad = values::<T>(len, 5 + step);
            let t = step as f64;
            Adam::new(lr, beta1, beta2, eps, decay, t).step(&mut parameter, &grad, &mut m, &mut v);
            for i in 0..len {
                let g = grad[i].to_f64() + decay * expected[i];
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
            adam::<f32>(len, 3e-6);
            adam::<f64>(len, 1e-13);
        }
    }
}
