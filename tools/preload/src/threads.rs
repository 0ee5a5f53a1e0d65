//! New threads: registered before they do anything, because the C library may hold a lock of the
//! thread's at its first allocation. In test programs each test is a group, and what a test's
//! threads start belongs to it.
//!
//! Rust's test harness runs every test in a thread of its own, which names itself by the test. So a
//! group begins where a thread names itself that was started by one outside any group. Threads that
//! are started once for the whole process, such as those of a global pool, belong to no test.

use core::cell::Cell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use mod_alloc::preload::{NewThread, Recorder, reserve, yield_now};

use crate::behind::behind;
use crate::exports::recorder;
use crate::names;

type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type PthreadCreate = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Start,
    *mut c_void,
) -> c_int;
type PthreadSetname = unsafe extern "C" fn(libc::pthread_t, *const c_char) -> c_int;

std::thread_local! {
    /// The thread is in no group and begins none, and neither do those that it starts.
    static IS_APART: Cell<bool> = const { Cell::new(false) };
}

/// A new thread's work, and its part in groups.
struct Birth {
    start: Start,
    argument: *mut c_void,
    stack: usize,
    group: NewThread,
    next: *mut Birth,
}

/// Births that are not used: memory that was taken for others before.
static SPARE: AtomicPtr<Birth> = AtomicPtr::new(ptr::null_mut());
/// Held while the list of the spare ones changes.
static HELD: AtomicBool = AtomicBool::new(false);

/// Changes the list; `None` if that is not possible now. A forked child may find it held for ever,
/// by a thread that it has not: it goes on without. Any other holder is let run: a thread that went
/// on without would be no test, and its blocks would belong to none.
fn with_spare<R>(work: impl FnOnce() -> R) -> Option<R> {
    const SPINS: u32 = 100;
    const TURNS: u32 = 20_000;
    for turn in 0..TURNS {
        if HELD.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            let result = work();
            HELD.store(false, Ordering::Release); // pairs with the Acquire above
            return Some(result);
        }
        if turn < SPINS {
            core::hint::spin_loop();
        } else {
            yield_now();
        }
    }
    None
}

/// Memory for a birth. The heap is the program's.
fn place() -> Option<NonNull<Birth>> {
    const BYTES: usize = 4096;
    with_spare(|| {
        if SPARE.load(Ordering::Relaxed).is_null() {
            let page = reserve(BYTES)?.cast::<Birth>();
            for index in 0..BYTES / size_of::<Birth>() {
                // SAFETY: inside the page just made.
                give_back(unsafe { page.add(index) });
            }
        }
        let birth = NonNull::new(SPARE.load(Ordering::Relaxed))?;
        // SAFETY: on the list, so this thread's alone while the list is held.
        SPARE.store(unsafe { (*birth.as_ptr()).next }, Ordering::Relaxed);
        Some(birth)
    })
    .flatten()
}

/// Makes the memory before any thread needs it: later there is none.
pub(crate) fn prepare() {
    if let Some(birth) = place() {
        with_spare(|| give_back(birth));
    }
}

/// Puts memory on the list, which is held.
fn give_back(birth: NonNull<Birth>) {
    // SAFETY: the memory is the caller's, and becomes the list's.
    unsafe { (*birth.as_ptr()).next = SPARE.load(Ordering::Relaxed) };
    SPARE.store(birth.as_ptr(), Ordering::Relaxed);
}

/// # Safety
///
/// As in POSIX.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let Some(create) = behind::<PthreadCreate>(&NEXT, c"pthread_create") else {
        return libc::EAGAIN;
    };
    let both = recorder().and_then(|recorder| Some((recorder, place()?)));
    let Some((recorder, birth)) = both else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { create(thread, attributes, start, argument) };
    };
    let (stack, group) = (stack_size(attributes), group_of_new_thread(recorder));
    // SAFETY: memory for a birth, this thread's alone.
    unsafe { birth.write(Birth { start, argument, stack, group, next: ptr::null_mut() }) };
    // SAFETY: the caller's contract; `begin` does what `start` would do with its argument.
    let result = unsafe { create(thread, attributes, begin, birth.as_ptr().cast()) };
    if result != 0 {
        with_spare(|| give_back(birth));
    }
    result
}

/// The part in groups of a thread that the calling one starts.
fn group_of_new_thread(recorder: Recorder) -> NewThread {
    if !recorder.groups_tests() {
        NewThread::Free
    } else if IS_APART.with(Cell::get) {
        NewThread::Apart
    } else {
        recorder.group_of_new_thread()
    }
}

/// The size of the stack of a thread with these attributes.
fn stack_size(attributes: *const libc::pthread_attr_t) -> usize {
    let mut default = core::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut size, is_default) = (0, attributes.is_null());
    // SAFETY: the out-pointer is valid.
    if is_default && unsafe { libc::pthread_attr_init(default.as_mut_ptr()) } != 0 {
        return size;
    }
    let attributes = if is_default { default.as_ptr() } else { attributes };
    // SAFETY: the caller's attributes, or those initialised above.
    unsafe { libc::pthread_attr_getstacksize(attributes, &raw mut size) };
    if is_default {
        // SAFETY: initialised above and not used after this.
        unsafe { libc::pthread_attr_destroy(default.as_mut_ptr()) };
    }
    size
}

unsafe extern "C" fn begin(birth: *mut c_void) -> *mut c_void {
    let Some(place) = NonNull::new(birth.cast::<Birth>()) else { return ptr::null_mut() };
    // SAFETY: written by `pthread_create` for this thread.
    let Birth { start, argument, stack, group, .. } = unsafe { place.read() };
    with_spare(|| give_back(place));
    if let Some(recorder) = recorder() {
        recorder.begin_thread(Some(stack));
        match group {
            NewThread::Free => names::is_started_with(argument),
            NewThread::InGroup(group) => recorder.join(group),
            NewThread::Apart => IS_APART.with(|is_apart| is_apart.set(true)),
        }
    }
    // SAFETY: what the program asked for.
    unsafe { start(argument) }
}

/// # Safety
///
/// As in glibc.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pthread_setname_np(
    thread: libc::pthread_t,
    name: *const c_char,
) -> c_int {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let Some(set_name) = behind::<PthreadSetname>(&NEXT, c"pthread_setname_np") else {
        return libc::ENOSYS;
    };
    // SAFETY: no preconditions.
    let is_own = thread == unsafe { libc::pthread_self() };
    if let Some(recorder) = recorder().filter(|recorder| is_own && recorder.groups_tests()) {
        // SAFETY: the caller's name ends with a zero byte.
        begin_test(recorder, unsafe { CStr::from_ptr(name) });
    }
    // SAFETY: the caller's contract, handed on.
    unsafe { set_name(thread, name) }
}

/// The calling thread has named itself: it is a test, unless it belongs to one, or its creator is
/// not known to be outside any group.
fn begin_test(recorder: Recorder, name: &CStr) {
    let Some(argument) = names::take_start().filter(|_| recorder.group() == 0) else { return };
    let mut whole = names::Name::default();
    let found = names::find(argument, name.to_bytes(), &mut whole);
    recorder.begin_group(name.to_bytes(), if found { whole.bytes() } else { name.to_bytes() });
}
