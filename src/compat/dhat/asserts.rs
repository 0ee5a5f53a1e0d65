//! Assertions that write a report when they fail.

use core::any::Any;
use core::panic::UnwindSafe;
use std::string::String;

use super::phase::{self, State};
use super::saving;
use crate::api::report_files::with_report_memory;
use crate::base::current::as_profiler;

/// Evaluates `condition` without counting its allocations. Returns `true` if it is **false**; then
/// the report is written, and the profiler has ended.
///
/// # Panics
///
/// If there is no profiler, or not a testing one, or one whose assertion has failed.
#[doc(hidden)]
pub fn check_assert_condition<F>(condition: F) -> bool
where
    F: FnOnce() -> bool,
{
    match as_profiler(|| phase::lock().state()) {
        State::Ready => panic!("dhat: asserting when no profiler is running"),
        State::Running { testing: false, .. } => {
            panic!("dhat: asserting while not in testing mode")
        }
        State::PostAssert => panic!("dhat: asserting after the profiler has asserted"),
        State::Running { testing: true, .. } => {}
    }
    if as_profiler(condition) {
        return false;
    }
    with_report_memory(&mut || {
        // The lock is not held while the report is made, so that other threads' allocations go on.
        let failed = phase::lock().fail();
        if let Some((settings, recording)) = failed {
            saving::finish(&settings, &recording, None);
        }
    });
    true
}

/// Asserts that `f` panics with the message `expected`.
///
/// # Panics
///
/// If it does not.
#[doc(hidden)]
pub fn assert_is_panic<R, F: FnOnce() -> R + UnwindSafe>(f: F, expected: &str) {
    let Err(panic) = std::panic::catch_unwind(f) else { panic!("no panic, expected: {expected}") };
    let message = message_of(&*panic);
    std::assert_eq!(message, Some(expected), "the panic's message");
}

fn message_of(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}

/// Asserts that a condition is true, while a [`Profiler`](crate::compat::dhat::Profiler) in
/// [testing mode](crate::compat::dhat::ProfilerBuilder::testing) is there. If it is not, the
/// profiler's report is written before the panic. The condition's allocations are not counted.
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// let _profiler = dhat::Profiler::builder().testing().build();
/// let stats = dhat::HeapStats::get();
/// dhat::assert!(stats.curr_blocks < 10, "{} blocks", stats.curr_blocks);
/// ```
///
/// # Panics
///
/// If the condition is false. And, without a report, if there is no profiler, or not a testing one,
/// or one whose assertion has failed.
#[macro_export]
#[doc(hidden)]
macro_rules! __dhat_compat_assert {
    ($condition:expr $(,)?) => {
        if $crate::dhat_compat::check_assert_condition(|| $condition) {
            ::std::panic!("dhat: assertion failed: {}", ::std::stringify!($condition));
        }
    };
    ($condition:expr, $($message:tt)+) => {
        if $crate::dhat_compat::check_assert_condition(|| $condition) {
            ::std::panic!(
                "dhat: assertion failed: {}: {}",
                ::std::stringify!($condition),
                ::std::format_args!($($message)+)
            );
        }
    };
}

/// Asserts that two values are equal; else as [`assert!`](crate::compat::dhat::assert).
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// let _profiler = dhat::Profiler::builder().testing().build();
/// dhat::assert_eq!(dhat::HeapStats::get().curr_blocks, 0);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __dhat_compat_assert_eq {
    ($left:expr, $right:expr $(,)?) => {
        $crate::__dhat_compat_compare!(==, $left, $right, "")
    };
    ($left:expr, $right:expr, $($message:tt)+) => {
        $crate::__dhat_compat_compare!(==, $left, $right, ": {}", ::std::format_args!($($message)+))
    };
}

/// Asserts that two values are not equal; else as [`assert!`](crate::compat::dhat::assert).
///
/// ```
/// use mod_alloc::dhat_compat as dhat;
/// let _profiler = dhat::Profiler::builder().testing().build();
/// dhat::assert_ne!(dhat::HeapStats::get().curr_blocks, 1);
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __dhat_compat_assert_ne {
    ($left:expr, $right:expr $(,)?) => {
        $crate::__dhat_compat_compare!(!=, $left, $right, "")
    };
    ($left:expr, $right:expr, $($message:tt)+) => {
        $crate::__dhat_compat_compare!(!=, $left, $right, ": {}", ::std::format_args!($($message)+))
    };
}

/// Compares two values, which are shown if the outcome is not the one wanted.
#[macro_export]
#[doc(hidden)]
macro_rules! __dhat_compat_compare {
    ($operator:tt, $left:expr, $right:expr, $format:literal $(, $message:expr)?) => {{
        let mut shown = ::std::string::String::new();
        let failed = $crate::dhat_compat::check_assert_condition(|| match (&$left, &$right) {
            (left, right) => {
                let holds = *left $operator *right;
                if !holds {
                    shown = ::std::format!(
                        "\n  left: `{:?}`,\n right: `{:?}`", *left, *right
                    );
                }
                holds
            }
        });
        if failed {
            ::std::panic!(
                ::std::concat!(
                    "dhat: assertion failed: `(left ",
                    ::std::stringify!($operator),
                    " right)`{}",
                    $format
                ),
                shown $(, $message)?
            );
        }
    }};
}
