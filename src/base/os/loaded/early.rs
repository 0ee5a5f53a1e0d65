//! The modules that were loaded before the session: they stay as long as the process.

use core::ffi::{c_int, c_void};
use core::ptr;

use super::Loaded;
use crate::base::sync::{AtomicU64, Ordering};

/// The number of modules loaded before the session that can be told from those loaded later.
const EARLY: usize = 512;

/// The modules that were loaded before the session, by their [bias](Loaded::bias) plus one: they
/// stay as long as the process. A module that finds no room here counts as loaded late.
pub(super) static EARLY_BIASES: [AtomicU64; EARLY] = [const { AtomicU64::new(0) }; EARLY];

/// Notes the modules that are loaded.
pub(crate) fn note_early() {
    if cfg!(miri) {
        return;
    }
    let mut next = 0_usize;
    // SAFETY: the callback gets the counter's address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note_bias), (&raw mut next).cast()) };
}

unsafe extern "C" fn note_bias(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `note_early` passes a counter that lives for the call.
    let next = unsafe { &mut *data.cast::<usize>() };
    // SAFETY: the loader passes a valid description.
    let info = unsafe { &*info };
    let bias = info.dlpi_addr;
    #[cfg(target_env = "musl")]
    super::kept::keep(info, *next == 0);
    if let Some(place) = EARLY_BIASES.get(*next) {
        place.store(bias.wrapping_add(1), Ordering::Relaxed);
    }
    *next += 1;
    0
}

/// The executable's bias: the loader lists it first.
pub(crate) fn executables_bias() -> u64 {
    let bias = EARLY_BIASES[0].load(Ordering::Relaxed);
    bias.wrapping_sub(1)
}

/// True if `pc` is in the loader's first instructions, which have no unwind tables: the process
/// begins there, and they call libraries' constructors.
#[cold]
pub(crate) fn is_loaders_start(pc: u64) -> bool {
    /// `_start` and `_dl_start_user` together.
    const LENGTH: u64 = 256;
    // SAFETY: no preconditions.
    let base = unsafe { libc::getauxval(libc::AT_BASE) };
    if base == 0 || pc < base {
        return false;
    }
    let entry = ptr::with_exposed_provenance::<u64>(base as usize + 24); // e_entry
    // SAFETY: the loader's ELF header is mapped where the kernel says that the loader is.
    let entry = base + unsafe { entry.read() };
    (entry..entry + LENGTH).contains(&pc)
}

impl Loaded {
    /// True if it may be unloaded: it was not there when the session began.
    pub(crate) fn is_late(&self) -> bool {
        if cfg!(target_env = "musl") {
            return false; // musl unloads no module
        }
        let bias = self.bias.wrapping_add(1);
        !EARLY_BIASES
            .iter()
            .map(|early| early.load(Ordering::Relaxed))
            .take_while(|early| *early != 0)
            .any(|early| early == bias)
    }
}
