//! How long work takes.

use crate::machine::processor_seconds;
use std::time::Instant;

/// Seconds, and processor seconds where the system tells them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spent {
    pub(super) seconds: f64,
    pub(super) processor_seconds: Option<f64>,
}

/// Does work and says what it took.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let (processor, started) = (processor_seconds(), Instant::now());
    let done = work();
    let seconds = started.elapsed().as_secs_f64();
    let processor_seconds = processor_seconds().zip(processor).map(|(after, before)| after - before);
    (done, Spent { seconds, processor_seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_work_is_told() {
        let (sum, spent) = timed(|| (0..1_000_000u64).fold(0u64, |sum, i| std::hint::black_box(sum ^ i)));
        assert!(spent.seconds > 0.0 && sum < 1 << 20);
        assert!(spent.processor_seconds.is_none_or(|seconds| seconds >= 0.0));
    }
}
