//! Debug files by `debuginfod-find`. A program of ours stands in for it: no test asks a server.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use run_support::{Scratch, json, ours, status, sum_of};

fn must(program: &str, words: &[&str], folder: &Path) {
    let status = Command::new(program).args(words).current_dir(folder).status();
    assert!(status.unwrap().success(), "{program} {words:?}");
}

/// A stripped program, its debug file in the folder `server`, and the file `twin` of another build.
fn stripped() -> Scratch {
    let scratch = Scratch::new("debuginfod");
    scratch.compile("work", &["-Wl,--build-id=0x0a0b0c0e"]);
    fs::rename(scratch.join("work"), scratch.join("twin")).unwrap();
    scratch.compile("work", &["-Wl,--build-id=0x0a0b0c0d"]);
    fs::create_dir(scratch.join("server")).unwrap();
    must("objcopy", &["--only-keep-debug", "work", "server/debuginfo-0a0b0c0d"], scratch.path());
    must("strip", &["-s", "work"], scratch.path());
    scratch
}

impl Scratch {
    /// `words`, with `debuginfod-find` a shell script.
    fn asking(&self, script: &str, words: &[&str]) -> Output {
        let folder = self.join("bin");
        let program = self.join("script");
        fs::create_dir_all(&folder).unwrap();
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        // Written by another process: a child of a test beside this one may hold our file open.
        must("cp", &["script", "bin/debuginfod-find"], self.path());
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = self.command(words);
        command.env("PATH", path).env("DEBUGINFOD_URLS", "http://localhost:1").output().unwrap()
    }

    fn blocks_of_main(&self) -> u64 {
        sum_of(&json(&self.join("r.json")), "main", "tbk")
    }
}

const FINDS: &str = "echo $1 $2 >> asked
[ -e server/$1-$2 ] && exec echo $PWD/server/$1-$2
echo 'Server query failed: No such file or directory' >&2
exit 1";

#[test]
fn names_come_from_a_debug_file_that_is_fetched() {
    let scratch = stripped();
    let run = ["run", "-o", "r.json", "--record", "kept", "./work"];
    let plain = scratch.asking(FINDS, &run);
    assert_eq!((status(&plain), scratch.blocks_of_main()), (0, 0), "{}", ours(&plain));
    assert!(!scratch.join("asked").exists(), "nobody allowed it");

    let recovered = scratch.asking(FINDS, &["recover", "kept", "--debuginfod", "-o", "r.json"]);
    assert_eq!(status(&recovered), 0, "{}", ours(&recovered));
    let blocks = scratch.blocks_of_main();
    assert!(blocks > 0, "{}", ours(&recovered));
    let asked = fs::read_to_string(scratch.join("asked")).unwrap();
    let programs = asked.lines().filter(|line| *line == "debuginfo 0a0b0c0d");
    assert_eq!(programs.count(), 1, "{asked}");

    let words = [&run[..1], &["--debuginfod"], &run[1..3], &run[5..]].concat();
    let run = scratch.asking(FINDS, &words);
    assert_eq!((status(&run), scratch.blocks_of_main()), (0, blocks), "{}", ours(&run));
    assert!(!ours(&run).contains("debuginfod"), "{}", ours(&run));

    let report = scratch.asking(FINDS, &["report", "kept", "--debuginfod", "--stacks"]);
    assert!(String::from_utf8_lossy(&report.stdout).contains("work.c:"), "{report:?}");

    // The debug file of another build is not believed.
    fs::copy(scratch.join("twin"), scratch.join("server/debuginfo-0a0b0c0d")).unwrap();
    scratch.asking(FINDS, &["recover", "kept", "--debuginfod", "-o", "r.json"]);
    assert_eq!(scratch.blocks_of_main(), 0);
}

#[test]
fn a_failure_costs_the_names_and_is_said_once() {
    let scratch = stripped();
    let run = ["run", "--debuginfod", "-o", "r.json", "--record", "kept", "./work"];
    let fails = "echo >> asked; echo 'Server query failed: Connection refused' >&2; exit 1";
    let output = scratch.asking(fails, &run);
    let said = ours(&output);
    assert_eq!(status(&output), 0, "{said}");
    let lines: Vec<_> = said.lines().filter(|line| line.contains(": debuginfod: ")).collect();
    let expected = "mod-alloc: debuginfod: debuginfod-find: Server query failed: Connection refused; \
                    no more debug files are asked for";
    assert_eq!(lines, [expected]);
    assert_eq!(fs::read_to_string(scratch.join("asked")).unwrap(), "\n");

    let mut command = scratch.command(&["report", "kept", "--debuginfod"]);
    let output = command.env_remove("DEBUGINFOD_URLS").output().unwrap();
    assert!(ours(&output).contains("DEBUGINFOD_URLS names no server"), "{}", ours(&output));
    assert_eq!(status(&output), 0);
}
