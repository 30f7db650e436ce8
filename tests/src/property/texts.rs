//! Texts that users write and files that viewless stores: any bytes, and good ones with edits.

use super::Source;
use super::source::file;
use crate::random_circuit::Recipe;
use crate::{FIXED, PUBLISHED, REPLICATED, compile};
use serde_json::Value;
use std::path::Path;
use std::sync::LazyLock;
use viewless_protocols::circuit::{CheckedCircuit, Circuit, Owner};
use viewless_protocols::file::{export, read_protocol};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::program::{Grouping, ProgramDraft, Schedule, bill};
use viewless_protocols::scheme::{self, Truncation};
use viewless_protocols::suite::Suite;
use viewless_simulator::network::Network;
use viewless_workbench::certificate::{CertificateError, CertificateFile, Statement};
use viewless_workbench::plan::{read_cluster, read_machine, read_parties, suite_text};
use viewless_workbench::proof::{Asked, Proof};
use viewless_workbench::{Sizes, Subject};

/// Circuits with every operation between them.
static CIRCUITS: LazyLock<Vec<CheckedCircuit>> = LazyLock::new(|| {
    let recipe = |seed: u8| -> Vec<u8> {
        (0..124u8).map(|i| i.wrapping_mul(seed).wrapping_add(i >> 3).wrapping_mul(37)).collect()
    };
    [3, 5, 11, 21].map(|seed| Recipe::from_bytes(&recipe(seed)).build(Truncation::Exact)).into()
});

/// A text, of bytes that are one.
fn text(source: &mut Source<'_>, templates: &[&str]) -> Option<String> {
    let templates: Vec<&[u8]> = templates.iter().map(|text| text.as_bytes()).collect();
    String::from_utf8(file(source, &templates)).ok()
}

fn texts(made: &[String]) -> Vec<&str> {
    made.iter().map(String::as_str).collect()
}

/// What is accepted can be printed, read back, and compiled if it is small.
fn circuit_is_usable(circuit: &CheckedCircuit) -> Result<(), String> {
    let text = circuit.to_string();
    let read = Circuit::read(&text).map_err(|error| format!("its own text is refused: {error}\n{text}"))?;
    // Not the circuits: a number that is none differs from itself.
    if read.to_string() != text {
        return Err(format!("its text is read as another circuit:\n{text}\n{}", *read));
    }
    if circuit.nodes().iter().all(|node| node.shape.elements() < 1 << 12) {
        for spec in [PUBLISHED, REPLICATED] {
            // Refused or not, it does not panic.
            let _compiled = scheme::compile(circuit, &spec, FIXED);
        }
    }
    Ok(())
}

pub(super) fn circuit_text(bytes: &[u8]) -> Result<(), String> {
    static TEXTS: LazyLock<Vec<String>> =
        LazyLock::new(|| CIRCUITS.iter().map(|circuit| circuit.to_string()).collect());
    let Some(text) = text(&mut Source::new(bytes), &texts(&TEXTS)) else { return Ok(()) };
    Circuit::read(&text).map_or(Ok(()), |circuit| circuit_is_usable(&circuit))
}

pub(super) fn stored_circuit(bytes: &[u8]) -> Result<(), String> {
    static STORED: LazyLock<Vec<String>> = LazyLock::new(|| {
        CIRCUITS.iter().map(|circuit| serde_json::to_string(&**circuit).expect("a circuit can be stored")).collect()
    });
    let Some(text) = text(&mut Source::new(bytes), &texts(&STORED)) else { return Ok(()) };
    let Ok(circuit) = serde_json::from_str::<Circuit>(&text) else { return Ok(()) };
    circuit.finish().map_or(Ok(()), |circuit| circuit_is_usable(&circuit))
}

pub(super) fn stored_program(bytes: &[u8]) -> Result<(), String> {
    static STORED: LazyLock<Vec<String>> = LazyLock::new(|| {
        let compiled = [(&CIRCUITS[0], PUBLISHED), (&CIRCUITS[1], REPLICATED)].map(|(c, spec)| compile(c, &spec));
        compiled.map(|program| serde_json::to_string(&program.into_draft()).expect("a Program can be stored")).into()
    });
    let Some(text) = text(&mut Source::new(bytes), &texts(&STORED)) else { return Ok(()) };
    let Ok(draft) = serde_json::from_str::<ProgramDraft>(&text) else { return Ok(()) };
    let Ok(program) = draft.check() else { return Ok(()) };
    let [asap, as_written] =
        [Schedule::Asap, Schedule::AsWritten].map(|schedule| bill(&program, schedule, Grouping::Region));
    if asap.phases.iter().any(|(phase, asap)| asap.rounds > as_written.phase(*phase).rounds) {
        return Err("asap needs more rounds than as-written".to_owned());
    }
    let digest = program.digest();
    let stored = serde_json::to_vec(&program.into_draft()).map_err(|error| error.to_string())?;
    let read: ProgramDraft = serde_json::from_slice(&stored).map_err(|error| error.to_string())?;
    let read = read.check().map_err(|error| format!("a stored Program is refused: {error}"))?;
    if read.digest() == digest { Ok(()) } else { Err("a stored Program has another digest".to_owned()) }
}

pub(super) fn protocol_file(bytes: &[u8]) -> Result<(), String> {
    const EXAMPLES: [&str; 6] = [
        include_str!("../../../protocols/examples/bolt.protocol"),
        include_str!("../../../protocols/examples/invention.protocol"),
        include_str!("../../../protocols/examples/newton.protocol"),
        include_str!("../../../protocols/examples/puma.protocol"),
        include_str!("../../../protocols/examples/shaft.protocol"),
        include_str!("../../../protocols/examples/two-quad-mpcformer.protocol"),
    ];
    let Some(text) = text(&mut Source::new(bytes), &EXAMPLES) else { return Ok(()) };
    let Ok(protocol) = read_protocol("any.protocol", &text, Registry::built_in()) else { return Ok(()) };
    let shape = [2, 3].into();
    let mut circuit = Circuit::new();
    let x = circuit.input(Owner::Client, "x", [2, 3]);
    let y = protocol.build_alone(&mut circuit, x, 1e-5);
    circuit.reveal(y, "y");
    let Ok(circuit) = circuit.finish() else { return Ok(()) };
    circuit_is_usable(&circuit)?;
    let Ok(written) = export(&protocol, &shape) else { return Ok(()) };
    let read = read_protocol("any.protocol", &written, Registry::built_in());
    read.map(drop).map_err(|error| format!("a protocol that was written out is refused: {error}\n{written}"))
}

pub(super) fn settings_file(bytes: &[u8]) -> Result<(), String> {
    const NETWORK: &str = "name = \"here\"\nbandwidth-bits-per-second = 1e9\nlatency-seconds = 0.002\n";
    const PARTIES: &str =
        "machines = 3\nmost-in-flight = 4\ncompute-seconds-per-layer = 0.5\nhandover-seconds = 0.01\n";
    const CLUSTER: &str = "[[node]]\ngpu = \"a\"\ngpus = 4\nbetween-nodes-gigabits-per-second = 10.5\nwithin-node-gigabits-per-second = inf\n";
    let mut source = Source::new(bytes);
    let kind = source.byte() % 5;
    let suites: Vec<String> = ["faithful", "puma", "mpcformer", "client-server"]
        .iter()
        .map(|name| suite_text(&Suite::built_in(name).expect("it is built in")).expect("it can be written"))
        .collect();
    let templates = match kind {
        0 => texts(&suites),
        1 => vec![NETWORK],
        2 => vec![PARTIES],
        _ => vec![CLUSTER],
    };
    let Some(text) = text(&mut source, &templates) else { return Ok(()) };
    match kind {
        0 => suite_is_usable(&text),
        1 => {
            let Ok(network) = Network::parse("any.toml", &text) else { return Ok(()) };
            let seconds = network.seconds([0, 1, u64::MAX].into_iter());
            if seconds >= 0.0 { Ok(()) } else { Err(format!("{seconds} seconds on {network:?}")) }
        }
        _ => super::files::with_file(text.as_bytes(), "any.toml", |path: &Path| {
            match kind {
                2 => drop(read_parties(path)),
                3 => drop(read_cluster(path)),
                _ => drop(read_machine(path)),
            }
            Ok(())
        }),
    }
}

fn suite_is_usable(text: &str) -> Result<(), String> {
    let Ok(suite) = Suite::parse("any.toml", text) else { return Ok(()) };
    let _resolved = suite.model(Registry::built_in());
    let written = suite_text(&suite).map_err(|error| format!("a suite that was read cannot be written: {error}"))?;
    let read = Suite::parse("any.toml", &written).map_err(|error| format!("its own text is refused: {error}"))?;
    if read != suite {
        return Err(format!("its text is another suite: {read:?} and not {suite:?}"));
    }
    let stored = serde_json::to_string(&suite).map_err(|error| error.to_string())?;
    let read: Suite = serde_json::from_str(&stored).map_err(|error| format!("a stored suite is refused: {error}"))?;
    if read == suite { Ok(()) } else { Err("a stored suite is another".to_owned()) }
}

/// Certificates of a protocol that others are compared with.
static PROVED: LazyLock<(Statement, CertificateFile)> = LazyLock::new(|| {
    let registry = Registry::built_in();
    let subject = Subject::find("exp/crypten", registry).expect("it is built in");
    let (suite, sizes) =
        (Suite::built_in("faithful").expect("it is built in"), Sizes::new(1, 1).expect("one is a size"));
    let proof = Proof::new(&subject, &suite, sizes, 1, &Asked::Promised, &|_, _| {}).expect("it can be proved");
    let statement = proof.certificates.statement().expect("its sizes are sizes");
    (statement, proof.certificates)
});

pub(super) fn certificate_file(bytes: &[u8]) -> Result<(), String> {
    let (statement, proved) = &*PROVED;
    let template = serde_json::to_string(proved).map_err(|error| error.to_string())?;
    let Some(text) = text(&mut Source::new(bytes), &[&template]) else { return Ok(()) };
    let Ok(read) = CertificateFile::parse(&text) else { return Ok(()) };
    let stored = serde_json::to_string(&read).map_err(|error| error.to_string())?;
    let again = CertificateFile::parse(&stored).map_err(|error| format!("its own text is refused: {error}"))?;
    if again != read {
        return Err("certificates that were stored and read are others".to_owned());
    }
    let checked = |statement: &Statement| {
        match read.check(Some(statement), Registry::built_in(), 1.0) {
            Ok(report) => Ok(report.coalitions.iter().any(|coalition| coalition.valid)),
            // The file says what nothing has, which is refused before any proof is looked at.
            Err(CertificateError::OtherSizes { .. } | CertificateError::Suite { .. }) => Ok(false),
            Err(error) => Err::<bool, String>(error.to_string()),
        }
    };
    checked(statement)?;
    // Of two elements, and so of another Program.
    let other = Statement { sizes: Sizes::new(2, 1).map_err(|error| error.to_string())?, ..statement.clone() };
    if checked(&other)? { Err("a proof holds for another Program".to_owned()) } else { Ok(()) }
}

/// Whether a text is JSON, for properties of files that are.
pub(super) fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}
