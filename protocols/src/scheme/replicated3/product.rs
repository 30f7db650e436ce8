//! Products: every pair of shares is held by some party.
//!
//! Araki et al., CCS 2016; ABY3. For x, y in shares and a bilinear product, of ring elements or (as AND) of words under
//! exclusive or:
//! 1. Party i computes z_i = x_i (y_i + y_{i+1}) + x_{i+1} y_i; the sum of the z_i is x y.
//! 2. It adds k_i - k_{i+1}, from the keys that it has with its neighbours: a sharing of zero.
//! 3. It sends z_i to the party before it, which makes z_i a share.
//!
//! One round, one word for each party and element of the result: a matrix product costs the same whatever is summed over.
//! Party i - 1 knows x_i, y_i, and k_i, but not k_{i+1}, which makes z_i uniform to it; without step 2 it would learn of x_{i+1} and
//! y_{i+1} (CrypTen, `replicated.py`, issue #518).

use super::{PARTIES, key, next, previous};
use crate::program::{ProgramBuilder, ValueId};
use crate::scheme::words::{minus, multiply, plus};
use crate::scheme::{Product, Shares};

/// x y, or x AND y.
pub(super) fn product(p: &mut ProgramBuilder, product: Product, x: &Shares, y: &Shares) -> Shares {
    let summands = summands(p, product, x, y);
    pass_on(p, summands)
}

/// Steps 1 and 2 of a product.
pub(super) fn summands(p: &mut ProgramBuilder, product: Product, x: &Shares, y: &Shares) -> [ValueId; 3] {
    let summands = [0, 1, 2].map(|i| {
        let both = plus(p, y[i], y[next(i)]);
        let with_first = multiply(p, product, x[i], both);
        let with_second = multiply(p, product, x[next(i)], y[i]);
        plus(p, with_first, with_second)
    });
    masked(p, summands)
}

/// Steps 1 and 2 of a square: z_i = x_i (x_i + 2 x_{i+1}).
pub(super) fn summands_of_square(p: &mut ProgramBuilder, x: &Shares) -> [ValueId; 3] {
    let summands = [0, 1, 2].map(|i| {
        let twice = p.shift_left(x[next(i)], 1);
        let factor = p.add(x[i], twice);
        p.mul(x[i], factor)
    });
    masked(p, summands)
}

/// Step 2.
fn masked(p: &mut ProgramBuilder, summands: [ValueId; 3]) -> [ValueId; 3] {
    let (domain, shape) = (p.value(summands[0]).domain, p.shape(summands[0]));
    let keys = [0, 1, 2].map(|i| key(p, i, domain, &shape));
    [0, 1, 2].map(|i| {
        let sum = plus(p, summands[i], keys[i]);
        minus(p, sum, keys[next(i)])
    })
}

/// Step 3.
pub(super) fn pass_on(p: &mut ProgramBuilder, summands: [ValueId; 3]) -> Shares {
    (0..3).map(|i| p.send(summands[i], PARTIES[previous(i)])).collect()
}
