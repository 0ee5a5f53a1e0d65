//! The program's `pthread_create`: threads that a measured thread starts are measured, too.

use core::ffi::{c_int, c_void};
use std::boxed::Box;

use crate::api::stay::Stay;
use crate::base::current;
use crate::base::os::threads::{self, Attributes, Start};
use crate::base::sync::Ordering;
use crate::engine::inside;
use crate::engine::session;
use crate::engine::session::Session;
use crate::store::group::{Group, Member};

/// A new thread's function and group.
struct Birth {
    start: Start,
    argument: *mut c_void,
    session: &'static Session,
    member: Member,
    group: &'static Group,
}

/// As in POSIX.
///
/// # Safety
///
/// As in POSIX.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pthread_create(
    thread: *mut threads::Thread,
    attributes: *const Attributes,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let create = current::as_profiler(threads::next_pthread_create);
    let Some(create) = create else { return threads::EAGAIN };
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
        // Release pairs with the Acquire of the next user of the group.
        birth.group.members.fetch_sub(1, Ordering::Release);
        current::as_profiler(|| drop(birth));
    }
    result
}

/// The start of a thread in the calling thread's group, if the group passes on to threads.
fn birth(start: Start, argument: *mut c_void) -> Option<Birth> {
    // No measurement comes before the process's first block; and starting a thread in a program
    // with another allocator begins no recording.
    let session = session::decided().ok().flatten()?;
    let member = inside::member();
    let group = session.groups.get(member.group.index()).filter(|_| member.passes_on)?;
    Some(Birth { start, argument, session, member, group })
}

unsafe extern "C-unwind" fn begin(birth: *mut c_void) -> *mut c_void {
    // SAFETY: made by `pthread_create` for this thread alone.
    let birth = unsafe { Box::from_raw(birth.cast::<Birth>()) };
    let Birth { start, argument, session, member, .. } = *birth;
    current::as_profiler(|| drop(birth));
    // The member stays as long as the thread runs, through its last destructors.
    core::mem::forget(Stay::begin(session, Member { is_counted: true, ..member }));
    // SAFETY: what the program asked for.
    unsafe { start(argument) }
}
