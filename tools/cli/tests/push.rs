//! `--push`: collectors of each temper, and the program's totals in what they took.

#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
mod otlp_support;
mod push_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod serve_support;
mod top_support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;

use export_support::pprof::Profile;
use push_support::{Answer, Away, Collector, Push, field};
use run_support::{Scratch, json, status, sum, text};
use top_support::Program;

/// A step for each line of its input: a block of so many bytes, or `fork` for a child with one.
const STEPS: &str = "
import os, sys
kept = []
for line in sys.stdin:
    word = line.strip()
    if word == 'fork':
        child = os.fork()
        if not child:
            kept.append(bytearray(300000))
            os._exit(0)
        os.waitpid(child, 0)
    else:
        kept.append(bytearray(int(word)))
    print('done', flush=True)
";

/// `mod-alloc run --push` of a program that does steps.
struct Run {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Run {
    fn start(scratch: &Scratch, options: &[&str]) -> Self {
        let words = ["run", "-o", "r.json", "--push-every", "100ms"];
        let program = ["--", "/usr/bin/python3", "-c", STEPS];
        let mut command = scratch.command(&[&words, options, &program].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn step(&mut self, word: &str) {
        writeln!(self.input, "{word}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
    }

    /// Ends the program; its exit status is its own.
    fn end(self) -> Output {
        drop(self.input);
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(status(&output), 0, "{}", text(&output.stderr));
        output
    }
}

/// Blocks and bytes in pushes to Pyroscope, whose rules are checked.
fn pushed(pushes: &[Push]) -> [u64; 2] {
    let profiles = pushes.iter().map(|push| {
        assert!(push.target.starts_with("/ingest?"), "{}", push.target);
        // The body is packed, and nothing is said of it.
        assert_eq!(field(&push.head, "content-encoding"), None);
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*push.body).read_to_end(&mut plain).unwrap();
        assert!(plain.len() <= 4 << 20, "{} bytes", plain.len());
        let profile = Profile::decode(&push.body);
        let types = [
            "alloc_objects/count",
            "alloc_space/bytes",
            "inuse_objects/count",
            "inuse_space/bytes",
        ];
        assert_eq!(profile.types(), types);
        assert!(profile.sample.len() <= 16_000, "{} samples", profile.sample.len());
        let labels = profile.sample.iter().flat_map(|sample| &sample.label);
        assert!(labels.into_iter().all(|label| label.text > 0), "no label is a number");
        profile
    });
    let mut sums = [0; 2];
    for profile in profiles {
        for (sum, kind) in sums.iter_mut().zip(["alloc_objects/count", "alloc_space/bytes"]) {
            *sum += u64::try_from(profile.sum(kind)).unwrap();
        }
    }
    sums
}

/// Blocks and bytes in the run's report.
fn reported(scratch: &Scratch) -> [u64; 2] {
    let report = json(&scratch.join("r.json"));
    ["tbk", "tb"].map(|key| sum(&report, key))
}

/// The blocks that a line of standard error says are not pushed.
fn dropped(output: &Output, why: &str) -> u64 {
    let told = text(&output.stderr);
    let line = told.lines().find(|line| line.contains("not pushed: ") && line.contains(why));
    let line = line.unwrap_or_else(|| panic!("nothing of {why:?}: {told}"));
    let (_, rest) = line.split_once(" in ").unwrap();
    rest.split(' ').next().unwrap().replace(',', "").parse().unwrap()
}

#[test]
fn the_pushed_deltas_are_the_program_s_totals() {
    let scratch = Scratch::new("push");
    let collector = Collector::start(|_| Answer::take());
    let url = collector.url("/ingest");
    let name = ["--push-name", "my{app", "--push-label", "zone=eu", "--push-label", "a.b=c d"];
    let mut run = Run::start(&scratch, &[&["--push", &url], &name[..]].concat());
    let mut pushes = Vec::new();
    for _ in 0..3 {
        run.step("500000");
        pushes.push(collector.pushes.recv().unwrap());
    }
    let output = run.end();
    pushes.extend(collector.taken());
    assert_eq!(pushed(&pushes), reported(&scratch));
    let told = text(&output.stderr);
    assert!(told.contains(&format!("pushing profiles to {url} each 100ms")), "{told}");
    assert!(!told.contains("not pushed") && !told.contains("twice"), "{told}");
    let target = &pushes[0].target;
    let (_, query) = target.split_once('?').unwrap();
    let value = |key: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{key}=")));
        found.unwrap_or_else(|| panic!("no {key}: {query}")).replace('+', " ")
    };
    assert_eq!(value("name"), "my_app{zone=eu,a.b=c d}");
    assert_eq!(value("format"), "pprof");
    let [from, until] = ["from", "until"].map(|key| value(key).parse::<u64>().unwrap());
    assert!(from <= until && from > 1_700_000_000, "{from} {until}");
}

#[test]
fn nothing_is_lost_to_a_collector_that_fails_now_and_then() {
    let scratch = Scratch::new("push-fails");
    let mut failures = [
        "503 Busy\r\nRetry-After: 0",
        "500 Broken",
        "429 Slower\r\nRetry-After: 0",
        "404 Not Yet",
        "301 Moved\r\nLocation: http://127.0.0.1:1/",
    ]
    .into_iter();
    let collector =
        Collector::start(move |_| failures.next().map_or_else(Answer::take, Answer::Status));
    let mut run = Run::start(&scratch, &["--push", &collector.url("/ingest")]);
    run.step("700000");
    let mut pushes = Vec::new();
    while !pushes.iter().any(|push: &Push| push.is_taken) {
        pushes.push(collector.pushes.recv().unwrap());
        run.step("1000");
    }
    let output = run.end();
    pushes.retain(|push| push.is_taken);
    pushes.extend(collector.taken());
    assert_eq!(pushed(&pushes), reported(&scratch));
    let told = text(&output.stderr);
    assert!(told.contains("503 Service Unavailable: the reason; it is pushed later"), "{told}");
    assert!(told.contains("give the URL that it moved to"), "{told}");
    assert!(told.contains("takes profiles again"), "{told}");
    assert!(!told.contains("not pushed"), "{told}");
}

#[test]
fn an_answer_that_is_lost_is_told_and_the_push_comes_again() {
    let scratch = Scratch::new("push-closes");
    let mut is_first = true;
    let collector = Collector::start(move |_| {
        if std::mem::take(&mut is_first) { Answer::Close } else { Answer::take() }
    });
    let mut run = Run::start(&scratch, &["--push", &collector.url("/ingest")]);
    run.step("700000");
    let lost = collector.pushes.recv().unwrap();
    assert!(!lost.is_taken && !lost.body.is_empty());
    let output = run.end();
    assert_eq!(pushed(&collector.taken()), reported(&scratch));
    let told = text(&output.stderr);
    assert!(told.contains("which the collector may have twice: 1"), "{told}");
}

#[test]
fn a_slow_collector_holds_nobody_up() {
    let scratch = Scratch::new("push-slow");
    let (until, waits) = mpsc::channel();
    let mut waits = Some(waits);
    let (came, comes) = mpsc::channel();
    let collector = Collector::start(move |_| {
        let _ = came.send(());
        waits.take().map_or_else(Answer::take, Answer::Wait)
    });
    let mut run = Run::start(&scratch, &["--push", &collector.url("/ingest")]);
    comes.recv().unwrap();
    // The program goes on while its profile waits for an answer.
    (0..20).for_each(|_| run.step("10000"));
    drop(until);
    let first = collector.pushes.recv().unwrap();
    let output = run.end();
    let mut pushes = vec![first];
    pushes.extend(collector.taken());
    pushes.retain(|push| push.is_taken);
    assert_eq!(pushed(&pushes), reported(&scratch), "{}", text(&output.stderr));
}

#[test]
fn what_a_collector_refuses_is_dropped_and_counted() {
    let scratch = Scratch::new("push-refused");
    let mut refusals = ["400 Bad", "413 Too Large", "422 No"].into_iter();
    let collector =
        Collector::start(move |_| refusals.next().map_or_else(Answer::take, Answer::Status));
    let mut run = Run::start(&scratch, &["--push", &collector.url("/ingest")]);
    run.step("700000");
    let mut taken = Vec::new();
    while taken.is_empty() {
        run.step("1000");
        taken.extend(collector.taken());
    }
    let output = run.end();
    taken.extend(collector.taken());
    let [blocks, _] = pushed(&taken);
    let lost = dropped(&output, "the collector refused the profile");
    assert!(lost > 0 && blocks > 0);
    assert_eq!(blocks + lost, reported(&scratch)[0]);
}

#[test]
fn a_collector_that_comes_back_gets_what_it_missed_of_processes_that_are_gone() {
    let scratch = Scratch::new("push-away");
    let away = Away::new();
    let url = away.url("/ingest");
    let mut run = Run::start(&scratch, &["--push", &url, "--children", "yes"]);
    (0..5).for_each(|_| run.step("fork"));
    let collector = away.comes_back(|_| Answer::take());
    let first = collector.pushes.recv().unwrap();
    run.step("fork");
    let output = run.end();
    let mut pushes = vec![first];
    pushes.extend(collector.taken());
    // A fork has its parent's numbers, in the report and here.
    assert_eq!(pushed(&pushes), reported(&scratch), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("not pushed"), "{}", text(&output.stderr));
}

#[test]
fn a_collector_that_stays_away_changes_nothing_but_a_count() {
    let scratch = Scratch::new("push-never");
    let away = Away::new();
    let mut run = Run::start(&scratch, &["--push", &away.url("/ingest")]);
    run.step("700000");
    let output = run.end();
    let [blocks, _] = reported(&scratch);
    assert_eq!(dropped(&output, "was not reached before the end"), blocks);
    let told = text(&output.stderr);
    let refusals = told.lines().filter(|line| line.contains("it is pushed later")).count();
    assert_eq!(refusals, 1, "a failure is said once: {told}");
}

#[test]
fn a_token_is_read_again() {
    let scratch = Scratch::new("push-token");
    fs::write(scratch.join("token"), "one\n").unwrap();
    let collector = Collector::start(|push| match field(&push.head, "authorization") {
        Some("Bearer two") => Answer::take(),
        Some("Bearer one") => Answer::Status("401 Unauthorized"),
        other => panic!("{other:?}"),
    });
    let url = collector.url("/ingest");
    let mut run = Run::start(&scratch, &["--push", &url, "--push-auth-file", "token"]);
    run.step("700000");
    assert!(!collector.pushes.recv().unwrap().is_taken);
    // Renamed, so that nobody reads a half.
    fs::write(scratch.join("new"), "two\n").unwrap();
    fs::rename(scratch.join("new"), scratch.join("token")).unwrap();
    let output = run.end();
    assert_eq!(pushed(&collector.taken()), reported(&scratch));
    let told = text(&output.stderr);
    assert!(told.contains("--push-auth-file"), "{told}");
    assert!(!told.contains("one") || !told.contains("Bearer"), "no token is told: {told}");
}

/// `mod-alloc serve` that pushes what a process records.
fn serve(words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
    command.arg("serve").args(words).args(["--push-every", "100ms"]);
    command.env("LC_ALL", "C.UTF-8").stderr(Stdio::piped()).spawn().unwrap()
}

/// Blocks and bytes of a recording.
fn recorded(scratch: &Scratch, recording: &std::path::Path) -> [u64; 2] {
    let words = ["export", recording.to_str().unwrap(), "--to", "dhat", "-o", "recorded.json"];
    let output = scratch.run(&words);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let report = json(&scratch.join("recorded.json"));
    ["tbk", "tb"].map(|key| sum(&report, key))
}

fn unpacked(push: &Push) -> Vec<u8> {
    assert_eq!(field(&push.head, "content-encoding"), Some("gzip"));
    assert_eq!(field(&push.head, "content-type"), Some("application/x-protobuf"));
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&*push.body).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn otlp_pushes_end_with_the_program() {
    let scratch = Scratch::new("push-otlp");
    let collector = Collector::start(|_| Answer::take());
    let mut program = Program::start("push_otlp", "no");
    let recording = program.recording();
    let url = collector.url("/v1development/profiles");
    let server =
        serve(&[&program.pid(), "--push", &url, "--push-label", "deployment.environment=test"]);
    let mut pushes = vec![collector.pushes.recv().unwrap()];
    program.tell("800000");
    program.end();
    let output = server.wait_with_output().unwrap();
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    pushes.extend(collector.taken());
    let mut sums = [0, 0];
    let mut ids = Vec::new();
    for push in &pushes {
        assert_eq!(push.target, "/v1development/profiles");
        let data = otlp_support::decode(&unpacked(push), &["request"]);
        for (sum, kind) in sums.iter_mut().zip(["alloc_objects/count", "alloc_space/bytes"]) {
            *sum += otlp_support::values(&data, kind).iter().sum::<u64>();
        }
        assert_eq!(otlp_support::types(&data).len(), 4);
        let resource = &data["resource"];
        assert_eq!(resource["service.name"].as_str(), Some("python3.11"));
        assert_eq!(resource["deployment.environment"], "test");
        assert_eq!(resource.get("process.command_line"), None, "it may hold secrets");
        for profile in data["profiles"].as_array().unwrap() {
            assert_eq!(profile["period_type"], "space/bytes");
            ids.push(profile["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(sums, recorded(&scratch, &recording));
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert!(ids.len() == count && ids.iter().all(|id| id.len() == 32), "{ids:?}");
}

#[test]
fn a_collector_that_takes_a_part_is_told_of() {
    // `ExportProfilesServiceResponse` with a partial success: 4 rejected, and why.
    const REJECTS: &[u8] = b"\x0a\x07\x08\x04\x12\x03why";
    let collector = Collector::start(|_| Answer::Take(REJECTS.to_vec()));
    let program = Program::start("push_partial", "no");
    let url = collector.url("/v1development/profiles");
    let server = serve(&[&program.pid(), "--push", &url]);
    collector.pushes.recv().unwrap();
    program.end();
    let output = server.wait_with_output().unwrap();
    let told = text(&output.stderr);
    assert!(told.contains("rejected 4 profiles: why; the profile is dropped"), "{told}");
    assert!(dropped(&output, "the collector refused the profile") > 0);
}

#[test]
fn a_signal_ends_pushes_with_a_last_one() {
    let scratch = Scratch::new("push-signal");
    let collector = Collector::start(|_| Answer::take());
    let mut program = Program::start("push_signal", "no");
    let url = collector.url("/ingest");
    let server = serve(&[&program.pid(), "--push", &url]);
    let mut pushes = vec![collector.pushes.recv().unwrap()];
    program.tell("800000");
    // SAFETY: a signal to a child that nobody has waited for.
    let sent = unsafe { libc::kill(server.id() as libc::pid_t, libc::SIGTERM) };
    assert_eq!(sent, 0);
    let output = server.wait_with_output().unwrap();
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    pushes.extend(collector.taken());
    let recording = program.recording();
    // It waits for a line: nothing has been allocated since.
    assert_eq!(pushed(&pushes), recorded(&scratch, &recording));
    program.end();
}

#[test]
fn a_program_that_is_replaced_is_pushed_or_counted() {
    let scratch = Scratch::new("push-exec");
    let collector = Collector::start(|_| Answer::take());
    let mut program = Program::start("push_exec", "yes");
    let first = program.recording();
    let second = first.with_extension(format!("{}.2", program.pid()));
    let server = serve(&[&program.pid(), "--push", &collector.url("/ingest")]);
    let mut pushes = vec![collector.pushes.recv().unwrap()];
    program.tell("900000");
    assert_eq!(program.tell("exec"), "ready");
    program.tell("900000");
    // The later of two pushes from now on has been made of what is there now.
    pushes.extend(collector.taken());
    pushes.extend([(); 2].map(|()| collector.pushes.recv().unwrap()));
    program.end();
    let output = server.wait_with_output().unwrap();
    pushes.extend(collector.taken());
    let of_both = recorded(&scratch, &first)[0] + recorded(&scratch, &second)[0];
    // The first program has allocated for the exec itself, at least.
    let replaced = dropped(&output, "the program was replaced by exec");
    assert_eq!(pushed(&pushes)[0] + replaced, of_both, "{}", text(&output.stderr));
}

#[test]
fn metrics_count_pushes() {
    let scratch = Scratch::new("push-metrics");
    let mut refusals = ["400 Bad", "503 Busy"].into_iter();
    let collector =
        Collector::start(move |_| refusals.next().map_or_else(Answer::take, Answer::Status));
    let program = Program::start("push_metrics", "no");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
    command.args(["serve", &program.pid(), "--listen", "127.0.0.1:0", "--push-every", "100ms"]);
    command.args(["--push", &collector.url("/ingest")]).stdin(Stdio::null());
    let server = serve_support::Server::start(&mut command);
    while !collector.pushes.recv().unwrap().is_taken {}
    let value = |metrics: &str, name: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name}: {metrics}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    // The collector has sent its answer; the other side counts it when it has read it.
    let metrics = loop {
        let metrics = server.get("/metrics").text();
        if value(&metrics, "mod_alloc_pushes_total{outcome=\"taken\"}") > 0.0 {
            break metrics;
        }
    };
    for outcome in ["refused", "failed"] {
        let name = format!("mod_alloc_pushes_total{{outcome=\"{outcome}\"}}");
        assert_eq!(value(&metrics, &name), 1.0, "{outcome}");
    }
    let dropped = value(&metrics, "mod_alloc_push_dropped_blocks_total{cause=\"refused\"}");
    let taken = value(&metrics, "mod_alloc_pushed_blocks_total ");
    assert!(dropped > 1000.0, "{metrics}");
    let [blocks, _] = recorded(&scratch, &program.recording());
    // The program waits, and has allocated nothing since.
    assert_eq!(dropped + taken, blocks as f64);
    program.end();
    let (ended, _) = server.end();
    assert!(ended.success());
}
