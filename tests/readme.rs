//! The README: its program compiles without a warning and runs, the output that it shows is the output, and
//! links lead somewhere.

mod pages;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use pages::sample::{Numbers, assert_is};
use pages::{package, text};

const README: &str = include_str!("../README.md");

/// The pages for people, by their paths.
const PAGES: [&str; 5] =
    ["README.md", "CHANGELOG.md", "benches/README.md", "fixtures/README.md", "tools/README.md"];

/// The README's samples of output, each compared by a test of this file.
const SAMPLES: [&str; 3] = ["words exit", "words report", "words diff"];

/// The share that compilers and machines may add to the program's own numbers.
const SHARE: f64 = 0.02;
/// glibc's figures, and the kernel's.
const HEAP_SHARE: f64 = 0.5;

/// The README's program has run, and its report was read.
struct Words {
    exit: String,
    report: String,
    /// The comparison with a run of the program as the README changes it.
    diff: String,
}

fn words() -> &'static Words {
    static RAN: OnceLock<Words> = OnceLock::new();
    RAN.get_or_init(|| {
        let source = text::block(README, "words");
        let program = package::build("words", &package::on_this_crate("[]"), source);
        // Paths of its sources are shown from there.
        let folder = package::scratch("words");
        let ran = package::run(&program, &[], &folder);
        assert!(ran.status.success(), "{ran:?}");
        let report = ["report", "--sort", "blocks", "--top", "2", "dhat-heap.json"];
        let read = package::run(&package::command_line(), &report, &folder);
        assert!(read.status.success(), "{read:?}");
        let changed = package::build("words", &package::on_this_crate("[]"), &borrowing(source));
        let after = folder.join("after");
        fs::create_dir_all(&after).expect("the folder can be written to");
        let again = package::run(&changed, &[], &after);
        assert!(again.status.success(), "{again:?}");
        let diff = ["diff", "dhat-heap.json", "after/dhat-heap.json"];
        let diff = package::run(&package::command_line(), &diff, &folder);
        assert!(diff.status.success(), "{diff:?}");
        let [exit, report, diff] =
            [&ran.stderr, &read.stdout, &diff.stdout].map(|text| package::text(text));
        Words { exit, report, diff }
    })
}

/// The program, changed as the README says.
fn borrowing(source: &str) -> String {
    let changes =
        [("-> BTreeMap<String, u32>", "-> BTreeMap<&str, u32>"), ("word.clone()", "word.as_str()")];
    changes.into_iter().fold(source.to_owned(), |source, (from, to)| {
        assert!(source.contains(from), "{from}");
        source.replace(from, to)
    })
}

/// The lines of a report that say what the allocator held, and the report without them. The state that
/// was taken near the peak may be from before it: that depends on the time.
fn heap_lines(report: &str) -> (String, String) {
    let report = report.replace("heap before peak:", "heap at peak:");
    let (before, rest) = report.split_once("  heap ").expect("the report has the lines");
    let (lines, after) = rest.split_once("\n\n").expect("and an empty line after them");
    (format!("  heap {lines}\n"), format!("{before}\n{after}"))
}

/// The path is that of the running test's program.
fn without_path(report: &str) -> &str {
    report.split_once('\n').expect("the first line is the command").1
}

#[test]
fn the_program_says_at_exit_what_is_shown() {
    assert_is(text::block(README, "words exit"), &words().exit, Numbers::Within(SHARE));
}

#[test]
fn its_report_is_what_is_shown() {
    let [shown, is] = [text::block(README, "words report"), &words().report].map(without_path);
    let [(_, shown), (_, is)] = [shown, is].map(heap_lines);
    assert_is(&shown, &is, Numbers::Within(SHARE));
}

#[test]
fn its_change_is_what_is_shown() {
    let (_, is) = words().diff.split_once("\n\n").expect("the first lines are the commands");
    assert_is(text::block(README, "words diff"), is, Numbers::Within(SHARE));
}

#[test]
fn the_allocator_s_lines_are_what_is_shown() {
    let docs = text::of_docs(include_str!("../src/api/heap_state.rs"));
    let (is, _) = heap_lines(&words().report);
    for shown in [text::block(README, "words report"), text::block(&docs, "heap lines")] {
        // The page's block has those lines alone.
        let (shown, _) = heap_lines(&format!("{shown}\n"));
        assert_is(&shown, &is, Numbers::Within(HEAP_SHARE));
    }
}

#[test]
fn no_sample_is_without_a_test() {
    let samples = text::blocks(README).into_iter().filter(|block| block.language == "text");
    let names: Vec<_> = samples.map(|block| block.name.unwrap_or(block.text)).collect();
    assert_eq!(names, SAMPLES);
}

/// The targets of a page's links to files of this repository.
fn targets(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}

/// As the forge makes it of a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    heading.chars().filter(kept).collect::<String>().replace(' ', "-")
}

fn has_anchor(page: &str, wanted: &str) -> bool {
    page.lines().any(|line| line.starts_with('#') && anchor(line) == wanted)
}

#[test]
fn links_lead_somewhere() {
    for page in PAGES {
        let path = Path::new(package::CRATE).join(page);
        let text = fs::read_to_string(&path).expect("a page of the list");
        for target in targets(&text) {
            let (file, wanted) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            assert!(file.exists(), "{page}: no {target}");
            let is_there = || has_anchor(&fs::read_to_string(&file).unwrap_or_default(), wanted);
            assert!(wanted.is_empty() || is_there(), "{page}: no heading {target}");
        }
    }
}

/// The README is the first page that a newcomer reads to its end.
#[test]
fn it_is_short() {
    assert!(README.lines().count() <= 220, "{} lines", README.lines().count());
}

#[test]
fn anchors_are_those_of_headings() {
    assert!(has_anchor("# A\n## What it costs, per `block`\n", "what-it-costs-per-block"));
    assert_eq!(targets("[a](b.md#c) and [d](https://e)").collect::<Vec<_>>(), ["b.md#c"]);
}
