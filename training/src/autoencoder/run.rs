//! The steps of a run, from its last checkpoint on.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};
use ndarray::{ArrayD, IxDyn};
use rand_chacha::rand_core::RngCore;
use viewless_models::dcvae::{DcVae, Images, Tensors, Wanted, read_images, write};
use viewless_models::{CONFIG_FILE, WEIGHTS_FILE, without_temporary};
use viewless_protocols::model::dcvae::DcVaeConfig;

use super::baseline::baseline;
use super::nets::{self, Named, Net, RUNNING};
use super::{AutoencoderRecipe, AutoencoderReport, adam};
use crate::checkpoint::{self, CHECKPOINT_FILE, Identity, State};
use crate::directory::{RECIPE_FILE, prepare};
use crate::error::TrainError;
use crate::files;
use crate::gradients::{gradients, require_all};
use crate::log::{Line, Log};
use crate::optimiser::{AdamW, norm};
use crate::origin::Part;
use crate::run::{Ending, Observer, Told};
use crate::variables::{Variables, keyed, normals};

/// How much of a running number one batch changes, as PyTorch does.
const MOMENTUM: f64 = 0.1;
/// Images of a pass that is not differentiated.
const JUDGED_TOGETHER: usize = 64;
/// Names of the stages, in the metrics.
const LEARNING: &str = "autoencoder";
const JUDGING: &str = "discriminator";

/// Trains in a folder. Gives nothing if the observer ended the run before its end.
///
/// # Errors
/// Images or a recipe that cannot be used; a variable without a gradient, or a loss that is no number; a folder that cannot be written.
pub fn train(
    recipe: &AutoencoderRecipe,
    out: &Path,
    resume: bool,
    observe: &mut Observer<'_>,
) -> Result<Option<AutoencoderReport>, TrainError> {
    let config = recipe.config()?;
    let (images, held_out) = read(recipe, &config)?;
    let _alone = prepare(out, resume, "train dc-vae", &recipe.to_toml())?;
    let mut all = begin(&config, recipe)?;
    let identity = identity(recipe, &images, &held_out);
    let path = out.join(CHECKPOINT_FILE);
    let loaded = checkpoint::load(&path, &mut all, &identity)?;
    // What changed is refused before anything is written.
    files::write(&out.join(RECIPE_FILE), |file| file.write_all(recipe.to_toml().as_bytes()))?;
    let state = loaded.map_or_else(|| State::new(identity), |(_, state)| state);
    let log = Log::open(out, state.metrics_bytes)?;
    let of = |prefixes: &[&str]| all.only(|name| is_learnt(name) && prefixes.iter().any(|p| name.starts_with(p)));
    let (learning, judging) = (of(&["enc.", "dec."]), of(&["dis."]));
    let mut going = Going { recipe, images: &images, held_out: &held_out, all: &all, learning, judging, state, log };
    let (before, started) = (going.state.step, Instant::now());
    going.refuse_a_broken_graph()?;
    let steps = recipe.training.steps;
    while going.state.step < steps {
        going.step()?;
        let step = going.state.step;
        if step.is_multiple_of(recipe.training.judge_steps) || step == steps {
            let loss = going.judge()?;
            let epoch = step.div_ceil(recipe.training.judge_steps);
            going.log.add(&Line::Epoch { stage: LEARNING.to_owned(), epoch, loss, development: None })?;
        }
        let is_due = step.is_multiple_of(recipe.checkpoint_steps) || step == steps;
        if is_due {
            going.checkpoint(&path)?;
        }
        match observe(Told { stage: LEARNING, loss: going.state.last_loss, done: step, of: steps }) {
            ControlFlow::Continue(()) => continue,
            ControlFlow::Break(Ending::AsKilled) => {}
            // Without it, calls of fewer steps than lie between checkpoints would begin at the same one forever.
            ControlFlow::Break(Ending::Kept) if !is_due => going.checkpoint(&path)?,
            ControlFlow::Break(Ending::Kept) => {}
        }
        return Ok(None);
    }
    let beside = baseline(&images, &held_out, config.latent(), recipe.seed)?;
    let report = AutoencoderReport {
        directory: out.display().to_string(),
        parameters: config.parameters().iter().sum(),
        images: images.len(),
        held_out_images: held_out.len(),
        held_out_mse: going.judge()?,
        mean_image_mse: beside.mean_image,
        components_mse: beside.components,
        last_loss: going.state.last_loss,
        steps,
        steps_before: before,
        seconds: started.elapsed().as_secs_f64(),
    };
    save(out, &config, &all)?;
    fs::remove_file(&path).map_err(|source| TrainError::Write { path, source })?;
    Ok(Some(report))
}

/// Which run it is.
fn identity(recipe: &AutoencoderRecipe, images: &Images, held_out: &Images) -> Identity {
    let digest = |pixels: &mut dyn Iterator<Item = &f32>| {
        let mut digest = blake3::Hasher::new();
        for pixel in pixels {
            digest.update(&pixel.to_le_bytes());
        }
        digest.finalize().to_hex().to_string()
    };
    let (train, judge) = (&recipe.data.train, recipe.data.held_out.as_ref().unwrap_or(&recipe.data.train));
    let of = |what: &str, place: &Path, images: &Images| Part {
        what: what.to_owned(),
        place: place.display().to_string(),
        count: images.len(),
        digest: digest(&mut images.pixels.iter()),
    };
    Identity {
        recipe: checkpoint::recipe_digest("train dc-vae", &recipe.to_toml()),
        rows: digest(&mut images.pixels.iter().chain(&held_out.pixels)),
        weights: "drawn".to_owned(),
        parts: vec![of("images to learn from", train, images), of("held-out images", judge, held_out)],
    }
}

/// Images to learn from, and others to be judged by.
fn read(recipe: &AutoencoderRecipe, config: &DcVaeConfig) -> Result<(Images, Images), TrainError> {
    let data = &recipe.data;
    let (channels, side, sheet_side) = (config.channels(), config.side(), data.sheet_side);
    let wanted = Wanted { path: &data.train, channels, side, sheet_side, most: data.images };
    let mut images = read_images(&wanted)?;
    let held_out = match &data.held_out {
        Some(path) => read_images(&Wanted { path, most: data.held_out_images, ..wanted })?,
        None => {
            let rest = (images.len() / 10).max(1);
            let pixels = images.pixels.split_off((images.len() - rest) * images.elements());
            let mut held_out = Images { shape: images.shape, pixels, resized: None };
            held_out.pixels.truncate(data.held_out_images * images.elements());
            held_out
        }
    };
    if images.len() < recipe.training.batch {
        return Err(TrainError::FewImages {
            images: images.len(),
            batch: recipe.training.batch,
            path: data.train.clone(),
        });
    }
    Ok((images, held_out))
}

fn is_learnt(name: &str) -> bool {
    !RUNNING.contains(&name)
}

/// All that a run remembers, before its first step: weights by Xavier and Glorot, uniform, as the authors have them.
fn begin(config: &DcVaeConfig, recipe: &AutoencoderRecipe) -> Result<Variables, TrainError> {
    let mut all = Variables::new(DType::F32);
    let judged = if recipe.training.adversarial > 0.0 { nets::judging(config) } else { Vec::new() };
    for tensor in nets::learnt(config).into_iter().chain(judged) {
        let (name, shape, count) = (&tensor.name, &tensor.shape, tensor.shape.iter().product::<usize>());
        let values = match (name.ends_with(".bias"), name.starts_with("dec.to_rgb.0.")) {
            (true, _) => vec![0.0; count],
            (false, true) => vec![1.0; count],
            (false, false) => {
                let window: usize = shape[2..].iter().product();
                let reach = (6.0 / ((shape[0] + shape[1]) * window) as f64).sqrt();
                let mut words = keyed(&["weight", name], recipe.seed);
                (0..count).map(|_| ((f64::from(words.next_u32()) / 2f64.powi(31) - 1.0) * reach) as f32).collect()
            }
        };
        all.insert(name, shape, values)?;
        if nets::is_divided(name) {
            let vector = normals(&format!("vector.{name}"), recipe.seed).take(shape[0]).map(|x| x as f32).collect();
            all.insert(&format!("vector.{name}"), &[shape[0], 1], vector)?;
        }
    }
    let learnt = all.only(|name| !name.starts_with("vector."));
    adam::remember(&mut all, &learnt)?;
    for (name, value) in RUNNING.into_iter().zip([0.0, 1.0]) {
        all.insert(name, &[config.decoder_width()], vec![value; config.decoder_width()])?;
    }
    // Vectors are brought near before they divide anything: what is divided by too small a norm grows without bound.
    for _ in 0..16 {
        ["enc.", "dis."].iter().try_for_each(|net| nets::iterate(&all, net))?;
    }
    Ok(all)
}

/// Writes the result: the directory of a DC-VAE with spectral norms divided out.
fn save(out: &Path, config: &DcVaeConfig, all: &Variables) -> Result<(), TrainError> {
    let tensors = nets::divided(all, all.only(|name| name.starts_with("enc.") || name.starts_with("dec.")).frozen())?;
    let mut made = Tensors::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect();
        let array = ArrayD::from_shape_vec(IxDyn(tensor.dims()), values);
        made.insert(name, array.expect("a tensor has as many numbers as its shape says"));
    }
    let scratch = tempfile::Builder::new().prefix(files::UNFINISHED).tempdir_in(out);
    let scratch =
        scratch.map_err(|source| TrainError::Write { path: out.to_owned(), source: without_temporary(source) })?;
    write(scratch.path(), &DcVae { config: *config, tensors: made })
        .map_err(|error| files::placed(error.into(), out))?;
    for name in [CONFIG_FILE, WEIGHTS_FILE] {
        let path = out.join(name);
        fs::rename(scratch.path().join(name), &path).map_err(|source| TrainError::Write { path, source })?;
    }
    Ok(())
}

/// A run under way.
struct Going<'a> {
    recipe: &'a AutoencoderRecipe,
    images: &'a Images,
    held_out: &'a Images,
    all: &'a Variables,
    learning: Variables,
    judging: Variables,
    state: State,
    log: Log,
}

impl Going<'_> {
    /// Keeps all that the run is.
    fn checkpoint(&mut self, path: &Path) -> Result<(), TrainError> {
        self.state.metrics_bytes = self.log.kept()?;
        checkpoint::save(path, self.all, Some((&AdamW::default(), &self.state)))
    }

    /// The images of a step: of an order that is drawn anew for each pass over them.
    fn batch(&self, step: usize) -> Result<Tensor, TrainError> {
        let (batch, of_pass) = (self.recipe.training.batch, self.images.len() / self.recipe.training.batch);
        let (pass, place) = (step / of_pass, step % of_pass);
        let mut words = keyed(&["order", LEARNING, &pass.to_string()], self.recipe.seed);
        let mut order: Vec<usize> = (0..self.images.len()).collect();
        crate::rows::shuffle(&mut order, &mut words);
        let chosen = &order[place * batch..(place + 1) * batch];
        tensor_of(self.images, chosen.iter().copied())
    }

    /// Standard normal numbers of a purpose, `[images, latent]`.
    fn noise(&self, purpose: &str, images: usize) -> Result<Tensor, TrainError> {
        let latent = self.recipe.model.latent;
        let name = format!("{purpose}.{}", self.state.step);
        let drawn = normals(&name, self.recipe.seed).take(images * latent).map(|x| x as f32).collect();
        Ok(Tensor::from_vec(drawn, (images, latent), &Device::Cpu)?)
    }

    fn frozen(&self, net: &str) -> Result<Named, TrainError> {
        nets::divided(self.all, self.all.only(|name| name.starts_with(net)).frozen())
    }

    fn tracked(&self, variables: &Variables) -> Result<Named, TrainError> {
        nets::divided(self.all, variables.tracked())
    }

    /// Reconstructions by drawn codes, the codes' divergence from the prior, and samples where they are wanted.
    fn pass(&self, tensors: &Named, x: &Tensor, samples: bool) -> Result<Pass, TrainError> {
        let (net, images) = (Net(tensors), x.dim(0)?);
        let [mean, log_variance] = net.encode(x)?;
        let deviation = (&log_variance * 0.5)?.exp()?;
        let code = (&mean + deviation.mul(&self.noise("code", images)?)?)?;
        let decoded = net.decode(&code, None)?;
        let terms = (((&log_variance + 1.0)? - mean.sqr()?)? - log_variance.exp()?)?;
        let samples = match samples {
            true => Some(net.decode(&self.noise("sample", images)?.clamp(-1.0, 1.0)?, None)?.images),
            false => None,
        };
        let divergence = (terms.sum_all()? * -0.5)?;
        Ok(Pass { images: decoded.images, statistics: decoded.statistics, divergence, samples })
    }

    /// What encoder and decoder lose by.
    fn loss(&self, pass: &Pass, x: &Tensor) -> Result<Tensor, TrainError> {
        let training = &self.recipe.training;
        let pixels = ((&pass.images - x)?.sqr()?.mean_all()? * training.pixels)?;
        let loss = (pixels + (&pass.divergence * training.divergence)?)?;
        let Some(samples) = &pass.samples else { return Ok(loss) };
        let judge = self.frozen("dis.")?;
        let judge = Net(&judge);
        let opinion = (judge.judge(samples)?.mean_all()? + judge.judge(&pass.images)?.mean_all()?)?;
        Ok((loss - (opinion * (0.5 * training.adversarial))?)?)
    }

    /// What the discriminator loses by.
    fn judging_loss(&self, pass: &Pass, x: &Tensor) -> Result<Tensor, TrainError> {
        let judge = self.tracked(&self.judging)?;
        let judge = Net(&judge);
        let mut loss = (1.0 - judge.judge(x)?)?.relu()?.mean_all()?;
        for made in [Some(&pass.images), pass.samples.as_ref()].into_iter().flatten() {
            loss = (loss + ((judge.judge(&made.detach())? + 1.0)?.relu()?.mean_all()? * 0.5)?)?;
        }
        Ok(loss)
    }

    /// Every variable must have an influence on the loss of its own net, or the run does not start.
    fn refuse_a_broken_graph(&self) -> Result<(), TrainError> {
        let (x, adversarial) = (self.batch(0)?, self.recipe.training.adversarial > 0.0);
        let tensors = self.tracked(&self.learning)?;
        let pass = self.pass(&tensors, &x, adversarial)?;
        require_all(&self.learning, &gradients(&self.loss(&pass, &x)?)?)?;
        match adversarial {
            true => require_all(&self.judging, &gradients(&self.judging_loss(&pass, &x)?)?),
            false => Ok(()),
        }
    }

    fn step(&mut self) -> Result<(), TrainError> {
        let training = &self.recipe.training;
        let is_judged = training.adversarial > 0.0 && self.state.step >= training.adversarial_from;
        let rate = self.rate();
        let each = training.discriminator_steps;
        if is_judged {
            for turn in 0..each {
                nets::iterate(self.all, "dis.")?;
                let x = self.batch(self.state.step * each + turn)?;
                let made: Named = self.frozen("enc.")?.into_iter().chain(self.frozen("dec.")?).collect();
                let pass = self.pass(&made, &x, true)?;
                let loss = self.judging_loss(&pass, &x)?;
                let number = (self.state.step - training.adversarial_from) * each + turn + 1;
                self.change(JUDGING, &loss, rate, number)?;
            }
        }
        nets::iterate(self.all, "enc.")?;
        let x = self.batch(self.state.step)?;
        let tensors = self.tracked(&self.learning)?;
        let pass = self.pass(&tensors, &x, is_judged)?;
        let loss = self.loss(&pass, &x)?;
        self.state.last_loss = self.change(LEARNING, &loss, rate, self.state.step + 1)?;
        let count = (x.elem_count() / x.dim(1)?) as f64;
        // The variance that a batch is a sample of; one that is divided by is of the batch itself.
        let factors = [1.0, count / (count - 1.0)];
        for ((name, seen), factor) in RUNNING.into_iter().zip(&pass.statistics).zip(factors) {
            let running = self.all.var(name)?;
            let seen = (seen.detach().flatten_all()? * (MOMENTUM * factor))?;
            running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + seen)?)?;
        }
        self.state.step += 1;
        Ok(())
    }

    /// One step of an optimiser. Gives the loss.
    fn change(&mut self, stage: &'static str, loss: &Tensor, rate: f64, number: usize) -> Result<f64, TrainError> {
        let value = f64::from(loss.to_scalar::<f32>()?);
        let variables = if stage == LEARNING { &self.learning } else { &self.judging };
        let found: GradStore = gradients(loss)?;
        let norm = norm(variables, &found)?;
        if !value.is_finite() || !norm.is_finite() {
            return Err(TrainError::Gradient { stage, step: number });
        }
        adam::step(self.all, variables, &found, rate, number)?;
        let (stage, learning_rate) = (stage.to_owned(), rate);
        self.log.add(&Line::Step { stage, epoch: 1, step: number, loss: value, norm, learning_rate })?;
        Ok(value)
    }

    /// The recipe's in the first half of the steps, and then a tenth of it in the end, along a straight line.
    fn rate(&self) -> f64 {
        let part = self.state.step as f64 / self.recipe.training.steps as f64;
        self.recipe.training.learning_rate * (1.0 - 1.8 * (part - 0.5).max(0.0))
    }

    /// Mean square of held-out images less their reconstructions, as the result makes them: from the mean of the code.
    fn judge(&self) -> Result<f64, TrainError> {
        let tensors: Named = self.frozen("enc.")?.into_iter().chain(self.frozen("dec.")?).collect();
        let running = [self.all.var(RUNNING[0])?.as_detached_tensor(), self.all.var(RUNNING[1])?.as_detached_tensor()];
        let numbers: Vec<usize> = (0..self.held_out.len()).collect();
        let mut sum = 0.0;
        for part in numbers.chunks(JUDGED_TOGETHER) {
            let x = tensor_of(self.held_out, part.iter().copied())?;
            let [mean, _] = Net(&tensors).encode(&x)?;
            let images = Net(&tensors).decode(&mean, Some([&running[0], &running[1]]))?.images;
            sum += f64::from((images - &x)?.sqr()?.mean_all()?.to_scalar::<f32>()?) * part.len() as f64;
        }
        Ok(sum / self.held_out.len() as f64)
    }
}

/// What encoder and decoder made of a batch.
struct Pass {
    images: Tensor,
    statistics: [Tensor; 2],
    divergence: Tensor,
    samples: Option<Tensor>,
}

fn tensor_of(images: &Images, numbers: impl ExactSizeIterator<Item = usize>) -> Result<Tensor, TrainError> {
    let (count, [channels, rows, columns]) = (numbers.len(), images.shape);
    let pixels: Vec<f32> = numbers.flat_map(|number| images.image(number)).copied().collect();
    Ok(Tensor::from_vec(pixels, (count, channels, rows, columns), &Device::Cpu)?)
}
