//! Sizes, counts, shares and times as people read them.

use std::fmt::{self, Display};

/// A number of bytes: `544 B`, `12.3 KiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // What rounds to 1024.0 is shown as 1.0 of the next.
        while size >= 1023.95 && unit + 1 < UNITS.len() {
            size /= 1024.0;
            unit += 1;
        }
        f.pad(&format!("{size:.1} {}", UNITS[unit]))
    }
}

/// A count, with a comma between thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        f.pad(&text)
    }
}

/// A count and what is counted: `1 block`, `1,204 blocks`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted<'a> {
    pub(crate) count: u64,
    pub(crate) one: &'a str,
    pub(crate) many: &'a str,
}

/// `count` blocks.
pub(crate) fn blocks(count: u64) -> Counted<'static> {
    Counted { count, one: "block", many: "blocks" }
}

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { self.one } else { self.many };
        f.pad(&format!("{} {noun}", Count(self.count)))
    }
}

/// A part of a whole in percent: `41.2 %`; `-` of nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

impl Share {
    pub(crate) fn percent(self) -> f64 {
        if self.whole == 0 { 0.0 } else { self.part as f64 * 100.0 / self.whole as f64 }
    }
}

impl Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole == 0 {
            return f.pad("-");
        }
        // All and nothing are said of exactly that alone.
        let percent = match (self.part, self.percent()) {
            (0, _) => 0.0,
            (part, percent) if part < self.whole => percent.clamp(0.1, 99.9),
            (_, percent) => percent,
        };
        f.pad(&format!("{percent:.1} %"))
    }
}

/// A time: `12 µs`, `3.4 ms`, `1.25 s`, `3 min 20 s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Micros(pub(crate) f64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0;
        let text = match micros {
            _ if micros < 9.95 => format!("{micros:.1} µs"),
            _ if micros < 999.5 => format!("{micros:.0} µs"),
            _ if micros < 9_995.0 => format!("{:.2} ms", micros / 1e3),
            _ if micros < 999_500.0 => format!("{:.0} ms", micros / 1e3),
            _ if micros < 9_995_000.0 => format!("{:.2} s", micros / 1e6),
            _ if micros < 99_950_000.0 => format!("{:.1} s", micros / 1e6),
            _ => long((micros / 1e6).round() as u64),
        };
        f.pad(&text)
    }
}

fn long(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min {} s", seconds % 60),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_keeps_them_short() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_524, "1023.9 KiB"),
            (1_048_525, "1.0 MiB"),
            (1 << 20, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Bytes(7)), "     7 B");
    }

    #[test]
    fn counts_have_commas() {
        for (count, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")]
        {
            assert_eq!(Count(count).to_string(), text);
        }
        assert_eq!(blocks(1).to_string(), "1 block");
        assert_eq!(blocks(1000).to_string(), "1,000 blocks");
        assert_eq!(blocks(0).to_string(), "0 blocks");
    }

    #[test]
    fn shares_say_all_and_nothing_of_exactly_that() {
        let share = |part, whole| Share { part, whole }.to_string();
        assert_eq!(share(1, 3), "33.3 %");
        assert_eq!(share(1, 1_000_000), "0.1 %");
        assert_eq!(share(999_999, 1_000_000), "99.9 %");
        assert_eq!(share(5, 5), "100.0 %");
        assert_eq!(share(0, 5), "0.0 %");
        assert_eq!(share(0, 0), "-");
        // Sums of maxima may be above a whole.
        assert_eq!(share(10, 5), "200.0 %");
    }

    #[test]
    fn times_have_the_unit_that_keeps_them_short() {
        for (micros, text) in [
            (0.0, "0.0 µs"),
            (9.94, "9.9 µs"),
            (12.0, "12 µs"),
            (999.6, "1.00 ms"),
            (3_400.0, "3.40 ms"),
            (310_000.0, "310 ms"),
            (1_250_000.0, "1.25 s"),
            (12_300_000.0, "12.3 s"),
            (200e6, "3 min 20 s"),
            (3_660e6, "1 h 1 min"),
            (90_000e6, "1 d 1 h"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
        }
    }
}
