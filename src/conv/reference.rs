//! Convolution as plain loops: what every fast path is compared with.

use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;

/// Calls `visit(y, x, weight)` with the indices of every product of the definition.
fn products(g: &ConvGeometry, mut visit: impl FnMut(usize, usize, usize)) {
    let (input, output, kernel) = (g.input(), g.output(), g.kernel());
    for n in 0..g.batch {
        for o in 0..g.groups * g.outputs {
            for place in indices(output) {
                let y = (n * g.groups * g.outputs + o) * g.output_plane() + flat(place, output);
                for c in 0..g.channels {
                    let channel = n * g.groups * g.channels + o / g.outputs * g.channels + c;
                    for tap in indices(kernel) {
                        let Some(inside) = input_place(g, place, tap) else { continue };
                        let x = channel * g.input_plane() + flat(inside, input);
                        visit(y, x, (o * g.channels + c) * g.taps() + flat(tap, kernel));
                    }
                }
            }
        }
    }
}

/// The input place that a tap of a window sees; None in the padding.
fn input_place(g: &ConvGeometry, place: [usize; 3], tap: [usize; 3]) -> Option<[usize; 3]> {
    let mut inside = [0; 3];
    for (axis, window) in g.windows.iter().enumerate() {
        let padded = place[axis] * window.step() + tap[axis] * window.dilation;
        inside[axis] = padded.checked_sub(window.before).filter(|&at| at < window.input)?;
    }
    Some(inside)
}

fn indices([depth, height, width]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..depth * height * width).map(move |i| [i / (height * width), i / width % height, i % width])
}

fn flat([d, h, w]: [usize; 3], [_, height, width]: [usize; 3]) -> usize {
    (d * height + h) * width + w
}

/// `y[n, o, p] = bias[o] + sum of x[n, c, p * stride + k * dilation - before] * weight[o, c, k]`, summed in float64.
pub fn forward<T: Scalar>(g: &ConvGeometry, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let mut sums = vec![0.0; y.len()];
    for (i, sum) in sums.iter_mut().enumerate() {
        let o = i / g.output_plane() % (g.groups * g.outputs);
        *sum = bias.map_or(0.0, |bias| bias[o].to_f64());
    }
    products(g, |i, j, k| sums[i] += x[j].to_f64() * weight[k].to_f64());
    round(&sums, y);
}

/// `dx` adds up `dy * weight` over the same products.
pub fn backward_x<T: Scalar>(g: &ConvGeometry, dy: &[T], weight: &[T], dx: &mut [T]) {
    let mut sums = vec![0.0; dx.len()];
    products(g, |i, j, k| sums[j] += dy[i].to_f64() * weight[k].to_f64());
    round(&sums, dx);
}

/// `dweight` adds up `dy * x` over the same products.
pub fn backward_weight<T: Scalar>(g: &ConvGeometry, dy: &[T], x: &[T], dweight: &mut [T]) {
    let mut sums = vec![0.0; dweight.len()];
    products(g, |i, j, k| sums[k] += dy[i].to_f64() * x[j].to_f64());
    round(&sums, dweight);
}

/// `dbias[o]` adds up `dy[n, o, p]`.
pub fn backward_bias<T: Scalar>(g: &ConvGeometry, dy: &[T], dbias: &mut [T]) {
    let mut sums = vec![0.0; dbias.len()];
    for (i, slope) in dy.iter().enumerate() {
        sums[i / g.output_plane() % dbias.len()] += slope.to_f64();
    }
    round(&sums, dbias);
}

fn round<T: Scalar>(sums: &[f64], to: &mut [T]) {
    for (to, &sum) in to.iter_mut().zip(sums) {
        *to = T::from_f64(sum);
    }
}
