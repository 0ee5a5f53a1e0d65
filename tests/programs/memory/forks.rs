//! Children of a program that is asked by signals.

use crate::rig::{Block, say};
use crate::{Program, next_byte};

pub(crate) const PROGRAMS: &[Program] =
    &[("forks", |arguments| forks(arguments)), ("execs", |_| execs())];

/// How many threads the process has, without a block.
fn threads() -> usize {
    let mut status = [0_u8; 4096];
    // SAFETY: the path ends with a zero byte.
    let file = unsafe { libc::open(c"/proc/self/status".as_ptr(), libc::O_RDONLY) };
    // SAFETY: the buffer is valid for its length.
    let len = unsafe { libc::read(file, status.as_mut_ptr().cast(), status.len()) };
    // SAFETY: opened above.
    unsafe { libc::close(file) };
    let text = std::str::from_utf8(&status[..usize::try_from(len).expect("read")]).expect("ASCII");
    let line = text.lines().find_map(|line| line.strip_prefix("Threads:")).expect("a count");
    line.trim().parse().expect("a number")
}

fn raise() {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
}

fn wait_for(child: i32) -> i32 {
    let mut status = -1;
    // SAFETY: the out-pointer is valid.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

/// A child, and a child of that, each with a signal of its own. `unset`: children are not to be asked.
fn forks(arguments: &[&str]) {
    if arguments.contains(&"unset") {
        // SAFETY: the program has no other thread that looks at the environment.
        unsafe { libc::unsetenv(c"MOD_ALLOC_SIGNAL".as_ptr()) };
    }
    say(format_args!("parent {}", threads()));
    // SAFETY: the program has no other thread of its own.
    let child = unsafe { libc::fork() };
    if child == 0 {
        return in_child(arguments);
    }
    let status = wait_for(child);
    say(format_args!("child ended {status}"));
    raise();
}

fn in_child(arguments: &[&str]) {
    say(format_args!("child {}", threads()));
    if arguments.contains(&"twice") {
        // SAFETY: the process has no other thread.
        let child = unsafe { libc::fork() };
        if child != 0 {
            say(format_args!("grandchild ended {}", wait_for(child)));
        } else {
            say(format_args!("grandchild {}", threads()));
        }
    }
    let block = Block::new(12_345);
    say(format_args!("after a block {}", threads()));
    raise();
    block.free();
    // Served when the process exits, at the latest.
}

/// Another program in the process's place has the variable, too.
fn execs() {
    use std::os::unix::process::CommandExt;
    let program = std::env::current_exe().expect("a path");
    if std::env::var_os("TEST_SECOND").is_none() {
        raise();
        next_byte();
        let error = std::process::Command::new(program).arg("execs").env("TEST_SECOND", "1").exec();
        panic!("{error}");
    }
    raise();
    say(format_args!("second"));
}
