//! Throwaway: runs a model of shapes on small numbers.
use std::borrow::Cow;
use viewless_protocols::model::{TransformerConfig, TransformerDraft};
use viewless_protocols::nonlinear::Registry;
use viewless_protocols::party::Party;
use viewless_protocols::shape::Shape;
use viewless_protocols::suite::Suite;
use viewless_simulator::execute::{Inputs, Options, Reals, execute};
use viewless_simulator::stream::Seed;
use viewless_workbench::subject::Subject;
use viewless_workbench::sizes::Sizes;
struct Small;
impl Inputs for Small {
    fn input(&self, _: Party, _: &str, shape: &Shape) -> Option<Reals<'_>> {
        let number = |i: usize| (i % 97) as f32 / 512.0 - 0.09375;
        Some(Reals::F32(Cow::Owned((0..shape.elements()).map(number).collect())))
    }
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let suite = Registry::built_in();
    let layers: usize = a[2].parse().unwrap();
    let seq: usize = a[3].parse().unwrap();
    let reps: usize = a.get(4).map_or(1, |r| r.parse().unwrap());
    let config = TransformerConfig::bert_base();
    let draft = TransformerDraft { layers, ..config.draft() };
    let layer = draft.check().unwrap();
    let layer = Subject::of_model("bert-base", layer, suite);
    let suite: Suite = Suite::built_in(&a[1]).unwrap();
    let program = layer.program(&suite, Sizes::new(seq, 1).unwrap()).unwrap();
    println!("{} values", program.values.len());
    let work = viewless_simulator::work::Work::of(&program);
    for kind in viewless_simulator::work::Kind::ALL { print!("{kind:?} {} ops {:.1} M  ", work.operations(kind), work.units(kind) as f64 / 1e6); }
    println!();
    for _ in 0..reps {
        let before = cpu();
        let o = Options { digest: !a[5..].contains(&"nodigest".to_owned()), least_lane: if a[5..].contains(&"alone".to_owned()) { usize::MAX } else { 512 }, ..Options::new(Seed::from_u64(0)) };
        let e = execute(&program, &Small, o).unwrap();
        println!("{:.3} s, {:.2} cpu s, peak values {} MB, digest {}", e.seconds, cpu() - before, e.peak_value_bytes >> 20, e.transcript_digest.map_or(String::new(), |d| d.to_hex()[..12].to_owned()));
        for kind in viewless_simulator::work::Kind::ALL { print!("{kind:?} {:.3}  ", e.measured.seconds(kind)); }
        println!();
    }
}

fn stats(program: &viewless_protocols::program::Program) {
    use viewless_protocols::program::*;
    use viewless_protocols::shape::Move;
    let n = program.values.len();
    let mut group = vec![usize::MAX; n];
    let mut groups: Vec<(usize, Vec<usize>)> = vec![];
    let mut current: Option<usize> = None;
    for (id, value) in program.iter() {
        let e = value.shape.elements();
        let splat = matches!(value.op, Op::Constant(Constant::Splat(_)));
        let elementwise = match &value.op {
            Op::Sample { .. } | Op::Send(..) | Op::Reveal { .. } => true,
            Op::Constant(_) | Op::Input { .. } => false,
            Op::Local(l, args) => {
                let ew = matches!(l, Local::Add | Local::Sub | Local::Neg | Local::Mul | Local::And | Local::Xor | Local::Not | Local::ShiftLeft(_) | Local::ShiftRight(_) | Local::ShiftRightArithmetic(_) | Local::BitReversal | Local::Convert(_) | Local::Move(Move::Reshape(_)));
                ew && args.iter().all(|a| { let v = program.value(*a); v.shape.elements() == e || current.is_none_or(|c| group[a.index()] != c) })
            }
        };
        if splat { continue; }
        if elementwise {
            match current {
                Some(c) if groups[c].0 == e => { groups[c].1.push(id.index()); group[id.index()] = c; }
                _ => { current = Some(groups.len()); group[id.index()] = groups.len(); groups.push((e, vec![id.index()])); }
            }
        } else { current = None; }
    }
    let mut last = (0..n).collect::<Vec<_>>();
    let mut escapes = vec![false; n];
    for (id, value) in program.iter() { for a in value.op.arguments() { last[a.index()] = id.index(); if group[a.index()] != group[id.index()] || group[id.index()] == usize::MAX { escapes[a.index()] = true; } } }
    for c in &program.claims { for s in &c.shares { escapes[s.index()] = true; } }
    let mut ops = 0; let mut esc = 0; let mut sends = 0; let mut big = 0;
    for (e, members) in &groups {
        if *e < 4096 { continue; }
        big += 1;
        for &m in members {
            let v = &program.values[m];
            ops += e;
            if matches!(v.op, Op::Send(..)) { sends += e; } else if escapes[m] { esc += e; }
        }
    }
    println!("{} groups, {} big, values in big groups {:.1} M elements, escaping {:.1} M, sends {:.1} M", groups.len(), big, ops as f64 / 1e6, esc as f64 / 1e6, sends as f64 / 1e6);
    let mut by: std::collections::BTreeMap<String, (usize, usize, usize)> = Default::default();
    for (e, members) in &groups { if *e >= 4096 { let r = program.regions.path(program.values[members[0]].region); let x = by.entry(format!("{e} {}", r.chars().take(70).collect::<String>())).or_default(); x.0 += 1; x.1 += members.len(); x.2 = x.2.max(members.len()); } }
    for (k, v) in by { println!("  {k}: {} groups, {} values, largest {}", v.0, v.1, v.2); }
    for (id, value) in program.iter() { if value.shape.elements() >= 4096 && group[id.index()] == usize::MAX { let name = format!("{:?}", value.op); println!("    alone {} {:?} {} {}", name.chars().take(60).collect::<String>(), value.shape, value.holders, program.regions.path(value.region)); } }
}
