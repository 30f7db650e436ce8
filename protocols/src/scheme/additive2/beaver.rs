//! Products by masked openings.
//!
//! Beaver, Crypto 1991. For x, y in shares and a bilinear product:
//! 1. The dealer deals a, b uniform and c = a b.
//! 2. The parties open d = x - a and e = y - b: uniform words, because a and b are.
//! 3. z0 = c0 + d (b0 + e) + a0 e, z1 = c1 + d b1 + a1 e; z0 + z1 = (d + a)(e + b) = x y.
//!
//! Operands are opened as given: a product that broadcasts opens the short operand once.
//! Square: deal r and r^2, open d = x - r, x^2 = d^2 + 2 d r + r^2.
//! Lifted: a number |x| < 2^(m - 2) in Z_2^m, as a factor in a wider ring Z_2^L. As in [`truncation::exact`](super::truncation), without a shift:
//! 1. The dealer deals r uniform in Z_2^m, and in Z_2^L -(r mod 2^(m - 1)) and the top bit t of r.
//! 2. The parties open c = x + 2^(m - 2) + r, a uniform word of m bits.
//! 3. x = k - (r mod 2^(m - 1)) + u t over the integers, with the public k = (c mod 2^(m - 1)) - 2^(m - 2) + 2^(m - 1) top(c) and
//!    u = 2^(m - 1) (1 - 2 top(c)). So in any ring x is public but for two words that the dealer knows, as d + a is but for one.
//! 4. A product of k + sum of u_i a_i and l + sum of v_j b_j, u and v public, a and b known to the dealer, needs shares of every a_i, b_j and
//!    a_i b_j: the dealer deals these products, and nothing more is opened.
//!
//! Bits: an integer that is 0 or 1 is opened modulo 2, as z = b + r, and is z + (1 - 2 z) r: lifted by one dealt word.
//! Sums: a sum of numbers, and of numbers times bits, that are opened so is public but for words that the dealer knows, too: those of its numbers and bits, and
//! the products of a number's with a bit's. So as a factor it is not opened itself.
//!
//! With w in clear at P0: the dealer knows a (P1's mask of x1) and b (P0's mask of w); P1 sends d = x1 - a, P0 sends
//! e = w - b; x w = (x0 + d) w + a e + a b.

use super::{Additive2, DEALER, deal, open, random};
use crate::party::Party;
use crate::program::{ClaimKind, ProgramBuilder, ValueId};
use crate::ring::Domain;
use crate::scheme::words::{minus, multiply, plus};
use crate::scheme::{Operand, Product, Shares, Summand, Triples};
use smallvec::{SmallVec, smallvec};

/// An operand behind its mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    /// The mask in shares.
    mask_shares: [ValueId; 2],
    /// The mask as the dealer knows it.
    mask: ValueId,
    /// The operand less its mask, known to both parties.
    difference: ValueId,
}

impl Opened {
    /// The rearrangement and the ring of an operand, of all that is known of the value that was opened.
    fn of(self, p: &mut ProgramBuilder, operand: &Operand) -> Self {
        Self {
            mask_shares: self.mask_shares.map(|share| operand.of(p, share)),
            mask: operand.of(p, self.mask),
            difference: operand.of(p, self.difference),
        }
    }
}

/// A word that the dealer knows, with a public factor, as a part of a value.
#[derive(Debug, Clone, Copy)]
struct Word {
    /// The word in shares.
    shares: [ValueId; 2],
    /// The word as the dealer knows it.
    dealt: ValueId,
    /// What it is multiplied with, if not 1.
    factor: Option<ValueId>,
    /// Whether it is its own square.
    is_bit: bool,
}

/// A value that is public but for words that the dealer knows: `known` and the sum of `words`, each times its factor.
#[derive(Debug, Clone)]
struct Parts {
    known: ValueId,
    words: SmallVec<[Word; 2]>,
}

impl From<Opened> for Parts {
    fn from(Opened { mask_shares, mask, difference }: Opened) -> Self {
        let word = Word { shares: mask_shares, dealt: mask, factor: None, is_bit: false };
        Self { known: difference, words: smallvec![word] }
    }
}

impl Parts {
    /// As [`Opened::of`].
    fn of(&self, p: &mut ProgramBuilder, operand: &Operand) -> Self {
        let word = |p: &mut ProgramBuilder, word: &Word| Word {
            shares: word.shares.map(|share| operand.of(p, share)),
            dealt: operand.of(p, word.dealt),
            factor: word.factor.map(|factor| operand.of(p, factor)),
            is_bit: word.is_bit,
        };
        Self { known: operand.of(p, self.known), words: self.words.iter().map(|part| word(p, part)).collect() }
    }
}

/// A value that was opened once, for all its uses.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// Behind a mask of its ring.
    Opened(Opened),
    /// As a number of a narrower ring, lifted.
    Lifted(Box<Lift>),
}

/// What is known of a lifted value, in the ring into which it is lifted.
#[derive(Debug, Clone)]
pub(super) struct Lift(Parts);

/// A bit, an integer modulo 2, lifted into a ring.
fn lift_bit(p: &mut ProgramBuilder, x: &Shares, ring: Domain) -> Lift {
    let (r_shares, r) = random(p, p.value(x[0]).domain, &p.shape(x[0]));
    let r = p.convert(r, ring);
    let shares = deal(p, r);
    let masked = [p.add(x[0], r_shares[0]), p.add(x[1], r_shares[1])];
    let [z] = open(p, [masked]);
    let known = p.convert(z, ring);
    let sign = super::bits::sign(p, known);
    Lift(Parts { known, words: smallvec![Word { shares, dealt: r, factor: Some(sign), is_bit: true }] })
}

/// Steps 1 to 3 of lifting x into a ring.
fn lift(p: &mut ProgramBuilder, x: &Shares, ring: Domain) -> Lift {
    let narrow = p.value(x[0]).domain;
    if narrow.bits() == 1 {
        return lift_bit(p, x, ring);
    }
    let (bits, shape) = (narrow.bits(), p.shape(x[0]));
    p.claim(x, ClaimKind::Headroom { bits: bits - 2 });
    let (r_shares, r) = random(p, narrow, &shape);
    let below_top = |p: &mut ProgramBuilder, word| {
        let low = p.convert(word, Domain::Ring(bits - 1));
        p.convert(low, ring)
    };
    let top_of = |p: &mut ProgramBuilder, word| {
        let top = p.shift_right(word, bits - 1);
        p.convert(top, ring)
    };
    let low = below_top(p, r);
    let low = p.neg(low);
    let low_shares = deal(p, low);
    let top = top_of(p, r);
    let top_shares = deal(p, top);

    let offset = p.splat(1 << (bits - 2), narrow);
    let positive = p.add(x[0], offset);
    let masked = [p.add(positive, r_shares[0]), p.add(x[1], r_shares[1])];
    let [c] = open(p, [masked]);

    let (c_low, c_top) = (below_top(p, c), top_of(p, c));
    let half = |p: &mut ProgramBuilder, value| p.shift_left(value, bits - 1);
    let offset = p.splat(1 << (bits - 2), ring);
    let known = p.sub(c_low, offset);
    let carried = half(p, c_top);
    let known = p.add(known, carried);
    let sign = super::bits::sign(p, c_top);
    let factor = half(p, sign);
    let words = smallvec![
        Word { shares: low_shares, dealt: low, factor: None, is_bit: false },
        Word { shares: top_shares, dealt: top, factor: Some(factor), is_bit: true },
    ];
    Lift(Parts { known, words })
}

/// A number times a bit: the products of their words are dealt.
fn gated(p: &mut ProgramBuilder, number: &Parts, bit: &Parts) -> Parts {
    let mut words = SmallVec::new();
    for (known, others) in [(bit.known, &number.words), (number.known, &bit.words)] {
        for word in others {
            let factor = times(p, Some(known), word.factor);
            words.push(Word { factor, ..*word });
        }
    }
    for a in &number.words {
        for b in &bit.words {
            let dealt = p.mul(a.dealt, b.dealt);
            let factor = times(p, a.factor, b.factor);
            words.push(Word { shares: deal(p, dealt), dealt, factor, is_bit: a.is_bit && b.is_bit });
        }
    }
    Parts { known: p.mul(number.known, bit.known), words }
}

/// The sum of what is opened in the place of a factor.
fn sum_of(scheme: &mut Additive2, p: &mut ProgramBuilder, summands: &[Summand]) -> Parts {
    let mut sum: Option<Parts> = None;
    for Summand { number, bit, negative } in summands {
        let mut part = kept(scheme, p, number).parts(p, number);
        if let Some(bit) = bit {
            let bit = kept(scheme, p, bit).parts(p, bit);
            part = gated(p, &part, &bit);
        }
        if *negative {
            part = negated(p, part);
        }
        sum = Some(match sum {
            None => part,
            Some(Parts { known, mut words }) => {
                words.extend(part.words);
                Parts { known: plus(p, known, part.known), words }
            }
        });
    }
    sum.expect("a factor that is not opened has summands")
}

fn negated(p: &mut ProgramBuilder, Parts { known, words }: Parts) -> Parts {
    let negative = |word: Word, p: &mut ProgramBuilder| {
        let minus_one = p.splat(u64::MAX, p.value(word.dealt).domain);
        let factor = word.factor.map_or(minus_one, |factor| p.neg(factor));
        Word { factor: Some(factor), ..word }
    };
    Parts { known: p.neg(known), words: words.into_iter().map(|word| negative(word, p)).collect() }
}

/// Step 4: shares of the elementwise product.
fn combine_parts(p: &mut ProgramBuilder, x: &Parts, y: &Parts) -> Shares {
    let both = p.mul(x.known, y.known);
    let zero = p.splat(0, p.value(both).domain);
    let mut sums = [both, zero];
    let mut add = |p: &mut ProgramBuilder, factor: Option<ValueId>, shares: [ValueId; 2]| {
        for (sum, share) in sums.iter_mut().zip(shares) {
            let term = factor.map_or(share, |factor| multiply(p, Product::Elementwise, factor, share));
            *sum = plus(p, *sum, term);
        }
    };
    for (known, words) in [(x.known, &y.words), (y.known, &x.words)] {
        for word in words {
            let factor = times(p, Some(known), word.factor);
            add(p, factor, word.shares);
        }
    }
    for a in &x.words {
        for b in &y.words {
            let dealt = p.mul(a.dealt, b.dealt);
            let factor = times(p, a.factor, b.factor);
            let shares = deal(p, dealt);
            add(p, factor, shares);
        }
    }
    sums.into_iter().collect()
}

/// Step 4 for a square: each product of two words is dealt once.
fn square_parts(p: &mut ProgramBuilder, x: &Parts) -> Shares {
    let known = p.mul(x.known, x.known);
    let zero = p.splat(0, p.value(known).domain);
    let mut sums = [known, zero];
    let mut add = |p: &mut ProgramBuilder, factor: Option<ValueId>, shares: [ValueId; 2]| {
        for (sum, share) in sums.iter_mut().zip(shares) {
            let term = factor.map_or(share, |factor| p.mul(factor, share));
            *sum = p.add(*sum, term);
        }
    };
    let twice = p.shift_left(x.known, 1);
    for (i, a) in x.words.iter().enumerate() {
        let factor = times(p, Some(twice), a.factor);
        add(p, factor, a.shares);
        let factor = times(p, a.factor, a.factor);
        let squared = if a.is_bit {
            a.shares
        } else {
            let squared = p.mul(a.dealt, a.dealt);
            deal(p, squared)
        };
        add(p, factor, squared);
        for b in &x.words[i + 1..] {
            let dealt = p.mul(a.dealt, b.dealt);
            let dealt = p.shift_left(dealt, 1);
            let factor = times(p, a.factor, b.factor);
            let shares = deal(p, dealt);
            add(p, factor, shares);
        }
    }
    sums.into_iter().collect()
}

/// The product of two factors, of which none is 1.
fn times(p: &mut ProgramBuilder, a: Option<ValueId>, b: Option<ValueId>) -> Option<ValueId> {
    match (a, b) {
        (Some(a), Some(b)) => Some(multiply(p, Product::Elementwise, a, b)),
        (factor, None) | (None, factor) => factor,
    }
}

/// Subtracts a fresh mask from an operand, share by share; nothing is sent yet.
fn mask(p: &mut ProgramBuilder, x: &Shares) -> ([ValueId; 2], ValueId, [ValueId; 2]) {
    let (domain, shape) = (p.value(x[0]).domain, p.shape(x[0]));
    let (mask_shares, mask) = random(p, domain, &shape);
    let difference = [minus(p, x[0], mask_shares[0]), minus(p, x[1], mask_shares[1])];
    (mask_shares, mask, difference)
}

/// x y for elements of a ring.
pub(super) fn product(
    scheme: &mut Additive2,
    p: &mut ProgramBuilder,
    product: Product,
    x: &Operand,
    y: &Operand,
) -> Shares {
    let keeps = |operand: &Operand| operand.weight && scheme.triples == Triples::FixedWeight;
    let (x_keeps, y_keeps) = (keeps(x), keeps(y));
    let mut opened = |p: &mut ProgramBuilder, operand: &Operand| {
        if let Some(&opened) = scheme.weight_masks.get(&operand.shares) {
            return opened;
        }
        let opened = p.for_the_model(|p| opened_alone(p, &operand.shares));
        scheme.weight_masks.insert(operand.shares.clone(), opened);
        opened
    };
    let (x, y) = match (x_keeps, y_keeps) {
        (true, true) => (opened(p, x), opened(p, y)),
        (true, false) => (opened(p, x), opened_alone(p, &y.shares)),
        (false, true) => {
            let y = opened(p, y);
            (opened_alone(p, &x.shares), y)
        }
        (false, false) if scheme.triples == Triples::PerValue => {
            return match (kept(scheme, p, x), kept(scheme, p, y)) {
                (Kept::Opened(a), Kept::Opened(b)) => {
                    let (a, b) = (a.of(p, x), b.of(p, y));
                    combine(p, product, a, b)
                }
                (a, b) => {
                    let (a, b) = (a.parts(p, x), b.parts(p, y));
                    combine_parts(p, &a, &b)
                }
            };
        }
        (false, false) => opened_together(p, &x.shares, &y.shares),
    };
    combine(p, product, x, y)
}

impl Kept {
    /// What is known of the operand, in its ring.
    fn parts(&self, p: &mut ProgramBuilder, operand: &Operand) -> Parts {
        match self {
            Self::Opened(opened) => opened.of(p, operand).into(),
            Self::Lifted(lift) => lift.0.of(p, operand),
        }
    }
}

/// The value of an operand behind the one mask that it keeps for all its uses.
///
/// One mask, one value, one sign: another scale, another precision or another value has a mask of its own, because it is another node. What is
/// derived from the opened word alone - its low bits, its rearrangements - tells no more than the word.
fn kept(scheme: &mut Additive2, p: &mut ProgramBuilder, x: &Operand) -> Kept {
    if let Some(kept) = scheme.value_masks.get(&x.node) {
        return kept.clone();
    }
    let kept = match x.lifted {
        _ if !x.summands.is_empty() => Kept::Lifted(Box::new(Lift(sum_of(scheme, p, &x.summands)))),
        Some(ring) => Kept::Lifted(Box::new(lift(p, &x.shares, Domain::Ring(ring)))),
        None if x.weight => Kept::Opened(p.for_the_model(|p| opened_alone(p, &x.shares))),
        None => Kept::Opened(opened_alone(p, &x.shares)),
    };
    scheme.value_masks.insert(x.node, kept.clone());
    kept
}

/// As [`kept`], of what is opened in the ring of its products.
fn opened_once(scheme: &mut Additive2, p: &mut ProgramBuilder, x: &Operand) -> Opened {
    match kept(scheme, p, x) {
        Kept::Opened(opened) => opened,
        Kept::Lifted(_) => unreachable!("what is selected from, or a factor of a matrix product, is not lifted"),
    }
}

/// x AND y for words under exclusive or.
pub(super) fn and(p: &mut ProgramBuilder, x: &Shares, y: &Shares) -> Shares {
    let (x, y) = opened_together(p, x, y);
    combine(p, Product::Elementwise, x, y)
}

/// x y elementwise in the ring, with fresh masks.
pub(super) fn mul(p: &mut ProgramBuilder, x: &Shares, y: &Shares) -> Shares {
    let (x, y) = opened_together(p, x, y);
    combine(p, Product::Elementwise, x, y)
}

fn opened_alone(p: &mut ProgramBuilder, x: &Shares) -> Opened {
    let (mask_shares, mask, difference) = mask(p, x);
    let [difference] = open(p, [difference]);
    Opened { mask_shares, mask, difference }
}

fn opened_together(p: &mut ProgramBuilder, x: &Shares, y: &Shares) -> (Opened, Opened) {
    let (a_shares, a, d) = mask(p, x);
    let (b_shares, b, e) = mask(p, y);
    let [d, e] = open(p, [d, e]);
    (Opened { mask_shares: a_shares, mask: a, difference: d }, Opened { mask_shares: b_shares, mask: b, difference: e })
}

/// Step 3: shares of the product from two operands behind masks.
fn combine(p: &mut ProgramBuilder, product: Product, x: Opened, y: Opened) -> Shares {
    let c = multiply(p, product, x.mask, y.mask);
    let c = deal(p, c);
    let share = |p: &mut ProgramBuilder, i: usize, right: ValueId| {
        let from_d = multiply(p, product, x.difference, right);
        let from_e = multiply(p, product, x.mask_shares[i], y.difference);
        let sum = plus(p, c[i], from_d);
        plus(p, sum, from_e)
    };
    let right0 = plus(p, y.mask_shares[0], y.difference);
    smallvec![share(p, 0, right0), share(p, 1, y.mask_shares[1])]
}

/// x squared.
pub(super) fn square(scheme: &mut Additive2, p: &mut ProgramBuilder, x: &Operand) -> Shares {
    let (r_shares, r_squared, d) = if scheme.triples == Triples::PerValue {
        let x = match kept(scheme, p, x) {
            Kept::Opened(opened) => opened.of(p, x),
            Kept::Lifted(lift) => {
                let parts = lift.0.of(p, x);
                return square_parts(p, &parts);
            }
        };
        let r_squared = p.mul(x.mask, x.mask);
        (x.mask_shares, deal(p, r_squared), x.difference)
    } else {
        let (r_shares, r, difference) = mask(p, &x.shares);
        let r_squared = p.mul(r, r);
        let r_squared = deal(p, r_squared);
        let [d] = open(p, [difference]);
        (r_shares, r_squared, d)
    };
    let doubled = r_shares.map(|share| p.shift_left(share, 1));
    let right0 = p.add(d, doubled[0]);
    let product0 = p.mul(d, right0);
    let product1 = p.mul(d, doubled[1]);
    smallvec![p.add(r_squared[0], product0), p.add(r_squared[1], product1)]
}

/// A bit b that is shared by exclusive or times x: z = b XOR r and d = x - a are opened; b x = z x + (1 - 2 z)(r d + r a).
pub(super) struct Selected {
    /// z as an element of the ring of x.
    pub(super) z: ValueId,
    /// d.
    pub(super) d: ValueId,
    /// r in shares.
    pub(super) r: [ValueId; 2],
    /// r a in shares.
    pub(super) product: [ValueId; 2],
}

/// Opens a bit and x, each behind its mask, and deals the products of the masks.
pub(super) fn open_selection(scheme: &mut Additive2, p: &mut ProgramBuilder, bit: &Shares, x: &Operand) -> Selected {
    let ring = Domain::Ring(x.ring);
    let (r_shares, r) = random(p, Domain::Bits(1), &p.shape(bit[0]));
    let kept = (scheme.triples == Triples::PerValue).then(|| opened_once(scheme, p, x).of(p, x));
    let (a_shares, a) = match kept {
        Some(kept) => (kept.mask_shares, kept.mask),
        None => random(p, ring, &p.shape(x.shares[0])),
    };
    let r_word = p.convert(r, ring);
    let product = p.mul(r_word, a);
    let r_ring = deal(p, r_word);
    let product = deal(p, product);
    let z = [p.xor(bit[0], r_shares[0]), p.xor(bit[1], r_shares[1])];
    let (z, d) = match kept {
        Some(kept) => {
            let [z] = open(p, [z]);
            (z, kept.difference)
        }
        None => {
            let d = [p.sub(x.shares[0], a_shares[0]), p.sub(x.shares[1], a_shares[1])];
            let [z, d] = open(p, [z, d]);
            (z, d)
        }
    };
    Selected { z: p.convert(z, ring), d, r: r_ring, product }
}

/// x y with a fresh mask for x and, where values keep their masks, that of y.
pub(super) fn mul_with(scheme: &mut Additive2, p: &mut ProgramBuilder, x: &Shares, y: &Operand) -> Shares {
    if scheme.triples != Triples::PerValue {
        return mul(p, x, &y.shares);
    }
    let (x, y) = (opened_alone(p, x), opened_once(scheme, p, y).of(p, y));
    combine(p, Product::Elementwise, x, y)
}

/// x w, with w in clear at P0.
pub(super) fn product_with_clear(p: &mut ProgramBuilder, product: Product, x: &Shares, w: ValueId) -> Shares {
    let domain = p.value(w).domain;
    let (x_shape, w_shape) = (p.shape(x[1]), p.shape(w));
    let a = p.sample(DEALER.and_p1(), domain, x_shape);
    let b = p.sample(DEALER.and_p0(), domain, w_shape);
    let c = multiply(p, product, a, b);
    let c = deal(p, c);
    let e = p.sub(w, b);
    let e = p.send(e, Party::P1);
    let d = p.sub(x[1], a);
    let d = p.send(d, Party::P0);
    let known_to_p0 = p.add(x[0], d);
    let product0 = multiply(p, product, known_to_p0, w);
    let product1 = multiply(p, product, a, e);
    smallvec![p.add(product0, c[0]), p.add(product1, c[1])]
}
