//! AMP's cost model: a strategy poses a [`Problem`], whose value is the predicted time of an iteration.
//!
//! ```text
//! layer        micro-batch * 3 * profiled forward time at the tensor-parallel degree
//! hand-over    mean over replicas of (volume * 32 bits / slowest bandwidth between the two stages' GPUs of the replica)
//! setup        2 (d - 1) / (d * bandwidth of the ring) * parameters / tensor * 32 bits: the data-parallel all-reduce
//! ```
//!
//! GPUs are numbered by rank: tensor first, then data, then pipeline. Times are rounded to whole picoseconds.

use serde::Serialize;

use super::data::Profiles;
use super::experiment::{BOTTOM, Experiment, Kind, Layer, Model, SEQUENCE, VOCABULARY, WIDTH};
use super::quirks::{Quirk, Quirks};
use crate::cluster::{Bandwidth, Cluster};
use crate::error::PlanError;
use crate::problem::{Links, Operation, Problem, Rate, Variant};
use crate::time::{PICOSECONDS_PER_SECOND, Picoseconds};

/// How many ways the work is divided, and how many samples go through the stages together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Strategy {
    /// GPUs that share each layer.
    pub tensor: usize,
    /// Replicas of the model.
    pub data: usize,
    /// Stages of the pipeline.
    pub pipeline: usize,
    /// Samples of a micro-batch.
    pub micro_batch: u64,
}

impl Strategy {
    /// The GPU at a place of the three axes.
    #[must_use]
    pub fn rank(self, stage: usize, replica: usize, shard: usize) -> usize {
        shard + self.tensor * (replica + self.data * stage)
    }
}

/// The cost model of one experiment on a cluster.
#[derive(Debug, Clone)]
pub struct CostModel {
    model: Model,
    cluster: Cluster,
    batch: u64,
    profiles: Profiles,
    quirks: Quirks,
    layers: Vec<Layer>,
}

impl CostModel {
    /// The cost model of an experiment, on its own cluster or another one.
    ///
    /// # Errors
    /// A GPU on which the model was not measured.
    pub fn new(experiment: Experiment, cluster: Option<Cluster>, quirks: Quirks) -> Result<Self, PlanError> {
        let model = experiment.model();
        let cluster = cluster.unwrap_or_else(|| experiment.cluster());
        let profiles = Profiles::published();
        for node in cluster.nodes() {
            if !profiles.gpus(model.name()).contains(&node.gpu.as_str()) {
                return Err(PlanError::UnknownGpu {
                    model: model.name().to_owned(),
                    gpu: node.gpu.clone(),
                    known: profiles.gpus(model.name()).join(", "),
                });
            }
        }
        let layers = if quirks.has(Quirk::TransGanOf25Layers) { model.planned_layers() } else { model.layers() };
        Ok(Self { model, cluster, batch: experiment.batch(), profiles, quirks, layers })
    }

    /// The model that is trained.
    #[must_use]
    pub fn model(&self) -> Model {
        self.model
    }

    /// The layers that are planned.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The quirks that are on.
    #[must_use]
    pub fn quirks(&self) -> &Quirks {
        &self.quirks
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Samples in an iteration.
    #[must_use]
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// How many micro-batches go through the stages in an iteration.
    #[must_use]
    pub fn micro_batches(&self, strategy: Strategy) -> u64 {
        self.batch / (strategy.data as u64 * strategy.micro_batch)
    }

    /// Every strategy: tensor-parallel degrees that divide a node's GPUs, replicas that divide the rest and the batch, and
    /// micro-batches that divide what is left of the batch.
    #[must_use]
    pub fn strategies(&self) -> Vec<Strategy> {
        let divisors = |of: usize| (1..=of).filter(move |divisor| of.is_multiple_of(*divisor));
        let gpus = self.cluster.gpus();
        let within =
            if self.quirks.has(Quirk::TensorParallelismByProfile) { self.cluster.gpus_per_node() } else { gpus };
        let mut strategies = Vec::new();
        for tensor in divisors(within) {
            for data in divisors(gpus / tensor).filter(|&data| self.batch.is_multiple_of(data as u64)) {
                let pipeline = gpus / tensor / data;
                for micro_batch in divisors((self.batch / data as u64) as usize) {
                    strategies.push(Strategy { tensor, data, pipeline, micro_batch: micro_batch as u64 });
                }
            }
        }
        strategies
    }

    /// The problem that a strategy poses.
    ///
    /// # Errors
    /// More stages than layers; a tensor-parallel degree without profile; times that are too long.
    pub fn problem(&self, strategy: Strategy) -> Result<Problem, PlanError> {
        let times = self.layer_times(strategy)?;
        let operations = self.layers.iter().zip(times).map(|(layer, times)| Operation {
            variants: vec![Variant::of_times(times)],
            setup_units: parameters(layer.kind),
            setup_group: match layer.kind {
                Kind::Embedding { .. } => self.quirks.has(Quirk::EmbeddingCountedOnce).then_some(0),
                Kind::Transformer { .. } | Kind::Other => None,
            },
        });
        let links = if self.quirks.has(Quirk::LinksForwardAndFree) { Links::Delay } else { Links::Exclusive };
        Problem::new(strategy.pipeline, self.micro_batches(strategy), operations.collect())?
            .with_handovers(self.handovers(strategy)?, links)?
            .with_setup_rates(self.all_reduce_rates(strategy)?)
    }

    /// By layer, then by stage: time of a micro-batch.
    fn layer_times(&self, strategy: Strategy) -> Result<Vec<Vec<Picoseconds>>, PlanError> {
        let passes = if self.quirks.has(Quirk::BackwardIsTwiceForward) { 3 } else { 1 };
        let mut by_layer = vec![Vec::with_capacity(strategy.pipeline); self.layers.len()];
        for stage in 0..strategy.pipeline {
            let nodes: Vec<usize> = if self.quirks.has(Quirk::FleetAverageSpeed) {
                (0..self.cluster.nodes().len()).collect()
            } else {
                let first = strategy.rank(stage, 0, 0);
                (first..first + strategy.tensor * strategy.data).map(|gpu| self.cluster.node_of(gpu)).collect()
            };
            let communication = self.tensor_communication(strategy, stage)?;
            for (number, layer) in self.layers.iter().enumerate() {
                let profiled = nodes.iter().map(|&node| self.profiled(strategy, node, layer));
                let profiled: Vec<Picoseconds> = profiled.collect::<Result<_, _>>()?;
                // The average over nodes is rounded once, after it is multiplied.
                let time = if self.quirks.has(Quirk::FleetAverageSpeed) {
                    let sum: u128 = profiled.iter().map(|time| u128::from(time.picoseconds())).sum();
                    let passes = u128::from(passes) * u128::from(strategy.micro_batch);
                    Picoseconds::from_fraction(sum * passes, profiled.len() as u128).ok_or(PlanError::TooLong)?
                } else {
                    let slowest = profiled.into_iter().max().unwrap_or_default();
                    slowest.checked_mul(passes * strategy.micro_batch).ok_or(PlanError::TooLong)?
                };
                by_layer[number].push(crate::error::add(time, communication[number])?);
            }
        }
        Ok(by_layer)
    }

    /// Forward time per sample on a node.
    fn profiled(&self, strategy: Strategy, node: usize, layer: &Layer) -> Result<Picoseconds, PlanError> {
        let gpu = &self.cluster.nodes()[node].gpu;
        let by_profile = self.quirks.has(Quirk::TensorParallelismByProfile);
        let degree = if by_profile { strategy.tensor } else { 1 };
        let profile = self.profiles.of(self.model.name(), gpu, degree).ok_or_else(|| PlanError::UnknownGpu {
            model: self.model.name().to_owned(),
            gpu: format!("{degree} x {gpu}"),
            known: self.profiles.gpus(self.model.name()).join(", "),
        })?;
        let parts = if by_profile { 1 } else { strategy.tensor as u128 };
        Picoseconds::from_fraction(u128::from(profile[layer.profile].picoseconds()), parts).ok_or(PlanError::TooLong)
    }

    /// By layer: what sharing it among GPUs costs beyond the profile. It is the code's alternative, which it does not use for its
    /// main experiments: an all-reduce of 7 width^2 / tensor + 2 micro-batch * sequence * width numbers.
    fn tensor_communication(&self, strategy: Strategy, stage: usize) -> Result<Vec<Picoseconds>, PlanError> {
        if self.quirks.has(Quirk::TensorParallelismByProfile) || strategy.tensor == 1 {
            return Ok(vec![Picoseconds::ZERO; self.layers.len()]);
        }
        let tensor = strategy.tensor;
        let ring = (0..strategy.data).flat_map(|replica| {
            let rank = move |shard| strategy.rank(stage, replica, shard % tensor);
            (0..tensor).map(move |shard| (rank(shard), rank(shard + 1)))
        });
        let slowest = ring.map(|(one, other)| self.cluster.bandwidth(one, other)).min().unwrap_or(Bandwidth::Unlimited);
        let share = |numbers: u64| numbers * 2 * (tensor as u64 - 1) / tensor as u64;
        let each = |layer: &Layer| {
            let numbers = match layer.kind {
                Kind::Transformer { width } => {
                    let positions = if self.model == Model::Gpt2 { SEQUENCE } else { BOTTOM * BOTTOM };
                    7 * width * width / tensor as u64 + 2 * strategy.micro_batch * positions * width
                }
                Kind::Embedding { last: true } => VOCABULARY * WIDTH / tensor as u64,
                Kind::Embedding { last: false } | Kind::Other => 0,
            };
            slowest.time(u128::from(share(numbers)) * 32)
        };
        self.layers.iter().map(each).collect()
    }

    /// By layer from the second on, then by stage: handing over before the layer.
    fn handovers(&self, strategy: Strategy) -> Result<Vec<Vec<Picoseconds>>, PlanError> {
        let bits = if self.quirks.has(Quirk::ActivationsOf32Bits) { 32 } else { 16 };
        let ways = if self.quirks.has(Quirk::LinksForwardAndFree) { 1 } else { 2 };
        let volumes = self.volumes(strategy);
        let of_volume = |volume: u64| {
            let of_stage = |stage: usize| {
                let of_replica = |replica: usize| {
                    let shards = (0..strategy.tensor).map(|shard| {
                        let here = strategy.rank(stage, replica, shard);
                        self.cluster.bandwidth(here, strategy.rank(stage + 1, replica, shard))
                    });
                    let slowest = shards.min().unwrap_or(Bandwidth::Unlimited);
                    slowest.time(u128::from(volume) * bits * ways)
                };
                let times = (0..strategy.data).map(of_replica).collect::<Result<Vec<_>, _>>()?;
                if !self.quirks.has(Quirk::LinkIsMeanOverReplicas) {
                    return Ok(times.into_iter().max().unwrap_or_default());
                }
                let sum = times.iter().map(|time| u128::from(time.picoseconds())).sum();
                Picoseconds::from_fraction(sum, times.len() as u128).ok_or(PlanError::TooLong)
            };
            (0..strategy.pipeline.saturating_sub(1)).map(of_stage).collect()
        };
        volumes[..volumes.len() - 1].iter().map(|&volume| of_volume(volume)).collect()
    }

    /// By layer: how many numbers leave it. A layer that computes nothing passes on what it got.
    fn volumes(&self, strategy: Strategy) -> Vec<u64> {
        if self.model == Model::TransGan {
            return vec![strategy.micro_batch * WIDTH * BOTTOM * BOTTOM; self.layers.len()];
        }
        let mut last = 0;
        let volume = |layer: &Layer| {
            last = match layer.kind {
                Kind::Embedding { last: false } | Kind::Transformer { .. } => strategy.micro_batch * SEQUENCE * WIDTH,
                Kind::Embedding { last: true } => strategy.micro_batch * SEQUENCE * VOCABULARY / strategy.tensor as u64,
                Kind::Other => last,
            };
            last
        };
        self.layers.iter().map(volume).collect()
    }

    /// By stage: picoseconds for averaging one parameter over the replicas, each of which holds 1/tensor of it on a GPU.
    fn all_reduce_rates(&self, strategy: Strategy) -> Result<Vec<Rate>, PlanError> {
        let data = strategy.data;
        let of_stage = |stage: usize| {
            let of_shard = |shard: usize| {
                let mut edges = (0..data).map(|replica| {
                    let next = strategy.rank(stage, (replica + 1) % data, shard);
                    self.cluster.bandwidth(strategy.rank(stage, replica, shard), next)
                });
                if self.quirks.has(Quirk::RingIsItsLastEdge) { edges.next_back() } else { edges.min() }
            };
            match (0..strategy.tensor).filter_map(of_shard).min() {
                None | Some(Bandwidth::Unlimited) => Ok(Rate::ZERO),
                Some(Bandwidth::BitsPerSecond(rate)) => {
                    let numerator = (2 * (data as u64 - 1) * 32).checked_mul(PICOSECONDS_PER_SECOND);
                    let denominator = rate.checked_mul((data * strategy.tensor) as u64);
                    let rate = numerator.zip(denominator).ok_or(PlanError::TooLong)?;
                    Ok(Rate { numerator: rate.0, denominator: rate.1 })
                }
            }
        };
        (0..strategy.pipeline).map(of_stage).collect()
    }
}

/// Parameters of a layer, over all its GPUs.
fn parameters(kind: Kind) -> u64 {
    match kind {
        Kind::Embedding { .. } => WIDTH * VOCABULARY,
        Kind::Transformer { width } => 12 * width * width,
        Kind::Other => 0,
    }
}
