//! Reports of a running program give back what they took, and neither the program's allocator nor
//! the program notice.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
#[expect(dead_code, reason = "other tests ask for more")]
mod signal_support;

use heap_support::dhat_json::Report;
use heap_support::{Launch, numbers_in, programs};
use serde_json::Value;
use signal_support::Running;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A figure of the heap's state at the end of a report.
fn figure(report: &Report, key: &str) -> u64 {
    let end = &report.json["x_heap_state"]["end"];
    end.get(key).and_then(Value::as_u64).unwrap_or_else(|| panic!("{key}: {end}"))
}

#[track_caller]
fn assert_near(now: u64, before: u64, most: u64) {
    assert!(now <= before + most, "{now} bytes now, {before} before");
}

/// Each dump says the memory that the process has at its beginning: after the one before.
#[test]
fn dumps_leave_the_program_s_memory_as_it_was() {
    let launch = Launch::new("dumps", programs(), &["reports-asked"]);
    let mut running = Running::start(launch.env("MOD_ALLOC_SIGNAL", "USR1"));
    assert_eq!(running.line(), "ready");
    for _ in 0..4 {
        running.signal(libc::SIGUSR1);
        running.dump();
    }
    let reports: Vec<Report> = (1..=4)
        .map(|number| Report::read(&running.folder.join(format!("dhat-heap.{number}.json"))))
        .collect();
    let of = |key| reports.iter().map(|report| figure(report, key)).collect::<Vec<_>>();
    for key in ["allocated", "mapped"] {
        let figures = of(key);
        figures.iter().for_each(|now| assert_near(*now, figures[0], 16 * KIB));
    }
    let own = of("profiler_bytes");
    assert!(own.iter().all(|bytes| *bytes < 16 * KIB), "{own:?}");
    let (anonymous, resident) = (of("process_anonymous"), of("process_resident"));
    anonymous.iter().for_each(|now| assert_near(*now, anonymous[0], MIB / 2));
    // The profiler's code is read from its file meanwhile.
    resident.iter().for_each(|now| assert_near(*now, resident[0], 3 * MIB / 2));
    asked(running);
}

/// The rest of the program: reports that it makes itself.
fn asked(mut running: Running) {
    running.send(1);
    let before = numbers_in(&running.line(), "before");
    assert!(before[3] < 8 * 1024 * MIB, "dumps have no addresses any more: {before:?}");
    for _ in 0..3 {
        for word in ["written", "string", "named"] {
            let now = numbers_in(&running.line(), word);
            // The C library's allocator keeps a little of what it was asked for.
            assert_near(now[1], before[1], 64 * KIB);
            // It may keep strings and names, which are the program's.
            let most = if word == "written" { MIB } else { 8 * MIB };
            assert_near(now[0], before[0], most);
            assert_near(now[3], before[3], 256 * MIB);
        }
    }
    let failed = numbers_in(&running.line(), "failed");
    assert_near(failed[3], before[3], 256 * MIB);
    running.send(1);
    let left = running.end();
    assert_eq!(left.status.code(), Some(0));
    let last = Report::read(&left.folder.join("dhat-heap.json"));
    let first = Report::read(&left.folder.join("dhat-heap.1.json"));
    // One heap has one state in dumps and in the report.
    assert_near(figure(&last, "allocated"), figure(&first, "allocated"), 64 * KIB);
    assert!(!left.errors.contains("Not seen"), "{}", left.errors);
}

#[test]
fn reports_of_profilers_leave_the_program_s_memory_as_it_was() {
    assert_memory_stays("reports-of-profilers");
}

#[test]
fn messages_of_limits_leave_the_program_s_memory_as_it_was() {
    assert_memory_stays("reports-of-limits");
}

#[track_caller]
fn assert_memory_stays(program: &str) {
    let ended = Launch::new(program, programs(), &[program]).run().with_status(0);
    let before = ended.numbers("before");
    let lines: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("after")).collect();
    assert_eq!(lines.len(), 4, "{}", ended.stdout);
    for line in lines {
        let now = numbers_in(line, "after");
        assert_near(now[0], before[0], MIB / 4);
        assert_near(now[1], before[1], 64 * KIB);
        assert_near(now[2], before[2], 64 * KIB);
        assert_near(now[3], before[3], 256 * MIB);
    }
    assert!(!ended.stderr.contains("Not seen"), "{}", ended.stderr);
}

#[test]
fn a_program_goes_on_and_forks_while_a_report_is_written() {
    let ended = Launch::new("blocked", programs(), &["reports-blocked"]).run().with_status(0);
    let numbers = |word| ended.numbers(word);
    let before = numbers("before");
    assert!(numbers("during")[3] > before[3] + 1024 * MIB, "it has addresses of its own");
    for word in ["child", "child-after", "after"] {
        assert_near(numbers(word)[3], before[3], 256 * MIB);
    }
    for word in ["during", "child", "child-after", "after"] {
        // A thread and its names, the report's text.
        assert_near(numbers(word)[1], before[1], 64 * KIB);
    }
    for name in ["through-pipe.json", "child.json"] {
        assert!(ended.report_at(name).sum().get("tbk") > 1 << 13, "{name}");
    }
    assert!(!ended.stderr.contains("Not seen"), "{}", ended.stderr);
}
