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
    ($($name:ident $(= $target:ident)?)*) => {
        $(front!(@one $name $($target)? $name);)*
    };
    (@one $name:ident $own:ident) => {
        front!(@jump $name, $name);
    };
    (@one $name:ident $target:ident $own:ident) => {
        front!(@jump $name, $target);
    };
    (@jump $name:ident, $target:ident) => {
        /// # Safety
        ///
        /// As the allocator says.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!(
                concat!("jmp qword ptr [rip + mod_alloc_", stringify!($target), "@GOTPCREL]"),
            );
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!(
                concat!("adrp x16, :got:mod_alloc_", stringify!($target)),
                concat!("ldr x16, [x16, :got_lo12:mod_alloc_", stringify!($target), "]"),
                "br x16",
            );
        }
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

#[cfg(front = "mappings")]
front! {
    mmap munmap mremap brk sbrk
    mmap64 = mmap
}

#[cfg(front = "jemalloc")]
front! {
    mallocx rallocx xallocx sallocx dallocx sdallocx nallocx
}

#[cfg(front = "tcmalloc")]
front! {
    tc_malloc tc_malloc_skip_new_handler tc_calloc tc_memalign tc_valloc tc_pvalloc
    tc_posix_memalign tc_realloc
    tc_free tc_free_sized tc_cfree
    tc_malloc_size tc_nallocx nallocx
    MallocExtension_GetAllocatedSize MallocExtension_GetEstimatedAllocatedSize
    tc_new tc_newarray tc_new_nothrow tc_newarray_nothrow
    tc_new_aligned tc_newarray_aligned tc_new_aligned_nothrow tc_newarray_aligned_nothrow
    tc_delete = _ZdlPv
    tc_deletearray = _ZdaPv
    tc_delete_sized = _ZdlPvm
    tc_deletearray_sized = _ZdaPvm
    tc_delete_nothrow = _ZdlPvRKSt9nothrow_t
    tc_deletearray_nothrow = _ZdaPvRKSt9nothrow_t
    tc_delete_aligned = _ZdlPvSt11align_val_t
    tc_deletearray_aligned = _ZdaPvSt11align_val_t
    tc_delete_sized_aligned = _ZdlPvmSt11align_val_t
    tc_deletearray_sized_aligned = _ZdaPvmSt11align_val_t
    tc_delete_aligned_nothrow = _ZdlPvSt11align_val_tRKSt9nothrow_t
    tc_deletearray_aligned_nothrow = _ZdaPvSt11align_val_tRKSt9nothrow_t
    __libc_malloc __libc_calloc __libc_memalign __libc_valloc __libc_pvalloc __posix_memalign
    __libc_realloc __libc_free __libc_cfree
    cfree malloc_size
}

#[cfg(front = "mimalloc")]
front! {
    mi_malloc mi_malloc_small mi_zalloc mi_zalloc_small mi_mallocn mi_calloc
    mi_malloc_aligned mi_malloc_aligned_at mi_zalloc_aligned mi_zalloc_aligned_at
    mi_calloc_aligned mi_calloc_aligned_at
    mi_memalign mi_aligned_alloc _aligned_malloc mi_valloc mi_pvalloc mi_posix_memalign
    mi_realloc mi_reallocn mi_reallocarray mi_reallocf mi_rezalloc mi_recalloc
    mi_realloc_aligned mi_realloc_aligned_at mi_rezalloc_aligned mi_rezalloc_aligned_at
    mi_recalloc_aligned mi_recalloc_aligned_at mi_aligned_recalloc mi_aligned_offset_recalloc
    mi_reallocarr reallocarr mi_expand mi__expand
    mi_heap_delete mi_heap_destroy
    mi_heap_malloc mi_heap_malloc_small mi_heap_zalloc mi_heap_mallocn mi_heap_calloc
    mi_heap_malloc_aligned mi_heap_malloc_aligned_at mi_heap_zalloc_aligned
    mi_heap_zalloc_aligned_at mi_heap_calloc_aligned mi_heap_calloc_aligned_at
    mi_heap_realloc mi_heap_reallocn mi_heap_reallocf mi_heap_rezalloc mi_heap_recalloc
    mi_heap_realloc_aligned mi_heap_realloc_aligned_at mi_heap_rezalloc_aligned
    mi_heap_rezalloc_aligned_at mi_heap_recalloc_aligned
    mi_free mi_cfree mi_free_size mi_free_size_aligned mi_free_aligned
    mi_usable_size mi_malloc_size mi_malloc_usable_size mi_good_size mi_malloc_good_size
    mi_strdup mi_mbsdup mi_strndup mi_heap_strdup mi_heap_strndup mi_realpath mi_heap_realpath
    mi_new mi_new_nothrow mi_new_aligned mi_new_aligned_nothrow
    mi_new_n mi_new_realloc mi_new_reallocn mi_heap_alloc_new mi_heap_alloc_new_n
    __libc_malloc __libc_calloc __libc_memalign __libc_valloc __libc_pvalloc __posix_memalign
    __libc_realloc __libc_free __libc_cfree
    cfree vfree malloc_size malloc_good_size reallocf
}
