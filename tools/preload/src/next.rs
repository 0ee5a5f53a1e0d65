//! The allocator behind this library: found once, by name, after this library in the loader's order. So
//! another preloaded allocator, or one that the program is linked with, stays in use.

use core::ffi::{CStr, c_int, c_void};
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use mod_alloc::preload::{object_at, say};

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

static STATE: AtomicU32 = AtomicU32::new(UNKNOWN);

/// The functions are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    /// Whether blocks may have trailers.
    pub(crate) is_usable: bool,
}

/// The next allocator; `None` while it is being looked for, which may allocate by itself.
#[inline(always)]
pub(crate) fn next() -> Option<Next> {
    // Acquire pairs with the Release in `look`: the functions are seen.
    match STATE.load(Ordering::Acquire) {
        READY => Some(Next { is_usable: true }),
        UNUSABLE => Some(Next { is_usable: false }),
        _ => look(),
    }
}

#[cold]
#[inline(never)]
fn look() -> Option<Next> {
    let exchange = STATE.compare_exchange(UNKNOWN, LOOKING, Ordering::Relaxed, Ordering::Relaxed);
    match exchange {
        Ok(_) => {}
        Err(LOOKING) => return None,
        Err(state) => return Some(Next { is_usable: state == READY }),
    }
    for (place, name) in FOUND.iter().zip(NAMES) {
        // SAFETY: the name ends with a zero byte.
        let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
        place.store(function, Ordering::Relaxed);
    }
    let is_usable = can_have_trailers();
    let state = if is_usable { READY } else { UNUSABLE };
    STATE.store(state, Ordering::Release); // pairs with the Acquire in `next`
    Some(Next { is_usable })
}

/// Whether `malloc_usable_size` is of the allocator whose `malloc` is used.
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
    forward!(malloc = Malloc(size: usize) -> *mut u8, else no_memory());
    forward!(calloc = Calloc(count: usize, size: usize) -> *mut u8, else no_memory());
    forward!(realloc = Realloc(block: *mut u8, size: usize) -> *mut u8, else no_memory());
    forward!(free = Free(block: *mut u8));
    forward!(usable_size = UsableSize(block: *mut u8) -> usize, else 0);
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

/// Blocks that are asked for while the next allocator is being looked for. They are never given back.
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

    /// A zeroed block, with an alignment of up to a page.
    pub(crate) fn allocate(size: usize, alignment: usize) -> *mut u8 {
        let alignment = alignment.max(HEAD);
        if size > SIZE || alignment > 4096 || !alignment.is_power_of_two() {
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
        // SAFETY: aligned to 16 bytes, and nobody else's.
        unsafe { head.write(size) };
        block
    }

    /// Whether the block is one of these.
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
