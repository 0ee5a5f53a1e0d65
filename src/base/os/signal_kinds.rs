//! Signals as a program names them in its source, and sets of them.

use core::ffi::c_int;

#[cfg(not(unix))]
use numbers as libc;

/// The numbers of Linux, where the system has no such signals: they are named there all the same.
#[cfg(not(unix))]
mod numbers {
    use core::ffi::c_int;

    pub(super) const SIGHUP: c_int = 1;
    pub(super) const SIGINT: c_int = 2;
    pub(super) const SIGQUIT: c_int = 3;
    pub(super) const SIGUSR1: c_int = 10;
    pub(super) const SIGUSR2: c_int = 12;
    pub(super) const SIGTERM: c_int = 15;
}

/// A signal, for [`ModAlloc::signal`](crate::ModAlloc::signal) and `ModAlloc::report_on`.
///
/// The constants have the names that `kill` uses.
///
/// ```
/// use mod_alloc::{ModAlloc, Signal};
///
/// #[global_allocator]
/// static ALLOC: ModAlloc = ModAlloc::new().signal(Signal::USR1);
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(c_int);

impl Signal {
    /// The terminal has gone, or an operator asks a service to read its settings again.
    pub const HUP: Self = Signal(libc::SIGHUP);
    /// Ctrl-C.
    pub const INT: Self = Signal(libc::SIGINT);
    /// Ctrl-\: ends a program with a core file, where those are written.
    pub const QUIT: Self = Signal(libc::SIGQUIT);
    /// Free for the program's own purposes.
    pub const USR1: Self = Signal(libc::SIGUSR1);
    /// Free for the program's own purposes.
    pub const USR2: Self = Signal(libc::SIGUSR2);
    /// The request to end: `kill` without a name, a container's or a service manager's stop.
    pub const TERM: Self = Signal(libc::SIGTERM);

    /// The signal's number.
    pub(crate) const fn number(self) -> c_int {
        self.0
    }
}

/// True if operators and service managers end programs by this signal: a program that answers it
/// with a dump would go on instead.
pub(crate) const fn is_for_endings(signal: c_int) -> bool {
    matches!(signal, libc::SIGTERM | libc::SIGINT | libc::SIGHUP)
}

/// Standard signals, a bit each.
#[cfg(any(feature = "dhat-compat", not(feature = "preload")))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SignalSet(u32);

/// Signals whose default action ends a program that is not broken.
#[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
const ENDINGS: SignalSet = SignalSet::EMPTY
    .with(libc::SIGHUP)
    .with(libc::SIGINT)
    .with(libc::SIGQUIT)
    .with(libc::SIGUSR1)
    .with(libc::SIGUSR2)
    .with(libc::SIGALRM)
    .with(libc::SIGTERM)
    .with(libc::SIGXCPU);

#[cfg(any(feature = "dhat-compat", not(feature = "preload")))]
impl SignalSet {
    pub(crate) const EMPTY: Self = SignalSet(0);

    /// The set with this standard signal.
    #[cfg(feature = "dhat-compat")]
    pub(crate) const fn with(self, signal: c_int) -> Self {
        SignalSet(self.0 | 1 << signal)
    }

    #[cfg(all(not(feature = "preload"), not(mod_alloc_portable)))]
    pub(crate) const fn has(self, signal: c_int) -> bool {
        0 < signal && signal < 32 && self.0 & 1 << signal != 0
    }

    #[cfg(all(not(feature = "preload"), not(mod_alloc_portable)))]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signals, by their numbers.
    #[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
    pub(crate) fn iter(self) -> impl Iterator<Item = c_int> {
        (1..32).filter(move |signal| self.has(*signal))
    }

    /// The signals of a list like `TERM,INT`. `None`: one of them does not end programs.
    #[cfg(all(feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
    pub(crate) fn of_endings(list: &[u8]) -> Option<Self> {
        list.split(|byte| *byte == b',').try_fold(Self::EMPTY, |set, name| {
            let signal = super::signals::number_of(name).filter(|signal| ENDINGS.has(*signal))?;
            Some(set.with(signal))
        })
    }
}

#[cfg(all(test, feature = "dhat-compat", not(feature = "preload"), not(mod_alloc_portable)))]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_what_ends_programs() {
        let set = SignalSet::of_endings(b"TERM, sigint").unwrap();
        assert!(set.iter().eq([libc::SIGINT, libc::SIGTERM]));
        for bad in ["", "TERM,", "TERM INT", "KILL", "CHLD", "TERM,WINCH", "34", "0"] {
            assert_eq!(SignalSet::of_endings(bad.as_bytes()), None, "{bad}");
        }
    }
}
