//! The workloads under heapscope. `HEAPSCOPE_OUT` names the report (default
//! `dhat-heap.json`); `HEAPSCOPE_UNWINDER=system` takes its unwinder for builds
//! without frame pointers, which it never chooses by itself.

use std::env;

use heapscope::unwind::Strategy;
use heapscope::{Output, Profiler};

#[global_allocator]
static ALLOC: heapscope::Alloc = heapscope::Alloc::system();

fn main() -> std::process::ExitCode {
    workloads::main(start)
}

fn start() -> Result<Profiler, String> {
    let out = env::var("HEAPSCOPE_OUT").unwrap_or_else(|_| "dhat-heap.json".to_owned());
    let mut builder = Profiler::builder().output(Output::dhat_v2(out));
    if env::var("HEAPSCOPE_UNWINDER").is_ok_and(|unwinder| unwinder == "system") {
        builder = builder.unwinder(Strategy::System);
    }
    // The first line says why; the others how to build, which is up to the driver.
    let reason = |error: heapscope::StartError| {
        format!("refuses: {}", error.to_string().lines().next().unwrap_or_default())
    };
    builder.build().map_err(reason)
}
