//! Circuits, Programs, schemes and protocol cards.
pub mod model;
