//! The age of blocks that are live at the end, from the numbers at moments of the run.

use crate::dhat_file::{Document, Site};

/// An age that at least half of the live blocks of `sites` have, in the document's unit of time;
/// `None` if nothing is known. Blocks that were allocated since a moment are all that can be
/// younger: where fewer than half were, the others are older. Frees may make it more, so it is a
/// lower bound.
pub(super) fn of_half<'d>(
    document: &Document,
    sites: impl Iterator<Item = &'d Site> + Clone,
) -> Option<f64> {
    let (moments, unit) = (document.extras.moments.as_ref()?, document.micros()?);
    let live: u128 = sites.clone().map(|site| u128::from(site.numbers.end_blocks)).sum();
    let is_half = |&moment: &usize| {
        let older = sites.clone().map(|site| {
            let young = site.numbers.total_blocks.saturating_sub(allocated(site, moment));
            u128::from(site.numbers.end_blocks.saturating_sub(young))
        });
        older.sum::<u128>() * 2 >= live
    };
    // Blocks are allocated, never taken back: from the first moment on it is so at all.
    let all: Vec<usize> = (0..moments.at_micros.len()).collect();
    let first = *all.get(all.partition_point(|moment| !is_half(moment)))?;
    let age = document.end as f64 - moments.at_micros[first] as f64 / unit;
    (live > 0 && age > 0.0).then_some(age)
}

/// Blocks that `site` had allocated up to a moment.
fn allocated(site: &Site, moment: usize) -> u64 {
    let after = site.moments.partition_point(|at| at.moment as usize <= moment);
    let last = after.checked_sub(1).and_then(|index| site.moments.get(index));
    last.map_or(0, |at| at.total_blocks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhat_file;

    /// Two stacks of a run of 10 s with moments at 2, 4, 6 and 8 s.
    fn document(moments: [&[[u64; 5]]; 2]) -> Document {
        let point = |index: usize| {
            serde_json::json!({
                "tb": 100, "tbk": 100, "tl": 1, "mb": 8, "mbk": 1, "gb": 8, "gbk": 1, "eb": 50,
                "ebk": 50, "fs": [index + 1], "x_moments": moments[index],
            })
        };
        let json = serde_json::json!({
            "dhatFileVersion": 2, "mode": "heap", "verb": "Allocated", "bklt": true,
            "bkacc": false, "tu": "ms", "Mtu": "s", "tuth": 10, "cmd": "app", "pid": 1,
            "te": 10_000, "tg": 9, "pps": [point(0), point(1)],
            "x_moments": { "at_us": [2_000_000, 4_000_000, 6_000_000, 8_000_000] },
            "ftbl": ["[root]", "0x1: a (a.c:1)", "0x2: b (a.c:2)"],
        });
        dhat_file::read(&serde_json::to_vec(&json).unwrap()).unwrap()
    }

    fn of(moments: [&[[u64; 5]]; 2], sites: usize) -> Option<f64> {
        let document = document(moments);
        of_half(&document, document.sites[..sites].iter())
    }

    #[test]
    fn blocks_are_as_old_as_few_were_allocated_since() {
        // 74, 75 and 100 of 100 blocks were there: at the second moment 25 of 50 must be older.
        let early: &[[u64; 5]] = &[[0, 0, 74, 0, 0], [1, 0, 75, 0, 0], [3, 0, 100, 0, 0]];
        assert_eq!(of([early, &[]], 1), Some(6_000.0));
        // The others may all be young: half of both are older once all of these are.
        assert_eq!(of([early, &[]], 2), Some(2_000.0));
        assert_eq!(of([&[], &[]], 1), None);
        assert_eq!(of([early, &[]], 0), None);
    }
}
