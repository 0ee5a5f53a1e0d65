//! USDT probes of sampled blocks, for eBPF profilers and debuggers (feature `usdt`).
//!
//! | probe | arguments | fires |
//! |---|---|---|
//! | `otel_memory:alloc` | address, size, weight | when a block is sampled |
//! | `otel_memory:free` | address | before a sampled block is freed |
//!
//! The weight is the number of bytes that the block stands for.
//!
//! That is the contract of OpenTelemetry's eBPF profiler (its design document 00003). A resized
//! block that was sampled is freed, and one that is sampled when it is resized is allocated. Blocks
//! that are not sampled fire nothing, so the way of most events has no instruction for probes.
//! Sampled ones look at the probe's semaphore, which whoever listens raises.

use crate::engine::sampling::stands_for;
use crate::engine::session;
use crate::store::ids::SiteId;
use crate::store::sampling::is_sampled;

/// A new block whose trailer has that number; no probe fires if it is not sampled.
pub(in crate::hook) fn allocated(block: *mut u8, size: usize, number: SiteId) {
    let weight = session::get().and_then(|session| stands_for(session, number, size));
    if let Some(weight) = weight {
        fire_allocated(block.addr(), size, weight);
    }
}

/// A block whose trailer has that number is about to be freed; no probe fires if it is not sampled.
pub(in crate::hook) fn freed(block: *mut u8, number: Option<SiteId>) {
    if number.is_some_and(is_sampled) {
        fire_freed(block.addr());
    }
}

/// The probe has one place in a program: whoever listens sets one breakpoint.
#[inline(never)]
fn fire_allocated(address: usize, size: usize, weight: u64) {
    probe::probe_lazy!(otel_memory, alloc, address, size, weight);
}

/// As above.
#[inline(never)]
fn fire_freed(address: usize) {
    probe::probe_lazy!(otel_memory, free, address);
}
