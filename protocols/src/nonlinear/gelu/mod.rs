//! x/2 (1 + erf(x / sqrt 2)).

pub mod bolt;
pub mod bumblebee;
pub mod bumblebee_code;
pub mod cosine;
pub mod cosine_bounded;
pub mod crypten_erf;
pub mod crypten_erf_corrected;
pub mod crypten_tanh;
pub mod nimbus_example;
pub mod puma;
pub mod puma_in_secformer_code;
pub mod quad;
pub mod quad_benchmarked;
pub mod secformer;
pub mod secformer_code;
pub mod secformer_printed;
pub mod secformer_printed_beta;
pub mod shaft;
pub mod shaft_poly;
pub mod sigma;
