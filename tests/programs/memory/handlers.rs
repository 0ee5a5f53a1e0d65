//! Handlers that are there before the first block.

use std::mem::zeroed;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use crate::rig::say;
use crate::{Program, next_byte};

pub(crate) const PROGRAMS: &[Program] = &[
    ("handlers", |arguments| handlers(arguments)),
    ("coalesce", |arguments| coalesce(arguments)),
    ("own-handler", |_| own_handler()),
    ("alternate-stack", |_| alternate_stack()),
];

static HANDLED: AtomicUsize = AtomicUsize::new(0);
static SENDER: AtomicI32 = AtomicI32::new(0);

extern "C" fn plain(signal: i32) {
    assert_eq!(signal, libc::SIGUSR1);
    HANDLED.fetch_add(1, Ordering::Relaxed);
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    unsafe { *errno = 77 };
}

extern "C" fn informed(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    assert!(signal == libc::SIGUSR1 && !context.is_null());
    // SAFETY: the kernel gives a valid description of the signal.
    let info = unsafe { &*info };
    // SAFETY: it was sent by `raise`, and so has a sender.
    let sender = unsafe { info.si_pid() };
    SENDER.store(sender, Ordering::Relaxed);
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Runs before `main`, and so before the first block.
extern "C" fn install() {
    // SAFETY: the name ends with a zero byte.
    let kind = unsafe { libc::getenv(c"TEST_HANDLER".as_ptr()) };
    if kind.is_null() {
        return;
    }
    // SAFETY: getenv gives a string that ends with a zero byte.
    let kind = unsafe { std::ffi::CStr::from_ptr(kind) };
    let informed: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = informed;
    let plain: extern "C" fn(i32) = plain;
    let (handler, flags) = match kind.to_bytes() {
        b"plain" => (plain as usize, libc::SA_RESTART),
        b"informed" => (informed as usize, libc::SA_SIGINFO | libc::SA_RESTART),
        b"once" => (plain as usize, libc::SA_RESETHAND),
        b"interrupting" => (plain as usize, 0),
        _ => (libc::SIG_IGN, 0),
    };
    set_handler(handler, flags);
}

fn set_handler(handler: usize, flags: i32) {
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the action is valid and its handler lives as long as the program.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, null_mut()) }, 0);
}

// The loader calls what it finds in this section, with arguments that do not matter.
#[unsafe(link_section = ".init_array")]
#[used]
static INSTALL: extern "C" fn() = install;

fn raise() {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
}

/// Raises the signal, says what the handler before saw, and waits for a byte before the next.
fn handlers(arguments: &[&str]) {
    let times: u32 = arguments[0].parse().expect("a number");
    for _ in 0..times {
        // SAFETY: gives the address of the thread's errno, which is always valid.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: see above.
        unsafe { *errno = 55 };
        raise();
        // SAFETY: see above.
        let errno = unsafe { *errno };
        let is_sender = SENDER.load(Ordering::Relaxed) == std::process::id().cast_signed();
        say(format_args!(
            "handled {} errno {errno} sender {is_sender}",
            HANDLED.load(Ordering::Relaxed)
        ));
        next_byte();
    }
}

/// One signal, and when a byte comes, many. There are threads enough for a long table.
fn coalesce(arguments: &[&str]) {
    let times: u32 = arguments[0].parse().expect("a number");
    for _ in 0..60 {
        let there = std::sync::Arc::new(std::sync::Barrier::new(2));
        let here = there.clone();
        std::thread::spawn(move || {
            drop(vec![1_u8; 100]);
            here.wait();
            std::thread::park();
        });
        there.wait();
    }
    say(format_args!("ready"));
    next_byte();
    raise();
    next_byte();
    (0..times).for_each(|_| raise());
    say(format_args!("raised"));
    next_byte();
}

/// A handler of the program's own takes our handler's place.
fn own_handler() {
    set_handler(plain as *const () as usize, 0);
    raise();
    say(format_args!("handled {}", HANDLED.load(Ordering::Relaxed)));
}

/// A signal when there is no room on the ordinary stack: a thread is on its last bytes.
fn alternate_stack() {
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    // SAFETY: the out-pointer is valid, and nothing is changed.
    assert_eq!(unsafe { libc::sigaction(libc::SIGUSR1, null(), &raw mut action) }, 0);
    let has = |flag| action.sa_flags & flag != 0;
    say(format_args!("onstack {} restart {}", has(libc::SA_ONSTACK), has(libc::SA_RESTART)));
}

unsafe extern "C-unwind" {
    fn pthread_exit(value: *mut libc::c_void) -> !;
}

/// The first thread ends; the process goes on as long as another does, and ends with that.
pub(crate) extern "C-unwind" fn end_first_thread() -> ! {
    drop(vec![1_u8; 10]);
    std::thread::spawn(|| {
        next_byte();
        raise();
        drop(vec![1_u8; 1_000]);
        say(format_args!("last"));
    });
    // SAFETY: no frame of this thread has anything to destroy, and none is of Rust's runtime.
    unsafe { pthread_exit(null_mut()) };
}
