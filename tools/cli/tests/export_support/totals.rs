//! The numbers of a report by metric, as the report has them and as each format has them.

use mod_alloc_cli::dhat_file::{Document, Numbers};
use serde_json::Value;

/// The metrics, as `--metric` names them.
pub(crate) const METRICS: [&str; 5] = ["total", "blocks", "peak", "end", "short"];

/// The metrics that a report has.
pub(crate) fn known(document: &Document) -> &'static [&'static str] {
    if document.knows_frees() { &METRICS } else { &METRICS[..2] }
}

/// The sum of a metric over a report's stacks.
pub(crate) fn of_report(document: &Document, metric: &str) -> u128 {
    document.sites.iter().map(|site| u128::from(number(document, &site.numbers, metric))).sum()
}

fn number(document: &Document, numbers: &Numbers, metric: &str) -> u64 {
    match metric {
        "total" => numbers.total_bytes,
        "blocks" => numbers.total_blocks,
        "peak" => numbers.peak_bytes,
        "end" => numbers.end_bytes,
        "short" => {
            let Some(short) = document.short_lifetime else { return 0 };
            // A mean of at most `short`, without a division.
            let is_short = u128::from(numbers.lifetimes)
                <= u128::from(short) * u128::from(numbers.total_blocks);
            if is_short { numbers.total_blocks } else { 0 }
        }
        _ => panic!("no metric {metric}"),
    }
}

/// The sum of a metric in a speedscope file; its samples and weights are of one length.
pub(crate) fn of_speedscope(file: &Value, index: usize) -> u128 {
    let profile = &file["profiles"][index];
    let weights = profile["weights"].as_array().unwrap();
    assert_eq!(profile["samples"].as_array().unwrap().len(), weights.len());
    let frames = file["shared"]["frames"].as_array().unwrap().len() as u64;
    for sample in profile["samples"].as_array().unwrap() {
        assert!(sample.as_array().unwrap().iter().all(|frame| frame.as_u64().unwrap() < frames));
    }
    weights.iter().map(|weight| u128::from(weight.as_u64().unwrap())).sum()
}

/// The sum of a metric in a Firefox profile.
pub(crate) fn of_firefox(file: &Value, index: usize) -> u128 {
    let thread = &file["threads"][index];
    let native = &thread["nativeAllocations"];
    let table = if native.is_null() { &thread["samples"] } else { native };
    let stacks = file["shared"]["stackTable"]["length"].as_u64().unwrap();
    for stack in table["stack"].as_array().unwrap() {
        assert!(stack.as_u64().is_none_or(|stack| stack < stacks), "{stack}");
    }
    for column in ["stack", "time", "weight"] {
        assert_eq!(table[column].as_array().unwrap().len() as u64, table["length"], "{column}");
    }
    let weights = table["weight"].as_array().unwrap();
    weights.iter().map(|weight| u128::from(weight.as_u64().unwrap())).sum()
}

/// The sum of the numbers of collapsed stacks.
pub(crate) fn of_collapsed(text: &str) -> u128 {
    let number = |line: &str| {
        let (stack, number) = line.rsplit_once(' ').expect("a stack and a number");
        assert!(!stack.is_empty() && !stack.split(';').any(str::is_empty), "{line}");
        number.parse::<u128>().expect("a number")
    };
    text.lines().map(number).sum()
}
