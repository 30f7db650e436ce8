//! What the kernels reach on this machine: `cargo bench -p viewless-simulator`. Criterion prints elements per second, where
//! an element is one multiply-and-add for `matmul` (so Gelem/s is GMAC/s), and bytes per second elsewhere.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use rayon::{ThreadPool, ThreadPoolBuilder};
use viewless_simulator::kernels::CodePath;
use viewless_simulator::kernels::elementwise::{Binary, binary};
use viewless_simulator::kernels::matmul::{Product, matmul};
use viewless_simulator::stream::{Seed, StreamKey};

/// One thread, and all of them.
fn pools() -> Vec<ThreadPool> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = vec![1, cores];
    counts.dedup();
    counts
        .into_iter()
        .map(|threads| ThreadPoolBuilder::new().num_threads(threads).build().expect("a small pool starts"))
        .collect()
}

fn numbers(count: usize, stream: u32) -> Vec<u64> {
    let mut out = vec![0; count];
    StreamKey::derive(&Seed::from_u64(1), stream).fill(0, &mut out);
    out
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

fn matmuls(criterion: &mut Criterion) {
    let shapes = [
        ("128x768x768", Product::new(128, 768, 768)),
        ("128x768x768 transposed", Product::new(128, 768, 768).transposed_right()),
        ("22x384x1536", Product::new(22, 384, 1536)),
        ("22x30522x384", Product::new(22, 30522, 384)),
        ("22x384x30522 transposed", Product::new(22, 384, 30522).transposed_right()),
        ("4x768x3072", Product::new(4, 768, 3072)),
        ("12 x 128x64x128 transposed", Product::new(128, 64, 128).batched(12).transposed_right()),
        ("12 x 128x128x64", Product::new(128, 128, 64).batched(12)),
    ];
    for pool in pools() {
        let threads = pool.current_num_threads();
        for (name, product) in &shapes {
            let a = numbers(product.batch * product.rows * product.inner, 0);
            let b = numbers(product.batch * product.inner * product.columns, 1);
            let mut c = vec![0; product.result_elements()];
            let mut group = group(criterion, &format!("matmul {name}, {threads} threads"));
            group.throughput(Throughput::Elements(product.multiplications() as u64));
            for path in CodePath::available() {
                group.bench_function(path.name(), |bencher| {
                    pool.install(|| bencher.iter(|| matmul(path, product, black_box(&a), black_box(&b), &mut c)));
                });
            }
        }
    }
}

fn streams(criterion: &mut Criterion) {
    let key = StreamKey::derive(&Seed::from_u64(1), 0);
    for pool in pools() {
        let threads = pool.current_num_threads();
        for (name, words) in [("16 KiB", 1 << 11), ("8 MiB", 1 << 20)] {
            let mut out = vec![0; words];
            let mut group = group(criterion, &format!("stream fill {name}, {threads} threads"));
            group.throughput(Throughput::Bytes(8 * words as u64));
            group.bench_function("aes-128-ctr", |bencher| {
                pool.install(|| bencher.iter(|| key.fill_parallel(black_box(0), &mut out)));
            });
        }
    }
}

fn products(criterion: &mut Criterion) {
    for pool in pools() {
        let threads = pool.current_num_threads();
        for (name, rows, columns) in [("128x64", 128, 64), ("128x3072", 128, 3072)] {
            let (a, b) = (numbers(rows * columns, 0), numbers(rows * columns, 1));
            let mut out = vec![0; rows * columns];
            let shape = [rows, columns];
            let mut group = group(criterion, &format!("elementwise mul {name}, {threads} threads"));
            // Two operands are read and one result is written.
            group.throughput(Throughput::Bytes(24 * (rows * columns) as u64));
            group.bench_function("equal shapes", |bencher| {
                pool.install(|| {
                    bencher.iter(|| {
                        binary(
                            CodePath::detect(),
                            Binary::Mul,
                            u64::MAX,
                            black_box(&a),
                            &shape,
                            &b,
                            &shape,
                            &mut out,
                            &shape,
                        )
                    });
                });
            });
            group.throughput(Throughput::Bytes(16 * (rows * columns) as u64));
            group.bench_function("by a row", |bencher| {
                let row = &b[..columns];
                pool.install(|| {
                    bencher.iter(|| {
                        binary(
                            CodePath::detect(),
                            Binary::Mul,
                            u64::MAX,
                            black_box(&a),
                            &shape,
                            row,
                            &[columns],
                            &mut out,
                            &shape,
                        )
                    });
                });
            });
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    matmuls(&mut criterion);
    streams(&mut criterion);
    products(&mut criterion);
    criterion.final_summary();
}
