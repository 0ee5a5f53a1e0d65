//! The allocator behind this library: found once, by name, after this library in the loader's
//! order. So another preloaded allocator, or one that the program is linked with, stays in use.

use core::ffi::{CStr, c_int, c_void};
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use mod_alloc::preload::{next_is_glibcs, object_at, say};

use crate::checking;
use crate::unfronted::leaves_room_for_trailers;

/// Its functions, in the order of [`NAMES`].
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
enum Function {
    Malloc,
    Calloc,
    Realloc,
    Free,
    UsableSize,
    PosixMemalign,
    AlignedAlloc,
    Memalign,
    Valloc,
    Pvalloc,
}

const NAMES: [&CStr; 10] = [
    c"malloc",
    c"calloc",
    c"realloc",
    c"free",
    c"malloc_usable_size",
    c"posix_memalign",
    c"aligned_alloc",
    c"memalign",
    c"valloc",
    c"pvalloc",
];

static FOUND: [AtomicPtr<c_void>; NAMES.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; NAMES.len()];

/// Values of [`STATE`].
const UNKNOWN: u32 = 0;
const LOOKING: u32 = 1;
/// Found, but its blocks cannot have trailers.
const UNUSABLE: u32 = 2;
const READY: u32 = 3;
/// That one, and it is glibc's own: see [`glibc`].
const GLIBC: u32 = 4;

/// The addresses of the library of the next `malloc`.
static ALLOCATOR: Addresses = Addresses::new();
/// Those of this library. A function of the allocator that ends with a call of another one jumps,
/// and so seems to be called from where it was called.
static OURS: Addresses = Addresses::new();

/// Addresses of a library; none until it is known.
struct Addresses {
    start: AtomicUsize,
    length: AtomicUsize,
}

impl Addresses {
    const fn new() -> Self {
        Self { start: AtomicUsize::new(0), length: AtomicUsize::new(0) }
    }

    /// Makes them those of the library that has `address`.
    fn note(&self, address: usize) {
        if let Some(object) = object_at(address as u64) {
            self.start.store(object.start as usize, Ordering::Relaxed);
            self.length.store((object.end - object.start) as usize, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn has(&self, address: usize) -> bool {
        let start = self.start.load(Ordering::Relaxed);
        address.wrapping_sub(start) < self.length.load(Ordering::Relaxed)
    }
}

static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);

/// The functions are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    state: u32,
}

/// The next allocator; `None` while it is being looked for, which may allocate by itself.
#[inline(always)]
pub(crate) fn next() -> Option<Next> {
    // Acquire pairs with the Release in `look`: the functions are seen.
    let state = STATE.load(Ordering::Acquire);
    if state > LOOKING { Some(Next { state }) } else { look() }
}

#[cold]
#[inline(never)]
fn look() -> Option<Next> {
    let exchange = STATE.compare_exchange(UNKNOWN, LOOKING, Ordering::Relaxed, Ordering::Relaxed);
    match exchange {
        Ok(_) => {}
        Err(LOOKING) => return None,
        Err(state) => return Some(Next { state }),
    }
    for (place, name) in FOUND.iter().zip(NAMES) {
        // SAFETY: the name ends with a zero byte.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        place.store(function, Ordering::Relaxed);
    }
    if is_glibcs() {
        checking::look(NAMES.iter().zip(&FOUND));
    }
    crate::sandbox::look();
    crate::mappings::look();
    ALLOCATOR.note(address(Function::Malloc));
    OURS.note(look as *const () as usize);
    #[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
    crate::entries::note_loader();
    let state = match can_have_trailers() {
        true if is_glibcs() => {
            next_is_glibcs();
            if glibc::has_known_blocks() { GLIBC } else { READY }
        }
        true if leaves_room_for_trailers(|address| ALLOCATOR.has(address)) => {
            ask_once();
            READY
        }
        _ => UNUSABLE,
    };
    STATE.store(state, Ordering::Release); // pairs with the Acquire in `next`
    Some(Next { state })
}

/// The word that glibc's allocator keeps before a block: the block's size and three flags, in the
/// eight bytes before it, since 1996. To look there is what `malloc_usable_size` does; without
/// calling it a free and an allocation together take 5 ns less.
mod glibc {
    use super::{Next, READY};

    /// The block has a mapping of its own.
    const IS_MAPPED: usize = 2;
    const FLAGS: usize = 7;
    /// The part of a block's size that is not the program's, unless it has a mapping of its own.
    const HEAD: usize = 8;

    /// The usable size of a block of glibc's; `None`: ask.
    #[inline(always)]
    pub(super) unsafe fn usable_size(block: *mut u8) -> Option<usize> {
        // SAFETY: the caller's block has its size before it.
        let size = unsafe { block.cast::<usize>().wrapping_sub(1).read() };
        (size & IS_MAPPED == 0).then(|| (size & !FLAGS) - HEAD)
    }

    /// True if its blocks are as said here.
    pub(super) fn has_known_blocks() -> bool {
        const SIZES: [usize; 4] = [0, 24, 25, 1000];
        let next = Next { state: READY };
        cfg!(target_arch = "x86_64")
            && SIZES.into_iter().all(|size| {
                // SAFETY: any size may be asked for.
                let block = unsafe { next.malloc(size) };
                if block.is_null() {
                    return false;
                }
                // SAFETY: just allocated, by glibc.
                let found = unsafe { usable_size(block) };
                // SAFETY: just allocated.
                let expected = unsafe { next.ask_usable_size(block) };
                // SAFETY: just allocated, and not used any more.
                unsafe { next.free(block) };
                found == Some(expected)
            })
    }
}

/// Asks for the size of a block while nothing is recorded yet. tcmalloc makes an object by `new`
/// when it is asked the first time; a program's own `new` calls `malloc`, which asks again.
fn ask_once() {
    let next = Next { state: READY };
    // SAFETY: any size may be asked for.
    let block = unsafe { next.malloc(1) };
    if !block.is_null() {
        // SAFETY: just allocated.
        unsafe { next.ask_usable_size(block) };
        // SAFETY: just allocated, and not used any more.
        unsafe { next.free(block) };
    }
}

/// True if the next allocator is glibc's.
fn is_glibcs() -> bool {
    #[cfg(target_env = "gnu")]
    return object_at(address(Function::Malloc) as u64)
        == object_at(libc::gnu_get_libc_version as *const () as u64);
    #[cfg(not(target_env = "gnu"))]
    false
}

/// True if `malloc_usable_size` is of the allocator whose `malloc` is used.
fn can_have_trailers() -> bool {
    let object = |function: Function| object_at(address(function) as u64);
    let has_both = address(Function::Malloc) != 0 && address(Function::UsableSize) != 0;
    let is_usable = has_both && object(Function::Malloc) == object(Function::UsableSize);
    if !is_usable {
        say(format_args!(
            "the allocator in use has no malloc_usable_size of its own, not recording"
        ));
    }
    is_usable
}

fn pointer(function: Function) -> *mut c_void {
    FOUND[function as usize].load(Ordering::Relaxed)
}

fn address(function: Function) -> usize {
    pointer(function).addr()
}

macro_rules! forward {
    ($(#[$doc:meta])* $name:ident = $function:ident($($argument:ident: $type:ty),*) $(-> $result:ty, else $none:expr)?) => {
        $(#[$doc])*
        #[inline(always)]
        pub(crate) unsafe fn $name(self, $($argument: $type),*) $(-> $result)? {
            let function = pointer(Function::$function);
            if function.is_null() {
                return $($none)?;
            }
            // SAFETY: the function of that name has this signature in C.
            let function: unsafe extern "C" fn($($type),*) $(-> $result)? = unsafe { transmute(function) };
            // SAFETY: the caller keeps the contract of the C function of that name.
            unsafe { function($($argument),*) }
        }
    };
}

impl Next {
    /// True if blocks may have trailers.
    #[inline(always)]
    pub(crate) fn is_usable(self) -> bool {
        self.state > UNUSABLE
    }

    /// True if the code at `address` is of the library whose `malloc` this is.
    #[inline(always)]
    pub(crate) fn has(self, address: usize) -> bool {
        ALLOCATOR.has(address)
    }

    /// True if a call comes from the allocator's library, or by way of it: then it is a step of a
    /// call that is recorded, or the library's own affair.
    #[inline(always)]
    pub(crate) fn calls(self, caller: usize) -> bool {
        ALLOCATOR.has(caller) || OURS.has(caller)
    }

    /// True if the sizes of blocks are known from the first one on.
    #[inline(always)]
    pub(crate) fn knows_sizes(self) -> bool {
        self.state == GLIBC
    }

    /// How many bytes of a block may be used.
    ///
    /// # Safety
    ///
    /// `block` must be one of the allocator's.
    #[inline(always)]
    pub(crate) unsafe fn usable_size(self, block: *mut u8) -> usize {
        if self.state == GLIBC {
            // SAFETY: the caller's promise.
            if let Some(size) = unsafe { glibc::usable_size(block) } {
                return size;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.ask_usable_size(block) }
    }

    forward!(malloc = Malloc(size: usize) -> *mut u8, else no_memory());
    forward!(calloc = Calloc(count: usize, size: usize) -> *mut u8, else no_memory());
    forward!(realloc = Realloc(block: *mut u8, size: usize) -> *mut u8, else no_memory());
    forward!(free = Free(block: *mut u8));
    forward!(ask_usable_size = UsableSize(block: *mut u8) -> usize, else 0);
    forward!(posix_memalign = PosixMemalign(place: *mut *mut u8, alignment: usize, size: usize) -> c_int,
        else libc::ENOMEM);
    forward!(aligned_alloc = AlignedAlloc(alignment: usize, size: usize) -> *mut u8, else no_memory());
    forward!(memalign = Memalign(alignment: usize, size: usize) -> *mut u8, else no_memory());
    forward!(valloc = Valloc(size: usize) -> *mut u8, else no_memory());
    forward!(pvalloc = Pvalloc(size: usize) -> *mut u8, else no_memory());
}

/// No block, and errno says why.
#[cold]
pub(crate) fn no_memory() -> *mut u8 {
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    unsafe { *errno = libc::ENOMEM };
    ptr::null_mut()
}

/// Blocks that are asked for while the next allocator is being looked for. They are never given
/// back.
pub(crate) mod early {
    use super::{AtomicUsize, Ordering, no_memory, ptr};
    use core::cell::UnsafeCell;

    const SIZE: usize = 64 << 10;
    /// Before each block is its size, and it is aligned as malloc's are.
    const HEAD: usize = 16;

    #[repr(align(16))]
    struct Memory(UnsafeCell<[u8; SIZE]>);

    // SAFETY: each byte is given to one caller.
    unsafe impl Sync for Memory {}

    static MEMORY: Memory = Memory(UnsafeCell::new([0; SIZE]));
    static USED: AtomicUsize = AtomicUsize::new(0);

    /// A zeroed block, with an alignment of up to a page, as far as there is room for it.
    pub(crate) fn allocate(size: usize, alignment: usize) -> *mut u8 {
        let alignment = alignment.max(HEAD);
        if size > SIZE || alignment > SIZE || !alignment.is_power_of_two() {
            return no_memory();
        }
        let base = MEMORY.0.get().cast::<u8>();
        let start =
            |used: usize| (base.addr() + used + HEAD).next_multiple_of(alignment) - base.addr();
        let claimed = USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            let end = start(used) + size;
            (end <= SIZE).then_some(end)
        });
        let Ok(used) = claimed else { return no_memory() };
        // SAFETY: inside the memory, as found above.
        let block = unsafe { base.add(start(used)) };
        // SAFETY: the block is preceded by its head.
        let head = unsafe { block.sub(HEAD) }.cast::<usize>();
        // SAFETY: aligned to 16 bytes, and this block's alone.
        unsafe { head.write(size) };
        block
    }

    /// True if the block is one of these.
    #[inline(always)]
    pub(crate) fn has(block: *mut u8) -> bool {
        block.addr().wrapping_sub(MEMORY.0.get().addr()) < SIZE
    }

    /// The size of one of these blocks.
    pub(crate) fn size(block: *mut u8) -> usize {
        // SAFETY: the block is preceded by its head.
        let head = unsafe { block.sub(HEAD) }.cast::<usize>();
        // SAFETY: `allocate` has written it there.
        unsafe { head.read() }
    }

    /// Copies one of these blocks to a place of `size` bytes, if there is one.
    pub(crate) fn move_to(place: *mut u8, size: usize, block: *mut u8) {
        if !place.is_null() {
            // SAFETY: as many bytes as both have; one is new.
            unsafe { ptr::copy_nonoverlapping(block, place, self::size(block).min(size)) };
        }
    }
}
