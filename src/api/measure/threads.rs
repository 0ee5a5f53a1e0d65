//! The program's `pthread_create`: what a measured thread starts is measured, too.

use core::ffi::{c_int, c_void};
use core::ptr;
use std::boxed::Box;

use crate::api::groups::Stay;
use crate::base::current;
use crate::base::sync::{AtomicPtr, Ordering};
use crate::engine::inside;
use crate::engine::session;
use crate::engine::session::Session;
use crate::store::group::{Group, Member};

type Start = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Start,
    *mut c_void,
) -> c_int;

/// What a new thread is to do, and where it belongs.
struct Birth {
    start: Start,
    argument: *mut c_void,
    session: &'static Session,
    member: Member,
    group: &'static Group,
}

/// The C library's function, looked for once.
fn next() -> Option<Create> {
    static NEXT: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let mut function = NEXT.load(Ordering::Relaxed);
    if function.is_null() {
        // SAFETY: the name ends with a zero byte.
        function = current::as_profiler(|| unsafe {
            libc::dlsym(libc::RTLD_NEXT, c"pthread_create".as_ptr())
        });
        NEXT.store(function, Ordering::Relaxed);
    }
    // SAFETY: null, or a function of that type, as POSIX has it.
    unsafe { core::mem::transmute::<*mut c_void, Option<Create>>(function) }
}

/// As in POSIX.
///
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
    let Some(create) = next() else { return libc::EAGAIN };
    let Some(birth) = birth(start, argument) else {
        // SAFETY: the caller's contract, handed on.
        return unsafe { create(thread, attributes, start, argument) };
    };
    birth.group.members.fetch_add(1, Ordering::Relaxed);
    let birth = current::as_profiler(|| Box::into_raw(Box::new(birth)));
    // SAFETY: the caller's contract; `begin` does what `start` would do with its argument.
    let result = unsafe { create(thread, attributes, begin, birth.cast()) };
    if result != 0 {
        // SAFETY: made above, and no thread has it.
        let birth = unsafe { Box::from_raw(birth) };
        // Release pairs with the Acquire of who uses the group again.
        birth.group.members.fetch_sub(1, Ordering::Release);
        current::as_profiler(|| drop(birth));
    }
    result
}

/// The birth of a thread of the calling thread's group, if that passes on to threads.
fn birth(start: Start, argument: *mut c_void) -> Option<Birth> {
    // Nobody measures before the process has had its first block; and who only starts a thread in a program
    // with another allocator begins no recording.
    let session = session::decided().ok().flatten()?;
    let member = inside::member();
    let group = session.groups.get(member.group as usize).filter(|_| member.passes_on)?;
    Some(Birth { start, argument, session, member, group })
}

unsafe extern "C-unwind" fn begin(birth: *mut c_void) -> *mut c_void {
    // SAFETY: made by `pthread_create` for this thread alone.
    let birth = unsafe { Box::from_raw(birth.cast::<Birth>()) };
    let Birth { start, argument, session, member, .. } = *birth;
    current::as_profiler(|| drop(birth));
    // For as long as the thread runs, whatever its last destructors do.
    core::mem::forget(Stay::begin(session, Member { is_counted: true, ..member }));
    // SAFETY: what the program asked for.
    unsafe { start(argument) }
}
