//! `mod-alloc serve` and those that it is for: `go tool pprof`, Prometheus, and the rules of those
//! who collect.

#[path = "../../../tests/support/commands.rs"]
mod commands;
#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod serve_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod top_support;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use commands::{succeed, text};
use export_support::pprof::Profile;
use run_support::Scratch;
use serve_support::Server;
use top_support::Program;

fn pprof(scratch: &Scratch, words: &[&str]) -> String {
    let mut go = Command::new("/usr/bin/go");
    go.args(["tool", "pprof"]).args(words).current_dir(scratch.path());
    // It keeps copies of profiles in the home folder.
    go.env("PPROF_TMPDIR", scratch.path()).env("HOME", scratch.path());
    text(&succeed(&mut go).stdout)
}

/// `Showing nodes accounting for …, 100% of 1234B total`
fn total(output: &str) -> u64 {
    let end = output.find("B total").unwrap_or_else(|| panic!("{output}"));
    output[..end].rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{output}"))
}

#[test]
fn go_tool_pprof_asks_by_url() {
    let scratch = Scratch::new("serve-pprof");
    let mut program = Program::start("consumer_pprof", "no");
    let server = Server::of(&[&program.pid()]);
    let [allocs, heap] = ["allocs", "heap"].map(|name| server.url(&format!("/debug/pprof/{name}")));
    let top = ["-top", "-unit=B", "-nodefraction=0"];
    let before = pprof(&scratch, &[&top[..], &[&allocs]].concat());
    assert!(before.contains("Type: alloc_space"), "{before}");
    assert!(before.contains("File: python3"), "{before}");
    let base = scratch.join("base.pb.gz");
    std::fs::write(&base, server.get("/debug/pprof/heap").body).unwrap();
    program.tell("50000000");
    let grown = total(&pprof(&scratch, &[&top[..], &[&allocs]].concat())) - total(&before);
    assert!(grown.abs_diff(50_000_000) < 200_000, "{grown}");
    let base = format!("-diff_base={}", base.display());
    let difference = pprof(&scratch, &["-raw", &base, "-sample_index=inuse_space", &heap]);
    assert!(difference.contains(" 50000001:") || difference.contains(" 50000001 "), "{difference}");
    let seconds = pprof(&scratch, &["-raw", "-seconds=1", &allocs]);
    assert!(seconds.contains("Duration: 1"), "{seconds}");
    program.end();
}

/// Prints each sample as a line: name, program, cause or group, number.
const PARSED: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        assert family.type != 'unknown' and family.documentation, family
        of = sample.labels.get('cause') or sample.labels.get('group') or '-'
        print(sample.name, sample.labels.get('program', '-'), of, sample.value)
";

#[test]
fn prometheus_reads_the_metrics() {
    let mut program = Program::start("consumer_prometheus", "no");
    program.tell("50000000");
    let server = Server::of(&[&program.pid()]);
    let answer = server.get("/metrics");
    assert!(answer.head.contains("Content-Type: text/plain; version=0.0.4"), "{}", answer.head);
    let mut parser = Command::new("/usr/bin/python3");
    parser.args(["-c", PARSED]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut parser = parser.spawn().unwrap();
    parser.stdin.take().unwrap().write_all(&answer.body).unwrap();
    let mut parsed = String::new();
    parser.stdout.take().unwrap().read_to_string(&mut parsed).unwrap();
    assert!(parser.wait().unwrap().success(), "tools/check/setup installs prometheus_client");
    let value = |name: &str| -> f64 {
        let line = parsed.lines().find(|line| line.starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("no {name}: {parsed}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(value("mod_alloc_up"), 1.0);
    for name in ["live_bytes", "peak_bytes", "allocated_bytes_total", "resident_bytes"] {
        let value = value(&format!("mod_alloc_{name}"));
        let least = if name == "resident_bytes" { 1e6 } else { 5e7 };
        assert!((least..1e9).contains(&value), "{name}: {value}");
    }
    assert!(value("mod_alloc_allocated_bytes_per_second") > 0.0);
    assert!(parsed.contains("mod_alloc_losses_total python3"), "{parsed}");
    assert!(parsed.contains(" table_full 0.0"), "{parsed}");
    program.end();
}

#[test]
fn profiles_keep_within_the_limits_of_pyroscope() {
    let scratch = Scratch::new("serve-limits");
    let program = scratch.compile("many_stacks", &[]);
    let words = ["run", "-o", "r.json", "--serve", "127.0.0.1:0", "--", program.to_str().unwrap()];
    let mut command = scratch.command(&words);
    let mut server = Server::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
    let mut said = server.child.stdout.take().unwrap();
    said.read_exact(&mut [0]).unwrap();
    let answer = server.get("/debug/pprof/allocs");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&*answer.body).read_to_end(&mut plain).unwrap();
    let profile = Profile::decode(&answer.body);
    assert!(plain.len() <= 4 << 20, "{} bytes", plain.len());
    assert!(profile.sample.len() <= 16_000, "{} samples", profile.sample.len());
    assert!(profile.sample.len() > 1_000, "{} samples", profile.sample.len());
    let sum = profile.sum("alloc_objects/count");
    assert!(sum >= 1 << 15, "the others are added up: {sum}");
    let name = |function: &export_support::pprof::Function| profile.text(function.name).to_owned();
    let names: Vec<String> = profile.function.iter().map(name).collect();
    assert!(names.iter().any(|name| name.starts_with("(other")), "{} names", names.len());
    drop(server.child.stdin.take());
    assert!(server.child.wait().unwrap().success());
}
