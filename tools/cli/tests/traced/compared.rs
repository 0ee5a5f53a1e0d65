//! A program run twice, plain and recorded, that must not have noticed.

use super::program::{Ended, Program};
use super::recorded::Recorded;

/// Lines of standard output that begin so are different in every run.
const VARIES: &str = "varies ";

/// Runs it plain and with the library, and gives what was recorded.
pub(crate) fn traced_like_plain(program: &Program) -> (Ended, Recorded) {
    let (plain, traced) = (program.plain(), program.traced());
    assert_alike(&plain, &traced);
    let recorded = traced.recorded();
    (traced, recorded)
}

/// Runs it plain and under `mod-alloc run`, and gives what was reported.
pub(crate) fn wrapped_like_plain(program: &Program) -> (Ended, Recorded) {
    let (plain, wrapped) = (program.plain(), program.wrapped());
    assert_alike_for_a_shell(&plain, &wrapped);
    let report = wrapped.report();
    (wrapped, report)
}

/// It did the same and ended the same way.
pub(crate) fn assert_alike(plain: &Ended, other: &Ended) {
    assert_eq!(plain.status, other.status, "{plain:#?}\n{other:#?}");
    assert_same_text(plain, other);
}

/// As above, where a signal has become an exit status.
pub(crate) fn assert_alike_for_a_shell(plain: &Ended, other: &Ended) {
    assert_eq!(for_a_shell(plain), for_a_shell(other), "{plain:#?}\n{other:#?}");
    assert_same_text(plain, other);
}

fn assert_same_text(plain: &Ended, other: &Ended) {
    assert_eq!(repeatable(&plain.stdout), repeatable(&other.stdout), "{}", other.results.display());
    assert_eq!(repeatable(&plain.stderr), repeatable(&other.stderr), "{}", other.results.display());
}

fn for_a_shell(ended: &Ended) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    ended.status.code().or_else(|| ended.status.signal().map(|signal| 128 + signal))
}

/// OpenSSL begins its errors with the thread's address.
fn without_thread(line: &str) -> &str {
    match line.split_once(":error:") {
        Some((thread, rest)) if thread.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => line,
    }
}

fn repeatable(text: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| !line.starts_with(VARIES))
        .map(without_thread)
        .collect()
}
