//! The settings that a program makes in its source.

use super::ModAlloc;
use crate::base::os::signal_kinds::Signal;

/// The program's own settings. Each is a default: the [environment variable](crate#environment) of
/// that meaning wins, if it is set to a usable value. Of several `ModAlloc`s, that of the process's
/// first block decides.
///
/// ```
/// use mod_alloc::{ModAlloc, Signal};
///
/// #[global_allocator]
/// static ALLOC: ModAlloc = ModAlloc::new().off_by_default().signal(Signal::USR1);
/// # fn main() {}
/// ```
///
/// [In a production binary](crate::production) says what they are for.
impl<A> ModAlloc<A> {
    /// Records nothing, unless the process is started with `MOD_ALLOC=on`.
    ///
    /// Blocks then have no trailers, nothing is printed and no file is written.
    ///
    /// ```
    /// #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new().off_by_default();
    ///
    /// fn main() {
    ///     let numbers = vec![1_u64; 1000];
    ///     assert_eq!(ALLOC.snapshot().current_bytes, 0);
    /// #   drop(numbers);
    /// }
    /// ```
    #[must_use]
    pub const fn off_by_default(mut self) -> Self {
        self.options.is_off = true;
        self
    }

    /// Writes the report to `path`, in which `%p`, `%e` and `%%` have their
    /// [meanings](crate#environment); `off`: nowhere. `MOD_ALLOC_OUT` wins.
    ///
    /// Programs that a test harness runs still write no report, unless a variable of this crate is
    /// set.
    ///
    /// ```
    /// use mod_alloc::ModAlloc;
    ///
    /// #[global_allocator]
    /// static ALLOC: ModAlloc = ModAlloc::new().report_to("/var/tmp/heap-%p.json");
    /// # fn main() {}
    /// ```
    #[cfg(feature = "dhat-compat")]
    #[must_use]
    pub const fn report_to(mut self, path: &'static str) -> Self {
        self.options.out = if path.is_empty() { None } else { Some(path) };
        self
    }

    /// Writes the report when one of these signals comes, and then lets the signal end the program
    /// as ever. `MOD_ALLOC_REPORT_ON` wins. [Endings](crate#the-end-of-a-service) has the details.
    ///
    /// ```
    /// use mod_alloc::{ModAlloc, Signal};
    ///
    /// #[global_allocator]
    /// static ALLOC: ModAlloc = ModAlloc::new().report_on(&[Signal::TERM, Signal::INT]);
    /// # fn main() {}
    /// ```
    #[cfg(feature = "dhat-compat")]
    #[must_use]
    pub const fn report_on(mut self, signals: &[Signal]) -> Self {
        self.options = self.options.with_report_on(signals);
        self
    }

    /// Describes the program's memory when `signal` comes, without ending it: see
    /// [asking a running program](crate#asking-a-running-program). `MOD_ALLOC_SIGNAL` wins. A
    /// signal of [`report_on`](Self::report_on) stays one that ends the program.
    ///
    /// ```
    /// use mod_alloc::{ModAlloc, Signal};
    ///
    /// #[global_allocator]
    /// static ALLOC: ModAlloc = ModAlloc::new().signal(Signal::USR1);
    /// # fn main() {}
    /// ```
    ///
    /// # Panics
    ///
    /// If the signal is [`TERM`](Signal::TERM), [`INT`](Signal::INT) or [`HUP`](Signal::HUP): then
    /// they would no longer end the program. In a `static` that is an error of the compiler.
    ///
    /// ```compile_fail
    /// use mod_alloc::{ModAlloc, Signal};
    ///
    /// #[global_allocator]
    /// static ALLOC: ModAlloc = ModAlloc::new().signal(Signal::TERM);
    /// # fn main() {}
    /// ```
    #[must_use]
    pub const fn signal(mut self, signal: Signal) -> Self {
        self.options = self.options.with_signal(signal);
        self
    }

    /// Keeps `frames` frames of a stack, the innermost: 1 to 256. `MOD_ALLOC_FRAMES` wins.
    ///
    /// ```
    /// #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new().frames(16);
    /// # fn main() {}
    /// ```
    ///
    /// # Panics
    ///
    /// If `frames` is not in that range. In a `static` that is an error of the compiler.
    #[cfg(feature = "backtraces")]
    #[must_use]
    pub const fn frames(mut self, frames: u32) -> Self {
        use crate::base::settings::FRAMES;
        assert!(FRAMES.0 <= frames && frames <= FRAMES.1, "frames: 1 to 256");
        self.options.frames = Some(frames);
        self
    }

    /// Takes samples: one in `bytes` allocated bytes on average, 1,024 to 1 GiB; each other block
    /// costs next to nothing. `MOD_ALLOC_SAMPLE` wins. [Sampling](crate#sampling) says what is
    /// exact then.
    ///
    /// ```
    /// #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new().sample(512 * 1024);
    /// # fn main() {}
    /// ```
    ///
    /// # Panics
    ///
    /// If `bytes` is not in that range. In a `static` that is an error of the compiler.
    #[cfg(feature = "backtraces")]
    #[must_use]
    pub const fn sample(mut self, bytes: u64) -> Self {
        use crate::base::settings::SAMPLE;
        assert!(SAMPLE.0 <= bytes && bytes <= SAMPLE.1, "sample: 1 KiB to 1 GiB");
        self.options.sample = Some(bytes);
        self
    }

    /// Records each block, in a way in which [`set_sampling`](crate::set_sampling) can change to
    /// samples: as `MOD_ALLOC_SAMPLE=all`, which wins. Numbers are as exact as without, and an
    /// event takes longer.
    ///
    /// ```
    /// #[global_allocator]
    /// static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new().sample_all();
    /// # fn main() {}
    /// ```
    #[cfg(feature = "backtraces")]
    #[must_use]
    pub const fn sample_all(mut self) -> Self {
        self.options.sample = Some(crate::base::settings::EACH);
        self
    }
}
