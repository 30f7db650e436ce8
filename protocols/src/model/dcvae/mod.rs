//! DC-VAE (arXiv 2011.10063), an autoencoder of images, as its authors' code has it: an encoder and a decoder of convolutions, ReLU and
//! up-sampling, with a tanh at the end.
//!
//! Inputs of the model carry the names of the tensors in PyTorch's state dict behind `enc.` and `dec.`, with the two things that are done when
//! a file is read: spectral norms are divided out, and the one batch normalisation is folded into the convolution before it.
//!
//! Regions: `encoder.block1/{c1, c2, c_sc, relu}`, ..., `encoder.l5`, `decoder.l1`, `decoder.cell1/{c1, c2, c_sc, skip0, relu}`, ...,
//! `decoder.to_rgb`.

mod config;
mod layers;
mod tally;

pub use config::{DcVaeConfig, DcVaeConfigError, MOST_WIDTH, Tensor};
pub use tally::{LayerTally, Tally, tally};

use super::convolution::{Upsampling, clamp};
use crate::circuit::{CheckedCircuit, Circuit, CircuitError, Owner, Secret};
use crate::nonlinear::Protocol;
use crate::shape::Shape;
use layers::Builder;

/// Name of the client's image: `[images, channels, rows, columns]`, from -1 to 1.
pub const IMAGE: &str = "image";
/// Name of the client's latent vector: `[images, latent]`.
pub const LATENT: &str = "latent";
/// Names of the two parts of the noise of a reparameterisation, of the client and of the model's owner: each `[images, latent]`, normal with
/// variance one half, so that their sum, which neither knows, is standard normal.
pub const NOISE: [&str; 2] = ["noise.client", "noise.model"];
/// Name of the output.
pub const OUTPUT: &str = "output";

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Of [`IMAGE`]: the means and log-variances, `[images, 2 latent]`.
    Encode,
    /// Of [`LATENT`]: an image.
    Decode,
    /// Of [`IMAGE`]: the image decoded from the means.
    Reconstruct,
    /// Of [`IMAGE`] and [`NOISE`]: the image decoded from mu + exp(logvar / 2) noise, each number of it clamped to [-1, 1].
    Resample,
    /// Of [`NOISE`] alone: the image decoded from it, each number of it clamped to [-1, 1], as the authors draw from the prior.
    Sample,
}

/// How layers are computed.
#[derive(Debug, Clone, Copy)]
pub struct Choices<'a> {
    /// The protocol for max(x, 0).
    pub relu: &'a Protocol,
    /// The protocol for tanh; where there is none, what stands before it is revealed, and the client, who could undo it anyway, applies it.
    pub tanh: Option<&'a Protocol>,
    /// The protocol for e^x, which resampling needs.
    pub exp: Option<&'a Protocol>,
    /// Whether layers are computed in the cheaper of two orders that give the same numbers.
    pub rewrite: bool,
}

/// The circuit of a task on so many images.
///
/// # Errors
/// Too many images for a tensor; resampling without a protocol for e^x is one of an exponential that is not there.
pub fn circuit(
    config: &DcVaeConfig,
    task: Task,
    images: usize,
    choices: &Choices<'_>,
) -> Result<CheckedCircuit, CircuitError> {
    let mut c = Circuit::new();
    let builder = Builder { config, choices };
    let latent = match task {
        Task::Decode => c.input(Owner::Client, LATENT, [images, config.latent()]),
        Task::Sample => noise(&mut c, [images, config.latent()].into()),
        Task::Encode | Task::Reconstruct | Task::Resample => {
            let side = config.side();
            let x = c.input(Owner::Client, IMAGE, [images, config.channels(), side, side]);
            let x = c.transpose(x, &[0, 2, 3, 1]);
            builder.encoder(&mut c, x)
        }
    };
    let result = match task {
        Task::Encode => latent,
        Task::Decode => builder.decoder(&mut c, latent),
        Task::Sample => {
            let z = c.region("sampling", |c| clamp(c, latent, -1.0, 1.0));
            builder.decoder(&mut c, z)
        }
        Task::Reconstruct => {
            let mean = c.slice(latent, 1, 0, config.latent());
            builder.decoder(&mut c, mean)
        }
        Task::Resample => {
            let z = c.region("reparameterisation", |c| reparameterised(c, latent, config.latent(), choices.exp));
            builder.decoder(&mut c, z)
        }
    };
    c.reveal(result, OUTPUT);
    c.finish()
}

/// Standard normal numbers that neither the client nor the model's owner knows.
fn noise(c: &mut Circuit, shape: Shape) -> Secret {
    let [client, model] =
        [(Owner::Client, NOISE[0]), (Owner::Model, NOISE[1])].map(|(owner, name)| c.input(owner, name, shape.clone()));
    c.add(client, model)
}

/// mu + exp(logvar / 2) noise, clamped.
fn reparameterised(c: &mut Circuit, both: Secret, latent: usize, exp: Option<&Protocol>) -> Secret {
    let mean = c.slice(both, 1, 0, latent);
    let log_variance = c.slice(both, 1, latent, latent);
    let shape = c.shape(mean).clone();
    let noise = noise(c, shape);
    let half = c.shift(log_variance, -1);
    let half = c.precision(half, 0);
    let deviation = exp.map_or(half, |exp| exp.build(c, half));
    let scaled = c.mul(deviation, noise);
    let z = c.add(mean, scaled);
    clamp(c, z, -1.0, 1.0)
}

/// How each cell of the decoder makes its image larger.
const CELLS: [Upsampling; 3] = [Upsampling::Nearest, Upsampling::Bilinear, Upsampling::Nearest];
