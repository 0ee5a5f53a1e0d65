//! An age, as an option.

use std::time::Duration;

/// The units of an age, in seconds.
const UNITS: [(char, u64); 5] =
    [('s', 1), ('m', 60), ('h', 3600), ('d', 24 * 3600), ('w', 7 * 24 * 3600)];

/// `30m`, `12h`, `1d`, `2w`
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let parsed = UNITS.iter().find_map(|(unit, seconds)| {
        let number = text.strip_suffix(*unit)?.parse::<u64>().ok()?;
        number.checked_mul(*seconds).map(Duration::from_secs)
    });
    parsed.ok_or_else(|| "an age such as `30m`, `12h`, `1d` or `2w` is needed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_a_number_and_a_unit() {
        let seconds = |text| age(text).map(|age| age.as_secs()).ok();
        assert_eq!(["90s", "30m", "12h"].map(seconds), [90, 1800, 43_200].map(Some));
        assert_eq!(["1d", "2w", "0d"].map(seconds), [86_400, 1_209_600, 0].map(Some));
        for text in ["", "1", "d", "-1d", "1.5d", "1 d", "1y", "99999999999999999w", "1dd"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
