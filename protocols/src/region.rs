//! Named regions: the tree of who built what, by which every report is broken down.

use serde::{Deserialize, Serialize};

/// A node of a [`Regions`] tree; the default is the root.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegionId(u32);

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Region {
    /// The region around it.
    parent: RegionId,
    /// Its name there.
    name: String,
}

/// A tree of names. The root has no name; a path reads like `layer.0/attention/softmax`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Regions(Vec<Region>);

impl Default for Regions {
    fn default() -> Self {
        Self(vec![Region { parent: RegionId(0), name: String::new() }])
    }
}

impl Regions {
    /// The region that everything is in.
    pub const ROOT: RegionId = RegionId(0);

    /// Adds a region under `parent`. Entering the same name twice makes two regions: two calls.
    pub fn add(&mut self, parent: RegionId, name: &str) -> RegionId {
        let id = RegionId(u32::try_from(self.0.len()).expect("fewer than 2^32 regions fit in memory"));
        self.0.push(Region { parent, name: name.to_owned() });
        id
    }

    /// Number of regions, the root included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether only the root is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// Position of a region in the order of creation; the root is 0.
    #[must_use]
    pub fn index(id: RegionId) -> usize {
        id.0 as usize
    }

    /// Every region, in the order of creation.
    pub fn ids(&self) -> impl Iterator<Item = RegionId> + use<> {
        (0..self.0.len() as u32).map(RegionId)
    }

    /// The region at a position in the order of creation.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<RegionId> {
        u32::try_from(position).ok().map(RegionId).filter(|&id| self.contains(id))
    }

    /// Whether the tree is one: each parent stands before its child, and the root is its own.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        !self.0.is_empty() && self.0.iter().enumerate().all(|(i, region)| (region.parent.0 as usize) < i.max(1))
    }

    /// Whether `id` belongs to this tree.
    #[must_use]
    pub fn contains(&self, id: RegionId) -> bool {
        (id.0 as usize) < self.0.len()
    }

    /// The region's own name; empty for the root.
    #[must_use]
    pub fn name(&self, id: RegionId) -> &str {
        self.0.get(id.0 as usize).map_or("?", |region| &region.name)
    }

    /// The region that `id` was entered from; the root is its own parent.
    #[must_use]
    pub fn parent(&self, id: RegionId) -> RegionId {
        self.0.get(id.0 as usize).map_or(Self::ROOT, |region| region.parent)
    }

    /// Names from the root to `id`, joined by `/`; empty for the root.
    #[must_use]
    pub fn path(&self, id: RegionId) -> String {
        let mut names = Vec::new();
        let mut at = id;
        while at != Self::ROOT && self.contains(at) {
            names.push(self.name(at));
            // In a broken tree a parent may not stand before its child; the path ends there.
            let parent = self.parent(at);
            at = if parent < at { parent } else { Self::ROOT };
        }
        names.reverse();
        names.join("/")
    }
}
