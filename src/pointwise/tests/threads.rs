//! The same bits for any number of threads.

use super::*;
use crate::pointwise::cross_entropy::{CrossEntropy, Target};
use crate::pointwise::{Scale, dropout, normalisation, pairwise, softmax};
use crate::test_support::random;

#[test]
fn results_have_the_same_bits_for_any_number_of_threads() {
    let (shape, axis) = ([64, 700, 3], 1);
    let lines = Lines::new(&shape, axis);
    let x: Vec<f32> = random(64 * 700 * 3, 1);
    let ids: Vec<i64> = (0..lines.positions()).map(|p| (p % 700) as i64).collect();
    let weight = vec![1.5f32; 700];
    let target = Target::Classes(&ids);
    let loss = CrossEntropy { lines, target, weight: &weight, ignore_index: IGNORE, label_smoothing: 0.1 };
    let (batch, layer) = (normalisation::BatchNorm::new(64, 700, 3, 1e-5), normalisation::LayerNorm::new(2100, 1e-5));
    let compute = || {
        let [mut y, mut dx, mut dlogits, mut masked] = [(); 4].map(|()| vec![f32::NAN; x.len()]);
        let mut losses = vec![f32::NAN; lines.positions()];
        softmax::softmax(&x, lines, &mut y);
        softmax::softmax_backward(&x, &y, lines, &mut dx);
        let saved = loss.forward(&x, &mut losses);
        loss.backward(&x, &saved, Scale::Uniform(1.0), &mut dlogits);
        dropout::Mask::new(5, 0.4).apply(&x, &mut masked);
        let sum = pairwise::sum(pairwise::Squared, [&x, &y]);
        let [mut by_batch, mut by_layer, mut dbatch, mut dlayer] = [(); 4].map(|()| vec![f32::NAN; x.len()]);
        let [mut dweight, mut dbias] = [(); 2].map(|()| vec![f32::NAN; 700]);
        let moments = batch.moments(&x);
        batch.forward(&x, &moments, Some(&weight), None, &mut by_batch);
        let wanted =
            normalisation::BatchGradients { x: Some(&mut dbatch), weight: Some(&mut dweight), bias: Some(&mut dbias) };
        batch.backward(&y, &x, &moments, Some(&weight), wanted);
        let mut wide_weight = vec![f32::NAN; 2100];
        let moments = layer.forward(&x, None, None, &mut by_layer);
        let wanted = normalisation::LayerGradients { x: Some(&mut dlayer), weight: Some(&mut wide_weight), bias: None };
        layer.backward(&y, &x, &moments, None, wanted);
        let normal = [by_batch, by_layer, dbatch, dlayer, dweight, dbias, wide_weight].concat();
        [y, dx, dlogits, masked, losses, normal, vec![sum as f32]]
            .concat()
            .iter()
            .map(|v| v.to_bits())
            .collect::<Vec<_>>()
    };
    let previous = crate::threads::set_override(Some(1));
    let expected = compute();
    for threads in [2, 3, 5] {
        crate::threads::set_override(Some(threads));
        assert_eq!(compute(), expected, "{threads} threads");
    }
    crate::threads::set_override(previous);
}
