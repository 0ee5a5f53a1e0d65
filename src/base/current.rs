//! The one thread-local word through which a thread finds its state.

#[cfg(all(feature = "preload", target_arch = "x86_64", target_env = "gnu", not(miri)))]
mod word {
    // In a shared library `thread_local!` calls a function at each access, which may allocate. This
    // word is at a fixed distance from the thread pointer (the initial-exec model): fine for a library
    // that is loaded with the program, as preloaded ones are.
    core::arch::global_asm!(
        ".pushsection .tbss.mod_alloc_current,\"awT\",@nobits",
        ".globl mod_alloc_current",
        ".hidden mod_alloc_current",
        ".type mod_alloc_current,@object",
        ".size mod_alloc_current,8",
        ".p2align 3",
        "mod_alloc_current:",
        ".zero 8",
        ".popsection",
    );

    #[inline(always)]
    pub(super) fn get() -> usize {
        let value;
        // SAFETY: reads this thread's own word.
        unsafe {
            core::arch::asm!(
                "mov {0}, qword ptr [rip + mod_alloc_current@GOTTPOFF]",
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) value,
                options(nostack, readonly, preserves_flags),
            );
        }
        value
    }

    #[inline(always)]
    pub(super) fn set(value: usize) {
        // SAFETY: writes this thread's own word.
        unsafe {
            core::arch::asm!(
                "mov {0}, qword ptr [rip + mod_alloc_current@GOTTPOFF]",
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(feature = "preload", target_arch = "x86_64", target_env = "gnu", not(miri))))]
mod word {
    use core::cell::Cell;

    std::thread_local! {
        // A constant without a destructor: touching it neither allocates nor registers anything,
        // and it can be read until the thread's last instruction.
        static CURRENT: Cell<usize> = const { Cell::new(0) };
    }

    #[inline(always)]
    pub(super) fn get() -> usize {
        CURRENT.with(Cell::get)
    }

    #[inline(always)]
    pub(super) fn set(value: usize) {
        CURRENT.with(|current| current.set(value));
    }
}

/// The calling thread's word; 0 until it is set.
#[inline(always)]
pub(crate) fn get<T>() -> *mut T {
    core::ptr::with_exposed_provenance_mut(word::get())
}

/// Sets it.
#[inline(always)]
pub(crate) fn set<T>(value: *mut T) {
    word::set(value.expose_provenance());
}
