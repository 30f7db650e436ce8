//! Protocols on other intervals than their own: `gelu/series on [-9, 12]` is a member of the family of `gelu/series`.
//!
//! A protocol without a comparison trades range for cost, and outside its range it computes nonsense. The one on its card serves models as they
//! were trained; a model whose numbers are known to stay in less takes a member of the family, which is fitted to the same error on just that
//! interval: fewer waves, a shorter period, no choice among scales. A member is a protocol like any other: every command takes its name.

use super::{Protocol, RegistryError};
use crate::decimal;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// What stands between the name of a family and the ends of the interval.
const ON: &str = " on ";
/// The largest end in size, and the smallest that is not zero: names are written without exponents.
const ENDS: (f64, f64) = (1e-6, 1e6);
/// Members that are kept; fitting one takes milliseconds.
const MOST_KEPT: usize = 1024;

/// Members by the function that makes them, and their name: two registries may have different families of one name.
type Members = HashMap<(usize, String), Arc<Protocol>>;

/// What the ends of a member's interval are ends of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The argument.
    Argument,
    /// The variance of a row, with what is added to it.
    Variance,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Argument => "the argument",
            Self::Variance => "the variance of a row",
        })
    }
}

/// The members of a family.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// What the ends are ends of.
    pub of: Quantity,
    /// The numbers that a member may be asked for.
    pub widest: (f64, f64),
    /// The member for an interval, under the name that it is given; or why there is none.
    pub(crate) member: fn(String, (f64, f64)) -> Result<Protocol, String>,
}

/// The name of a member.
#[must_use]
pub fn member_name(family: &str, (low, high): (f64, f64)) -> String {
    // Zero has no sign here.
    format!("{family}{ON}[{}, {}]", low + 0.0, high + 0.0)
}

/// The family and the ends that a name says; nothing if it is not written as that of a member.
#[must_use]
pub fn of_member(name: &str) -> Option<(&str, (f64, f64))> {
    let (family, ends) = name.split_once(ON)?;
    let (low, high) = ends.trim().strip_prefix('[')?.strip_suffix(']')?.split_once(',')?;
    let ends = (low.trim().parse().ok()?, high.trim().parse().ok()?);
    Some((family.trim(), ends))
}

/// What may be the family of a name that is meant for that of a member, and is not written as one.
pub(super) fn of_no_member(name: &str) -> Option<&str> {
    let end = name.find(['[', '(', ']', ' ']).filter(|_| of_member(name).is_none())?;
    let family = name[..end].trim();
    Some(family.strip_suffix("on").map_or(family, str::trim)).filter(|family| family.contains('/'))
}

impl Protocol {
    /// The member of its family for an interval.
    ///
    /// # Errors
    /// [`RegistryError`] for a protocol that is no family, and for ends that no member has.
    pub fn on(&self, (low, high): (f64, f64)) -> Result<Arc<Self>, RegistryError> {
        static KEPT: LazyLock<Mutex<Members>> = LazyLock::new(Mutex::default);
        let name = self.card.name.clone();
        let Some(family) = self.family else { return Err(RegistryError::NoFamily { name }) };
        let refused = |why: String| RegistryError::Member { family: self.card.name.clone(), why };
        let is_end = |end: f64| end == 0.0 || (ENDS.0..=ENDS.1).contains(&end.abs());
        let (widest_low, widest_high) = family.widest;
        if !(is_end(low) && is_end(high) && low < high && widest_low <= low && high <= widest_high) {
            return Err(refused(format!(
                "[{}, {}]; use two numbers, the smaller first, between {widest_low} and {widest_high}, zero or at least {} in size",
                decimal::exact(low),
                decimal::exact(high),
                decimal::exact(ENDS.0)
            )));
        }
        let name = member_name(&self.card.name, (low, high));
        let key = (family.member as usize, name.clone());
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = kept.get(&key) {
            return Ok(Arc::clone(member));
        }
        let member = Arc::new((family.member)(name, (low, high)).map_err(refused)?);
        if kept.len() == MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&member));
        Ok(member)
    }
}
