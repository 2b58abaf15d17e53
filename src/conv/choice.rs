//! Which algorithm computes a convolution.

use std::sync::atomic::{AtomicU8, Ordering};

use super::depthwise;
use super::few_channels;
use super::fourier;
use super::implicit_gemm::scatter;
use super::winograd::plan::{Plan, View};
use super::winograd::{BLOCK_K, SLOPE_TILES};
use crate::gemm::kernel::TILE_ROWS;
use crate::geometry::conv::ConvGeometry;
use crate::geometry::{Error, tuple};
use crate::scalar::Scalar;
use crate::simd::lanes;

/// Which float32 algorithms [`Wanted::Auto`] may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Direct ones only.
    Highest,
    /// Transforms of 6 points and Fourier transforms too.
    High,
    /// Transforms of 8 points too.
    Medium,
}

impl Precision {
    /// By their numbers.
    pub const ALL: [(&'static str, Precision); 3] =
        [("highest", Precision::Highest), ("high", Precision::High), ("medium", Precision::Medium)];

    /// Sets that of the process.
    pub fn set(self) {
        PRECISION.store(self as u8, Ordering::Relaxed);
    }

    /// That of the process.
    pub fn get() -> Self {
        Self::ALL[usize::from(PRECISION.load(Ordering::Relaxed))].1
    }

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

static PRECISION: AtomicU8 = AtomicU8::new(Precision::High as u8);

/// What the caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The fastest that the process's precision allows.
    #[default]
    Auto,
    /// Every product of the definition.
    Direct,
    /// Winograd's transforms, of 6 points unless only 8 apply.
    Winograd,
    /// Fourier transforms.
    Fourier,
}

impl Wanted {
    /// The wish that a name stands for, for this convolution.
    ///
    /// # Errors
    /// An unknown name, or an algorithm that does not apply.
    pub fn parse(name: &str, g: &ConvGeometry) -> Result<Self, Error> {
        match name {
            "auto" => Ok(Wanted::Auto),
            "direct" => Ok(Wanted::Direct),
            "winograd" | "fourier" if g.x_len() == 0 || g.y_len() == 0 => Ok(Wanted::Direct),
            "winograd" if POINTS.iter().any(|&points| Product::Forward.plan(g, points).is_some()) => {
                Ok(Wanted::Winograd)
            }
            "fourier" if fourier::plan::Plan::forward::<f32>(g).is_some() => Ok(Wanted::Fourier),
            "winograd" | "fourier" => {
                let axes = 3 - g.axes..;
                let each = |value: fn(&crate::geometry::window::Window) -> usize| -> String {
                    tuple(&g.windows[axes.clone()].iter().map(value).collect::<Vec<_>>())
                };
                Err(Error::value(format!(
                    "algorithm='{name}' does not apply to a kernel of {} with stride {} and dilation {}",
                    each(|w| w.kernel),
                    each(|w| w.stride),
                    each(|w| w.dilation)
                )))
            }
            other => {
                Err(Error::value(format!("algorithm must be 'auto', 'direct', 'winograd' or 'fourier', got '{other}'")))
            }
        }
    }
}

/// Numbers of points, the more accurate first.
const POINTS: [usize; 2] = [6, 8];

/// One of the three products of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Forward,
    BackwardX,
    BackwardWeight,
}

impl Product {
    fn plan(self, g: &ConvGeometry, points: usize) -> Option<Plan> {
        match self {
            Product::Forward | Product::BackwardWeight => Plan::forward(g, points),
            Product::BackwardX => Plan::backward_x(g, points),
        }
    }

    fn fourier<T: Scalar>(self, g: &ConvGeometry) -> Option<fourier::plan::Plan> {
        match self {
            Product::Forward | Product::BackwardWeight => fourier::plan::Plan::forward::<T>(g),
            Product::BackwardX => fourier::plan::Plan::backward_x::<T>(g),
        }
    }
}

/// How one product is computed.
// There is one at a time, on the stack; a box would cost an allocation for each call.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug)]
pub enum Algorithm {
    Direct,
    Winograd(Plan),
    Fourier(fourier::plan::Plan),
}

impl Algorithm {
    /// The best algorithm for a product among those that are wanted.
    pub fn choose<T: Scalar>(g: &ConvGeometry, product: Product, wanted: Wanted) -> Self {
        let float32 = size_of::<T>() == size_of::<f32>();
        let most = match (wanted, Precision::get()) {
            (Wanted::Direct, _) => return Algorithm::Direct,
            (Wanted::Auto, Precision::Highest) if float32 => return Algorithm::Direct,
            (Wanted::Auto, Precision::Medium) if float32 => 2,
            _ => 1,
        };
        let direct = (Algorithm::Direct, direct_cost::<T>(g, product));
        let plans = POINTS.iter().filter_map(|&points| product.plan(g, points));
        let transformed = |plan: Plan| (Algorithm::Winograd(plan), winograd_cost::<T>(&plan, g.groups, product));
        if wanted == Wanted::Winograd {
            return plans.map(Algorithm::Winograd).next().unwrap_or(Algorithm::Direct);
        }
        if wanted == Wanted::Fourier {
            return product.fourier::<T>(g).map_or(Algorithm::Direct, Algorithm::Fourier);
        }
        let allowed = plans.take_while(|plan| plan.points() <= POINTS[most - 1]).map(transformed);
        let waves = fourier::plan::may_pay(g).then(|| product.fourier::<T>(g)).flatten();
        let allowed = allowed.chain(waves.map(|plan| match product {
            Product::BackwardWeight => (Algorithm::Fourier(plan), plan.weight_cost()),
            _ => (Algorithm::Fourier(plan), plan.cost()),
        }));
        allowed.fold(direct, |best, next| if next.1 < best.1 { next } else { best }).0
    }

    pub fn name(&self) -> &'static str {
        match self {
            Algorithm::Direct => "direct",
            Algorithm::Winograd(_) => "winograd",
            Algorithm::Fourier(_) => "fourier",
        }
    }
}

// The costs are times, in those of one multiply-add in a matrix product at the processor's peak rate. The constants were fitted
// to measured times of random shapes (benches/sweep.py), not to named ones.

/// A product of the definition, and one where channels are few, with what each input costs for a tap there.
const DIRECT: f64 = 1.25;
const FEW: f64 = 1.15;
const COPIED: f64 = 2.0;
/// A product where the weights are few that a gradient is for.
const FEW_WEIGHTS: f64 = 0.95;
/// An element of a panel that is gathered: from inputs, from slopes, and for the sums over places, whose panels are narrower;
/// and one that is added to its place.
const GATHERED: f64 = 12.0;
const GATHERED_SLOPE: f64 = 16.0;
const GATHERED_FOR_WEIGHT: f64 = 7.0;
const SCATTERED: f64 = 40.0;
/// Outputs below which places lie along the lanes in these sums, and what a product and an element then cost.
const FEW_OUTPUTS: usize = 8;
const DOTTED: f64 = 1.0;
const GATHERED_TO_DOT: f64 = 12.0;
/// Where every channel has filters of its own: a product, one for a gradient, what an output costs besides, and what a row of them
/// costs for every tap where it is spread over the inputs.
const FILTERED: f64 = 2.2;
const FILTERED_SLOPE: f64 = 4.4;
const FILTERED_ROW: f64 = 70.0;
const SPREAD: f64 = 2.5;
const SPREAD_ROW: f64 = 380.0;
/// A product at a position of the tiles.
const TRANSFORMED: f64 = 1.5;
/// A register tile: filling and emptying it costs as much as so many steps of its sum.
const TILE: f64 = 4.0;
/// An element of a transformed input, output, slope, weight and slope of a weight.
const INPUT: f64 = 6.0;
const OUTPUT: f64 = 5.0;
const SLOPE: f64 = 5.0;
const WEIGHT: f64 = 27.0;
const WEIGHT_SLOPE: f64 = 10.0;
/// An element of an image with two phases to an axis, and with more, if these are gathered, or spread, place by place.
const PHASES: f64 = 18.0;
const MANY_PHASES: f64 = 50.0;

fn direct_cost<T: Scalar>(g: &ConvGeometry, product: Product) -> f64 {
    if depthwise::layout(g).is_some() {
        // With few taps it is bound by memory, and no algorithm does less of that.
        return if fourier::plan::may_pay(g) { depthwise_cost::<T>(g, product) } else { 0.0 };
    }
    let (channels, outputs) = (g.channels as f64, g.outputs as f64);
    let whole = |n: usize, unit: usize| n.next_multiple_of(unit) as f64;
    let images = (g.batch * g.groups) as f64;
    let places = images * (g.output_plane() * g.taps()) as f64;
    match product {
        Product::Forward if few_channels::applies::<T>(g) => {
            places * channels * (FEW * whole(g.outputs, few_channels::BLOCKS[0]) + COPIED)
        }
        Product::Forward => places * channels * (DIRECT * whole(g.outputs, TILE_ROWS) + GATHERED),
        Product::BackwardX if scatter::pays(g) => places * channels * (DIRECT * outputs + SCATTERED),
        Product::BackwardX => {
            let phases: usize = g.windows.iter().map(|w| w.step()).product();
            let places = images * (g.input_plane() / phases * g.taps()) as f64;
            places * outputs * (DIRECT * whole(g.channels, TILE_ROWS) + GATHERED_SLOPE)
        }
        Product::BackwardWeight if few_channels::weight::applies(g) => {
            let width = g.output()[2];
            let lanes = whole(width, lanes::<T>()) / width as f64;
            places * channels * FEW_WEIGHTS * whole(g.outputs, few_channels::weight::LEAST_OUTPUTS) * lanes
        }
        Product::BackwardWeight if g.outputs < FEW_OUTPUTS => places * channels * (DOTTED * outputs + GATHERED_TO_DOT),
        Product::BackwardWeight => places * channels * (DIRECT * whole(g.outputs, lanes::<T>()) + GATHERED_FOR_WEIGHT),
    }
}

fn depthwise_cost<T: Scalar>(g: &ConvGeometry, product: Product) -> f64 {
    let width = g.output()[2];
    let rows = (g.y_len() / width) as f64;
    let (lanes, taps) = (width.next_multiple_of(lanes::<T>()) as f64, g.taps() as f64);
    match product {
        Product::Forward => rows * (FILTERED * taps * lanes + FILTERED_ROW * width as f64),
        Product::BackwardX => rows * taps * (SPREAD * lanes + SPREAD_ROW),
        Product::BackwardWeight => rows * (FILTERED_SLOPE * taps * lanes + FILTERED_ROW * width as f64),
    }
}

fn winograd_cost<T: Scalar>(plan: &Plan, groups: usize, product: Product) -> f64 {
    let [channels, outputs] = [plan.channels, plan.outputs].map(|n| n.next_multiple_of(lanes::<T>()) as f64);
    let (positions, tiles) = (plan.positions() as f64, plan.tiles() as f64);
    let price = |view: &View, dense: f64| match view.step.into_iter().max() {
        Some(..=1) | None => dense,
        Some(2) => PHASES,
        Some(_) => MANY_PHASES,
    };
    // The sum's length, the rows of a product, and the prices of an element on its other side and of a weight.
    let (inner, rows, other, weight) = match product {
        Product::BackwardWeight => (plan.tiles().min(SLOPE_TILES), plan.channels.max(TILE_ROWS), SLOPE, WEIGHT_SLOPE),
        _ => (plan.channels.min(BLOCK_K), plan.channels, OUTPUT, WEIGHT),
    };
    let products = tiles * rows as f64 * outputs * (TRANSFORMED + TILE / inner as f64) * plan.present_share();
    let joined = plan.input.joins_phases(lanes::<T>());
    let input = if joined { INPUT } else { price(&plan.input, INPUT) };
    let tiled = input * channels + price(&plan.output, other) * outputs;
    groups as f64 * positions * (products + tiles * tiled + weight * plan.channels as f64 * outputs)
}
