//! Stands for libgcc's unwinder, which the standard library refers to for panics and their
//! backtraces.
//!
//! Nothing here unwinds: a panic would abort, and there is none. Without these, every recorded
//! program would get libgcc_s loaded. They are hidden: no other object finds them.

#[cfg(target_arch = "x86_64")]
macro_rules! return_zero {
    () => {
        "xor eax, eax"
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! return_zero {
    () => {
        "mov x0, xzr"
    };
}

macro_rules! nothing {
    ($($name:literal)*) => {
        core::arch::global_asm!(
            ".text",
            $(
                concat!(".globl ", $name),
                concat!(".hidden ", $name),
                concat!(".type ", $name, ",@function"),
                concat!($name, ":"),
            )*
            return_zero!(),
            "ret",
        );
    };
}

nothing! {
    "_Unwind_Backtrace"
    "_Unwind_GetDataRelBase"
    "_Unwind_GetIP"
    "_Unwind_GetIPInfo"
    "_Unwind_GetLanguageSpecificData"
    "_Unwind_GetRegionStart"
    "_Unwind_GetTextRelBase"
    "_Unwind_Resume"
    "_Unwind_SetGR"
    "_Unwind_SetIP"
}
