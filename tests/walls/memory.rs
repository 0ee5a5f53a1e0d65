//! Limits of the address space.

use super::*;

/// Runs `three-blocks` with an address space of so many MiB.
fn limited(program: &std::path::Path, megabytes: u64) -> Ended {
    use std::os::unix::process::CommandExt;
    let name = format!("limit {megabytes}");
    let mut launch = Launch::new(&name, program, &["three-blocks", "7"]);
    let bytes = megabytes << 20;
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    let set = move || {
        // SAFETY: the structure is valid; the call allocates nothing.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
        if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: the closure makes one system call, as may be done between fork and exec.
    unsafe { launch.command.pre_exec(set) };
    launch.run().with_status(7)
}

/// A table too large for the limit becomes smaller; where there is none, that is said.
#[test]
fn a_small_address_space_gives_a_small_table_or_none() {
    let mut recorded = 0;
    for megabytes in [4_096, 512, 256, 160, 80, 60, 40, 20] {
        let ended = limited(programs(), megabytes);
        assert_eq!(ended.stdout, "three blocks\n", "{megabytes} MiB");
        if ended.folder.join("dhat-heap.json").exists() {
            let report = ended.report();
            assert_nothing_lost(&report);
            let three = Sites::of(&report).sum("site_three", COUNTED);
            assert_eq!(three, [3_000, 3, 3_000, 3, 3_000, 3, 3_000, 3]);
            recorded += 1;
        } else {
            let expected =
                ["no memory for the call-site table; recording nothing, raise `ulimit -v`"];
            assert_eq!(ended.said(), expected, "{megabytes} MiB");
        }
    }
    assert!((4..8).contains(&recorded), "{recorded} of 8 had room for a table");
}

/// A debug build's executable and what is read of it need more room than the program itself. The
/// status stays the program's.
#[test]
fn names_without_room_to_read_them_are_said_to_be_that() {
    let told: Vec<bool> = (120..240)
        .step_by(12)
        .map(|megabytes| {
            let ended = limited(programs_in_development(), megabytes);
            assert!(!ended.stderr.contains("is not there any more"), "{}", ended.stderr);
            ended.stderr.contains("does not fit into the address space; raise `ulimit -v`")
        })
        .collect();
    assert!(told.contains(&true), "{told:?}");
}

/// The used memory must be as the report says.
#[test]
fn a_smaller_table_than_wanted_is_in_the_report() {
    let buckets =
        |megabytes| limited(programs(), megabytes).report().json["x_settings"]["buckets"].as_u64();
    assert_eq!(buckets(16_384), None, "it grows");
    // An eighth of the limit is taken, as far as the table is not small.
    assert!(buckets(4_096) > buckets(1_000) && buckets(300) >= Some(4096));
}
