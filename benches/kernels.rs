//! The kernels without Python, at the problem sizes of `shapes.toml`: `cargo bench --bench kernels [-- name]`.
//!
//! Throughput is in multiply-adds (elements that are read, for pooling). What the operation does not have yet is left out.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use goldfish_core::conv::{self, Wanted};
use goldfish_core::geometry::conv::{ConvGeometry, ConvOptions};
use goldfish_core::geometry::conv_transpose::{TransposedGeometry, TransposedOptions};
use goldfish_core::geometry::pool::{PoolGeometry, PoolOptions};
use goldfish_core::geometry::recurrent::RecurrentGeometry;
use goldfish_core::geometry::window::{Padding, PerAxis};
use goldfish_core::pool::reference::Divisor;
use goldfish_core::pool::{average, max};
use goldfish_core::recurrent::{self, Input, Network, Outputs, Parameters, Sequence};
use serde::Deserialize;

#[derive(Deserialize)]
struct Shapes {
    convolution: Vec<Convolution>,
    pool: Vec<Pool>,
    recurrent: Vec<Recurrent>,
}

#[derive(Deserialize)]
struct Convolution {
    name: String,
    op: String,
    x: Vec<usize>,
    weight: Vec<usize>,
    #[serde(default = "one")]
    stride: i64,
    padding: Option<toml::Value>,
    #[serde(default = "one")]
    dilation: i64,
    #[serde(default = "one")]
    groups: i64,
    #[serde(default)]
    dtype: String,
}

#[derive(Deserialize)]
struct Pool {
    name: String,
    op: String,
    x: Vec<usize>,
    kernel_size: i64,
    stride: i64,
    #[serde(default)]
    padding: i64,
}

#[derive(Deserialize)]
struct Recurrent {
    name: String,
    op: String,
    x: [usize; 3],
    hidden: usize,
    layers: Option<usize>,
    lengths: Option<toml::Value>,
    #[serde(default)]
    dtype: String,
}

fn one() -> i64 {
    1
}

/// Numbers that are neither zero nor all alike.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i * 7919 % 1009) as f32 / 1009.0 - 0.5).collect()
}

fn padding(row: &Convolution) -> Padding {
    match &row.padding {
        Some(toml::Value::String(word)) if word == "causal" => Padding::Causal,
        value => Padding::Numbers(PerAxis::One(value.as_ref().and_then(toml::Value::as_integer).unwrap_or(0))),
    }
}

/// A transposed convolution: the gradients of its convolution, in other roles.
fn transposed(criterion: &mut Criterion, row: &Convolution) {
    let axes = row.x.len() - 2;
    let options = TransposedOptions {
        stride: PerAxis::One(row.stride),
        padding: padding(row),
        output_padding: PerAxis::One(0),
        dilation: PerAxis::One(row.dilation),
        groups: row.groups,
    };
    let geometry = TransposedGeometry::new(axes, &row.x, &row.weight, None, &options).expect("a row of shapes.toml");
    let (x, weight) = (values(row.x.iter().product()), values(row.weight.iter().product()));
    let outputs: usize = geometry.y_shape().iter().product();
    let (mut y, mut dx, mut dweight) = (vec![0.0; outputs], vec![0.0; x.len()], vec![0.0; weight.len()]);
    let mut group = criterion.benchmark_group(&row.name);
    group.throughput(Throughput::Elements(geometry.conv.work() as u64));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| conv::transposed::forward(&geometry, &x, &weight, None, &mut y))
    });
    group
        .bench_function("dx", |bencher| bencher.iter(|| conv::transposed::backward_x(&geometry, &y, &weight, &mut dx)));
    group.bench_function("dweight", |bencher| {
        bencher.iter(|| conv::transposed::backward_weight(&geometry, &y, &x, &mut dweight))
    });
    group.finish();
}

fn convolution(criterion: &mut Criterion, row: &Convolution) {
    if row.op.starts_with("conv_transpose") && row.dtype.is_empty() {
        return transposed(criterion, row);
    }
    let ("conv1d" | "conv2d" | "conv3d", "") = (row.op.as_str(), row.dtype.as_str()) else { return };
    let options = ConvOptions {
        stride: PerAxis::One(row.stride),
        padding: padding(row),
        dilation: PerAxis::One(row.dilation),
        groups: row.groups,
    };
    let axes = row.x.len() - 2;
    let geometry = ConvGeometry::new(axes, &row.x, &row.weight, None, &options).expect("a row of shapes.toml");
    let (x, weight) = (values(row.x.iter().product()), values(row.weight.iter().product()));
    let outputs: usize = geometry.y_shape().iter().product();
    let (mut y, mut dx, mut dweight) = (vec![0.0; outputs], vec![0.0; x.len()], vec![0.0; weight.len()]);
    let work = (outputs * row.weight[1..].iter().product::<usize>()) as u64;
    let mut group = criterion.benchmark_group(&row.name);
    group.throughput(Throughput::Elements(work));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| conv::forward(&geometry, Wanted::Auto, &x, &weight, None, &mut y))
    });
    group.bench_function("dx", |bencher| {
        bencher.iter(|| conv::backward_x(&geometry, Wanted::Auto, &y, &weight, &mut dx))
    });
    group.bench_function("dweight", |bencher| {
        bencher.iter(|| conv::backward_weight(&geometry, Wanted::Auto, &y, &x, &mut dweight))
    });
    group.finish();
}

fn pool(criterion: &mut Criterion, row: &Pool) {
    let options = PoolOptions {
        kernel_size: PerAxis::One(row.kernel_size),
        stride: Some(PerAxis::One(row.stride)),
        padding: Padding::Numbers(PerAxis::One(row.padding)),
        dilation: PerAxis::One(1),
        ceil_mode: false,
    };
    let geometry = PoolGeometry::new(2, &row.x, &options).expect("a row of shapes.toml");
    let x = values(row.x.iter().product());
    let mut y = vec![0.0; geometry.y_shape().iter().product()];
    let mut group = criterion.benchmark_group(&row.name);
    group.throughput(Throughput::Elements(x.len() as u64));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| match row.op.as_str() {
            "max_pool2d" => max::forward(&geometry, &x, &mut y, None),
            _ => average::forward(&geometry, Divisor::Padded, &x, &mut y),
        });
    });
    group.finish();
}

fn recurrent(criterion: &mut Criterion, row: &Recurrent) {
    let network = match row.op.as_str() {
        "rnn" => Network::Elman { relu: false },
        "lstm" => Network::Lstm,
        "gru" => Network::Gru { reset_after: true },
        _ => return,
    };
    if row.layers.is_some() || row.lengths.is_some() || !row.dtype.is_empty() {
        return;
    }
    let ([steps, batch, inputs], hidden, rows) = (row.x, row.hidden, network.gates() * row.hidden);
    let (ih, hh) = ([rows, inputs], [rows, hidden]);
    let geometry =
        RecurrentGeometry::new(&row.x, false, &ih, &hh, network.gates(), false).expect("a row of shapes.toml");
    let scaled = |count| values(count).into_iter().map(|w| w / (hidden as f32).sqrt()).collect::<Vec<_>>();
    let (x, weight_ih, weight_hh) = (values(row.x.iter().product()), scaled(rows * inputs), scaled(rows * hidden));
    let input = Input::Features(Sequence::contiguous(&x, row.x));
    let none = None;
    let parameters = Parameters {
        h_0: none,
        c_0: none,
        weight_ih: &weight_ih,
        weight_hh: &weight_hh,
        bias_ih: none,
        bias_hh: none,
        peepholes: none,
    };
    let (mut y, mut h_n, mut c_n) =
        (vec![0.0; steps * batch * hidden], vec![0.0; batch * hidden], vec![0.0; batch * hidden]);
    let mut group = criterion.benchmark_group(&row.name);
    group.throughput(Throughput::Elements((steps * batch * rows * (inputs + hidden)) as u64));
    group.bench_function("forward", |bencher| {
        bencher.iter(|| {
            let c_n = (network == Network::Lstm).then_some(&mut c_n[..]);
            let outputs = Outputs { y: &mut y, h_n: &mut h_n, c_n };
            recurrent::forward(network, &geometry, &input, &parameters, outputs, false)
        });
    });
    group.finish();
}

fn kernels(criterion: &mut Criterion) {
    let shapes: Shapes = toml::from_str(include_str!("shapes.toml")).expect("shapes.toml is a table of rows");
    shapes.convolution.iter().for_each(|row| convolution(criterion, row));
    shapes.pool.iter().for_each(|row| pool(criterion, row));
    shapes.recurrent.iter().for_each(|row| recurrent(criterion, row));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .without_plots();
    targets = kernels
}
criterion_main!(benches);
