//! Text for people in any window and in any locale: no line is wider than the window, from 40
//! columns on, and where the locale is not of UTF-8, all is ASCII.

#[expect(dead_code, reason = "each test file uses its part")]
mod pty_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::process::Command;

use pty_support::{Awaited, Terminal};
use run_support::{Scratch, ours, status, text};

/// Two reports of a program whose names are long, and not all ASCII.
fn reports(scratch: &Scratch) {
    let name = "wörds::<impl core::iter::Iterator<Item = alloc::vec::Vec<u8>> for Words>::next";
    for (file, bytes) in [("a.json", 2_048), ("b.json", 1_234_567)] {
        let frames = format!(
            r#"["[root]","0x1: {name} (src/a/long/way/from/here/words.rs:12:3)","0x2: main (src/main.rs:1:1)"]"#
        );
        let report = format!(
            r#"{{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","bklt":true,
            "bkacc":false,"tu":"µs","Mtu":"s","tuth":10,"cmd":"{}","pid":123456,"te":100000,
            "tg":50000,"pps":[{{"tb":{bytes},"tbk":1234567,"tl":100,"mb":1024,"mbk":1,"gb":1024,
            "gbk":1,"eb":0,"ebk":0,"fs":[1,2]}}],"ftbl":{frames},
            "x_version":"1.1.0"}}"#,
            "./app --with many --words in its --command line",
        );
        fs::write(scratch.join(file), report).unwrap();
    }
}

const PRINTED: [&[&str]; 6] = [
    &["report", "a.json"],
    &["report", "--stacks", "a.json"],
    &["report", "--sort", "blocks", "a.json"],
    &["diff", "a.json", "b.json"],
    &["diff", "--stacks", "a.json", "b.json"],
    &["report", "kids.json"],
];

fn prepare(test: &str) -> Scratch {
    let scratch = Scratch::new(test);
    reports(&scratch);
    let words = ["run", "--children", "yes", "--mappings", "-o", "kids.json", "sh", "-c"];
    let output = scratch.run(&[&words[..], &["/bin/true; ls; exit 0"]].concat());
    assert_eq!(status(&output), 0, "{}", ours(&output));
    scratch
}

#[test]
fn no_line_is_wider_than_the_window() {
    let scratch = prepare("narrow");
    for words in PRINTED {
        for columns in [40, 60, 80] {
            let mut command = scratch.command(words);
            command.env("COLUMNS", columns.to_string()).env("LC_ALL", "C.UTF-8");
            let output = command.output().unwrap();
            let text = text(&output.stdout);
            let wide = text.lines().find(|line| line.chars().count() > columns);
            assert_eq!((status(&output), wide), (0, None), "{words:?} in {columns}:\n{text}");
        }
    }
}

/// The window's own width, where `COLUMNS` does not say another.
#[test]
fn a_terminal_s_width_is_asked_for() {
    let scratch = prepare("window");
    let mut terminal = Terminal::open(30, 40);
    let mut command = scratch.command(&["--color", "never", "report", "a.json"]);
    terminal.connect(&mut command);
    let mut child = command.env("LC_ALL", "C.UTF-8").spawn().unwrap();
    terminal.wait_for("--format json");
    drop(command);
    Awaited::new(child.id()).end();
    assert!(child.wait().unwrap().success());
    terminal.read_what_is_there();
    let seen = terminal.text();
    let wide = seen.lines().find(|line| line.trim_end().chars().count() > 40);
    assert_eq!(wide, None, "{seen}");
}

/// A table of `top` in a window has fewer columns, and names in several lines; in a pipe it is whole.
#[test]
fn a_table_of_top_fits_into_its_window() {
    let scratch = Scratch::new("top-window");
    let output = scratch.run(&["run", "--record", "rec", "-o", "x.json", "/bin/ls", "/"]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let words = ["top", "rec", "--once", "--top", "3"];
    let piped = text(&scratch.run(&words).stdout);
    assert!(piped.contains("BYTES/s") && piped.contains("*LIVE"), "{piped}");
    let mut terminal = Terminal::open(50, 40);
    let mut command = scratch.command(&words);
    terminal.connect(&mut command);
    let mut child = command.spawn().unwrap();
    terminal.wait_for("SITE\r\n");
    Awaited::new(child.id()).end();
    assert!(child.wait().unwrap().success());
    terminal.read_what_is_there();
    let seen = terminal.text();
    assert!(seen.contains("*LIVE  SITE"), "{seen}");
    let wide = seen.lines().find(|line| line.trim_end().chars().count() > 40);
    assert_eq!(wide, None, "{seen}");
}

#[test]
fn names_that_are_cut_say_where_they_are_whole() {
    let scratch = prepare("cut");
    let report = |columns: &str| {
        let mut command = scratch.command(&["report", "a.json"]);
        text(&command.env("COLUMNS", columns).env("LC_ALL", "C.UTF-8").output().unwrap().stdout)
    };
    let narrow = report("40");
    assert!(narrow.contains("COLUMNS=160"), "{narrow}");
    assert!(narrow.split_whitespace().collect::<Vec<_>>().join(" ").contains("--format json all"));
    assert!(!report("160").contains("COLUMNS"), "{}", report("160"));
    let json = scratch.run(&["report", "--format", "json", "a.json"]);
    assert!(text(&json.stdout).contains("wörds::<impl core::iter::Iterator<Item"), "it is whole");
}

#[test]
fn a_locale_without_utf_8_has_ascii() {
    let scratch = prepare("ascii");
    let run: &[&str] = &["run", "--format", "text", "-o", "-", "/bin/true"];
    let file: &[&str] = &["run", "--format", "text", "-o", "r.txt", "/bin/ls", "/"];
    let others: [&[&str]; 7] =
        [run, file, &["--help"], &["report", "--help"], &["recover"], &["nothing"], &["top", "x"]];
    let variables: [&[(&str, &str)]; 3] =
        [&[("LC_ALL", "C")], &[("LANG", "C")], &[("LC_CTYPE", "POSIX"), ("LANG", "C.UTF-8")]];
    for words in PRINTED.into_iter().chain(others) {
        for set in variables {
            let mut command = scratch.command(words);
            for name in ["LC_ALL", "LC_CTYPE", "LANG"] {
                command.env_remove(name);
            }
            let output = command.envs(set.iter().copied()).output().unwrap();
            for part in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(part);
                let other = text.lines().find(|line| !line.is_ascii());
                assert_eq!(other, None, "{words:?} with {set:?}");
            }
        }
    }
    assert!(fs::read(scratch.join("r.txt")).unwrap().is_ascii());
    // Data is UTF-8 everywhere.
    let json =
        scratch.command(&["report", "--format", "json", "a.json"]).env("LC_ALL", "C").output();
    assert!(text(&json.unwrap().stdout).contains("wörds"));
}

/// The live view, of this program's own: a shell that waits.
#[test]
fn the_live_view_is_ascii_too() {
    let scratch = Scratch::new("ascii-live");
    let mut waiting =
        scratch.command(&["run", "--record", "rec", "-o", "x.json", "sh", "-c", "read -r x"]);
    let mut waiting = waiting.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let recording = scratch.join("rec");
    while !fs::metadata(&recording).is_ok_and(|facts| facts.len() > 0) {
        std::thread::yield_now();
    }
    let mut terminal = Terminal::open(30, 60);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
    command.arg("top").arg(&recording).current_dir(scratch.path());
    terminal.connect(&mut command);
    let mut child = command.env("LC_ALL", "C").spawn().unwrap();
    terminal.wait_for("quit");
    let first = terminal.text().len();
    terminal.press("?");
    // Letters that were there before are not drawn again: no word of it is sure to be whole.
    terminal.wait_until("the help", |seen| seen.len() > first + 500);
    terminal.press("qq");
    let awaited = Awaited::new(child.id());
    awaited.end();
    assert!(child.wait().unwrap().success());
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    drop(waiting.stdin.take());
    waiting.wait().unwrap();
}
