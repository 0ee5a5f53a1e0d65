//! The heap over time, and distributions, as JSON.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::object::object;
use crate::recording::model::{Histogram, Histograms, Moments, SiteMoment, Timeline};

object!(Timeline: |timeline| {
    "end_us": timeline.end_micros,
    "min_bytes": timeline.min_bytes,
    "max_bytes": timeline.max_bytes,
    "blocks": timeline.blocks,
    "total_bytes": timeline.total_bytes,
    "total_blocks": timeline.total_blocks,
    "resident_bytes": timeline.resident_bytes,
});

// The numbers are the stacks'.
object!(Moments: |moments| {
    "at_us": moments.at_micros,
    "thinned": moments.thinned,
});

object!(Histograms: |histograms| {
    "sizes": histograms.sizes,
    "lifetimes": histograms.lifetimes,
});

object!(Histogram: |histogram| {
    "blocks": histogram.blocks,
    "bytes": histogram.bytes,
});

/// A list, which is shorter than an object.
impl Serialize for SiteMoment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SiteMoment { moment, total_bytes, total_blocks, live_bytes, live_blocks } = *self;
        [moment.into(), total_bytes, total_blocks, live_bytes, live_blocks].serialize(serializer)
    }
}
