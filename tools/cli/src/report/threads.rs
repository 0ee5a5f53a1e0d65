//! Threads for programs that read a report.

use mod_alloc::recording::model::Thread;
use serde::Serialize;

use crate::dhat_file::Document;

/// A thread, or all that had its slot one after another.
#[derive(Serialize)]
pub(super) struct ThreadEntry<'d> {
    id: u32,
    name: &'d str,
    running: bool,
    total_bytes: u64,
    total_blocks: u64,
    freed_bytes: u64,
    freed_blocks: u64,
}

pub(super) fn entries(document: &Document) -> Vec<ThreadEntry<'_>> {
    document.extras.thread_list.iter().map(entry).collect()
}

fn entry(thread: &Thread) -> ThreadEntry<'_> {
    ThreadEntry {
        id: thread.id,
        name: &thread.name,
        running: thread.running,
        total_bytes: thread.total_bytes,
        total_blocks: thread.total_blocks,
        freed_bytes: thread.freed_bytes,
        freed_blocks: thread.freed_blocks,
    }
}
