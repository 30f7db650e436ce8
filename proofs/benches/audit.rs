//! How long an audit takes: `cargo bench -p viewless-proofs`. SecFormer's GeLU on [-8, 8]: the certified bound over all 2^20 + 1 inputs
//! alone, and with a run of every one of them; the second has to stay below ten seconds on two cores. Criterion prints inputs per second.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use viewless_proofs::audit::{Question, audit};
use viewless_protocols::nonlinear::Registry;

fn gelu(c: &mut Criterion) {
    let gelu = Registry::built_in().get("gelu/secformer").expect("it is built in");
    let whole = Question { domain: Some((-8.0, 8.0)), ..Question::new(gelu) };
    let inputs = audit(&Question { samples: 4, ..whole }).expect("it can be audited").inputs;
    let mut group = c.benchmark_group("audit gelu/secformer on [-8, 8]");
    group.sample_size(10).throughput(Throughput::Elements(inputs));
    for (name, samples) in [("certified", 4), ("certified and every input run", inputs)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let report = audit(&Question { samples, ..whole }).expect("it can be audited");
                // Certified within a fifth of what was seen, where everything was.
                let certified = report.certified_max_error.expect("it is bounded");
                assert!(samples < inputs || report.exhaustive && certified <= 1.2 * report.observed_max_error);
                black_box(certified)
            });
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    gelu(&mut criterion);
    criterion.final_summary();
}
