//! AMP's three experiments: a model, a cluster and a batch.

use serde::Serialize;

use crate::cluster::{Bandwidth, Cluster, Node};

/// One of AMP's three main experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// GPT-2 on four nodes of four T4 each.
    Homogeneous,
    /// GPT-2 on three nodes of four V100 each and one of four T4, whose links are faster.
    HetCluster,
    /// TransGAN's generator, twelve wide layers and twelve narrow ones, on four nodes of four V100 each.
    HetModel,
}

impl Experiment {
    /// All of them, in the order of the paper.
    pub const ALL: [Self; 3] = [Self::Homogeneous, Self::HetCluster, Self::HetModel];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Homogeneous => "homogeneous",
            Self::HetCluster => "het-cluster",
            Self::HetModel => "het-model",
        }
    }

    /// The model that is trained.
    #[must_use]
    pub fn model(self) -> Model {
        match self {
            Self::Homogeneous | Self::HetCluster => Model::Gpt2,
            Self::HetModel => Model::TransGan,
        }
    }

    /// Samples in an iteration.
    #[must_use]
    pub fn batch(self) -> u64 {
        match self {
            Self::Homogeneous | Self::HetCluster => 32,
            Self::HetModel => 64,
        }
    }

    /// The cluster, with the bandwidths that the code has.
    #[must_use]
    pub fn cluster(self) -> Cluster {
        let node = |gpu: &str, between: u64, within: u64| Node {
            gpu: gpu.to_owned(),
            gpus: 4,
            between_nodes: Bandwidth::BitsPerSecond(between * 1_000_000_000),
            within_node: Bandwidth::BitsPerSecond(within * 1_000_000_000),
        };
        let (t4, v100) = (node("T4", 50, 50), node("V100", 10, 170));
        let nodes = match self {
            Self::Homogeneous => vec![t4; 4],
            Self::HetCluster => vec![v100.clone(), v100.clone(), v100, t4],
            Self::HetModel => vec![v100; 4],
        };
        Cluster::new(nodes).expect("the clusters of the experiments are not empty")
    }
}

/// A model of the experiments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Model {
    /// GPT-2 of 24 layers, width 1024, on sequences of 1024 tokens of a vocabulary of 52,256.
    Gpt2,
    /// The generator of TransGAN: 12 layers of width 1024 and 12 of width 16, the latter on 1024 times as many positions.
    TransGan,
}

/// Width of the Transformer layers; of the wide ones in TransGAN.
pub(crate) const WIDTH: u64 = 1024;
/// Tokens of a sequence of GPT-2.
pub(crate) const SEQUENCE: u64 = 1024;
/// Entries of GPT-2's vocabulary.
pub(crate) const VOCABULARY: u64 = 52_256;
/// Side of TransGAN's first picture.
pub(crate) const BOTTOM: u64 = 9;
/// Layers of TransGAN's profile that do work: the first, the twelve wide ones and the twelve narrow ones.
const TRANSGAN_WIDE: std::ops::Range<usize> = 3..15;
const TRANSGAN_NARROW: std::ops::Range<usize> = 41..53;

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table of vocabulary and width; the one at the end gives a number for each entry of the vocabulary.
    Embedding {
        /// At the end of the model.
        last: bool,
    },
    /// Attention and feed-forward of this width.
    Transformer {
        /// Width.
        width: u64,
    },
    /// Moves or reshapes what there is.
    Other,
}

/// A layer: its place in the profile, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Place in the profile.
    pub profile: usize,
    /// What it is.
    pub kind: Kind,
}

impl Model {
    /// Its name in the profiles.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpt2 => "gpt2",
            Self::TransGan => "transgan",
        }
    }

    /// Every profiled layer.
    #[must_use]
    pub fn layers(self) -> Vec<Layer> {
        match self {
            Self::Gpt2 => (0..30)
                .map(|profile| {
                    let kind = match profile {
                        0 => Kind::Embedding { last: false },
                        2..26 => Kind::Transformer { width: WIDTH },
                        28 => Kind::Embedding { last: true },
                        _ => Kind::Other,
                    };
                    Layer { profile, kind }
                })
                .collect(),
            Self::TransGan => (0..56)
                .map(|profile| {
                    let width = if TRANSGAN_WIDE.contains(&profile) {
                        Some(WIDTH)
                    } else {
                        TRANSGAN_NARROW.contains(&profile).then_some(WIDTH / 64)
                    };
                    Layer { profile, kind: width.map_or(Kind::Other, |width| Kind::Transformer { width }) }
                })
                .collect(),
        }
    }

    /// The layers that the code plans with: of TransGAN only the first and the Transformer layers.
    #[must_use]
    pub fn planned_layers(self) -> Vec<Layer> {
        let mut layers = self.layers();
        if self == Self::TransGan {
            layers.retain(|layer| layer.profile == 0 || layer.kind != Kind::Other);
        }
        layers
    }
}
