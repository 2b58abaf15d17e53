//! Max pooling.

use super::direct::backward::kernel::MARGIN;
use super::direct::{self, Bands, Plan};
use super::kernel::{self, Backward, Forward, Number, Slopes};
use super::{TASK, doubling, for_units, plane_cost, reference};
use crate::geometry::Error;
use crate::geometry::pool::PoolGeometry;
use crate::memory::{Block, Plain};
use crate::scalar::Scalar;
use crate::strip::kernel::Band;
use crate::strip::{Layout, Reach, TILE, inside};
use crate::threads::{SharedMut, parallel_chunks_mut};

/// Which place won each window.
pub struct Winners {
    outputs: usize,
    block: Block,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The number of the tap in its window.
    Byte,
    Word,
    /// The flat place in the plane, or -1 for none.
    Place,
}

impl Winners {
    /// Room for the winners of a call.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn new(g: &PoolGeometry) -> Result<Self, Error> {
        let form = match g.taps() {
            _ if Plan::new(g).is_some() => Form::Byte,
            _ if Layout::new(&g.windows).is_none() => Form::Place,
            ..=256 => Form::Byte,
            _ => Form::Word,
        };
        let block =
            Block::new(g.y_len() * form.bytes() + 2 * MARGIN).map_err(|error| Error::Memory(error.to_string()))?;
        Ok(Winners { outputs: g.y_len(), block, form })
    }

    /// The memory in use.
    pub fn nbytes(&self) -> usize {
        self.outputs * self.form.bytes()
    }

    /// The flat place of each maximum in its plane, -1 where the window lies in the padding altogether.
    pub fn indices(&self, g: &PoolGeometry, to: &mut [i64]) {
        assert_eq!((to.len(), self.outputs), (g.y_len(), g.y_len()));
        match self.form {
            Form::Byte => indices(g, self.numbers::<u8>(), to),
            Form::Word => indices(g, self.numbers::<u16>(), to),
            Form::Place => to.copy_from_slice(self.numbers()),
        }
    }

    /// The winners, between their margins.
    fn numbers<N: Plain>(&self) -> &[N] {
        let margin = MARGIN / size_of::<N>();
        &self.block.as_slice(self.outputs + margin)[margin..]
    }

    fn numbers_mut<N: Plain>(&mut self) -> &mut [N] {
        let margin = MARGIN / size_of::<N>();
        &mut self.block.as_mut_slice(self.outputs + margin)[margin..]
    }

    fn bytes_with_margins(&self) -> &[u8] {
        self.block.as_slice(self.outputs + 2 * MARGIN)
    }
}

impl Form {
    fn bytes(self) -> usize {
        match self {
            Form::Byte => 1,
            Form::Word => 2,
            Form::Place => 8,
        }
    }
}

/// By the number of a tap, its place in the plane, counted from the place of output 0.
fn places(g: &PoolGeometry) -> Vec<i64> {
    let [_, rows, columns] = g.input();
    let [_, tap_rows, tap_columns] = g.kernel();
    let at = |axis: usize, tap: usize| g.windows[axis].offset(tap);
    let mut places = Vec::with_capacity(g.taps());
    for tap in 0..g.taps() {
        let (d, h, w) = (tap / (tap_rows * tap_columns), tap / tap_columns % tap_rows, tap % tap_columns);
        places.push((at(0, d) * rows as i64 + at(1, h)) * columns as i64 + at(2, w));
    }
    places
}

fn indices<N: Plain + Into<u32>>(g: &PoolGeometry, winners: &[N], to: &mut [i64]) {
    let ([_, height, width], [_, rows, columns]) = (g.output(), g.input());
    let places = places(g);
    let step = g.windows[2].step() as i64;
    parallel_chunks_mut(to, width, &|row, to| {
        let (d, h) = (row / height % g.windows[0].output, row % height);
        let start = (d * g.windows[0].step() * rows + h * g.windows[1].step()) * columns;
        for (o, (to, &winner)) in to.iter_mut().zip(&winners[row * width..]).enumerate() {
            let number: u32 = winner.into();
            *to = start as i64 + o as i64 * step + places[number as usize];
        }
    });
}

/// The largest value of every window; with `winners`, also where it is.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn forward<T: Scalar>(g: &PoolGeometry, x: &[T], y: &mut [T], winners: Option<&mut Winners>) {
    assert_eq!((x.len(), y.len()), (g.x_len(), g.y_len()));
    if let Some(plan) = Plan::new(g) {
        let forward = direct::kernel::Forward { plan: &plan, x, y: SharedMut::new(y) };
        let winners = winners.map(|winners| SharedMut::new(winners.numbers_mut::<u8>()));
        let bands = Bands::of_outputs(&plan);
        for_units(plan.planes * bands.to_a_plane, bands.cost, &|unit| {
            direct::kernel::max(&forward, winners, &bands.band(unit));
        });
        return;
    }
    let Some(layout) = Layout::new(&g.windows) else {
        match winners {
            Some(winners) => reference::max(g, x, y, winners.numbers_mut()),
            None => reference::max(g, x, y, &mut vec![0; y.len()]),
        }
        return;
    };
    match winners {
        None => run::<T, u8>(g, &layout, x, y, None),
        Some(winners) if winners.form == Form::Byte => run(g, &layout, x, y, Some(winners.numbers_mut::<u8>())),
        Some(winners) => run(g, &layout, x, y, Some(winners.numbers_mut::<u16>())),
    }
}

fn run<T: Scalar, N: Number>(g: &PoolGeometry, layout: &Layout, x: &[T], y: &mut [T], winners: Option<&mut [N]>) {
    if let Some(plan) = doubling::Plan::new(g) {
        let forward = doubling::kernel::Forward::new(&plan, x, SharedMut::new(y));
        let (winners, units) = (winners.map(SharedMut::new), plan.planes * plan.bands);
        for_units(units, g.x_len() / units.max(1), &|unit| doubling::kernel::max(&forward, winners, unit));
        return;
    }
    let first = |axis: usize, times: usize| {
        let window = g.windows[axis];
        (0..window.output).map(move |o| T::from_f64((inside(&window, o).start * times) as f64))
    };
    let mut columns: Vec<T> = first(2, 1).collect();
    columns.resize(g.output()[2].next_multiple_of(TILE), T::ZERO);
    let rows: Vec<T> = first(1, g.kernel()[2]).collect();
    let depths = vec![T::ZERO; g.output()[0]];
    let forward = Forward { layout, x, y: SharedMut::new(y), columns: &columns, rows: &rows, depths: &depths };
    let winners = winners.map(SharedMut::new);
    let units = g.planes() * g.output()[0] * layout.bands;
    for_units(units, g.x_len().max(g.y_len()) / units.max(1), &|unit| {
        kernel::max(&forward, winners, Band::new(layout, unit));
    });
}

/// The gradient with respect to x: every slope goes to the place that won its window.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward<T: Scalar>(g: &PoolGeometry, dy: &[T], winners: &Winners, dx: &mut [T]) {
    assert_eq!((dx.len(), dy.len(), winners.outputs), (g.x_len(), g.y_len(), g.y_len()));
    if let Some(plan) = Plan::new(g) {
        let slopes = direct::backward::kernel::Slopes::Winners(winners.bytes_with_margins());
        let (bands, dx) = (Bands::of_inputs(&plan), SharedMut::new(dx));
        for_units(plan.planes * bands.to_a_plane, bands.cost, &|unit| {
            direct::backward::kernel::backward(&plan, dy, slopes, dx, &bands.band(unit));
        });
        return;
    }
    match (winners.form, Layout::new(&g.windows)) {
        (Form::Byte, Some(layout)) => back(g, &layout, dy, winners.numbers::<u8>(), dx),
        (Form::Word, Some(layout)) => back(g, &layout, dy, winners.numbers::<u16>(), dx),
        _ => reference::max_backward(g, dy, winners.numbers(), dx),
    }
}

/// Taps of a window from which on sending each slope to its place beats asking every tap of every place.
const SCATTERED: usize = 16;

/// The slopes of a plane to their places, one by one.
fn scatter<T: Scalar, N: Plain + Into<u32>>(g: &PoolGeometry, places: &[i64], dy: &[T], winners: &[N], dx: &mut [T]) {
    let ([depth, height, width], [_, rows, columns]) = (g.output(), g.input());
    let [down, across, along] = g.windows.map(|w| w.step());
    dx.fill(T::ZERO);
    for row in 0..depth * height {
        let start = (row / height * down * rows + row % height * across) * columns;
        let part = row * width..(row + 1) * width;
        for (o, (&slope, &winner)) in dy[part.clone()].iter().zip(&winners[part]).enumerate() {
            let number: u32 = winner.into();
            dx[((start + o * along) as i64 + places[number as usize]) as usize] += slope;
        }
    }
}

fn back<T: Scalar, N: Number + Into<u32>>(g: &PoolGeometry, layout: &Layout, dy: &[T], winners: &[N], dx: &mut [T]) {
    let (outputs, inputs) = (g.output_plane(), g.input_plane());
    if g.taps() >= SCATTERED {
        let places = places(g);
        let per_task = (TASK / plane_cost(g)).max(1);
        parallel_chunks_mut(dx, per_task * inputs, &|task, dx| {
            for (i, dx) in dx.chunks_exact_mut(inputs).enumerate() {
                let plane = task * per_task + i;
                let part = plane * outputs..(plane + 1) * outputs;
                scatter(g, &places, &dy[part.clone()], &winners[part], dx);
            }
        });
        return;
    }
    let reach = [Reach::new(&g.windows[0]), Reach::new(&g.windows[1])];
    let dx = SharedMut::new(dx);
    for_units(g.planes(), plane_cost(g), &|plane| {
        let part = plane * outputs..(plane + 1) * outputs;
        let slopes = Slopes::Winners(&winners[part.clone()]);
        kernel::backward(&Backward { layout, reach: &reach, dy: &dy[part], slopes }, dx, plane);
    });
}
