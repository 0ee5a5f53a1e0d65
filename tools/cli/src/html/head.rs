//! The head of a page: all but the stacks, which the page shows before it has read the rest.

use mod_alloc::recording::model::MappingCounters;
use mod_alloc::report::{Mappings, summary};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::dhat_file::{Document, holders};

use super::tree::Tree;

/// Numbers above it are no whole numbers in a browser: they are written as texts.
const LARGEST: u64 = 1 << 53;

/// The head of a page of `documents`, which shows `metric` first.
pub(super) fn json(documents: &[&Document], tree: &Tree, metric: Option<&str>) -> Value {
    let head = json!({
        "version": 1,
        "metric": metric,
        "writer": concat!("mod-alloc ", env!("CARGO_PKG_VERSION")),
        "nodes": tree.nodes.len(),
        "stacks": tree.leaves.len(),
        "reports": documents.iter().map(|document| report(document)).collect::<Vec<_>>(),
    });
    exact(head)
}

fn report(document: &Document) -> Value {
    let mut report = said_by_all(document);
    let extras = &document.extras;
    let losses = extras.losses.map(|losses| summary::losses(&losses, extras.circumstances()));
    let more = [
        ("version", value(&extras.version)),
        ("executable", value(&extras.executable)),
        ("peak_is_exact", value(&extras.peak_is_exact)),
        ("ending", value(&extras.ending)),
        ("losses", value(&losses)),
        ("self_check", value(&extras.self_check)),
        ("thread_count", value(&extras.threads_ever())),
        ("threads", value(&extras.thread_list)),
        ("groups", value(&extras.groups)),
        ("heap_state", value(&extras.heap_states)),
        ("processes", value(&extras.processes)),
        ("timeline", value(&extras.timeline)),
        ("moments", value(&extras.moments)),
        ("histograms", value(&extras.histograms)),
        ("coverage", value(&extras.coverage)),
        ("advice", value(&extras.advice)),
        ("mappings", extras.mappings.as_ref().map_or(Value::Null, mappings)),
        ("sampling", value(&extras.sampling)),
    ];
    report.extend(more.into_iter().map(|(key, value)| (key.to_owned(), value)));
    Value::Object(report)
}

/// The functions that hold what the program has mapped itself, those with the most first.
fn mappings(mappings: &Mappings) -> Value {
    const MOST: usize = 200;
    let numbers = |counters: &MappingCounters| {
        let MappingCounters { calls, total_bytes, peak_bytes, end_bytes, .. } = *counters;
        json!([total_bytes, peak_bytes, end_bytes, calls])
    };
    let all = holders(mappings);
    let shown = all.iter().take(MOST).map(|holder| {
        json!({
            "name": holder.name(),
            "kind": holder.kind,
            "numbers": numbers(&holder.counters),
        })
    });
    json!({ "numbers": numbers(&mappings.sums), "holders": shown.collect::<Vec<_>>() })
}

/// The part that a report of any program has.
fn said_by_all(document: &Document) -> Map<String, Value> {
    let sums = document.totals();
    let totals = document.samples().map_or(sums, |samples| samples.instead_of(&sums));
    let units = document.units.as_ref();
    let mut map = Map::new();
    let mut say = |key: &str, value: Value| map.insert(key.into(), value);
    say("command", json!(document.command));
    say("pid", json!(document.pid));
    say("mode", json!(document.mode));
    say("verb", json!(document.verb));
    say("units", json!(units.map(|units| [&units.one, &units.many, &units.blocks])));
    say("time_unit", json!(document.time_unit));
    say("micros", json!(document.micros()));
    say("end", json!(document.end));
    say("peak", json!(document.peak));
    say("short_lifetime", json!(document.short_lifetime));
    say("totals", json!(totals.all()));
    say("stacks", json!(document.sites.len()));
    map
}

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

/// Large numbers as texts, so that none is rounded on its way.
fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(large) if large > LARGEST => Value::String(large.to_string()),
            _ => Value::Number(number),
        },
        Value::Array(all) => all.into_iter().map(exact).collect(),
        Value::Object(all) => all.into_iter().map(|(key, value)| (key, exact(value))).collect(),
        other => other,
    }
}
