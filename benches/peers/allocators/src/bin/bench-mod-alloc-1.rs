//! The workloads under mod-alloc 1.0.1 with backtraces.

use mod_alloc_1::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() -> std::process::ExitCode {
    workloads::main(|| Ok(bench_allocators::ReportAtEnd::of(&ALLOC)))
}
