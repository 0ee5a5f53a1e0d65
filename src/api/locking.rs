//! The program's `mlockall`: its memory is locked, the recording is not.
//!
//! The symbol is weak. A program with two copies of this crate still links, and a function of that
//! name in the program itself comes first. Libraries that were linked with the program find it,
//! too; those that `dlopen` loads call the C library's.

use core::ffi::c_int;

use crate::base::os::locking;
use crate::engine::session;

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".weak mlockall",
    ".type mlockall, @function",
    "mlockall:",
    "jmp {lock_all}",
    ".size mlockall, . - mlockall",
    lock_all = sym lock_all,
);
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".weak mlockall",
    ".type mlockall, @function",
    "mlockall:",
    "b {lock_all}",
    ".size mlockall, . - mlockall",
    lock_all = sym lock_all,
);

/// As on Linux.
extern "C" fn lock_all(flags: c_int) -> c_int {
    match session::get().filter(|_| !session::is_muted()) {
        Some(session) => locking::lock_all_but(&session.own_memory(), flags, locking::lock_all),
        None => locking::lock_all(flags),
    }
}
