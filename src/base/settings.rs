//! The `MOD_ALLOC_*` variables, read once before the first block, without the heap.
//!
//! A value that cannot be used gives one line on standard error that names the variable, the
//! value and what is used instead.

use core::ffi::CStr;

use crate::base::os;
use crate::base::os::message::say;

/// How stacks are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Unwind {
    /// Unwind tables; a plausible frame pointer where there are none.
    Auto = 0,
    /// Frame pointers alone.
    FramePointers = 1,
    /// Unwind tables alone.
    Tables = 2,
}

/// What the environment asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `MOD_ALLOC`
    pub(crate) on: bool,
    /// `MOD_ALLOC_BUCKETS`: a power of two, or `None` for a table that grows.
    pub(crate) buckets: Option<u32>,
    /// `MOD_ALLOC_FRAMES`
    pub(crate) frames: u32,
    /// `MOD_ALLOC_UNWIND`
    pub(crate) unwind: Unwind,
    /// `MOD_ALLOC_PEAK`
    pub(crate) exact_peak: bool,
    /// `MOD_ALLOC_SELF_CHECK`
    pub(crate) self_check: bool,
    /// `MOD_ALLOC_RECORD`: where the recording goes; not set: to anonymous memory.
    pub(crate) record: Option<&'static CStr>,
    /// `MOD_ALLOC_CHILDREN`: whether forked children are recorded.
    pub(crate) children: bool,
    /// `MOD_ALLOC_TESTS`: whether each test is a group, and where tests start.
    pub(crate) tests: Option<&'static CStr>,
}

/// The smallest and the largest table.
pub(crate) const BUCKETS: (u32, u32) = (64, 1 << 20);
/// The fewest and the most frames.
pub(crate) const FRAMES: (u32, u32) = (1, 256);
const DEFAULT_FRAMES: u32 = 64;

impl Settings {
    /// Reads the environment.
    pub(crate) fn from_environment() -> Self {
        Settings {
            on: word(c"MOD_ALLOC", &[("on", true), ("off", false)], 0),
            buckets: number(c"MOD_ALLOC_BUCKETS", BUCKETS, None).map(u32::next_power_of_two),
            frames: number(c"MOD_ALLOC_FRAMES", FRAMES, Some(DEFAULT_FRAMES))
                .unwrap_or(DEFAULT_FRAMES),
            unwind: word(
                c"MOD_ALLOC_UNWIND",
                &[
                    ("auto", Unwind::Auto),
                    ("fp", Unwind::FramePointers),
                    ("tables", Unwind::Tables),
                ],
                0,
            ),
            exact_peak: word(c"MOD_ALLOC_PEAK", &[("bounded", false), ("exact", true)], 0),
            self_check: word(c"MOD_ALLOC_SELF_CHECK", &[("off", false), ("on", true)], 0),
            record: os::environment(c"MOD_ALLOC_RECORD").filter(|path| !path.is_empty()),
            children: word(c"MOD_ALLOC_CHILDREN", &[("yes", true), ("no", false)], 0),
            tests: os::environment(c"MOD_ALLOC_TESTS"),
        }
    }
}

/// What `MOD_ALLOC_SIGNAL` says, if it is set.
#[cfg(feature = "counters")]
fn signal_name() -> Option<&'static CStr> {
    os::environment(SIGNAL).filter(|value| !value.is_empty())
}

#[cfg(feature = "counters")]
const SIGNAL: &CStr = c"MOD_ALLOC_SIGNAL";

/// `MOD_ALLOC_SIGNAL`: which signal has the program describe its memory.
#[cfg(all(feature = "counters", not(feature = "preload")))]
pub(crate) fn signal() -> Option<core::ffi::c_int> {
    let value = signal_name()?;
    let signal = os::signals::number_of(value.to_bytes());
    if signal.is_none() {
        refuse(SIGNAL, value, format_args!("none"));
    }
    signal
}

/// The preloaded library cannot name functions.
#[cfg(feature = "preload")]
pub(crate) fn refuse_signal() {
    if signal_name().is_some() {
        let id = os::process_id();
        say(format_args!(
            "MOD_ALLOC_SIGNAL is not used under mod-alloc run: mod-alloc top {id} shows the same"
        ));
    }
}

/// One of a few words; the one at `default` if the variable is not set or says something else.
fn word<T: Copy>(name: &CStr, words: &[(&'static str, T)], default: usize) -> T {
    let (default_word, default) = words[default];
    let Some(value) = os::environment(name) else { return default };
    let found = words.iter().find(|(word, _)| value.to_bytes() == word.as_bytes());
    match found {
        Some((_, value)) => *value,
        None => {
            refuse(name, value, format_args!("{default_word}"));
            default
        }
    }
}

/// A whole number, clamped to `range`; `default` if the variable is not set or holds none.
fn number(name: &CStr, range: (u32, u32), default: Option<u32>) -> Option<u32> {
    let value = os::environment(name)?;
    match parse(value.to_bytes()) {
        Some(number) => {
            let used = number.clamp(range.0.into(), range.1.into()) as u32;
            if i128::from(used) != number {
                refuse(name, value, format_args!("{used}"));
            }
            Some(used)
        }
        None => {
            match default {
                Some(default) => refuse(name, value, format_args!("{default}")),
                None => refuse(name, value, format_args!("a table that grows")),
            }
            default
        }
    }
}

fn parse(text: &[u8]) -> Option<i128> {
    core::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

fn refuse(name: &CStr, value: &CStr, used: core::fmt::Arguments<'_>) {
    let (name, value) = (Lossy(name), Lossy(value));
    say(format_args!("{name}={value} cannot be used, using {used}"));
}

/// Prints a C string, invalid UTF-8 replaced, without the heap.
pub(crate) struct Lossy<'a>(pub(crate) &'a CStr);

impl core::fmt::Display for Lossy<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for chunk in self.0.to_bytes().utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{fffd}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn numbers_may_have_blanks_and_signs_and_nothing_else() {
        assert_eq!(parse(b" 100 "), Some(100));
        assert_eq!(parse(b"-5"), Some(-5));
        assert_eq!(parse(b"99999999999999999999"), Some(99_999_999_999_999_999_999));
        for bad in ["", "abc", "1e3", "0x40", "64k"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
