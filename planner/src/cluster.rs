//! Clusters: nodes with GPUs, and the links between and within them.

use serde::{Deserialize, Serialize};

use crate::error::PlanError;
use crate::time::Picoseconds;

/// The most GPUs of a cluster: every strategy places each of them.
pub const MOST_GPUS: usize = 4096;

/// Bits per second of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bandwidth {
    /// A finite number, not zero.
    BitsPerSecond(u64),
    /// Bits take no time. It is larger than every finite number.
    Unlimited,
}

impl Bandwidth {
    /// This many gigabits per second; `infinity` is unlimited.
    ///
    /// # Errors
    /// Less than a bit per second, a number of bits that 64 bits do not hold, or no number; `link` names it in the sentence.
    pub fn gigabits_per_second(link: &str, gigabits: f64) -> Result<Self, PlanError> {
        if gigabits == f64::INFINITY {
            return Ok(Self::Unlimited);
        }
        let bits = (gigabits * 1e9).round();
        if bits >= 1.0 && bits < u64::MAX as f64 {
            Ok(Self::BitsPerSecond(bits as u64))
        } else {
            Err(PlanError::Bandwidth { link: link.to_owned(), gigabits })
        }
    }

    /// How long this many bits take, to the nearest picosecond.
    ///
    /// # Errors
    /// A time that is too long.
    pub fn time(self, bits: u128) -> Result<Picoseconds, PlanError> {
        match self {
            Self::Unlimited => Ok(Picoseconds::ZERO),
            Self::BitsPerSecond(rate) => {
                let scaled = bits.checked_mul(u128::from(crate::time::PICOSECONDS_PER_SECOND));
                scaled.and_then(|bits| Picoseconds::from_fraction(bits, u128::from(rate))).ok_or(PlanError::TooLong)
            }
        }
    }
}

/// A node: equal GPUs, and its links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The kind of its GPUs, as profiles name it.
    pub gpu: String,
    /// How many there are.
    pub gpus: usize,
    /// To other nodes.
    pub between_nodes: Bandwidth,
    /// Between its own GPUs.
    pub within_node: Bandwidth,
}

/// A cluster: at least one node, every node with the same number of GPUs, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Description")]
pub struct Cluster {
    /// Its nodes.
    nodes: Vec<Node>,
}

/// How a cluster is written in a file: `[[node]]` with `gpu`, `gpus`, `between-nodes-gigabits-per-second` and
/// `within-node-gigabits-per-second`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    #[serde(default)]
    node: Vec<NodeDescription>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NodeDescription {
    gpu: String,
    gpus: usize,
    between_nodes_gigabits_per_second: f64,
    within_node_gigabits_per_second: f64,
}

impl TryFrom<Description> for Cluster {
    type Error = PlanError;

    fn try_from(description: Description) -> Result<Self, PlanError> {
        let node = |(number, node): (usize, NodeDescription)| {
            let link = |kind: &str| format!("the link {kind} node {number}");
            Ok(Node {
                gpu: node.gpu,
                gpus: node.gpus,
                between_nodes: Bandwidth::gigabits_per_second(&link("from"), node.between_nodes_gigabits_per_second)?,
                within_node: Bandwidth::gigabits_per_second(&link("within"), node.within_node_gigabits_per_second)?,
            })
        };
        Self::new(description.node.into_iter().enumerate().map(node).collect::<Result<_, PlanError>>()?)
    }
}

impl Cluster {
    /// A cluster of these nodes.
    ///
    /// # Errors
    /// No node, a node without GPUs, nodes with different numbers of GPUs, or more than [`MOST_GPUS`] in all.
    pub fn new(nodes: Vec<Node>) -> Result<Self, PlanError> {
        let expected = nodes.first().ok_or(PlanError::EmptyCluster)?.gpus;
        for (number, node) in nodes.iter().enumerate() {
            if node.gpus == 0 {
                return Err(PlanError::EmptyNode { node: number });
            }
            if node.gpus != expected {
                return Err(PlanError::UnevenNodes { node: number, found: node.gpus, expected });
            }
            if [node.between_nodes, node.within_node].contains(&Bandwidth::BitsPerSecond(0)) {
                return Err(PlanError::Bandwidth { link: format!("a link of node {number}"), gigabits: 0.0 });
            }
        }
        match nodes.len().checked_mul(expected) {
            Some(1..=MOST_GPUS) => {}
            _ => return Err(PlanError::TooManyGpus { nodes: nodes.len(), gpus: expected, most: MOST_GPUS }),
        }
        Ok(Self { nodes })
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// GPUs of each node.
    #[must_use]
    pub fn gpus_per_node(&self) -> usize {
        self.nodes[0].gpus
    }

    /// GPUs in all.
    #[must_use]
    pub fn gpus(&self) -> usize {
        self.nodes.len() * self.gpus_per_node()
    }

    /// The node of a GPU. GPUs are numbered node by node.
    #[must_use]
    pub fn node_of(&self, gpu: usize) -> usize {
        gpu / self.gpus_per_node()
    }

    /// The bandwidth between two GPUs: within their node, or the slower of the links of their nodes.
    #[must_use]
    pub fn bandwidth(&self, one: usize, other: usize) -> Bandwidth {
        let (a, b) = (&self.nodes[self.node_of(one)], &self.nodes[self.node_of(other)]);
        if self.node_of(one) == self.node_of(other) { a.within_node } else { a.between_nodes.min(b.between_nodes) }
    }
}
