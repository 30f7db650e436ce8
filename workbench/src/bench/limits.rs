//! What a machine allows, measured.

use rayon::prelude::*;
use serde::Serialize;
use viewless_simulator::kernels::{CodePath, limits};
use viewless_simulator::work::{Kind, Work};

/// Rates that no work exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Limits {
    /// Multiplications with addition modulo 2^64 in a second, in registers, by one thread.
    pub multiplications_per_second: f64,
    /// The same by all threads.
    pub multiplications_per_second_of_all: f64,
    /// Bytes of randomness in a second, into a level-one cache, by one thread.
    pub stream_bytes_per_second: f64,
    /// Bytes read from memory and written to it in a second, by all threads.
    pub memory_bytes_per_second: f64,
}

impl Limits {
    /// Measures them.
    #[must_use]
    pub fn measure() -> Self {
        let path = CodePath::detect();
        let threads = rayon::current_num_threads();
        let of_all = (0..threads).into_par_iter().with_max_len(1).map(|_| limits::multiplications_per_second(path));
        let of_all: f64 = of_all.sum();
        let alone = limits::multiplications_per_second(path);
        Self {
            multiplications_per_second: alone,
            multiplications_per_second_of_all: if threads == 1 { alone } else { of_all },
            stream_bytes_per_second: limits::stream_bytes_per_second(),
            memory_bytes_per_second: limits::memory_bytes_per_second(path),
        }
    }

    /// Processor seconds that work takes at least: the multiplications of its products, the words that it draws, and its inputs, which are
    /// written and read once as words. What it adds, compares and packs is not in it.
    #[must_use]
    pub fn processor_seconds(&self, work: &Work) -> f64 {
        let units = |kind| work.units(kind) as f64;
        units(Kind::Product) / self.multiplications_per_second
            + 8.0 * units(Kind::Sample) / self.stream_bytes_per_second
            + 2.0 * 8.0 * units(Kind::Encode) / self.memory_bytes_per_second
    }
}
