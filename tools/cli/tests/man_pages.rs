//! `mod-alloc man`: the pages as a reader of them shows them.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::process::Command;

use run_support::{Scratch, ours, status, text};

/// The words of a page, narrower than the longest example.
fn shown(scratch: &Scratch, page: &str) -> String {
    let mut mandoc = Command::new("mandoc");
    mandoc.args(["-T", "utf8", "-O", "width=60", page]).current_dir(scratch.path());
    let output = mandoc.output().expect("mandoc can be started (tools/check/setup installs it)");
    // Bold and underlined letters are overprinted.
    let mut plain = String::new();
    for character in text(&output.stdout).chars() {
        match character {
            '\u{8}' => _ = plain.pop(),
            _ => plain.push(character),
        }
    }
    plain
}

#[test]
fn every_command_has_a_page_with_its_examples_as_they_are() {
    let scratch = Scratch::new("man");
    assert_eq!(status(&scratch.run(&["man", "pages/man1"])), 0);
    let mut pages: Vec<_> = fs::read_dir(scratch.join("pages/man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let commands = "run recover report export diff merge top test nextest completions man";
    for begin in ["mod-alloc", "cargo-mod-alloc"] {
        assert!(pages.contains(&format!("{begin}.1")), "{pages:?}");
        for command in commands.split(' ') {
            assert!(pages.contains(&format!("{begin}-{command}.1")), "{command}: {pages:?}");
        }
    }
    assert!(!pages.iter().any(|page| page.contains("__")), "{pages:?}");
    let cargo = env!("CARGO_BIN_EXE_cargo-mod-alloc");
    for page in &pages {
        let source = fs::read_to_string(scratch.join("pages/man1").join(page)).unwrap();
        assert!(source.is_ascii(), "{page}");
        let shown = shown(&scratch, &format!("pages/man1/{page}"));
        let words = page.trim_end_matches(".1").replacen("cargo-mod-alloc", "cargo mod-alloc", 1);
        let words = words.replacen("mod-alloc-", "mod-alloc ", 1);
        assert!(shown.contains(&format!("{words} ")), "the synopsis of {page}: {shown}");
        let mut help = match words.strip_prefix("cargo mod-alloc") {
            Some(rest) => {
                let mut command = Command::new(cargo);
                command.arg("mod-alloc").args(rest.split_whitespace());
                command
            }
            None => scratch.command(&words.split(' ').skip(1).collect::<Vec<_>>()),
        };
        let help =
            help.arg("--help").env("COLUMNS", "200").env("LC_ALL", "C.UTF-8").output().unwrap();
        let help = text(&help.stdout);
        let Some((_, examples)) = help.split_once("\nExamples:\n") else { continue };
        let examples: Vec<_> = examples.lines().take_while(|line| !line.is_empty()).collect();
        assert!(examples.len() > 1, "{page}: {help}");
        let as_they_are =
            examples.iter().map(|line| format!("       {line}\n")).collect::<String>();
        assert!(shown.contains(&as_they_are), "{page}: {as_they_are} in {shown}");
        assert!(shown.contains("\nEXAMPLES\n"), "{page}: {shown}");
    }
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    let scratch = Scratch::new("man");
    fs::write(scratch.join("file"), "").unwrap();
    let output = scratch.run(&["man", "file/x"]);
    assert_eq!(status(&output), 1);
    assert!(ours(&output).contains("cannot be written to file/x"), "{}", ours(&output));
}
