//! `MOD_ALLOC_SAMPLE`: the mean gap between samples.

use super::{EACH, SAMPLE, refuse, value};
use crate::base::options::Options;
use crate::base::os::message::say;
use crate::base::units::Bytes;

const NAME: &core::ffi::CStr = c"MOD_ALLOC_SAMPLE";

/// The mean gap in bytes; 0: each block is recorded; [`EACH`]: so, and the gap may change.
///
/// A value that cannot be used changes nothing: recording goes on as without the variable.
pub(super) fn mean_gap(options: &Options) -> u64 {
    let default = options.sample.unwrap_or(0);
    if cfg!(not(feature = "backtraces")) {
        return 0;
    }
    let Some(value) = value(NAME) else { return default };
    if value.to_bytes() == b"all" {
        return EACH;
    }
    match parse(value.to_bytes()) {
        Some(0) => 0,
        Some(bytes) => {
            let used = bytes.clamp(SAMPLE.0, SAMPLE.1);
            if used != bytes {
                refuse(NAME, value, format_args!("using {}", Bytes(used)));
            }
            used
        }
        None if default == 0 => {
            refuse(NAME, value, format_args!("recording each block; 512KiB is a size"));
            0
        }
        None => {
            refuse(NAME, value, format_args!("using {}; 512KiB is a size", Bytes(default)));
            default
        }
    }
}

/// `MOD_ALLOC_LIFETIMES`, which needs each block's birth.
pub(super) fn lifetimes(is_on: bool, sample: u64) -> bool {
    if is_on && sample != 0 {
        say(format_args!("MOD_ALLOC_LIFETIMES=on goes without MOD_ALLOC_SAMPLE alone; using off"));
    }
    is_on && sample == 0
}

/// `512KiB`, `1 MiB`, `65536`, `off`
fn parse(text: &[u8]) -> Option<u64> {
    const UNITS: [(&str, u64); 4] =
        [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    let text = core::str::from_utf8(text).ok()?.trim();
    if text == "off" {
        return Some(0);
    }
    let found = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
    let (number, unit) = found.unwrap_or((text, 1));
    let number = number.trim_end();
    // A sign is a mistake.
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| is_number)?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_or_none() {
        let right = [("512KiB", 1 << 19), (" 1 MiB ", 1 << 20), ("65536", 1 << 16), ("9B", 9)];
        for (text, bytes) in right.into_iter().chain([("off", 0), ("0", 0)]) {
            assert_eq!(parse(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in ["", "KiB", "-1", "+5", "512K", "1.5MiB", "many", "99999999999999GiB"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
