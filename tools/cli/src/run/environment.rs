//! The environment of the program.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::program::in_front;
use crate::sample::ALL;

use super::arguments::{Children, Options, Peak};
use super::place::Place;

/// Sets what the libraries need in this process's own environment, which the program inherits as it
/// is: a `Command` that sets variables itself sorts all of them.
pub(super) fn set(options: &Options, libraries: &[PathBuf], place: &Place) {
    let Options { children, frames, buckets, peak, sample, .. } = options;
    set_one("LD_PRELOAD", in_front(libraries));
    set_one("MOD_ALLOC_RECORD", place.pattern(*children));
    set_one("MOD_ALLOC_CHILDREN", if *children == Children::Yes { "yes" } else { "no" });
    // A test program that starts mod-alloc hands on what was meant for itself.
    // SAFETY: no other thread runs yet.
    unsafe { std::env::remove_var("MOD_ALLOC_ONLY") };
    if options.mappings {
        set_one("MOD_ALLOC_MAPPINGS", "on");
    }
    if let Some(frames) = frames {
        set_one("MOD_ALLOC_FRAMES", frames.to_string());
    }
    if let Some(buckets) = buckets {
        set_one("MOD_ALLOC_BUCKETS", buckets.to_string());
    }
    if let Some(sample) = sample {
        let gap = if *sample == ALL { "all".into() } else { sample.to_string() };
        set_one("MOD_ALLOC_SAMPLE", gap);
    }
    if let Some(peak) = peak {
        set_one("MOD_ALLOC_PEAK", if *peak == Peak::Exact { "exact" } else { "bounded" });
    }
}

fn set_one(name: &str, value: impl AsRef<OsStr>) {
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var(name, value) };
}
