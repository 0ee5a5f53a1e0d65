//! `MOD_ALLOC_SIGNAL`: what is printed and written at each signal, and that the program does not notice.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
#[expect(dead_code, reason = "other tests ask for more")]
mod signal_support;

use std::fs;

use heap_support::dhat_json::Report;
use heap_support::{Launch, assert_nothing_lost, memory_programs, memory_programs_with_counters};
use signal_support::{Dump, Running};

fn launch(name: &str, arguments: &[&str]) -> Launch {
    Launch::new(name, memory_programs(), arguments).env("MOD_ALLOC_SIGNAL", "USR1")
}

/// The sums of a report, whenever its parts were allocated.
fn sums(report: &Report) -> [u64; 4] {
    ["tb", "tbk", "eb", "ebk"].map(|key| report.sum().get(key))
}

#[test]
fn a_thousand_signals_to_fifty_busy_threads_change_nothing() {
    const SIGNALS: usize = 1_000;
    let arguments = ["busy", "50", "1000"];
    let mut calm = Running::start(Launch::new("calm", memory_programs(), &arguments));
    assert_eq!(calm.line(), "ready");
    calm.send(SIGNALS);
    let calm = calm.end();

    let launch = launch("asked", &arguments).env("MOD_ALLOC_SIGNAL", "QUIT");
    let mut asked = Running::start(launch);
    assert_eq!(asked.line(), "ready");
    let mut blocks = 0;
    for number in 1..=SIGNALS {
        // The threads begin their next step when the signal comes.
        asked.send(1);
        asked.signal(libc::SIGQUIT);
        let dump = asked.dump();
        assert_eq!(dump.heading(), format!("SIGQUIT (dump {number})"));
        let table = dump.table();
        let workers = table.iter().filter(|row| row.name.starts_with("worker-"));
        let expected = if number < SIGNALS { 50..=50 } else { 0..=50 };
        assert!(expected.contains(&workers.count()), "{table:?}");
        let report = Report::read(&asked.folder.join(dump.report()));
        assert!(report.sum().get("tbk") >= blocks, "nothing is taken back");
        blocks = report.sum().get("tbk");
        fs::remove_file(asked.folder.join(dump.report())).expect("it was there");
    }
    let asked = asked.end();
    assert_eq!(asked.dumps, 0);
    assert_eq!((asked.status.code(), asked.stdout), (Some(0), calm.stdout));
    let reports = [&calm.folder, &asked.folder].map(|folder| {
        let report = Report::read(&folder.join("dhat-heap.json"));
        assert_nothing_lost(&report);
        report
    });
    assert_eq!(sums(&reports[0]), sums(&reports[1]));
    let threads = |report: &Report| report.json["x_threads"].as_array().expect("a list").len();
    assert_eq!(threads(&reports[0]), threads(&reports[1]), "ours is none of the program's");
}

#[test]
fn the_table_can_be_read() {
    let mut running = Running::start(launch("table", &["busy", "12", "61", "60"]));
    assert_eq!(running.line(), "ready");
    running.send(60);
    assert_eq!(running.line(), "done");
    running.signal(libc::SIGUSR1);
    let dump = running.dump();
    // Blocked is all that can be: not KILL, STOP and the two of the C library.
    assert_eq!(running.blocked_signals("mod-alloc"), 0xffff_fffe_7ffb_feff);
    let table = dump.table();
    assert!(table.iter().any(|row| row.name == "memory" && row.id == running.id()));
    assert_eq!(table.iter().filter(|row| row.name.starts_with("worker-")).count(), 12);
    let widths: Vec<usize> = dump.table_lines().iter().map(|line| line.chars().count()).collect();
    assert!(widths.iter().all(|width| *width == widths[0]), "{widths:?}");
    let live: Vec<f64> = table.iter().filter(|row| row.id != 0).map(|row| row.live).collect();
    assert!(live.is_sorted_by(|a, b| a >= b), "{live:?}");
    assert!(dump.has("lost:   nothing"), "{dump:?}");
    let state = dump.lines.iter().find(|line| line.starts_with("state:  ")).expect("the state");
    assert!(state.contains("glibc: ") && state.contains(" allocated, "), "{state}");
    assert!(state.contains("; process: ") && state.contains(" resident, "), "{state}");
    assert!(dump.has("sites with the most live bytes, of "), "{dump:?}");
    assert!(dump.lines.iter().any(|line| line.contains("memory_programs::busy::made_here")));
    assert_eq!(dump.report(), "dhat-heap.1.json");
    running.end();
}

#[test]
fn what_is_printed_without_stacks() {
    let arguments = ["busy", "3", "2"];
    let launch = Launch::new("counters", memory_programs_with_counters(), &arguments);
    let mut running = Running::start(launch.env("MOD_ALLOC_SIGNAL", "sigusr2"));
    assert_eq!(running.line(), "ready");
    running.send(1);
    running.signal(libc::SIGUSR2);
    let dump = running.dump();
    assert_eq!(dump.heading(), "SIGUSR2 (dump 1)");
    assert_eq!(dump.table().iter().filter(|row| row.name.starts_with("worker-")).count(), 3);
    assert!(dump.has("heap:   ") && dump.has("lost:   0 events"), "{dump:?}");
    assert!(dump.has("state:  glibc: "), "{dump:?}");
    assert_eq!(running.end().status.code(), Some(0));
}

#[test]
fn handlers_from_before_are_called() {
    for (kind, seen) in [
        ("plain", ["handled 1 errno 55 sender false", "handled 2 errno 55 sender false"]),
        ("informed", ["handled 1 errno 55 sender true", "handled 2 errno 55 sender true"]),
        ("once", ["handled 1 errno 55 sender false", "handled 1 errno 55 sender false"]),
        ("ignored", ["handled 0 errno 55 sender false", "handled 0 errno 55 sender false"]),
        ("", ["handled 0 errno 55 sender false", "handled 0 errno 55 sender false"]),
    ] {
        let launch = launch(&format!("handlers {kind}"), &["handlers", "2"]);
        let launch = if kind.is_empty() { launch } else { launch.env("TEST_HANDLER", kind) };
        let mut running = Running::start(launch);
        for (number, seen) in (1..).zip(seen) {
            assert_eq!(running.line(), seen, "{kind}");
            assert_eq!(running.dump().heading(), format!("SIGUSR1 (dump {number})"), "{kind}");
            running.send(1);
        }
        assert_eq!(running.end().status.code(), Some(0), "{kind}");
    }
}

#[test]
fn who_handles_the_signal_keeps_its_stack_and_its_interruptions() {
    for (kind, expected) in [
        ("plain", "onstack false restart true"),
        ("interrupting", "onstack false restart false"),
        ("ignored", "onstack true restart true"),
        ("", "onstack true restart true"),
    ] {
        let launch = launch(&format!("flags {kind}"), &["alternate-stack"]);
        let launch = if kind.is_empty() { launch } else { launch.env("TEST_HANDLER", kind) };
        assert_eq!(launch.run().with_status(0).stdout, format!("{expected}\n"), "{kind}");
    }
}

#[test]
fn a_handler_of_the_program_s_own_takes_the_place() {
    let ended = launch("own", &["own-handler"]).run().with_status(0);
    assert_eq!(ended.stdout, "handled 1\n");
    assert!(!ended.stderr.contains("SIGUSR1"), "{}", ended.stderr);
}

#[test]
fn signals_during_a_dump_make_one_more() {
    let mut running = Running::start(launch("coalesce", &["coalesce", "100"]));
    running.narrow_errors();
    assert_eq!(running.line(), "ready");
    running.send(1);
    // The first dump has begun, and waits for somebody to read what does not fit.
    running.wait_for_errors();
    running.send(1);
    assert_eq!(running.line(), "raised");
    assert_eq!(running.dump().heading(), "SIGUSR1 (dump 1)");
    assert_eq!(running.dump().heading(), "SIGUSR1 (dump 2)");
    running.send(1);
    assert_eq!(running.end().dumps, 0);
}

#[test]
fn what_was_asked_for_before_the_exit_is_finished() {
    let ended = launch("exit", &["handlers", "1"]).run().with_status(0);
    let dump = Dump::first(&ended.stderr).expect("the program did not wait for it");
    let report = Report::read(&ended.folder.join(dump.report()));
    assert!(report.sum().get("tbk") > 0);
    // The report at the end comes after it.
    assert!(ended.stderr.ends_with("and is viewable with dhat/dh_view.html\n"), "{}", ended.stderr);
}

#[test]
fn a_forked_child_is_asked_itself() {
    let mut running = Running::start(launch("forks", &["forks"]));
    assert_eq!(running.line(), "parent 2");
    assert_eq!(running.line(), "child 1");
    assert_eq!(running.line(), "after a block 2");
    assert_eq!(running.line(), "child ended 0");
    let child = running.dump();
    let parent = running.dump();
    assert_ne!(child.process(), running.id());
    assert_eq!(parent.process(), running.id());
    let table = child.table();
    assert!(table.iter().any(|row| row.id == child.process()), "{table:?}");
    let report = Report::read(&running.folder.join(child.report()));
    assert_eq!(child.report(), format!("dhat-heap.1.json.{}", child.process()));
    assert_eq!(report.json["pid"], child.process());
    Report::read(&running.folder.join(parent.report()));
    assert_eq!(running.end().status.code(), Some(0));
}

#[test]
fn a_child_of_a_forked_child_too() {
    let mut running = Running::start(launch("forks twice", &["forks", "twice"]));
    for line in ["parent 2", "child 1", "grandchild 1", "after a block 2"] {
        assert_eq!(running.line(), line);
    }
    assert_eq!(running.line(), "grandchild ended 0");
    assert_eq!(running.line(), "after a block 2");
    assert_eq!(running.line(), "child ended 0");
    let processes = [running.dump(), running.dump(), running.dump()].map(|dump| dump.process());
    assert!(processes[0] != processes[1] && processes[1] != processes[2]);
    assert_eq!(processes[2], running.id());
    assert_eq!(running.end().status.code(), Some(0));
}

#[test]
fn a_child_recorded_to_a_file_is_asked_too() {
    let mut running =
        Running::start(launch("forks file", &["forks"]).env("MOD_ALLOC_RECORD", "%p.recording"));
    for line in ["parent 2", "child 1", "after a block 2", "child ended 0"] {
        assert_eq!(running.line(), line);
    }
    let child = running.dump();
    assert_ne!(child.process(), running.id());
    assert_eq!(running.dump().process(), running.id());
    assert_eq!(running.end().status.code(), Some(0));
}

#[test]
fn children_are_not_asked_where_the_variable_is_taken_away() {
    let mut running = Running::start(launch("forks unset", &["forks", "unset"]));
    for line in ["parent 2", "child 1", "after a block 1"] {
        assert_eq!(running.line(), line);
    }
    assert_eq!(running.line(), format!("child ended {}", libc::SIGUSR1));
    assert_eq!(running.dump().process(), running.id());
    assert_eq!(running.end().status.code(), Some(0));
}

#[test]
fn another_program_in_the_process_is_asked_by_itself() {
    let mut running = Running::start(launch("execs", &["execs"]));
    assert_eq!(running.dump().heading(), "SIGUSR1 (dump 1)");
    running.send(1);
    assert_eq!(running.line(), "second");
    assert_eq!(running.dump().heading(), "SIGUSR1 (dump 1)");
    assert_eq!(running.end().status.code(), Some(0));
}

#[test]
fn a_process_ends_with_the_last_thread_of_its_own() {
    let mut running = Running::start(launch("last", &[]).env("TEST_FIRST_ENDS", "1"));
    running.send(1);
    assert_eq!(running.line(), "last");
    assert_eq!(running.dump().heading(), "SIGUSR1 (dump 1)");
    let left = running.end();
    assert_eq!(left.status.code(), Some(0));
    Report::read(&left.folder.join("dhat-heap.json"));
}

#[test]
fn invalid_values_are_named() {
    for value in ["KILL", "SIGSTOP", "SEGV", "11", "0", "99", "NONE", "QUIT,USR1"] {
        let name = format!("refused {value}");
        let launch = launch(&name, &["alternate-stack"]).env("MOD_ALLOC_SIGNAL", value);
        let ended = launch.env("MOD_ALLOC_OUT", "off").run().with_status(0);
        let expected = format!("invalid MOD_ALLOC_SIGNAL={value}; handling no signal");
        assert_eq!(ended.said(), [expected]);
        assert_eq!(ended.stdout, "onstack false restart false\n", "nothing is handled");
    }
}

#[test]
fn the_signal_does_not_end_a_program_that_is_not_recorded() {
    let launch = launch("off", &["alternate-stack"]).env("MOD_ALLOC", "off");
    let ended = launch.run().with_status(0);
    assert_eq!((&*ended.stdout, &*ended.stderr), ("onstack true restart true\n", ""));
}

#[test]
fn reports_go_beside_the_last_one_or_nowhere() {
    for (out, expected) in [
        ("%e-x.json", "memory-programs-x.1.json"),
        ("a.b", "a.1.b"),
        ("plain", "plain.1"),
        ("off", "none (MOD_ALLOC_OUT=off)"),
    ] {
        let launch = launch(&format!("out {out}"), &["handlers", "1"]).env("MOD_ALLOC_OUT", out);
        let ended = launch.run().with_status(0);
        let dump = Dump::first(&ended.stderr).expect("a dump");
        // The copy that tests run has a name of its own.
        let expected = expected.replace("memory-programs", "memory");
        assert_eq!(dump.report(), expected);
        if out != "off" {
            Report::read(&ended.folder.join(dump.report()));
        }
    }
    let ended = launch("out nowhere", &["handlers", "1"])
        .env("MOD_ALLOC_OUT", "/nowhere/x.json")
        .run()
        .with_status(0);
    let dump = Dump::first(&ended.stderr).expect("a dump");
    assert!(dump.report().starts_with("cannot write /nowhere/x.1.json: "));
}
