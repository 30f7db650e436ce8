//! Why a plan cannot be made.

use crate::time::Picoseconds;

/// Why a plan cannot be made. Everything here can be caused by what a user gives.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to plan.
    #[error("there is nothing to plan: the model has no operations; name one that has")]
    NoOperations,
    /// No machine.
    #[error("the cluster is empty: it has no node with a GPU; describe at least one")]
    EmptyCluster,
    /// No stage at all.
    #[error("a plan needs at least one stage; ask for one or more")]
    NoStages,
    /// More stages than operations: a stage would be empty.
    #[error("{stages} stages cannot each have one of {operations} operations; ask for at most {operations} stages")]
    TooManyStages {
        /// Stages that were asked for.
        stages: usize,
        /// Operations that there are.
        operations: usize,
    },
    /// Nothing to run through the stages.
    #[error("a plan needs at least one micro-batch; ask for one or more requests")]
    NoMicroBatches,
    /// An operation that nothing carries out.
    #[error("nothing carries out operation {operation}: give it at least one variant")]
    NoVariant {
        /// The operation, from 0.
        operation: usize,
    },
    /// A table of the wrong size.
    #[error("{what} has {found} entries, but {expected} are needed, one for each {each}")]
    Length {
        /// Which table.
        what: &'static str,
        /// What an entry stands for.
        each: &'static str,
        /// Entries that are there.
        found: usize,
        /// Entries that are needed.
        expected: usize,
    },
    /// Times whose sum does not fit.
    #[error(
        "the plan could last longer than 213 days, which is more than can be represented; give it less work or faster links"
    )]
    TooLong,
    /// Errors or bytes whose sum does not fit.
    #[error("the {what} of all operations add up to more than 2^64; give them in a larger unit")]
    TooLarge {
        /// What adds up.
        what: &'static str,
    },
    /// No choice of variants is accurate enough.
    #[error("the error budget {budget} cannot be met: the most accurate variants together have error {least}")]
    BudgetUnreachable {
        /// What was allowed.
        budget: u64,
        /// The least that can be had.
        least: u64,
    },
    /// No cut fits the memories.
    #[error(
        "no cut into {stages} stages fits the memory of every stage; give the stages more memory, or ask for more stages"
    )]
    MemoryUnreachable {
        /// Stages that were asked for.
        stages: usize,
    },
    /// A plan that is not one for this problem.
    #[error("this is not a plan for the problem: {reason}")]
    NotAPlan {
        /// What does not fit.
        reason: String,
    },
    /// A link that carries nothing.
    #[error(
        "{link} has a bandwidth of {gigabits:?} Gbit/s; give it 1e-9 to 1e10, or `inf` for a link on which bits take no time"
    )]
    Bandwidth {
        /// Which link.
        link: String,
        /// What it was given, in gigabits per second.
        gigabits: f64,
    },
    /// More GPUs than strategies are enumerated for.
    #[error("{nodes} nodes with {gpus} GPUs each are more than {most} GPUs in all; describe a smaller cluster")]
    TooManyGpus {
        /// Nodes.
        nodes: usize,
        /// GPUs of each.
        gpus: usize,
        /// The most there may be.
        most: usize,
    },
    /// A node without a GPU.
    #[error("node {node} has no GPU; give it at least one, or leave the node out")]
    EmptyNode {
        /// The node, from 0.
        node: usize,
    },
    /// Nodes that differ in their number of GPUs.
    #[error(
        "node {node} has {found} GPUs and node 0 has {expected}: strategies of AMP need the same number on every node"
    )]
    UnevenNodes {
        /// The node, from 0.
        node: usize,
        /// Its GPUs.
        found: usize,
        /// GPUs of the first node.
        expected: usize,
    },
    /// A GPU without measured times.
    #[error("there are no measured layer times of {model} on GPU {gpu:?}; known: {known}")]
    UnknownGpu {
        /// The model.
        model: String,
        /// What was asked for.
        gpu: String,
        /// The GPUs that were measured with it.
        known: String,
    },
    /// A cluster on which no strategy can run.
    #[error(
        "no strategy fits: {gpus} GPUs, {layers} layers, a batch of {batch}; the batch must be a multiple of the number of replicas"
    )]
    NoStrategy {
        /// GPUs in all.
        gpus: usize,
        /// Layers.
        layers: usize,
        /// Samples in an iteration.
        batch: u64,
    },
}

/// The time that a sum of times would be, or the error that it is too long.
pub(crate) fn add(one: Picoseconds, other: Picoseconds) -> Result<Picoseconds, PlanError> {
    one.checked_add(other).ok_or(PlanError::TooLong)
}
