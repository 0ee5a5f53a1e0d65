//! A share in percent, as an option.

use std::fmt;
use std::str::FromStr;

/// A share in percent: `5%`, `0.5 %`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Percent(pub(crate) f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim().strip_suffix('%').map(str::trim_end);
        let number = number.and_then(|number| number.parse::<f64>().ok());
        match number {
            Some(number) if number.is_finite() && number >= 0.0 => Ok(Self(number)),
            _ => Err("a percentage such as `5%` or `0.5%` is needed".into()),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_its_sign() {
        assert_eq!("5%".parse(), Ok(Percent(5.0)));
        assert_eq!(" 0.5 % ".parse(), Ok(Percent(0.5)));
        for text in ["5", "-1%", "x%", "inf%", "NaN%", "%", "10KiB"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }
}
