//! The end of the process.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::object::entry;
use crate::recording::model::{self, Recording, Status};

/// The end of a process, as far as its recording knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It had not ended: the report is of a moment of the run.
    Running,
    /// It ran its exit handlers. The exit status, if it is known.
    Exit(Option<i32>),
    /// A signal killed it.
    Signal(i32),
    /// It ended without its exit handlers: `_exit`, or a signal that nobody saw. The exit status,
    /// if it is known.
    Gone(Option<i32>),
}

/// Names of signals 1 to 31, the same on all processors that are supported.
const SIGNALS: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// The name of `signal`; `None` for a real-time signal.
pub fn signal_name(signal: i32) -> Option<&'static str> {
    SIGNALS.get(usize::try_from(signal).ok()?.checked_sub(1)?).copied()
}

impl Ending {
    /// The end of the process that `recording` is of.
    pub fn of(recording: &Recording) -> Self {
        let code = match recording.status {
            Some(Status::Killed(signal)) => return Self::Signal(signal),
            Some(Status::Exited(code)) => Some(code),
            None => None,
        };
        match recording.ending {
            model::Ending::Open => Self::Running,
            model::Ending::Exit => Self::Exit(code),
            model::Ending::Gone => Self::Gone(code),
        }
    }

    /// The end that these values of `x_ending` say; `None` if they say none that is known.
    pub fn from_values(how: &str, code: Option<i32>, signal: Option<i32>) -> Option<Self> {
        match how {
            "running" => Some(Self::Running),
            "exit" => Some(Self::Exit(code)),
            "signal" => signal.map(Self::Signal),
            "gone" => Some(Self::Gone(code)),
            _ => None,
        }
    }

    /// True if the process came to its end in order, so that there is nothing to be warned of.
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Exit(_))
    }
}

/// In words: `killed by SIGKILL; complete up to the last event of each thread`.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let complete = "; complete up to the last event of each thread";
        match *self {
            Self::Running => f.write_str("still running: the report is of a moment of the run"),
            Self::Exit(None) => f.write_str("exited"),
            Self::Exit(Some(code)) => write!(f, "exited with {code}"),
            Self::Signal(signal) => match signal_name(signal) {
                Some(name) => write!(f, "killed by {name}{complete}"),
                None => write!(f, "killed by signal {signal}{complete}"),
            },
            Self::Gone(None) => write!(f, "ended without its exit handlers{complete}"),
            Self::Gone(Some(code)) => {
                write!(f, "exited with {code}, without its exit handlers{complete}")
            }
        }
    }
}

impl Serialize for Ending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (how, code, signal) = match *self {
            Self::Running => ("running", None, None),
            Self::Exit(code) => ("exit", code, None),
            Self::Signal(signal) => ("signal", None, Some(signal)),
            Self::Gone(code) => ("gone", code, None),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("how", how)?;
        entry(&mut map, "code", code)?;
        entry(&mut map, "signal", signal)?;
        entry(&mut map, "name", signal.and_then(signal_name))?;
        map.serialize_entry("text", &std::format!("{self}"))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ending: model::Ending, status: Option<Status>) -> Ending {
        Ending::of(&Recording { ending, status, ..Recording::default() })
    }

    #[test]
    fn a_signal_counts_before_all_else() {
        use model::Ending::{Exit, Gone, Open};
        let killed = Some(Status::Killed(9));
        for ending in [Open, Exit, Gone] {
            assert_eq!(of(ending, killed), Ending::Signal(9));
        }
        assert_eq!(of(Open, None), Ending::Running);
        assert_eq!(of(Exit, Some(Status::Exited(3))), Ending::Exit(Some(3)));
        assert_eq!(of(Gone, Some(Status::Exited(3))), Ending::Gone(Some(3)));
        assert_eq!(of(Gone, None), Ending::Gone(None));
    }

    #[test]
    fn every_end_is_read_as_it_was_written() {
        let all = [
            Ending::Running,
            Ending::Exit(None),
            Ending::Exit(Some(1)),
            Ending::Signal(11),
            Ending::Signal(40),
            Ending::Gone(None),
            Ending::Gone(Some(255)),
        ];
        for ending in all {
            let json = serde_json::to_value(ending).unwrap();
            let number =
                |key: &str| json.get(key).map(|value| value.as_i64().unwrap().try_into().unwrap());
            let how = json["how"].as_str().unwrap();
            let read = Ending::from_values(how, number("code"), number("signal"));
            assert_eq!(read, Some(ending), "{json}");
        }
        assert_eq!(Ending::from_values("unheard of", None, None), None);
        assert_eq!(Ending::from_values("signal", None, None), None);
    }

    #[test]
    fn signals_are_named_by_their_numbers() {
        let names = [1, 9, 11, 15, 31].map(signal_name);
        assert_eq!(names, ["SIGHUP", "SIGKILL", "SIGSEGV", "SIGTERM", "SIGSYS"].map(Some));
        assert_eq!([-1, 0, 32, 64, i32::MAX].map(signal_name), [None; 5]);
        assert_eq!(
            std::format!("{}", Ending::Signal(40)),
            "killed by signal 40; complete up to the last event of each thread"
        );
    }
}
