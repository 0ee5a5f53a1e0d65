//! A service that is configured in its source, for the test `service`. Recording is off unless the
//! environment switches it on.
//!
//! The first argument names the program. Each says `ready` when signals may come.

use std::ffi::CStr;
use std::io::Write;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};

use mod_alloc::{ModAlloc, Signal};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new()
    .off_by_default()
    .report_to("service-%e.json")
    .report_on(&[Signal::TERM, Signal::INT])
    .signal(Signal::USR1)
    .frames(5);

fn main() {
    let name = std::env::args().nth(1).expect("the name of a program");
    register_exit();
    let kept = deep(20);
    match &*name {
        "wait" => wait(),
        "chained" => chained(),
        "children" => children(),
        "sigwait" => sigwait(),
        "pause" => pause(),
        "abort" => std::process::abort(),
        "dhat" => dhat(),
        "numbers" => numbers(),
        "starts-recorded" => starts_recorded(),
        _ => panic!("no program is called {name}"),
    }
    drop(kept);
}

#[inline(never)]
fn deep(depth: usize) -> Vec<u8> {
    if depth == 0 { vec![1; 12_345] } else { std::hint::black_box(deep(depth - 1)) }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody reads");
}

/// Says a line in a signal handler, or at the exit.
fn say_raw(line: &CStr) {
    let text = line.to_bytes();
    // SAFETY: the buffer is valid for its length.
    unsafe { libc::write(1, text.as_ptr().cast(), text.len()) };
}

extern "C" fn at_exit() {
    say_raw(c"exit handler\n");
}

fn register_exit() {
    // SAFETY: the handler lives as long as the program.
    assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
}

/// Waits for a byte or the end of the input; a signal that does not end the program does not
/// interrupt that.
fn next_byte() {
    let mut byte = 0_u8;
    // SAFETY: the buffer is valid for one byte.
    let read = unsafe { libc::read(0, (&raw mut byte).cast(), 1) };
    assert!(read >= 0, "{}: interrupted", std::io::Error::last_os_error());
}

fn wait() {
    say("ready");
    next_byte();
    say("goes on");
}

fn action_of(signal: i32) -> libc::sigaction {
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    // SAFETY: the out-pointer is valid.
    assert_eq!(unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) }, 0);
    action
}

fn set_handler(signal: i32, handler: usize) {
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    // SAFETY: the action is valid and its handler lives as long as the program.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, null_mut()) }, 0);
}

type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

static EARLIER: AtomicUsize = AtomicUsize::new(0);

/// As signal-hook's handler does.
extern "C" fn calls_earlier(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    say_raw(c"handled\n");
    let earlier = EARLIER.load(Ordering::Relaxed);
    if earlier != libc::SIG_DFL {
        // SAFETY: the profiler's handler is of that type.
        let earlier = unsafe { std::mem::transmute::<usize, Handler>(earlier) };
        earlier(signal, info, context);
    }
}

fn chained() {
    let handler: Handler = calls_earlier;
    EARLIER.store(action_of(libc::SIGTERM).sa_sigaction, Ordering::Relaxed);
    set_handler(libc::SIGTERM, handler as usize);
    wait();
    std::process::exit(7);
}

extern "C" fn before_main(_: i32, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    say_raw(c"from before main\n");
}

/// Runs before the first block.
extern "C" fn install() {
    // SAFETY: the name ends with a zero byte.
    if unsafe { libc::getenv(c"TEST_HANDLER".as_ptr()) }.is_null() {
        return;
    }
    let handler: Handler = before_main;
    set_handler(libc::SIGTERM, handler as usize);
    set_handler(libc::SIGUSR1, handler as usize);
}

// The loader calls what it finds in this section, with arguments that do not matter.
#[unsafe(link_section = ".init_array")]
#[used]
static INSTALL: extern "C" fn() = install;

/// Two children: one allocates before its signal comes, one does not.
fn children() {
    for allocates in [true, false] {
        // SAFETY: this process has no other thread of the program's own.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            let kept = allocates.then(|| deep(3));
            say_raw(c"child\n");
            next_byte();
            drop(kept);
            // SAFETY: no preconditions.
            unsafe { libc::_exit(0) };
        }
        say(&format!("{child}"));
        let mut status = 0;
        // SAFETY: the out-pointer is valid.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        say(&format!("ended by {}", libc::WTERMSIG(status)));
    }
}

fn sigwait() {
    // SAFETY: all zeros is a valid value.
    let mut set: libc::sigset_t = unsafe { zeroed() };
    // SAFETY: the set is valid.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGTERM) };
    // SAFETY: the set is valid.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, null_mut()) };
    say("ready");
    let mut signal = 0;
    // SAFETY: both pointers are valid.
    assert_eq!(unsafe { libc::sigwait(&raw const set, &raw mut signal) }, 0);
    say(&format!("waited for {signal}"));
}

fn pause() {
    say("ready");
    // SAFETY: no memory is involved.
    unsafe { libc::pause() };
}

fn dhat() {
    let _profiler = mod_alloc::dhat_compat::Profiler::new_heap();
    wait();
}

fn numbers() {
    let json = mod_alloc::dhat_json_string();
    say(&format!("{} {}", mod_alloc::snapshot().current_bytes > 12_345, json.contains("12345")));
}

/// Starts itself with recording on, and waits for its end.
fn starts_recorded() {
    let mut itself = std::process::Command::new("/proc/self/exe");
    let status = itself.arg("numbers").env("MOD_ALLOC", "on").status();
    assert!(status.expect("it can be started").success());
}
