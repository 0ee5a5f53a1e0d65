//! `mod-alloc`

fn main() -> std::process::ExitCode {
    mod_alloc_cli::main(mod_alloc_cli::CalledAs::ModAlloc)
}
