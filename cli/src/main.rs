//! The binary `viewless`.

use std::process::ExitCode;

fn main() -> ExitCode {
    viewless::run()
}
