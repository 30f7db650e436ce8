//! The scheme `replicated3`: every operation costs what its table says; who holds, sends and learns what. What it has in common with
//! other schemes is tested in `schemes.rs`.

use viewless_protocols::circuit::{Circuit, Opening, Owner, Secret, Series, Table};
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{ClaimKind, Op, Phase, Program};
use viewless_protocols::program::{Grouping, Message, Schedule, bill, timetable};
use viewless_protocols::scheme::{Comparison, SchemeKind, SchemeSpec, Truncation};
use viewless_tests::{REPLICATED, compile, every_choice_of, map_circuit};

const EXACT: SchemeSpec = SchemeSpec { truncation: Truncation::Exact, ..REPLICATED };
const SPK: SchemeSpec = SchemeSpec { comparison: Comparison::Spk, ..REPLICATED };
const SERVED: SchemeSpec = REPLICATED.served();

/// y = build(x) in a region of its own; x is a computed value of 8 elements, so that bits of one bit fill a byte.
fn measured(spec: SchemeSpec, build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> Program {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [8]);
    let x = c.square(x);
    let y = c.region("measured", |c| build(c, x));
    c.reveal(y, "y");
    compile(&c.finish().unwrap(), &spec)
}

fn messages(program: &Program, region: &str) -> Vec<Message> {
    let inside = |message: &Message| program.regions.path(message.region) == region;
    timetable(program, Schedule::AsWritten).messages.into_iter().filter(inside).collect()
}

/// Rounds and bits of each element, online and offline. All messages are between computing parties.
fn cost(spec: SchemeSpec, build: impl FnOnce(&mut Circuit, Secret) -> Secret) -> [(u32, u64); 2] {
    let program = measured(spec, build);
    assert!(messages(&program, "measured").iter().all(Message::is_between_computing_parties));
    let as_written = bill(&program, Schedule::AsWritten, Grouping::Region);
    let asap = bill(&program, Schedule::Asap, Grouping::Region);
    let (region, early) = (as_written.region("measured").unwrap(), asap.region("measured").unwrap());
    // A party that holds everything it sends does not wait for what another is still being sent, so the longest chain may be shorter.
    assert!(early.rounds <= region.rounds);
    [(region.rounds, region.bytes_total), (offline_rounds(&program), region.bytes_offline)]
}

/// Rounds of the offline messages of the region `measured`, among themselves.
fn offline_rounds(program: &Program) -> u32 {
    let timetable = timetable(program, Schedule::Asap);
    let inside =
        |message: &&Message| message.phase == Phase::Offline && program.regions.path(message.region) == "measured";
    timetable.messages.iter().filter(inside).map(|message| message.round).max().unwrap_or(0)
}

#[test]
fn costs_are_those_of_the_scheme_s_table() {
    let halved = |c: &mut Circuit, x| {
        let y = c.shift(x, -1);
        c.precision(y, 0)
    };
    let product = |c: &mut Circuit, x| c.mul_to(x, x, 16);
    assert_eq!(cost(REPLICATED, product), [(1, 192), (0, 0)]);
    assert_eq!(cost(REPLICATED, |c, x| c.square_to(x, 16)), [(1, 192), (0, 0)]);
    for product in [|c: &mut Circuit, x| c.mul(x, x), |c: &mut Circuit, x| c.square(x)] {
        assert_eq!(cost(REPLICATED, product), [(2, 192 + 64), (0, 0)]);
        assert_eq!(cost(EXACT, product), [(2, 4 * 64 + 1), (2, 259)]);
    }
    assert_eq!(cost(REPLICATED, halved), [(1, 64), (0, 0)]);
    assert_eq!(cost(EXACT, halved), [(2, 129), (2, 259)]);
    let sign = |c: &mut Circuit, x| {
        let bit = c.less_than(x, 0.0);
        c.real(bit, 0)
    };
    assert_eq!(cost(SPK, sign), [(9, 2499), (2, 192)]);
    assert_eq!(cost(REPLICATED, sign), [(7 + 1, 407 + 3), (2, 192)]);
    let equal = |c: &mut Circuit, x| {
        let zero = c.scale(x, 0.0);
        let bit = c.equal(x, zero);
        c.real(bit, 0)
    };
    assert_eq!(cost(SPK, equal), [(8, 1219), (2, 192)]);
    assert_eq!(cost(REPLICATED, equal), [(7 + 1, 253 + 3), (2, 192)]);
    let select = |c: &mut Circuit, x| {
        let bit = c.less_than(x, 0.0);
        c.select(bit, x)
    };
    assert_eq!(cost(SPK, select), [(9 + 1, 2499 + 192), (2, 192)]);
    assert_eq!(cost(REPLICATED, select), [(7 + 1, 407 + 195), (2, 192)]);
    let series = |period| Series {
        period,
        constant: 0.0,
        cosines: vec![],
        sines: vec![1.0, 1.0, 1.0],
        opening: Opening::Period,
        most_guard_bits: None,
    };
    assert_eq!(cost(REPLICATED, |c, x| c.fourier(x, series(16.0))), [(2, 40 + 128), (1, 3 * 128)]);
    assert_eq!(cost(REPLICATED, |c, x| c.fourier(x, series(20.0))), [(2, 42 + 128), (1, 3 * 128)]);
    let table = Table::of(|x| x, -1.0, 3, 4);
    assert_eq!(cost(REPLICATED, |c, x| c.lookup(x, table, 0)), [(2, 2 * 4 + 128), (1, 16 * 64)]);
    assert_eq!(cost(EXACT, |c, x| c.fourier(x, series(16.0))), [(3, 40 + 129), (2, 3 * 128 + 259)]);
    let bits = |c: &mut Circuit, x| {
        let (a, b) = (c.less_than(x, 0.0), c.less_than(x, 1.0));
        let (a, b) = (c.and(a, b), c.xor(a, b));
        let either = c.xor(a, b);
        c.real(either, 0)
    };
    // Two signs, as written one after the other; AND 3 bit, exclusive or nothing, one conversion, whose sender does not wait.
    let program = measured(REPLICATED, bits);
    let region = bill(&program, Schedule::Asap, Grouping::Region).region("measured").unwrap().clone();
    assert_eq!((region.rounds, region.bytes_total), (7 + 1, 2 * 407 + 3 + 3));
}

#[test]
fn a_product_costs_each_party_one_element_of_the_result_whatever_is_summed_over() {
    for inner in [1, 2, 64] {
        let mut c = Circuit::new();
        let x = c.input(Owner::Client, "x", [5, inner]);
        // A computed value: what P0 has to send of an input, whose shares 0 and 1 are random words, could be sent before it is known.
        let x = c.square(x);
        let w = c.input(Owner::Model, "w", [inner, 3]);
        let y = c.region("measured", |c| c.matmul(x, w));
        c.reveal(y, "y");
        let program = compile(&c.finish().unwrap(), &REPLICATED);
        let links = [(Party::P0, Party::P2), (Party::P1, Party::P0), (Party::P2, Party::P1)];
        let sent: Vec<_> = messages(&program, "measured").iter().map(|m| (m.from, m.to, m.phase, m.bytes)).collect();
        // Then the truncation.
        assert_eq!(sent[..3], links.map(|(from, to)| (from, to, Phase::Online, 8 * 5 * 3)));
        assert_eq!(sent[3..], [(Party::P0, Party::P1, Phase::Online, 8 * 5 * 3)]);
    }
}

#[test]
fn an_owner_shares_an_input_in_one_round_by_two_messages() {
    let program = compile(&map_circuit(&[4], |_, x| x), &REPLICATED);
    let timetable = timetable(&program, Schedule::Asap);
    let sent: Vec<_> = timetable.messages.iter().map(|m| (m.from, m.to, m.round, m.bytes)).collect();
    let (client, p0, p1, p2) = (Party::Client, Party::P0, Party::P1, Party::P2);
    // The output takes two messages of a round: one from P0, who knows two shares, one from P1.
    assert_eq!(sent, [(client, p1, 1, 32), (client, p2, 1, 32), (p0, client, 1, 32), (p1, client, 2, 32)]);
}

#[test]
fn served_weights_are_shared_once_by_one_message_in_the_setup_phase() {
    let mut c = Circuit::new();
    let x = c.input(Owner::Client, "x", [2, 4]);
    let x = c.square(x);
    let w = c.input(Owner::Model, "w", [4, 4]);
    let (y, z) = c.region("measured", |c| {
        let y = c.matmul(x, w);
        (y, c.matmul(y, w))
    });
    c.reveal(y, "y");
    c.reveal(z, "z");
    let program = compile(&c.finish().unwrap(), &SERVED);
    let setup: Vec<_> = messages(&program, "measured").into_iter().filter(|m| m.phase == Phase::Setup).collect();
    assert_eq!(setup.iter().map(|m| (m.from, m.to, m.bytes)).collect::<Vec<_>>(), [(Party::P0, Party::P1, 8 * 16)]);
    assert_eq!(bill(&program, Schedule::Asap, Grouping::Region).phase(Phase::Setup).bytes_total, 8 * 16);
}

#[test]
fn there_is_no_dealer_and_every_sample_has_a_holder_who_does_not_compute_everything() {
    let pairs =
        [[Party::P0, Party::P1], [Party::P1, Party::P2], [Party::P2, Party::P0]].map(|pair| PartySet::of(&pair));
    for spec in every_choice_of(SchemeKind::Replicated3) {
        let program = compile(&map_circuit(&[4], everything), &spec);
        assert!(!program.parties.contains(Party::Dealer));
        for (_, value) in program.iter().filter(|(_, value)| matches!(value.op, Op::Sample { .. })) {
            let computing = value.holders.intersection(PartySet::of(&[Party::P0, Party::P1, Party::P2]));
            assert!(pairs.contains(&computing), "{spec:?}: a sample of {}", value.holders);
        }
    }
}

/// Every kind of operation.
fn everything(c: &mut Circuit, x: Secret) -> Secret {
    let y = c.mul(x, x);
    let y = c.square(y);
    let bit = c.less(x, y);
    let other = c.less_than(y, 0.5);
    let (both, one) = (c.and(bit, other), c.xor(bit, other));
    let (both, one) = (c.not(both), c.real(one, 0));
    let y = c.select(both, y);
    let y = c.fourier(
        y,
        Series {
            period: 20.0,
            constant: 0.0,
            cosines: vec![1.0],
            sines: vec![],
            opening: Opening::Period,
            most_guard_bits: None,
        },
    );
    c.add(y, one)
}

#[test]
fn a_local_truncation_is_of_one_share_that_p0_holds_and_one_that_the_others_hold() {
    let circuit = map_circuit(&[4], |c, x| {
        let y = c.shift(x, -20);
        c.precision(y, 0)
    });
    let program = compile(&circuit, &REPLICATED);
    let claim = program.claims.iter().find(|claim| matches!(claim.kind, ClaimKind::LocalTruncation { .. })).unwrap();
    let holders: Vec<PartySet> = claim.shares.iter().map(|&share| program.value(share).holders).collect();
    let computing = PartySet::of(&[Party::P0, Party::P1, Party::P2]);
    assert_eq!(
        holders.iter().map(|set| set.intersection(computing)).collect::<Vec<_>>(),
        [PartySet::of(&[Party::P0]), PartySet::of(&[Party::P1, Party::P2])]
    );
}
