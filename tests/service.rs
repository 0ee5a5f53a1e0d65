//! A program that is configured in its source, and the ends of a service: by signals, by an abort.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;
#[expect(dead_code, reason = "other tests ask for more")]
mod signal_support;

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;

use heap_support::dhat_json::Report;
use heap_support::{Ended, Launch, service_programs};
use signal_support::{Left, Running};

/// The report that the program asks for; the copy that tests run has a name of its own.
const REPORT: &str = "service-service.json";

/// The signals do what they do by default, also where the tests themselves were started with some
/// of them ignored, as shells start what runs in the background.
fn launch(name: &str, program: &str) -> Launch {
    let mut launch = Launch::new(name, service_programs(), &[program]);
    let reset = || {
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            // SAFETY: no memory is involved.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        Ok(())
    };
    // SAFETY: `signal` may be called between fork and exec.
    unsafe { launch.command.pre_exec(reset) };
    launch
}

/// With recording on.
fn recorded(name: &str, program: &str) -> Launch {
    launch(name, program).env("MOD_ALLOC", "on")
}

fn started(launch: Launch) -> Running {
    let mut running = Running::start(launch);
    assert_eq!(running.line(), "ready");
    running
}

fn has_report(folder: &Path) -> bool {
    let exists = folder.join(REPORT).exists();
    if exists {
        assert!(Report::read(&folder.join(REPORT)).sum().get("tbk") > 0);
    }
    exists
}

/// The program of that name, ended by the signal.
fn ended_by(running: Running, signal: i32) -> Left {
    running.signal(signal);
    let left = running.end_by_signal();
    assert_eq!((left.status.signal(), &*left.stdout), (Some(signal), ""), "no exit handler ran");
    left
}

mod options {
    use super::*;

    #[test]
    fn off_by_default_records_nothing() {
        for (name, value) in [("unset", None), ("typo", Some("onn")), ("empty", Some(""))] {
            let launch = launch(name, "numbers");
            let launch = match value {
                Some(value) => launch.env("MOD_ALLOC", value),
                None => launch,
            };
            let ended = launch.run().with_status(0);
            assert_eq!(ended.stdout, "false false\nexit handler\n", "{name}");
            assert!(!has_report(&ended.folder), "{name}");
            let said = ended.said();
            if name == "typo" {
                assert_eq!(said, ["invalid MOD_ALLOC=onn; using off"]);
            } else {
                assert!(ended.stderr.is_empty(), "{}", ended.stderr);
            }
        }
    }

    #[test]
    fn words_for_yes_switch_it_on() {
        for value in ["on", "ON", "1", "true", "yes"] {
            let ended = launch(value, "numbers").env("MOD_ALLOC", value).run().with_status(0);
            assert_eq!(ended.stdout, "true true\nexit handler\n", "{value}");
            assert!(has_report(&ended.folder), "{value}");
        }
        for value in ["0", "False", "no", "OFF"] {
            let ended = launch(value, "numbers").env("MOD_ALLOC", value).run().with_status(0);
            assert_eq!((&*ended.stdout, &*ended.stderr), ("false false\nexit handler\n", ""));
        }
    }

    #[test]
    fn a_parent_that_is_off_leaves_the_reports_name_to_its_child() {
        for (name, value) in [("unset", None), ("zero", Some("0"))] {
            let launch = launch(name, "starts-recorded");
            let launch = match value {
                Some(value) => launch.env("MOD_ALLOC", value),
                None => launch,
            };
            let ended = launch.run().with_status(0);
            assert_eq!(ended.stdout, "true true\nexit handler\nexit handler\n", "{name}");
            let said = ended.said();
            let saved = said.iter().find(|line| line.starts_with("The data has been saved to "));
            let path = saved.expect("a report").split_whitespace().nth(6).expect("its path");
            assert!(!path.trim_end_matches(',').ends_with(char::is_numeric), "{name}: {path}");
        }
    }

    fn frames(ended: &Ended, report: &str) -> u64 {
        ended.report_at(report).json["x_settings"]["frames"].as_u64().expect("a number")
    }

    #[test]
    fn the_environment_wins() {
        let plain = recorded("plain", "numbers").run().with_status(0);
        assert_eq!(frames(&plain, REPORT), 5);
        let launch = recorded("changed", "numbers").env("MOD_ALLOC_FRAMES", "9");
        let ended = launch.env("MOD_ALLOC_OUT", "other.json").run().with_status(0);
        assert_eq!(frames(&ended, "other.json"), 9);
        assert!(!has_report(&ended.folder));
        let launch = recorded("bad", "numbers").env("MOD_ALLOC_FRAMES", "many");
        let bad = launch.run().with_status(0);
        assert_eq!(frames(&bad, REPORT), 5);
        assert!(bad.said().contains(&"invalid MOD_ALLOC_FRAMES=many; using 5"), "{}", bad.stderr);
    }
}

mod endings {
    use super::*;

    #[test]
    fn a_signal_ends_the_program_after_the_report() {
        for (name, signal) in [("term", libc::SIGTERM), ("int", libc::SIGINT)] {
            let left = ended_by(started(recorded(name, "wait")), signal);
            assert!(has_report(&left.folder), "{name}");
            assert!(left.errors.contains("mod-alloc: Total:"), "{}", left.errors);
        }
    }

    #[test]
    fn the_variable_wins() {
        let launch = recorded("hup", "wait").env("MOD_ALLOC_REPORT_ON", "sighup, USR2");
        assert!(has_report(&ended_by(started(launch), libc::SIGHUP).folder));
        for (name, value) in [("other", "HUP"), ("off", "off"), ("bad", "TERM,KILL")] {
            let launch = recorded(name, "wait").env("MOD_ALLOC_REPORT_ON", value);
            let left = ended_by(started(launch), libc::SIGTERM);
            assert!(!has_report(&left.folder), "{name}");
            let said = "invalid MOD_ALLOC_REPORT_ON=TERM,KILL; writing no report at signals";
            assert_eq!(left.errors.contains(said), name == "bad", "{}", left.errors);
        }
    }

    #[test]
    fn nothing_is_done_where_no_report_is_wanted() {
        let nowhere = recorded("nowhere", "wait").env("MOD_ALLOC_OUT", "off");
        for launch in [launch("off", "wait"), nowhere] {
            let left = ended_by(started(launch), libc::SIGTERM);
            assert!(!has_report(&left.folder) && left.errors.is_empty(), "{}", left.errors);
        }
    }

    #[test]
    fn a_handler_that_calls_the_earlier_one_decides() {
        let mut running = started(recorded("chained", "chained"));
        running.signal(libc::SIGTERM);
        assert_eq!(running.line(), "handled");
        running.error_line_with("The data has been saved");
        assert!(has_report(&running.folder), "while the program runs");
        let left = running.end();
        assert_eq!(left.status.code(), Some(7));
        assert_eq!(left.stdout, "goes on\nexit handler\n");
        let reports = fs::read_dir(&left.folder).expect("a folder").count();
        assert_eq!(reports, 1, "the second report takes the first one's place");
    }

    #[test]
    fn a_handler_from_before_main_decides() {
        let mut running = started(recorded("before", "wait").env("TEST_HANDLER", "1"));
        running.signal(libc::SIGTERM);
        assert_eq!(running.line(), "from before main");
        running.error_line_with("The data has been saved");
        assert_eq!(running.end().status.code(), Some(0));
    }

    #[test]
    fn an_ignored_signal_stays_ignored() {
        let mut launch = recorded("ignored", "wait");
        let ignore = || {
            // SAFETY: no memory is involved.
            unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
            Ok(())
        };
        // SAFETY: `signal` may be called between fork and exec.
        unsafe { launch.command.pre_exec(ignore) };
        let running = started(launch);
        assert!(!running.handles(libc::SIGINT) && running.handles(libc::SIGTERM));
        running.signal(libc::SIGINT);
        let left = running.end();
        assert_eq!((left.status.code(), &*left.stdout), (Some(0), "goes on\nexit handler\n"));
    }

    #[test]
    fn forked_children_end_by_the_signal() {
        let mut running = Running::start(recorded("children", "children"));
        for reports in [1, 1] {
            let child = running.line();
            let child = if child == "child" {
                running.line()
            } else {
                assert_eq!(running.line(), "child");
                child
            };
            // SAFETY: no memory is involved.
            let sent = unsafe { libc::kill(child.parse().expect("an id"), libc::SIGTERM) };
            assert_eq!(sent, 0);
            assert_eq!(running.line(), format!("ended by {}", libc::SIGTERM));
            assert_eq!(fs::read_dir(&running.folder).expect("a folder").count(), reports);
        }
        assert_eq!(running.end().status.code(), Some(0));
    }

    #[test]
    fn a_program_that_waits_for_the_signal_gets_it() {
        let running = started(recorded("sigwait", "sigwait"));
        running.signal(libc::SIGTERM);
        let left = running.end_by_signal();
        assert_eq!((left.status.code(), &*left.stdout), (Some(0), "waited for 15\nexit handler\n"));
    }

    #[test]
    fn an_interrupted_program_does_not_end_before() {
        let running = started(recorded("pause", "pause"));
        running.signal(libc::SIGTERM);
        let left = running.end_by_signal();
        assert_eq!(left.status.signal(), Some(libc::SIGTERM), "{}", left.errors);
        assert!(has_report(&left.folder));
    }

    #[test]
    fn a_second_signal_ends_at_once() {
        let launch = recorded("second", "wait").env("MOD_ALLOC_OUT", "queue");
        let queue = std::ffi::CString::new(launch.folder.join("queue").to_str().expect("UTF-8"));
        // SAFETY: the path ends with a zero byte.
        assert_eq!(unsafe { libc::mkfifo(queue.expect("a path").as_ptr(), 0o600) }, 0);
        let running = started(launch);
        assert!(running.handles(libc::SIGTERM));
        // Nobody reads the report, so that it is never finished.
        running.signal(libc::SIGTERM);
        while running.handles(libc::SIGTERM) {
            std::thread::yield_now();
        }
        let left = ended_by(running, libc::SIGTERM);
        assert!(!left.errors.contains("Total:"), "{}", left.errors);
    }

    #[test]
    fn the_first_process_of_a_container_ends_too() {
        // As its first process, the program has no default actions.
        let launch = recorded("container", "wait");
        let mut inner = std::process::Command::new("unshare");
        inner.args(["--pid", "--fork", "--kill-child"]).arg(service_programs()).arg("wait");
        inner.current_dir(&launch.folder).env("MOD_ALLOC", "on");
        let folder = launch.folder.clone();
        let mut running = started(Launch { command: inner, folder });
        let child = running.only_child();
        // SAFETY: no memory is involved.
        assert_eq!(unsafe { libc::kill(child, libc::SIGTERM) }, 0);
        running.error_line_with("The data has been saved");
        let left = running.end_by_signal();
        assert_eq!(left.status.code(), Some(128 + libc::SIGTERM));
        assert!(has_report(&left.folder));
    }

    #[test]
    fn a_program_with_profilers_of_its_own_is_told() {
        let left = ended_by(started(recorded("dhat", "dhat")), libc::SIGTERM);
        assert!(left.errors.contains("mod-alloc: SIGTERM: no report; "), "{}", left.errors);
    }

    /// The kernel ends the file at its first page, with a signal that would end the program.
    #[test]
    fn a_report_that_is_cut_short_leaves_the_earlier_one() {
        let page = libc::rlimit { rlim_cur: 4096, rlim_max: 4096 };
        for (name, ends_by) in [("term", Some(libc::SIGTERM)), ("exit", None)] {
            let mut launch = recorded(name, "wait");
            let limit = move || {
                // SAFETY: the limit is valid.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const page) }, 0);
                // SAFETY: no memory is involved.
                unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_DFL) };
                Ok(())
            };
            // SAFETY: both calls may be made between fork and exec.
            unsafe { launch.command.pre_exec(limit) };
            fs::write(launch.folder.join(REPORT), "earlier").expect("a folder");
            let running = started(launch);
            let left = match name {
                "exit" => running.end(),
                _ => ended_by(running, libc::SIGTERM),
            };
            assert_eq!(left.status.signal(), ends_by, "{name}: {}", left.errors);
            assert!(left.errors.contains("cannot write the report"), "{}", left.errors);
            let report = fs::read_to_string(left.folder.join(REPORT)).expect("a report");
            assert_eq!(report, "earlier", "{name}");
            assert_eq!(fs::read_dir(&left.folder).expect("a folder").count(), 1, "{name}");
        }
    }
}

mod signal {
    use super::*;

    #[test]
    fn while_off_it_is_answered_with_a_line() {
        for (name, handler) in [("default", None), ("handled", Some("1"))] {
            let launch = launch(name, "wait");
            let launch = match handler {
                Some(handler) => launch.env("TEST_HANDLER", handler),
                None => launch,
            };
            let mut running = started(launch);
            running.signal(libc::SIGUSR1);
            running.error_line_with("mod-alloc: SIGUSR1: recording is off; set MOD_ALLOC=on");
            if handler.is_some() {
                assert_eq!(running.line(), "from before main");
            }
            let left = running.end();
            assert_eq!((left.status.code(), &*left.stdout), (Some(0), "goes on\nexit handler\n"));
        }
    }

    #[test]
    fn the_program_asks_for_it() {
        let mut running = started(recorded("asked", "wait"));
        running.signal(libc::SIGUSR1);
        assert_eq!(running.dump().report(), "service-service.1.json");
        assert_eq!(running.end().status.code(), Some(0));
    }

    #[test]
    fn what_must_end_the_program_is_refused() {
        for (value, signal) in
            [("TERM", libc::SIGTERM), ("SIGINT", libc::SIGINT), ("HUP", libc::SIGHUP)]
        {
            let launch = recorded(value, "wait").env("MOD_ALLOC_SIGNAL", value);
            let left = ended_by(started(launch.env("MOD_ALLOC_REPORT_ON", "off")), signal);
            let said = left.errors.lines().next().expect("a line");
            assert!(said.starts_with("mod-alloc: ignored MOD_ALLOC_SIGNAL=SIG"), "{said}");
            assert!(said.contains("set MOD_ALLOC_REPORT_ON=SIG"), "{said}");
        }
        let launch = recorded("both", "wait").env("MOD_ALLOC_SIGNAL", "USR2");
        let launch = launch.env("MOD_ALLOC_REPORT_ON", "USR2");
        let left = ended_by(started(launch), libc::SIGUSR2);
        assert!(has_report(&left.folder));
        assert!(left.errors.contains("SIGUSR2 is for the report at the end"), "{}", left.errors);
    }
}

mod aborts {
    use super::*;

    fn said(launch: Launch) -> Vec<String> {
        let ended = launch.run();
        assert_eq!(ended.status.signal(), Some(libc::SIGABRT));
        assert!(!has_report(&ended.folder));
        ended.said().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_says_what_to_set() {
        assert_eq!(
            said(recorded("memory", "abort")),
            ["aborted before the report; set MOD_ALLOC_RECORD=FILE, then use mod-alloc recover \
              FILE"]
        );
    }

    #[test]
    fn a_line_names_the_recording() {
        let launch = recorded("file", "abort").env("MOD_ALLOC_RECORD", "x.recording");
        // A small table: room for a large one may take a minute to be made.
        let launch = launch.env("MOD_ALLOC_BUCKETS", "64");
        let folder = launch.folder.clone();
        let said = said(launch);
        assert!(folder.join("x.recording").exists());
        assert_eq!(said.len(), 1, "{said:?}");
        let path =
            said[0].strip_prefix("aborted before the report; read it with: mod-alloc recover ");
        assert!(path.is_some_and(|path| path.ends_with("x.recording")), "{said:?}");
    }

    #[test]
    fn nothing_is_said_where_no_report_is_wanted() {
        assert!(said(launch("off", "abort")).is_empty());
        assert!(said(recorded("nowhere", "abort").env("MOD_ALLOC_OUT", "off")).is_empty());
    }
}
