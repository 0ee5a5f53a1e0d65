//! The preload library of `mod-alloc run`: C's allocation functions, recorded and handed on to the
//! next allocator in the order in which the loader looks for symbols.
//!
//! ```text
//!  program ── malloc ──▶ entries ──▶ exports ──▶ next: the allocator that it would have had
//!                                       └──────▶ mod_alloc::preload: the recorder, if any
//! ```
//!
//! | file | what |
//! |---|---|
//! | `entries`, `vectors` | what the loader calls as well keeps the vector registers |
//! | `exports` | the functions that the program calls |
//! | `next` | the functions behind them; what is allocated while they are being looked for |
//! | `behind` | other functions behind this library |
//! | `operators` | C++'s `new` and `delete` of an allocator that brings them along |
//! | `families`, `jemalloc`, `tcmalloc`, `mimalloc` | functions that an allocator has beside C's |
//! | `unfronted` | programs that call such functions without a front |
//! | `environment` | what a program that is not to be recorded must not inherit |
//! | `locking` | keeps the recording out of locked memory |
//! | `exec` | programs that this one executes: what they inherit, and which are not recorded |
//! | `unwinder` | keeps libgcc out |
//! | `threads`, `names` | each test of a test program as a group |
//!
//! Programs call `operators` and `families` by libraries of their own, the fronts (`front.rs`).
//!
//! libstdc++'s `new` and `delete`, `strdup`, `getline` and the like come here by way of `malloc` and
//! `free`. Nothing here prints, but for one line where the process cannot be recorded, and nothing
//! panics.

mod behind;
mod checking;
mod entries;
mod environment;
mod exec;
mod exports;
mod families;
mod jemalloc;
mod locking;
mod mappings;
mod mimalloc;
mod names;
mod next;
mod operators;
mod sandbox;
mod tcmalloc;
mod threads;
mod unfronted;
mod unwinder;
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
mod vectors;

/// Runs when the library is loaded: before `main`, and before the environment is read.
extern "C" fn start() {
    if let Some(recorder) = exports::recorder() {
        recorder.begin_thread(None);
        if recorder.groups_main() {
            recorder.begin_group(b"main", b"main");
        }
    }
    let follows_children = mod_alloc::preload::follows_children();
    exec::prepare(follows_children);
    if !follows_children {
        environment::forget_us();
    }
}

// SAFETY: the loader calls what it finds in this section, with no arguments that matter.
#[unsafe(link_section = ".init_array")]
#[used]
static START: extern "C" fn() = start;
