//! Connections that wait for their clients, and what is known of a client.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::head::{self, LONGEST, Request};
use super::slots::Slot;

/// Most connections that may wait.
const MOST: usize = 64;
/// Longest time to send a request.
const TO_SEND: Duration = Duration::from_secs(10);
/// Longest time to take an answer, and to take some of it.
const TO_TAKE: Duration = Duration::from_secs(60);
const TO_TAKE_SOME: Duration = Duration::from_secs(10);

/// The connections that wait, the oldest first.
#[derive(Debug, Default, Clone)]
pub(super) struct Waiting(Arc<Mutex<VecDeque<Arc<TcpStream>>>>);

impl Waiting {
    /// Adds one; closes the oldest if there are too many.
    pub(super) fn add(&self, stream: &Arc<TcpStream>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST
            && let Some(oldest) = all.pop_front()
        {
            // Its thread finds it closed, and ends.
            let _ = oldest.shutdown(Shutdown::Both);
        }
        all.push_back(stream.clone());
    }

    /// This one waits no more.
    pub(super) fn remove(&self, stream: &Arc<TcpStream>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| !Arc::ptr_eq(other, stream));
    }
}

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct Client<'s> {
    pub(super) stream: &'s Arc<TcpStream>,
    /// Its request's, while that is answered.
    pub(super) slot: Option<Slot>,
}

/// The outcome of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stayed {
    /// The client is still there.
    Yes,
    Gone,
    /// Nobody waited: too many do.
    Crowded,
}

impl<'s> Client<'s> {
    pub(super) fn new(stream: &'s Arc<TcpStream>) -> Self {
        Self { stream, slot: None }
    }

    /// The client's address, if it is still there.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.stream.peer_addr().ok().map(|address| address.ip())
    }

    /// Reads the request. `Ok(None)`: none came, or not in time.
    pub(super) fn request(&mut self) -> io::Result<Result<Option<Request>, Answer>> {
        let end = Instant::now() + TO_SEND;
        let mut bytes = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match head::parse(&bytes) {
                Ok(None) => {}
                decided => return Ok(decided),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Ok(None));
            }
            self.stream.set_read_timeout(Some(left))?;
            let room = buffer.len().min(LONGEST - bytes.len());
            let count = (&**self.stream).read(&mut buffer[..room])?;
            if count == 0 {
                return Ok(Ok(None));
            }
            bytes.extend_from_slice(&buffer[..count]);
        }
    }

    /// Waits, apart from the requests that are being answered.
    pub(crate) fn stays(&self, time: Duration) -> Stayed {
        let wait = || self.is_there_after(time);
        let stayed = self.slot.as_ref().map_or_else(|| Some(wait()), |slot| slot.aside(wait));
        match stayed {
            Some(true) => Stayed::Yes,
            Some(false) => Stayed::Gone,
            None => Stayed::Crowded,
        }
    }

    fn is_there_after(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            if self.stream.set_read_timeout(Some(left)).is_err() {
                return false;
            }
            match self.stream.peek(&mut [0]) {
                Ok(0) => return false,
                // More than a request: nothing of it will be read, so it is not waited for.
                Ok(_) => {
                    std::thread::sleep(left);
                    return true;
                }
                Err(error) if is_timeout(&error) => {}
                Err(_) => return false,
            }
        }
    }

    /// Sends `answer`.
    pub(super) fn send(&mut self, answer: &Answer, with_body: bool) -> io::Result<()> {
        let end = Instant::now() + TO_TAKE;
        answer.write(&mut InTime { stream: self.stream, end }, with_body)
    }

    /// Closes the connection after an answer. Bytes that nobody has read would make the kernel tell
    /// the client of an error, and the client could lose the answer over that: so some are read.
    pub(super) fn close(&mut self) {
        const MOST_UNREAD: usize = 4 << 20;
        const LONGEST_TIME: Duration = Duration::from_secs(2);
        let _ = self.stream.shutdown(Shutdown::Write);
        let end = Instant::now() + LONGEST_TIME;
        let mut buffer = [0; 16 << 10];
        let mut read = 0;
        while read < MOST_UNREAD {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
                break;
            }
            match (&**self.stream).read(&mut buffer) {
                Ok(count) if count > 0 => read += count,
                _ => break,
            }
        }
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn is_timeout(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut, io::ErrorKind::Interrupted];
    kinds.contains(&error.kind())
}

/// Writes until a moment, and no longer.
struct InTime<'s> {
    stream: &'s TcpStream,
    end: Instant,
}

impl Write for InTime<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_write_timeout(Some(left.min(TO_TAKE_SOME)))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
