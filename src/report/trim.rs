//! Which frames of a stack say nothing about the program: the profiler's and the
//! allocator's at the inner end, the runtime's at the outer end.
//!
//! Works on [`Kind`]s alone; [`super::kind`] makes them of names.
//!
//! ```text
//!  <mod_alloc::ModAlloc as ..GlobalAlloc>::alloc  ┐
//!  __rustc::__rust_alloc                          │ cut: all inward of Entrance, Allocator
//!  alloc::alloc::Global::alloc_impl               ┘
//!  alloc::raw_vec::RawVec<T,A>::reserve_exact     ┐
//!  app::load                                      │ kept
//!  app::main                                      ┘
//!  core::ops::function::FnOnce::call_once         ┐
//!  std::sys::backtrace::__rust_begin_short_ba..   │ cut: ShortBacktrace and all outward
//!  std::rt::lang_start .. main .. _start          ┘
//! ```

use std::ops::Range;

use super::kind::Kind;

/// The part of a stack that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// The frames that stay, counted from the innermost.
    pub(super) range: Range<usize>,
    /// The start of the process or thread was among the frames cut: then nothing
    /// of the program's is missing, however the walk ended.
    pub(super) reached_start: bool,
}

/// The part of a stack to keep, given its frames innermost first; `complete`: it was walked to
/// its end. Keeps at least one frame of a stack that has any.
pub(super) fn trim(kinds: &[Kind], complete: bool) -> Kept {
    let inner = inner_end(kinds);
    let (outer, reached_start) = outer_end(&kinds[inner..], complete);
    let mut range = inner..inner + outer;
    if range.is_empty() {
        let innermost = kinds.iter().position(|kind| !is_ours(kind)).unwrap_or(0);
        range = innermost..kinds.len().min(innermost + 1);
    }
    Kept { range, reached_start }
}

/// The number of frames at the inner end that are the profiler's and the allocator's.
///
/// All up to the entrance are. Where that was inlined without a trace: functions of the
/// Rust libraries inlined into the profiler's lie between those and go too. Not so after
/// the first allocator's frame: from there on a library's function is where the program's
/// story begins, even if one of ours called it.
fn inner_end(kinds: &[Kind]) -> usize {
    let entrance = kinds.iter().rposition(|&kind| kind == Kind::Entrance);
    let mut end = entrance.map_or(0, |at| at + 1);
    let mut in_profiler = entrance.is_none();
    while let Some(&kind) = kinds.get(end) {
        match kind {
            Kind::Profiler | Kind::Preloaded => {}
            Kind::Allocator => in_profiler = false,
            Kind::Library | Kind::CallOnce if in_profiler && ours_follows(&kinds[end..]) => {}
            _ => break,
        }
        end += 1;
    }
    end
}

fn is_ours(kind: &Kind) -> bool {
    matches!(kind, Kind::Profiler | Kind::Preloaded)
}

/// A run of library functions is followed by one of the profiler's.
fn ours_follows(kinds: &[Kind]) -> bool {
    let past = |kind: &&Kind| !matches!(kind, Kind::Library | Kind::CallOnce);
    kinds.iter().find(past).is_some_and(is_ours)
}

/// The number of frames inward of the runtime's, and true if its start was seen.
fn outer_end(kinds: &[Kind], complete: bool) -> (usize, bool) {
    if let Some(at) = kinds.iter().position(|&kind| kind == Kind::ShortBacktrace) {
        return (without_trailing(&kinds[..at], |kind| kind == Kind::CallOnce), true);
    }
    if let Some(at) = kinds.iter().position(|&kind| kind == Kind::RustStart) {
        return (at, true);
    }
    let named = kinds.last() == Some(&Kind::Start) || kinds.contains(&Kind::Start);
    if !complete && !named {
        return (kinds.len(), false);
    }
    let is_runtime = |kind| matches!(kind, Kind::Start | Kind::UnnamedLibc);
    let end = without_trailing(kinds, is_runtime);
    (end, kinds[end..].contains(&Kind::Start))
}

fn without_trailing(kinds: &[Kind], cut: impl Fn(Kind) -> bool) -> usize {
    kinds.iter().rposition(|&kind| !cut(kind)).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests;
