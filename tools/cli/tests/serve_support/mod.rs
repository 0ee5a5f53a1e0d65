//! An endpoint, and a client that does what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A `mod-alloc` that serves.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
    errors: BufReader<ChildStderr>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Server {
    /// `mod-alloc serve` at a free port.
    pub(crate) fn of(words: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mod-alloc"));
        command.arg("serve").args(words).args(["--listen", "127.0.0.1:0"]);
        Self::start(command.stdin(Stdio::null()))
    }

    /// Starts what says where it serves.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.env("LC_ALL", "C.UTF-8").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(errors.read_line(&mut line).unwrap() > 0, "nothing is served: {told}");
            if let Some((_, rest)) = line.split_once("serving http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
            told.push_str(&line);
        };
        Self { child, address, errors }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, fields: &[&str]) -> Answer {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        self.ask(format!("GET {path} HTTP/1.1\r\n{fields}\r\n").as_bytes())
    }

    /// Sends these bytes, and reads what comes.
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that has heard enough answers while this is sent.
        let _ = stream.write_all(request);
        answer(&mut stream)
    }

    /// The rest of its standard error, when it has ended.
    pub(crate) fn end(mut self) -> (std::process::ExitStatus, String) {
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads an answer to its end.
pub(crate) fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {read:?}"));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}
