//! JSON as reports are written in it: on lines, and without the sign of a zero, which sums of nothing have and which says nothing,
//! and with everything that does not show as itself escaped.

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};
use viewless_protocols::plain::is_plain;

/// The text of a report.
///
/// # Errors
/// What cannot be written as JSON, as a map whose keys are no texts.
pub fn pretty(report: &impl Serialize) -> serde_json::Result<String> {
    let mut text = Vec::new();
    report.serialize(&mut Serializer::with_formatter(&mut text, Unsigned(PrettyFormatter::new())))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes what [`PrettyFormatter`] does, and 0 for -0.
struct Unsigned(PrettyFormatter<'static>);

impl Formatter for Unsigned {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        self.0.write_f64(writer, if value == 0.0 { 0.0 } else { value })
    }

    fn write_f32<W: Write + ?Sized>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.0.write_f32(writer, if value == 0.0 { 0.0 } else { value })
    }

    fn write_string_fragment<W: Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Marks that reorder, and the control characters that JSON allows, are escaped, too.
        let mut start = 0;
        for (at, c) in fragment.char_indices().filter(|&(_, c)| !is_plain(c)) {
            writer.write_all(&fragment.as_bytes()[start..at])?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            start = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[start..])
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_plain, pretty};

    #[test]
    fn a_report_is_the_usual_json_without_the_sign_of_a_zero() {
        let report = serde_json::json!({ "a": [1.5, 0.0, -2], "b": { "c": "-0.0", "d": [] } });
        assert_eq!(pretty(&report).unwrap(), serde_json::to_string_pretty(&report).unwrap());
        assert_eq!(pretty(&[-0.0_f64, -1e-9]).unwrap(), "[\n  0.0,\n  -1e-9\n]");
        assert_eq!(pretty(&-0.0_f32).unwrap(), "0.0");
    }

    proptest::proptest! {
        #[test]
        fn a_text_in_a_report_shows_as_itself_and_is_read_back(text in proptest::prelude::any::<String>()) {
            let shown = pretty(&text).unwrap();
            proptest::prop_assert!(shown.chars().all(is_plain), "{shown}");
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}
