//! Division of a secret by a secret, as published figures time it. It has two arguments, so it is no protocol of the registry.
//!
//! | here | rounds | bit | source |
//! |---|---|---|---|
//! | [`goldschmidt`] | 2 t | 512 t | SecFormer's repository at 4c1db49, `operation/div.py`, t = 7: 448 byte, its Figure 9 |
//! | [`newton`] | 39 | 9088 | CrypTen's code, `mpc/mpc.py`, `div`: 1136 byte; Figure 9 has 1296 |
//!
//! Figure 9's 1296 byte charge a Newton step as two products where the code has a square and a product. CrypTen's side of its benchmark is, in the
//! code, a matrix product with the reciprocal.

use super::newton_signed::signed;
use crate::circuit::{Circuit, Secret};

/// x / y by t iterations of x = x m, y = y m with m = 2 - y, without deflation: right for y in (0, 2), relative error -(1 - y)^(2^t).
pub fn goldschmidt(c: &mut Circuit, x: Secret, y: Secret, iterations: usize) -> Secret {
    let (mut x, mut y) = (x, y);
    for _ in 0..iterations {
        let m = c.subtract_from(2.0, y);
        x = c.mul(x, m);
        y = c.mul(y, m);
    }
    x
}

/// x times the reciprocal of y, by `reciprocal/newton-signed`.
pub fn newton(c: &mut Circuit, x: Secret, y: Secret) -> Secret {
    let reciprocal = signed(c, y);
    c.mul(x, reciprocal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::Owner;
    use crate::nonlinear::{Setting, testing};

    fn quotient(build: impl Fn(&mut Circuit, Secret, Secret) -> Secret) -> (Vec<f64>, (u64, i64)) {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [2]);
        let y = c.input(Owner::Model, "y", [2]);
        let quotient = c.region("division", |c| build(c, x, y));
        c.reveal(quotient, "quotient");
        let circuit = c.finish().unwrap();
        let program = testing::compile(&circuit, &Setting::PUBLISHED);
        let values = |_, name: &str| Some(if name == "x" { vec![3.0, -0.5] } else { vec![0.5, 1.25] });
        let found = circuit.evaluate(values).unwrap().outputs.remove(0).2;
        (found, testing::count(&program, "division", Setting::PUBLISHED.schedule))
    }

    #[test]
    fn quotients_are_right_and_cost_what_was_measured() {
        let (by_goldschmidt, cost) = quotient(|c, x, y| goldschmidt(c, x, y, 7));
        // 448 byte for each of two elements.
        assert_eq!(cost, (14, 2 * 448 * 8));
        let (by_newton, cost) = quotient(newton);
        assert_eq!(cost, (39, 2 * 1136 * 8));
        for found in [by_goldschmidt, by_newton] {
            assert!((found[0] - 6.0).abs() < 1e-6 && (found[1] + 0.4).abs() < 1e-7);
        }
    }
}
