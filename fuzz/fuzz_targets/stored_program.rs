//! Any stored Program: refused, or it can be printed, counted and stored again with the same digest; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use viewless_protocols::program::ProgramDraft;
use viewless_protocols::program::{Grouping, Schedule, bill};

fuzz_target!(|data: &[u8]| {
    let Ok(draft) = serde_json::from_slice::<ProgramDraft>(data) else { return };
    let Ok(program) = draft.check() else { return };
    let rounds = [Schedule::Asap, Schedule::AsWritten].map(|schedule| bill(&program, schedule, Grouping::Region));
    assert!(rounds[0].phases.iter().all(|(phase, asap)| asap.rounds <= rounds[1].phase(*phase).rounds));
    let digest = program.digest();
    let stored = serde_json::to_vec(&program.into_draft()).unwrap();
    let read: ProgramDraft = serde_json::from_slice(&stored).unwrap();
    assert_eq!(read.check().unwrap().digest(), digest);
});
