//! Three ways to run one Program that must give the same messages: at once, in stages, and each party by itself.

use std::collections::BTreeMap;
use viewless_protocols::party::Party;
use viewless_protocols::program::{Program, ValueId};
use viewless_simulator::count::Message;
use viewless_simulator::execute::projection::{self, Channel, InProcess};
use viewless_simulator::execute::{ExecuteError, Execution, Inputs, Options, Output};
use viewless_simulator::execute::{execute, prepare};
use viewless_simulator::keys::Keyring;
use viewless_simulator::stream::Seed;

/// The packed words of every message.
pub type Messages = BTreeMap<ValueId, Vec<u8>>;

fn recording<T>(seed: u64, run: impl FnOnce(Options<'_>) -> Result<T, ExecuteError>) -> Result<(T, Messages), String> {
    let mut messages = Messages::new();
    let mut observer = |message: &Message, packed: &[u8]| _ = messages.insert(message.value, packed.to_vec());
    let options = Options { observer: Some(&mut observer), ..Options::new(Seed::from_u64(seed)) };
    let given = run(options).map_err(|error| error.to_string())?;
    Ok((given, messages))
}

/// A run of one stage, and what it sent.
pub type Staged = (Execution, Messages);

/// Runs all parties at once.
///
/// # Errors
/// What the run says.
pub fn at_once(program: &Program, inputs: &dyn Inputs, seed: u64) -> Result<(Execution, Messages), String> {
    recording(seed, |options| execute(program, inputs, options))
}

/// Runs the setup, and on it the queries of some numbers; the messages of the setup first.
///
/// # Errors
/// What the runs say.
pub fn in_stages(
    program: &Program,
    inputs: &dyn Inputs,
    seed: u64,
    queries: &[u32],
) -> Result<(Staged, Vec<Staged>), String> {
    let (setup, before) = recording(seed, |options| prepare(program, inputs, options))?;
    let of_query = |&number: &u32| recording(seed, |options| setup.query(number, inputs, options));
    Ok(((setup.execution().clone(), before), queries.iter().map(of_query).collect::<Result<_, _>>()?))
}

/// A channel that notes what its party sends.
struct Noting {
    channel: InProcess,
    sent: Messages,
}

impl Channel for Noting {
    fn send(&mut self, message: &Message, packed: &[u8]) -> Result<(), ExecuteError> {
        self.sent.insert(message.value, packed.to_vec());
        self.channel.send(message, packed)
    }

    fn receive(&mut self, message: &Message) -> Result<Vec<u8>, ExecuteError> {
        self.channel.receive(message)
    }
}

/// Runs every party in a thread of its own, each with its own keys only; gives what they sent and what they learned, in the order
/// of the Program.
///
/// # Errors
/// What the first of them says that fails.
pub fn by_parties(
    program: &Program,
    inputs: &(dyn Inputs + Sync),
    seed: u64,
) -> Result<(Vec<Output>, Messages), String> {
    let keys = Keyring::simulated(&Seed::from_u64(seed), program.parties);
    let part = |party: Party, channel: InProcess| {
        let mut noting = Noting { channel, sent: Messages::new() };
        let run = projection::party(program, party, 0, &keys.of_party(party), inputs, &mut noting);
        run.map(|execution| (execution.outputs, noting.sent)).map_err(|error| format!("{party}: {error}"))
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = InProcess::among(program.parties)
            .into_iter()
            .map(|(party, channel)| scope.spawn(move || part(party, channel)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a party does not panic")).collect()
    });
    let (mut outputs, mut messages) = (Vec::new(), Messages::new());
    for part in parts {
        let (learned, sent) = part?;
        outputs.extend(learned);
        messages.extend(sent);
    }
    Ok((outputs, messages))
}

/// The three ways agree, and a second query on the same setup sends nothing that the first sent, where a sample enters it.
///
/// # Errors
/// A sentence that says what differs.
pub fn agree(program: &Program, inputs: &(dyn Inputs + Sync), seed: u64) -> Result<(), String> {
    let (execution, whole) = at_once(program, inputs, seed)?;
    let (mut outputs, sent) = by_parties(program, inputs, seed)?;
    if let Some((id, _)) = whole.iter().find(|(id, packed)| sent.get(id) != Some(packed)) {
        return Err(format!("message %{} of the lockstep run is another, or none, when its sender runs alone", id.0));
    }
    if sent.len() != whole.len() {
        return Err(format!("{} messages at once, {} by the parties alone", whole.len(), sent.len()));
    }
    let order = |output: &Output| execution.outputs.iter().position(|whole| whole == output);
    outputs.sort_by_key(order);
    if outputs != execution.outputs {
        return Err("a party alone learns something else than in the lockstep run".to_owned());
    }
    let ((setup, before), queries) = in_stages(program, inputs, seed, &[0, 1])?;
    let [(first, of_first), (_, of_second)] = &queries[..] else { return Err("two queries were asked".to_owned()) };
    let mut staged = before.clone();
    staged.extend(of_first.clone());
    if staged != whole || before.len() + of_first.len() != whole.len() {
        return Err("a setup and its first query do not send what the whole run sends".to_owned());
    }
    // What depends on the model alone is learned in the setup.
    let mut outputs: Vec<Output> = setup.outputs.iter().chain(&first.outputs).cloned().collect();
    outputs.sort_by_key(order);
    if outputs != execution.outputs {
        return Err("the first query on a setup learns something else than the whole run".to_owned());
    }
    if of_second.keys().ne(of_first.keys()) {
        return Err("a second query sends other messages than the first".to_owned());
    }
    Ok(())
}
