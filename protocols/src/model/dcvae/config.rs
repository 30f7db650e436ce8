//! Sizes of a DC-VAE, its tensors, and the closed forms of what it costs.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most channels of a layer, latent numbers, and elements of a side of the smallest image.
pub const MOST_WIDTH: usize = 1 << 12;

/// Sizes, checked: every tensor of the model has fewer than 2^40 elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct DcVaeConfig(Written);

/// Sizes as a file has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Written {
    channels: usize,
    encoder_width: usize,
    decoder_width: usize,
    latent: usize,
    bottom: usize,
}

/// A size that no model has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field} is {found}; it must be a number from 1 to {most}")]
pub struct DcVaeConfigError {
    /// Which size.
    pub field: &'static str,
    /// What it is said to be.
    pub found: usize,
    /// The largest it may be.
    pub most: usize,
}

/// A tensor of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name in the circuit, and in a file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
}

impl TryFrom<Written> for DcVaeConfig {
    type Error = DcVaeConfigError;

    fn try_from(written: Written) -> Result<Self, DcVaeConfigError> {
        let Written { channels, encoder_width, decoder_width, latent, bottom } = written;
        let sizes = [
            ("channels", channels, 16),
            ("encoder_width", encoder_width, MOST_WIDTH),
            ("decoder_width", decoder_width, MOST_WIDTH),
            ("latent", latent, MOST_WIDTH),
            ("bottom", bottom, 64),
        ];
        match sizes.into_iter().find(|&(_, found, most)| !(1..=most).contains(&found)) {
            Some((field, found, most)) => Err(DcVaeConfigError { field, found, most }),
            None => Ok(Self(written)),
        }
    }
}

impl From<DcVaeConfig> for Written {
    fn from(config: DcVaeConfig) -> Self {
        config.0
    }
}

impl DcVaeConfig {
    /// Sizes by channels of an image, width of the encoder and of the decoder, latent numbers, and side of the smallest image.
    ///
    /// # Errors
    /// [`DcVaeConfigError`].
    pub fn new(
        channels: usize,
        encoder_width: usize,
        decoder_width: usize,
        latent: usize,
        bottom: usize,
    ) -> Result<Self, DcVaeConfigError> {
        Written { channels, encoder_width, decoder_width, latent, bottom }.try_into()
    }

    /// The models by name: as published for images of 32 by 32, and two small ones.
    pub const KNOWN: [(&'static str, Self); 3] = [
        ("dc-vae-8", Self(Written { channels: 1, encoder_width: 8, decoder_width: 8, latent: 4, bottom: 1 })),
        ("dc-vae-16", Self(Written { channels: 1, encoder_width: 16, decoder_width: 16, latent: 16, bottom: 2 })),
        ("dc-vae-32", Self(Written { channels: 3, encoder_width: 128, decoder_width: 256, latent: 128, bottom: 4 })),
    ];

    /// The model of that name.
    #[must_use]
    pub fn known(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().find(|(known, _)| *known == name).map(|(_, config)| config)
    }

    /// Channels of an image.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.0.channels
    }

    /// Channels of the encoder's layers.
    #[must_use]
    pub fn encoder_width(&self) -> usize {
        self.0.encoder_width
    }

    /// Channels of the decoder's layers.
    #[must_use]
    pub fn decoder_width(&self) -> usize {
        self.0.decoder_width
    }

    /// Latent numbers.
    #[must_use]
    pub fn latent(&self) -> usize {
        self.0.latent
    }

    /// Side of the decoder's smallest image.
    #[must_use]
    pub fn bottom(&self) -> usize {
        self.0.bottom
    }

    /// Side of an image: eight times the smallest.
    #[must_use]
    pub fn side(&self) -> usize {
        8 * self.0.bottom
    }

    /// The tensors that the encoder's circuit takes, in the order in which it does.
    #[must_use]
    pub fn encoder_tensors(&self) -> Vec<Tensor> {
        let (c, f) = (self.channels(), self.encoder_width());
        let mut list = List(Vec::new());
        for (block, inputs, has_shortcut) in [(1, c, true), (2, f, true), (3, f, false), (4, f, false)] {
            list.layer(&format!("enc.block{block}.c1"), &[f, inputs, 3, 3]);
            list.layer(&format!("enc.block{block}.c2"), &[f, f, 3, 3]);
            if has_shortcut {
                list.layer(&format!("enc.block{block}.c_sc"), &[f, inputs, 1, 1]);
            }
        }
        list.add("enc.l5.weight", &[2 * self.latent(), f]);
        list.0
    }

    /// The tensors that the decoder's circuit takes, in the order in which it does: after the fold, without those of the normalisation.
    #[must_use]
    pub fn decoder_tensors(&self) -> Vec<Tensor> {
        let (g, b) = (self.decoder_width(), self.bottom());
        let mut list = List(Vec::new());
        list.layer("dec.l1", &[b * b * g, self.latent()]);
        for (cell, skips, has_shortcut) in [(1, 0, true), (2, 1, true), (3, 2, false)] {
            list.layer(&format!("dec.cell{cell}.c1"), &[g, g, 3, 3]);
            for skip in 0..skips {
                list.layer(&format!("dec.cell{cell}.skip_in_ops.{skip}"), &[g, g, 1, 1]);
            }
            list.layer(&format!("dec.cell{cell}.c2"), &[g, g, 3, 3]);
            if has_shortcut {
                list.layer(&format!("dec.cell{cell}.c_sc"), &[g, g, 1, 1]);
            }
        }
        list.layer("dec.to_rgb.2", &[self.channels(), g, 3, 3]);
        list.0
    }

    /// Numbers learnt by encoder and decoder: the closed form. The normalisation, which is folded away, is counted.
    #[must_use]
    pub fn parameters(&self) -> [usize; 2] {
        let [c, f, g, z] = [self.channels(), self.encoder_width(), self.decoder_width(), self.latent()];
        let bottom = self.bottom() * self.bottom() * g;
        [
            7 * (9 * f * f + f) + (f * f + f) + (9 * c * f + f) + (c * f + f) + 2 * z * f,
            6 * (9 * g * g + g) + 5 * (g * g + g) + 2 * g + 9 * g * c + c + z * bottom + bottom,
        ]
    }

    /// Products of encoder and decoder for one image, layer after layer as published: the closed form.
    #[must_use]
    pub fn products(&self) -> [usize; 2] {
        let [c, f, g, z] = [self.channels(), self.encoder_width(), self.decoder_width(), self.latent()];
        let (s, b) = (self.side(), self.bottom());
        let square = |side: usize| side * side;
        [
            square(s) * (9 * c * f + 9 * f * f)
                + square(s / 2) * (c * f + 18 * f * f + f * f)
                + 4 * square(s / 4) * 9 * f * f
                + 2 * z * f,
            z * square(b) * g
                + square(2 * b) * 19 * g * g
                + square(4 * b) * 20 * g * g
                + square(8 * b) * (20 * g * g + 9 * c * g),
        ]
    }

    /// Elements that go through a ReLU in encoder and decoder for one image: the closed form.
    #[must_use]
    pub fn relus(&self) -> [usize; 2] {
        let (s, b) = (self.side(), self.bottom());
        [29 * self.encoder_width() * s * s / 16, 169 * b * b * self.decoder_width()]
    }
}

struct List(Vec<Tensor>);

impl List {
    fn add(&mut self, name: &str, shape: &[usize]) {
        self.0.push(Tensor { name: name.to_owned(), shape: shape.to_vec() });
    }

    /// A weight and a bias.
    fn layer(&mut self, name: &str, shape: &[usize]) {
        self.add(&format!("{name}.weight"), shape);
        self.add(&format!("{name}.bias"), &shape[..1]);
    }
}
