//! Programs at the edges: built in unusual ways, ending in unusual ways, asking for what an
//! allocator seldom sees. Each goes on as it would without the profiler, and its numbers stay
//! exact where they can be.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use heap_support::dhat_json::Report;
use heap_support::{
    COUNTED, Ended, Launch, Sites, assert_nothing_lost, assert_only_lost, build_programs, lost,
    programs, programs_in_development,
};

fn run(arguments: &[&str], status: i32) -> Ended {
    Launch::new(&arguments.join(" ").replace(['/', '{', '}'], ""), programs(), arguments)
        .run()
        .with_status(status)
}

/// One thousand bytes, in one block that stays.
const KEPT: [u64; 8] = [1_000, 1, 1_000, 1, 1_000, 1, 1_000, 1];

mod builds {
    use super::*;

    /// Sums that are the same however the program was built: it makes the same blocks.
    fn sums(report: &Report) -> [u64; 6] {
        ["tb", "tbk", "gb", "gbk", "eb", "ebk"].map(|key| report.sum().get(key))
    }

    fn run(program: &std::path::Path, name: &str) -> Report {
        let ended = Launch::new(name, program, &["reallocations"]);
        // The runtime keeps a copy of the program's name: the same for all.
        let report = named(ended).run().with_status(0).report();
        assert_nothing_lost(&report);
        report
    }

    fn named(mut launch: Launch) -> Launch {
        use std::os::unix::process::CommandExt;
        launch.command.arg0("program");
        launch
    }

    /// Builds with `flags`; totals and completeness of stacks must be as always.
    fn check(name: &str, flags: &[&str]) -> Report {
        let report = run(&build_programs(name, flags), name);
        assert_eq!(sums(&report), sums(&run(programs(), &format!("{name} usual"))));
        report
    }

    #[test]
    fn without_debug_information_functions_still_have_names() {
        let report = check("no-debug", &["-Cdebuginfo=0", "-Cstrip=debuginfo"]);
        let grown = [40_000, 2, 30_000, 1, 30_000, 1, 30_000, 1];
        assert_eq!(Sites::of(&report).get("site_grown", COUNTED), grown);
    }

    #[test]
    fn stripped_programs_keep_stacks_and_numbers() {
        let report = check("stripped", &["-Cstrip=symbols"]);
        // No names are left; each frame says at least where it is.
        let place = |frame: &&String| frame.starts_with("0x") && frame.contains(" (in ");
        assert!(report.frames.iter().filter(place).count() > 10, "{:?}", report.frames);
    }

    #[test]
    fn static_programs_are_recorded_like_others() {
        let report = check("static", &["-Ctarget-feature=+crt-static"]);
        let grown = [40_000, 2, 30_000, 1, 30_000, 1, 30_000, 1];
        assert_eq!(Sites::of(&report).get("site_grown", COUNTED), grown);
    }

    #[test]
    fn programs_that_abort_on_panic_report_unless_they_do() {
        let flags = ["-Cpanic=abort"];
        check("abort", &flags);
        let program = build_programs("abort-panic", &flags);
        let ended = Launch::new("abort panic", &program, &["panic"]).run();
        assert_eq!(signal(&ended), Some(libc::SIGABRT));
        assert!(ended.stderr.contains("out of main"));
        assert_eq!(ended.said(), [ABORTED]);
    }

    #[test]
    fn optimized_and_frame_pointered_programs_too() {
        check("frame-pointers", &["-Cforce-frame-pointers=yes"]);
        check("unoptimized", &["-Copt-level=0"]);
        check("small", &["-Copt-level=s", "-Cpanic=unwind", "-Coverflow-checks=yes"]);
    }
}

/// The line for a program that aborts.
const ABORTED: &str =
    "aborted before the report; set MOD_ALLOC_RECORD=FILE, then use mod-alloc recover FILE";

fn signal(ended: &Ended) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    ended.status.signal()
}

mod endings {
    use super::*;

    #[test]
    fn a_panic_out_of_main_is_reported_with_status_101() {
        let ended = run(&["panic"], 101);
        assert!(ended.stderr.contains("out of main"));
        let report = ended.report();
        assert_nothing_lost(&report);
        let sites = Sites::of(&report);
        sites.expect("site_kept", KEPT);
        assert_eq!(sites.get("site_guarded", ["tb", "eb", "ebk"]), [2_000, 0, 0]);
    }

    #[test]
    fn exit_deep_inside_leaves_the_blocks_of_all_callers_live() {
        let report = run(&["exit-nested"], 5).report();
        assert_nothing_lost(&report);
        let keys = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];
        let all = [3_000, 30, 3_000, 30, 3_000, 30];
        assert_eq!(Sites::of(&report).sum("site_nested", keys), all);
    }

    #[test]
    fn exit_in_another_thread_reports_whatever_its_stack() {
        for kilobytes in ["2048", "64"] {
            let report = run(&["exit-in-thread", kilobytes], 6).report();
            assert_nothing_lost(&report);
            let sites = Sites::of(&report);
            assert_eq!(sites.get("site_kept", ["tb", "tbk", "eb", "ebk"]), [1_000, 1, 1_000, 1]);
            assert_eq!(sites.get("site_in_thread", ["tb", "tbk", "eb", "ebk"]), [500, 1, 500, 1]);
        }
    }

    #[test]
    fn handlers_at_exit_are_recorded() {
        let report = run(&["at-exit"], 0).report();
        assert_nothing_lost(&report);
        let sites = Sites::of(&report);
        assert_eq!(sites.get("site_kept", COUNTED), KEPT);
        let keys = ["tb", "tbk", "eb", "ebk"];
        assert_eq!(sites.sum("site_at_exit", keys), [7_000, 2, 3_000, 1]);
    }

    #[test]
    fn an_abort_stays_an_abort() {
        let ended = Launch::new("abort", programs(), &["abort"]).run();
        assert_eq!(signal(&ended), Some(libc::SIGABRT));
        assert_eq!(ended.said(), [ABORTED]);
    }

    #[test]
    fn a_stack_overflow_stays_an_abort() {
        for place in ["main", "thread"] {
            // Unoptimized functions take the most of the stack on which a signal is handled.
            let launch = Launch::new(place, programs_in_development(), &["overflow", place]);
            let ended = launch.run();
            assert_eq!(signal(&ended), Some(libc::SIGABRT), "{place}: {}", ended.stderr);
            assert!(ended.stderr.contains("has overflowed its stack"), "{}", ended.stderr);
            assert!(ended.stderr.contains(ABORTED), "{}", ended.stderr);
        }
    }

    #[test]
    fn a_closed_standard_error_does_not_keep_the_report_back() {
        let ended = run(&["close-stderr"], 4);
        assert_eq!(ended.stderr, "");
        Sites::of(&ended.report()).expect("site_kept", KEPT);
    }

    #[test]
    fn a_removed_folder_is_said_and_changes_no_status() {
        let ended = run(&["remove-folder", "{}/removed"], 7);
        let [line] = ended.said()[..] else { panic!("one line: {}", ended.stderr) };
        assert!(line.contains("dhat-heap.json") && line.contains("No such file"), "{line}");
    }
}

mod forks {
    use super::*;

    #[test]
    fn a_child_has_a_report_of_its_own() {
        let ended = run(&["fork"], 0);
        let child = ended.numbers("child")[0];
        let (parent_s, child_s) =
            (ended.report(), ended.report_at(&format!("dhat-heap.json.{child}")));
        assert_nothing_lost(&parent_s);
        assert_nothing_lost(&child_s);
        assert_eq!(
            (&parent_s.json["pid"], &child_s.json["pid"]),
            (&ended.id.into(), &child.into())
        );
        let keys = ["tb", "tbk", "eb", "ebk"];
        let (parent_s, child_s) = (Sites::of(&parent_s), Sites::of(&child_s));
        assert_eq!(parent_s.sum("site_parent", keys), [7_000, 3, 7_000, 3]);
        assert_eq!(parent_s.sum("site_child", keys), [0; 4]);
        // The child began with the parent's blocks and freed one of them.
        assert_eq!(child_s.sum("site_parent", keys), [3_000, 2, 2_000, 1]);
        assert_eq!(child_s.sum("site_child", keys), [500, 5, 500, 5]);
    }

    #[test]
    fn a_child_waits_for_no_lock_of_threads_that_it_does_not_have() {
        let ended = run(&["fork-among-threads"], 0);
        assert_eq!(ended.numbers("children"), [40], "children that came to their end");
    }
}

mod signals {
    use super::*;

    #[test]
    fn what_a_handler_allocates_is_recorded_or_counted_as_lost() {
        let ended = run(&["interrupted"], 0);
        let [made, handled] = ended.numbers("made")[..] else { panic!("two numbers") };
        let report = ended.report();
        assert_only_lost(&report, &["reentrant", "reentrant_bytes", "broken_stacks"]);
        let (events, bytes) = (lost(&report, "reentrant"), lost(&report, "reentrant_bytes"));
        assert!(events > 0, "none of {handled} signals came while the hook was active");
        assert_eq!(bytes, 40 * events);
        let sites = Sites::of(&report);
        let keys = ["tb", "tbk", "eb", "ebk"];
        assert_eq!(sites.sum("site_interrupted", keys), [24 * made, made, 0, 0]);
        let recorded = handled - events;
        assert!(recorded > 0, "all of {handled} signals came while the hook was active");
        assert_eq!(sites.sum("site_in_handler", keys), [40 * recorded, recorded, 0, 0]);
    }

    #[test]
    fn a_handler_on_a_stack_of_its_own_is_recorded() {
        let ended = run(&["other-stack"], 0);
        assert_eq!(ended.stdout, "came back\n");
        let report = ended.report();
        assert_only_lost(&report, &["broken_stacks"]);
        let keys = ["tb", "tbk", "eb", "ebk"];
        let sum = Sites::of(&report).sum("site_on_other_stack", keys);
        assert_eq!(sum, [2_600, 8, 600, 6]);
    }
}

mod requests {
    use super::*;

    #[test]
    fn refusals_are_no_events() {
        let ended = run(&["refusals"], 0);
        assert_eq!(ended.stdout, "refused\n");
        let report = ended.report();
        assert_nothing_lost(&report);
        let sites = Sites::of(&report);
        assert_eq!(sites.get("site_survivor", COUNTED)[..4], [3_000, 2, 2_000, 1]);
        assert_eq!(sites.get("site_survivor", ["eb", "ebk"]), [0, 0]);
        for site in ["site_refused", "site_refused_zeroed"] {
            assert_eq!(sites.sum(site, COUNTED), [0; 8], "{site}");
        }
    }

    #[test]
    fn zeros_stay_lazy() {
        let ended = run(&["lazy-zeros"], 0);
        let touched = ended.numbers("touched")[0];
        assert!(touched < 4_096, "{touched} KiB touched for 1 GiB of zeros");
        let report = ended.report();
        let size = 1 << 30;
        Sites::of(&report).expect("site_lazy", [size, 1, size, 1, size, 1, 0, 0]);
    }

    #[test]
    fn every_alignment_is_kept() {
        let ended = run(&["alignments"], 0);
        assert_eq!(ended.stdout, "aligned\n");
        let report = ended.report();
        assert_nothing_lost(&report);
        let sites = Sites::of(&report);
        let (sizes, alignments) = (1 + 100 + 5_000, 22);
        let keys = ["tb", "tbk", "eb", "ebk"];
        let plain = [(2 * sizes + 3 * 3_000) * alignments, 6 * alignments, 0, 0];
        assert_eq!(sites.sum("site_aligned", keys), plain);
        let zeroed = [sizes * alignments, 3 * alignments, 0, 0];
        assert_eq!(sites.sum("site_aligned_zeroed", keys), zeroed);
    }

    #[test]
    fn writes_past_a_block_are_counted_and_the_program_goes_on() {
        for bytes in ["1", "8"] {
            let ended = run(&["overrun", bytes], 0);
            assert_eq!(ended.stdout, "went on\n");
            let report = ended.report();
            assert_only_lost(&report, &["damaged_trailers", "damaged_bytes"]);
            assert_eq!(
                (lost(&report, "damaged_trailers"), lost(&report, "damaged_bytes")),
                (2, 200)
            );
            let sites = Sites::of(&report);
            let keys = ["tb", "tbk", "eb", "ebk"];
            assert_eq!(sites.sum("site_overrun", keys), [200, 2, 200, 2], "whose end is not known");
            assert_eq!(
                sites.sum("site_overrun_again", keys),
                [200, 1, 0, 0],
                "known from there on"
            );
            assert_eq!(sites.get("site_after", keys), [1_000, 1, 1_000, 1]);
            assert!(ended.stderr.contains("end was overwritten"), "{}", ended.stderr);
        }
    }
}

mod stacks {
    use super::*;

    #[test]
    fn ten_thousand_calls_deep() {
        for frames in ["2", "64", "256"] {
            let launch = Launch::new(&format!("deep {frames}"), programs(), &["deep"]);
            let report = launch.env("MOD_ALLOC_FRAMES", frames).run().with_status(0).report();
            assert_only_lost(&report, &["truncated_stacks"]);
            assert!(lost(&report, "truncated_stacks") >= 9);
            let keys = ["tb", "tbk", "eb", "ebk"];
            assert_eq!(Sites::of(&report).sum("site_deep", keys), [1_000, 10, 1_000, 10]);
        }
    }

    #[test]
    fn a_stack_of_64_kib_is_enough() {
        let ended = run(&["small-stack"], 0);
        assert!(ended.stderr.contains("on a small stack"));
        let report = ended.report();
        assert_nothing_lost(&report);
        let sizes = 500_500;
        let keys = ["tb", "tbk", "eb", "ebk"];
        assert_eq!(Sites::of(&report).sum("site_small", keys), [3 * sizes, 2_000, 0, 0]);
    }

    #[test]
    fn what_threads_allocate_while_they_end_is_recorded() {
        let report = run(&["teardown"], 0).report();
        let sites = Sites::of(&report);
        let keys = ["tb", "tbk", "eb", "ebk"];
        assert_eq!(sites.sum("site_tls", keys), [7_000, 10, 0, 0]);
        assert_eq!(sites.sum("site_teardown", keys), [15_000, 20, 10_000, 10]);
        assert_eq!(sites.sum("site_key", keys), [5_000, 20, 3_000, 10]);
        assert_nothing_lost(&report);
    }
}

mod disks {
    use super::*;
    use std::ffi::{CString, c_ulong};
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::process::CommandExt;
    use std::path::Path;

    /// Mounts a file system of so many bytes, for the calling process alone. After fork and before
    /// exec: allocates nothing.
    fn mount(path: &CString, options: &CString) -> io::Result<()> {
        let done = |result| if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
        let (root, tmpfs, none) = (c"/".as_ptr(), c"tmpfs".as_ptr(), std::ptr::null());
        let private: c_ulong = libc::MS_REC | libc::MS_PRIVATE;
        // SAFETY: only this process's view of the file systems becomes its own.
        done(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
        // SAFETY: C strings, or none where none are needed.
        done(unsafe { libc::mount(none, root, none, private, none.cast()) })?;
        let (path, options) = (path.as_ptr(), options.as_ptr());
        // SAFETY: C strings.
        done(unsafe { libc::mount(tmpfs, path, tmpfs, 0, options.cast()) })
    }

    fn c(text: &[u8]) -> CString {
        CString::new(text).expect("no zero byte")
    }

    /// Runs a program whose recording lies on a file system of so many KiB; root may make one.
    fn recorded_on(kib: u64, arguments: &[&str]) -> Ended {
        let name = format!("{} on {kib} KiB", arguments.join(" "));
        let mut launch = Launch::new(&name, programs(), arguments);
        let disk = launch.folder.join("disk");
        std::fs::create_dir(&disk).expect("the folder is new");
        let (place, options) =
            (c(disk.as_os_str().as_bytes()), c(format!("size={kib}k").as_bytes()));
        let mount = move || mount(&place, &options);
        // SAFETY: the closure makes three system calls, as may be done between fork and exec.
        unsafe { launch.command.pre_exec(mount) };
        launch.env("MOD_ALLOC_RECORD", path(&disk.join("one.rec"))).run()
    }

    fn path(path: &Path) -> &str {
        path.to_str().expect("a path in UTF-8")
    }

    /// The report reads what was recorded. On such a file system even reading a page that has no
    /// space yet ends the process, and slots and arenas lie apart from each other.
    #[test]
    fn a_report_is_made_of_a_recording_on_a_full_file_system() {
        for kib in [64, 100, 160, 400, 4_000] {
            let ended = recorded_on(kib, &["three-blocks", "7"]).with_status(7);
            assert_eq!(ended.stdout, "three blocks\n", "{kib} KiB");
            let sum = ended.report().sum();
            assert!(sum.get("tb") >= 3_000 && sum.get("tbk") >= 3, "{kib} KiB: {sum:?}");
            let ended = recorded_on(kib, &["summit"]).with_status(0);
            let snapshot = ended.stdout.lines().find_map(|line| line.strip_prefix("snapshot "));
            let peak: u64 = snapshot.expect("printed").split(' ').next().unwrap().parse().unwrap();
            assert!(ended.report().sum().get("tb") >= peak, "{kib} KiB");
        }
    }
}

#[path = "walls/memory.rs"]
mod memory;
