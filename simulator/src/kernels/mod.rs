//! Arithmetic on plain slices of ring elements: what an execution spends its time in.
//!
//! Every kernel works modulo 2^64 and reduces to the ring Z_2^k at the end by a mask, which is exact because 2^k divides 2^64.
//! Every kernel gives the same bits on every code path and for any number of threads: addition modulo 2^64 is associative, so
//! no order of summation can show.
//!
//! Shapes and lengths are asserted, not reported: a checked Program has consistent shapes, so a mismatch is our bug.
//!
//! `unsafe` occurs in this module only: here, to enter a function compiled for more instructions than the target's minimum, and
//! in [`matmul`] and [`limits`], for vector instructions and for threads that write disjoint parts of one matrix.

pub mod bits;
pub mod blocks;
pub mod elementwise;
pub mod encode;
mod layout;
pub mod limits;
pub mod matmul;

pub mod moves;
pub mod waves;

pub use layout::broadcast_shape;

/// A set of processor instructions that a kernel is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodePath {
    /// Only what the compilation target guarantees.
    Scalar,
    /// x86-64 with 256-bit vectors.
    Avx2,
    /// x86-64 with 512-bit vectors and 64-bit vector multiplication (AVX-512 F and DQ).
    Avx512,
}

impl CodePath {
    /// Every code path, slowest first.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The fastest path that this processor can run.
    pub fn detect() -> Self {
        *Self::ALL.iter().rev().find(|path| path.is_available()).expect("the scalar path is always available")
    }

    /// Every path that this processor can run, slowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|path| path.is_available()).collect()
    }

    /// Whether this processor can run the path. The standard library asks the processor once and remembers.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        match self {
            Self::Scalar => true,
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            Self::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq"),
        }
        #[cfg(not(target_arch = "x86_64"))]
        matches!(self, Self::Scalar)
    }

    /// What the path is called in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// # Panics
    /// If this processor cannot run the path.
    fn assert_available(self) {
        assert!(self.is_available(), "this processor cannot run the {} code path", self.name());
    }

    /// Does `work`, compiled for this path.
    ///
    /// # Panics
    /// If this processor cannot run the path.
    #[inline]
    fn run<W: Work>(self, work: W) -> W::Output {
        self.assert_available();
        match self {
            Self::Scalar => work.work(),
            // SAFETY: the processor has AVX2, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { run_avx2(work) },
            // SAFETY: the processor has AVX-512 F and DQ, as asserted above.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { run_avx512(work) },
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => unreachable!("not available, as asserted above"),
        }
    }
}

/// Safe loops to be compiled once for each code path and vectorised with its instructions.
///
/// A trait and not a closure, because only a method can be marked `#[inline(always)]`; what is not inlined into the function
/// that enables the instructions is compiled without them.
trait Work {
    type Output;

    /// Implementations, and the loops that they call, are `#[inline(always)]`.
    fn work(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<W: Work>(work: W) -> W::Output {
    work.work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
fn run_avx512<W: Work>(work: W) -> W::Output {
    work.work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_detected_path_is_the_last_available_one() {
        let available = CodePath::available();
        assert_eq!(available[0], CodePath::Scalar);
        assert_eq!(available.last(), Some(&CodePath::detect()));
    }
}
