//! Takes connections, within limits.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::answer::Answer;
use super::head::Request;
use super::slots::{Lane, MOST_AT_ONCE, Slots};
use super::waiting::{Client, Waiting};

/// Most threads for connections: more than all those that wait for a client or for time to pass.
/// The others end in a moment.
const MOST_THREADS: usize = 256;
/// The pause after a connection could not be taken: no descriptor may be free.
const PAUSE: Duration = Duration::from_millis(50);

/// Answers requests, in several threads at once.
pub(crate) trait Handler: Send + Sync + 'static {
    /// The requests that `request` shares slots with.
    fn lane(&self, request: &Request) -> Lane;

    /// The answer to `request`, and what is to be done when `client` has it.
    fn answer(&self, request: &Request, client: &Client<'_>) -> (Answer, Option<Delivered>);
}

/// Work for the time when the client has its answer.
pub(crate) type Delivered = Box<dyn FnOnce()>;

/// A socket that listens, and the thread that takes connections from it.
#[derive(Debug)]
pub(crate) struct Listener {
    thread: JoinHandle<()>,
    /// Closed to end the thread.
    end: UnixStream,
}

impl Listener {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
        let socket = TcpListener::bind(address)?;
        // A connection may be gone again when it is taken; nobody must be waited for then.
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Begins to take connections.
    pub(crate) fn start(socket: TcpListener, handler: Arc<impl Handler>) -> io::Result<Self> {
        let (end, ended) = UnixStream::pair()?;
        let work = move || take_all(&socket, &ended, &handler);
        let thread = thread::Builder::new().name("serve".into()).spawn(work)?;
        Ok(Self { thread, end })
    }

    /// Takes no more connections. Answers that are on their way are left to their threads.
    pub(crate) fn stop(self) {
        drop(self.end);
        // It has nothing to tell.
        let _ = self.thread.join();
    }

    /// Waits for ever.
    pub(crate) fn stay(self) {
        let Self { thread, end } = self;
        let _ = thread.join();
        drop(end);
    }
}

/// Limits that all connections share.
#[derive(Debug, Default)]
struct Shared {
    /// Those whose request has not come yet.
    waiting: Waiting,
    /// Those that have their answer, and are not closed by the client yet.
    leaving: Waiting,
    threads: Arc<Threads>,
    slots: Arc<Slots>,
}

fn take_all(socket: &TcpListener, ended: &UnixStream, handler: &Arc<impl Handler>) {
    let shared = Arc::new(Shared::default());
    while waits_for_connection(socket, ended) {
        match socket.accept() {
            Ok((stream, _)) => take(stream, &shared, handler),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Too many open files, perhaps: those of ended connections will be closed.
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Waits for a connection; false: it is time to end.
fn waits_for_connection(socket: &TcpListener, ended: &UnixStream) -> bool {
    let polled = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut files = [polled(socket.as_raw_fd()), polled(ended.as_raw_fd())];
    // SAFETY: the list is of that length, and the call changes its elements alone.
    unsafe { libc::poll(files.as_mut_ptr(), files.len() as libc::nfds_t, -1) };
    files[1].revents == 0
}

/// Answers a new connection in a thread of its own.
fn take(stream: TcpStream, shared: &Arc<Shared>, handler: &Arc<impl Handler>) {
    if stream.set_nonblocking(false).is_err() {
        return;
    }
    let thread = shared.threads.one_more();
    let stream = Arc::new(stream);
    shared.waiting.add(&stream);
    let (handler, all) = (handler.clone(), shared.clone());
    let of_thread = stream.clone();
    let work = move || {
        converse(&of_thread, &all, &*handler);
        drop(thread);
    };
    if thread::Builder::new().name("request".into()).spawn(work).is_err() {
        shared.waiting.remove(&stream);
    }
}

fn converse(stream: &Arc<TcpStream>, shared: &Arc<Shared>, handler: &impl Handler) {
    let mut client = Client::new(stream);
    let request = client.request();
    shared.waiting.remove(stream);
    let request = match request {
        // Nobody is there, or nobody has said anything.
        Err(_) | Ok(Ok(None)) => return,
        Ok(Err(refusal)) => {
            let sent = client.send(&refusal, true);
            return close_after(sent, &mut client, shared);
        }
        Ok(Ok(Some(request))) => request,
    };
    let with_body = !request.is_head;
    let Some(slot) = shared.slots.take(handler.lane(&request)) else {
        let line = format!("{MOST_AT_ONCE} requests of this kind are being answered");
        let answer = Answer::text(503, &line).with("Retry-After", "1");
        let sent = client.send(&answer, with_body);
        return close_after(sent, &mut client, shared);
    };
    client.slot = Some(slot);
    let (answer, delivered) = handler.answer(&request, &client);
    let sent = client.send(&answer, with_body);
    if let Some(work) = delivered.filter(|_| with_body && sent.is_ok()) {
        work();
    }
    client.slot = None;
    close_after(sent, &mut client, shared);
}

/// A client that does not take its answer is not waited for.
fn close_after(sent: io::Result<()>, client: &mut Client<'_>, shared: &Shared) {
    if sent.is_ok() {
        shared.leaving.add(client.stream);
        client.close();
        shared.leaving.remove(client.stream);
    }
}

/// The threads that hold connections.
#[derive(Debug, Default)]
struct Threads {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Threads {
    /// Waits until there may be one more: clients that come in a crowd stay in the kernel's queue.
    fn one_more(self: &Arc<Self>) -> Held {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |count: &mut usize| *count >= MOST_THREADS;
        *self.ended.wait_while(count, is_full).unwrap_or_else(PoisonError::into_inner) += 1;
        Held(self.clone())
    }
}

/// One of the threads, until it is dropped.
struct Held(Arc<Threads>);

impl Drop for Held {
    fn drop(&mut self) {
        *self.0.count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_one();
    }
}
