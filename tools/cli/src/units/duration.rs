//! A time between two events, as an option.

use std::time::Duration;

/// The units, in milliseconds, as those of `MOD_ALLOC_EVERY`. `ms` first: it ends as seconds do.
const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// `500ms`, `30s`, `10m`, `2h`, `1d`
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = UNITS.iter().find_map(|(unit, millis)| {
        let number = text.trim().strip_suffix(unit)?.trim_end();
        // A sign is a mistake.
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(*millis)
    });
    // Nothing happens every 0 seconds.
    let millis = parsed.filter(|&millis| millis > 0);
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| "a time such as `30s`, `10m` or `2h` is needed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, millis) in
            [("500ms", 500), ("30s", 30_000), (" 10 m ", 600_000), ("2h", 7_200_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "m", "-1s", "+1s", "0s", "1.5h", "10min", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
