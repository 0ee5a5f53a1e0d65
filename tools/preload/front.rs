//! Functions that allocators bring along beside C's, exported to the program, and handed to the
//! library that records: each name is a jump to `mod_alloc_` and that name.
//!
//! They are libraries of their own, because a program that has no such allocator must not find the
//! names: it may ask by them which allocator it has. `mod-alloc run` preloads those that fit, in
//! front of the library that records, which so finds the allocator's own functions behind itself.
//! Built by the build script of tools/cli, once for each value of `front`.

#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

macro_rules! front {
    ($($name:ident)*) => {
        $(
            /// # Safety
            ///
            /// As the allocator says.
            #[unsafe(no_mangle)]
            #[unsafe(naked)]
            pub unsafe extern "C" fn $name() {
                #[cfg(target_arch = "x86_64")]
                core::arch::naked_asm!(
                    concat!("jmp qword ptr [rip + mod_alloc_", stringify!($name), "@GOTPCREL]"),
                );
                #[cfg(target_arch = "aarch64")]
                core::arch::naked_asm!(
                    concat!("adrp x16, :got:mod_alloc_", stringify!($name)),
                    concat!("ldr x16, [x16, :got_lo12:mod_alloc_", stringify!($name), "]"),
                    "br x16",
                );
            }
        )*
    };
}

#[cfg(front = "operators")]
front! {
    _Znwm _Znam
    _ZnwmRKSt9nothrow_t _ZnamRKSt9nothrow_t
    _ZnwmSt11align_val_t _ZnamSt11align_val_t
    _ZnwmSt11align_val_tRKSt9nothrow_t _ZnamSt11align_val_tRKSt9nothrow_t
    _ZdlPv _ZdaPv
    _ZdlPvm _ZdaPvm
    _ZdlPvRKSt9nothrow_t _ZdaPvRKSt9nothrow_t
    _ZdlPvSt11align_val_t _ZdaPvSt11align_val_t
    _ZdlPvmSt11align_val_t _ZdaPvmSt11align_val_t
    _ZdlPvSt11align_val_tRKSt9nothrow_t _ZdaPvSt11align_val_tRKSt9nothrow_t
}
