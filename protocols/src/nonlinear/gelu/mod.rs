//! x/2 (1 + erf(x / sqrt 2)), in folders by the text that each protocol follows: the reading on its card.

/// Designed for viewless.
pub mod ours {
    pub mod cosine;
    pub mod cosine_bounded;
    pub mod series;
}

/// As the papers print them.
pub mod as_printed {
    pub mod bolt;
    pub mod bumblebee;
    pub mod puma;
    pub mod quad;
    pub mod secformer_printed;
    pub mod shaft;
    pub mod sigma;
}

/// As their authors' code runs them.
pub mod as_coded {
    pub mod bumblebee_code;
    pub mod crypten_erf;
    pub mod nimbus_example;
    pub mod secformer_code;
    pub mod shaft_poly;
}

/// As their authors' benchmarks run them, where that is neither of the two.
pub mod as_benchmarked {
    pub mod crypten_tanh;
    pub mod puma_in_secformer_code;
    pub mod quad_benchmarked;
}

/// As the papers mean them, misprints mended.
pub mod corrected {
    pub mod crypten_erf_corrected;
    pub mod secformer;
    pub mod secformer_printed_beta;
}

pub use as_benchmarked::{crypten_tanh, puma_in_secformer_code, quad_benchmarked};
pub use as_coded::{bumblebee_code, crypten_erf, nimbus_example, secformer_code, shaft_poly};
pub use as_printed::{bolt, bumblebee, puma, quad, secformer_printed, shaft, sigma};
pub use corrected::{crypten_erf_corrected, secformer, secformer_printed_beta};
pub use ours::{cosine, cosine_bounded, series};
