//! Weights, sums, means and sums of squares about the mean, for each class and column.

pub(super) mod kernel;

use kernel::{Above, Gaps, Itself, Members, SquareAbout};

use super::rows::Block;
use super::{Fault, LANES, Labels, Part, Rows, Support, over_parts, parts, survey};
use crate::memory::with_scratch;

/// What is added up of a value.
#[derive(Clone, Copy, Debug)]
pub enum Statistic {
    Itself,
    /// 1 above the threshold, else 0.
    Above(f64),
}

/// For each class and column, (classes, columns).
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// The weighted sum of the statistic.
    pub total: Vec<f64>,
    /// The weight of the rows that are not missing.
    pub weight: Vec<f64>,
}

/// For each class and column, (classes, columns).
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// The weight of the rows that are not missing.
    pub weight: Vec<f64>,
    pub mean: Vec<f64>,
    /// The weighted sum of squares about the mean.
    pub m2: Vec<f64>,
}

/// The sums by class.
///
/// # Errors
/// The first value that is infinite or outside the support.
pub fn sums(rows: &Rows, labels: &Labels, statistic: Statistic, support: Support) -> Result<Sums, Fault> {
    let parts = parts(rows, labels.classes);
    let made = over_parts(&parts, &|part| part_sums(rows, labels, statistic, support, part))?;
    let len = labels.classes * rows.width();
    let mut all = Sums { total: vec![0.0; len], weight: vec![0.0; len] };
    for (part, made) in parts.iter().zip(&made) {
        let stride = part.width.next_multiple_of(LANES);
        for class in 0..labels.classes {
            let (from, to) = (class * stride, class * rows.width() + part.column);
            for j in 0..part.width {
                all.total[to + j] += made.total[from + j];
                all.weight[to + j] += made.weight[from + j];
            }
        }
    }
    Ok(all)
}

fn part_sums(rows: &Rows, labels: &Labels, statistic: Statistic, support: Support, part: Part) -> Result<Sums, Fault> {
    let stride = part.width.next_multiple_of(LANES);
    let mut made = Sums { total: vec![0.0; labels.classes * stride], weight: vec![0.0; labels.classes * stride] };
    let mut whole = vec![0.0; labels.classes];
    with_scratch(part.block_len(), |scratch: &mut [f64]| {
        for (row, count) in part.blocks() {
            let block = rows.block([row, part.column], [count, part.width], scratch);
            let gaps = survey(block, support, [row, part.column])?;
            let members = labels.of(row, count);
            let seen = if gaps { Gaps::Weigh(&mut made.weight) } else { Gaps::None };
            match statistic {
                Statistic::Itself => kernel::add(Itself, block, members, &[], &mut made.total, seen, stride),
                Statistic::Above(least) => {
                    kernel::add(Above(least), block, members, &[], &mut made.total, seen, stride)
                }
            }
            if !gaps {
                Labels::add_weights(members, &mut whole);
            }
        }
        Ok(())
    })?;
    for (weights, whole) in made.weight.chunks_exact_mut(stride).zip(whole) {
        weights.iter_mut().for_each(|weight| *weight += whole);
    }
    Ok(made)
}

/// The moments by class, in one pass: each block's own, joined by the rule of Chan, Golub and LeVeque (1983), equation 2.1.
///
/// # Errors
/// The first value that is infinite.
pub fn moments(rows: &Rows, labels: &Labels) -> Result<Moments, Fault> {
    let parts = parts(rows, labels.classes);
    let made = over_parts(&parts, &|part| part_moments(rows, labels, part))?;
    let len = labels.classes * rows.width();
    let mut all = Moments { weight: vec![0.0; len], mean: vec![0.0; len], m2: vec![0.0; len] };
    for (part, made) in parts.iter().zip(&made) {
        let stride = part.width.next_multiple_of(LANES);
        for class in 0..labels.classes {
            let to = class * rows.width() + part.column;
            let from = class * stride;
            all.slices(to, part.width).join(&made.weight[from..], &made.mean[from..], &made.m2[from..]);
        }
    }
    Ok(all)
}

/// One class's moments of some columns.
struct Slices<'a> {
    weight: &'a mut [f64],
    mean: &'a mut [f64],
    m2: &'a mut [f64],
}

impl Moments {
    fn slices(&mut self, start: usize, len: usize) -> Slices<'_> {
        let range = start..start + len;
        Slices { weight: &mut self.weight[range.clone()], mean: &mut self.mean[range.clone()], m2: &mut self.m2[range] }
    }
}

impl Slices<'_> {
    /// Adds further rows. No difference of large squares; a side without rows leaves the other's bits.
    fn join(&mut self, weight: &[f64], mean: &[f64], m2: &[f64]) {
        let others = weight.iter().zip(mean).zip(m2);
        let own = self.weight.iter_mut().zip(self.mean.iter_mut()).zip(self.m2.iter_mut());
        for (((weight, mean), m2), ((&other_weight, &other_mean), &other_m2)) in own.zip(others) {
            let both = *weight + other_weight;
            let share = if both > 0.0 { other_weight / both } else { 0.0 };
            let delta = other_mean - *mean;
            *m2 += other_m2 + delta * delta * (*weight * share);
            *mean = if *weight == 0.0 { other_mean } else { *mean + share * delta };
            *weight = both;
        }
    }
}

/// What one block adds up; the rows of classes that it does not have hold anything.
struct BlockSums {
    moments: Moments,
    /// The classes that the block has, in the order in which they come.
    present: Vec<usize>,
    is_present: Vec<bool>,
    stride: usize,
}

impl BlockSums {
    fn new(classes: usize, stride: usize) -> Self {
        let zeros = || vec![0.0; classes * stride];
        let moments = Moments { weight: zeros(), mean: zeros(), m2: zeros() };
        BlockSums { moments, present: Vec::new(), is_present: vec![false; classes], stride }
    }

    /// Clears the rows of the classes that occur.
    fn begin(&mut self, codes: &[i64]) {
        self.present.drain(..).for_each(|class| self.is_present[class] = false);
        for &code in codes {
            let class = code as usize;
            if !self.is_present[class] {
                self.is_present[class] = true;
                self.present.push(class);
                let Slices { weight, mean, m2 } = self.moments.slices(class * self.stride, self.stride);
                [weight, mean, m2].into_iter().for_each(|slice| slice.fill(0.0));
            }
        }
    }

    fn fill(&mut self, block: Block, members: Members, gaps: bool, whole: &mut [f64]) {
        self.begin(members.codes);
        let (stride, Moments { weight, mean, m2 }) = (self.stride, &mut self.moments);
        let seen = if gaps { Gaps::Weigh(weight) } else { Gaps::None };
        kernel::add(Itself, block, members, &[], mean, seen, stride);
        if !gaps {
            self.present.iter().for_each(|&class| whole[class] = 0.0);
            Labels::add_weights(members, whole);
            self.present.iter().for_each(|&class| weight[class * stride..][..stride].fill(whole[class]));
        }
        for &class in &self.present {
            let range = class * stride..(class + 1) * stride;
            for (mean, &weight) in mean[range.clone()].iter_mut().zip(&weight[range]) {
                *mean = if weight > 0.0 { *mean / weight } else { 0.0 };
            }
        }
        // What lies behind a row's end is 0 in the sums, so its mean and its square are 0 too.
        kernel::add(SquareAbout, block, members, mean, m2, if gaps { Gaps::Skip } else { Gaps::None }, stride);
    }
}

fn part_moments(rows: &Rows, labels: &Labels, part: Part) -> Result<Moments, Fault> {
    let stride = part.width.next_multiple_of(LANES);
    let zeros = || vec![0.0; labels.classes * stride];
    let mut all = Moments { weight: zeros(), mean: zeros(), m2: zeros() };
    let mut sums = BlockSums::new(labels.classes, stride);
    let mut whole = vec![0.0; labels.classes];
    with_scratch(part.block_len(), |scratch: &mut [f64]| {
        for (row, count) in part.blocks() {
            let block = rows.block([row, part.column], [count, part.width], scratch);
            let gaps = survey(block, Support::REAL, [row, part.column])?;
            sums.fill(block, labels.of(row, count), gaps, &mut whole);
            for &class in &sums.present {
                let at = class * stride..(class + 1) * stride;
                let Moments { weight, mean, m2 } = &sums.moments;
                all.slices(at.start, stride).join(&weight[at.clone()], &mean[at.clone()], &m2[at]);
            }
        }
        Ok(())
    })?;
    Ok(all)
}
