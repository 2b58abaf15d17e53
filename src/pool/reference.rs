//! Pooling as plain loops: what the fast paths are compared with, and what serves shapes beyond them.

use crate::geometry::pool::PoolGeometry;
use crate::scalar::Scalar;
use crate::strip::{inside, inside_padded};

/// Calls `visit(output, places)` for every window of one plane, with the flat indices of its places inside the input.
fn windows(g: &PoolGeometry, mut visit: impl FnMut(usize, &[usize])) {
    let ([depth, height, width], [_, rows, columns]) = (g.output(), g.input());
    let mut places = Vec::new();
    for output in 0..depth * height * width {
        let at = [output / (height * width), output / width % height, output % width];
        let axis = |axis: usize| {
            let w = g.windows[axis];
            let start = at[axis] * w.step();
            inside(&w, at[axis]).map(move |tap| start + tap * w.dilation - w.before)
        };
        places.clear();
        for d in axis(0) {
            for h in axis(1) {
                places.extend(axis(2).map(|w| (d * rows + h) * columns + w));
            }
        }
        visit(output, &places);
    }
}

/// The largest value of every window and its place (-1 where the window lies in the padding altogether): NaN wins, and ties
/// go to the first place.
pub fn max<T: Scalar>(g: &PoolGeometry, x: &[T], y: &mut [T], indices: &mut [i64]) {
    let (planes_x, planes_y) = (x.chunks_exact(g.input_plane()), y.chunks_exact_mut(g.output_plane()));
    for ((x, y), indices) in planes_x.zip(planes_y).zip(indices.chunks_exact_mut(g.output_plane())) {
        windows(g, |output, places| {
            let (mut best, mut index) = (T::NEG_INFINITY, -1);
            for &place in places {
                let value = x[place];
                if index < 0 || value > best || value.is_nan() && !best.is_nan() {
                    (best, index) = (value, place as i64);
                }
            }
            (y[output], indices[output]) = (best, index);
        });
    }
}

/// Every slope goes to the place that won its window.
pub fn max_backward<T: Scalar>(g: &PoolGeometry, dy: &[T], indices: &[i64], dx: &mut [T]) {
    dx.fill(T::ZERO);
    for (i, (&slope, &index)) in dy.iter().zip(indices).enumerate() {
        if index >= 0 {
            dx[i / g.output_plane() * g.input_plane() + index as usize] += slope;
        }
    }
}

/// How the sum of a window is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Divisor {
    /// By the places inside the input.
    Inside,
    /// By those inside the input or its padding.
    Padded,
    Fixed(i64),
}

impl Divisor {
    /// The places of a window along one axis that count.
    pub fn places(self, g: &PoolGeometry, axis: usize, o: usize) -> usize {
        let window = &g.windows[axis];
        match self {
            Divisor::Inside => inside(window, o).len(),
            Divisor::Padded => inside_padded(window, o),
            Divisor::Fixed(_) => 1,
        }
    }

    /// The divisor of one window; never zero.
    pub fn of(self, g: &PoolGeometry, output: usize) -> f64 {
        let [_, height, width] = g.output();
        let at = [output / (height * width), output / width % height, output % width];
        match self {
            Divisor::Fixed(divisor) => divisor as f64,
            _ => (0..3).map(|axis| self.places(g, axis, at[axis]) as f64).product::<f64>().max(1.0),
        }
    }
}

/// The sum of every window over its divisor.
pub fn average<T: Scalar>(g: &PoolGeometry, divisor: Divisor, x: &[T], y: &mut [T]) {
    for (x, y) in x.chunks_exact(g.input_plane()).zip(y.chunks_exact_mut(g.output_plane())) {
        windows(g, |output, places| {
            let sum: f64 = places.iter().map(|&place| x[place].to_f64()).sum();
            y[output] = T::from_f64(sum / divisor.of(g, output));
        });
    }
}

/// Every place gets the slopes of its windows over their divisors.
pub fn average_backward<T: Scalar>(g: &PoolGeometry, divisor: Divisor, dy: &[T], dx: &mut [T]) {
    for (dy, dx) in dy.chunks_exact(g.output_plane()).zip(dx.chunks_exact_mut(g.input_plane())) {
        let mut sums = vec![0.0; dx.len()];
        windows(g, |output, places| {
            let share = dy[output].to_f64() / divisor.of(g, output);
            places.iter().for_each(|&place| sums[place] += share);
        });
        for (dx, sum) in dx.iter_mut().zip(sums) {
            *dx = T::from_f64(sum);
        }
    }
}
