//! Average pooling.

use super::direct::{self, Bands, Plan};
use super::kernel::{self, Backward, Forward, Slopes};
use super::{for_units, plane_cost, reference};
use crate::geometry::pool::PoolGeometry;
use crate::scalar::Scalar;
use crate::strip::kernel::Band;
use crate::strip::{Layout, Reach, TILE};
use crate::threads::SharedMut;

pub use super::reference::Divisor;

/// What the sums are divided by.
struct Counts<T> {
    columns: Vec<T>,
    rows: Vec<T>,
    depths: Vec<T>,
    fixed: Option<T>,
}

impl<T: Scalar> Counts<T> {
    fn new(g: &PoolGeometry, divisor: Divisor) -> Self {
        let count = |axis: usize| {
            let counts = (0..g.output()[axis]).map(|o| T::from_f64(divisor.places(g, axis, o) as f64));
            counts.collect::<Vec<T>>()
        };
        let (mut columns, rows, depths) = (count(2), count(1), count(0));
        columns.resize(columns.len().next_multiple_of(TILE), T::ONE);
        let fixed = match divisor {
            Divisor::Fixed(divisor) => Some(T::from_f64(divisor as f64)),
            _ => None,
        };
        Counts { columns, rows, depths, fixed }
    }
}

impl Divisor {
    /// The plan of the direct kernels, if all windows have one divisor.
    fn plan(self, g: &PoolGeometry) -> Option<Plan> {
        let whole = |axis: usize| (0..g.output()[axis]).all(|o| self.places(g, axis, o) == g.kernel()[axis]);
        Plan::new(g).filter(|plan| !plan.padded() || matches!(self, Divisor::Fixed(_)) || whole(1) && whole(2))
    }

    /// The divisor of windows that all have one.
    fn alike<T: Scalar>(self, g: &PoolGeometry) -> T {
        match self {
            Divisor::Fixed(divisor) => T::from_f64(divisor as f64),
            _ => T::from_f64(g.taps() as f64),
        }
    }
}

/// The sum of every window over its divisor.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn forward<T: Scalar>(g: &PoolGeometry, divisor: Divisor, x: &[T], y: &mut [T]) {
    assert_eq!((x.len(), y.len()), (g.x_len(), g.y_len()));
    if let Some(plan) = divisor.plan(g) {
        let forward = direct::kernel::Forward { plan: &plan, x, y: SharedMut::new(y) };
        let bands = Bands::of_outputs(&plan);
        for_units(plan.planes * bands.to_a_plane, bands.cost, &|unit| {
            direct::kernel::average(&forward, divisor.alike(g), &bands.band(unit));
        });
        return;
    }
    let Some(layout) = Layout::new(&g.windows) else {
        reference::average(g, divisor, x, y);
        return;
    };
    let counts = Counts::new(g, divisor);
    let forward = Forward {
        layout: &layout,
        x,
        y: SharedMut::new(y),
        columns: &counts.columns,
        rows: &counts.rows,
        depths: &counts.depths,
    };
    let units = g.planes() * g.output()[0] * layout.bands;
    for_units(units, g.x_len().max(g.y_len()) / units.max(1), &|unit| {
        kernel::average(&forward, counts.fixed, Band::new(&layout, unit));
    });
}

/// The gradient with respect to x: every place gets the slopes of its windows over their divisors.
///
/// # Panics
/// If a length differs from the geometry's.
pub fn backward<T: Scalar>(g: &PoolGeometry, divisor: Divisor, dy: &[T], dx: &mut [T]) {
    assert_eq!((dx.len(), dy.len()), (g.x_len(), g.y_len()));
    if let Some(plan) = divisor.plan(g) {
        let (slopes, dx) = (direct::backward::kernel::Slopes::Shares(divisor.alike(g)), SharedMut::new(dx));
        let bands = Bands::of_inputs(&plan);
        for_units(plan.planes * bands.to_a_plane, bands.cost, &|unit| {
            direct::backward::kernel::backward(&plan, dy, slopes, dx, &bands.band(unit));
        });
        return;
    }
    let Some(layout) = Layout::new(&g.windows) else {
        reference::average_backward(g, divisor, dy, dx);
        return;
    };
    let counts = Counts::new(g, divisor);
    let reach = [Reach::new(&g.windows[0]), Reach::new(&g.windows[1])];
    let (outputs, dx) = (g.output_plane(), SharedMut::new(dx));
    for_units(g.planes(), plane_cost(g), &|plane| {
        let slopes: Slopes<T, u8> = Slopes::Shares {
            columns: &counts.columns,
            rows: &counts.rows,
            depths: &counts.depths,
            fixed: counts.fixed,
        };
        let dy = &dy[plane * outputs..(plane + 1) * outputs];
        kernel::backward(&Backward { layout: &layout, reach: &reach, dy, slopes }, dx, plane);
    });
}
