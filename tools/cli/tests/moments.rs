//! Blocks from before `main` and after it, of libraries that come and go, of threads that end, in
//! signal handlers and on stacks that are not the thread's.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use traced::compared::traced_like_plain;
use traced::native;
use traced::program::{Ended, Program};
use traced::recorded::{Recorded, counted, said};

fn moments(arguments: &[&str]) -> (Ended, Recorded) {
    let program = Program::new(native::program("moments"), arguments);
    let (ended, recorded) = traced_like_plain(&program);
    (ended.with_status(0), recorded)
}

fn signals(case: &str) -> (Ended, Recorded) {
    let (ended, recorded) = traced_like_plain(&Program::new(native::program("signals"), &[case]));
    (ended.with_status(0), recorded)
}

#[test]
fn constructors_and_destructors_of_a_linked_library_and_at_exit() {
    let (ended, recorded) = moments(&["ends"]);
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
}

#[test]
fn constructors_and_destructors_of_another_preloaded_library() {
    let program = Program::new(native::program("moments"), &["ends"]);
    let (ended, recorded) =
        traced_like_plain(&program.env("LD_PRELOAD", &native::library("early")));
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.with_status(0).stdout);
    assert_eq!(recorded.site("site_constructor_early"), [1010, 2, 10, 1]);
    assert_eq!(recorded.site("site_destructor_early"), [220, 2, 20, 1]);
}

#[test]
fn destructors_of_threads() {
    let (ended, recorded) = moments(&["threads-end"]);
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
}

#[test]
fn a_library_loaded_and_unloaded_three_hundred_times() {
    let (ended, recorded) = moments(&["loads", &native::library("plugin")]);
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
    assert_eq!(recorded.site("site_destructor_plugin"), [66_000, 600, 6_000, 300]);
}

/// Blocks that glibc made without us come to our `free` and `realloc`, and the other way round.
#[test]
fn a_library_that_calls_glibc_past_us() {
    let (_, recorded) = moments(&["past-us", &native::library("plugin")]);
    assert!(recorded.lost("damaged_trailers") > 50, "blocks of glibc's own were freed");
    // A block that was freed and given again behind our back has the trailer of before.
    assert_eq!(recorded.other_losses(&["damaged_trailers", "damaged_bytes", "overruns"]), []);
    let [_, blocks, ..] = recorded.site("site_main");
    assert!(blocks > 50);
    // Behind our back.
    assert_eq!(recorded.site("site_called_plugin"), [0; 4]);
}

/// Between any two instructions of the program, of glibc, and of ours: what comes in the middle of
/// recording is counted as lost, and all else is exact.
#[test]
fn a_handler_at_any_instruction() {
    let program = Program::new(native::program("signals"), &["timer"]);
    let program = program.env("LD_PRELOAD", &native::library("inner_allocator"));
    let (ended, recorded) = traced_like_plain(&program);
    let ended = ended.with_status(0);
    let mut interrupted = counted(&ended.stdout);
    let (site, expected) = interrupted.next().expect("the program has counted its site");
    assert_eq!(recorded.site(site), expected);
    let handled = said(&ended.stdout, "varies handled");
    let [bytes, blocks, _, live] = recorded.site("site_in_handler");
    assert_eq!(bytes, 40 * blocks);
    assert!(blocks > 0 && blocks < handled, "{blocks} of {handled} handlers' blocks");
    let missing = handled - blocks;
    let lost = recorded.lost("reentrant");
    // Its free, too, may have come in the middle of something.
    assert!((missing..=2 * missing + live).contains(&lost), "{missing} blocks, {lost} events");
    let expected = ["reentrant", "reentrant_bytes", "broken_stacks"];
    assert_eq!(recorded.other_losses(&expected), []);
}

#[test]
fn a_handler_on_a_stack_of_its_own() {
    let (ended, recorded) = signals("sigaltstack");
    assert_eq!(recorded.other_losses(&["broken_stacks"]), []);
    recorded.assert_counted(&ended.stdout);
}

#[test]
fn fibers() {
    let (ended, recorded) = signals("fibers");
    assert_eq!(recorded.other_losses(&["broken_stacks"]), []);
    recorded.assert_counted(&ended.stdout);
}

#[test]
fn jumps_out_of_frames_and_handlers() {
    let (ended, recorded) = signals("jumps");
    recorded.assert_nothing_lost();
    recorded.assert_counted(&ended.stdout);
}
