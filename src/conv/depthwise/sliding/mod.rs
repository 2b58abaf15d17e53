//! Filters of 3 x 3 that step by one: they slide down a strip of columns, with the three rows of outputs that an input row
//! reaches in registers. Nothing is copied; padding is a masked lane.

mod kernel;

use super::super::run_tasks;
use crate::geometry::conv::ConvGeometry;
use crate::geometry::window::Window;
use crate::scalar::Scalar;
use crate::threads::SharedMut;
use kernel::Planes;

/// The filters' height and width.
const TAPS: usize = 3;
/// Elements of a band of rows, so that it stays in the first-level cache from one strip of columns to the next.
const BAND: usize = 1 << 12;
/// Elements of a task.
const TASK: usize = 1 << 14;

/// Whether these kernels serve a convolution, and its gradients too. A filter must be finite, as no product of padding is
/// left out.
pub fn applies<T: Scalar>(g: &ConvGeometry, weight: &[T]) -> bool {
    let [depth, rows, columns] = &g.windows;
    let flat = depth.kernel == 1 && depth.before == 0 && depth.output == depth.input;
    let steps = |w: &Window| (w.kernel, w.stride, w.dilation) == (TAPS, 1, 1) && w.before < TAPS && w.after < TAPS;
    let finite = || weight.iter().all(|w| w.to_f64().is_finite());
    g.outputs == 1 && flat && steps(rows) && steps(columns) && finite()
}

/// y = x * weight + bias.
pub fn forward<T: Scalar>(g: &ConvGeometry, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let [_, rows, columns] = g.windows;
    slide(g, [rows, columns], x, y, &|group| {
        let start = bias.map_or(T::ZERO, |bias| bias[group]);
        (std::array::from_fn(|tap| weight[group * TAPS * TAPS + tap]), start)
    });
}

/// The gradient with respect to x: the flipped filters slide over dy.
pub fn backward_x<T: Scalar>(g: &ConvGeometry, dy: &[T], weight: &[T], dx: &mut [T]) {
    let [_, rows, columns] = g.windows;
    let back = |w: Window| Window {
        input: w.output,
        output: w.input,
        before: TAPS - 1 - w.before,
        after: TAPS - 1 - w.after,
        ..w
    };
    slide(g, [back(rows), back(columns)], dy, dx, &|group| {
        (std::array::from_fn(|tap| weight[(group + 1) * TAPS * TAPS - 1 - tap]), T::ZERO)
    });
}

/// Every plane under its group's filter, which comes with the number that the sums start from.
fn slide<T: Scalar>(
    g: &ConvGeometry,
    windows: [Window; 2],
    from: &[T],
    to: &mut [T],
    filter: &(dyn Fn(usize) -> ([T; TAPS * TAPS], T) + Sync),
) {
    let depth = g.windows[0].output;
    let planes = Planes { count: g.batch * g.groups * depth, rows: windows[0], columns: windows[1] };
    let each = (BAND / planes.columns.output.max(1)).clamp(1, planes.rows.output.max(1));
    let bands = planes.rows.output.div_ceil(each);
    let to = SharedMut::new(to);
    let (units, per_task) = (planes.count * bands, TASK.div_ceil(each * planes.columns.output.max(1)));
    run_tasks(g.work(), units.div_ceil(per_task), &|task| {
        for unit in task * per_task..units.min((task + 1) * per_task) {
            let (plane, start) = (unit / bands, unit % bands * each);
            let (weight, first) = filter(plane / depth % g.groups);
            let rows = start..(start + each).min(planes.rows.output);
            kernel::slide(&planes, from, &weight, first, to, plane, rows);
        }
    });
}

/// The gradient with respect to the weight: images of a channel are added in order.
pub fn backward_weight<T: Scalar>(g: &ConvGeometry, dy: &[T], x: &[T], dweight: &mut [T]) {
    let [depth, rows, columns] = g.windows;
    let planes = Planes { count: g.batch * g.groups * depth.output, rows, columns };
    let dweight = SharedMut::new(dweight);
    run_tasks(g.work(), g.groups, &|group| {
        let planes_of_group = (0..g.batch).flat_map(|n| {
            let first = (n * g.groups + group) * depth.output;
            first..first + depth.output
        });
        kernel::correlate(&planes, planes_of_group, x, dy, dweight, group);
    });
}
