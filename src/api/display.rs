//! The figures as one line for people. `{}` has bytes in units, `{:#}` in full.

use core::fmt::{self, Display, Formatter};

use crate::api::totals::AllocStats;
use crate::base::units::{Bytes, blocks, bytes};

/// A part of a line.
enum Part<'a> {
    Text(&'a str),
    Size(u64),
    Blocks(u64),
}

use Part::{Blocks, Size, Text};

fn line(f: &mut Formatter<'_>, parts: &[Part<'_>]) -> fmt::Result {
    let in_full = f.alternate();
    parts.iter().try_for_each(|part| match part {
        Text(text) => f.write_str(text),
        Size(size) if in_full => write!(f, "{}", bytes(*size)),
        Size(size) => write!(f, "{}", Bytes(*size)),
        Blocks(count) => write!(f, "{}", blocks(*count)),
    })
}

/// `total 6.96 MiB in 200,021 blocks; peak 3.67 MiB, 100,014 blocks; live 544 B in 1 block`. The
/// two maxima may be of two moments.
impl Display for AllocStats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(
            f,
            &[
                Text("total "),
                Size(self.total_bytes),
                Text(" in "),
                Blocks(self.alloc_count),
                Text("; peak "),
                Size(self.peak_bytes),
                Text(", "),
                Blocks(self.peak_live_count),
                Text("; live "),
                Size(self.current_bytes),
                Text(" in "),
                Blocks(self.live_count),
            ],
        )
    }
}

/// `7 blocks, 648 B; 648 B at the peak; 1 block, 48 B live at the end`.
#[cfg(feature = "backtraces")]
impl Display for crate::api::measure::Measured {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(
            f,
            &[
                Blocks(self.blocks),
                Text(", "),
                Size(self.bytes),
                Text("; "),
                Size(self.peak_bytes),
                Text(" at the peak; "),
                Blocks(self.end_blocks),
                Text(", "),
                Size(self.end_bytes),
                Text(" live at the end"),
            ],
        )
    }
}

/// `parsing: total 1.20 MiB in 2,000 blocks; peak 640 KiB; live 0 B in 0 blocks`.
#[cfg(feature = "groups")]
impl Display for crate::api::groups::GroupStats {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        line(
            f,
            &[
                Text(&self.name),
                Text(": total "),
                Size(self.total_bytes),
                Text(" in "),
                Blocks(self.total_blocks),
                Text("; peak "),
                Size(self.peak_bytes),
                Text("; live "),
                Size(self.live_bytes),
                Text(" in "),
                Blocks(self.live_blocks),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::AllocStats;

    #[test]
    fn totals_are_a_line_in_units_and_in_full() {
        let stats = AllocStats {
            alloc_count: 1234,
            total_bytes: 2 << 20,
            peak_bytes: 2048,
            current_bytes: 1,
            live_count: 1,
            peak_live_count: 1000,
            ..AllocStats::default()
        };
        assert_eq!(
            format!("{stats}"),
            "total 2.00 MiB in 1,234 blocks; peak 2.00 KiB, 1,000 blocks; live 1 B in 1 block"
        );
        assert_eq!(
            format!("{stats:#}"),
            "total 2,097,152 bytes in 1,234 blocks; peak 2,048 bytes, 1,000 blocks; \
             live 1 byte in 1 block"
        );
    }

    #[cfg(feature = "backtraces")]
    #[test]
    fn a_measurement_is_a_line() {
        let measured = crate::api::measure::Measured {
            blocks: 1,
            bytes: 2048,
            peak_bytes: 1,
            end_blocks: 0,
            end_bytes: 0,
        };
        assert_eq!(
            format!("{measured}"),
            "1 block, 2.00 KiB; 1 B at the peak; 0 blocks, 0 B live at the end"
        );
        assert_eq!(
            format!("{measured:#}"),
            "1 block, 2,048 bytes; 1 byte at the peak; 0 blocks, 0 bytes live at the end"
        );
    }

    #[cfg(feature = "groups")]
    #[test]
    fn a_group_is_a_line_with_its_name() {
        let stats = crate::api::groups::GroupStats {
            name: "parsing".into(),
            total_blocks: 1,
            total_bytes: 1536,
            live_blocks: 0,
            live_bytes: 0,
            peak_bytes: 1024,
        };
        assert_eq!(
            format!("{stats}"),
            "parsing: total 1.50 KiB in 1 block; peak 1.00 KiB; live 0 B in 0 blocks"
        );
        assert_eq!(
            format!("{stats:#}"),
            "parsing: total 1,536 bytes in 1 block; peak 1,024 bytes; live 0 bytes in 0 blocks"
        );
    }
}
