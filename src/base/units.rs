//! Numbers as people read them, by the crate and by the command alike.
//!
//! Nothing here allocates. All but [`Counted`] heed a width: `{:>10}`.

use core::fmt::{self, Display, Write};

/// Bytes in binary units, with about three digits: `512 B`, `12.3 KiB`, `-1.50 MiB`.
///
/// Units are those of IEC 80000-13: 1 KiB is 1,024 bytes. Below that the number is exact. A number
/// that would round to 1,000 takes the next unit, so that columns keep their width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<N = u64>(pub N);

impl<N: Copy + Into<i128>> Display for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let bytes = self.0.into();
        match bytes.unsigned_abs() {
            ..1024 => pad(f, format_args!("{bytes} B")),
            _ => {
                let (number, unit) = scaled(bytes as f64, 1024.0, &UNITS);
                pad(f, format_args!("{number} {unit}"))
            }
        }
    }
}

/// A count with a comma between thousands: `-1,234`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<N = u64>(pub N);

impl<N: Copy + Into<i128>> Display for Count<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Text::default();
        write!(digits, "{}", self.0.into().unsigned_abs())?;
        let digits = digits.as_str();
        let mut text = Text::default();
        text.write_str(if self.0.into() < 0 { "-" } else { "" })?;
        for (index, digit) in digits.char_indices() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.write_char(',')?;
            }
            text.write_char(digit)?;
        }
        f.pad(text.as_str())
    }
}

/// A count in decimal units, in five characters: `999`, `12.3k`, `4.56M`.
///
/// Steps are of 1,000, as counts of blocks have no binary unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortCount(pub u64);

impl Display for ShortCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
        if self.0 < 1000 {
            return pad(f, format_args!("{}", self.0));
        }
        let (number, unit) = scaled(self.0 as f64, 1000.0, &UNITS);
        pad(f, format_args!("{number}{unit}"))
    }
}

/// A count and what is counted: `1 block`, `1,204 blocks`.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// How many.
    pub count: u64,
    /// The word for one.
    pub one: &'a str,
    /// The word for several.
    pub many: &'a str,
}

/// `count` blocks.
#[must_use]
pub fn blocks(count: u64) -> Counted<'static> {
    Counted { count, one: "block", many: "blocks" }
}

/// `count` bytes, to the byte.
#[must_use]
pub fn bytes(count: u64) -> Counted<'static> {
    Counted { count, one: "byte", many: "bytes" }
}

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { self.one } else { self.many };
        write!(f, "{} {noun}", Count(self.count))
    }
}

/// A part of a whole in percent: `41.2 %`; `-` where the whole is nothing.
///
/// A part that is not nothing shows at least 0.1 %, and one that is not all at most 99.9 %. More
/// than 100 % is possible: maxima of several sites were not reached at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The part.
    pub part: u64,
    /// The whole.
    pub whole: u64,
}

impl Share {
    /// The share in percent.
    #[must_use]
    pub fn percent(self) -> f64 {
        if self.whole == 0 { 0.0 } else { self.part as f64 * 100.0 / self.whole as f64 }
    }
}

impl Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.whole == 0 {
            return f.pad("-");
        }
        // 100 % and 0 % stand for exactly all and exactly nothing.
        let percent = match (self.part, self.percent()) {
            (0, _) => 0.0,
            (part, percent) if part < self.whole => percent.clamp(0.1, 99.9),
            (_, percent) => percent,
        };
        pad(f, format_args!("{percent:.1} %"))
    }
}

/// A time in µs: `12 µs`, `3.40 ms`, `1.25 s`, `4 min 05 s`, `2 h 03 min`.
///
/// Three digits at most, as the clock's noise is larger than a fourth. Minutes and more have two
/// units, the second one whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Micros(pub f64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0;
        match micros {
            ..9.95 => pad(f, format_args!("{micros:.1} µs")),
            ..999.5 => pad(f, format_args!("{micros:.0} µs")),
            ..9_995.0 => pad(f, format_args!("{:.2} ms", micros / 1e3)),
            ..999_500.0 => pad(f, format_args!("{:.0} ms", micros / 1e3)),
            ..9_995_000.0 => pad(f, format_args!("{:.2} s", micros / 1e6)),
            ..59_950_000.0 => pad(f, format_args!("{:.1} s", micros / 1e6)),
            _ => long(f, (micros / 1e6).round() as u64),
        }
    }
}

/// A minute or more, in two units.
fn long(f: &mut fmt::Formatter<'_>, seconds: u64) -> fmt::Result {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => pad(f, format_args!("{minutes} min {:02} s", seconds % 60)),
        (0, _) => pad(f, format_args!("{hours} h {minutes:02} min")),
        _ => pad(f, format_args!("{days} d {hours:02} h")),
    }
}

/// The number in the unit that leaves it three digits before the point at most.
fn scaled(number: f64, step: f64, units: &[&'static str]) -> (ThreeDigits, &'static str) {
    let mut number = number / step;
    let mut unit = 0;
    // 999.5 rounds to 1000: a fourth digit would need another column.
    while number.abs() >= 999.5 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    (ThreeDigits(number), units.get(unit).copied().unwrap_or_default())
}

/// A number with about three digits: `1.23`, `12.3`, `123`.
struct ThreeDigits(f64);

impl Display for ThreeDigits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.0.abs() {
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        write!(f, "{:.decimals$}", self.0)
    }
}

/// Writes a number's text in the width that was asked for.
fn pad(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    let mut padded = Text::default();
    padded.write_fmt(text)?;
    f.pad(padded.as_str())
}

/// A number's text, in place. The longest one, a signed 128-bit number with commas, has 53 bytes.
#[derive(Default)]
struct Text {
    bytes: [[u8; 32]; 2],
    len: usize,
}

impl Text {
    fn as_str(&self) -> &str {
        let text = self.bytes.as_flattened().get(..self.len).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let place = self.bytes.as_flattened_mut().get_mut(self.len..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn sizes_have_three_digits_and_a_sign_if_negative() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (-1023, "-1023 B"),
            (1024, "1.00 KiB"),
            (10_230, "9.99 KiB"),
            (-10_240, "-10.0 KiB"),
            (102_400, "100 KiB"),
            (1_023_999, "0.98 MiB"),
            (1 << 20, "1.00 MiB"),
            (i128::from(u64::MAX), "16.0 EiB"),
        ] {
            assert_eq!(Bytes(number).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Bytes(7)), "     7 B");
    }

    #[test]
    fn counts_have_commas() {
        for (count, text) in [
            (0, "0"),
            (-999, "-999"),
            (1000, "1,000"),
            (-1_234_567, "-1,234,567"),
            (1_000_007, "1,000,007"),
            (i128::from(u64::MAX), "18,446,744,073,709,551,615"),
            (i128::MIN, "-170,141,183,460,469,231,731,687,303,715,884,105,728"),
        ] {
            assert_eq!(Count(count).to_string(), text);
        }
        assert_eq!(format!("{:>6}|{:<6}", Count(1000), Count(7)), " 1,000|7     ");
        assert_eq!(blocks(1).to_string(), "1 block");
        assert_eq!(blocks(1000).to_string(), "1,000 blocks");
        assert_eq!(blocks(0).to_string(), "0 blocks");
        assert_eq!([bytes(1), bytes(1024)].map(|n| n.to_string()), ["1 byte", "1,024 bytes"]);
    }

    #[test]
    fn short_counts_have_three_digits() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (12_345, "12.3k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(ShortCount(number).to_string(), text, "{number}");
        }
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
            (59_940_000.0, "59.9 s"),
            (59_960_000.0, "1 min 00 s"),
            (65e6, "1 min 05 s"),
            (3_660e6, "1 h 01 min"),
            (90_000e6, "1 d 01 h"),
        ] {
            assert_eq!(Micros(micros).to_string(), text);
        }
        assert_eq!(format!("{:>8}", Micros(12.0)), "   12 µs");
    }
}
