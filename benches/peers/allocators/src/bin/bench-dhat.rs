//! The workloads under dhat.

#[global_allocator]
static ALLOC: dhat::Alloc = dhat::Alloc;

fn main() -> std::process::ExitCode {
    workloads::main(|| Ok(bench_allocators::start_dhat()))
}
