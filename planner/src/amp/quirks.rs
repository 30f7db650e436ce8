//! What the public code of AMP does that its paper does not say, or that could be otherwise; each can be switched off alone.

use serde::Serialize;

/// A quirk of the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quirk {
    /// The search compares with the time of a link, but stores a value without it. Off: it is stored.
    StoredValueDropsLink,
    /// The cut is chosen for the pipeline alone; the all-reduce is added afterwards. Off: both are minimised together.
    CutIgnoresAllReduce,
    /// The bandwidth of a ring of replicas is that of its last edge. Off: of its slowest.
    RingIsItsLastEdge,
    /// Every stage runs at the average speed of all GPUs. Off: at that of the slowest GPU it has.
    FleetAverageSpeed,
    /// Activations travel as numbers of 32 bits, although training is in 16. Off: 16 bits.
    ActivationsOf32Bits,
    /// Tensor parallelism costs what the profile says, within a node. Off: the alternative in the code: the time of one GPU,
    /// divided, and an all-reduce for each layer, across nodes, too.
    TensorParallelismByProfile,
    /// Any strategy is thought to fit into memory. Off: those that the memory model refuses are left out.
    NoMemory,
    /// A single micro-batch is cut uniformly, without search. Off: it is searched like any other number.
    SingleMicroBatchCutUniformly,
    /// Backward takes twice the time of forward. Off: forward alone, as for inference.
    BackwardIsTwiceForward,
    /// Both embeddings on one stage count as one, as they share their table. Off: they count twice.
    EmbeddingCountedOnce,
    /// A link takes the mean time over the replicas. Off: the longest.
    LinkIsMeanOverReplicas,
    /// Of TransGAN's 56 profiled layers 25 are planned; the time of the others is left out. Off: all are planned.
    TransGanOf25Layers,
    /// Activations travel forward only, and a link is never the bottleneck. Off: there and back, and it can be.
    LinksForwardAndFree,
}

impl Quirk {
    /// All quirks.
    pub const ALL: [Self; 13] = [
        Self::StoredValueDropsLink,
        Self::CutIgnoresAllReduce,
        Self::RingIsItsLastEdge,
        Self::FleetAverageSpeed,
        Self::ActivationsOf32Bits,
        Self::TensorParallelismByProfile,
        Self::NoMemory,
        Self::SingleMicroBatchCutUniformly,
        Self::BackwardIsTwiceForward,
        Self::EmbeddingCountedOnce,
        Self::LinkIsMeanOverReplicas,
        Self::TransGanOf25Layers,
        Self::LinksForwardAndFree,
    ];

    /// A sentence about it.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::StoredValueDropsLink => "the search stores subproblems without their link time, so it is not exact",
            Self::CutIgnoresAllReduce => "the cut is chosen without the data-parallel all-reduce",
            Self::RingIsItsLastEdge => "a ring of replicas is as fast as its last edge",
            Self::FleetAverageSpeed => "every stage runs at the average speed of all GPUs",
            Self::ActivationsOf32Bits => "activations travel as 32-bit numbers",
            Self::TensorParallelismByProfile => "tensor parallelism costs what the profile says, within a node",
            Self::NoMemory => "every strategy is thought to fit into memory",
            Self::SingleMicroBatchCutUniformly => "a single micro-batch is cut uniformly",
            Self::BackwardIsTwiceForward => "backward takes twice the time of forward",
            Self::EmbeddingCountedOnce => "two embeddings on a stage are averaged as one",
            Self::LinkIsMeanOverReplicas => "a link takes the mean time over the replicas",
            Self::TransGanOf25Layers => "25 of TransGAN's 56 layers are planned",
            Self::LinksForwardAndFree => "activations travel forward only, and a link is never the bottleneck",
        }
    }
}

/// Which quirks are on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quirks {
    on: [bool; Quirk::ALL.len()],
}

impl Quirks {
    /// All on: the code as it is.
    #[must_use]
    pub fn as_coded() -> Self {
        Self { on: [true; Quirk::ALL.len()] }
    }

    /// AMP's cost model, minimised exactly: the quirks of the search are off, and those of the model on.
    #[must_use]
    pub fn exact() -> Self {
        Self::as_coded()
            .without(Quirk::StoredValueDropsLink)
            .without(Quirk::CutIgnoresAllReduce)
            .without(Quirk::SingleMicroBatchCutUniformly)
    }

    /// As [`Quirks::exact`], with the speed of each stage's own GPUs.
    #[must_use]
    pub fn per_stage_speed() -> Self {
        Self::exact().without(Quirk::FleetAverageSpeed)
    }

    /// The same with this one off.
    #[must_use]
    pub fn without(mut self, quirk: Quirk) -> Self {
        self.on[quirk as usize] = false;
        self
    }

    /// Whether it is on.
    #[must_use]
    pub fn has(&self, quirk: Quirk) -> bool {
        self.on[quirk as usize]
    }

    /// Those that are on.
    pub fn iter(&self) -> impl Iterator<Item = Quirk> + '_ {
        Quirk::ALL.into_iter().filter(|&quirk| self.has(quirk))
    }
}
