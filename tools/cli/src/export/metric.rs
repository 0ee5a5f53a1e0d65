//! The names of metrics in exported files.

use crate::dhat_file::{Document, Units};
pub(super) use crate::report::Sort as Metric;
use crate::units::{Bytes, Counted, blocks};

/// The metrics that `document` knows.
pub(super) fn known(document: &Document) -> impl Iterator<Item = Metric> + '_ {
    Metric::ALL.into_iter().filter(|metric| metric.is_known(document))
}

/// The things that `metric` counts in `document`, as a title.
pub(super) fn title(metric: Metric, document: &Document) -> String {
    let (many, blocks) = match &document.units {
        None => ("bytes", "blocks"),
        Some(Units { many, blocks, .. }) => (&**many, &**blocks),
    };
    let happened = if document.units.is_some() { "in all" } else { verb(document) };
    let text = match metric {
        Metric::Total => format!("{many} {happened}"),
        Metric::Blocks => format!("{blocks} {happened}"),
        Metric::Peak if document.extras.processes.len() > 1 => {
            format!("{many} live at the peaks of {} processes", document.extras.processes.len())
        }
        Metric::Peak => format!("{many} live at the peak"),
        Metric::End => format!("{many} live at the end"),
        Metric::Short => format!("short-lived {blocks}"),
    };
    capitalized(&text)
}

/// The event of the document, in a sentence: `allocated`, `copied`.
fn verb(document: &Document) -> &str {
    match document.verb.as_str() {
        "Copied" => "copied",
        "Occurred" => "occurred",
        _ => "allocated",
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// An amount of what `metric` counts: `12.3 MiB`, `7 blocks`.
pub(super) fn amount(metric: Metric, document: &Document, number: u64) -> String {
    match &document.units {
        None if metric.counts_bytes() => Bytes(number).to_string(),
        None => blocks(number).to_string(),
        Some(units) if metric.counts_bytes() => {
            Counted { count: number, one: &units.one, many: &units.many }.to_string()
        }
        Some(units) => {
            Counted { count: number, one: &units.blocks, many: &units.blocks }.to_string()
        }
    }
}
