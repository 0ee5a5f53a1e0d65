//! The heap over time, and distributions: keys of mod-alloc's own reports.

use serde::{Deserialize, Serialize};

/// The heap over time (`x_timeline`): samples of the whole run, lists of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Lists")]
#[non_exhaustive]
pub struct Timeline {
    /// Ends of the samples' intervals, in µs since the start, ascending.
    pub end_us: Vec<u64>,
    /// The least live bytes in the interval.
    pub min_bytes: Vec<u64>,
    /// The most live bytes in the interval.
    pub max_bytes: Vec<u64>,
    /// Live blocks at the interval's end.
    pub blocks: Vec<u64>,
    /// Bytes allocated from the start to the interval's end.
    pub total_bytes: Vec<u64>,
    /// Blocks allocated from the start to the interval's end.
    pub total_blocks: Vec<u64>,
    /// The process's resident memory at the interval's end; `None` if not known.
    pub resident_bytes: Vec<Option<u64>>,
}

/// As they are written.
#[derive(Deserialize)]
struct Lists {
    end_us: Vec<u64>,
    min_bytes: Vec<u64>,
    max_bytes: Vec<u64>,
    blocks: Vec<u64>,
    total_bytes: Vec<u64>,
    total_blocks: Vec<u64>,
    resident_bytes: Vec<Option<u64>>,
}

impl TryFrom<Lists> for Timeline {
    type Error = String;

    fn try_from(lists: Lists) -> Result<Self, String> {
        let Lists { end_us, min_bytes, max_bytes, blocks, .. } = lists;
        let (total_bytes, total_blocks) = (lists.total_bytes, lists.total_blocks);
        let resident_bytes = lists.resident_bytes;
        let lengths = [
            ("min_bytes", min_bytes.len()),
            ("max_bytes", max_bytes.len()),
            ("blocks", blocks.len()),
            ("total_bytes", total_bytes.len()),
            ("total_blocks", total_blocks.len()),
            ("resident_bytes", resident_bytes.len()),
        ];
        for (key, length) in lengths {
            if length != end_us.len() {
                let wanted = end_us.len();
                return Err(format!("x_timeline: `{key}` has {length} entries, not {wanted}"));
            }
        }
        if !end_us.is_sorted() {
            return Err("x_timeline: `end_us` does not ascend".into());
        }
        Ok(Self { end_us, min_bytes, max_bytes, blocks, total_bytes, total_blocks, resident_bytes })
    }
}

/// The moments at which stacks' numbers were taken down (`x_moments` of the report).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Moments {
    /// In µs since the start, ascending.
    pub at_us: Vec<u64>,
}

/// A stack's numbers at a moment at which they differed from those of the moment before. In a
/// stack's `x_moments`, it is `[moment, total_bytes, total_blocks, live_bytes, live_blocks]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "[u64; 5]")]
#[non_exhaustive]
pub struct SiteMoment {
    /// Index into [`Moments::at_us`].
    pub moment: u64,
    /// Bytes and blocks allocated from the start, then bytes and blocks live.
    pub numbers: [u64; 4],
}

impl From<[u64; 5]> for SiteMoment {
    fn from([moment, total_bytes, total_blocks, live_bytes, live_blocks]: [u64; 5]) -> Self {
        Self { moment, numbers: [total_bytes, total_blocks, live_bytes, live_blocks] }
    }
}

/// Distributions over the whole heap (`x_histograms`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Histograms {
    /// By the blocks' sizes in bytes.
    pub sizes: Option<Histogram>,
    /// By the blocks' lifetimes in µs.
    pub lifetimes: Option<Histogram>,
}

/// Blocks and their bytes by powers of two: entry 0 is of the value 0, entry N of the values
/// from 2^(N-1) to 2^N - 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Histogram {
    /// Blocks.
    pub blocks: Vec<u64>,
    /// Their bytes.
    pub bytes: Vec<u64>,
}

/// A thread that allocated (`x_threads`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Thread {
    /// The system's number for it.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// It had not ended.
    pub running: bool,
    /// Bytes that it allocated.
    pub total_bytes: u64,
    /// Blocks that it allocated.
    pub total_blocks: u64,
    /// Bytes that it freed, whoever allocated them.
    pub freed_bytes: u64,
    /// Blocks that it freed.
    pub freed_blocks: u64,
}
