//! Convolution of every channel with filters of its own: too few products for each element to gather panels for.
//!
//! Bands of a plane lie in scratch ([`crate::strip`]), where every tap of a row of windows is a contiguous load; the most
//! common filters do without the copy ([`sliding`]).

mod kernel;
mod sliding;

use super::run_tasks;
use crate::geometry::conv::ConvGeometry;
use crate::scalar::Scalar;
use crate::strip::kernel::Band;
use crate::strip::{Layout, Reach};
use crate::threads::SharedMut;
use kernel::Operands;

/// With more output channels for each input channel, the matrix product is faster.
const MOST_OUTPUTS: usize = 4;

/// The layout of the scratch, if this is a depthwise convolution that fits into it.
pub fn layout(g: &ConvGeometry) -> Option<Layout> {
    if g.channels == 1 && g.outputs <= MOST_OUTPUTS && g.input_plane() > 0 { Layout::new(&g.windows) } else { None }
}

/// y = x * weight + bias.
pub fn forward<T: Scalar>(g: &ConvGeometry, layout: &Layout, x: &[T], weight: &[T], bias: Option<&[T]>, y: &mut [T]) {
    if sliding::applies(g, weight) {
        return sliding::forward(g, x, weight, bias, y);
    }
    let operands = Operands { geometry: g, layout, x, weight, dy: &[] };
    let y = SharedMut::new(y);
    let planes = g.batch * g.groups * g.outputs;
    run_tasks(g.work(), planes * g.output()[0] * layout.bands, &|unit| {
        kernel::forward(&operands, bias, Band::new(layout, unit), y);
    });
}

/// The gradient with respect to x.
pub fn backward_x<T: Scalar>(g: &ConvGeometry, layout: &Layout, dy: &[T], weight: &[T], dx: &mut [T]) {
    if sliding::applies(g, weight) {
        return sliding::backward_x(g, dy, weight, dx);
    }
    let operands = Operands { geometry: g, layout, x: &[], weight, dy };
    let reach = [Reach::new(&g.windows[0]), Reach::new(&g.windows[1])];
    let dx = SharedMut::new(dx);
    run_tasks(g.work(), g.batch * g.groups, &|plane| kernel::backward_x(&operands, &reach, plane, dx));
}

/// The gradient with respect to the weight: images and bands of a channel are added in order.
pub fn backward_weight<T: Scalar>(g: &ConvGeometry, layout: &Layout, dy: &[T], x: &[T], dweight: &mut [T]) {
    if sliding::applies::<T>(g, &[]) {
        return sliding::backward_weight(g, dy, x, dweight);
    }
    let operands = Operands { geometry: g, layout, x, weight: &[], dy };
    let dweight = SharedMut::new(dweight);
    run_tasks(g.work(), g.groups * g.outputs, &|o| kernel::backward_weight(&operands, o, dweight));
}
