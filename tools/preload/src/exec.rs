//! The functions that execute another program: in the place of this one, or in a new process.
//!
//! ```text
//!  program ── execve ──▶ exec: examined (target), seen off (environment) ──▶ next: C's function
//!                          └──▶ mod_alloc::preload: noted, if the other program is not recorded
//! ```
//!
//! A library that the other program's loader cannot load makes the loader complain on the program's
//! standard error; musl's loader ends the program. So such a program does not inherit our entry
//! in `LD_PRELOAD`. What is noted is in the recording of this process, which `mod-alloc run` reads.
//!
//! These functions run between `fork` or `vfork` and the end of the process's old program, so they
//! ask for no heap memory and take no lock.

mod environment;
mod target;
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod variadic;

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use mod_alloc::preload::{Why, note_executed, note_unrecorded, take_back_unrecorded};

use environment::{Environment, without_us};
use target::Target;

type Strings = *const *const c_char;

unsafe extern "C" {
    static environ: Strings;
}

/// C's functions behind ours, in the order of [`NAMES`].
#[derive(Debug, Clone, Copy)]
enum Function {
    Execve,
    Execvpe,
    Fexecve,
    Execveat,
    Spawn,
    Spawnp,
}

const NAMES: [&CStr; 6] =
    [c"execve", c"execvpe", c"fexecve", c"execveat", c"posix_spawn", c"posix_spawnp"];

static FOUND: [AtomicPtr<c_void>; NAMES.len()] =
    [const { AtomicPtr::new(ptr::null_mut()) }; NAMES.len()];

/// Other programs are to be recorded, too.
static FOLLOWS: AtomicBool = AtomicBool::new(true);

/// Finds C's functions before the program has threads and forks.
pub(crate) fn prepare(follows_children: bool) {
    FOLLOWS.store(follows_children, Ordering::Relaxed);
    for (place, name) in FOUND.iter().zip(NAMES) {
        place.store(look_up(name), Ordering::Relaxed);
    }
}

fn look_up(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends with a zero byte.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// C's function; null if the C library does not have it.
fn next(function: Function) -> *mut c_void {
    let index = function as usize;
    let found = FOUND.get(index).map_or(ptr::null_mut(), |place| place.load(Ordering::Relaxed));
    // Another library's constructor may run before ours.
    if found.is_null() { NAMES.get(index).map_or(found, |name| look_up(name)) } else { found }
}

/// The error of a function that the C library does not have.
fn unknown() -> c_int {
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    unsafe { *errno = libc::ENOSYS };
    -1
}

/// Executes `target` by `call`, which is given the environment for it. `failed` tells by the result
/// if no program was executed.
///
/// # Safety
///
/// `envp` must be null or an environment as in C.
unsafe fn execute(
    target: &Target<'_>,
    envp: Strings,
    in_place: bool,
    call: impl FnOnce(Strings) -> c_int,
) -> c_int {
    if !FOLLOWS.load(Ordering::Relaxed) {
        // A process that the program started is not recorded anyway.
        let noted = in_place && target.with_name(note_executed);
        return taken_back_if_failed(noted, call(envp));
    }
    // SAFETY: the caller's promise.
    let environment = unsafe { Environment::of(envp) };
    let Some(reason) = why_unrecorded(target, &environment) else { return call(envp) };
    let noted = target.with_name(|name| note_unrecorded(reason, name));
    let result = match (reason, environment.preloaded()) {
        // These loaders do not complain, and programs that they start may be recorded.
        (Why::Static | Why::GainsRights, _) | (_, None) => call(envp),
        (_, Some(entry)) => without_us(&environment, entry, call),
    };
    taken_back_if_failed(noted, result)
}

/// The reason why the target would not be recorded; `None` if it would, or if it cannot be told.
fn why_unrecorded(target: &Target<'_>, environment: &Environment) -> Option<Why> {
    let reason = target.examine().ok()?;
    reason.or_else(|| environment.why_unrecorded())
}

/// Of a result other than 0 the functions return to the program that called them.
fn taken_back_if_failed(noted: bool, result: c_int) -> c_int {
    if noted && result != 0 {
        take_back_unrecorded();
    }
    result
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn execve(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    type Next = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;
    let function = next(Function::Execve);
    if function.is_null() {
        return unknown();
    }
    // SAFETY: the function of that name has this signature in C.
    let function = unsafe { transmute::<*mut c_void, Next>(function) };
    // SAFETY: the caller's arguments, and an environment.
    let call = |envp| unsafe { function(path, argv, envp) };
    // SAFETY: the caller's path.
    let target = unsafe { Target::at_path(path) };
    // SAFETY: the caller's environment.
    unsafe { execute(&target, envp, true, call) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn execv(path: *const c_char, argv: Strings) -> c_int {
    // SAFETY: the caller's arguments; the word is the C library's.
    unsafe { execve(path, argv, environ) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn execvpe(
    file: *const c_char,
    argv: Strings,
    envp: Strings,
) -> c_int {
    type Next = unsafe extern "C" fn(*const c_char, Strings, Strings) -> c_int;
    let function = next(Function::Execvpe);
    if function.is_null() {
        return unknown();
    }
    // SAFETY: the function of that name has this signature in C.
    let function = unsafe { transmute::<*mut c_void, Next>(function) };
    // SAFETY: the caller's arguments, and an environment.
    let call = |envp| unsafe { function(file, argv, envp) };
    // SAFETY: the caller's name.
    let target = unsafe { Target::searched(file) };
    // SAFETY: the caller's environment.
    unsafe { execute(&target, envp, true, call) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn execvp(file: *const c_char, argv: Strings) -> c_int {
    // SAFETY: the caller's arguments; the word is the C library's.
    unsafe { execvpe(file, argv, environ) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn fexecve(file: c_int, argv: Strings, envp: Strings) -> c_int {
    type Next = unsafe extern "C" fn(c_int, Strings, Strings) -> c_int;
    let function = next(Function::Fexecve);
    if function.is_null() {
        return unknown();
    }
    // SAFETY: the function of that name has this signature in C.
    let function = unsafe { transmute::<*mut c_void, Next>(function) };
    // SAFETY: the caller's arguments, and an environment.
    let call = |envp| unsafe { function(file, argv, envp) };
    // SAFETY: the caller's environment.
    unsafe { execute(&Target::open_file(file), envp, true, call) }
}

/// # Safety
///
/// As in C.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn execveat(
    folder: c_int,
    path: *const c_char,
    argv: Strings,
    envp: Strings,
    flags: c_int,
) -> c_int {
    type Next = unsafe extern "C" fn(c_int, *const c_char, Strings, Strings, c_int) -> c_int;
    let function = next(Function::Execveat);
    if function.is_null() {
        return unknown();
    }
    // SAFETY: the function of that name has this signature in C.
    let function = unsafe { transmute::<*mut c_void, Next>(function) };
    // SAFETY: the caller's arguments, and an environment.
    let call = |envp| unsafe { function(folder, path, argv, envp, flags) };
    // SAFETY: the caller's path.
    let target = unsafe { Target::in_folder(folder, path) };
    // SAFETY: the caller's environment.
    unsafe { execute(&target, envp, true, call) }
}

type Spawn = unsafe extern "C" fn(
    *mut libc::pid_t,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    Strings,
    Strings,
) -> c_int;

/// Exports a function that starts a program in a new process.
macro_rules! spawn {
    ($name:ident, $function:ident, $target:ident) => {
        /// # Safety
        ///
        /// As in C.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            pid: *mut libc::pid_t,
            path: *const c_char,
            actions: *const libc::posix_spawn_file_actions_t,
            attributes: *const libc::posix_spawnattr_t,
            argv: Strings,
            envp: Strings,
        ) -> c_int {
            let function = next(Function::$function);
            if function.is_null() {
                return libc::ENOSYS;
            }
            // SAFETY: the function of that name has this signature in C.
            let function = unsafe { transmute::<*mut c_void, Spawn>(function) };
            // SAFETY: the caller's arguments, and an environment.
            let call = |envp| unsafe { function(pid, path, actions, attributes, argv, envp) };
            // SAFETY: the caller's path.
            let target = unsafe { Target::$target(path) };
            // SAFETY: the caller's environment.
            unsafe { execute(&target, envp, false, call) }
        }
    };
}

spawn!(posix_spawn, Spawn, at_path);
spawn!(posix_spawnp, Spawnp, searched);
