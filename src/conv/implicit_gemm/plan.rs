//! Which elements of an input make up a panel: the geometry half of the implicit GEMM.

use crate::geometry::conv::ConvGeometry;

/// An operand that is read through a sliding window. Row `(c, t)` of a panel, for channel `c` and tap `t`, holds
/// `input[n][c][q * step + offset of t]` for a range of places `q` of the grid, all images one after the other, and zero
/// where that lies outside the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    pub input: [usize; 3],
    pub grid: [usize; 3],
    pub step: [usize; 3],
    /// Offsets of the taps by axis; a tap is one of each, the last axis running fastest.
    pub offsets: [Vec<i64>; 3],
    /// Elements from one image to the next.
    pub image: usize,
}

/// Adjacent places of a panel row that come from equally spaced elements of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Index of the first element, counted from channel 0 of image 0.
    pub from: usize,
    /// First place in the panel row.
    pub to: usize,
    pub len: usize,
}

/// The pieces of every tap for one range of places.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub pieces: Vec<Piece>,
    pub taps: Vec<Tap>,
}

/// The pieces of one tap.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    /// One past its last piece; it starts where the tap before ends.
    pub end: usize,
    /// Places covered by its pieces.
    pub covered: usize,
}

/// Adjacent places of the grid in one row of one image.
#[derive(Clone, Copy, Debug)]
struct Run {
    image: usize,
    at: [usize; 3],
    len: usize,
    /// First place in the panel row.
    to: usize,
}

impl Gather {
    /// The input of the forward product and of the weight gradient.
    pub fn of_x(g: &ConvGeometry) -> Self {
        Gather {
            input: g.input(),
            grid: g.output(),
            step: g.windows.map(|w| w.step()),
            offsets: g.windows.map(|w| (0..w.kernel).map(|k| w.offset(k)).collect()),
            image: g.groups * g.channels * g.input_plane(),
        }
        .merged()
    }

    /// The slope of the output, place by place.
    pub fn of_dy(g: &ConvGeometry) -> Self {
        Gather {
            input: g.output(),
            grid: g.output(),
            step: [1; 3],
            offsets: [vec![0], vec![0], vec![0]],
            image: g.groups * g.outputs * g.output_plane(),
        }
        .merged()
    }

    /// The same with whole planes or images as one row, where every place is taken.
    pub fn merged(mut self) -> Self {
        while self.is_whole(2) && self.is_whole(1) && self.input[..2] != [1, 1] {
            self.input = [1, self.input[0], self.input[1] * self.input[2]];
            self.grid = [1, self.grid[0], self.grid[1] * self.grid[2]];
            self.step = [1, self.step[0], 1];
            let [first, second, _] = std::mem::take(&mut self.offsets);
            debug_assert_eq!(second, [0]);
            self.offsets = [vec![0], first, vec![0]];
        }
        self
    }

    /// Whether the panel is the input: one tap, at every place.
    pub fn is_identity(&self) -> bool {
        (0..3).all(|axis| self.is_whole(axis))
    }

    fn is_whole(&self, axis: usize) -> bool {
        self.input[axis] == self.grid[axis] && self.step[axis] == 1 && self.offsets[axis] == [0]
    }

    /// Places of one image.
    pub fn places(&self) -> usize {
        self.grid.iter().product()
    }

    /// The pieces of `count` places from `first` on, counted over all images.
    pub fn plan(&self, first: usize, count: usize) -> Plan {
        let runs = runs(&self.grid, first, count);
        let taps = self.offsets.iter().map(Vec::len).product();
        let mut plan = Plan { pieces: Vec::with_capacity(taps * runs.len()), taps: Vec::with_capacity(taps) };
        let mut rows = Vec::with_capacity(runs.len());
        for &d in &self.offsets[0] {
            for &h in &self.offsets[1] {
                self.rows_of(&runs, d, h, &mut rows);
                for &w in &self.offsets[2] {
                    let covered = rows.iter().map(|row| self.piece(row, w, &mut plan.pieces)).sum();
                    plan.taps.push(Tap { end: plan.pieces.len(), covered });
                }
            }
        }
        plan
    }

    /// The runs whose input row exists, with the index of that row's first element.
    fn rows_of(&self, runs: &[Run], d: i64, h: i64, rows: &mut Vec<(usize, Run)>) {
        rows.clear();
        for run in runs {
            let z = (run.at[0] * self.step[0]) as i64 + d;
            let y = (run.at[1] * self.step[1]) as i64 + h;
            if (0..self.input[0] as i64).contains(&z) && (0..self.input[1] as i64).contains(&y) {
                let row = (z as usize * self.input[1] + y as usize) * self.input[2];
                rows.push((run.image * self.image + row, *run));
            }
        }
    }

    /// Adds the part of a run that lies inside its row; returns its length.
    fn piece(&self, &(row, run): &(usize, Run), offset: i64, pieces: &mut Vec<Piece>) -> usize {
        let (step, width) = (self.step[2] as i64, self.input[2] as i64);
        let start = run.at[2] as i64 * step + offset;
        let skip = if start >= 0 { 0 } else { ceil_div(-start, step) };
        let end = ceil_div(width - start, step).clamp(0, run.len as i64);
        if skip >= end {
            return 0;
        }
        let (skip, len) = (skip as usize, (end - skip) as usize);
        let from = row + (start + skip as i64 * step) as usize;
        pieces.push(Piece { from, to: run.to + skip, len });
        len
    }
}

fn ceil_div(a: i64, b: i64) -> i64 {
    if b == 1 { a } else { (a + b - 1).div_euclid(b) }
}

/// Cuts a range of places, counted over all images, at the ends of rows.
fn runs(grid: &[usize; 3], first: usize, count: usize) -> Vec<Run> {
    let [depth, height, width] = *grid;
    let mut runs = Vec::with_capacity(count / width + 2);
    let (row, mut w) = (first / width, first % width);
    let (plane, mut h) = (row / height, row % height);
    let (mut image, mut d) = (plane / depth, plane % depth);
    let mut to = 0;
    while to < count {
        let len = (width - w).min(count - to);
        runs.push(Run { image, at: [d, h, w], len, to });
        (to, w, h) = (to + len, 0, h + 1);
        if h == height {
            (h, d) = (0, d + 1);
        }
        if d == depth {
            (d, image) = (0, image + 1);
        }
    }
    runs
}

/// Where the places of a grid go in an output whose rows they fill in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    pub output: [usize; 3],
    pub first: [usize; 3],
    pub step: [usize; 3],
    /// Elements from one image to the next.
    pub image: usize,
}

impl Spread {
    /// Every place of every image in turn.
    pub fn dense(output: [usize; 3], image: usize) -> Self {
        Spread { output, first: [0; 3], step: [1; 3], image }
    }

    /// Whether the grid is the output.
    pub fn is_dense(&self) -> bool {
        self.step == [1; 3]
    }

    /// `count` places from `first` on, counted over all images of the grid: `from` is the index in channel 0 of the output.
    pub fn pieces(&self, grid: &[usize; 3], first: usize, count: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if self.is_dense() {
            let places: usize = grid.iter().product();
            let mut to = 0;
            while to < count {
                let (image, at) = ((first + to) / places, (first + to) % places);
                let len = (places - at).min(count - to);
                pieces.push(Piece { from: image * self.image + at, to, len });
                to += len;
            }
            return pieces;
        }
        for run in runs(grid, first, count) {
            let at: [usize; 3] = std::array::from_fn(|axis| self.first[axis] + run.at[axis] * self.step[axis]);
            let row = (at[0] * self.output[1] + at[1]) * self.output[2];
            pieces.push(Piece { from: run.image * self.image + row + at[2], to: run.to, len: run.len });
        }
        pieces
    }
}

/// The taps along one axis that reach the input places of one phase: those that are congruent to it modulo the stride.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The first input place; the others follow in strides.
    pub first: usize,
    pub count: usize,
    /// Taps, and the output place that each relates to the first input place.
    pub taps: Vec<(usize, i64)>,
}

/// The phases of one axis that have taps, and whether these are all.
pub fn phases(g: &ConvGeometry, axis: usize) -> (Vec<Phase>, bool) {
    let window = &g.windows[axis];
    let stride = window.stride as i64;
    let mut phases: Vec<Phase> = Vec::new();
    for tap in 0..window.kernel {
        let first = window.offset(tap).rem_euclid(stride) as usize;
        if first >= window.input {
            continue;
        }
        let relation = (tap, (first as i64 - window.offset(tap)) / stride);
        match phases.iter_mut().find(|phase| phase.first == first) {
            Some(phase) => phase.taps.push(relation),
            None => phases.push(Phase {
                first,
                count: (window.input - first).div_ceil(window.stride),
                taps: vec![relation],
            }),
        }
    }
    let complete = phases.len() == window.stride.min(window.input);
    (phases, complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(gather: &Gather, first: usize, count: usize) -> Vec<Vec<Option<usize>>> {
        let plan = gather.plan(first, count);
        let mut start = 0;
        let mut rows = Vec::new();
        for tap in &plan.taps {
            let mut row = vec![None; count];
            for piece in &plan.pieces[start..tap.end] {
                for i in 0..piece.len {
                    row[piece.to + i] = Some(piece.from + i * gather.step[2]);
                }
            }
            assert_eq!(tap.covered, row.iter().flatten().count());
            start = tap.end;
            rows.push(row);
        }
        rows
    }

    #[test]
    fn pieces_skip_what_lies_outside() {
        let gather = Gather {
            input: [1, 2, 3],
            grid: [1, 2, 3],
            step: [1; 3],
            offsets: [vec![0], vec![-1, 0], vec![-1, 1]],
            image: 60,
        };
        let rows = values(&gather, 1, 6);
        assert_eq!(rows[0], [None, None, None, Some(0), Some(1), None]);
        assert_eq!(rows[1], [None, None, Some(1), Some(2), None, None]);
        assert_eq!(rows[2], [Some(0), Some(1), None, Some(3), Some(4), None]);
        assert_eq!(rows[3], [Some(2), None, Some(4), Some(5), None, Some(61)]);
    }

    #[test]
    fn steps_and_images() {
        let gather = Gather {
            input: [1, 1, 7],
            grid: [1, 1, 4],
            step: [1, 1, 2],
            offsets: [vec![0], vec![0], vec![-3, 0]],
            image: 7,
        };
        let rows = values(&gather, 2, 5);
        assert_eq!(rows[0], [Some(1), Some(3), None, None, Some(8)]);
        assert_eq!(rows[1], [Some(4), Some(6), Some(7), Some(9), Some(11)]);
    }

    #[test]
    fn whole_planes_merge_into_one_row() {
        let gather = Gather {
            input: [3, 4, 5],
            grid: [3, 4, 5],
            step: [1; 3],
            offsets: [vec![0], vec![0], vec![0]],
            image: 120,
        };
        let merged = gather.clone().merged();
        assert_eq!((merged.input, merged.grid), ([1, 1, 60], [1, 1, 60]));
        assert_eq!(values(&merged, 7, 90), values(&gather, 7, 90));
    }
}
