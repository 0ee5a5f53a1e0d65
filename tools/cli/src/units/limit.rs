//! A limit of growth, as an option.

use std::fmt;
use std::str::FromStr;

use mod_alloc::units::Count;

use super::percent::Percent;

/// The most that a number may grow: `5%`, `64KiB`, `1000`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    Percent(Percent),
    /// Bytes or blocks.
    Amount(u64),
}

/// Suffixes of an amount.
const SUFFIXES: [(&str, u64); 5] =
    [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("B", 1)];

impl Limit {
    /// A growth from `before` to `after` is above it. Something from nothing is above any
    /// percentage.
    pub(crate) fn is_exceeded(self, before: u64, after: u64) -> bool {
        let growth = after.saturating_sub(before);
        match self {
            Limit::Amount(most) => growth > most,
            Limit::Percent(Percent(most)) => growth as f64 * 100.0 > before as f64 * most,
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(percent) = text.parse() {
            return Ok(Limit::Percent(percent));
        }
        amount(text.trim()).map(Limit::Amount).ok_or_else(|| {
            "a percentage such as `5%`, a size such as `64KiB` or a number is needed".into()
        })
    }
}

/// A size, as an option.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    amount(text.trim()).ok_or_else(|| "a size such as `64KiB` or a number is needed".into())
}

/// `64KiB`, `1.5MiB`, `1000`
fn amount(text: &str) -> Option<u64> {
    let suffix =
        SUFFIXES.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)));
    let Some((number, &unit)) = suffix else { return text.parse().ok() };
    let number = number.trim_end();
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let bytes = number.parse::<f64>().ok()? * unit as f64;
    // A cast of a float stays within the bounds.
    (bytes.is_finite() && bytes >= 0.0).then_some(bytes as u64)
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Percent(percent) => percent.fmt(f),
            Limit::Amount(amount) => Count(*amount).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_percentages_sizes_and_numbers() {
        for (text, limit) in [
            ("5%", Limit::Percent(Percent(5.0))),
            ("64KiB", Limit::Amount(65_536)),
            ("1.5 MiB", Limit::Amount(1_572_864)),
            ("2GiB", Limit::Amount(1 << 31)),
            ("512B", Limit::Amount(512)),
            ("0", Limit::Amount(0)),
        ] {
            assert_eq!(text.parse(), Ok(limit), "{text}");
        }
        for text in ["", "KiB", "-1", "5 percent", "-1KiB", "NaNKiB", "1.5", "20000000TiB"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_limit_itself_is_within_it() {
        let percent = Limit::Percent(Percent(5.0));
        assert!(!percent.is_exceeded(1000, 1050) && percent.is_exceeded(1000, 1051));
        assert!(!percent.is_exceeded(0, 0) && percent.is_exceeded(0, 1));
        assert!(!Limit::Amount(10).is_exceeded(5, 15) && Limit::Amount(10).is_exceeded(5, 16));
        assert!(!Limit::Amount(0).is_exceeded(9, 3));
        assert!(Limit::Percent(Percent(0.0)).is_exceeded(u64::MAX - 1, u64::MAX));
    }
}
