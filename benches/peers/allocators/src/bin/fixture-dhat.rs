//! The fixture programs under dhat.

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

fn main() -> std::process::ExitCode {
    let _profiler = bench_allocators::start_dhat();
    fixtures::main()
}
