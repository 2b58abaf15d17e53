//! Small networks by hand.

use super::*;
use crate::geometry::conv::ConvOptions;

fn network() -> Network<f64> {
    // Two channels, x + 1 and 2 x; their sum with themselves; all places of all channels added up.
    let filters = Filters::new(&[1.0, 2.0], [2, 1, 1, 1], Some(&[1.0, 0.0]), ConvOptions::default()).expect("memory");
    Network::new(vec![
        Step::Convolve { x: 0, filters, add: None, relu: true },
        Step::Add { x: 1, add: 1, relu: false },
        Step::Flatten { x: 2 },
        Step::Linear { x: 3, weight: vec![1.0; 8], bias: Some(vec![0.5]), outputs: 1, relu: false },
    ])
}

#[test]
fn small_numbers() {
    let network = network();
    let schedule = network.schedule([1, 1, 2, 2]).expect("it fits");
    assert_eq!(schedule.output(), [1, 1]);
    let mut y = [f64::NAN];
    network.run(&schedule, &[1.0, -3.0, 0.0, 2.0], &mut y).expect("memory");
    // (2 + 0 + 1 + 3) + (2 + 0 + 0 + 4), twice.
    assert_eq!(y, [24.5]);
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let network = network();
    for shape in [[1, 2, 2, 2], [1, 1, 2, 3], [0, 1, 2, 2]] {
        assert!(matches!(network.schedule(shape), Err(Error::Value(_))));
    }
}

#[test]
fn schedules_are_kept_for_the_last_shapes() {
    let network = network();
    assert!(network.known([1, 1, 2, 2]).is_none());
    for batch in 1..=20 {
        assert!(network.schedule([batch, 1, 2, 2]).is_ok());
    }
    assert!(network.known([20, 1, 2, 2]).is_some());
    assert!(network.known([1, 1, 2, 2]).is_none());
}
