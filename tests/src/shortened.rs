//! A shortened Program beside the one that it came from: the same numbers, to the last bit.

use viewless_protocols::program::{Program, Shortened};
use viewless_simulator::execute::{Execution, Inputs, Options, execute, execute_fast};
use viewless_simulator::stream::Seed;

/// Runs a Program and what it is shortened to, with and without its claims: outputs, and and findings in their order to the last digit, must be equal. Given back are both
/// runs.
///
/// # Errors
/// What differs, or what a run says.
pub fn agree(program: &Program, inputs: &dyn Inputs, seed: u64) -> Result<(Execution, Execution), String> {
    let options = || Options::unhashed(Seed::from_u64(seed));
    let explicit = execute(program, inputs, options()).map_err(|error| error.to_string())?;
    let fast = |with_claims| {
        execute_fast(&Shortened::new(program, with_claims), inputs, options()).map_err(|error| error.to_string())
    };
    let (with, without) = (fast(true)?, fast(false)?);
    for shortened in [&with, &without] {
        // Bits, so that a zero of the other sign is seen.
        let bits = |run: &Execution| -> Vec<(String, Vec<u64>)> {
            let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect();
            run.outputs
                .iter()
                .map(|output| (format!("{} to {}", output.name, output.to), bits(&output.values)))
                .collect()
        };
        if bits(&explicit) != bits(shortened) {
            return Err("a shortened Program gives other outputs".to_owned());
        }
        if shortened.bytes_moved != 0 {
            return Err("a shortened Program sends something".to_owned());
        }
    }
    let (found, found_fast) = (format!("{:#?}", explicit.findings), format!("{:#?}", with.findings));
    if found != found_fast {
        return Err(format!("a shortened Program finds {found_fast}\nwhere {found} is so"));
    }
    Ok((explicit, with))
}
