//! Clients of `mod-alloc serve` that are slow, many, wrong or not allowed.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod serve_support;
#[expect(dead_code, reason = "each test file uses its part")]
mod top_support;

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use run_support::Scratch;
use serve_support::{Server, answer};
use top_support::Program;

/// More descriptors than the usual limit of 1,024 that are needed for a thousand connections.
fn raise_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: fills the structure that it is given.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = limit.rlim_max.min(4096);
    // SAFETY: reads the structure that it is given.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    raise_limit();
    let program = Program::start("hostile_idle", "no");
    let server = Server::of(&[&program.pid()]);
    let idle: Vec<TcpStream> = (0..1000)
        .map(|number| {
            let mut stream = server.connect();
            // Every second one has begun a request.
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET /metr");
            }
            stream
        })
        .collect();
    for path in ["/metrics", "/debug/pprof/heap", "/"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    drop(idle);
    assert_eq!(server.get("/metrics").status, 200);
    program.end();
}

#[test]
fn a_thousand_requests_at_once_have_an_answer_or_503() {
    raise_limit();
    let program = Program::start("hostile_many", "no");
    let server = Server::of(&[&program.pid()]);
    assert_eq!(server.get("/debug/pprof/heap").status, 200, "names are known from now on");
    let ask = || {
        let mut stream = server.connect();
        let _ = stream.write_all(b"GET /debug/pprof/heap HTTP/1.1\r\n\r\n");
        stream
    };
    let mut asked: Vec<TcpStream> = (0..1000).map(|_| ask()).collect();
    let mut answers = 0;
    for stream in &mut asked {
        // One that waited for too long was closed for a new one.
        let mut peeked = [0];
        if !matches!(stream.peek(&mut peeked), Ok(1)) {
            continue;
        }
        let answer = answer(stream);
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        answers += u32::from(answer.status == 200);
    }
    assert!(answers > 0);
    assert_eq!(server.get("/debug/pprof/heap").status, 200);
    program.end();
}

#[test]
fn clients_that_stay_after_their_answers_keep_nobody_out() {
    raise_limit();
    let program = Program::start("hostile_staying", "no");
    let server = Server::of(&[&program.pid()]);
    let mut staying = Vec::new();
    for number in 0..300 {
        let mut stream = server.connect();
        stream.write_all(b"GET /nothing HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(answer(&mut stream).status, 404, "{number}");
        staying.push(stream);
    }
    program.end();
}

#[test]
fn requests_that_wait_keep_nobody_out_and_are_bounded() {
    const MOST_WAITING: usize = 32;
    let program = Program::start("hostile_slots", "no");
    let server = Server::of(&[&program.pid()]);
    let mut long: Vec<TcpStream> = Vec::new();
    let refused = loop {
        let mut stream = server.connect();
        stream.write_all(b"GET /debug/pprof/heap?seconds=600 HTTP/1.1\r\n\r\n").unwrap();
        long.push(stream);
        for path in ["/metrics", "/", "/debug/pprof/heap"] {
            assert_eq!(server.get(path).status, 200, "{path} beside {}", long.len());
        }
        if long.len() <= MOST_WAITING {
            continue;
        }
        // Whichever came last has its answer.
        break answer(first_with_bytes(&mut long));
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.head.contains("Retry-After: 1"), "{}", refused.head);
    // Clients that go away are not waited for.
    drop(long);
    while server.get("/debug/pprof/heap?seconds=1").status != 200 {}
    program.end();
}

/// Waits until one of the connections has something to read.
fn first_with_bytes(streams: &mut [TcpStream]) -> &mut TcpStream {
    let polled = |stream: &TcpStream| libc::pollfd {
        fd: stream.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut files: Vec<libc::pollfd> = streams.iter().map(polled).collect();
    // SAFETY: the list is of that length, and the call changes its elements alone.
    unsafe { libc::poll(files.as_mut_ptr(), files.len() as libc::nfds_t, -1) };
    let ready = files.iter().position(|file| file.revents != 0).unwrap();
    &mut streams[ready]
}

#[test]
fn clients_that_go_before_their_answer_are_forgotten() {
    let mut program = Program::start("hostile_slow", "no");
    program.tell("1000000");
    let server = Server::of(&[&program.pid()]);
    for _ in 0..20 {
        let mut stream = server.connect();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        drop(stream);
    }
    while server.get("/").status != 200 {}
    program.end();
}

#[test]
fn wrong_requests_are_told_so() {
    let program = Program::start("hostile_wrong", "no");
    let server = Server::of(&[&program.pid()]);
    let huge = [&b"GET /"[..], &vec![b'a'; 3 << 20], b" HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(server.ask(&huge).status, 431);
    let body = [&b"POST /metrics HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n"[..], &[0; 2_000_000]];
    assert_eq!(server.ask(&body.concat()).status, 405);
    assert_eq!(server.ask(b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n").status, 400);
    for (path, status) in [
        ("/debug/pprof/profile", 404),
        ("/debug/pprof/", 200),
        ("/debug/pprof/heap?seconds=x", 400),
        ("/debug/pprof/heap?seconds=-1", 400),
        ("/debug/pprof/heap?seconds=601", 400),
        ("/debug/pprof/heap?pid=x", 400),
        ("/debug/pprof/heap?seconds=0", 200),
        ("/../etc/passwd", 404),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
    program.end();
}

#[test]
fn a_page_of_another_host_is_refused() {
    let program = Program::start("hostile_host", "no");
    let server = Server::of(&[&program.pid()]);
    let port = server.address.rsplit(':').next().unwrap();
    let status = |host: &str| server.get_with("/metrics", &[&format!("Host: {host}")]).status;
    assert_eq!(status(&format!("localhost:{port}")), 200);
    assert_eq!(status(&server.address), 200);
    assert_eq!(status(&format!("evil.example:{port}")), 403);
    program.end();
}

#[test]
fn a_token_is_needed_where_one_is_set() {
    let scratch = Scratch::new("serve-token");
    let file = scratch.join("token");
    fs::write(&file, "s3cret\n").unwrap();
    let program = Program::start("hostile_token", "no");
    let server = Server::of(&[&program.pid(), "--token-file", file.to_str().unwrap()]);
    for path in ["/", "/metrics", "/debug/pprof/heap"] {
        let refused = server.get(path);
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.head.contains("WWW-Authenticate: Bearer"), "{}", refused.head);
        let with =
            |token: &str| server.get_with(path, &[&format!("Authorization: Bearer {token}")]);
        assert_eq!(with("s3cre").status, 401, "{path}");
        assert_eq!(with("s3cret").status, 200, "{path}");
    }
    fs::write(&file, "\n").unwrap();
    let words = ["serve", &program.pid(), "--token-file", file.to_str().unwrap()];
    let output = scratch.run(&words);
    assert_eq!(output.status.code(), Some(1), "an empty token is none");
    program.end();
}
