//! Groups in two processes, and of a process that is killed.

use mod_alloc::groups::AllocationGroupToken;

use crate::rig::{say, sites};
use crate::{Program, numbers, say_all};

pub(crate) const PROGRAMS: &[Program] = &[("fork", fork), ("killed", killed)];

sites! { site_parent site_child site_before }

/// The child goes on in the group, with the numbers of before, and neither has what the other does.
fn fork() {
    let token = AllocationGroupToken::register("both");
    let later = AllocationGroupToken::register("later");
    let _guard = token.enter();
    let before = site_before(1000);
    // SAFETY: there is one thread.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process can be made");
    if child == 0 {
        assert_eq!(AllocationGroupToken::current(), token);
        site_child(20);
        before.free();
        assert_eq!(numbers("both"), [2, 1020, 1, 20, 1020]);
        let guard = later.enter();
        site_child(300);
        drop(guard);
        site_child(1);
        assert_eq!(numbers("both")[..2], [3, 1021]);
        assert_eq!(numbers("later")[..2], [1, 300]);
        return;
    }
    let mut status = 0;
    // SAFETY: our child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child has failed");
    site_parent(4000);
    assert_eq!(numbers("both"), [2, 5000, 2, 5000, 5000]);
    assert_eq!(numbers("later"), [0; 5]);
    say(format_args!("child {child}"));
    say_all();
}

/// Leaves a recording alone.
fn killed() {
    let [a, b] = ["a", "b"].map(AllocationGroupToken::register);
    let _a = a.enter();
    let freed = site_before(1000);
    for _ in 0..100 {
        let _b = b.enter();
        site_child(30);
    }
    freed.free();
    site_parent(4);
    say_all();
    // SAFETY: no preconditions.
    unsafe { libc::raise(libc::SIGKILL) };
}
