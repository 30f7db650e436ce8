//! HTML pages without anything outside them: no scripts, no fonts, no links.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 1120px; margin: 2em auto; padding: 0 1.2em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0 } .wide { overflow-x: auto }
th { text-align: right; border-bottom: 2px solid #777; padding: 3px 9px; vertical-align: bottom } th:first-child, td:first-child { text-align: left }
td { text-align: right; border-bottom: 1px solid #e4e4e4; padding: 3px 9px } table.words th, table.words td { text-align: left; vertical-align: top }
.best { font-weight: 600; background: #e7f4ec } .bad { color: #b22600 } td.number { text-align: right; white-space: nowrap } tr.best td { background: #e7f4ec; font-weight: 600 } p.first { font-size: 1.15em; max-width: 80ch }
svg { width: 100%; height: auto; display: block; font-size: 12.5px } svg .grid { stroke: #e2e2e2 } svg .scale { fill: #5a5a5a; font-size: 11.5px }
svg .number { font-weight: 700; paint-order: stroke; stroke: #fff; stroke-width: 4px }
svg.swatch { width: 16px; height: 16px; display: inline-block; margin-right: 5px; vertical-align: -3px }
svg.key { width: 30px; height: 10px; display: inline-block; margin-right: 5px; vertical-align: middle }
.legend { font-size: 13px } .legend span { margin-right: 14px; white-space: nowrap }
.panels { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px } .panels h3 { font-size: 13px; font-weight: 600; margin: 0 0 4px 62px }
pre { font-size: 12.5px; background: #f6f6f6; padding: 10px; white-space: pre-wrap } p.note { color: #444; max-width: 75ch }
";

/// A page of that title.
#[must_use]
pub fn document(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (super::chart::hatches()) (body) }
        }
    }
    .into_string()
}
