//! The number of threads in reports: that of the threads that ever were.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use run_support::{Scratch, json, ours, status, text};

/// Each uses the slot of the one before it.
#[test]
fn threads_one_after_another_are_all_counted() {
    let scratch = Scratch::new("in-turn");
    let program = scratch.compile("in_turn", &["-pthread"]);
    let program = program.to_str().expect("text");
    let output = scratch.run(&["run", "--record", "rec", "-o", "r.json", "--", program, "20"]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let slots = json(&scratch.join("r.json"))["x_threads"].as_array().expect("a list").len();
    assert!(slots < 21, "{slots}");
    for file in ["r.json", "rec"] {
        let shown = text(&scratch.run(&["report", file]).stdout);
        assert!(shown.contains(" · 21 threads · "), "{file}: {shown}");
        let facts = scratch.run(&["report", file, "--format", "json"]).stdout;
        let facts: serde_json::Value = serde_json::from_slice(&facts).expect("JSON");
        assert_eq!(facts["threads"], 21, "{file}");
    }
    let again = scratch.run(&["run", "--record", "again", "-o", "s.json", "--", program, "20"]);
    assert_eq!(status(&again), 0, "{}", ours(&again));
    assert_eq!(status(&scratch.run(&["merge", "r.json", "again", "-o", "both.json"])), 0);
    let threads = json(&scratch.join("both.json"))["x_threads"].clone();
    let counts = threads.as_array().expect("a list").iter().map(|thread| &thread["threads"]);
    assert_eq!(counts.filter_map(serde_json::Value::as_u64).sum::<u64>(), 42);
}

/// The library stands before `pthread_create`, which allocates: that is the program's call.
#[test]
fn the_library_s_own_frames_are_in_no_report() {
    let scratch = Scratch::new("own-frames");
    let program = scratch.compile("in_turn", &["-pthread"]);
    let program = program.to_str().expect("text");
    let words = ["run", "--record", "rec", "-o", "r.json", "--", program, "5"];
    assert_eq!(status(&scratch.run(&words)), 0);
    assert_eq!(status(&scratch.run(&["recover", "rec", "-o", "again.json"])), 0);
    for name in ["r.json", "again.json"] {
        let report = json(&scratch.join(name));
        let frames = report["ftbl"].as_array().expect("a list").iter();
        let frames: Vec<_> = frames.filter_map(serde_json::Value::as_str).collect();
        assert!(!frames.iter().any(|frame| frame.contains("mod_alloc")), "{name}: {frames:#?}");
        assert!(frames.iter().any(|frame| frame.contains(": main (")), "{name}: {frames:#?}");
    }
}
