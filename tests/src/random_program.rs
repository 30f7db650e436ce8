//! Ill-formed Programs, made from well-formed ones: each mutant breaks one rule at one value, and says which and where.
//!
//! A checker that accepts one of them does not check; one that refuses it for another reason, or blames another value, misleads.

mod flaw;

pub use flaw::Flaw;

use proptest::prelude::*;
use viewless_protocols::party::{Party, PartySet};
use viewless_protocols::program::{
    Claim, ClaimKind, Constant, Lifetime, Local, Op, Program, ProgramDraft, ProgramError, Value, ValueId, Wave,
    WordFunction,
};
use viewless_protocols::region::{RegionId, Regions};
use viewless_protocols::ring::Domain;
use viewless_protocols::scheme::SchemeSpec;
use viewless_protocols::shape::Move;
use viewless_protocols::windows::Windows;

use crate::random_circuit::{Recipe, recipes};
use crate::{compile, every_scheme};

/// Well-formed Programs: random circuits of at most `steps` steps, compiled under random choices.
pub fn programs(steps: usize) -> impl Strategy<Value = Program> {
    let compiled = |(recipe, spec): (Recipe, SchemeSpec)| compile(&recipe.build(spec.truncation), &spec);
    (recipes(steps), prop::sample::select(every_scheme())).prop_map(compiled)
}

/// A Program with one flaw.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutant {
    /// What is wrong.
    pub flaw: Flaw,
    /// The Program.
    pub draft: ProgramDraft,
    /// The value that is to be blamed.
    pub value: usize,
}

impl Mutant {
    /// Checks that the mutant is refused for its flaw, blaming the right value and region.
    ///
    /// # Errors
    /// What the checker said instead.
    pub fn is_refused(&self) -> Result<(), String> {
        let value = self.draft.values.get(self.value);
        let region = value.map_or_else(String::new, |value| self.draft.regions.path(value.region));
        match self.draft.clone().check() {
            Ok(_) => Err(format!("{:?} at %{} was accepted", self.flaw, self.value)),
            Err(ProgramError { value, region: named, rule })
                if value == self.value && named == region && self.flaw.breaks(&rule) =>
            {
                Ok(())
            }
            Err(error) => {
                Err(format!("{:?} at %{} in `{region}` was refused otherwise: {error}", self.flaw, self.value))
            }
        }
    }
}

/// A region that is in no tree of these tests.
fn nowhere() -> RegionId {
    serde_json::from_value(1_000_000.into()).expect("a region is a number")
}

fn without(set: PartySet, party: Party) -> PartySet {
    set.iter().filter(|&other| other != party).fold(PartySet::EMPTY, PartySet::with)
}

/// The members of `parties` that are not in `set`.
fn missing(parties: PartySet, set: PartySet) -> Vec<Party> {
    parties.iter().filter(|&party| !set.contains(party)).collect()
}

/// Element `choice` of a list, modulo its length.
fn pick<T: Copy>(list: &[T], choice: usize) -> Option<T> {
    list.get(choice % list.len().max(1)).copied()
}

/// Gives `program` a flaw, if it has a place for it; `choice` picks the place and the manner.
#[must_use]
pub fn mutate(program: &Program, flaw: Flaw, choice: usize) -> Option<Mutant> {
    let mut draft = program.clone().into_draft();
    let value = spoil(&mut draft, flaw, choice)?;
    Some(Mutant { flaw, draft, value })
}

/// Spoils one value of the draft and returns its position.
#[expect(clippy::too_many_lines, reason = "one arm for each flaw")]
fn spoil(draft: &mut ProgramDraft, flaw: Flaw, choice: usize) -> Option<usize> {
    let parties = draft.parties;
    let holders_of = |draft: &ProgramDraft, id: ValueId| draft.values[id.index()].holders;
    // A second choice that does not move in step with the first.
    let manner = choice / 7;
    // The place: any value that satisfies a condition.
    let place = |draft: &ProgramDraft, condition: &dyn Fn(&Value) -> bool| {
        let fitting: Vec<usize> = (0..draft.values.len()).filter(|&i| condition(&draft.values[i])).collect();
        pick(&fitting, choice)
    };
    let local = |value: &Value| matches!(value.op, Op::Local(..));
    let made = |value: &Value| !value.op.arguments().is_empty();
    let constant = |value: &Value| matches!(value.op, Op::Constant(_));
    match flaw {
        Flaw::ComputesWithoutArgument => {
            let lacking = |draft: &ProgramDraft, value: &Value| {
                let common =
                    value.op.arguments().iter().fold(parties, |set, &id| set.intersection(holders_of(draft, id)));
                missing(parties, common)
            };
            let i = place(draft, &|value| local(value) && !lacking(draft, value).is_empty())?;
            let party = pick(&lacking(draft, &draft.values[i]), manner)?;
            draft.values[i].holders = draft.values[i].holders.with(party);
            Some(i)
        }
        Flaw::HeldByNobody => {
            let i = place(draft, &|_| true)?;
            draft.values[i].holders = PartySet::EMPTY;
            Some(i)
        }
        Flaw::HeldByStranger => {
            let i = place(draft, &|_| true)?;
            let stranger = pick(&missing(PartySet::of(&Party::ALL), parties), manner)?;
            draft.values[i].holders = draft.values[i].holders.with(stranger);
            Some(i)
        }
        Flaw::PartyStruckOff => {
            let party = pick(&parties.iter().collect::<Vec<_>>(), choice)?;
            draft.parties = without(parties, party);
            draft.values.iter().position(|value| value.holders.contains(party))
        }
        Flaw::StreamReused => {
            let streams: Vec<u32> = draft.values.iter().filter_map(stream).collect();
            let i = place(draft, &|value| stream(value).is_some_and(|own| own != streams[0]))?;
            let own = stream(&draft.values[i])?;
            let earlier: Vec<u32> = streams.into_iter().take_while(|&other| other != own).collect();
            draft.values[i].op = Op::Sample { stream: pick(&earlier, manner)?, lifetime: Lifetime::Query };
            Some(i)
        }
        Flaw::OperandDomain | Flaw::OperandShape => {
            let fits = |draft: &ProgramDraft, i: usize, j: usize| {
                let Op::Local(operation, arguments) = &draft.values[i].op else { return false };
                let (first, other) = (draft.value(arguments[0]), &draft.values[j]);
                match operation {
                    Local::Add | Local::Sub | Local::Mul | Local::And | Local::Xor | Local::MatMul => {
                        let shapes_fit = if *operation == Local::MatMul {
                            first.shape.matmul(&other.shape).is_ok()
                        } else {
                            first.shape.broadcast(&other.shape).is_ok()
                        };
                        if flaw == Flaw::OperandDomain {
                            other.domain != first.domain
                        } else {
                            other.domain == first.domain && !shapes_fit
                        }
                    }
                    _ => false,
                }
            };
            let places: Vec<usize> = (0..draft.values.len()).filter(|&i| (0..i).any(|j| fits(draft, i, j))).collect();
            let i = pick(&places, choice)?;
            let operands: Vec<usize> = (0..i).filter(|&j| fits(draft, i, j)).collect();
            let operand = pick(&operands, manner)?;
            draft.values[i].op.arguments_mut()[1] = ValueId(operand as u32);
            Some(i)
        }
        Flaw::OperationDomain => {
            let replaced = |value: &Value| match &value.op {
                Op::Local(Local::Add | Local::Mul | Local::Sub, _) => {
                    Some([Local::Xor, Local::And][manner % 2].clone())
                }
                Op::Local(Local::Xor | Local::And, _) => Some([Local::Add, Local::Mul][manner % 2].clone()),
                Op::Local(Local::Neg, _) => Some([Local::Not, Local::BitReversal][manner % 2].clone()),
                Op::Local(Local::Not, _) => Some([Local::Neg, Local::ShiftRightArithmetic(0)][manner % 2].clone()),
                _ => None,
            };
            let i = place(draft, &|value| replaced(value).is_some())?;
            let operation = replaced(&draft.values[i])?;
            if let Op::Local(old, _) = &mut draft.values[i].op {
                *old = operation;
            }
            Some(i)
        }
        Flaw::ArgumentMissing | Flaw::ArgumentExtra => {
            let i = place(
                draft,
                &|value| matches!(&value.op, Op::Local(operation, _) if !matches!(operation, Local::Concat(_))),
            )?;
            if let Op::Local(_, arguments) = &mut draft.values[i].op {
                if flaw == Flaw::ArgumentMissing {
                    arguments.pop();
                } else {
                    arguments.push(arguments[0]);
                }
            }
            Some(i)
        }
        Flaw::ArgumentForward => {
            let i = place(draft, &made)?;
            let forward = [i as u32, i as u32 + 1, draft.values.len() as u32, u32::MAX];
            let arguments = draft.values[i].op.arguments_mut();
            let which = choice % arguments.len();
            arguments[which] = ValueId(pick(&forward, manner)?);
            Some(i)
        }
        Flaw::StoredShape => {
            let i = place(draft, &made)?;
            let shape = &draft.values[i].shape;
            draft.values[i].shape = if manner.is_multiple_of(2) || shape.rank() == 0 {
                [1].iter().chain(shape.axes()).copied().collect()
            } else {
                shape.axes().iter().map(|length| length + 1).collect()
            };
            Some(i)
        }
        Flaw::StoredDomain => {
            let i = place(draft, &made)?;
            let value = &mut draft.values[i];
            let (bits, ring) = (value.domain.bits(), value.domain.is_ring());
            let other = if bits == 64 { 63 } else { bits + 1 };
            value.domain = match (manner.is_multiple_of(2), ring) {
                (true, true) => Domain::Ring(other),
                (true, false) => Domain::Bits(other),
                (false, true) => Domain::Bits(bits),
                (false, false) => Domain::Ring(bits),
            };
            Some(i)
        }
        Flaw::Width => {
            let i = place(draft, &|_| true)?;
            draft.values[i].domain =
                pick(&[Domain::Ring(0), Domain::Ring(65), Domain::Bits(0), Domain::Bits(255)], manner)?;
            Some(i)
        }
        Flaw::ConvertWidth => {
            let i = place(draft, &|value| matches!(value.op, Op::Local(Local::Convert(_), _)))?;
            if let Op::Local(operation, _) = &mut draft.values[i].op {
                *operation = Local::Convert(pick(&[Domain::Ring(0), Domain::Bits(65)], manner)?);
            }
            Some(i)
        }
        Flaw::Size => {
            let i = place(draft, &|_| true)?;
            let extra: &[usize] = pick(&[&[0][..], &[1 << 41], &[usize::MAX, usize::MAX]], manner)?;
            draft.values[i].shape = extra.iter().chain(draft.values[i].shape.axes()).copied().collect();
            Some(i)
        }
        Flaw::Shift => {
            let shifts = |value: &Value| {
                matches!(
                    value.op,
                    Op::Local(Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_), _)
                )
            };
            let i = place(draft, &shifts)?;
            let bits = draft.values[i].domain.bits();
            if let Op::Local(
                Local::ShiftLeft(shift) | Local::ShiftRight(shift) | Local::ShiftRightArithmetic(shift),
                _,
            ) = &mut draft.values[i].op
            {
                *shift = pick(&[bits, bits + 1, u8::MAX], manner)?;
            }
            Some(i)
        }
        Flaw::ConstantTooLarge => {
            let i = place(draft, &constant)?;
            let value = &mut draft.values[i];
            value.domain = pick(&[Domain::Ring(63), Domain::Bits(1)], manner)?;
            value.op = Op::Constant(if (manner / 2).is_multiple_of(2) {
                Constant::Splat(u64::MAX)
            } else {
                words((0..value.shape.elements()).map(|j| if j == 0 { u64::MAX } else { 0 }))
            });
            Some(i)
        }
        Flaw::ConstantSize => {
            let i = place(draft, &constant)?;
            let elements = draft.values[i].shape.elements();
            let count = if manner.is_multiple_of(2) { elements + 1 } else { elements - 1 };
            draft.values[i].op = Op::Constant(words((0..count).map(|_| 0)));
            Some(i)
        }
        Flaw::ConstantNotPublic => {
            let i = place(draft, &constant)?;
            draft.values[i].holders = without(parties, pick(&parties.iter().collect::<Vec<_>>(), manner)?);
            Some(i)
        }
        Flaw::InputOfTwo => {
            let i = place(draft, &|value| matches!(value.op, Op::Input { .. }))?;
            let others = missing(parties, draft.values[i].holders);
            draft.values[i].holders = draft.values[i].holders.with(pick(&others, manner)?);
            Some(i)
        }
        Flaw::SendToHolder => {
            let i = place(draft, &|value| matches!(value.op, Op::Send(..)))?;
            let Op::Send(contents, _) = draft.values[i].op else { return None };
            let to = pick(&holders_of(draft, contents).iter().collect::<Vec<_>>(), manner)?;
            draft.values[i].op = Op::Send(contents, to);
            Some(i)
        }
        Flaw::SendOmits => {
            let i = place(draft, &|value| matches!(value.op, Op::Send(..)))?;
            let holders = draft.values[i].holders;
            draft.values[i].holders = without(holders, pick(&holders.iter().collect::<Vec<_>>(), manner)?);
            Some(i)
        }
        Flaw::SendSpreads | Flaw::RevealSpreads => {
            let spreads = |value: &Value| match value.op {
                Op::Send(..) => flaw == Flaw::SendSpreads,
                Op::Reveal { .. } => flaw == Flaw::RevealSpreads,
                _ => false,
            };
            let i = place(draft, &|value| spreads(value) && value.holders != parties)?;
            let others = missing(parties, draft.values[i].holders);
            draft.values[i].holders = draft.values[i].holders.with(pick(&others, manner)?);
            Some(i)
        }
        Flaw::RevealToStranger => {
            let i = place(draft, &|value| matches!(value.op, Op::Reveal { .. }))?;
            let Op::Reveal { value, .. } = draft.values[i].op else { return None };
            let strangers = missing(PartySet::of(&Party::ALL), holders_of(draft, value));
            if let Op::Reveal { to, .. } = &mut draft.values[i].op {
                *to = pick(&strangers, manner)?;
            }
            Some(i)
        }
        Flaw::FractionBits => {
            let i = place(draft, &|value| matches!(value.op, Op::Reveal { .. } | Op::Input { .. }))?;
            if let Op::Reveal { fraction_bits, .. } | Op::Input { fraction_bits, .. } = &mut draft.values[i].op {
                *fraction_bits = pick(&[64, 65, u8::MAX], manner)?;
            }
            Some(i)
        }
        Flaw::MoveDoesNotApply => {
            let i = place(draft, &|value| matches!(value.op, Op::Local(Local::Move(_), _)))?;
            let elements = draft.values[i].shape.elements();
            let wrong = [
                Move::Slice { axis: 0, start: 100, length: 1 },
                Move::Slice { axis: 9, start: 0, length: 1 },
                Move::Windows(Windows { axis: 9, start: 0, lengths: [1, 1], steps: [1, 1] }),
                Move::Windows(Windows { axis: 0, start: 0, lengths: [2, 0], steps: [1, 1] }),
                Move::Reshape([2, elements].into()),
                Move::Reshape([0].into()),
                Move::Transpose([0, 0, 0, 0].as_slice().into()),
            ];
            let wrong = &wrong[manner % wrong.len()];
            // The argument of a slice may be long enough for the larger reshape.
            let argument = draft.values[i].op.arguments()[0];
            if draft.value(argument).shape.moved(wrong).is_ok() {
                return None;
            }
            if let Op::Local(operation, _) = &mut draft.values[i].op {
                *operation = Local::Move(wrong.clone());
            }
            Some(i)
        }
        Flaw::NoSuchAxis => {
            let i = place(draft, &|value| matches!(value.op, Op::Local(Local::Sum(_) | Local::Concat(_), _)))?;
            if let Op::Local(Local::Sum(axis) | Local::Concat(axis), _) = &mut draft.values[i].op {
                *axis = pick(&[9, usize::MAX], manner)?;
            }
            Some(i)
        }
        Flaw::Function => {
            // Of an angle, so that waves are refused for what is wrong with them.
            let angle = |value: &Value| value.domain.is_ring() && (2..=32).contains(&value.domain.bits());
            let i = place(draft, &|value| match &value.op {
                Op::Local(Local::Function(_), arguments) => angle(draft.value(arguments[0])),
                _ => false,
            })?;
            let wave = |cosine: f64| vec![Wave { harmonic: 1, cosine, sine: 0.0 }];
            let wrong = [
                WordFunction::Waves { waves: vec![], fraction_bits: 20 },
                WordFunction::Waves { waves: wave(1.0), fraction_bits: 53 },
                WordFunction::Waves { waves: wave(f64::NAN), fraction_bits: 20 },
                WordFunction::Waves { waves: wave(f64::INFINITY), fraction_bits: 20 },
                WordFunction::Waves { waves: wave(-1e15), fraction_bits: 20 },
                WordFunction::Table { entries: vec![0; 3], domain: Domain::Z64 },
                WordFunction::Remainder { modulus: 0, domain: Domain::Z64 },
                WordFunction::Remainder { modulus: 9, domain: Domain::Ring(3) },
            ];
            if let Op::Local(operation, _) = &mut draft.values[i].op {
                *operation = Local::Function(wrong[manner % wrong.len()].clone().into());
            }
            Some(i)
        }
        Flaw::WavesOfWords => {
            let waves = |local: &Local| matches!(local, Local::Function(function) if matches!(**function, WordFunction::Waves { .. }));
            let i = place(draft, &|value| matches!(&value.op, Op::Local(local, _) if waves(local)))?;
            let no_angle = |value: &Value| !value.domain.is_ring() || !(2..=32).contains(&value.domain.bits());
            let words: Vec<usize> = (0..i).filter(|&j| no_angle(&draft.values[j])).collect();
            draft.values[i].op.arguments_mut()[0] = ValueId(pick(&words, manner)? as u32);
            Some(i)
        }
        Flaw::RegionOutside => {
            let i = place(draft, &|_| true)?;
            draft.values[i].region = nowhere();
            Some(i)
        }
        Flaw::RegionTree => {
            let mut tree = serde_json::to_value(&draft.regions).expect("regions are plain data");
            let regions = tree.as_array_mut()?;
            let child = choice % regions.len();
            regions[child]["parent"] = (regions.len() + manner % 3).into();
            draft.regions = serde_json::from_value::<Regions>(tree).expect("a tree or not, it can be read");
            Some(0)
        }
        Flaw::ClaimShares => {
            let n = draft.values.len() as u32;
            let ring = |value: &Value| value.domain.is_ring();
            let first = ValueId(place(draft, &ring)? as u32);
            let Value { domain, shape, .. } = draft.value(first).clone();
            let shares = match manner % 3 {
                0 => vec![],
                1 => vec![first, ValueId(n)],
                _ => {
                    let different = |value: &Value| (value.domain, &value.shape) != (domain, &shape);
                    vec![first, ValueId(place(draft, &different)? as u32)]
                }
            };
            let at = if shares.is_empty() { 0 } else { first.index() };
            claim(draft, &shares, ClaimKind::Headroom { bits: 1 }, Regions::ROOT);
            Some(at)
        }
        Flaw::ClaimNumbers => {
            let i = place(draft, &|value| value.domain.is_ring())?;
            let bits = draft.values[i].domain.bits();
            let domain = |low, high, fraction_bits| ClaimKind::Domain { low, high, also: None, fraction_bits };
            let wrong = [
                ClaimKind::LocalTruncation { shift: bits, fraction_bits: 0 },
                ClaimKind::LocalTruncation { shift: 0, fraction_bits: bits },
                ClaimKind::Headroom { bits },
                domain(1.0, -1.0, 0),
                domain(f64::NAN, 1.0, 0),
                domain(-1.0, 1.0, bits),
                ClaimKind::Domain { low: 0.5, high: 1.0, also: Some((0.25, 0.0)), fraction_bits: 0 },
            ];
            claim(draft, &[ValueId(i as u32)], pick(&wrong, manner)?, Regions::ROOT);
            Some(i)
        }
        Flaw::ClaimRegion => {
            let i = place(draft, &|value| value.domain.is_ring())?;
            claim(draft, &[ValueId(i as u32)], ClaimKind::Headroom { bits: 0 }, nowhere());
            Some(i)
        }
    }
}

fn words(words: impl Iterator<Item = u64>) -> Constant {
    Constant::Words(words.collect())
}

fn stream(value: &Value) -> Option<u32> {
    match value.op {
        Op::Sample { stream, .. } => Some(stream),
        _ => None,
    }
}

fn claim(draft: &mut ProgramDraft, shares: &[ValueId], kind: ClaimKind, region: RegionId) {
    draft.claims.push(Claim { shares: shares.iter().copied().collect(), kind, region });
}
