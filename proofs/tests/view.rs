//! What a coalition sees: messages, once each; sends, all of them; outputs; and what it knows otherwise.

use viewless_proofs::privacy::view::{Knowledge, View};
use viewless_proofs::privacy::{self, Coalition};
use viewless_protocols::party::Party::{Client, ModelOwner, P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::{ProgramBuilder, ValueId};
use viewless_protocols::ring::Domain;

#[test]
fn each_contents_is_one_message_however_often_it_is_sent_or_handed_over() {
    let mut p = ProgramBuilder::new(PartySet::of(&[P0, P1, Client]), ModelOwner);
    let x = p.input(P0, "x", 0, Domain::Ring(3), [1].into());
    let s = p.sample(PartySet::of(&[P0]), Domain::Ring(3), [1].into());
    let own = p.sample(PartySet::of(&[P0, P1]), Domain::Ring(3), [1].into());
    let masked = p.add(x, s);
    let first = p.send(masked, P1);
    let again = p.send(masked, P1);
    let twice = p.add(first, again);
    let opened = p.send(s, Client);
    p.reveal(opened, Client, "s", 0);
    let program = p.finish().unwrap();
    let of = |party| Coalition::of(&program, &[party]).unwrap();

    let view = View::new(&program, of(P1));
    assert_eq!((view.messages(), view.sends(), view.outputs()), (&[first][..], 2, &[][..]));
    assert!(!view.has_outputs());
    let known = |view: &View<'_>, ids: &[ValueId]| ids.iter().map(|&id| view.knowledge(id)).collect::<Vec<_>>();
    let expected = [Knowledge::Unknown, Knowledge::Base, Knowledge::Message, Knowledge::Message, Knowledge::Computed];
    assert_eq!(known(&view, &[x, own, masked, again, twice]), expected);
    assert_eq!(privacy::prove(&program, of(P1)).messages, 2);

    // Handed over is what it does not have yet: no message that it is sent, no sample of its own, and nothing twice.
    let larger = View::reading(&program, of(P1), &[x, x, masked, own, again], &[], &[]);
    assert_eq!((larger.messages(), larger.sends()), (&[x, first][..], 2));
    // Withheld are all sends of the contents.
    let smaller = View::reading(&program, of(P1), &[], &[], &[again]);
    assert_eq!(smaller.messages(), []);
    assert_eq!(known(&smaller, &[masked, twice]), [Knowledge::Unknown; 2]);

    let client = View::new(&program, of(Client));
    assert_eq!((client.messages(), client.sends(), client.outputs().len()), (&[opened][..], 1, 1));
    assert!(client.has_outputs());
}
