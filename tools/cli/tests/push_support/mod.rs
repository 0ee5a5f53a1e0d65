//! A collector that does what a test wants: takes, refuses, is slow, closes, is away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::FromRawFd;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

/// A push as it came.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    /// Path and query, decoded.
    pub(crate) target: String,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The collector answered that it has it.
    pub(crate) is_taken: bool,
}

/// The collector's answer to a push.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200, with this body.
    Take(Vec<u8>),
    /// A status with more of a head, such as `503 Busy\r\nRetry-After: 0`.
    Status(&'static str),
    /// Closes without an answer.
    Close,
    /// Answers when the sender is dropped.
    Wait(Receiver<()>),
}

impl Answer {
    pub(crate) fn take() -> Self {
        Self::Take(Vec::new())
    }
}

/// A collector, and the pushes that it has got.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    pub(crate) pushes: Receiver<Push>,
}

impl Collector {
    /// One whose answers are those of `answer`.
    pub(crate) fn start(answer: impl FnMut(&Push) -> Answer + Send + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(crate) fn on(
        socket: TcpListener,
        answer: impl FnMut(&Push) -> Answer + Send + 'static,
    ) -> Self {
        let address = socket.local_addr().unwrap();
        let (send, pushes) = mpsc::channel();
        // It goes with the test's process.
        thread::spawn(move || serve(&socket, answer, &send));
        Self { address, pushes }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The pushes so far that were taken.
    pub(crate) fn taken(&self) -> Vec<Push> {
        self.pushes.try_iter().filter(|push| push.is_taken).collect()
    }
}

fn serve(socket: &TcpListener, mut answer: impl FnMut(&Push) -> Answer, pushes: &Sender<Push>) {
    for stream in socket.incoming() {
        let mut stream = stream.unwrap();
        let Some(mut push) = request(&mut stream) else { continue };
        let (head, body) = match answer(&push) {
            Answer::Take(body) => ("200 OK", body),
            Answer::Status(head) => (head, b"the reason\n".to_vec()),
            Answer::Close => {
                let _ = pushes.send(push);
                continue;
            }
            Answer::Wait(until) => {
                // The test lets go of the sender.
                let _ = until.recv();
                ("200 OK", Vec::new())
            }
        };
        push.is_taken = head.starts_with('2');
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
        let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        // One that has gone has no answer.
        push.is_taken &= sent.is_ok();
        let _ = pushes.send(push);
    }
}

fn request(stream: &mut TcpStream) -> Option<Push> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    assert!(head.starts_with("POST "), "{head}");
    let length = field(&head, "content-length").expect("a length").parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let target = decoded(head.split(' ').nth(1).unwrap());
    Some(Push { target, head, body, is_taken: false })
}

/// The value of a field of a head.
pub(crate) fn field<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut values = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.trim())
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap().to_owned();
    for part in parts {
        decoded.push(u8::from_str_radix(&part[..2], 16).unwrap().into());
        decoded.push_str(&part[2..]);
    }
    decoded
}

/// An address at which nobody listens and nobody else can, until [`Away::comes_back`].
pub(crate) struct Away(TcpListener);

impl Away {
    pub(crate) fn new() -> Self {
        // SAFETY: takes numbers alone.
        let socket =
            unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        assert!(socket >= 0);
        // SAFETY: all zeroes are a value of this plain structure.
        let mut address = unsafe { std::mem::zeroed::<libc::sockaddr_in>() };
        address.sin_family = libc::AF_INET as libc::sa_family_t;
        address.sin_addr.s_addr = u32::from_ne_bytes([127, 0, 0, 1]);
        let size = size_of_val(&address) as libc::socklen_t;
        // SAFETY: an address, and its size.
        let failed = unsafe { libc::bind(socket, (&raw const address).cast(), size) };
        assert_eq!(failed, 0);
        // SAFETY: the socket is nobody else's.
        Self(unsafe { TcpListener::from_raw_fd(socket) })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.0.local_addr().unwrap())
    }

    pub(crate) fn comes_back(
        self,
        answer: impl FnMut(&Push) -> Answer + Send + 'static,
    ) -> Collector {
        use std::os::fd::AsRawFd;
        // SAFETY: takes numbers alone.
        let failed = unsafe { libc::listen(self.0.as_raw_fd(), 16) };
        assert_eq!(failed, 0);
        Collector::on(self.0, answer)
    }
}
