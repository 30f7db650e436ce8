//! Text that shows on a screen as what it is.

/// Whether a character shows as itself: no control character, which could move the cursor, and no mark that reorders what stands beside it.
#[must_use]
pub fn is_plain(c: char) -> bool {
    let reorders = matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    !c.is_control() && !reorders && !breaks
}

/// The first character of a line that does not show as itself, with the byte at which it stands.
#[must_use]
pub fn first_not_plain(text: &str) -> Option<(usize, char)> {
    text.char_indices().find(|&(_, c)| !is_plain(c))
}

/// A text in which everything that does not show as itself is written as an escape.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) { plain.push(c) } else { plain.extend(c.escape_unicode()) }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_marks_that_reorder_are_shown_as_escapes() {
        assert_eq!(plain("faithful\n\u{1b}[2Jx\u{202e}"), "faithful\\u{a}\\u{1b}[2Jx\\u{202e}");
        assert_eq!(plain("gelu/cosine, ε"), "gelu/cosine, ε");
        assert_eq!(first_not_plain("ab\u{7f}"), Some((2, '\u{7f}')));
        assert_eq!(first_not_plain("a b"), None);
    }
}
