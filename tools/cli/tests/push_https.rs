//! `--push https://…`: only to those whose certificate is trusted.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod top_support;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use run_support::{Scratch, text};
use top_support::Program;

/// A certificate of its own authority, and the server that has it.
fn https(scratch: &Scratch) -> (Child, BufReader<ChildStdout>, String) {
    let mut openssl = Command::new("/usr/bin/openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let made = openssl.current_dir(scratch.path()).output().unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let mut openssl = Command::new("/usr/bin/openssl");
    openssl.args([
        "s_server",
        "-4",
        "-accept",
        "localhost:0",
        "-key",
        "key.pem",
        "-cert",
        "cert.pem",
    ]);
    openssl.current_dir(scratch.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = openssl.stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let port = loop {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "s_server has ended");
        if let Some(address) = line.trim().strip_prefix("ACCEPT ") {
            break address.rsplit(':').next().unwrap().to_owned();
        }
    };
    (server, output, port)
}

#[test]
fn https_is_for_those_whose_certificate_is_trusted() {
    let scratch = Scratch::new("push-https");
    let (mut server, mut output, port) = https(&scratch);
    let program = Program::start("push_https", "no");
    let url = format!("https://localhost:{port}/ingest");
    let mut command = scratch.command(&["serve", &program.pid(), "--push", &url]);
    command.args(["--push-every", "100ms"]).stderr(Stdio::piped());
    // The system's authorities do not know it.
    let mut distrusting = command.spawn().unwrap();
    let mut errors = BufReader::new(distrusting.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("it is pushed later") {
        assert!(errors.read_line(&mut told).unwrap() > 0, "{told}");
    }
    assert!(told.contains("certificate"), "{told}");
    distrusting.kill().unwrap();
    distrusting.wait().unwrap();
    command.env("SSL_CERT_FILE", scratch.join("cert.pem"));
    let mut pushing = command.spawn().unwrap();
    // Those that did not trust it have left lines, too.
    let mut line = Vec::new();
    while !String::from_utf8_lossy(&line).contains("POST /ingest?name=python3") {
        line.clear();
        assert!(output.read_until(b'\n', &mut line).unwrap() > 0, "s_server has ended");
    }
    pushing.kill().unwrap();
    pushing.wait().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    program.end();
}
