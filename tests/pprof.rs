//! `mod_alloc::pprof`: profiles that this program makes of itself, and those of the servers that
//! the documentation shows.

#[expect(dead_code, reason = "other tests read other parts of pages")]
mod pages;
#[expect(dead_code, reason = "other tests read more of profiles")]
#[path = "../tools/cli/tests/export_support/pprof.rs"]
mod profiles;

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use mod_alloc::ModAlloc;
use mod_alloc::pprof::{Delta, Options};
use pages::{package, text};
use profiles::Profile;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// Go's sample types, which collectors know.
const TYPES: [&str; 4] =
    ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"];

fn decoded(bytes: &[u8], first: &str) -> Profile {
    let profile = Profile::decode(bytes);
    assert_eq!(profile.types(), TYPES);
    let period = profile.period_type.as_ref().unwrap();
    assert_eq!((profile.text(period.kind), profile.text(period.unit)), ("space", "bytes"));
    assert_eq!(profile.period, 1, "every block is recorded");
    assert_eq!(profile.text(profile.default_sample_type), first);
    assert!(profile.time_nanos > 0 && profile.duration_nanos > 0);
    profile
}

/// The bytes of a type in the samples whose stacks have that function.
fn bytes_in(profile: &Profile, function: &str, kind: usize) -> i64 {
    let has = |id: &u64| profile.functions(*id).iter().any(|name| name.contains(function));
    let samples = profile.sample.iter().filter(|sample| sample.location_id.iter().any(has));
    samples.map(|sample| sample.value[kind]).sum()
}

#[inline(never)]
fn keep_here(bytes: usize) -> Vec<u8> {
    black_box(vec![1; bytes])
}

#[test]
fn names_and_numbers_are_those_of_the_program() {
    #[inline(never)]
    fn keep_mine(bytes: usize) -> Vec<u8> {
        black_box(vec![1; bytes])
    }
    #[inline(never)]
    fn drop_mine(bytes: usize) {
        drop(black_box(vec![1_u8; bytes]));
    }
    let kept = keep_mine(7_000_000);
    drop_mine(5_000_000);
    let heap = decoded(&mod_alloc::pprof::heap(), "inuse_space");
    let allocs = decoded(&mod_alloc::pprof::allocs(), "alloc_space");
    for profile in [&heap, &allocs] {
        let [total, live] = [1, 3].map(|kind| bytes_in(profile, "keep_mine", kind));
        assert_eq!((total, live), (7_000_000, 7_000_000));
        assert_eq!(bytes_in(profile, "drop_mine", 1), 5_000_000);
        assert_eq!(bytes_in(profile, "drop_mine", 3), 0);
        let program = std::env::current_exe().unwrap();
        assert_eq!(profile.text(profile.mapping[0].filename), program.to_str().unwrap());
        assert!(profile.mapping[0].has_inline_frames, "readers need not look for names");
        assert_eq!(bytes_in(profile, "mod_alloc::api::pprof", 1), 0, "profiles are no part of it");
    }
    drop(kept);
}

#[test]
fn without_symbols_addresses_are_those_of_the_process() {
    let kept = keep_here(3_000_000);
    let profile = decoded(&Options::new().symbols(false).heap(), "inuse_space");
    let largest = profile.sample.iter().filter(|sample| sample.value[3] == 3_000_000);
    let program = std::env::current_exe().unwrap();
    let address = (keep_here as *const () as usize) as u64;
    let in_function = |id: &u64| {
        let location = &profile.location[*id as usize - 1];
        (address..address + 4096).contains(&location.address)
    };
    let mut samples = largest.filter(|sample| sample.location_id.iter().any(in_function));
    let sample = samples.next_back().expect("the call is where the function is");
    let id = *sample.location_id.iter().find(|id| in_function(id)).unwrap();
    let location = &profile.location[id as usize - 1];
    assert!(location.line.is_empty());
    let mapping = &profile.mapping[location.mapping_id as usize - 1];
    assert_eq!(profile.text(mapping.filename), program.to_str().unwrap());
    assert!((mapping.memory_start..mapping.memory_limit).contains(&location.address));
    assert!(!mapping.has_inline_frames, "the collector looks for names");
    assert_eq!(location.mapping_id, 1, "the program is the first");
    let c_library =
        profile.mapping.iter().find(|mapping| profile.text(mapping.filename).contains("libc.so"));
    assert!(c_library.is_some_and(|mapping| profile.text(mapping.build_id).len() == 40));
    drop(kept);
}

#[test]
fn all_but_the_largest_are_one() {
    let kept = keep_here(60_000_000);
    for symbols in [true, false] {
        let options = Options::new().symbols(symbols).top(1);
        let profile = decoded(&options.heap(), "inuse_space");
        let live: Vec<i64> = profile.sample.iter().map(|sample| sample.value[3]).collect();
        assert_eq!(live.len(), 2, "{live:?}");
        assert!(live[0] >= 60_000_000 && live[1] > 0, "{live:?}");
        assert_eq!(profile.functions(profile.sample[1].location_id[0]), ["(other)"]);
    }
    drop(kept);
}

#[test]
fn differences_are_since_the_collector_s_last() {
    let (one, two) = (Delta::new(), Delta::new());
    let of = |delta: &Delta| {
        let profile = decoded(&delta.next(Options::new()), "alloc_space");
        bytes_in(&profile, "drop_there", 1)
    };
    #[inline(never)]
    fn drop_there(bytes: usize) {
        drop(black_box(vec![1_u8; bytes]));
    }
    drop_there(1_000);
    assert_eq!((of(&one), of(&one)), (1_000, 0));
    drop_there(500);
    assert_eq!((of(&one), of(&two), of(&two)), (500, 1_500, 0));
}

#[cfg(feature = "groups")]
#[test]
fn groups_are_labels() {
    use mod_alloc::groups::AllocationGroupToken;
    let token = AllocationGroupToken::register("parser");
    let guard = token.enter();
    let kept = keep_here(1_234_567);
    drop(guard);
    for symbols in [true, false] {
        let profile = decoded(&Options::new().symbols(symbols).heap(), "inuse_space");
        let sample = profile.sample.iter().find(|sample| sample.value[3] == 1_234_567).unwrap();
        let labels = sample.label.iter().map(|at| (profile.text(at.key), profile.text(at.text)));
        assert_eq!(labels.collect::<Vec<_>>(), [("group", "parser")]);
    }
    drop(kept);
}

/// A server of the documentation, at the address that it prints.
struct Server(Child, String);

impl Server {
    fn start(name: &str, page: &str, dependencies: &str) -> Self {
        let program = text::program(text::block(page, name));
        let tokio = r#"tokio = { version = "1", features = ["rt-multi-thread", "macros", "net"] }"#;
        let ours = package::on_this_crate(r#"["pprof"]"#);
        let dependencies = format!("{ours}\n{tokio}\n{dependencies}\n");
        let program = package::build(&format!("pprof-{name}"), &dependencies, &program);
        let mut command = Command::new(program);
        command.env("MOD_ALLOC", "on").env("MOD_ALLOC_OUT", "off").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut address = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut address).unwrap();
        Self(child, address.trim().to_owned())
    }

    fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.1).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        (package::text(&answer[..end]).to_lowercase(), answer[end + 4..].to_vec())
    }

    fn check(&self) {
        for (path, first) in
            [("allocs", "alloc_space"), ("heap", "inuse_space"), ("delta_heap", "alloc_space")]
        {
            let (head, body) = self.get(&format!("/debug/pprof/{path}"));
            assert!(head.starts_with("http/1.1 200"), "{head}");
            assert!(head.contains("content-type: application/octet-stream"), "{head}");
            assert!(!head.contains("content-encoding"), "{head}");
            let profile = decoded(&body, first);
            assert!(bytes_in(&profile, "tokio::", 1) > 0, "{path}: the program's own functions");
        }
        let url = format!("http://{}/debug/pprof/heap", self.1);
        let folder = package::scratch("pprof-go");
        let mut go = Command::new("go");
        go.args(["tool", "pprof", "-top", &url]).env("PPROF_TMPDIR", folder);
        let shown = package::text(&go.output().unwrap().stdout);
        assert!(shown.contains("Type: inuse_space") && shown.contains("tokio"), "{shown}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn axum_serves_what_collectors_read() {
    let page = include_str!("../src/api/pprof/axum.md");
    Server::start("axum", page, r#"axum = "0.8""#).check();
}

#[test]
fn hyper_serves_what_collectors_read() {
    let page = include_str!("../src/api/pprof/hyper.md");
    let dependencies = "hyper = { version = \"1\", features = [\"http1\", \"server\"] }\n\
                        hyper-util = { version = \"0.1\", features = [\"tokio\"] }\n\
                        http-body-util = \"0.1\"";
    Server::start("hyper", page, dependencies).check();
}
