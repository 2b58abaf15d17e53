//! Where the taps of output places lie in images with channels in the lanes.

use std::ops::Range;

use super::kernel::OUTSIDE;
use crate::geometry::conv::ConvGeometry;

/// Calls `visit(number, image, row, column)` for adjacent output places, counted over all images.
fn each(g: &ConvGeometry, places: Range<usize>, mut visit: impl FnMut(usize, usize, usize, usize)) {
    let [_, height, width] = g.output();
    let (row, mut column) = (places.start / width, places.start % width);
    let (mut image, mut row) = (row / height, row % height);
    for number in 0..places.len() {
        visit(number, image, row, column);
        column += 1;
        if column == width {
            (column, row) = (0, row + 1);
            if row == height {
                (row, image) = (0, image + 1);
            }
        }
    }
}

/// For each tap and each of the places the index of its element in block 0, [`OUTSIDE`] where that is padding.
pub fn offsets(g: &ConvGeometry, places: Range<usize>, image_len: usize, lanes: usize, to: &mut [usize]) {
    let ([_, rows, columns], [_, down, across]) = (g.input(), g.windows);
    let count = places.len();
    each(g, places, |number, image, row, column| {
        let mut at = number;
        for i in 0..down.kernel {
            // What lies in front of the input wraps round, to behind its end.
            let y = (row * down.step() + i * down.dilation).wrapping_sub(down.before);
            for j in 0..across.kernel {
                let x = (column * across.step() + j * across.dilation).wrapping_sub(across.before);
                let inside = y < rows && x < columns;
                to[at] = if inside { image * image_len + (y * columns + x) * lanes } else { OUTSIDE };
                at += count;
            }
        }
    });
}

/// The index in block 0 of each of the places.
pub fn ends(g: &ConvGeometry, places: Range<usize>, image_len: usize, lanes: usize, to: &mut [usize]) {
    let width = g.output()[2];
    each(g, places, |number, image, row, column| to[number] = image * image_len + (row * width + column) * lanes);
}
