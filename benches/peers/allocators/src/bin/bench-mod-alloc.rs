//! The workloads under mod-alloc; it reports when the process exits.

use mod_alloc::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() -> std::process::ExitCode {
    workloads::main(|| Ok(()))
}
