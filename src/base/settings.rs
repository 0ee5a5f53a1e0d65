//! The `MOD_ALLOC_*` variables, read once before the first block, without the heap.
//!
//! An empty value is none: the variable counts as not set.
//!
//! An invalid value gives one line on standard error: the variable, the value, and the value used
//! instead (`mod-alloc: invalid MOD_ALLOC_FRAMES=9999; using 256`). The program goes on.

use core::ffi::CStr;

use crate::base::options::Options;
use crate::base::os;
use crate::base::os::message::say;

#[cfg(mod_alloc_portable)]
mod linux_alone;
mod sample;
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
mod schedule;
#[cfg(not(mod_alloc_portable))]
mod signals;

#[cfg(mod_alloc_portable)]
pub(crate) use linux_alone::refuse_what_needs_linux;
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) use schedule::{Schedule, schedule};
#[cfg(feature = "preload")]
pub(crate) use signals::refuse_signals;
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) use signals::report_on;
#[cfg(all(not(feature = "preload"), not(mod_alloc_portable)))]
pub(crate) use signals::{is_signal_kept, signal};

/// How stacks are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Unwind {
    /// Unwind tables; plausible frame pointers in code without tables.
    Auto = 0,
    /// Frame pointers only.
    FramePointers = 1,
    /// Unwind tables only.
    Tables = 2,
}

/// How much is told of the heap over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timeline {
    /// Nothing.
    Off,
    /// Samples of the whole heap.
    Totals,
    /// And each site's numbers at some moments.
    Sites,
}

/// The values of all variables, or their defaults.
///
/// Read once: the program may change its environment later, while other threads run, and a setting
/// must not change under blocks that have trailers of the old kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `MOD_ALLOC`: true if blocks are recorded.
    pub(crate) on: bool,
    /// `MOD_ALLOC_BUCKETS`: a power of two, or `None` for a growing table.
    pub(crate) buckets: Option<u32>,
    /// `MOD_ALLOC_FRAMES`: the innermost frames that a stack keeps.
    pub(crate) frames: u32,
    /// `MOD_ALLOC_UNWIND`: the way to walk a stack.
    pub(crate) unwind: Unwind,
    /// `MOD_ALLOC_PEAK`: true if peaks are exact with several threads, too.
    pub(crate) exact_peak: bool,
    /// `MOD_ALLOC_SELF_CHECK`: true if each stack is walked twice and compared.
    pub(crate) self_check: bool,
    /// `MOD_ALLOC_LIFETIMES`: true if each block keeps its birth.
    pub(crate) lifetimes: bool,
    /// `MOD_ALLOC_SAMPLE`: the mean gap between samples in bytes; 0: each block is recorded.
    pub(crate) sample: u64,
    /// `MOD_ALLOC_RECORD`, or else the path of `MOD_ALLOC_OUT=raw`: the recording's file, or `None`
    /// for anonymous memory.
    pub(crate) record: Option<&'static CStr>,
    /// `MOD_ALLOC_CHILDREN`: true if forked children are recorded.
    pub(crate) children: bool,
    /// `MOD_ALLOC_TESTS`: the functions that start a test; each test is a group then.
    pub(crate) tests: Option<&'static CStr>,
    /// `MOD_ALLOC_TIMELINE`: the heap over time.
    pub(crate) timeline: Timeline,
    /// `MOD_ALLOC_MAPPINGS`: true if the program's own mappings are recorded.
    pub(crate) mappings: bool,
}

/// The smallest and the largest table.
pub(crate) const BUCKETS: (u32, u32) = (64, 1 << 20);
/// The fewest and the most frames.
pub(crate) const FRAMES: (u32, u32) = (1, 256);
/// The shortest and the longest mean gap between samples: of shorter ones, weights would be less
/// exact than a thousandth, and with longer ones a program's few samples would tell nothing.
pub(crate) const SAMPLE: (u64, u64) = (1 << 10, 1 << 30);
/// The mean gap that stands for no gap: each block is recorded, in the way of samples.
pub(crate) const EACH: u64 = 1;
const DEFAULT_FRAMES: u32 = 64;

impl Settings {
    /// Reads the environment, which wins over the program's own options.
    pub(crate) fn from_environment() -> Self {
        let options = Options::of_process();
        let default_frames = options.frames.unwrap_or(DEFAULT_FRAMES);
        let sample = sample::mean_gap(&options);
        Settings {
            on: is_on(&options),
            buckets: number(c"MOD_ALLOC_BUCKETS", BUCKETS, None).map(u32::next_power_of_two),
            frames: number(c"MOD_ALLOC_FRAMES", FRAMES, Some(default_frames))
                .unwrap_or(default_frames),
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
            lifetimes: sample::lifetimes(
                word(c"MOD_ALLOC_LIFETIMES", &[("off", false), ("on", true)], 0),
                sample,
            ),
            sample,
            record: value(c"MOD_ALLOC_RECORD")
                .filter(|_| is_for_this_program())
                .or_else(raw_record),
            children: word(c"MOD_ALLOC_CHILDREN", &[("yes", true), ("no", false)], 0),
            // Our own programs set it; a list without functions is a value.
            tests: os::environment(c"MOD_ALLOC_TESTS"),
            timeline: word(
                c"MOD_ALLOC_TIMELINE",
                &[("off", Timeline::Off), ("totals", Timeline::Totals), ("sites", Timeline::Sites)],
                1,
            ),
            // The crate sees none.
            mappings: cfg!(feature = "preload")
                && word(c"MOD_ALLOC_MAPPINGS", &[("off", false), ("on", true)], 0),
        }
    }
}

/// True unless another program alone is to be recorded: `MOD_ALLOC_ONLY`, which our own programs
/// set, is the path of its file.
#[cfg(feature = "preload")]
fn is_for_this_program() -> bool {
    const LONGEST: usize = 4096;
    let Some(only) = value(c"MOD_ALLOC_ONLY") else { return true };
    let mut path = [0; LONGEST];
    let len = os::executable(&mut path);
    path.get(..len) == Some(only.to_bytes())
}

/// The variable is the preload library's.
#[cfg(not(feature = "preload"))]
fn is_for_this_program() -> bool {
    true
}

/// The value of a variable; `None` if it is empty or not set.
fn value(name: &CStr) -> Option<&'static CStr> {
    os::environment(name).filter(|value| !value.is_empty())
}

/// The recording's path for `MOD_ALLOC_OUT=raw` without one.
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
const RAW_RECORD: &CStr = c"mod-alloc.%e.%p.recording";

/// The recording's path, if `MOD_ALLOC_OUT` asks for the recording in place of the report.
#[cfg(all(feature = "dhat-compat", not(feature = "preload")))]
fn raw_record() -> Option<&'static CStr> {
    let out = value(c"MOD_ALLOC_OUT")?;
    let path = raw_path(out.to_bytes_with_nul())?;
    let path = CStr::from_bytes_with_nul(path).ok()?;
    Some(if path.is_empty() { RAW_RECORD } else { path })
}

/// No report is written here that a recording could be in the place of.
#[cfg(not(all(feature = "dhat-compat", not(feature = "preload"))))]
fn raw_record() -> Option<&'static CStr> {
    None
}

/// The rest of a value of `MOD_ALLOC_OUT` after `raw:`, nothing after `raw`; `None`: it asks for a
/// report.
#[cfg(feature = "dhat-compat")]
pub(crate) fn raw_path(out: &[u8]) -> Option<&[u8]> {
    let rest = out.strip_prefix(b"raw")?;
    match rest {
        [] | [0] => Some(rest),
        [b':', path @ ..] => Some(path),
        _ => None,
    }
}

/// `MOD_ALLOC`. A value that is no word for yes or no changes nothing: a typing mistake must not
/// begin a recording in production.
fn is_on(options: &Options) -> bool {
    let default = !options.is_off;
    let Some(value) = value(SWITCH) else { return default };
    is_on_word(value.to_bytes()).unwrap_or_else(|| {
        let word = if default { "on" } else { "off" };
        refuse(SWITCH, value, format_args!("using {word}"));
        default
    })
}

/// A value of `MOD_ALLOC`: the words that people write for yes and no, in any case.
pub(crate) fn is_on_word(value: &[u8]) -> Option<bool> {
    const WORDS: [(&str, bool); 8] = [
        ("on", true),
        ("off", false),
        ("1", true),
        ("0", false),
        ("true", true),
        ("false", false),
        ("yes", true),
        ("no", false),
    ];
    let value = value.trim_ascii();
    let found = WORDS.iter().find(|(word, _)| value.eq_ignore_ascii_case(word.as_bytes()));
    found.map(|(_, is_on)| *is_on)
}

const SWITCH: &CStr = c"MOD_ALLOC";

/// The value of a variable that takes one of `words`; the word at index `default` if the variable
/// is not set or has another value.
#[expect(clippy::indexing_slicing, reason = "the callers' constants")]
fn word<T: Copy>(name: &CStr, words: &[(&'static str, T)], default: usize) -> T {
    let (default_word, default) = words[default];
    let Some(value) = value(name) else { return default };
    let found = words.iter().find(|(word, _)| value.to_bytes() == word.as_bytes());
    match found {
        Some((_, value)) => *value,
        None => {
            refuse(name, value, format_args!("using {default_word}"));
            default
        }
    }
}

/// The value of a variable that takes a whole number, clamped to `range`; `default` if the variable
/// is not set or has no such number.
fn number(name: &CStr, range: (u32, u32), default: Option<u32>) -> Option<u32> {
    let value = value(name)?;
    match parse(value.to_bytes()) {
        Some(number) => {
            let used = number.clamp(range.0.into(), range.1.into()) as u32;
            if u128::from(used) != number {
                refuse(name, value, format_args!("using {used}"));
            }
            Some(used)
        }
        None => {
            match default {
                Some(default) => refuse(name, value, format_args!("using {default}")),
                None => refuse(name, value, format_args!("using a growing table")),
            }
            default
        }
    }
}

/// A number without a minus sign: a negative value is a mistake, not a small number.
fn parse(text: &[u8]) -> Option<u128> {
    core::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// Says that a value is invalid, and the `consequence`.
fn refuse(name: &CStr, value: &CStr, consequence: core::fmt::Arguments<'_>) {
    let (name, value) = (Lossy(name), Lossy(value));
    say(format_args!("invalid {name}={value}; {consequence}"));
}

/// Prints a C string without the heap; invalid UTF-8 is replaced.
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
    fn numbers_have_digits_a_plus_and_blanks_around_them_at_most() {
        assert_eq!(parse(b" 100 "), Some(100));
        assert_eq!(parse(b"+5"), Some(5));
        assert_eq!(parse(b"99999999999999999999"), Some(99_999_999_999_999_999_999));
        for bad in ["", "-", "-5", "-0", "- 5", "abc", "1e3", "0x40", "64k"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
