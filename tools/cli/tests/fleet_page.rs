//! The page for fleets: its samples are what the endpoint serves and the command takes.

#[expect(dead_code, reason = "each test file uses its part")]
mod push_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod serve_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod top_support;

use std::process::Command;

use push_support::{Answer, Collector};
use run_support::{Scratch, text, with_input};
use serde_json::Value;
use serve_support::Server;
use top_support::Program;

/// The page, without the marks of its comments.
fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/production.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let lines = source.lines().filter_map(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The block behind `<!-- tested: NAME -->`.
fn sample(name: &str) -> String {
    let page = page();
    let (_, rest) = page.split_once(&format!("<!-- tested: {name} -->\n```")).expect(name);
    let (_, rest) = rest.split_once('\n').unwrap();
    let (sample, _) = rest.split_once("```").unwrap();
    assert!(sample.lines().count() <= 20, "{name} is short");
    sample.to_owned()
}

fn yaml(name: &str) -> Value {
    let mut python = Command::new("/usr/bin/python3");
    python.args(["-c", "import sys, json, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"]);
    let output = with_input(python, sample(name).as_bytes());
    assert!(output.status.success(), "tools/check/setup installs yaml: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The address that `mod-alloc serve` listens at by default.
fn default_address() -> String {
    let scratch = Scratch::new("fleet");
    let help = text(&scratch.run(&["serve", "--help"]).stdout);
    let (_, rest) = help.split_once("[default: 127.").unwrap();
    format!("127.{}", rest.split([';', ']']).next().unwrap())
}

#[test]
fn scrapers_ask_for_paths_that_are_served() {
    let program = Program::start("fleet_page", "no");
    let server = Server::of(&[&program.pid()]);
    let address = default_address();
    let parca = &yaml("parca")["scrape_configs"][0];
    assert_eq!(parca["static_configs"][0]["targets"][0].as_str(), Some(&*address));
    let kinds = parca["profiling_config"]["pprof_config"].as_object().unwrap();
    let enabled: Vec<_> = kinds.iter().filter(|(_, kind)| kind["enabled"] == true).collect();
    let [(name, memory)] = enabled[..] else { panic!("{enabled:?}") };
    // Parca's readable names of types need this one.
    assert_eq!(name, "memory");
    assert_eq!(server.get(memory["path"].as_str().unwrap()).status, 200);
    let prometheus = &yaml("prometheus")["scrape_configs"][0];
    assert_eq!(prometheus["static_configs"][0]["targets"][0].as_str(), Some(&*address));
    assert_eq!(server.get("/metrics").status, 200, "Prometheus' default");
    program.end();
}

#[test]
fn alloy_s_blocks_are_whole_and_name_each_other() {
    let alloy = sample("alloy");
    for pair in ["{}", "[]"] {
        let [open, close] = [0, 1].map(|at| pair.chars().nth(at).unwrap());
        let count = |sign| alloy.matches(sign).count();
        assert_eq!(count(open), count(close), "{pair}");
    }
    assert!(alloy.contains(&format!("\"__address__\" = \"{}\"", default_address())));
    // Its path is Alloy's default, /debug/pprof/allocs.
    assert!(alloy.contains("profile.memory      { enabled = true }"));
    assert_eq!(alloy.matches("pyroscope.write.default.receiver").count(), 2);
    assert!(alloy.contains("pyroscope.write \"default\""));
    let port = "listen_port = 4040";
    assert!(alloy.contains(port) && sample("pyroscope").contains(":4040/ingest"));
}

#[test]
fn the_commands_push_to_the_paths_that_collectors_have() {
    let ports = [("pyroscope", "pyroscope:4040"), ("opentelemetry", "collector:4318")];
    for (name, authority) in ports {
        let scratch = Scratch::new("fleet-push");
        let collector = Collector::start(|_| Answer::take());
        let line = sample(name);
        assert!(line.contains(authority), "{line}");
        let line = line.replace(authority, &collector.address.to_string());
        let line = line.replace("PROGRAM", "/usr/bin/git --version");
        let words: Vec<&str> = line.split_whitespace().collect();
        let output = scratch.run(&words[1..]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let pushes = collector.taken();
        let path = if name == "pyroscope" { "/ingest?name=git" } else { "/v1development/profiles" };
        assert!(!pushes.is_empty(), "{}", text(&output.stderr));
        assert!(pushes[0].target.starts_with(path), "{}", pushes[0].target);
    }
}

#[test]
fn the_collector_listens_where_the_command_pushes_to() {
    let collector = yaml("collector");
    let endpoint = &collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"];
    let (_, port) = endpoint.as_str().unwrap().rsplit_once(':').unwrap();
    assert!(sample("opentelemetry").contains(&format!("http://collector:{port}/")));
    let pipeline = &collector["service"]["pipelines"]["profiles"];
    for kind in ["receivers", "exporters"] {
        for name in pipeline[kind].as_array().unwrap() {
            let name = name.as_str().unwrap();
            assert!(collector[kind].get(name).is_some(), "{kind} {name}");
        }
    }
}
