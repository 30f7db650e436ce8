//! Mutation: breaks sound Programs in every small way that breaks privacy in practice, and asks what became of the proof.
//!
//! A mutant is *refused* by the checker of Programs, or *killed* (some promised coalition has lost its proof), or *equivalent* (it
//! is as private as the original, for a reason that is not the prover's word), or it *survives*: then the prover is too
//! trusting, or an equivalence needs its reason.

use std::collections::BTreeMap;
use std::fmt;
use viewless_proofs::privacy::check::check;
use viewless_proofs::privacy::exhaustive::{self, Exhaustive};
use viewless_proofs::privacy::shrink::shrink;
use viewless_proofs::privacy::view::View;
use viewless_proofs::privacy::{Coalition, Verdict, promised_coalitions, prove};
use viewless_protocols::party::Party::{P0, P1};
use viewless_protocols::party::PartySet;
use viewless_protocols::program::COMPUTING;
use viewless_protocols::program::{Arguments, Constant, Local, Op, Phase, Program, ProgramDraft, Value, ValueId};

/// What a mutation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// x + s, x - s, s - x or x XOR s becomes x or -x, where s is a sample.
    DropMask,
    /// A sample becomes a public constant.
    ConstantSample,
    /// One more party holds a sample.
    ExtendHolders,
    /// P1 holds a sample in place of P0, or the other way.
    SwapHolders,
    /// One sample is used for two.
    AliasSamples,
    /// A value is sent to a computing party that does not hold it.
    AddSend,
    /// A value that depends on an input is sent to an owner or to the dealer.
    AddSendOutside,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::DropMask,
        Self::ConstantSample,
        Self::ExtendHolders,
        Self::SwapHolders,
        Self::AliasSamples,
        Self::AddSend,
        Self::AddSendOutside,
    ];
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DropMask => "drop a mask",
            Self::ConstantSample => "constant for a sample",
            Self::ExtendHolders => "extend holders",
            Self::SwapHolders => "swap holders",
            Self::AliasSamples => "reuse a sample",
            Self::AddSend => "add a send",
            Self::AddSendOutside => "add a send outside",
        })
    }
}

/// A broken Program.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// How.
    pub class: Class,
    /// Where, in words.
    pub what: String,
    /// The value that was changed, or that is sent.
    pub at: ValueId,
    /// For an added send: what is sent to whom.
    added: Option<(ValueId, PartySet)>,
    /// The Program, not yet checked.
    pub draft: ProgramDraft,
}

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The checker of Programs does not accept it.
    Refused,
    /// A promised coalition has no proof any more.
    Killed,
    /// The send tells the receiver what it could compute or was sent already.
    EquivalentKnown,
    /// Counting finds every promised coalition's view of the shrunk mutant at distance zero.
    EquivalentCounted,
    /// An owner is sent one word more, every proof is still there and verified by the checker, and the view is too large to be
    /// counted: neither confirmed by a second way nor contradicted.
    Uncounted,
    /// All proofs are still there, and nothing else says that they may.
    Survived,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Killed, Self::EquivalentKnown, Self::EquivalentCounted, Self::Uncounted, Self::Survived];
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused => "refused",
            Self::Killed => "killed",
            Self::EquivalentKnown => "known",
            Self::EquivalentCounted => "counted",
            Self::Uncounted => "uncounted",
            Self::Survived => "survived",
        })
    }
}

/// Aliases are tried with this many later samples of the same domain and shape.
const NEIGHBOURS: usize = 4;

/// Every mutant of a Program.
///
/// Many are equivalent by nature: a dealer that deals the right relation for the wrong mask (its sum of the mask's shares lacks
/// one) makes the result wrong and tells nobody anything; an owner that holds one sample more learns nothing by it alone.
#[must_use]
pub fn mutants(program: &Program) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (id, value) in program.iter() {
        if let Op::Local(local, arguments) = &value.op {
            all.extend((0..arguments.len()).filter_map(|side| drop_mask(program, id, local, arguments, side)));
        }
        if matches!(value.op, Op::Sample { .. }) {
            all.push(constant_sample(program, id, value));
            all.extend(extended(program, id, value));
            all.extend(swapped(program, id, value));
            all.extend(aliased(program, id, value));
        }
        if !matches!(value.op, Op::Constant(_) | Op::Reveal { .. }) {
            all.extend(added_sends(program, id, value));
        }
    }
    all
}

fn mutant(
    program: &Program,
    class: Class,
    at: ValueId,
    what: String,
    change: impl FnOnce(&mut ProgramDraft),
) -> Mutant {
    let mut draft = (**program).clone();
    change(&mut draft);
    Mutant { class, what, at, added: None, draft }
}

fn drop_mask(program: &Program, id: ValueId, local: &Local, arguments: &Arguments, side: usize) -> Option<Mutant> {
    let is_sample = matches!(program.value(arguments[side]).op, Op::Sample { .. });
    if !is_sample || !matches!(local, Local::Add | Local::Sub | Local::Xor) {
        return None;
    }
    let kept = *arguments.get(1 - side)?;
    let value = program.value(id);
    if program.value(kept).shape != value.shape {
        return None;
    }
    // The identity, as the conversion of a word to its own domain.
    let negated = matches!(local, Local::Sub) && side == 0;
    let identity = if negated { Local::Neg } else { Local::Convert(value.domain) };
    let what = format!("%{} without the sample %{}", id.0, arguments[side].0);
    Some(mutant(program, Class::DropMask, id, what, |draft| {
        draft.values[id.index()].op = Op::Local(identity, [kept].into_iter().collect());
    }))
}

fn constant_sample(program: &Program, id: ValueId, value: &Value) -> Mutant {
    let what = format!("the sample %{} is constant", id.0);
    let constant = Constant::Splat((1 << 26 | 5) & value.domain.mask());
    mutant(program, Class::ConstantSample, id, what, |draft| {
        let everyone = draft.parties;
        let value = &mut draft.values[id.index()];
        (value.op, value.holders) = (Op::Constant(constant), everyone);
    })
}

fn extended(program: &Program, id: ValueId, value: &Value) -> Vec<Mutant> {
    let strangers = program.parties.iter().filter(|&party| !value.holders.contains(party));
    let extend = |party| {
        let what = format!("the sample %{} is held by {party} too", id.0);
        mutant(program, Class::ExtendHolders, id, what, |draft| {
            let value = &mut draft.values[id.index()];
            value.holders = value.holders.with(party);
        })
    };
    strangers.map(extend).collect()
}

fn swapped(program: &Program, id: ValueId, value: &Value) -> Option<Mutant> {
    let (from, to) = match (value.holders.contains(P0), value.holders.contains(P1)) {
        (true, false) => (P0, P1),
        (false, true) => (P1, P0),
        (true, true) | (false, false) => return None,
    };
    let others: Vec<_> = value.holders.iter().filter(|&party| party != from).collect();
    let what = format!("the sample %{} is held by {to} in place of {from}", id.0);
    Some(mutant(program, Class::SwapHolders, id, what, |draft| {
        draft.values[id.index()].holders = PartySet::of(&others).with(to);
    }))
}

fn aliased(program: &Program, id: ValueId, value: &Value) -> Vec<Mutant> {
    let same = |other: &Value| {
        matches!(other.op, Op::Sample { .. }) && (other.domain, &other.shape) == (value.domain, &value.shape)
    };
    let later = program.iter().skip(id.index() + 1).filter(|(_, other)| same(other)).take(NEIGHBOURS);
    let alias = |(other, _): (ValueId, &Value)| {
        mutant(program, Class::AliasSamples, id, format!("%{} is used for the sample %{}", id.0, other.0), |draft| {
            let arguments = draft.values.iter_mut().flat_map(|value| value.op.arguments_mut());
            let shares = draft.claims.iter_mut().flat_map(|claim| claim.shares.iter_mut());
            arguments.chain(shares).filter(|argument| **argument == other).for_each(|argument| *argument = id);
        })
    };
    later.map(alias).collect()
}

fn added_sends(program: &Program, id: ValueId, value: &Value) -> Vec<Mutant> {
    let strangers = program.parties.iter().filter(|&party| !value.holders.contains(party));
    let add = |party| {
        let class = if COMPUTING.contains(party) { Class::AddSend } else { Class::AddSendOutside };
        if class == Class::AddSendOutside && program.phase(id) == Phase::Offline {
            return None;
        }
        let mut mutant = mutant(program, class, id, format!("%{} is sent to {party}", id.0), |draft| {
            let holders = value.holders.with(party);
            draft.values.push(Value { op: Op::Send(id, party), holders, ..value.clone() });
        });
        mutant.added = Some((id, PartySet::of(&[party])));
        Some(mutant)
    };
    strangers.filter_map(add).collect()
}

/// What becomes of a mutant of `original`.
#[must_use]
pub fn fate(original: &Program, mutant: &Mutant) -> Fate {
    let Ok(program) = mutant.draft.clone().check() else { return Fate::Refused };
    let is_proved = |coalition: Coalition| matches!(prove(&program, coalition).verdict, Verdict::Proved { .. });
    if !promised_coalitions(&program).into_iter().all(is_proved) {
        return Fate::Killed;
    }
    if let Some((sent, to)) = mutant.added {
        let members: Vec<_> = to.iter().collect();
        let knows = |coalition| View::new(original, coalition).knows(sent);
        if Coalition::of(original, &members).is_ok_and(knows) {
            return Fate::EquivalentKnown;
        }
    }
    match counted_when_shrunk(&program, SMALL_TABLES) {
        Some(true) => Fate::EquivalentCounted,
        None if mutant.class == Class::AddSendOutside && is_verified(&program) => Fate::Uncounted,
        Some(false) | None => Fate::Survived,
    }
}

/// Tables of 2^16 entries: what needs larger ones takes seconds, and one bit is tried then.
const SMALL_TABLES: u32 = 16;

/// Whether counting a copy over words of two bits (or one, if two take tables of more than 2^`most_bits` entries) finds no
/// coalition's view telling anything.
#[must_use]
pub fn is_private_when_shrunk(program: &Program, most_bits: u32) -> bool {
    counted_when_shrunk(program, most_bits) == Some(true)
}

/// The same, and `None` where a view is too large to be counted and no other leaks.
fn counted_when_shrunk(program: &Program, most_bits: u32) -> Option<bool> {
    let options = exhaustive::Options { most_bits, ..exhaustive::Options::default() };
    let mut all = Some(true);
    for coalition in promised_coalitions(program) {
        let counted = [2, 1].into_iter().find_map(|bits| {
            let small = shrink(program, bits).ok()?;
            exhaustive::count_with(&small, coalition, options).ok()
        });
        match counted {
            Some(Exhaustive::Private) => {}
            Some(Exhaustive::Leak(_)) => return Some(false),
            None => all = None,
        }
    }
    all
}

/// Whether the checker accepts a certificate about every promised coalition.
fn is_verified(program: &Program) -> bool {
    promised_coalitions(program).into_iter().all(|coalition| {
        let certificate = prove(program, coalition).certificate;
        certificate.is_some_and(|certificate| check(program, &certificate).is_ok())
    })
}

/// Counts of fates, by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(Class, Fate), usize>);

impl Tally {
    /// One more mutant.
    pub fn add(&mut self, class: Class, fate: Fate) {
        *self.0.entry((class, fate)).or_default() += 1;
    }

    /// All of another tally.
    pub fn merge(&mut self, other: &Self) {
        for (&key, &count) in &other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }

    /// Mutants of a class with a fate.
    #[must_use]
    pub fn count(&self, class: Class, fate: Fate) -> usize {
        self.0.get(&(class, fate)).copied().unwrap_or(0)
    }

    /// Mutants with a fate.
    #[must_use]
    pub fn total(&self, fate: Fate) -> usize {
        Class::ALL.into_iter().map(|class| self.count(class, fate)).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24}", "mutation")?;
        Fate::ALL.iter().try_for_each(|fate| write!(f, "{fate:>10}"))?;
        for class in Class::ALL {
            write!(f, "\n{class:<24}")?;
            Fate::ALL.iter().try_for_each(|&fate| write!(f, "{:>10}", self.count(class, fate)))?;
        }
        write!(f, "\n{:<24}", "all")?;
        Fate::ALL.iter().try_for_each(|&fate| write!(f, "{:>10}", self.total(fate)))
    }
}
