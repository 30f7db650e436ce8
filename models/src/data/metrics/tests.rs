//! Metrics against values worked out by hand, and what must hold of any rows.

use super::*;
use proptest::prelude::*;

/// Labels and answers of ten rows: 3 rightly positive, 1 missed, 2 wrongly positive, 4 rightly negative.
fn ten() -> Vec<(usize, usize)> {
    let cells = [((1, 1), 3), ((1, 0), 1), ((0, 1), 2), ((0, 0), 4)];
    cells.iter().flat_map(|&(cell, count)| std::iter::repeat_n(cell, count)).collect()
}

fn near(value: f64, wanted: f64) {
    assert!((value - wanted).abs() < 1e-12, "{value}, not {wanted}");
}

#[test]
fn metrics_of_classes_are_those_worked_out_by_hand() {
    near(accuracy(&ten()).unwrap().value, 0.7);
    // 2·3 / (2·3 + 1 + 2).
    near(f1(&ten()).unwrap().value, 2.0 / 3.0);
    // (3·4 - 2·1) / sqrt(5 · 4 · 6 · 5).
    near(matthews(&ten()).unwrap().value, 10.0 / 600f64.sqrt());
}

#[test]
fn matthews_of_three_classes_is_gorodkins() {
    // Labels 0 0 1 1 2 2, answers 0 1 1 1 2 0: c = 4, s = 6, t = (2, 2, 2), p = (2, 3, 1).
    let rows = [(0, 0), (0, 1), (1, 1), (1, 1), (2, 2), (2, 0)];
    near(matthews(&rows).unwrap().value, (4.0 * 6.0 - 12.0) / (24f64 * 22.0).sqrt());
}

#[test]
fn wilsons_interval_is_the_published_one() {
    // Newcombe 1998, Statistics in Medicine 17, table I, method 3: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (count, of, low, high) in
        [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
    {
        let (_, interval) = wilson(count, of).unwrap();
        assert!((interval.0 - low).abs() < 5e-5 && (interval.1 - high).abs() < 5e-5, "{count} of {of}: {interval:?}");
    }
}

#[test]
fn correlations_are_those_worked_out_by_hand() {
    // Deviations (-2, -1, 0, 1, 2) and (-2, 0, -1, 2, 1): 8 / 10.
    let rows = [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 5.0), (5.0, 4.0)];
    near(pearson(&rows).unwrap().value, 0.8);
    near(spearman(&rows).unwrap().value, 0.8);
    // 1 - 6·4/(5·24) for ranks without ties; the numbers themselves are another matter.
    let rows = [(1.0, 1.0), (2.0, 30.0), (3.0, 2.0), (4.0, 500.0), (5.0, 40.0)];
    near(spearman(&rows).unwrap().value, 0.8);
    assert!(pearson(&rows).unwrap().value < 0.6);
    // Ranks 1.5 1.5 3 4 and 1 2 3.5 3.5: deviations (-1, -1, .5, 1.5) and (-1.5, -.5, 1, 1): 4 / 4.5.
    let ties = [(7.0, 1.0), (7.0, 2.0), (8.0, 9.0), (9.0, 9.0)];
    near(spearman(&ties).unwrap().value, 4.0 / 4.5);
    // Fisher's interval of r = 0.8, n = 5: tanh(1.0986123 ± 1.959964 / sqrt 2).
    let (low, high) = pearson(&rows_of_08()).unwrap().interval.unwrap();
    assert!((low + 0.279_638).abs() < 1e-5 && (high - 0.986_196).abs() < 1e-5, "{low} {high}");
}

fn rows_of_08() -> [(f64, f64); 5] {
    [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 5.0), (5.0, 4.0)]
}

#[test]
fn what_is_not_defined_is_said() {
    assert_eq!(accuracy(&[]), Err(Undefined::NoRows));
    assert_eq!(f1(&[]), Err(Undefined::NoRows));
    assert_eq!(f1(&[(0, 0), (0, 0)]), Err(Undefined::NoPositives));
    assert_eq!(matthews(&[]), Err(Undefined::NoRows));
    assert_eq!(matthews(&[(0, 1), (1, 1)]), Err(Undefined::ConstantAnswers));
    assert_eq!(matthews(&[(1, 0), (1, 1)]), Err(Undefined::ConstantLabels));
    assert_eq!(pearson(&[]), Err(Undefined::NoRows));
    assert_eq!(pearson(&[(1.0, 2.0)]), Err(Undefined::ConstantLabels));
    assert_eq!(spearman(&[(1.0, 2.0), (3.0, 2.0)]), Err(Undefined::ConstantAnswers));
    assert_eq!(pearson(&[(1.0, 2.0), (3.0, 4.0)]).unwrap().interval, None);
    assert_eq!(pearson(&[(-f64::MAX, 1.0), (f64::MAX, 2.0), (-f64::MAX, 3.0)]), Err(Undefined::OutOfRange));
    assert_eq!(Metric::Accuracy.of_numbers(&[(1.0, 1.0)]), None);
    assert_eq!(Metric::Pearson.of_classes(&[(1, 1)]), None);
    assert_eq!(accuracy_difference(&[]), Err(Undefined::NoRows));
}

#[test]
fn a_difference_of_paired_accuracies_has_tangos_interval() {
    // Nine rows won and one lost of 44.
    let rows: Vec<_> = (0..44).map(|row| (1, usize::from(row >= 9), usize::from(row != 9))).collect();
    let found = accuracy_difference(&rows).unwrap();
    near(found.value, 8.0 / 44.0);
    let (low, high) = found.interval.unwrap();
    // The ends are roots of the score equation, whose most likely share is that of n = 44 worked out.
    for (end, z) in [(low, Z), (high, -Z)] {
        let (b, c) = (-10.0 + (88.0 - 8.0) * end, -end * (1.0 - end));
        let q = ((b * b - 352.0 * c).sqrt() - b) / 176.0;
        let score = (8.0 - 44.0 * end) / (44.0 * (2.0 * q + end * (1.0 - end))).sqrt();
        assert!((score - z).abs() < 1e-6, "{score} at {end}");
    }
    // Without a difference in 100 rows it is Z²/(n + Z²) on both sides.
    let (low, high) = accuracy_difference(&[(1, 1, 1); 100]).unwrap().interval.unwrap();
    let wanted = Z * Z / (100.0 + Z * Z);
    assert!((low + wanted).abs() < 1e-9 && (high - wanted).abs() < 1e-9, "{low} {high}");
}

fn classes() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0usize..3, 0usize..3), 1..60)
}

fn numbers() -> impl Strategy<Value = Vec<(f64, f64)>> {
    // Few values, so that there are ties.
    prop::collection::vec((0i32..12, 0i32..12), 2..40)
        .prop_map(|rows| rows.into_iter().map(|(x, y)| (f64::from(x), f64::from(y))).collect())
}

/// The same value but for rounding, or undefined for the same reason.
fn same(a: Result<Estimate, Undefined>, b: Result<Estimate, Undefined>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => (a.value - b.value).abs() < 1e-12,
        (a, b) => a.err() == b.err(),
    }
}

proptest! {
    #[test]
    fn the_order_of_rows_does_not_matter(rows in classes(), numbers in numbers()) {
        let (reversed, back): (Vec<_>, Vec<_>) = (rows.iter().rev().copied().collect(), numbers.iter().rev().copied().collect());
        for metric in [Metric::Accuracy, Metric::F1, Metric::Matthews] {
            prop_assert_eq!(metric.of_classes(&rows), metric.of_classes(&reversed));
        }
        for metric in [Metric::Pearson, Metric::Spearman] {
            prop_assert!(same(metric.of_numbers(&numbers).unwrap(), metric.of_numbers(&back).unwrap()));
        }
    }

    #[test]
    fn accuracy_and_matthews_do_not_know_names_of_classes(rows in classes()) {
        let renamed: Vec<_> = rows.iter().map(|&(label, answer)| (7 - label, 7 - answer)).collect();
        prop_assert!(same(accuracy(&rows), accuracy(&renamed)));
        prop_assert!(same(matthews(&rows), matthews(&renamed)));
    }

    #[test]
    fn correlations_and_matthews_are_symmetric_and_at_most_one(rows in classes(), numbers in numbers()) {
        let swap = |error| match error {
            Undefined::ConstantLabels => Undefined::ConstantAnswers,
            Undefined::ConstantAnswers => Undefined::ConstantLabels,
            other => other,
        };
        let swapped: Vec<_> = rows.iter().map(|&(a, b)| (b, a)).collect();
        // Where both are constant, labels are named first.
        if !rows.iter().all(|row| *row == rows[0]) {
            prop_assert!(same(matthews(&rows), matthews(&swapped).map_err(swap)));
        }
        if let Ok(found) = spearman(&numbers) {
            let swapped: Vec<_> = numbers.iter().map(|&(a, b)| (b, a)).collect();
            prop_assert!(same(Ok(found), spearman(&swapped)));
            prop_assert!((-1.0..=1.0).contains(&found.value));
        }
    }

    #[test]
    fn pearson_does_not_feel_scale_and_offset_and_spearman_no_growing_function(numbers in numbers()) {
        let scaled: Vec<_> = numbers.iter().map(|&(x, y)| (3.0 - 2.0 * x, 0.5 * y + 7.0)).collect();
        let flipped = pearson(&scaled).map(|found| Estimate { value: -found.value, ..found });
        prop_assert!(same(pearson(&numbers), flipped));
        let grown: Vec<_> = numbers.iter().map(|&(x, y)| (x.exp(), y.powi(3))).collect();
        prop_assert!(same(spearman(&numbers), spearman(&grown)));
    }

    #[test]
    fn intervals_hold_their_values(rows in classes(), numbers in numbers()) {
        let estimates = [accuracy(&rows), pearson(&numbers), spearman(&numbers)];
        for found in estimates.into_iter().flatten() {
            if let Some((low, high)) = found.interval {
                prop_assert!(low <= found.value + 1e-12 && found.value <= high + 1e-12, "{:?}", found);
            }
        }
    }
}
