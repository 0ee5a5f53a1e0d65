//! The system, where there is no more of it than std and the C library's ends of processes and
//! threads: the counterpart of `base/os`.
//!
//! Functions here may allocate: the engine's [lock](crate::base::current::Guarded) lets the
//! allocations of its holder pass.

use core::ffi::{CStr, c_void};
use std::boxed::Box;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Instant;

#[path = "../base/os/message.rs"]
pub(crate) mod message;
#[path = "../base/os/signal_kinds.rs"]
pub(crate) mod signal_kinds;
#[cfg_attr(windows, path = "os/windows.rs")]
#[cfg_attr(not(windows), path = "os/unix.rs")]
mod system;

pub(crate) use system::{
    KeepErrno, THREAD_END_ROUNDS, ThreadEnd, at_fork, thread_id, thread_key, thread_name,
};
#[cfg(feature = "dhat-compat")]
pub(crate) use system::{at_exit, contains};

pub(crate) mod files {
    /// Bytes that a path may have.
    #[cfg(feature = "backtraces")]
    pub(crate) const PATH_SIZE: usize = 4096;
}

/// Gives the processor away.
pub(crate) fn yield_now() {
    std::thread::yield_now();
}

/// This process's id.
#[cfg(feature = "backtraces")]
pub(crate) fn process_id() -> u32 {
    std::process::id()
}

/// A variable of the environment. Its memory is never given back: it is read once for each name.
pub(crate) fn environment(name: &CStr) -> Option<&'static CStr> {
    let value = std::env::var_os(name.to_str().ok()?)?;
    let value = std::ffi::CString::new(value.into_encoded_bytes()).ok()?;
    Some(Box::leak(value.into_boxed_c_str()))
}

/// Writes to standard error; a failure cannot be told to anybody.
pub(crate) fn write_stderr(bytes: &[u8]) {
    let _ = std::io::stderr().write_all(bytes);
}

/// Writes the path of the executable's file into `path` as far as it fits; its length, or 0 if it
/// is not known.
#[cfg(feature = "backtraces")]
pub(crate) fn executable(path: &mut [u8]) -> usize {
    let Ok(found) = std::env::current_exe() else { return 0 };
    // Backslashes are no part of names there, and the readers of paths know slashes.
    let found = found.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    let len = found.len().min(path.len());
    if let (Some(path), Some(found)) = (path.get_mut(..len), found.as_bytes().get(..len)) {
        path.copy_from_slice(found);
    }
    len
}

/// Nanoseconds since the first call.
pub(crate) fn monotonic_nanos() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let nanos = START.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// A destructor of a thread's state.
type Destructor = unsafe extern "C" fn(*mut c_void);
