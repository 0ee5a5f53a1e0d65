//! Numbers as people read them.

/// Bytes in binary units, three digits or so: `512 B`, `12.3 KiB`, `1.50 GiB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    scaled(bytes as f64 / 1024.0, 1024.0, &UNITS, " ")
}

/// A number of things in decimal units: `999`, `12.3k`, `4.56M`.
pub(super) fn count(count: u64) -> String {
    const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    if count < 1000 {
        return count.to_string();
    }
    scaled(count as f64 / 1000.0, 1000.0, &UNITS, "")
}

fn scaled(mut number: f64, step: f64, units: &[&str], space: &str) -> String {
    let mut unit = 0;
    // What rounds to 1000 is written in the next unit: four digits would need another column.
    while number >= 999.5 && unit + 1 < units.len() {
        number /= step;
        unit += 1;
    }
    let decimals = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}{space}{}", units[unit])
}

/// A whole number with a comma between thousands.
pub(super) fn commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration: `12.3 s`, `4 min 05 s`, `2 h 03 min`.
pub(super) fn micros(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        ..60 => format!("{:.1} s", (micros / 100_000) as f64 / 10.0),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A rate, rounded to a whole number. What is above zero is never shown as zero.
pub(super) fn whole(rate: f64) -> u64 {
    rate.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10_230, "9.99 KiB"),
            (10_240, "10.0 KiB"),
            (102_400, "100 KiB"),
            (1_023_999, "0.98 MiB"),
            (1 << 20, "1.00 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), text, "{number}");
        }
    }

    #[test]
    fn counts_have_three_digits() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (12_345, "12.3k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(number), text, "{number}");
        }
    }

    #[test]
    fn thousands_are_separated() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(commas(number), text);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (0, "0.0 s"),
            (59_999_999, "59.9 s"),
            (65_000_000, "1 min 05 s"),
            (7_380_000_000, "2 h 03 min"),
        ];
        for (number, text) in cases {
            assert_eq!(micros(number), text);
        }
    }

    #[test]
    fn little_is_not_nothing() {
        assert_eq!((whole(0.0), whole(0.01), whole(1.5)), (0, 1, 2));
    }
}
