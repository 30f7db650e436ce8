//! What is wrong with a suite, and what to change.

use super::{FRACTION_BITS, MOST_SITES, PROTOCOL_FILE};
use crate::file::FileError;
use crate::fixed::RANGES;
use crate::nonlinear::{Function, MissingProtocol, RegistryError};
use crate::scheme::ChoiceError;
use thiserror::Error;

/// A suite that cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SuiteError {
    /// A name or a summary that would look like something else on a screen.
    #[error(
        "`{text}` holds control characters, or marks that reorder text; write it in one line, of what shows as itself"
    )]
    NotPlain {
        /// The text, with escapes.
        text: String,
    },
    /// A suite of one's own that is called like one that comes with viewless.
    #[error("`{name}` is the name of a suite that comes with viewless, and this is another; give it a name of its own")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No built-in suite of that name.
    #[error("there is no suite `{name}`; built in are {}; a file name ends in .toml", known.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Not the TOML of a suite.
    #[error("suite {origin}: {message}")]
    Parse {
        /// File, or name.
        origin: String,
        /// What and where.
        message: String,
    },
    /// A protocol that is not in the registry.
    #[error(
        "suite `{suite}` names `{name}` for {function}, and there is no such protocol; {}",
        offered(function, known)
    )]
    UnknownProtocol {
        /// The suite.
        suite: String,
        /// The name.
        name: String,
        /// What it should compute.
        function: Function,
        /// Protocols of that function.
        known: Vec<String>,
    },
    /// A protocol for another function.
    #[error("suite `{suite}` names `{name}` for {function}, but it computes {computes}; {}", offered(function, known))]
    WrongFunction {
        /// The suite.
        suite: String,
        /// The name.
        name: String,
        /// What it should compute.
        function: Function,
        /// What it computes.
        computes: Function,
        /// Protocols of the right function.
        known: Vec<String>,
    },
    /// A protocol file that says something wrong: where, and what to write.
    #[error("suite `{suite}`: {error}")]
    File {
        /// The suite.
        suite: String,
        /// The place, and what to write.
        error: FileError,
    },
    /// A protocol file whose text the suite does not have.
    #[error(
        "suite `{suite}` names the file `{name}` for {function} and does not hold its text; read the suite from its file, or write the text in \
         its [protocol-files]"
    )]
    NoText {
        /// The suite.
        suite: String,
        /// The file.
        name: String,
        /// What it should compute.
        function: Function,
    },
    /// A site whose last part is no function that the suite names a protocol for.
    #[error(
        "suite `{suite}` has the site `{site}`; a site ends in a function that its [protocols] name, as `layer.0/gelu` does"
    )]
    Site {
        /// The suite.
        suite: String,
        /// The site.
        site: String,
    },
    /// More sites than any model has.
    #[error("suite `{suite}` names protocols for {sites} sites; a suite has at most {MOST_SITES}")]
    Sites {
        /// The suite.
        suite: String,
        /// How many it names.
        sites: usize,
    },
    /// A protocol at a site that computes something else than that of its function.
    #[error(
        "suite `{suite}` names `{at_site}` for the site `{site}`, which does not compute what its `{usual}` does; name one that does"
    )]
    OtherAtSite {
        /// The suite.
        suite: String,
        /// The site.
        site: String,
        /// What is named for it.
        at_site: String,
        /// What is named for the function.
        usual: String,
    },
    /// A member of a family that is not there.
    #[error("suite `{suite}`: {error}")]
    Member {
        /// The suite.
        suite: String,
        /// The family, and what to write.
        error: RegistryError,
    },
    /// The text of a file that no function names.
    #[error(
        "suite `{suite}` has `{name}` in its [protocol-files] and names it for no function; write `FUNCTION = \"{name}\"` in its [protocols]"
    )]
    UnusedText {
        /// The suite.
        suite: String,
        /// The file.
        name: String,
    },
    /// Sites for a model that has none.
    #[error(
        "suite `{suite}` names a protocol for the site `{site}`, which no autoencoder has: it was fitted to another model"
    )]
    SiteOfAutoencoder {
        /// The suite.
        suite: String,
        /// The site.
        site: String,
    },
    /// A function without a protocol.
    #[error(transparent)]
    Missing(#[from] MissingProtocol),
    /// Choices of the scheme that do not go together.
    #[error("suite `{suite}`: {error}")]
    Scheme {
        /// The suite.
        suite: String,
        /// What to choose.
        error: ChoiceError,
    },
    /// Words of a width that is not built.
    #[error(
        "suite `{suite}`: words of {ring_bits} bits are not built, because shares, kernels and truncations are those of Z_2^64; leave the ring \
         at 64 bits, and choose more fraction bits where an error is too large"
    )]
    Ring {
        /// The suite.
        suite: String,
        /// Bits asked for.
        ring_bits: u8,
    },
    /// A range that no suite has, or that means nothing.
    #[error(
        "suite `{suite}`: a range of {range_bits} bits; use {} to {}, with truncation = \"narrowing\" only: other rings hold any number",
        RANGES.start(),
        RANGES.end()
    )]
    Range {
        /// The suite.
        suite: String,
        /// Binary logarithm of the bound.
        range_bits: u8,
    },
    /// A fixed point without room for products.
    #[error(
        "suite `{suite}`: {fraction_bits} fraction bits; a product needs twice as many and room above, use {} to {}",
        FRACTION_BITS.start(),
        FRACTION_BITS.end()
    )]
    FractionBits {
        /// The suite.
        suite: String,
        /// Fraction bits.
        fraction_bits: u8,
    },
}

/// What may be named for a function, in words.
fn offered(function: &Function, known: &[String]) -> String {
    if known.is_empty() {
        return format!("no protocol computes {function}, so leave it out, or name a {PROTOCOL_FILE} file that does");
    }
    format!("choose one of {}", known.join(", "))
}
