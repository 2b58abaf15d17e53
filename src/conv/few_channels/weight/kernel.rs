//! The sums over all places of some images, for one channel and one row of taps.

#![allow(unsafe_code)]

use std::ops::Range;

use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::simd::{Kernel, Simd, run};
use crate::threads::SharedMut;

/// The operands of the product; x lies between zeros.
pub struct Operands<'a, T> {
    pub g: &'a ConvGeometry,
    /// Spatial sizes of x with its padding.
    pub padded: [usize; 3],
    pub dy: &'a [T],
    pub x: &'a [T],
}

/// The gradients of the taps of one row of the kernel, `unit` being (channel, depth, height), over some images: written to
/// their places in the weight that starts at `start`.
///
/// No other task may write them.
pub fn sum_images<T: Scalar>(
    operands: &Operands<T>,
    images: Range<usize>,
    unit: usize,
    to: SharedMut<T>,
    start: usize,
) {
    let g = operands.g;
    let [depth, height, width] = g.kernel();
    assert!(g.groups == 1 && unit < g.channels * depth * height && images.end <= g.batch && g.windows[2].stride == 1);
    assert_eq!(operands.x.len(), g.batch * g.channels * operands.padded.iter().product::<usize>());
    assert_eq!(operands.dy.len(), g.y_len());
    for (window, padded) in g.windows.iter().zip(operands.padded) {
        assert!((window.output - 1) * window.stride + (window.kernel - 1) * window.dilation < padded);
    }
    assert!(start + g.weight_len() <= to.len());
    let (channel, tap) = (unit / (depth * height), unit % (depth * height));
    let row = start + unit * width;
    // SAFETY: the asserts; the caller keeps other tasks out of the row of taps of every output channel.
    unsafe { run(Sums { operands, images, channel, tap: [tap / height, tap % height], to: to.as_mut_ptr().add(row) }) }
}

struct Sums<'a, T> {
    operands: &'a Operands<'a, T>,
    images: Range<usize>,
    channel: usize,
    /// Of the kernel's first two axes.
    tap: [usize; 2],
    /// The row of taps of the first output channel.
    to: *mut T,
}

impl<T: Scalar> Kernel<T> for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<T = T>>(self) {
        let taps = self.operands.g.windows[2].kernel;
        let most = if S::REGISTERS == 32 { 6 } else { 3 };
        let mut tap = 0;
        while tap < taps {
            let left = taps - tap;
            let n = left.div_ceil(left.div_ceil(most));
            // SAFETY: the caller vouches for the operands.
            unsafe {
                if S::REGISTERS == 32 {
                    match n {
                        1 => self.outputs::<S, 8, 1>(tap),
                        2 => self.outputs::<S, 8, 2>(tap),
                        3 => self.outputs::<S, 8, 3>(tap),
                        4 => self.outputs::<S, 4, 4>(tap),
                        5 => self.outputs::<S, 4, 5>(tap),
                        _ => self.outputs::<S, 4, 6>(tap),
                    }
                } else {
                    match n {
                        1 => self.outputs::<S, 4, 1>(tap),
                        2 => self.outputs::<S, 4, 2>(tap),
                        _ => self.outputs::<S, 4, 3>(tap),
                    }
                }
            }
            tap += n;
        }
    }
}

impl<T: Scalar> Sums<'_, T> {
    /// All output channels, `OB` at a time, for `KB` taps from `tap` on.
    ///
    /// # Safety
    /// The processor has the instruction set of `S`; the operands were checked.
    #[inline(always)]
    unsafe fn outputs<S: Simd<T = T>, const OB: usize, const KB: usize>(&self, tap: usize) {
        let g = self.operands.g;
        let step = g.channels * g.taps();
        for first in (0..g.outputs).step_by(OB) {
            // SAFETY: as the caller says; the last tile repeats the last channel, whose sums it drops.
            unsafe {
                let mut total = [[S::zero(); KB]; OB];
                for image in self.images.clone() {
                    let sums = self.plane::<S, OB, KB>(image, first, tap);
                    for o in 0..OB {
                        for k in 0..KB {
                            total[o][k] = S::add(total[o][k], sums[o][k]);
                        }
                    }
                }
                for o in 0..OB.min(g.outputs - first) {
                    for k in 0..KB {
                        *self.to.add((first + o) * step + tap + k) = S::sum(total[o][k]);
                    }
                }
            }
        }
    }

    /// The sums over the places of one image.
    ///
    /// # Safety
    /// As for [`Sums::outputs`].
    #[inline(always)]
    unsafe fn plane<S: Simd<T = T>, const OB: usize, const KB: usize>(
        &self,
        image: usize,
        first: usize,
        tap: usize,
    ) -> [[S::V; KB]; OB] {
        let (g, [_, height, width]) = (self.operands.g, self.operands.padded);
        let ([depth_out, height_out, width_out], [z, y, x]) = (g.output(), g.windows.each_ref());
        let plane = g.output_plane();
        // SAFETY: as the caller says: every place of y reads inside the padded x.
        unsafe {
            let input = self.operands.x.as_ptr().add(
                (image * g.channels + self.channel) * self.operands.padded.iter().product::<usize>() + tap * x.dilation,
            );
            let slopes = self.operands.dy.as_ptr().add(image * g.outputs * plane);
            let mut offsets = [0; OB];
            for o in 0..OB {
                offsets[o] = (first + o).min(g.outputs - 1) * plane;
            }
            let mut acc = [[S::zero(); KB]; OB];
            for row in 0..depth_out * height_out {
                let (a, b) = (row / height_out, row % height_out);
                let a = a * z.stride + self.tap[0] * z.dilation;
                let b = b * y.stride + self.tap[1] * y.dilation;
                let from = input.add((a * height + b) * width);
                let slopes = slopes.add(row * width_out);
                let mut at = 0;
                while at + S::LANES <= width_out {
                    step::<S, OB, KB>(&mut acc, from.add(at), x.dilation, slopes.add(at), &offsets, S::LANES);
                    at += S::LANES;
                }
                if at < width_out {
                    step::<S, OB, KB>(&mut acc, from.add(at), x.dilation, slopes.add(at), &offsets, width_out - at);
                }
            }
            acc
        }
    }
}

/// Adds the products of `n` places.
///
/// # Safety
/// The processor has the instruction set of `S`; all places are inside their arrays.
#[inline(always)]
unsafe fn step<S: Simd, const OB: usize, const KB: usize>(
    acc: &mut [[S::V; KB]; OB],
    x: *const S::T,
    dilation: usize,
    slopes: *const S::T,
    offsets: &[usize; OB],
    n: usize,
) {
    // SAFETY: as the caller says.
    unsafe {
        let mut inputs = [S::zero(); KB];
        for k in 0..KB {
            inputs[k] = S::load_up_to(x.add(k * dilation), n);
        }
        for o in 0..OB {
            let slope = S::load_up_to(slopes.add(offsets[o]), n);
            for k in 0..KB {
                acc[o][k] = S::fma(slope, inputs[k], acc[o][k]);
            }
        }
    }
}

/// Copies one plane of x to its place between zeros.
///
/// No other task may write the plane.
pub fn pad_plane<T: Scalar>(
    x: &[T],
    [depth, height, width]: [usize; 3],
    before: [usize; 3],
    padded: [usize; 3],
    to: SharedMut<T>,
    plane: usize,
) {
    let len = padded.iter().product::<usize>();
    assert!(x.len() == depth * height * width && width > 0);
    // SAFETY: each plane belongs to one task.
    let to = unsafe { to.slice(plane * len, len) };
    to.fill(T::ZERO);
    for (row, from) in x.chunks_exact(width).enumerate() {
        let (z, y) = (row / height + before[0], row % height + before[1]);
        to[(z * padded[1] + y) * padded[2] + before[2]..][..width].copy_from_slice(from);
    }
}
