//! An exact allocation profiler with whole stacks.

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("mod-alloc records on 64-bit Linux only");

#[cfg(feature = "backtraces")]
mod arena;
#[cfg(feature = "backtraces")]
mod block;
#[cfg(feature = "backtraces")]
mod callsite;
#[cfg(feature = "backtraces")]
mod capture;
#[cfg(feature = "dhat-compat")]
mod exit_report;
mod heap;
mod hook;
mod inside;
#[cfg(feature = "backtraces")]
mod ledger;
mod os;
pub mod recording;
#[cfg(feature = "symbolicate")]
pub mod report;
mod session;
mod settings;
mod stats;
#[cfg(feature = "symbolicate")]
pub mod symbolize;
mod sync;
#[cfg(feature = "backtraces")]
mod table;
mod thread;
mod threads;
#[cfg(feature = "backtraces")]
mod unwinding;

pub use hook::ModAlloc;
pub use stats::AllocStats;
