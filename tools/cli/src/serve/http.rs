//! HTTP/1.1, as much of it as an endpoint needs that only answers: one request a connection.
//!
//! httparse, hyper's parser, reads the heads: the part of a server that strangers' bytes reach.
//! Whole servers do not fit: tiny_http has no limits on time and as many threads as connections,
//! hyper brings an asynchronous runtime along. A thread for each of a bounded number of connections
//! is all that is needed here, and each limit can be seen:
//!
//! - **Connections** that have not sent their request yet are bounded, and so are those that have
//!   their answer and stay; the one that has waited for the longest is closed for a new one. So
//!   slow clients cannot keep others out. What comes meanwhile waits in the kernel's queue.
//! - **Requests** that are answered at once are bounded, those of each lane by themselves; others
//!   get the status 503. Requests that wait for time to pass are bounded apart from these.
//! - **Time** to send a request, and to take the answer, is bounded.
//! - **Heads** are bounded; a body is not read.

mod answer;
mod head;
mod listener;
mod slots;
mod waiting;

pub(super) use answer::Answer;
pub(super) use head::Request;
pub(super) use listener::{Delivered, Handler, Listener};
pub(super) use slots::Lane;
pub(super) use waiting::{Client, Stayed};
