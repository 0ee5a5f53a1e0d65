//! `mod-alloc serve` and `mod-alloc run --serve`: what the answers say.

#[expect(dead_code, reason = "each test file uses its part")]
mod export_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod serve_support;
mod top_support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use export_support::pprof::Profile;
use run_support::Scratch;
use serve_support::{Answer, Server};
use top_support::Program;

/// Go's sample types, which collectors know.
const TYPES: [&str; 4] =
    ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"];

fn profile(answer: &Answer) -> Profile {
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Scrapers unpack the body themselves.
    assert!(answer.head.contains("Content-Type: application/octet-stream"), "{}", answer.head);
    assert!(!answer.head.contains("Content-Encoding"), "{}", answer.head);
    let profile = Profile::decode(&answer.body);
    assert_eq!(profile.types(), TYPES);
    let period = profile.period_type.as_ref().unwrap();
    assert_eq!((profile.text(period.kind), profile.text(period.unit)), ("space", "bytes"));
    assert!(profile.time_nanos > 0 && profile.duration_nanos > 0);
    profile
}

fn get(server: &Server, path: &str) -> Profile {
    profile(&server.get(path))
}

/// Python's own buffers come and go.
fn is_about(number: i128, expected: i128) -> bool {
    number.abs_diff(expected) < 200_000
}

#[test]
fn heap_and_allocs_are_of_the_whole_run() {
    let mut program = Program::start("serve_whole", "no");
    let server = Server::of(&[&program.pid()]);
    let before = get(&server, "/debug/pprof/heap");
    program.tell("50000000");
    for (path, first) in [("heap", "inuse_space"), ("allocs", "alloc_space")] {
        let after = get(&server, &format!("/debug/pprof/{path}"));
        assert_eq!(after.text(after.default_sample_type), first);
        assert_eq!(after.period, 1, "every block is recorded");
        for kind in ["alloc_space/bytes", "inuse_space/bytes"] {
            let grown = after.sum(kind) - before.sum(kind);
            assert!(is_about(grown, 50_000_000), "{path} {kind}: {grown}");
        }
        let program = &after.mapping[0];
        assert!(after.text(program.filename).contains("python3"));
        assert!(after.text(program.build_id).len() >= 16, "{}", after.text(program.build_id));
    }
    program.end();
}

#[test]
fn delta_heap_is_of_the_time_since_the_last_answer() {
    let mut program = Program::start("serve_delta", "no");
    program.tell("30000000");
    let server = Server::of(&[&program.pid()]);
    let path = "/debug/pprof/delta_heap";
    let first = get(&server, path);
    assert!(first.sum("alloc_space/bytes") > 30_000_000, "the first is of the whole run");
    // An answer without a body is no answer.
    program.tell("20000000");
    let head = server.ask(format!("HEAD {path} HTTP/1.1\r\n\r\n").as_bytes());
    assert_eq!((head.status, head.body.len()), (200, 0));
    let second = get(&server, path);
    let allocated = second.sum("alloc_space/bytes");
    assert!(is_about(allocated, 20_000_000), "{allocated}");
    let live = second.sum("inuse_space/bytes");
    assert!(live > 50_000_000, "what is live is not a difference: {live}");
    let third = get(&server, path).sum("alloc_space/bytes");
    assert!(is_about(third, 0), "{third}");
    assert!(get(&server, "/debug/pprof/allocs").sum("alloc_space/bytes") > 50_000_000);
    program.end();
}

#[test]
fn each_collector_has_differences_of_its_own() {
    let mut program = Program::start("serve_collectors", "no");
    let server = Server::of(&[&program.pid()]);
    let path = "/debug/pprof/delta_heap";
    let of = |path: &str, agent: &str| {
        let answer = server.get_with(path, &[&format!("User-Agent: {agent}")]);
        profile(&answer).sum("alloc_space/bytes")
    };
    let named = format!("{path}?client=blue");
    for (path, agent) in [(path, "one"), (path, "two"), (&named, "one")] {
        of(path, agent);
    }
    program.tell("20000000");
    assert!(is_about(of(path, "one"), 20_000_000));
    assert!(is_about(of(path, "one"), 0));
    program.tell("10000000");
    let two = of(path, "two");
    assert!(is_about(two, 30_000_000), "the other's answers are not taken away: {two}");
    // A name counts, whoever sends it.
    let blue = of(&named, "two");
    assert!(is_about(blue, 30_000_000), "{blue}");
    assert!(is_about(of(&named, "one"), 0));
    program.end();
}

#[test]
fn seconds_are_waited_for() {
    let mut program = Program::start("serve_seconds", "no");
    program.tell("70000000");
    let server = Server::of(&[&program.pid()]);
    let allocs = || get(&server, "/debug/pprof/allocs").sum("alloc_space/bytes");
    let before = allocs();
    let is_over = AtomicBool::new(false);
    let profile = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let profile = get(&server, "/debug/pprof/allocs?seconds=1");
            is_over.store(true, Ordering::Relaxed);
            profile
        });
        while !is_over.load(Ordering::Relaxed) {
            program.tell("10000");
        }
        asked.join().unwrap()
    });
    let (allocated, most) = (profile.sum("alloc_space/bytes"), allocs() - before);
    assert!((10_000..=most).contains(&allocated), "{allocated} of {most}");
    assert!(profile.sum("inuse_space/bytes") > 70_000_000);
    assert!(profile.duration_nanos >= 1_000_000_000, "{}", profile.duration_nanos);
    program.end();
}

#[test]
fn several_processes_are_added_up_or_chosen() {
    let mut programs = [Program::start("serve_one", "no"), Program::start("serve_two", "no")];
    programs[0].tell("10000000");
    programs[1].tell("40000000");
    let pids = programs.each_ref().map(Program::pid);
    let recording = programs[1].recording();
    let server = Server::of(&[&pids[0], recording.to_str().unwrap()]);
    let live = |path: &str| get(&server, path).sum("inuse_space/bytes");
    let [one, two] = pids.each_ref().map(|pid| live(&format!("/debug/pprof/heap?pid={pid}")));
    assert!(one > 10_000_000 && one < two - 29_000_000, "{one} {two}");
    assert!(is_about(live("/debug/pprof/heap"), one + two));
    assert_eq!(server.get("/debug/pprof/heap?pid=1").status, 404);
    let metrics = server.get("/metrics").text();
    for pid in &pids {
        assert!(metrics.contains(&format!("mod_alloc_up{{pid=\"{pid}\"")), "{metrics}");
    }
    programs.into_iter().for_each(Program::end);
}

#[test]
fn the_page_is_of_now() {
    let mut program = Program::start("serve_page", "no");
    let server = Server::of(&[&program.pid()]);
    program.tell("50000000");
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert!(page.head.contains("Content-Type: text/html; charset=utf-8"), "{}", page.head);
    let text = page.text();
    assert!(text.contains("/usr/bin/python3 -c"), "the command is in the head");
    assert!(text.trim_end().ends_with("</html>"), "the page is whole");
    program.end();
}

#[test]
fn exec_and_exit_are_survived() {
    let mut program = Program::start("serve_exec", "yes");
    program.tell("50000000");
    let server = Server::of(&[&program.pid()]);
    let path = "/debug/pprof/delta_heap";
    assert!(get(&server, path).sum("alloc_space/bytes") > 50_000_000);
    assert_eq!(program.tell("exec"), "ready");
    program.tell("3000000");
    let another = get(&server, path).sum("alloc_space/bytes");
    assert!((3_000_000..30_000_000).contains(&another), "another program begins anew: {another}");
    assert!(server.get("/metrics").text().contains("\nmod_alloc_up{"));
    program.end();
    let after = get(&server, "/debug/pprof/heap");
    assert!(after.sum("alloc_space/bytes") > 3_000_000, "the last state is still told");
    let metrics = server.get("/metrics").text();
    let up = metrics.lines().find(|line| line.starts_with("mod_alloc_up{")).unwrap();
    assert!(up.ends_with(" 0"), "{up}");
}

/// Waits until the endpoint of a run has something to tell.
fn first(server: &Server, path: &str) -> Answer {
    loop {
        let answer = server.get(path);
        if answer.status != 503 {
            return answer;
        }
        std::thread::yield_now();
    }
}

/// `mod-alloc run --serve` of a program that waits for a line.
fn run(scratch: &Scratch, options: &[&str], program: &[&str]) -> Server {
    let words = ["run", "-o", "report.json", "--serve", "127.0.0.1:0"];
    let mut command = scratch.command(&[&words, options, &["--"], program].concat());
    Server::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))
}

#[test]
fn a_run_is_served_until_it_ends() {
    let scratch = Scratch::new("serve");
    let mut server = run(
        &scratch,
        &[],
        &["/usr/bin/python3", "-c", "import sys; b = bytearray(9000000); sys.stdin.read()"],
    );
    while first(&server, "/debug/pprof/heap").status != 200
        || get(&server, "/debug/pprof/heap").sum("inuse_space/bytes") < 9_000_000
    {
        std::thread::yield_now();
    }
    drop(server.child.stdin.take());
    let address = server.address.clone();
    assert!(server.child.wait().unwrap().success());
    let report = fs::read_to_string(scratch.join("report.json")).unwrap();
    assert!(report.contains("\"pps\""), "the report is written as ever");
    assert!(std::net::TcpStream::connect(address).is_err(), "nothing listens any more");
}

#[test]
fn samples_say_so() {
    let scratch = Scratch::new("serve-samples");
    let script = "kept = [bytearray(1000) for _ in range(100000)]; input()";
    let server = run(&scratch, &["--sample", "64KiB"], &["/usr/bin/python3", "-c", script]);
    assert_eq!(first(&server, "/debug/pprof/heap").status, 200);
    let value = |name: &str| -> u64 {
        number(&server.get("/metrics").text(), &format!("{name}{{")).unwrap()
    };
    // Exact, not an estimate: 100,000 blocks of 1,001 bytes, and Python's own.
    let live = loop {
        let live = value("mod_alloc_live_bytes");
        if live >= 100_100_000 {
            break live;
        }
    };
    assert!(live < 112_000_000, "{live}");
    assert_eq!(value("mod_alloc_sampling_gap_bytes"), 65_536);
    let profile = get(&server, "/debug/pprof/heap");
    assert_eq!(profile.period, 65_536);
    let live = profile.sum("inuse_space/bytes");
    assert!((80_000_000..130_000_000).contains(&live), "an estimate: {live}");
    let comments: Vec<&str> = profile.comment.iter().map(|&line| profile.text(line)).collect();
    assert!(comments.iter().any(|line| line.starts_with("sampled, ")), "{comments:?}");
}

/// The number of the first series of `/metrics` that begins so.
fn number(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics.lines().find(|line| line.starts_with(name))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn children_are_served_while_they_come_and_go() {
    let scratch = Scratch::new("serve-children");
    let script = "\
import os
print('began', flush=True)
for _ in range(30):
    child = os.fork()
    if not child:
        kept = bytearray(1000000)
        os._exit(0)
    os.waitpid(child, 0)
input()";
    let server = run(&scratch, &["--children", "yes"], &["/usr/bin/python3", "-c", script]);
    let mut ended = 0;
    while ended < 30 {
        let answer = server.get("/debug/pprof/heap");
        assert!([200, 503].contains(&answer.status), "{}: {}", answer.status, answer.text());
        let metrics = server.get("/metrics");
        assert!([200, 503].contains(&metrics.status), "{}", metrics.text());
        let text = metrics.text();
        let up = text.lines().filter(|line| line.starts_with("mod_alloc_up{"));
        let pids: Vec<&str> = up.filter_map(|line| line.split('"').nth(1)).collect();
        let different = pids.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(pids.len(), different, "each process once: {pids:?}");
        assert!(different <= 3, "those that have ended are not told of one by one: {pids:?}");
        ended = number(&text, "mod_alloc_ended_processes_total ").unwrap_or(0);
    }
    let answer = server.get("/metrics");
    let number = |name| number(&answer.text(), name).unwrap();
    let live = number("mod_alloc_live_bytes{");
    // Blocks that were live in those that have ended are gone.
    let in_use = get(&server, "/debug/pprof/heap").sum("inuse_space/bytes").unsigned_abs();
    assert!(in_use.abs_diff(live.into()) < 1_000_000, "{in_use} {live}");
    assert!(number("mod_alloc_ended_allocated_bytes_total ") >= 30_000_000);
}

#[test]
fn no_recording_is_403_and_a_taken_port_ends_the_run_before_it_begins() {
    let scratch = Scratch::new("serve-off");
    let words = ["run", "--serve", "127.0.0.1:0", "--", "/usr/bin/cat"];
    let mut command = scratch.command(&words);
    command.env("MOD_ALLOC", "off").stdin(Stdio::piped()).stdout(Stdio::null());
    let server = Server::start(&mut command);
    assert_eq!(server.get("/debug/pprof/heap").status, 403);
    let taken = &server.address;
    let output = scratch.run(&["run", "--serve", taken, "--", "/usr/bin/touch", "began"]);
    assert_eq!(output.status.code(), Some(125));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("is taken by another program"), "{told}");
    assert!(!scratch.join("began").exists());
}

#[test]
fn recordings_of_others_are_refused() {
    let program = Program::start("serve_foreign", "no");
    let recording = program.recording();
    program.end();
    let scratch = Scratch::new("serve-foreign");
    // SAFETY: takes nothing, never fails.
    let is_root = unsafe { libc::geteuid() } == 0;
    // Where the tests are built, another user may not look.
    let ours = scratch.join("mod-alloc");
    fs::copy(env!("CARGO_BIN_EXE_mod-alloc"), &ours).unwrap();
    let mut command = Command::new(ours);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    if is_root {
        const NOBODY: u32 = 65_534;
        let copy = scratch.join("recording");
        fs::copy(recording, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
        command.arg(&copy).uid(NOBODY).gid(NOBODY);
    } else {
        // Process 1 is root's.
        command.arg("1");
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = if is_root { "belongs to another user" } else { "may not look into it" };
    assert!(told.contains(expected), "{told}");
}
