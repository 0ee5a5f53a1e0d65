//! Numbers as people read them.

use core::fmt;

/// Bytes in binary units, three digits or so: `512 B`, `12.3 KiB`, `-1.50 MiB`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes(pub(super) i128);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0.abs() < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut number = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // What rounds to 1000 is written in the next unit: four digits would need another column.
        while number.abs() >= 999.5 && unit + 1 < UNITS.len() {
            number /= 1024.0;
            unit += 1;
        }
        let decimals = match number.abs() {
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        write!(f, "{number:.decimals$} {}", UNITS[unit])
    }
}

/// A number with a comma between thousands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Commas(pub(super) i128);

impl fmt::Display for Commas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.abs() < 1000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Commas(self.0 / 1000), self.0.abs() % 1000)
    }
}

/// A duration: `12.3 s`, `4 min 05 s`, `2 h 03 min`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nanos(pub(super) u64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000_000;
        match seconds {
            ..60 => write!(f, "{:.1} s", (self.0 / 100_000_000) as f64 / 10.0),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {:02} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn sizes_have_three_digits_and_a_sign_if_negative() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (-1023, "-1023 B"),
            (1024, "1.00 KiB"),
            (-10_240, "-10.0 KiB"),
            (102_400, "100 KiB"),
            (1_023_999, "0.98 MiB"),
            (i128::from(u64::MAX), "16.0 EiB"),
        ] {
            assert_eq!(Bytes(number).to_string(), text);
        }
    }

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [
            (0, "0"),
            (-999, "-999"),
            (1000, "1,000"),
            (-1_234_567, "-1,234,567"),
            (1_000_007, "1,000,007"),
        ] {
            assert_eq!(Commas(number).to_string(), text);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let second = 1_000_000_000;
        for (nanos, text) in [
            (0, "0.0 s"),
            (second * 60 - 1, "59.9 s"),
            (second * 65, "1 min 05 s"),
            (second * 7380, "2 h 03 min"),
        ] {
            assert_eq!(Nanos(nanos).to_string(), text);
        }
    }
}
