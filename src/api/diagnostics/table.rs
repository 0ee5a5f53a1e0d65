//! The table of threads, as text.

use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use crate::api::memory_stats::{ProcessStats, ThreadStats};
use crate::base::units::{Bytes, Count};

/// The table: a line for each thread, most live bytes first, then one for memory of no thread, and
/// the sums. Columns of arenas and pools are there if any thread gave figures.
pub(super) fn of_threads(mut threads: Vec<ThreadStats>, all: &ProcessStats) -> String {
    threads.sort_by(|a, b| b.live_bytes.cmp(&a.live_bytes).then_with(|| a.id.cmp(&b.id)));
    let has_own = all.arena_bytes | all.pool_capacity | all.pool_allocations != 0;
    let mut rows = vec![headings()];
    rows.extend(threads.iter().map(|thread| {
        // Any code may set a name: characters that a terminal would act on are replaced.
        let name = thread.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        row(name, thread.id.to_string(), thread, Some(thread.peak_bytes))
    }));
    let elsewhere = ThreadStats::default();
    if all.elsewhere != elsewhere {
        rows.push(row("(ended, or without a slot)".into(), String::new(), &all.elsewhere, None));
    }
    rows.push(row("(all)".into(), String::new(), &sums(all), None));
    let columns = if has_own { COLUMNS } else { HEAP_COLUMNS };
    aligned(&rows, columns)
}

const HEAP_COLUMNS: usize = 7;
const COLUMNS: usize = 10;

fn headings() -> [String; COLUMNS] {
    [
        "thread",
        "id",
        "live",
        "peak",
        "allocated",
        "in blocks",
        "live blocks",
        "arenas",
        "pools: free of",
        "taken",
    ]
    .map(String::from)
}

fn row(name: String, id: String, stats: &ThreadStats, peak: Option<u64>) -> [String; COLUMNS] {
    let bytes = |number: u64| Bytes(number).to_string();
    let count = |number: u64| Count(number).to_string();
    [
        name,
        id,
        Bytes(stats.live_bytes).to_string(),
        peak.map(bytes).unwrap_or_default(),
        bytes(stats.total_bytes),
        count(stats.total_blocks),
        Count(stats.live_blocks).to_string(),
        bytes(stats.arena_bytes),
        std::format!("{} of {}", count(stats.pool_free), count(stats.pool_capacity)),
        count(stats.pool_allocations),
    ]
}

/// The table of groups, most live bytes first, with a blank line before and behind it; nothing
/// where there are none.
#[cfg(feature = "groups")]
pub(super) fn of_groups(groups: &[crate::api::groups::GroupStats]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<_> = groups.iter().collect();
    sorted.sort_by_key(|group| core::cmp::Reverse(group.live_bytes));
    let headings = ["group", "live", "peak", "allocated", "in blocks", "live blocks"];
    let mut rows = vec![headings.map(String::from)];
    rows.extend(sorted.into_iter().map(|group| {
        [
            // As of threads.
            group.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
            Bytes(group.live_bytes).to_string(),
            Bytes(group.peak_bytes).to_string(),
            Bytes(group.total_bytes).to_string(),
            Count(group.total_blocks).to_string(),
            Count(group.live_blocks).to_string(),
        ]
    }));
    let columns = headings.len();
    std::format!("\n{}\n", aligned(&rows, columns))
}

/// The sums as if they were one thread's.
fn sums(all: &ProcessStats) -> ThreadStats {
    ThreadStats {
        total_bytes: all.total_bytes,
        total_blocks: all.total_blocks,
        live_bytes: all.live_bytes,
        live_blocks: all.live_blocks,
        arena_bytes: all.arena_bytes,
        pool_free: all.pool_free,
        pool_capacity: all.pool_capacity,
        pool_allocations: all.pool_allocations,
        ..ThreadStats::default()
    }
}

/// The first columns of the rows: names flush left, numbers flush right, two blanks between.
fn aligned<const N: usize>(rows: &[[String; N]], columns: usize) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            text.push_str(&match column {
                0 => std::format!("{cell:<width$}"),
                _ => std::format!("  {cell:>width$}"),
            });
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(id: u32, live: i64) -> ThreadStats {
        ThreadStats {
            id,
            live_bytes: live,
            peak_bytes: live.max(0).cast_unsigned() * 2,
            total_bytes: 1 << 20,
            total_blocks: 1_234,
            live_blocks: live / 100,
            ..ThreadStats::default()
        }
    }

    #[test]
    fn most_live_comes_first_and_columns_stand_below_each_other() {
        let threads = vec![thread(7, -2048), thread(12_345, 3 << 20), thread(6, 2048)];
        let mut all = ProcessStats::default();
        (all.threads, all.live_bytes, all.total_bytes) = (3, 3 << 20, 3 << 20);
        (all.total_blocks, all.live_blocks) = (3_702, 31_457);
        let expected = "\
thread     id       live      peak  allocated  in blocks  live blocks
        12345   3.00 MiB  6.00 MiB   1.00 MiB      1,234       31,457
            6   2.00 KiB  4.00 KiB   1.00 MiB      1,234           20
            7  -2.00 KiB       0 B   1.00 MiB      1,234          -20
(all)           3.00 MiB             3.00 MiB      3,702       31,457
";
        assert_eq!(of_threads(threads, &all), expected);
    }

    #[cfg(feature = "groups")]
    #[test]
    fn groups_have_a_table_of_their_own() {
        use crate::api::groups::GroupStats;
        assert_eq!(of_groups(&[]), "");
        let mut groups = [GroupStats::default(), GroupStats::default()];
        (groups[0].name, groups[0].total_bytes, groups[0].total_blocks) = ("a\tb".into(), 2048, 2);
        (groups[1].name, groups[1].live_bytes, groups[1].live_blocks) = ("parsing".into(), 1024, 1);
        (groups[1].peak_bytes, groups[1].total_bytes, groups[1].total_blocks) = (1536, 4096, 1_234);
        let expected = "
group        live      peak  allocated  in blocks  live blocks
parsing  1.00 KiB  1.50 KiB   4.00 KiB      1,234            1
a?b           0 B       0 B   2.00 KiB          2            0

";
        assert_eq!(of_groups(&groups), expected);
    }

    #[test]
    fn arenas_and_pools_are_shown_where_there_are_any() {
        let mut own = thread(5, 1024);
        (own.arena_bytes, own.pool_free, own.pool_capacity, own.pool_allocations) =
            (65_536, 3, 64, 1_000);
        let mut all = ProcessStats::default();
        (all.arena_bytes, all.pool_free, all.pool_capacity, all.pool_allocations) =
            (65_536, 3, 64, 1_500);
        all.elsewhere.pool_allocations = 500;
        let text = of_threads(vec![own], &all);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].ends_with("    arenas  pools: free of  taken"), "{text}");
        assert!(lines[1].ends_with("  64.0 KiB         3 of 64  1,000"), "{text}");
        assert!(
            lines[2].starts_with("(ended, or without a slot)") && lines[2].ends_with("    500")
        );
        assert!(
            lines[3].starts_with("(all)")
                && lines[3].ends_with("  64.0 KiB         3 of 64  1,500")
        );
    }
}
