//! The fixture programs under mod-alloc 1.0.1.

use mod_alloc_1::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() -> std::process::ExitCode {
    let _report = bench_allocators::ReportAtEnd::of(&ALLOC);
    fixtures::main()
}
