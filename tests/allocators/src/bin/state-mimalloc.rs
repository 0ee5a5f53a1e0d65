//! mimalloc's figures: ours, those of `mi_process_info`, and those of its statistics in JSON and as printed.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use mod_alloc_test_allocators::{heap_with_gaps, number_after, say, say_ours};

#[global_allocator]
static ALLOC: mod_alloc::ModAlloc<mimalloc::MiMalloc> =
    mod_alloc::ModAlloc::with(mimalloc::MiMalloc);

unsafe extern "C" fn keep(text: *const c_char, place: *mut c_void) {
    // SAFETY: `main` passes its own string.
    let place = unsafe { &mut *place.cast::<String>() };
    // SAFETY: mimalloc's text ends with a zero byte.
    place.push_str(&unsafe { CStr::from_ptr(text) }.to_string_lossy());
}

fn main() {
    let blocks = heap_with_gaps();
    let mut json = vec![0_u8; 64 << 10];
    let mut printed = String::with_capacity(64 << 10);
    let (mut committed, none) = (0, ptr::null_mut());
    let state = mod_alloc::heap_state::collect();
    // SAFETY: one out-pointer is valid, the others are null, which leaves them out.
    unsafe {
        libmimalloc_sys::mi_process_info(
            none,
            none,
            none,
            none,
            none,
            &raw mut committed,
            none,
            none,
        );
    }
    // SAFETY: the buffer is valid for its length.
    unsafe { libmimalloc_sys::mi_stats_get_json(json.len(), json.as_mut_ptr().cast()) };
    // SAFETY: the string outlives the call.
    unsafe { libmimalloc_sys::mi_stats_print_out(Some(keep), (&raw mut printed).cast()) };
    say_ours(state);
    say("process-info", &[committed as u64]);
    let json = CStr::from_bytes_until_nul(&json).expect("it is ended").to_string_lossy();
    let figure = |name: &str| {
        let (_, rest) = json.split_once(&format!("\"{name}\": {{")).expect("a figure");
        number_after(rest, "\"current\":")
    };
    let arenas = number_after(&json, "\"arena_count\":");
    say("json", &[figure("committed"), figure("reserved"), arenas]);
    println!("{printed}");
    drop(blocks);
}
