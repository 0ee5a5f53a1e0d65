//! Names and numbers of signals, and those that a program may ask for.

use core::ffi::c_int;

/// The standard signals that a program may handle and go on, without their prefix, by the numbers
/// of this platform: those of aarch64 and x86-64 agree, others do not.
const NAMES: [(&str, c_int); 21] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("USR1", libc::SIGUSR1),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
];

/// Signals that cannot be caught, and signals of a broken program: to go on after those would
/// repeat the same instruction for ever.
const REFUSED: [c_int; 9] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// The signal of that name or number, if it can be caught and the program can go on after it.
pub(crate) fn number_of(text: &[u8]) -> Option<c_int> {
    let text = core::str::from_utf8(text.trim_ascii()).ok()?;
    let number = text.parse().ok().or_else(|| {
        let prefix = text.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("SIG"));
        let name = prefix.map_or(text, |_| &text[3..]);
        let known = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, number)| *number)
    })?;
    // Between these lie those that the C library uses itself.
    let is_known =
        (1..32).contains(&number) || (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&number);
    (is_known && !REFUSED.contains(&number)).then_some(number)
}

/// Prints a signal's name: `SIGQUIT`, or `signal 40`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name(pub(crate) c_int);

impl core::fmt::Display for Name {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "signal 34 is none of Miri's")]
    fn signals_are_named_as_people_do() {
        for (text, signal) in [
            ("QUIT", libc::SIGQUIT),
            ("SIGQUIT", libc::SIGQUIT),
            ("sigquit", libc::SIGQUIT),
            (" usr1 ", libc::SIGUSR1),
            ("Sighup", libc::SIGHUP),
            ("12", libc::SIGUSR2),
            ("34", 34),
            ("64", 64),
        ] {
            assert_eq!(number_of(text.as_bytes()), Some(signal), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_gone_on_after_is_refused() {
        for text in [
            "KILL",
            "SIGKILL",
            "9",
            "STOP",
            "19",
            "SEGV",
            "11",
            "BUS",
            "ILL",
            "FPE",
            "TRAP",
            "SYS",
            "ABRT",
            "6",
            "0",
            "-1",
            "32",
            "33",
            "65",
            "",
            "SIG",
            "QUITE",
            "SIGSIGQUIT",
            "sí",
        ] {
            assert_eq!(number_of(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn names_come_back() {
        use std::string::ToString;
        assert_eq!(Name(libc::SIGQUIT).to_string(), "SIGQUIT");
        assert_eq!(Name(40).to_string(), "signal 40");
    }
}
