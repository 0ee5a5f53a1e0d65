//! OTLP profiles, as the package of the OpenTelemetry project decodes them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::run_support::{text, with_input};

/// Decodes `bytes`; the rules of the format are checked on the way. `what`: `request` for the body
/// of a push.
pub(crate) fn decode(bytes: &[u8], what: &[&str]) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let mut python = Command::new("/usr/bin/python3");
    python.arg(folder.join("otlp.py")).args(what);
    python.env("PYTHONPATH", folder.join("packages")).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = with_input(python, bytes);
    assert!(
        output.status.success(),
        "tools/check/setup installs the packages: {}",
        text(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The profiles' types, in their order.
pub(crate) fn types(data: &Value) -> Vec<&str> {
    let profiles = data["profiles"].as_array().unwrap().iter();
    profiles.map(|profile| profile["type"].as_str().unwrap()).collect()
}

/// The numbers of all samples of a type.
pub(crate) fn values(data: &Value, kind: &str) -> Vec<u64> {
    let profiles = data["profiles"].as_array().unwrap().iter();
    let profile = profiles.clone().find(|profile| profile["type"] == kind);
    let profile = profile.unwrap_or_else(|| panic!("no {kind}"));
    let samples = profile["samples"].as_array().unwrap().iter();
    samples.map(|sample| sample["value"].as_u64().unwrap()).collect()
}
