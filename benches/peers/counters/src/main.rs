//! The workloads under mod-alloc with its counters alone: no stacks, no report.

use mod_alloc::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() -> std::process::ExitCode {
    workloads::main(|| Ok(()))
}
