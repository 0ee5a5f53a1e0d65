//! The effect of each environment variable, and the line that an invalid value gives.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::fs;

use heap_support::dhat_json::{Point, Report};
use heap_support::{
    COUNTED, Ended, Launch, Sites, assert_nothing_lost, assert_only_lost, fixture, lost,
    numbers_in, programs,
};
use serde_json::{Value, json};

const TABLE_FULL: &str = "[call-site table full: set MOD_ALLOC_BUCKETS]";
const TRUNCATED: &str = "[stack truncated: set MOD_ALLOC_FRAMES]";

/// Runs a program under one variable, in a folder named after both.
fn run_with(variable: &str, value: &str, arguments: &[&str]) -> Ended {
    let run = format!("{variable}={}", value.replace(['/', '%'], "_"));
    Launch::new(&run, programs(), arguments).env(variable, value).run()
}

/// The number of lines of ours that complain about a variable.
fn complaints(ended: &Ended) -> Vec<&str> {
    ended.said().into_iter().filter(|line| line.starts_with("invalid ")).collect()
}

/// The summary's four lines, and nothing else.
fn assert_no_complaint(ended: &Ended) {
    assert_eq!(ended.said().len(), 4, "{}", ended.stderr);
}

mod buckets {
    use super::*;

    /// The sums that must not depend on the table's size.
    const SUMS: [&str; 6] = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];

    fn run(value: Option<&str>, stacks: &str) -> Ended {
        let name = format!("buckets {} {stacks}", value.unwrap_or("unset"));
        let launch = Launch::new(&name, fixture(), &["table", stacks]);
        match value {
            Some(value) => launch.env("MOD_ALLOC_BUCKETS", value),
            None => launch,
        }
        .run()
        .with_status(0)
    }

    fn sums(report: &Report) -> [u64; 6] {
        SUMS.map(|key| report.sum().get(key))
    }

    /// The points that stand for no stack.
    fn overflow(report: &Report) -> Vec<&Point> {
        let is_it = |point: &&Point| report.stack(point).eq([TABLE_FULL]);
        report.points.iter().filter(is_it).collect()
    }

    #[test]
    fn values_are_rounded_up_and_clamped() {
        // 2,000 stacks; what is set, what is used, and what is said of it.
        let cases = [
            (None, Value::Null, None),
            (Some("64"), json!(64), None),
            (Some("100"), json!(128), None),
            (Some("1"), json!(64), Some("64")),
            (Some("0"), json!(64), Some("64")),
            (Some("-5"), Value::Null, Some("a growing table")),
            (Some("-0"), Value::Null, Some("a growing table")),
            (Some("99999999"), json!(1_048_576), Some("1048576")),
            (Some("abc"), Value::Null, Some("a growing table")),
            (Some(""), Value::Null, None),
        ];
        let expected = sums(&run(None, "2000").report());
        for (value, used, said) in cases {
            let ended = run(value, "2000");
            let report = ended.report();
            assert_eq!(report.json["x_settings"]["buckets"], used, "{value:?}");
            let value = value.unwrap_or_default();
            let line = said.map(|said| format!("invalid MOD_ALLOC_BUCKETS={value}; using {said}"));
            assert_eq!(complaints(&ended), line.iter().collect::<Vec<_>>());
            assert_eq!(sums(&report), expected, "totals must not depend on {value:?}");
        }
    }

    #[test]
    fn a_full_table_keeps_totals_and_says_what_it_lost() {
        let complete = run(None, "2001").report();
        assert_nothing_lost(&complete);
        assert!(overflow(&complete).is_empty());
        for (value, most) in [("64", 64), ("1024", 1024)] {
            let ended = run(Some(value), "2001");
            let report = ended.report();
            assert_only_lost(&report, &["table_full"]);
            assert_eq!(sums(&report), sums(&complete));
            let [point] = overflow(&report)[..] else { panic!("one visible site: {report:?}") };
            assert!(report.points.len() <= most + 1, "{} points", report.points.len());
            assert!(report.points.len() > most / 2, "{} points", report.points.len());
            // The blocks that other points lack are this one's: nothing was lost twice, or not at
            // all. Reallocations of its blocks are blocks more, but look for no site.
            let kept = u64::try_from(report.points.len() - 1).expect("small");
            let lost = lost(&report, "table_full");
            assert!(lost >= 2001 - kept, "{lost} lost, {kept} kept");
            let more = point.counters.get("tbk") - lost;
            assert!(more < 20, "{more} reallocations");
            let words = "events in a full call-site table (set MOD_ALLOC_BUCKETS higher)";
            let line = ended.said().into_iter().find(|line| line.starts_with("Lost: "));
            let line = line.expect("what was lost is said").replace(',', "");
            assert_eq!(line, format!("Lost: {lost} {words}"));
        }
    }

    #[test]
    fn a_large_table_that_is_asked_for_loses_nothing() {
        let report = run(Some("1048576"), "2002").report();
        assert_nothing_lost(&report);
        assert_eq!(report.json["x_settings"]["buckets"], 1_048_576);
        assert_eq!(sums(&report), sums(&run(None, "2002").report()));
    }

    /// Such a report is large, so it is read line by line: each stack has one.
    #[test]
    fn unset_it_holds_300_000_sites() {
        const STACKS: usize = 300_000;
        let ended = run(None, "300000");
        let text = fs::read_to_string(ended.folder.join("dhat-heap.json")).expect("a report");
        let losses = text.lines().find(|line| line.starts_with("\"x_losses\"")).expect("counted");
        assert!(!losses.contains(|digit: char| ('1'..='9').contains(&digit)), "{losses}");
        let number = |line: &str, key: &str| -> u64 {
            let (_, rest) = line.split_once(key).expect("all numbers");
            rest.split([',', '}']).next().expect("a number").parse().expect("a number")
        };
        let points = || text.lines().filter(|line| line.starts_with("{\"tb\":"));
        assert!(points().count() >= STACKS, "{} points", points().count());
        // The workload's own blocks have 16 to 79 bytes, one at each stack.
        let own = |line: &&str| number(line, "\"tbk\":") == 1 && number(line, "\"tb\":") < 80;
        let bytes: u64 = points().filter(own).map(|line| number(line, "\"tb\":")).sum();
        let expected = ended.stdout.lines().find(|line| line.starts_with("total: "));
        let expected = expected.expect("the workload's own account");
        let expected: u64 = numbers_in(&expected.replace(" bytes in ", "\n"), "total:")[0];
        let runtime = 4_096; // small blocks that std made once
        assert!((expected..expected + runtime).contains(&bytes), "{bytes}, expected {expected}");
    }
}

mod on_and_off {
    use super::*;

    #[test]
    fn off_leaves_no_trace() {
        let launch = |run, value| {
            let launch = Launch::new(run, programs(), &["three-blocks", "7"]);
            launch.env("MOD_ALLOC", value).run().with_status(7)
        };
        let (on, off) = (launch("on", "on"), launch("off", "off"));
        assert_eq!((&*off.stdout, &*off.stderr), ("three blocks\n", ""));
        assert_eq!(off.stdout, on.stdout);
        assert!(!off.folder.join("dhat-heap.json").exists());
        assert!(on.folder.join("dhat-heap.json").exists());
    }

    #[test]
    fn off_adds_no_trailer() {
        let usable = |value| run_with("MOD_ALLOC", value, &["usable-size"]).numbers("usable")[0];
        assert_eq!(usable("off"), 24);
        assert!(usable("on") >= 32, "room for the trailer");
    }

    #[test]
    fn another_word_means_on() {
        for value in ["nope", "offf", " "] {
            let ended = run_with("MOD_ALLOC", value, &["three-blocks"]).with_status(0);
            let line = format!("invalid MOD_ALLOC={value}; using on");
            assert_eq!(complaints(&ended), [line]);
            let three = Sites::of(&ended.report()).sum("site_three", COUNTED);
            assert_eq!(three, [3_000, 3, 3_000, 3, 3_000, 3, 3_000, 3]);
        }
    }
}

mod out {
    use super::*;

    fn run(value: &str, status: i32) -> Ended {
        let arguments = ["three-blocks".to_owned(), status.to_string()];
        run_with("MOD_ALLOC_OUT", value, &arguments.each_ref().map(String::as_str))
            .with_status(status)
    }

    /// The files the program left beside what the test itself wrote there.
    fn files(ended: &Ended) -> Vec<String> {
        let entries = fs::read_dir(&ended.folder).expect("the program's folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
        names.retain(|name| name != "stdout" && name != "stderr");
        names
    }

    #[test]
    fn the_path_is_the_default_or_what_is_set() {
        let ended = run("", 0);
        assert_eq!(files(&ended), ["dhat-heap.json"]);
        let ended = run("sub.json", 0);
        assert_eq!(files(&ended), ["sub.json"]);
        let saved = "The data has been saved to sub.json, and is viewable with dhat/dh_view.html";
        assert_eq!(ended.said()[3], saved);
        assert_no_complaint(&ended);
    }

    #[test]
    fn placeholders_are_the_process_and_the_program() {
        let ended = run("%e-%p-100%%-%x.json", 0);
        let expected = format!("release-{}-100%-%x.json", ended.id);
        assert_eq!(files(&ended), [&*expected]);
        assert_eq!(ended.report_at(&expected).json["pid"], ended.id);
    }

    #[test]
    fn off_writes_nothing_and_says_nothing() {
        let ended = run("off", 0);
        assert_eq!(files(&ended), [""; 0]);
        assert_eq!(ended.stderr, "");
    }

    #[test]
    fn a_failed_write_is_said_and_changes_no_status() {
        for (path, reason) in [
            ("/nonexistent/folder/report.json", "No such file or directory"),
            ("/", "Is a directory"),
            ("/dev/full", "No space left on device"),
        ] {
            let ended = run(path, 3);
            assert_eq!(ended.stdout, "three blocks\n");
            let [line] = ended.said()[..] else { panic!("one line: {}", ended.stderr) };
            assert!(line.contains(path) && line.contains(reason), "{line}");
        }
    }
}

mod frames {
    use super::*;

    const BLOCKS: u64 = 10;

    fn run(value: &str, depth: &str) -> Ended {
        run_with("MOD_ALLOC_FRAMES", value, &["depth", depth, "10"]).with_status(0)
    }

    /// How many frames, inlined ones not counted, the deepest stack has.
    fn deepest(report: &Report) -> usize {
        let count = |point| {
            let stack = report.stack(point).filter(|frame| frame.starts_with("0x"));
            let mut addresses: Vec<_> = stack.map(|frame| frame.split(':').next()).collect();
            addresses.dedup();
            addresses.len()
        };
        report.points.iter().map(count).max().unwrap_or(0)
    }

    fn deep(report: &Report) -> [u64; 8] {
        Sites::of(report).sum("site_deep", COUNTED)
    }

    #[test]
    fn values_are_clamped() {
        for (value, used, refused) in [
            ("1", 1, false),
            ("8", 8, false),
            ("256", 256, false),
            ("0", 1, true),
            ("9999", 256, true),
            ("abc", 64, true),
            ("-5", 64, true),
        ] {
            let ended = run(value, "150");
            let report = ended.report();
            assert_eq!(report.json["x_settings"]["frames"], used);
            let line = format!("invalid MOD_ALLOC_FRAMES={value}; using {used}");
            let expected: &[_] = if refused { &[line] } else { &[] };
            assert_eq!(complaints(&ended), expected);
            assert!(deepest(&report) <= used, "{} frames of {used}", deepest(&report));
            assert!(deepest(&report) + 4 >= used, "{} frames of {used}", deepest(&report));
            assert_only_lost(&report, &["truncated_stacks"]);
            assert!(lost(&report, "truncated_stacks") >= BLOCKS, "{value}");
            assert!(report.frames.iter().any(|frame| frame == TRUNCATED));
            assert!(report.sum().get("eb") >= BLOCKS * 100, "{value}");
            if used > 1 {
                let all = [BLOCKS * 100, BLOCKS].repeat(4);
                assert_eq!(deep(&report)[..], all, "{value}");
            }
        }
    }

    #[test]
    fn one_frame_is_one_of_the_program() {
        let report = run("1", "21").report();
        assert_eq!(deep(&report)[..2], [BLOCKS * 100, BLOCKS], "{:?}", report.frames);
    }

    #[test]
    fn stacks_that_fit_are_complete() {
        let report = run("64", "20").report();
        assert_nothing_lost(&report);
        assert!(!report.frames.iter().any(|frame| frame == TRUNCATED));
        assert_eq!(deep(&report)[..2], [BLOCKS * 100, BLOCKS]);
    }
}

mod unwind {
    use super::*;

    fn run(value: &str) -> Ended {
        run_with("MOD_ALLOC_UNWIND", value, &["depth", "20", "10"]).with_status(0)
    }

    /// How many calls of the recursion the stack of `site_deep` has.
    fn calls(report: &Report) -> usize {
        let mut stacks = report.points.iter().map(|point| {
            let frames: Vec<_> = report.stack(point).collect();
            let is_deep = frames.iter().any(|frame| frame.contains("::site_deep "));
            is_deep.then(|| frames.iter().filter(|frame| frame.contains("::descend")).count())
        });
        stacks.find_map(|calls| calls).unwrap_or(0)
    }

    #[test]
    fn tables_and_auto_see_whole_stacks_without_frame_pointers() {
        for value in ["auto", "tables"] {
            let ended = run(value);
            assert_no_complaint(&ended);
            let report = ended.report();
            assert_eq!(report.json["x_settings"]["unwind"], value);
            assert_nothing_lost(&report);
            assert_eq!(calls(&report), 41, "{value}");
        }
    }

    #[test]
    fn frame_pointers_alone_keep_exact_totals() {
        let ended = run("fp");
        let report = ended.report();
        assert_eq!(report.json["x_settings"]["unwind"], "fp");
        assert_only_lost(&report, &["broken_stacks"]);
        let sum = |report: &Report| {
            ["tb", "tbk", "gb", "gbk", "eb", "ebk"].map(|key| report.sum().get(key))
        };
        assert_eq!(sum(&report), sum(&run("auto").report()));
    }

    #[test]
    fn another_word_means_auto() {
        let ended = run("bogus");
        assert_eq!(complaints(&ended), ["invalid MOD_ALLOC_UNWIND=bogus; using auto"]);
        assert_eq!(ended.report().json["x_settings"]["unwind"], "auto");
    }
}

mod peak {
    use super::*;

    #[test]
    fn the_report_says_whether_peaks_are_exact() {
        for (program, value, said) in [
            ("three-blocks", "bounded", "exact"),
            ("three-blocks", "exact", "exact"),
            ("two-threads", "bounded", "bounded"),
            ("two-threads", "exact", "exact"),
        ] {
            let run = format!("{program} {value}");
            let launch = Launch::new(&run, programs(), &[program]).env("MOD_ALLOC_PEAK", value);
            let ended = launch.run().with_status(0);
            assert_no_complaint(&ended);
            assert_eq!(ended.report().json["x_settings"]["peak"], said, "{run}");
        }
    }

    #[test]
    fn another_word_means_bounded() {
        let ended = run_with("MOD_ALLOC_PEAK", "sharp", &["two-threads"]);
        assert_eq!(complaints(&ended), ["invalid MOD_ALLOC_PEAK=sharp; using bounded"]);
        assert_eq!(ended.report().json["x_settings"]["peak"], "bounded");
    }
}

mod lifetimes {
    use super::*;

    #[test]
    fn another_word_means_off() {
        let ended = run_with("MOD_ALLOC_LIFETIMES", "yes", &["three-blocks", "0"]);
        assert_eq!(complaints(&ended), ["invalid MOD_ALLOC_LIFETIMES=yes; using off"]);
        for value in ["on", "off"] {
            assert_no_complaint(&run_with("MOD_ALLOC_LIFETIMES", value, &["three-blocks", "0"]));
        }
    }
}

mod empty {
    use super::*;

    #[test]
    fn an_empty_value_is_none() {
        let names = [
            "MOD_ALLOC",
            "MOD_ALLOC_BUCKETS",
            "MOD_ALLOC_FRAMES",
            "MOD_ALLOC_UNWIND",
            "MOD_ALLOC_PEAK",
            "MOD_ALLOC_TIMELINE",
            "MOD_ALLOC_LIFETIMES",
            "MOD_ALLOC_RECORD",
            "MOD_ALLOC_REPORT_ON",
            "MOD_ALLOC_SIGNAL",
            "MOD_ALLOC_SELF_CHECK",
        ];
        for name in names {
            let ended = run_with(name, "", &["three-blocks", "0"]).with_status(0);
            assert_eq!(complaints(&ended), [""; 0], "{name}");
            assert_nothing_lost(&ended.report());
        }
    }
}
