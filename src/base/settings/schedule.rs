//! `MOD_ALLOC_EVERY` and `MOD_ALLOC_KEEP`: reports while the program runs.

use core::ffi::CStr;

use super::{number, refuse, value};
use crate::base::units::Count;

const EVERY: &CStr = c"MOD_ALLOC_EVERY";
const KEEP: &CStr = c"MOD_ALLOC_KEEP";
/// The shortest and the longest time between two reports, in milliseconds: 100 ms and a week.
const MILLIS: (u64, u64) = (100, 7 * 24 * 3_600_000);
/// The fewest and the most reports that are kept.
const KEPT: (u32, u32) = (1, 10_000);
const DEFAULT_KEPT: u32 = 24;

/// The times of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Between two reports, in milliseconds.
    pub(crate) millis: u32,
    /// The reports that are kept, the latest.
    pub(crate) kept: u32,
}

/// The schedule, if there is one. An invalid value is none: the report at the end is there anyway.
pub(crate) fn schedule() -> Option<Schedule> {
    let text = value(EVERY)?;
    let millis = match parse(text.to_bytes()) {
        Some(0) => return None,
        Some(millis) => millis,
        None => {
            refuse(
                EVERY,
                text,
                format_args!("no reports on a schedule; 30s, 10m and 2h are times"),
            );
            return None;
        }
    };
    let used = millis.clamp(MILLIS.0, MILLIS.1);
    if used != millis {
        refuse(EVERY, text, format_args!("using {} ms", Count(used)));
    }
    let kept = number(KEEP, KEPT, Some(DEFAULT_KEPT)).unwrap_or(DEFAULT_KEPT);
    Some(Schedule { millis: u32::try_from(used).unwrap_or(u32::MAX), kept })
}

/// `500ms`, `30s`, `10m`, `2h`, `off`, in milliseconds; 0: off.
fn parse(text: &[u8]) -> Option<u64> {
    // `ms` first: it ends as seconds do.
    const UNITS: [(&str, u64); 5] =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let text = core::str::from_utf8(text).ok()?.trim();
    if text == "off" {
        return Some(0);
    }
    let (number, unit) =
        UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let number = number.trim_end();
    // A sign is a mistake.
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let millis = number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(unit)?;
    // Nothing happens every 0 seconds.
    Some(millis).filter(|&millis| millis > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            (" 10 m ", 600_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("off", 0),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(millis), "{text}");
        }
        for text in ["", "10", "m", "-1s", "+1s", "0s", "1.5h", "10min", "99999999999999999999h"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
