//! The settings that a program makes in its source, by the methods of its `ModAlloc`.
//!
//! The environment wins over each of them.

use core::ffi::c_int;
use std::sync::OnceLock;

#[cfg(feature = "dhat-compat")]
use crate::base::os::signal_kinds::SignalSet;
use crate::base::os::signal_kinds::{Signal, is_for_endings};

/// The settings of one `ModAlloc`. The first one that is asked for a block decides for the process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    /// True: nothing is recorded unless `MOD_ALLOC` is on.
    pub(crate) is_off: bool,
    /// The report's path, as in `MOD_ALLOC_OUT`.
    #[cfg(feature = "dhat-compat")]
    pub(crate) out: Option<&'static str>,
    /// The signals that end the program after a report, as in `MOD_ALLOC_REPORT_ON`.
    #[cfg(feature = "dhat-compat")]
    pub(crate) report_on: SignalSet,
    /// The signal that asks for a dump, as in `MOD_ALLOC_SIGNAL`.
    pub(crate) signal: Option<c_int>,
    /// The innermost frames that a stack keeps, as in `MOD_ALLOC_FRAMES`.
    pub(crate) frames: Option<u32>,
    /// The mean gap between samples in bytes, as in `MOD_ALLOC_SAMPLE`.
    pub(crate) sample: Option<u64>,
}

static DECIDED: OnceLock<Options> = OnceLock::new();

impl Options {
    /// The options of a `ModAlloc` that says nothing.
    pub(crate) const NONE: Self = Options {
        is_off: false,
        #[cfg(feature = "dhat-compat")]
        out: None,
        #[cfg(feature = "dhat-compat")]
        report_on: SignalSet::EMPTY,
        signal: None,
        frames: None,
        sample: None,
    };

    /// Takes these for the process, unless it has its options.
    pub(crate) fn decide(&self) {
        DECIDED.get_or_init(|| *self);
    }

    /// The process's options.
    pub(crate) fn of_process() -> Self {
        DECIDED.get().copied().unwrap_or(Self::NONE)
    }

    /// These options, with this signal for dumps.
    pub(crate) const fn with_signal(mut self, signal: Signal) -> Self {
        assert!(
            !is_for_endings(signal.number()),
            "this signal must end the program: report_on writes a report then"
        );
        self.signal = Some(signal.number());
        self
    }

    /// These options, with reports at these signals.
    #[cfg(feature = "dhat-compat")]
    pub(crate) const fn with_report_on(mut self, signals: &[Signal]) -> Self {
        let mut rest = signals;
        while let [signal, others @ ..] = rest {
            self.report_on = self.report_on.with(signal.number());
            rest = others;
        }
        self
    }
}
