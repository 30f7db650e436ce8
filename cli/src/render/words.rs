//! Words first: every report begins with one plain sentence that answers the question, and ends with a legend for who asks for it.

use super::table::hanging;

/// The sentence that a report begins with.
#[must_use]
pub fn first(sentence: &str) -> String {
    hanging("", sentence)
}

/// What the figures mean, or how to have that said.
#[must_use]
pub fn legend(explain: bool, conventions: &str) -> String {
    if explain { format!("\n{conventions}") } else { "\n(--explain says what the figures mean)\n".to_owned() }
}

/// A number of things: `1 suite`, `3 suites`.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// Things in a row: `a`, `a and b`, `a, b and c`.
#[must_use]
pub fn list<Name: AsRef<str>>(names: &[Name]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [before @ .., last] => {
            let before: Vec<&str> = before.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", before.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_counts_read_as_they_are_spoken() {
        assert_eq!(
            [list::<&str>(&[]), list(&["a"]), list(&["a", "b"]), list(&["a", "b", "c"])],
            ["", "a", "a and b", "a, b and c"]
        );
        assert_eq!([count(1, "suite"), count(0, "suite"), count(11, "suite")], ["1 suite", "0 suites", "11 suites"]);
    }
}
