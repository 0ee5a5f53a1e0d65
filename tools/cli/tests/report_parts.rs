//! Parts of a report and its other forms: `--tree`, `--filter`, `--focus`, `--threads`.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::process::Output;

use run_support::{Scratch, ours, status, text};
use serde_json::Value;

/// Three stacks of `main`: two through `parse`, one of `draw`.
const REPORT: &str = r#"{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","bklt":true,
"bkacc":false,"tu":"µs","Mtu":"s","tuth":10,"cmd":"app","pid":1,"te":100,"tg":50,"x_threads":[
{"id":7,"name":"app","running":true,"total_bytes":4000,"total_blocks":4,"freed_bytes":0,"freed_blocks":0},
{"id":8,"name":"worker","running":false,"total_bytes":6000,"total_blocks":6,"freed_bytes":500,
"freed_blocks":1}],"pps":[
{"tb":6000,"tbk":6,"tl":6000,"mb":1,"mbk":1,"gb":6000,"gbk":6,"eb":600,"ebk":1,"fs":[1,3]},
{"tb":3000,"tbk":3,"tl":3000,"mb":1,"mbk":1,"gb":3000,"gbk":3,"eb":0,"ebk":0,"fs":[1,4,3]},
{"tb":1000,"tbk":1,"tl":1000,"mb":1,"mbk":1,"gb":1000,"gbk":1,"eb":0,"ebk":0,"fs":[2,3]}],
"ftbl":["[root]","0x1: app::parse (src/parse.rs:10:1)","0x2: app::draw (src/draw.rs:1:1)",
"0x3: app::main (src/main.rs:3:1)","0x4: app::retry (src/main.rs:9:1)"]}"#;

fn scratch() -> Scratch {
    let scratch = Scratch::new("report-parts");
    fs::write(scratch.join("r.json"), REPORT).unwrap();
    scratch
}

fn report(scratch: &Scratch, options: &[&str]) -> Output {
    scratch.run(&[&["report", "r.json"], options].concat())
}

fn shown(scratch: &Scratch, options: &[&str]) -> String {
    let output = report(scratch, options);
    assert_eq!((status(&output), ours(&output)), (0, String::new()), "{options:?}");
    text(&output.stdout)
}

fn json(scratch: &Scratch, options: &[&str]) -> Value {
    serde_json::from_str(&shown(scratch, &[options, &["--format", "json"]].concat())).unwrap()
}

/// A refusal with a status: its words.
fn refused(scratch: &Scratch, options: &[&str], expected: i32) -> String {
    let output = report(scratch, options);
    assert_eq!((status(&output), text(&output.stdout)), (expected, String::new()), "{options:?}");
    ours(&output)
}

#[test]
fn a_tree_has_shares_places_and_what_it_folds() {
    let scratch = scratch();
    let tree = shown(&scratch, &["--tree", "--min-share", "20%"]);
    let expected = "
Call tree: bytes allocated
   share      bytes  blocks
 100.0 %   9.77 KiB      10  app::main  src/main.rs:3
  60.0 %   5.86 KiB       6  ├─ app::parse  src/parse.rs:10
  30.0 %   2.93 KiB       3  ├─ app::retry  src/main.rs:9
  30.0 %   2.93 KiB       3  │  app::parse  src/parse.rs:10
  10.0 %   1000 B         1  └─ … 1 more
  1 function below 20 % each; --min-share 0% shows all.
"
    .replace("  1000 B  ", "    1000 B");
    assert!(tree.contains(&expected), "{tree}");
    let inverted = shown(&scratch, &["--tree", "--inverted", "--sort", "blocks"]);
    assert!(inverted.contains("Inverted call tree: blocks allocated\n"), "{inverted}");
    assert!(inverted.contains("\n  90.0 %   8.79 KiB       9  app::parse"), "{inverted}");
}

#[test]
fn a_tree_in_json_is_nested_objects() {
    let scratch = scratch();
    let all = json(&scratch, &["--tree", "--min-share", "20%"]);
    let tree = &all["tree"];
    assert_eq!((&tree["sort"], &tree["min_share"]), (&"total".into(), &0.2.into()));
    let main = &tree["children"][0];
    assert_eq!((&main["frame"]["function"], &main["share"]), (&"app::main".into(), &1.0.into()));
    assert_eq!((&main["total_bytes"], &main["stacks"]), (&10_000.into(), &3.into()));
    assert_eq!(main["own"]["total_bytes"], 0);
    let parse = &main["children"][0];
    assert_eq!((&parse["frame"]["line"], &parse["own"]["end_bytes"]), (&10.into(), &600.into()));
    assert_eq!(main["more"]["count"], 1);
    assert_eq!(main["more"]["total_bytes"], 1000);
    assert!(tree["more"].is_null() && all["sites"].as_object().unwrap().is_empty());
    assert!(json(&scratch, &[])["tree"].is_null());
}

#[test]
fn a_filter_is_said_everywhere() {
    let scratch = scratch();
    let parse = shown(&scratch, &["--filter", "RETRY"]);
    for part in [
        "\nonly the stacks with \"RETRY\" in a frame: 1 of 3, 30.0 % of the total\n",
        "  total     2.93 KiB              3  30.0 % of 9.77 KiB\n",
        "\nMost bytes allocated  1 of 3 stacks\n",
        "\nStill live at the end  1 of 3 stacks\n  none\n",
    ] {
        assert!(parse.contains(part), "{part} is not in\n{parse}");
    }
    let mut narrow = scratch.command(&["report", "r.json", "--filter", "retry"]);
    let narrow = text(&narrow.env("COLUMNS", "60").output().unwrap().stdout);
    assert!(narrow.contains(" on average\n  1 of 3 stacks\n"), "{narrow}");
    let mut told = narrow.lines().filter(|line| line.contains(" of 3"));
    assert!(told.all(|line| line.chars().count() <= 60), "{narrow}");
    let json = json(&scratch, &["--filter", "retry", "--stacks"]);
    let selection = &json["selection"];
    assert_eq!((&selection["filter"], &selection["focus"]), (&"retry".into(), &Value::Null));
    assert_eq!((&selection["stacks"], &selection["of_stacks"]), (&1.into(), &3.into()));
    assert_eq!(selection["of_totals"]["total_bytes"], 10_000);
    assert_eq!(json["totals"]["total_bytes"], 3000);
    assert_eq!(json["sites"]["total"][0]["frames"].as_array().unwrap().len(), 3);
    let tree = shown(&scratch, &["--tree", "--filter", "retry"]);
    assert!(tree.contains("Call tree: bytes allocated  1 of 3 stacks\n"), "{tree}");
    let none = refused(&scratch, &["--filter", "nowhere"], 1);
    assert!(none.contains("r.json: none of 3 stacks has \"nowhere\" in a frame"), "{none}");
}

#[test]
fn a_focus_is_the_root() {
    let scratch = scratch();
    let tree = shown(&scratch, &["--focus", "retry", "--tree"]);
    assert!(tree.contains("\n 100.0 %   2.93 KiB       3  app::retry  src/main.rs:9\n"), "{tree}");
    assert!(!tree.contains("app::main"), "{tree}");
    let stacks = shown(&scratch, &["--focus", "app::parse", "--stacks", "--sort", "total"]);
    assert!(stacks.contains("\n #1   100.0 %   8.79 KiB  in 9 blocks"), "{stacks}");
    let none = refused(&scratch, &["--focus", "pars"], 1);
    assert!(none.contains("there are app::parse"), "{none}");
}

#[test]
fn pages_and_exports_are_of_the_selection() {
    let scratch = scratch();
    let output = report(&scratch, &["--html", "--filter", "retry", "-o", "p.html"]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let words = "only the stacks with \"retry\" in a frame: 1 of 3, 30.0 % of the total";
    assert!(ours(&output).contains(words), "{}", ours(&output));
    let page = fs::read_to_string(scratch.join("p.html")).unwrap();
    assert!(page.contains("only the stacks with"), "the page says it, too");
    let collapsed = ["--to", "collapsed", "--metric", "total", "--focus", "retry"];
    let output = scratch.run(&[&["export", "r.json"], &collapsed[..]].concat());
    assert_eq!(text(&output.stdout), "app::retry;app::parse 3000\n", "{}", ours(&output));
    let dhat = scratch.run(&["export", "r.json", "--to", "dhat", "--focus", "parse"]);
    let dhat: Value = serde_json::from_slice(&dhat.stdout).unwrap();
    assert_eq!(dhat["pps"].as_array().unwrap().len(), 1, "the viewer refuses two equal stacks");
    assert_eq!((&dhat["pps"][0]["tb"], &dhat["pps"][0]["x_merged"]), (&9000.into(), &2.into()));
}

#[test]
fn threads_are_a_table() {
    let scratch = scratch();
    let threads = shown(&scratch, &["--threads"]);
    let expected = "
Threads
   share    bytes blocks    freed blocks  thread
  60.0 % 5.86 KiB      6    500 B      1  worker (8)
  40.0 % 3.91 KiB      4      0 B      0  app (7, running)
";
    assert!(threads.contains(expected), "{threads}");
    assert!(shown(&scratch, &["--threads", "--top", "1"]).contains("\n       1 more\n"));
    let list = &json(&scratch, &[])["thread_list"];
    assert_eq!((&list[1]["name"], &list[1]["freed_bytes"]), (&"worker".into(), &500.into()));
    fs::write(scratch.join("r.json"), REPORT.replace("x_threads", "x_")).unwrap();
    assert!(shown(&scratch, &["--threads"]).contains("Nothing is known of threads"));
}

#[test]
fn options_that_do_not_belong_together_are_refused() {
    let scratch = scratch();
    for options in [
        &["--inverted"][..],
        &["--min-share", "2%"],
        &["--tree", "--min-share", "2"],
        &["--tree", "--top", "3"],
        &["--tree", "--threads"],
        &["--threads", "--sort", "end"],
        &["--threads", "--filter", "x"],
        &["--tree", "--html"],
        &["--filter", ""],
        &["--focus", ""],
    ] {
        let told = refused(&scratch, options, 2);
        assert!(told.contains("mod-alloc: error:"), "{told}");
    }
}
