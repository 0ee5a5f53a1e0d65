//! A check for other threads in this process.

use std::fs;
use std::string::ToString;

use crate::base::os;

/// True if the calling thread is the only one that is not ended; `false` if that is not known.
pub(super) fn is_last_thread() -> bool {
    let own = os::thread_id().to_string();
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    threads.flatten().all(|thread| {
        let is_own = thread.file_name().to_str() == Some(&own);
        // A thread that is gone by now does not count either.
        is_own || fs::read(thread.path().join("stat")).map_or(true, |stat| has_ended(&stat))
    })
}

/// True if a thread's `stat` says that it has ended. The state is the letter after the name, which
/// is in parentheses and may be anything.
fn has_ended(stat: &[u8]) -> bool {
    let name_end = stat.iter().rposition(|byte| *byte == b')');
    let state = name_end.and_then(|end| stat.get(end + 2));
    matches!(state, Some(b'Z' | b'X'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_after_the_name() {
        assert!(has_ended(b"12 (a) Z 1 2"));
        assert!(has_ended(b"12 (a) R (b)) X 1"));
        assert!(!has_ended(b"12 (Z) S 1 2"));
        assert!(!has_ended(b""));
    }

    #[test]
    #[cfg_attr(miri, ignore = "there is no list of threads")]
    fn the_tests_own_thread_is_not_the_last() {
        assert!(!is_last_thread());
    }
}
