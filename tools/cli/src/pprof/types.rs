//! The numbers of a sample, and their names.

use crate::dhat_file::{Document, Numbers, Units};
use crate::report::Sort as Metric;

use super::options::Options;

/// One of a sample's numbers.
pub(crate) struct SampleType {
    pub(crate) name: String,
    pub(crate) unit: String,
    /// pprof shows it first.
    pub(crate) is_default: bool,
    number: Number,
}

type Number = fn(&Document, &Numbers) -> u64;

impl SampleType {
    /// The number of a stack.
    pub(crate) fn value(&self, document: &Document, numbers: &Numbers) -> u64 {
        (self.number)(document, numbers)
    }
}

/// The sample types of `document`.
pub(crate) fn of(document: &Document, options: Options) -> Vec<SampleType> {
    let metric = options.metric;
    let [blocks, bytes] = totals(document);
    let mut types = vec![
        kind(&blocks.0, blocks.1, metric == Metric::Blocks, |_, numbers| numbers.total_blocks),
        kind(&bytes.0, bytes.1, metric == Metric::Total, |_, numbers| numbers.total_bytes),
    ];
    if document.knows_frees() {
        types.extend([
            kind("inuse_objects", "count", false, |_, numbers| numbers.end_blocks),
            kind("inuse_space", "bytes", metric == Metric::End, |_, numbers| numbers.end_bytes),
        ]);
    }
    if document.knows_frees() && options.has_peak {
        types.extend([
            kind("peak_objects", "count", false, |_, numbers| numbers.peak_blocks),
            kind("peak_space", "bytes", metric == Metric::Peak, |_, numbers| numbers.peak_bytes),
        ]);
    }
    if metric == Metric::Short && document.knows_frees() {
        let short: Number = |document, numbers| Metric::Short.part(document, numbers);
        types.push(kind("short_objects", "count", true, short));
    }
    types
}

/// Names of the totals: of blocks, and of bytes with their unit.
fn totals(document: &Document) -> [(String, &'static str); 2] {
    match &document.units {
        Some(Units { many, blocks, .. }) => [(blocks.clone(), "count"), (many.clone(), "count")],
        None if document.is_of_allocations() => {
            [("alloc_objects".into(), "count"), ("alloc_space".into(), "bytes")]
        }
        None => {
            let verb = document.verb.to_lowercase();
            [(format!("{verb}_objects"), "count"), (format!("{verb}_space"), "bytes")]
        }
    }
}

fn kind(name: &str, unit: &str, is_default: bool, number: Number) -> SampleType {
    SampleType { name: name.into(), unit: unit.into(), is_default, number }
}
