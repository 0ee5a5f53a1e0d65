//! glibc's figures: ours, those of `mallinfo2`, and those of `malloc_info`. With an argument, as many threads
//! make a heap of their own first.

use std::sync::{Arc, Barrier};
use std::{env, ptr, thread};

use mod_alloc_test_allocators::{heap_with_gaps, number_after, say, say_ours, settled};

#[global_allocator]
static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();

/// The output of `malloc_info`.
fn malloc_info() -> String {
    let (mut text, mut len) = (ptr::null_mut(), 0);
    // SAFETY: both out-pointers are valid until the stream is closed.
    let stream = unsafe { libc::open_memstream(&raw mut text, &raw mut len) };
    // SAFETY: opened above.
    assert_eq!(unsafe { libc::malloc_info(0, stream) }, 0);
    // SAFETY: opened above.
    assert_eq!(unsafe { libc::fclose(stream) }, 0);
    // SAFETY: as many bytes as the closed stream says; never freed, for that would change what is counted.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) };
    String::from_utf8_lossy(bytes).into_owned()
}

fn main() {
    let threads = env::args().nth(1).map_or(0, |count| count.parse().expect("a number"));
    let blocks = heap_with_gaps();
    let (made, done) = (Arc::new(Barrier::new(threads + 1)), Arc::new(Barrier::new(threads + 1)));
    for _ in 0..threads {
        let (made, done) = (Arc::clone(&made), Arc::clone(&done));
        thread::spawn(move || {
            let blocks = heap_with_gaps();
            made.wait();
            done.wait();
            drop(blocks);
        });
    }
    made.wait();
    let _warm = settled();
    // SAFETY: no preconditions.
    let own = unsafe { libc::mallinfo2() };
    let state = mod_alloc::heap_state::collect();
    let xml = malloc_info();
    say_ours(state);
    let own = [own.arena, own.hblkhd, own.uordblks, own.fordblks].map(|bytes| bytes as u64);
    say("mallinfo2", &own);
    let (_, totals) = xml.rsplit_once("</heap>").expect("totals follow the heaps");
    let size = |kind: &str| {
        let (_, rest) = totals.split_once(kind).expect("a total");
        number_after(rest, "size=")
    };
    let free = size("\"fast\"") + size("\"rest\"");
    let heaps = xml.matches("<heap nr=").count() as u64;
    say("malloc_info", &[size("<system type=\"current\""), size("\"mmap\""), free, heaps]);
    done.wait();
    drop(blocks);
}
