//! The scheme `additive2`: every operation costs what its table says.

use viewless_protocols::circuit::{Circuit, Opening, Owner, Secret, Series, Table};
use viewless_protocols::party::Party;
use viewless_protocols::program::Phase;
use viewless_protocols::program::{Grouping, Schedule, bill, timetable};
use viewless_protocols::scheme::{Comparison, SchemeSpec, Sharing, Truncation, Weights};
use viewless_tests::{PUBLISHED, compile};

/// Online rounds, bits between the computing parties and bits from the dealer of y = build(x), per element.
fn cost(spec: SchemeSpec, build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> (u32, u64, u64) {
    // 8 elements, so that bits of one bit fill a byte.
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [8]);
    // A computed value: the share of an input that is a common random word could be opened before the input is known.
    let x = c.square(x);
    let y = c.region("measured", |c| build(c, x));
    c.reveal(y, "y");
    let program = compile(&c.finish().unwrap(), &spec);
    let bill = bill(&program, Schedule::AsWritten, Grouping::Region);
    let region = bill.region("measured").unwrap();
    let dealt = timetable(&program, Schedule::AsWritten)
        .messages
        .into_iter()
        .filter(|message| message.from == Party::Dealer && program.regions.path(message.region) == "measured");
    (region.rounds, region.bytes_between_computing_parties, dealt.map(|message| message.bytes).sum())
}

#[test]
fn costs_are_those_of_the_scheme_s_table() {
    let carry = SchemeSpec { comparison: Comparison::Carry, ..PUBLISHED };
    let exact = SchemeSpec { truncation: Truncation::Exact, ..PUBLISHED };
    assert_eq!(cost(PUBLISHED, |c, x| c.mul(x, x)), (1, 256, 64));
    assert_eq!(cost(PUBLISHED, |c, x| c.square(x)), (1, 128, 64));
    assert_eq!(
        cost(exact, |c, x| {
            let y = c.shift(x, -1);
            c.precision(y, 0)
        }),
        (1, 128, 128)
    );
    assert_eq!(
        cost(PUBLISHED, |c, x| {
            let y = c.shift(x, -1);
            c.precision(y, 0)
        }),
        (0, 0, 0)
    );
    assert_eq!(
        cost(PUBLISHED, |c, x| {
            let b = c.less_than(x, 0.0);
            c.real(b, 0)
        }),
        (8, 3456, 896)
    );
    let (rounds, bits, offline) = cost(carry, |c, x| {
        let b = c.less_than(x, 0.0);
        c.real(b, 0)
    });
    assert_eq!((rounds, bits), (7 + 1, 504 + 2));
    assert_eq!(offline, 64 + 2 * (32 + 16 + 8 + 4 + 2) + 1 + 64);
    assert_eq!(
        cost(carry, |c, x| {
            let b = c.less_than(x, 0.0);
            c.select(b, x)
        }),
        (7 + 1, 504 + 130, 189 + 128)
    );
    assert_eq!(
        cost(PUBLISHED, |c, x| {
            let b = c.less_than(x, 0.0);
            c.select(b, x)
        }),
        (8 + 1, 3456 + 256, 896 + 64)
    );
    // Equality to a public zero: a difference of shares is one too.
    let equality = |c: &mut Circuit, x: Secret| {
        let zero = c.constant(&[0.0], [1], 0);
        let b = c.equal(x, zero);
        c.real(b, 0)
    };
    assert_eq!(cost(PUBLISHED, equality), (7, 1664, 6 * 64 + 64));
    assert_eq!(cost(carry, equality), (6 + 1, 252 + 2, 63 + 64));
    let series = |period| Series {
        period,
        constant: 0.0,
        cosines: vec![],
        sines: vec![1.0, 1.0, 1.0],
        opening: Opening::Period,
        most_guard_bits: None,
    };
    assert_eq!(cost(PUBLISHED, |c, x| c.fourier(x, series(16.0))), (1, 2 * 20, 3 * 128));
    assert_eq!(cost(PUBLISHED, |c, x| c.fourier(x, series(20.0))), (1, 42, 3 * 128));
    let table = |index_bits| Table::of(|x| x, -1.0, 3, index_bits);
    assert_eq!(cost(PUBLISHED, |c, x| c.lookup(x, table(4), 0)), (1, 2 * 4, 16 * 64));
    assert_eq!(cost(exact, |c, x| c.lookup(x, table(8), 0)), (1, 2 * 8, 256 * 64));
    let opening = Opening::Remainder { modulus: 6.0 };
    assert_eq!(cost(PUBLISHED, |c, x| c.fourier(x, Series { opening, ..series(20.0) })), (1, 128, 3 * 128));
}

#[test]
fn a_tied_weight_is_opened_once_with_a_fixed_mask_and_twice_with_fresh_ones() {
    use viewless_protocols::scheme::Triples;
    let opened = |triples| {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [2, 4]);
        let w = c.input(Owner::Model, "w", [4, 4]);
        let y = c.matmul(x, w);
        let z = c.matmul(y, w);
        c.reveal(z, "z");
        let spec = SchemeSpec { sharing: Sharing::Additive2(triples, Weights::Shared), ..PUBLISHED };
        let bill = bill(&compile(&c.finish().unwrap(), &spec), Schedule::Asap, Grouping::Region);
        Phase::ALL.map(|phase| bill.phase(phase).bytes_between_computing_parties).iter().sum::<u64>()
    };
    // x and y are 2 x 4, the weight is 4 x 4; 16 bytes an element.
    assert_eq!(opened(Triples::Fresh), 16 * (8 + 8 + 16 + 16));
    assert_eq!(opened(Triples::FixedWeight), 16 * (8 + 8 + 16));
}

#[test]
fn served_weights_cost_one_direction_online() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 4]);
    let w = c.input(Owner::Model, "w", [4, 3]);
    let y = c.region("product", |c| c.matmul(x, w));
    c.reveal(y, "y");
    let spec = PUBLISHED.served();
    let bill = bill(&compile(&c.finish().unwrap(), &spec), Schedule::Asap, Grouping::Region);
    let region = bill.region("product").unwrap();
    assert_eq!((region.bytes_total, region.bytes_setup, region.bytes_offline), (8 * 8, 8 * 12, 8 * 6));
}
