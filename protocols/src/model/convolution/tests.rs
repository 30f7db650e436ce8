//! Each layer against its definition, in loops of another order, on whole numbers: equal, not near.

use super::*;
use crate::circuit::Owner;
use proptest::prelude::*;

type Array = Vec<f64>;

/// Runs `build` on an image and a weight.
fn run(
    x: (&Array, [usize; 4]),
    w: (&Array, [usize; 4]),
    build: impl FnOnce(&mut Circuit, Secret, Secret) -> Secret,
) -> Array {
    let mut c = Circuit::new();
    let image = c.input(Owner::Client, "x", x.1);
    let weight = c.input(Owner::Model, "w", w.1);
    let y = build(&mut c, image, weight);
    c.reveal(y, "y");
    let circuit = c.finish().unwrap();
    let inputs = |_, name: &str| Some(if name == "x" { x.0.clone() } else { w.0.clone() });
    circuit.evaluate(inputs).unwrap().outputs.remove(0).2
}

fn at(x: &[f64], [_, rows, columns, channels]: [usize; 4], n: usize, [y, z]: [i64; 2], channel: usize) -> f64 {
    let inside = (0..rows as i64).contains(&y) && (0..columns as i64).contains(&z);
    if inside { x[((n * rows + y as usize) * columns + z as usize) * channels + channel] } else { 0.0 }
}

/// Numbers small enough that every sum is exact.
fn numbers(count: usize, seed: u64) -> Array {
    (0..count as u64).map(|i| ((i * i * 31 + i * 17 + seed * 29) % 23) as f64 - 11.0).collect()
}

proptest! {
    #[test]
    fn a_convolution_is_its_definition(
        images in 1usize..3, rows in 1usize..6, columns in 1usize..6, channels in 1usize..4, outputs in 1usize..4,
        kernel in 1usize..5, stride in 1usize..3, padding in 0usize..3, seed in any::<u8>()
    ) {
        let geometry = Geometry { kernel, stride, padding };
        let (Some(high), Some(wide)) = (geometry.windows(rows), geometry.windows(columns)) else { return Ok(()) };
        let (shape, of_weight) = ([images, rows, columns, channels], [outputs, channels, kernel, kernel]);
        let (x, w) = (numbers(shape.iter().product(), seed.into()), numbers(of_weight.iter().product(), 7));
        let found = run((&x, shape), (&w, of_weight), |c, x, w| conv2d(c, x, w, geometry, 0));
        let mut wanted = Vec::new();
        for n in 0..images { for y in 0..high { for z in 0..wide { for o in 0..outputs {
            let mut sum = 0.0;
            for i in 0..channels { for a in 0..kernel { for b in 0..kernel {
                let place = [(y * stride + a) as i64 - padding as i64, (z * stride + b) as i64 - padding as i64];
                sum += at(&x, shape, n, place, i) * w[((o * channels + i) * kernel + a) * kernel + b];
            }}}
            wanted.push(sum);
        }}}}
        prop_assert_eq!(found, wanted);
    }

    /// Each element of the image adds its multiple of the kernel to the result: the definition by scattering.
    #[test]
    fn a_transposed_convolution_is_its_definition(
        rows in 1usize..4, columns in 1usize..4, channels in 1usize..3, outputs in 1usize..3, kernel in 1usize..5,
        stride in 1usize..4, padding in 0usize..2, seed in any::<u8>()
    ) {
        let side = |side: usize| ((side - 1) * stride + kernel).saturating_sub(2 * padding);
        let (high, wide) = (side(rows), side(columns));
        if high == 0 || wide == 0 {
            return Ok(());
        }
        let (shape, of_weight) = ([1, rows, columns, channels], [channels, outputs, kernel, kernel]);
        let (x, w) = (numbers(shape.iter().product(), seed.into()), numbers(of_weight.iter().product(), 5));
        let found = run((&x, shape), (&w, of_weight), |c, x, w| conv_transpose2d(c, x, w, Geometry { kernel, stride, padding }));
        let mut wanted = vec![0.0; high * wide * outputs];
        for y in 0..rows { for z in 0..columns { for i in 0..channels { for o in 0..outputs {
            for a in 0..kernel { for b in 0..kernel {
                let (Some(to_y), Some(to_z)) = ((y * stride + a).checked_sub(padding), (z * stride + b).checked_sub(padding)) else { continue };
                if to_y < high && to_z < wide {
                    wanted[(to_y * wide + to_z) * outputs + o] +=
                        x[(y * columns + z) * channels + i] * w[((i * outputs + o) * kernel + a) * kernel + b];
                }
            }}
        }}}}
        prop_assert_eq!(found, wanted);
    }

    /// Each rewrite is the identity on whole numbers: nothing is rounded, so neither are sums in a ring.
    #[test]
    fn each_rewrite_gives_the_same_numbers(
        rows in 1usize..4, columns in 1usize..4, channels in 1usize..3, outputs in 1usize..3, seed in any::<u8>()
    ) {
        let of_weight = |kernel| ([outputs, channels, kernel, kernel], numbers(outputs * channels * kernel * kernel, 3));
        let (small, even) = ([2, rows, columns, channels], [2, 2 * rows, 2 * columns, channels]);
        let [x, wide] = [small, even].map(|shape| numbers(shape.iter().product(), seed.into()));
        let (shape, w) = of_weight(3);
        let pooled = run((&wide, even), (&w, shape), |c, x, w| {
            let y = conv2d(c, x, w, Geometry::SAME_3, 0);
            average_pool2(c, y)
        });
        prop_assert_eq!(pooled, run((&wide, even), (&w, shape), |c, x, w| conv2d_then_pool2(c, x, w, 0)));
        let doubled = run((&x, small), (&w, shape), |c, x, w| {
            let up = upsample2(c, x, Upsampling::Nearest);
            conv2d(c, up, w, Geometry::SAME_3, 0)
        });
        prop_assert_eq!(doubled, run((&x, small), (&w, shape), nearest2_then_conv2d));
        let (shape, w) = of_weight(1);
        for upsampling in [Upsampling::Nearest, Upsampling::Bilinear] {
            let late = run((&x, small), (&w, shape), |c, x, w| {
                let up = upsample2(c, x, upsampling);
                conv2d(c, up, w, Geometry::POINT, 0)
            });
            let early = run((&x, small), (&w, shape), |c, x, w| {
                let y = conv2d(c, x, w, Geometry::POINT, 0);
                upsample2(c, y, upsampling)
            });
            prop_assert_eq!(late, early);
        }
        let late = run((&wide, even), (&w, shape), |c, x, w| {
            let y = conv2d(c, x, w, Geometry::POINT, 0);
            average_pool2(c, y)
        });
        let early = run((&wide, even), (&w, shape), |c, x, w| {
            let y = sum_pool2(c, x);
            conv2d(c, y, w, Geometry::POINT, 2)
        });
        prop_assert_eq!(late, early);
    }

    /// PyTorch's formula for align_corners = false: the place of an element's centre, clamped.
    #[test]
    fn upsampling_and_pooling_are_their_definitions(rows in 1usize..5, columns in 1usize..5, channels in 1usize..3, seed in any::<u8>()) {
        let shape = [1, rows, columns, channels];
        let x = numbers(shape.iter().product(), seed.into());
        let nothing = (&vec![0.0], [1, 1, 1, 1]);
        let nearest = run((&x, shape), nothing, |c, x, _| upsample2(c, x, Upsampling::Nearest));
        let bilinear = run((&x, shape), nothing, |c, x, _| upsample2(c, x, Upsampling::Bilinear));
        let place = |i: usize, length: usize| ((i as f64 + 0.5) / 2.0 - 0.5).clamp(0.0, (length - 1) as f64);
        let mut wanted = (Vec::new(), Vec::new());
        for y in 0..2 * rows { for z in 0..2 * columns { for channel in 0..channels {
            wanted.0.push(at(&x, shape, 0, [(y / 2) as i64, (z / 2) as i64], channel));
            let (y, z) = (place(y, rows), place(z, columns));
            let corner = |up: bool, right: bool| {
                let side = |at: f64, next: bool| (at.floor() + f64::from(u8::from(next)), if next { at.fract() } else { 1.0 - at.fract() });
                let ((y, by_y), (z, by_z)) = (side(y, up), side(z, right));
                by_y * by_z * at(&x, shape, 0, [y as i64, z as i64], channel)
            };
            wanted.1.push(corner(false, false) + corner(true, false) + corner(false, true) + corner(true, true));
        }}}
        prop_assert_eq!(&nearest, &wanted.0);
        prop_assert_eq!(&bilinear, &wanted.1);
        let doubled = [1, 2 * rows, 2 * columns, channels];
        let pooled = run((&nearest, doubled), nothing, |c, x, _| average_pool2(c, x));
        prop_assert_eq!(&pooled, &x);
        let four = run((&nearest, doubled), nothing, |c, x, _| sum_pool2(c, x));
        prop_assert_eq!(four, x.iter().map(|x| 4.0 * x).collect::<Vec<_>>());
    }
}

#[test]
fn what_does_not_fit_is_an_error_of_the_circuit() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [1, 2, 2, 3]);
    let w = c.input(Owner::Model, "w", [4, 3, 5, 5]);
    conv2d(&mut c, x, w, Geometry { kernel: 5, stride: 1, padding: 0 }, 0);
    assert!(c.finish().is_err());
}

#[test]
fn numbers_are_clamped_to_the_ends_of_an_interval() {
    let x = vec![-2.0, -1.0, -0.5, 0.0, 1.0, 1.5];
    let found = run((&x, [1, 1, 1, 6]), (&vec![0.0], [1, 1, 1, 1]), |c, x, _| clamp(c, x, -1.0, 1.0));
    assert_eq!(found, [-1.0, -1.0, -0.5, 0.0, 1.0, 1.0]);
}
