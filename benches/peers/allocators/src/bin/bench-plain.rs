//! The workloads under the system's allocator: what everything is compared with.

fn main() -> std::process::ExitCode {
    workloads::main(|| Ok(()))
}
