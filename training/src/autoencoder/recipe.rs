//! A recipe of an autoencoder: everything that decides a run, as TOML.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use viewless_protocols::model::dcvae::DcVaeConfig;

use crate::error::TrainError;
use crate::recipe::{number, shown, text_of, toml_table, whole};

/// The images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DataRecipe {
    /// A folder of PNG files, or one; from where the command runs.
    pub train: PathBuf,
    /// The same of images that the result is judged by; the last tenth of the others where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<PathBuf>,
    /// Where files are sheets, each row of which is an image: the side of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet_side: Option<usize>,
    /// Learn from so many images only, the first ones.
    #[serde(default = "most_images")]
    pub images: usize,
    /// Judge by so many only.
    #[serde(default = "most_held_out")]
    pub held_out_images: usize,
}

/// The steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StepRecipe {
    /// Steps of the run.
    pub steps: usize,
    /// Images of a step.
    pub batch: usize,
    /// The learning rate of all optimisers, in the first half of the steps; it falls to a tenth until the end.
    pub learning_rate: f64,
    /// Weight of the mean square of pixels.
    pub pixels: f64,
    /// Weight of the divergence of the code from the prior, a sum over a batch.
    pub divergence: f64,
    /// Weight of the discriminator's opinion of reconstructions and samples; 0 leaves the discriminator out.
    pub adversarial: f64,
    /// The step from which there is a discriminator.
    pub adversarial_from: usize,
    /// Steps of the discriminator for each step of encoder and decoder.
    pub discriminator_steps: usize,
    /// Steps between two judgements by held-out images.
    pub judge_steps: usize,
}

impl Default for StepRecipe {
    fn default() -> Self {
        Self {
            steps: 2000,
            batch: 32,
            learning_rate: 1e-3,
            pixels: 1.0,
            divergence: 1e-6,
            adversarial: 0.0,
            adversarial_from: 0,
            discriminator_steps: 1,
            judge_steps: 200,
        }
    }
}

/// A checked recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AutoencoderRecipe {
    /// Decides what is drawn, and the order of the images.
    #[serde(default = "seed")]
    pub seed: u64,
    /// Steps between checkpoints.
    #[serde(default = "checkpoint_steps")]
    pub checkpoint_steps: usize,
    /// The images.
    pub data: DataRecipe,
    /// The sizes.
    pub model: Sizes,
    /// The steps.
    #[serde(default)]
    pub training: StepRecipe,
}

/// The sizes of the model, as its `config.json` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sizes {
    /// Channels of an image: 1 or 3.
    pub channels: usize,
    /// Channels of the encoder's layers, and of the discriminator's.
    pub encoder_width: usize,
    /// Channels of the decoder's layers.
    pub decoder_width: usize,
    /// Latent numbers.
    pub latent: usize,
    /// An eighth of the side of an image.
    pub bottom: usize,
}

/// The published code's.
fn seed() -> u64 {
    123
}

fn checkpoint_steps() -> usize {
    100
}

fn most_images() -> usize {
    1 << 17
}

fn most_held_out() -> usize {
    256
}

impl AutoencoderRecipe {
    /// Reads a file; `data` and `seed` go before what it says. Where `data` has folders `train` and `test`, those are meant;
    /// without `test`, a tenth of the images is held out.
    ///
    /// # Errors
    /// A file that cannot be read, that is no recipe, or whose numbers cannot be meant.
    pub fn read(path: &Path, data: Option<&Path>, seed: Option<u64>) -> Result<Self, TrainError> {
        let text = text_of(path)?;
        let recipe = toml::from_str(&text);
        let mut recipe: Self =
            recipe.map_err(|error| TrainError::Recipe { path: path.to_owned(), reason: shown(&error, &text) })?;
        recipe.seed = seed.unwrap_or(recipe.seed);
        if let Some(data) = data {
            let of = |split: &str| Some(data.join(split)).filter(|folder| folder.is_dir());
            recipe.data.train = of("train").unwrap_or_else(|| data.to_owned());
            // The held-out images of other data would say nothing of these.
            recipe.data.held_out = of("test");
        }
        recipe.check()
    }

    /// Refuses numbers that cannot be meant.
    ///
    /// # Errors
    /// [`TrainError::Field`] names the first.
    pub fn check(self) -> Result<Self, TrainError> {
        const MANY: &str = "1 to 1048576";
        let (Sizes { channels, .. }, training) = (&self.model, &self.training);
        if i64::try_from(self.seed).is_err() {
            let expected = "at most 9223372036854775807";
            return Err(TrainError::Field { field: "seed", value: self.seed.to_string(), expected });
        }
        whole("checkpoint-steps", self.checkpoint_steps, 1..=1 << 20, MANY)?;
        whole("data.images", self.data.images, 2..=1 << 20, "2 to 1048576")?;
        whole("data.held-out-images", self.data.held_out_images, 1..=1 << 20, MANY)?;
        whole("data.sheet-side", self.data.sheet_side.unwrap_or(1), 1..=1 << 12, "1 to 4096")?;
        whole("model.channels", if *channels == 1 { 3 } else { *channels }, 3..=3, "1 or 3")?;
        whole("training.steps", training.steps, 1..=1 << 20, MANY)?;
        whole("training.batch", training.batch, 2..=1 << 12, "2 to 4096")?;
        whole("training.discriminator-steps", training.discriminator_steps, 1..=1 << 10, "1 to 1024")?;
        whole("training.judge-steps", training.judge_steps, 1..=1 << 20, MANY)?;
        number("training.learning-rate", training.learning_rate, f64::MIN_POSITIVE..=1.0, "above 0 and at most 1")?;
        for (name, weight) in [
            ("training.pixels", training.pixels),
            ("training.divergence", training.divergence),
            ("training.adversarial", training.adversarial),
        ] {
            number(name, weight, 0.0..=1e6, "a weight from 0 to 1000000")?;
        }
        let is_judged = training.adversarial > 0.0 && training.adversarial_from < training.steps;
        if training.pixels == 0.0 && !is_judged {
            return Err(TrainError::Field {
                field: "training.pixels",
                value: "0".to_owned(),
                expected: "a weight above 0, or an `adversarial` above 0 with `adversarial-from` below `steps`: without both, what is lost does not \
                           depend on the decoder, whose variables receive no gradient",
            });
        }
        self.config().map(|_| self)
    }

    /// The sizes, checked.
    ///
    /// # Errors
    /// [`TrainError::Sizes`].
    pub fn config(&self) -> Result<DcVaeConfig, TrainError> {
        let Sizes { channels, encoder_width, decoder_width, latent, bottom } = self.model;
        DcVaeConfig::new(channels, encoder_width, decoder_width, latent, bottom).map_err(TrainError::Sizes)
    }

    /// As TOML, with every number that the run has.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let value = serde_json::to_value(self).expect("a recipe has texts for keys");
        let mut text = String::from("# Everything that decided this run; `viewless` reads it again.\n");
        toml_table(&mut text, "", &value);
        text
    }
}
