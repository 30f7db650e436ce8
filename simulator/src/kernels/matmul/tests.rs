//! Every code path against three plain loops.

use proptest::prelude::*;

use super::super::bits::ring_mask;
use super::*;

fn numbers(count: usize, seed: u64) -> Vec<u64> {
    (0..count as u64)
        .map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed << 1).rotate_left(29).wrapping_mul(seed | 1))
        .collect()
}

/// The definition.
fn reference(product: &Product, a: &[u64], b: &[u64], c: &mut [u64]) {
    let Product { batch, rows, inner, columns, .. } = *product;
    for index in 0..batch {
        let (a, b) = (&a[index * product.left_stride..], &b[index * product.right_stride..]);
        for i in 0..rows {
            for j in 0..columns {
                let c = &mut c[(index * rows + i) * columns + j];
                let mut sum = if product.accumulate { *c } else { 0 };
                for p in 0..inner {
                    let b = if product.right_is_transposed { b[j * inner + p] } else { b[p * columns + j] };
                    sum = sum.wrapping_add(a[i * inner + p].wrapping_mul(b));
                }
                *c = sum & product.mask;
            }
        }
    }
}

fn check(product: &Product) {
    let matrices = |stride: usize, elements: usize| product.batch.saturating_sub(1) * stride + elements;
    let a = numbers(matrices(product.left_stride, product.rows * product.inner), 1);
    let b = numbers(matrices(product.right_stride, product.inner * product.columns), 2);
    let before = numbers(product.result_elements(), 3);
    let mut expected = before.clone();
    reference(product, &a, &b, &mut expected);
    for path in CodePath::available() {
        let mut found = before.clone();
        matmul(path, product, &a, &b, &mut found);
        assert!(found == expected, "{path:?} {product:?}");
    }
}

fn side() -> impl Strategy<Value = usize> {
    prop_oneof![
        1usize..70,
        prop::sample::select(vec![1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 97, 127, 128, 129, 131])
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_code_path_gives_the_product(
        (rows, inner, columns) in (side(), side(), side()),
        batch in 1usize..4,
        (shared_left, shared_right, transposed, accumulate) in any::<(bool, bool, bool, bool)>(),
        (gap_left, gap_right) in (0usize..3, 0usize..3),
        bits in 1u32..=64,
    ) {
        let mut product = Product::new(rows, inner, columns).batched(batch).masked(ring_mask(bits));
        product.left_stride += gap_left;
        product.right_stride += gap_right;
        if shared_left { product = product.shared_left() }
        if shared_right { product = product.shared_right() }
        if transposed { product = product.transposed_right() }
        if accumulate { product = product.accumulating() }
        check(&product);
    }
}

#[test]
fn sizes_around_every_boundary_give_the_product() {
    for rows in [1, 3, 4, 5, DIRECT_ROWS, DIRECT_ROWS + 1, TASK_ROWS + 1] {
        for inner in [1, DIRECT_DEPTH + 1, DEPTH, DEPTH + 1, 2 * DEPTH + 3] {
            for columns in [1, 7, 8, PANEL, PANEL + 1, 3 * PANEL + 15] {
                check(&Product::new(rows, inner, columns));
                check(&Product::new(rows, inner, columns).transposed_right());
            }
        }
    }
}

#[test]
fn long_inner_dimensions_and_many_rows_give_the_product() {
    check(&Product::new(5, 30011, 35));
    check(&Product::new(13, 30011, 35).accumulating());
    check(&Product::new(401, 129, 33).masked(ring_mask(37)));
}

#[test]
fn empty_products_are_zero_or_leave_the_result() {
    for path in CodePath::available() {
        matmul(path, &Product::new(0, 3, 4), &[], &[0; 12], &mut []);
        matmul(path, &Product::new(3, 4, 2).batched(0), &[], &[], &mut []);
        let mut c = [1, 2];
        matmul(path, &Product::new(1, 0, 2).accumulating(), &[], &[], &mut c);
        assert_eq!(c, [1, 2]);
        matmul(path, &Product::new(1, 0, 2), &[], &[], &mut c);
        assert_eq!(c, [0, 0]);
    }
}

#[test]
fn products_are_the_same_for_any_thread_count() {
    let product = Product::new(70, 150, 90).batched(3).transposed_right();
    let (a, b) = (numbers(3 * 70 * 150, 4), numbers(3 * 90 * 150, 5));
    let mut expected = vec![0; product.result_elements()];
    reference(&product, &a, &b, &mut expected);
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool starts");
        for path in CodePath::available() {
            let mut found = vec![0; product.result_elements()];
            pool.install(|| matmul(path, &product, &a, &b, &mut found));
            assert!(found == expected, "{threads} threads, {path:?}");
        }
    }
}

#[test]
#[should_panic(expected = "the right operand holds")]
fn a_short_operand_is_our_bug() {
    matmul(CodePath::Scalar, &Product::new(2, 2, 2), &[0; 4], &[0; 3], &mut [0; 4]);
}
