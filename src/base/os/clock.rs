//! Time in units of a fraction of a microsecond, read once per event.
//!
//! A unit is 2^[`SHIFT`] ticks of the processor's cycle counter where that counter runs at one
//! rate and in step on all processors, otherwise 2^8 ns of the monotonic clock. How many units
//! make a microsecond is found when a report is made, by comparing the two clocks over the run.
//! Units count from the start of the recording, which has the clock's own value at that moment.

use crate::base::sync::{AtomicU32, AtomicU64, Ordering};

/// Ticks per unit, as a power of two: 0.2 to 0.5 µs at 2 to 5 GHz. A sum of lifetimes in
/// units overflows after 10^12 block-seconds.
#[cfg(target_arch = "x86_64")]
const SHIFT: u32 = 10;
#[cfg(target_arch = "aarch64")]
const SHIFT: u32 = 3;
const NANOS_SHIFT: u32 = 8;

/// 0: not decided, 1: cycle counter, 2: monotonic clock.
static SOURCE: AtomicU32 = AtomicU32::new(0);

/// The clock's value when it was started.
static ORIGIN: AtomicU64 = AtomicU64::new(0);

/// Chooses the clock, and starts counting.
pub(crate) fn start() {
    let source = if counter_is_invariant() { 1 } else { 2 };
    SOURCE.store(source, Ordering::Relaxed);
    ORIGIN.store(absolute(), Ordering::Relaxed);
}

/// Units since the start.
#[inline(always)]
pub(crate) fn now() -> u64 {
    absolute().wrapping_sub(ORIGIN.load(Ordering::Relaxed))
}

/// The clock's value at the start.
pub(crate) fn origin() -> u64 {
    ORIGIN.load(Ordering::Relaxed)
}

/// The clock's value now as another process that recorded on this machine would see it.
#[cfg(feature = "dhat-compat")]
pub(crate) fn everybodys() -> u64 {
    if SOURCE.load(Ordering::Relaxed) == 0 {
        start();
    }
    absolute()
}

/// Units from a moment on that is the same for all processes on this machine, until it is started
/// anew.
#[inline(always)]
fn absolute() -> u64 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if SOURCE.load(Ordering::Relaxed) == 1 {
        // SAFETY: the instruction exists on all x86-64 processors; it reads a counter.
        return unsafe { core::arch::x86_64::_rdtsc() } >> SHIFT;
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    if SOURCE.load(Ordering::Relaxed) == 1 {
        let count: u64;
        // SAFETY: reads the virtual counter, which Linux lets user space read.
        unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack)) };
        return count >> SHIFT;
    }
    from_monotonic()
}

#[cold]
fn from_monotonic() -> u64 {
    super::monotonic_nanos() >> NANOS_SHIFT
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
