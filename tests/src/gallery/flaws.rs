//! The flawed protocols. Each is one function of the flaw: without it, the same lines are a sound protocol.

use super::blocks::{Setting, among_two, deal, dealt, input, minus, multiply, open, random, triple};
use viewless_protocols::party::Party::{self, Client, Dealer, ModelOwner, P0, P1, P2};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{Constant, Program, ProgramBuilder, ValueId, Wave, WordFunction};
use viewless_protocols::ring::Domain;

/// Two secrets opened behind one mask. SecFormer's released code draws the mask of its sine once, when the module is made, and
/// uses it in each forward pass (`secformer.md` section 2); tf-encrypted #380 gave two tensors one seed.
pub(super) fn mask_reused(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let (x, y) = (input(p, Client, "x", setting), input(p, Client, "y", setting));
        let (r, _) = random(p, setting.ring(), &setting.shape());
        let (other, _) = random(p, setting.ring(), &setting.shape());
        for (secret, mask) in [(x, r), (y, if flawed { r } else { other })] {
            let masked = minus(p, secret, mask);
            open(p, masked);
        }
    })
}

/// A mask of half the width of the ring, added to a secret of its full width: the high bits show. Masks of bounded range are
/// right where secrets are bounded too, as in statistical truncation; built here as the misuse of that.
pub(super) fn mask_of_bounded_range(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let r = [P0, P1].map(|party| {
            if flawed {
                let narrow = dealt(p, party, Domain::Ring(setting.bits / 2), setting.shape());
                p.convert(narrow, setting.ring())
            } else {
                dealt(p, party, setting.ring(), setting.shape())
            }
        });
        let masked = minus(p, x, r);
        open(p, masked);
    })
}

/// A mask that is the same number in every run. Open-source systems masked with the constant 2^26, as Bicoptor 2.0 (arXiv
/// 2309.04909) reports; in Piranha #6 all triples were zero.
pub(super) fn mask_constant(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let constant = Constant::Splat((1 << 26) & setting.ring().mask());
        let r = if flawed {
            p.constant(constant, setting.ring(), setting.shape())
        } else {
            p.sample(PartySet::of(&[Dealer, P1]), setting.ring(), setting.shape())
        };
        let masked = p.add(x[1], r);
        p.send(masked, P0);
    })
}

/// One random word for a whole tensor: all differences of its elements show. An early version of SUF did so.
pub(super) fn mask_broadcast(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let shape = if flawed { [1].into() } else { setting.shape() };
        let (r, _) = random(p, setting.ring(), &shape);
        let masked = minus(p, x, r);
        open(p, masked);
    })
}

/// Twice a random word as a mask: the lowest bit shows. Built: what becomes of a mask that goes through a public
/// scaling by an even factor.
pub(super) fn mask_doubled(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let (r, _) = random(p, setting.ring(), &setting.shape());
        let factor = p.splat(if flawed { 2 } else { 3 }, setting.ring());
        let r = r.map(|share| p.mul(share, factor));
        let masked = minus(p, x, r);
        open(p, masked);
    })
}

/// Two products that consume one triple. MP-SPDZ 0.1.2, CowGear.
pub(super) fn triple_used_twice(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let (x, y, z) =
            (input(p, Client, "x", setting), input(p, Client, "y", setting), input(p, Client, "z", setting));
        let first = triple(p, setting);
        let second = triple(p, setting);
        multiply(p, x, y, first);
        multiply(p, z, y, if flawed { first } else { second });
    })
}

/// A pair (r, r^2), dealt for squares, used for a product of two secrets: both are opened behind r. Built: what a mix-up of two
/// stores of correlated randomness does.
pub(super) fn square_pair_as_triple(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let (x, y) = (input(p, Client, "x", setting), input(p, Client, "y", setting));
        let (r_shares, r) = random(p, setting.ring(), &setting.shape());
        let squared = p.mul(r, r);
        let squared = deal(p, squared);
        let fresh = triple(p, setting);
        multiply(p, x, y, if flawed { [r_shares, r_shares, squared] } else { fresh });
    })
}

/// The dealer sends the square of the mask itself, not the difference from P0's share of it. CrypTen's TTP sends corrections
/// to one party only (`secformer.md` section 4.3); built by leaving out the subtraction that keeps them from telling what they
/// correct.
pub(super) fn dealer_correction_in_clear(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let (r_shares, r) = random(p, setting.ring(), &setting.shape());
        let squared = p.mul(r, r);
        if flawed {
            p.send(squared, P1);
        } else {
            deal(p, squared);
        }
        let masked = minus(p, x, r_shares);
        open(p, masked);
    })
}

/// A product of replicated shares, where P_i sends x_i y_i + x_i y_{i+1} + x_{i+1} y_i to its neighbour without a share of
/// zero. CrypTen, `replicated.py`, issue #518, still so in 775868a: the neighbour knows all but one share of each factor.
pub(super) fn missing_zero_share(setting: Setting, flawed: bool) -> Program {
    let parties = [P0, P1, P2];
    let (ring, shape) = (setting.ring(), || setting.shape());
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, P2, Client]), ModelOwner);
    // Party i holds the shares i and i + 1.
    let share = |p: &mut ProgramBuilder, name: &str| {
        let x = p.input(Client, name, 0, ring, shape());
        let x0 = p.sample(PartySet::of(&[Client, P0, P2]), ring, shape());
        let x1 = p.sample(PartySet::of(&[Client, P0, P1]), ring, shape());
        let rest = p.sub(x, x0);
        let x2 = p.sub(rest, x1);
        let x2 = p.send(x2, P1);
        [x0, x1, p.send(x2, P2)]
    };
    let (x, y) = (share(&mut p, "x"), share(&mut p, "y"));
    let keys = [0, 1, 2].map(|i| p.sample(PartySet::of(&[parties[i], parties[(i + 1) % 3]]), ring, shape()));
    for i in 0..3 {
        let (next, previous) = ((i + 1) % 3, (i + 2) % 3);
        let products = [(i, i), (i, next), (next, i)].map(|(a, b)| p.mul(x[a], y[b]));
        let sum = p.add(products[0], products[1]);
        let mut z = p.add(sum, products[2]);
        if !flawed {
            z = p.add(z, keys[i]);
            z = p.sub(z, keys[previous]);
        }
        p.send(z, parties[previous]);
    }
    p.finish().expect("a protocol of the gallery is well-formed: only its privacy is not")
}

/// The client is to learn x + v + w of P0's v and P1's w; it gets the parties' summands as they are, which tell it v and w.
/// MP-SPDZ 0.3.9: missing randomisation before a reveal to a client.
pub(super) fn output_without_resharing(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let v = p.input(P0, "v", 0, setting.ring(), setting.shape());
        let w = p.input(P1, "w", 0, setting.ring(), setting.shape());
        let shares = [p.add(x[0], v), p.add(x[1], w)];
        reveal(p, shares, setting, flawed);
    })
}

/// The client gets the shares of a locally truncated weight as they are. Not uniform, and yet no flaw: see
/// [`super::near_miss`].
pub(super) fn truncated_output_without_resharing(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let w = input(p, ModelOwner, "w", setting);
        let shift = setting.bits / 2;
        let negative = p.neg(w[1]);
        let (w0, w1) = (p.shift_right_arithmetic(w[0], shift), p.shift_right_arithmetic(negative, shift));
        let w1 = p.neg(w1);
        reveal(p, [w0, w1], setting, flawed);
    })
}

fn reveal(p: &mut ProgramBuilder, [mut y0, mut y1]: [ValueId; 2], setting: Setting, flawed: bool) {
    if !flawed {
        let zero = p.sample(PartySet::of(&[P0, P1]), setting.ring(), setting.shape());
        (y0, y1) = (p.add(y0, zero), p.sub(y1, zero));
    }
    let (y0, y1) = (p.send(y0, Client), p.send(y1, Client));
    let y = p.add(y0, y1);
    p.reveal(y, Client, "y", 0);
}

/// P1's share of x goes to P0, who has the other one; sound is a fresh share of it. Built: what a swapped pair of ranks
/// does.
pub(super) fn share_to_the_wrong_party(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let fresh = dealt(p, P1, setting.ring(), setting.shape());
        let refreshed = p.sub(x[1], fresh);
        p.send(if flawed { x[1] } else { refreshed }, P0);
    })
}

/// A sampler that never draws one element, and another twice as often. CrypTen's `generate_random_ring_element` draws up to and
/// without (ring - 1) / 2 (`defects.md`, class 11): nothing at 64 bits, all at 2.
pub(super) fn sampler_misses_a_value(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let missing = setting.ring().mask() / 2;
        let drawn = dealt(p, P1, setting.ring(), setting.shape());
        let entries =
            (0..=setting.ring().mask()).map(|word| if flawed && word == missing { 0 } else { word }).collect();
        let r = p.function(WordFunction::Table { entries, domain: setting.ring() }, drawn);
        let masked = p.add(x[1], if flawed { r } else { drawn });
        p.send(masked, P0);
    })
}

/// The mask t of a masked sine is drawn with fewer bits than the angle has: the high bits of delta = x - t tell of x. SecFormer's
/// released code draws t from [-1024, 0) whatever the period (`secformer.md` section 2).
pub(super) fn sine_mask_not_uniform(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let t_shares = [P0, P1].map(|party| {
            if flawed {
                let narrow = dealt(p, party, Domain::Ring(setting.bits - 2), setting.shape());
                p.convert(narrow, setting.ring())
            } else {
                dealt(p, party, setting.ring(), setting.shape())
            }
        });
        let t = p.add(t_shares[0], t_shares[1]);
        let sine = sine(p, t);
        deal(p, sine);
        let delta = minus(p, x, t_shares);
        open(p, delta);
    })
}

/// P0 draws the mask t of a masked sine itself, and knows x = delta + t. SecFormer's released code shares t from the data of party
/// 0 (`src=0`), under CrypTen's trusted first party (`secformer.md` sections 2 and 4.3).
pub(super) fn sine_mask_known(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let who = if flawed { PartySet::of(&[Dealer, P0]) } else { PartySet::of(&[Dealer]) };
        let t = p.sample(who, setting.ring(), setting.shape());
        let sine = sine(p, t);
        deal(p, sine);
        let t_shares = deal(p, t);
        let delta = minus(p, x, t_shares);
        open(p, delta);
    })
}

/// The client is told x and the low bit of a weight: private, because it is meant to learn its output, and right to one unit. The sound
/// sibling rounds with a coin of the dealer's. Only against the functionality that was meant do they differ.
pub(super) fn weight_bit_in_output(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let x = input(p, Client, "x", setting);
        let w = p.input(ModelOwner, "w", 0, setting.ring(), setting.shape());
        let (owner, bit) = if flawed {
            (ModelOwner, p.convert(w, Domain::Ring(1)))
        } else {
            (Dealer, p.sample(PartySet::of(&[Dealer]), Domain::Ring(1), setting.shape()))
        };
        let bit = p.convert(bit, setting.ring());
        let bit = shared(p, owner, bit, setting);
        let y = [p.add(x[0], bit[0]), p.add(x[1], bit[1])];
        reveal(p, y, setting, false);
    })
}

/// The trusted party that was meant: it adds a coin to x.
pub(super) fn x_and_a_coin(setting: Setting) -> Program {
    among_two(|p| {
        let x = p.input(Client, "x", 0, setting.ring(), setting.shape());
        p.input(ModelOwner, "w", 0, setting.ring(), setting.shape());
        let coin = p.sample(PartySet::of(&[Client]), Domain::Ring(1), setting.shape());
        let coin = p.convert(coin, setting.ring());
        let y = p.add(x, coin);
        p.reveal(y, Client, "y", 0);
    })
}

/// Truncation of shares by their holders: P0 knows the share on which the rounding of the client's output depends. In the sound
/// sibling the client rounds in the same way with a word of its own, before it shares the result.
pub(super) fn rounding_known(setting: Setting, flawed: bool) -> Program {
    among_two(|p| {
        let y = if flawed {
            let x = input(p, Client, "x", setting);
            x.map(|share| p.shift_right(share, 1))
        } else {
            let y = halved(p, setting);
            shared(p, Client, y, setting)
        };
        reveal(p, y, setting, false);
    })
}

/// The trusted party that rounds as truncation by shares does.
pub(super) fn half_of_x(setting: Setting) -> Program {
    among_two(|p| {
        let y = halved(p, setting);
        p.reveal(y, Client, "y", 0);
    })
}

/// Half of the client's x, with the rounding of truncation by shares.
fn halved(p: &mut ProgramBuilder, setting: Setting) -> ValueId {
    let x = p.input(Client, "x", 0, setting.ring(), setting.shape());
    let r = p.sample(PartySet::of(&[Client]), setting.ring(), setting.shape());
    let rest = p.sub(x, r);
    let (r, rest) = (p.shift_right(r, 1), p.shift_right(rest, 1));
    p.add(r, rest)
}

/// Somebody shares what it knows.
fn shared(p: &mut ProgramBuilder, owner: Party, value: ValueId, setting: Setting) -> [ValueId; 2] {
    let share0 = p.sample(PartySet::of(&[owner, P0]), setting.ring(), setting.shape());
    let share1 = p.sub(value, share0);
    [share0, p.send(share1, P1)]
}

/// The sine of an angle of as many bits as the ring has; a table in a tiny ring.
fn sine(p: &mut ProgramBuilder, t: ValueId) -> ValueId {
    let domain = p.value(t).domain;
    if domain.bits() <= 4 {
        let entries = (0..=domain.mask()).map(|t| (t * t / 2) & domain.mask()).collect();
        return p.function(WordFunction::Table { entries, domain }, t);
    }
    let angle = p.convert(t, Domain::Ring(domain.bits().min(20)));
    let waves = vec![Wave { harmonic: 1, cosine: 0.0, sine: 1.0 }];
    p.function(WordFunction::Waves { waves, fraction_bits: 16 }, angle)
}
