//! Programs that start themselves, and so have one path for several reports.

use std::io::{Read, Write, stdin, stdout};
use std::process::{Child, Command, Stdio};

use crate::Program;
use crate::rig::{say, sites};

pub(crate) const PROGRAMS: &[Program] = &[
    ("start-itself", start_itself),
    ("until-input-ends", until_input_ends),
    ("snapshots-to", snapshots_to),
];

sites! { site_own site_started }

/// Arguments: `at-once` or `in-turn`.
fn start_itself(arguments: &[&str]) {
    site_own(10_000);
    if arguments[0] == "at-once" {
        let started = [1, 2, 3].map(start);
        for mut child in started {
            end(&mut child);
        }
    } else {
        for number in [1, 2, 3] {
            end(&mut start(number));
        }
    }
}

/// A child that runs: it has said so.
fn start(number: usize) -> Child {
    let itself = std::env::current_exe().expect("the program has a path");
    let mut command = Command::new(itself);
    command.args(["until-input-ends", &(number * 1_000).to_string()]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started again");
    let mut said = [0; 5];
    child.stdout.as_mut().expect("piped").read_exact(&mut said).expect("it says that it runs");
    say(format_args!("child {} {}", child.id(), number * 1_000));
    child
}

fn end(child: &mut Child) {
    drop(child.stdin.take());
    assert!(child.wait().expect("our child").success());
}

/// Arguments: the bytes of its block.
fn until_input_ends(arguments: &[&str]) {
    site_started(arguments[0].parse().expect("a number"));
    stdout().write_all(b"runs\n").expect("standard output is open");
    stdin().read_to_end(&mut Vec::new()).expect("standard input is open");
}

/// Arguments: the path of the report. It is written in the middle, and again at the end.
fn snapshots_to(arguments: &[&str]) {
    site_own(1_000);
    crate::ALLOC.write_dhat_json(arguments[0]).expect("the folder can be written to");
    site_own(2_000);
}
