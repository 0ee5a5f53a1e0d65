//! Programs written for dhat-rs, of which it is known exactly what dhat-rs would say.

#[expect(dead_code, reason = "other tests run other programs")]
mod heap_support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use heap_support::dhat_json::Report;
use heap_support::{Ended, Launch, Sites, dhat_programs, numbers_in, programs};
use serde_json::{Value, json};

fn launch(run: &str, arguments: &[&str]) -> Launch {
    Launch::new(run, dhat_programs(), arguments)
}

/// Runs a program whose assertions all hold.
fn run(arguments: &[&str]) -> Ended {
    launch(&arguments.join("-").replace('/', ""), arguments).run().with_status(0)
}

/// The files that a program has left.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the program's folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.retain(|name| name != "stdout" && name != "stderr");
    names.sort();
    names
}

mod periods {
    use super::*;

    /// The periods in which a heap profiler writes a report.
    const REPORTED: [usize; 4] = [2, 5, 6, 9];

    /// Each report is what the program's model says, site by site.
    fn assert_reports(ended: &Ended) {
        let mut said = ended.stderr.split("dhat: Total:").skip(1);
        for period in REPORTED {
            let report = ended.report_at(&format!("{period}.json"));
            assert_eq!(report.json["x_settings"]["peak"], "exact");
            let sites = Sites::of(&report);
            for index in 0..=50 {
                let name = match index {
                    50 => "site_resizing".to_owned(),
                    _ => format!("site_{index:02}"),
                };
                let expected = numbers_in(&ended.stdout, &format!("{period}-{index}"));
                let found = sites.sum(&name, ["tb", "tbk", "gb", "gbk", "eb", "ebk"]);
                assert_eq!(&found[..], expected, "{name} in period {period}");
            }
            let sum = report.sum();
            // The ad hoc profilers have a line like it, and nothing behind it.
            let lines = said.find(|lines| lines.contains("bytes in")).expect("said in order");
            let numbers = lines.replace(',', "").replace("dhat:", "");
            let numbers: Vec<u64> =
                numbers.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            let keys = ["tb", "tbk", "gb", "gbk", "eb", "ebk"];
            assert_eq!(numbers, keys.map(|key| sum.get(key)), "{lines}");
        }
    }

    #[test]
    fn each_profiler_knows_exactly_what_happened_in_its_time() {
        for seed in ["1", "2", "3"] {
            let ended = run(&["profilers", seed]);
            assert_reports(&ended);
            let expected = ["2.json", "5.json", "6.json", "9.json", "ad-hoc.json"];
            assert_eq!(files(&ended.folder), expected);
        }
    }

    #[test]
    fn so_it_does_with_the_ordinary_allocator() {
        let launch = Launch::new("ordinary", programs(), &["profilers", "4"]);
        let ended = launch.run().with_status(0);
        assert_reports(&ended);
        // No report at exit: the program has had its own.
        assert!(!files(&ended.folder).contains(&"dhat-heap.json".to_owned()));
        assert!(!ended.stderr.contains("mod-alloc"), "{}", ended.stderr);
    }

    #[test]
    #[cfg_attr(mod_alloc_portable, ignore = "its table grows")]
    fn in_a_table_that_is_full_the_sums_are_right() {
        // Room for the sites of the first four profilers, and not for all of the fifth's.
        let launch = launch("full", &["profilers", "5"]).env("MOD_ALLOC_BUCKETS", "256");
        let ended = launch.run().with_status(0);
        assert!(ended.stderr.contains("mod-alloc: Lost: "), "{}", ended.stderr);
        for period in REPORTED {
            let report = ended.report_at(&format!("{period}.json"));
            let rows = (0..=50).map(|site| numbers_in(&ended.stdout, &format!("{period}-{site}")));
            let expected = rows.fold(vec![0; 6], |sum, row| {
                sum.iter().zip(row).map(|(sum, number)| sum + number).collect()
            });
            let sum = report.sum();
            let found = ["tb", "tbk", "gb", "gbk", "eb", "ebk"].map(|key| sum.get(key));
            assert_eq!(&found[..], expected, "period {period}");
        }
    }
}

mod asserting {
    use super::*;

    #[test]
    fn what_holds_is_not_counted_and_evaluated_once() {
        let ended = run(&["asserts-that-hold"]);
        assert_eq!(ended.stderr, "");
        assert!(files(&ended.folder).is_empty());
    }

    #[test]
    fn what_fails_writes_the_report_and_says_why() {
        let ended = run(&["asserts-that-fail"]);
        let saved = "dhat: The data has been saved to dhat-heap.json, and is viewable with dhat/dh_view.html";
        assert_eq!(ended.stderr.lines().filter(|line| *line == saved).count(), 6);
        let report = ended.report();
        let [tb, tbk, eb] = ["tb", "tbk", "eb"].map(|key| report.sum().get(key));
        assert_eq!([tb, tbk, eb], [100, 1, 100]);
    }

    #[test]
    fn misuse_is_said_in_dhats_words() {
        run(&["misuse"]);
    }
}

mod reports {
    use super::*;

    #[test]
    fn the_heaps_is_dhats_file_and_dhats_words() {
        let ended = run(&["three-blocks"]);
        let expected = "\
dhat: Total:     3,600 bytes in 4 blocks
dhat: At t-gmax: 3,500 bytes in 3 blocks
dhat: At t-end:  1,600 bytes in 3 blocks
dhat: The data has been saved to dhat-heap.json, and is viewable with dhat/dh_view.html
";
        assert_eq!(ended.stderr, expected);
        assert_eq!(files(&ended.folder), ["dhat-heap.json"]);
        let report = ended.report();
        for (key, value) in [
            ("dhatFileVersion", json!(2)),
            ("mode", json!("rust-heap")),
            ("verb", json!("Allocated")),
            ("bklt", json!(true)),
            ("bkacc", json!(false)),
            ("bu", Value::Null),
            ("tu", json!("µs")),
            ("Mtu", json!("s")),
            ("tuth", json!(10)),
            ("pid", json!(ended.id)),
        ] {
            assert_eq!(report.json[key], value, "{key}");
        }
        let site = report.frames.iter().find(|frame| frame.contains("::three_blocks "));
        let site = site.expect("the site's frame");
        // Three components of the path, line and column; nothing of the allocator's but the function
        // that dhat-rs begins with.
        assert!(site.contains(" (programs/dhat/reporting.rs:"), "{site}");
        assert_eq!(site.matches(':').count(), 7, "{site}");
        assert!(!report.frames.iter().any(|frame| frame.contains("mod_alloc")), "{report:?}");
        let first = report.points[0].stack[0];
        assert!(report.frames[first].contains(": alloc::alloc::alloc ("), "{report:?}");
        // No frame that no stack has.
        let used: std::collections::BTreeSet<_> =
            report.points.iter().flat_map(|point| &point.stack).collect();
        assert_eq!(used.len() + 1, report.frames.len());
    }

    #[test]
    fn the_file_can_be_another_and_a_failure_is_said() {
        let ended = run(&["three-blocks", "other.json"]);
        assert_eq!(files(&ended.folder), ["other.json"]);
        assert!(ended.stderr.contains("saved to other.json, and"), "{}", ended.stderr);
        let ended = run(&["three-blocks", "/nonexistent/x.json"]);
        assert!(files(&ended.folder).is_empty());
        let line = ended.stderr.lines().last().expect("a fourth line");
        assert_eq!(
            line,
            "dhat: error: Writing to /nonexistent/x.json failed: No such file or directory (os error 2)"
        );
    }

    #[test]
    fn events_are_counted_by_their_stacks() {
        let ended = run(&["ad-hoc"]);
        let expected = "\
dhat: Total:     1,279 units in 12 events
dhat: The data has been saved to dhat-ad-hoc.json, and is viewable with dhat/dh_view.html
";
        assert_eq!(ended.stderr, expected);
        let text = fs::read_to_string(ended.folder.join("dhat-ad-hoc.json")).expect("a report");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(json["mode"], "rust-ad-hoc");
        assert_eq!([&json["bu"], &json["bsu"], &json["bksu"]], ["unit", "units", "events"]);
        for key in ["tg", "tuth"] {
            assert_eq!(json[key], Value::Null, "{key}");
        }
        let frames = json["ftbl"].as_array().expect("frames");
        let mut points = BTreeMap::new();
        for point in json["pps"].as_array().expect("points") {
            let keys: Vec<_> = point.as_object().expect("a point").keys().collect();
            assert_eq!(keys, ["fs", "tb", "tbk"], "no lifetimes, no maxima");
            let frame = |at: usize| {
                let index = point["fs"][at].as_u64().expect("an index");
                frames[index as usize].as_str().expect("a frame").to_owned()
            };
            assert!(frame(0).contains(": dhat::ad_hoc_event ("), "{}", frame(0));
            let caller = frame(1);
            let caller = caller.rsplit("::").next().and_then(|rest| rest.split(' ').next());
            let numbers = (point["tb"].as_u64(), point["tbk"].as_u64());
            let sum = points.entry(caller.expect("a name").to_owned()).or_insert(vec![]);
            sum.push(numbers);
            sum.sort_unstable();
        }
        let once = vec![(Some(234), Some(1)), (Some(1_000), Some(1))];
        let expected = BTreeMap::from([
            ("site_often".to_owned(), vec![(Some(45), Some(10))]),
            ("site_once".to_owned(), once),
        ]);
        assert_eq!(points, expected);
    }

    /// How many addresses the stack of `site_deep` has: functions inlined into others share theirs.
    fn deepest(report: &Report) -> usize {
        let count = |point| {
            let stack = report.stack(point).filter(|frame| frame.starts_with("0x"));
            let mut addresses: Vec<_> = stack.map(|frame| frame.split(':').next()).collect();
            addresses.dedup();
            addresses.len()
        };
        report.points.iter().map(count).max().unwrap_or(0)
    }

    #[test]
    fn stacks_have_ten_frames_or_as_many_as_asked_for() {
        let depth = |more: &[&str]| {
            let arguments = [&["depth", "40"], more].concat();
            let report = run(&arguments).report();
            assert_eq!(report.sum().get("tb"), 100);
            // Only where the recording had no more is something missing.
            let truncated = report.frames.iter().any(|frame| frame.contains("stack truncated"));
            assert_eq!(truncated, more.first().is_some_and(|more| ["all", "none"].contains(more)));
            deepest(&report)
        };
        // One or two of them are the allocator's, which are not shown.
        assert!((8..=10).contains(&depth(&[])));
        assert!((18..=20).contains(&depth(&["20"])));
        // Less than four are four.
        assert!((2..=4).contains(&depth(&["1"])));
        assert!((62..=64).contains(&depth(&["all"])));
        assert!((64..=65).contains(&depth(&["none"])));
    }

    #[test]
    fn all_frames_are_shown_if_asked_for() {
        let ended = run(&["depth", "5", "none"]);
        let report = ended.report();
        let has = |name: &str| report.frames.iter().any(|frame| frame.contains(name));
        assert!(has("std::rt::lang_start") && has("main"));
        let trimmed = run(&["depth", "5", "all"]).report();
        let has = |name: &str| trimmed.frames.iter().any(|frame| frame.contains(name));
        assert!(!has("lang_start") && has("::descend ") && has("dhat_programs::main"));
    }

    #[test]
    fn stacks_that_became_equal_are_one() {
        let report = run(&["merged"]).report();
        let [point] = &report.points[..] else { panic!("one point: {:?}", report.points) };
        assert_eq!((point.counters.get("tb"), point.counters.get("tbk")), (300, 3));
        assert_eq!(report.json["pps"][0]["x_merged"], 3);
    }

    #[test]
    fn who_makes_no_profiler_has_no_report() {
        for program in ["no-profiler", "forgotten"] {
            let ended = launch(program, &[program]).env("MOD_ALLOC_OUT", "x.json").run();
            assert_eq!((ended.status.code(), &*ended.stderr), (Some(0), ""));
            assert!(files(&ended.folder).is_empty());
        }
    }

    #[test]
    fn switched_off_it_reports_nothing_in_the_same_words() {
        let ended = launch("off", &["three-blocks"]).env("MOD_ALLOC", "off").run().with_status(0);
        assert_eq!(ended.stderr.matches("0 bytes in 0 blocks").count(), 3, "{}", ended.stderr);
        assert!(ended.report_at("dhat-heap.json").points.is_empty());
    }
}
