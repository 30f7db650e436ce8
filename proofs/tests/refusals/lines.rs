//! A Program of a few lines with the certificate that goes with it, and what the checkers say of it.

use super::*;

pub(super) const RING: Domain = Domain::Ring(3);
pub(super) const WORD: Domain = Domain::Bits(3);

/// P0 has secrets and samples; somebody else is sent something.
pub(super) struct Lines {
    pub(super) p: ProgramBuilder,
    pub(super) steps: Vec<Step>,
    pub(super) same: Vec<(ValueId, ValueId)>,
    pub(super) handed: Vec<ValueId>,
    pub(super) withheld: Vec<Withheld>,
    pub(super) simulator: Simulator,
}

impl Lines {
    pub(super) fn x(&mut self, elements: usize) -> ValueId {
        self.p.input(P0, "x", 0, RING, [elements].into())
    }

    pub(super) fn word(&mut self, elements: usize) -> ValueId {
        self.p.input(P0, "w", 0, WORD, [elements].into())
    }

    pub(super) fn s(&mut self, domain: Domain, elements: usize) -> ValueId {
        self.p.sample(PartySet::of(&[P0]), domain, [elements].into())
    }

    pub(super) fn splat(&mut self, word: u64, domain: Domain) -> ValueId {
        self.p.constant(Constant::Splat(word), domain, Shape::scalar())
    }

    pub(super) fn words(&mut self, words: &[u64], domain: Domain, shape: Shape) -> ValueId {
        self.p.constant(Constant::Words(words.to_vec().into()), domain, shape)
    }

    pub(super) fn slice(&mut self, of: ValueId, start: usize, length: usize) -> ValueId {
        self.p.moved(of, Move::Slice { axis: 0, start, length })
    }

    /// Sent to P1, and claimed to be uniform because of some masks.
    pub(super) fn uniform(&mut self, value: ValueId, masks: &[ValueId]) -> ValueId {
        let message = self.p.send(value, P1);
        self.steps.push(Step::Uniform { message, masks: masks.to_vec() });
        message
    }

    pub(super) fn wide(&mut self, value: ValueId, masks: &[ValueId]) -> ValueId {
        let message = self.p.send(value, P1);
        self.steps.push(Step::Wide { message, masks: masks.to_vec() });
        message
    }

    pub(super) fn output(&mut self, value: ValueId, shares: &[(ValueId, Option<ValueId>)]) {
        let output = self.p.reveal(value, Client, "y", 0);
        let shares = shares.iter().map(|&(message, mask)| Share { message, mask }).collect();
        self.steps.push(Step::Output { output, shares });
    }

    /// x + z and y - z, sent to the client.
    pub(super) fn shares(&mut self, elements: usize) -> (ValueId, ValueId, ValueId) {
        let (x, y, z) = (self.x(elements), self.x(elements), self.s(RING, elements));
        let (a, b) = (self.p.add(x, z), self.p.sub(y, z));
        (self.p.send(a, Client), self.p.send(b, Client), z)
    }
}

pub(super) fn forge(party: Party, build: impl FnOnce(&mut Lines)) -> (Program, Certificate) {
    let p = ProgramBuilder::new(PartySet::of(&[P0, P1, Client]), Party::ModelOwner);
    let simulator = Simulator::GivenOwnSamples;
    let (same, handed, withheld) = (Vec::new(), Vec::new(), Vec::new());
    let mut lines = Lines { p, steps: Vec::new(), same, handed, withheld, simulator };
    build(&mut lines);
    let Lines { p, steps, same, handed, withheld, simulator } = lines;
    let program = p.finish().unwrap();
    let digest = program.digest().to_hex().to_string();
    (program, Certificate { format: FORMAT, digest, coalition: vec![party], simulator, same, handed, withheld, steps })
}

/// The name of a refusal; a new one must be given a name here, and then a row below.
pub(super) fn name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NoSuchValue(_) => "no such value",
        Refusal::NoMessage(_) => "no message",
        Refusal::SecondStep(_) => "second step",
        Refusal::NoUse(_) => "no use",
        Refusal::TwoUses { .. } => "two uses",
        Refusal::PartsOverlap { .. } => "parts overlap",
        Refusal::MaskKnown(_) => "mask known",
        Refusal::MaskNoSample(_) => "mask no sample",
        Refusal::NotBalanced { .. } => "not balanced",
        Refusal::NotCovered(_) => "not covered",
        Refusal::Widened => "widened",
        Refusal::NotWidened => "not widened",
        Refusal::WidenedElsewhere(_) => "widened elsewhere",
        Refusal::WidenedNoSum(_) => "widened no sum",
        Refusal::WidenedBroadcast(_) => "widened broadcast",
        Refusal::NoOutput(_) => "no output",
        Refusal::NoShares => "no shares",
        Refusal::NoShare(_) => "no share",
        Refusal::UnnamedShare(_) => "unnamed share",
        Refusal::LastShareMasked(_) => "last share masked",
        Refusal::ShareUnmasked(_) => "share unmasked",
        Refusal::NoSum(_) => "no sum",
        Refusal::ShareTwice(_) => "share twice",
        Refusal::ShareBroadcast(_) => "share broadcast",
        Refusal::EvenFactor(_) => "even factor",
        Refusal::MaskElsewhere { .. } => "mask elsewhere",
        Refusal::MaskNoSummand { .. } => "mask no summand",
        Refusal::MaskBroadcast { .. } => "mask broadcast",
        Refusal::NotCancelling(_) => "not cancelling",
        Refusal::ShareDependsOnDrawn(_) => "share depends on drawn",
        Refusal::KnownOtherwise(_) => "known otherwise",
    }
}

pub(super) const NAMES: [&str; 31] = [
    "no such value",
    "no message",
    "second step",
    "no use",
    "two uses",
    "parts overlap",
    "mask known",
    "mask no sample",
    "not balanced",
    "not covered",
    "widened",
    "not widened",
    "widened elsewhere",
    "widened no sum",
    "widened broadcast",
    "no output",
    "no shares",
    "no share",
    "unnamed share",
    "last share masked",
    "share unmasked",
    "no sum",
    "share twice",
    "share broadcast",
    "even factor",
    "mask elsewhere",
    "mask no summand",
    "mask broadcast",
    "not cancelling",
    "share depends on drawn",
    "known otherwise",
];

/// Refused at a step, for the reason named; returns the name.
#[track_caller]
pub(super) fn refused(party: Party, expected: &'static str, build: impl FnOnce(&mut Lines)) -> &'static str {
    let (program, certificate) = forge(party, build);
    match check(&program, &certificate) {
        Err(CheckError::Step { why, .. }) => {
            assert_eq!(name(&why), expected, "{why}\n{}", *program);
            expected
        }
        other => panic!("expected `{expected}`, found {other:?}\n{}", *program),
    }
}
