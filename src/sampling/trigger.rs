//! A profiler that samples by bytes: which allocations a trigger would have picked.

use crate::random::Uniforms;

/// How many bytes pass until the next sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Exponential with mean `rate`: memoryless, so that neighbours do not matter.
    Exponential,
    /// Uniform on [0, 2 rate): its mean is `rate` too, but what follows a sample depends on the sizes around it.
    Uniform,
}

impl Trigger {
    #[inline]
    fn draw(self, stream: &mut Uniforms, rate: f64) -> f64 {
        match self {
            Trigger::Exponential => -rate * (-stream.draw()).ln_1p(),
            Trigger::Uniform => 2.0 * rate * stream.draw(),
        }
    }
}

/// Marks the allocations that a counter of bytes picks: each one lowers it by its size, and is sampled if that makes it
/// negative, whereupon the counter is drawn anew.
pub fn simulate(sizes: &[f64], rate: f64, trigger: Trigger, key: u64, sampled: &mut [bool]) {
    let mut stream = Uniforms::new(key);
    let mut left = trigger.draw(&mut stream, rate);
    for (sampled, &size) in sampled.iter_mut().zip(sizes) {
        left -= size;
        *sampled = left < 0.0;
        if *sampled {
            left = trigger.draw(&mut stream, rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(size: f64, trigger: Trigger) -> f64 {
        let mut sampled = vec![false; 400_000];
        simulate(&vec![size; sampled.len()], 1000.0, trigger, 7, &mut sampled);
        sampled.iter().filter(|&&hit| hit).count() as f64 / sampled.len() as f64
    }

    #[test]
    fn exponential_triggers_take_a_share_that_depends_on_size_alone() {
        for size in [10.0, 500.0, 1000.0, 3000.0] {
            let expected = 1.0 - f64::exp(-size / 1000.0);
            assert!((share(size, Trigger::Exponential) - expected).abs() < 0.004, "{size}");
        }
    }

    #[test]
    fn uniform_triggers_follow_the_renewal_equation_of_equal_sizes() {
        for (size, expected) in [(100.0, 1.0 / 10.5), (500.0, 0.4), (1500.0, 0.8), (2000.0, 1.0)] {
            assert!((share(size, Trigger::Uniform) - expected).abs() < 0.004, "{size}");
        }
    }

    #[test]
    fn one_key_gives_one_result_whatever_follows() {
        let sizes: Vec<f64> = (0..1000).map(|i| f64::from(i % 37 + 1)).collect();
        let (mut whole, mut part, mut other) = (vec![false; 1000], vec![false; 300], vec![false; 1000]);
        simulate(&sizes, 50.0, Trigger::Exponential, 1, &mut whole);
        simulate(&sizes[..300], 50.0, Trigger::Exponential, 1, &mut part);
        simulate(&sizes, 50.0, Trigger::Exponential, 2, &mut other);
        assert_eq!(part, whole[..300]);
        assert_ne!(whole, other);
    }
}
