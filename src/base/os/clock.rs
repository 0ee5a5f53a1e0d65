//! Time in units of a fraction of a microsecond, read once per event.
//!
//! A unit is 2^[`SHIFT`] ticks of the processor's cycle counter where that counter runs at one
//! rate and in step on all processors, otherwise 2^8 ns of the monotonic clock. How many units
//! make a microsecond is found when a report is made, by comparing the two clocks over the run.
//! Units count from the start of the recording, which has the clock's own value at that moment.

/// Ticks per unit, as a power of two: 0.2 to 0.5 µs at 2 to 5 GHz. A sum of lifetimes in
/// units overflows after 10^12 block-seconds.
#[cfg(target_arch = "x86_64")]
const SHIFT: u32 = 10;
#[cfg(target_arch = "aarch64")]
const SHIFT: u32 = 3;
const NANOS_SHIFT: u32 = 8;

#[cfg(feature = "preload")]
use crate::base::changes;
use crate::base::sync::{AtomicU32, AtomicU64, Ordering};

/// A clock that was started. It is a value and not a static: the hook has it beside the other words
/// of the session, without a look into the table of addresses.
#[derive(Debug)]
pub(crate) struct Clock {
    /// 0: the monotonic clock, or none.
    is_counter: AtomicU32,
    origin: u64,
}

/// One moment, as both clocks tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Units of the events' clock since its start.
    pub(crate) units: u64,
    /// Nanoseconds of the monotonic clock.
    pub(crate) nanos: u64,
}

/// The monotonic clock's last word, in nanoseconds, where the process has forbidden itself to read
/// any clock; 0: it has not.
static STOPPED_NANOS: AtomicU64 = AtomicU64::new(0);
/// The events' clock's last word, in units.
static STOPPED_UNITS: AtomicU64 = AtomicU64::new(0);

/// The time at which all clocks were stopped.
#[inline]
pub(crate) fn stopped() -> Option<u64> {
    let nanos = STOPPED_NANOS.load(Ordering::Relaxed);
    (nanos != 0).then_some(nanos)
}

impl Clock {
    /// Chooses the clock, and starts counting; the second is what the monotonic clock says at that
    /// moment. `monotonic`: the monotonic clock, whose units are known from the start.
    pub(crate) fn start(monotonic: bool) -> (Self, u64) {
        let is_counter = !monotonic && counter_is_invariant();
        let unset = Clock { is_counter: AtomicU32::new(is_counter.into()), origin: 0 };
        let Moment { units, nanos } = unset.moment();
        (Clock { origin: units, ..unset }, nanos)
    }

    /// Both clocks' words for this moment.
    pub(crate) fn moment(&self) -> Moment {
        undisturbed(|| {
            let before = self.now();
            let nanos = super::monotonic_nanos();
            let between = self.now().wrapping_sub(before);
            (between, Moment { units: before.wrapping_add(between / 2), nanos })
        })
    }

    /// The clock's own value at the start: units from a moment that is the same for all processes
    /// on this machine, until it is booted anew.
    pub(crate) fn origin(&self) -> u64 {
        self.origin
    }

    /// Units since the start.
    #[inline(always)]
    pub(crate) fn now(&self) -> u64 {
        let is_counter = self.is_counter.load(Ordering::Relaxed) != 0;
        let absolute = if is_counter { from_counter() } else { from_monotonic() };
        absolute.wrapping_sub(self.origin)
    }

    /// True if the clock is the processor's counter.
    #[cfg(feature = "backtraces")]
    pub(crate) fn is_counter(&self) -> bool {
        self.is_counter.load(Ordering::Relaxed) != 0
    }

    /// Stops all clocks at this time: the process is about to forbid itself to read them. The
    /// processor's counter is as forbidden as the system's clocks, which are made of it.
    #[cfg(feature = "preload")]
    pub(crate) fn stop(&self) {
        STOPPED_UNITS.store(self.now().wrapping_add(self.origin), Ordering::Relaxed);
        STOPPED_NANOS.store(super::monotonic_nanos(), Ordering::Relaxed);
        self.is_counter.store(0, Ordering::Relaxed);
        changes::announce();
    }

    /// Lets the clocks go on: the process may read them after all. `monotonic` as at the start.
    #[cfg(feature = "preload")]
    pub(crate) fn go_on(&self, monotonic: bool) {
        STOPPED_NANOS.store(0, Ordering::Relaxed);
        self.is_counter.store((!monotonic && counter_is_invariant()).into(), Ordering::Relaxed);
        changes::announce();
    }
}

/// The moment that took the fewest units to read. The ratio of two moments is the rate of the
/// counter, so a thread that is put aside between the two readings tries again: a millisecond there
/// would be one in every time of a short run.
fn undisturbed(mut read: impl FnMut() -> (u64, Moment)) -> Moment {
    const TRIES: u32 = 8;
    // A reading in which nothing intervenes may meet the end of a unit.
    const AT_ONCE: u64 = 1;
    let mut best = read();
    for _ in 1..TRIES {
        if best.0 <= AT_ONCE {
            break;
        }
        let again = read();
        if again.0 < best.0 {
            best = again;
        }
    }
    best.1
}

/// Units since a clock's [`origin`](Clock::origin), if it [is the processor's
/// counter](Clock::is_counter).
#[cfg(feature = "backtraces")]
#[inline(always)]
pub(crate) fn counted_since(origin: &u64) -> u64 {
    // Read after the counter, which needs registers.
    from_counter().wrapping_sub(*origin)
}

/// The whole microseconds in units of the monotonic clock.
#[cfg(feature = "backtraces")]
pub(crate) fn monotonic_micros(units: u64) -> u64 {
    // 256 ns a unit.
    const { assert!(NANOS_SHIFT == 8) };
    units.saturating_mul(32) / 125
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn from_counter() -> u64 {
    // SAFETY: the instruction exists on all x86-64 processors; it reads a counter.
    let ticks = unsafe { core::arch::x86_64::_rdtsc() };
    ticks >> SHIFT
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
fn from_counter() -> u64 {
    let ticks: u64;
    // SAFETY: reads the virtual counter, which Linux lets user space read.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
    ticks >> SHIFT
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn from_counter() -> u64 {
    from_monotonic()
}

#[cold]
fn from_monotonic() -> u64 {
    match stopped() {
        Some(_) => STOPPED_UNITS.load(Ordering::Relaxed),
        None => super::monotonic_nanos() >> NANOS_SHIFT,
    }
}

/// True if the cycle counter runs at one rate, whatever the processor does.
#[cfg(all(target_arch = "x86_64", not(miri)))]
fn counter_is_invariant() -> bool {
    use core::arch::x86_64::{__cpuid, CpuidResult};
    const INVARIANT: u32 = 1 << 8; // CPUID 8000_0007h, EDX bit 8 (Intel SDM vol. 3, 18.17.1)
    // Safe in newer versions of Rust; as a pointer it is unsafe in all.
    let cpuid: unsafe fn(u32) -> CpuidResult = __cpuid;
    // SAFETY: every x86-64 processor has the instruction.
    let highest = unsafe { cpuid(0x8000_0000) }.eax;
    // SAFETY: see above.
    highest >= 0x8000_0007 && unsafe { cpuid(0x8000_0007) }.edx & INVARIANT != 0
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
fn counter_is_invariant() -> bool {
    true // the generic timer by definition (Arm ARM D11)
}

#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn counter_is_invariant() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(took: &[u64]) -> u64 {
        let mut left = took.iter().zip(0..);
        let moment = undisturbed(|| {
            let (&between, number) = left.next().expect("no more readings");
            (between, Moment { units: number, nanos: 0 })
        });
        moment.units
    }

    #[test]
    fn a_reading_that_was_interrupted_is_not_taken() {
        assert_eq!(chosen(&[0]), 0);
        assert_eq!(chosen(&[9_000, 1]), 1);
        assert_eq!(chosen(&[70, 90, 60, 80, 60, 70, 70, 70]), 2, "all were: the shortest");
    }

    #[test]
    fn both_clocks_go_on() {
        let (clock, nanos) = Clock::start(false);
        let mut earlier = Moment { units: 0, nanos };
        for _ in 0..100 {
            let later = clock.moment();
            assert!(earlier.units <= later.units && earlier.nanos <= later.nanos);
            earlier = later;
        }
    }
}
