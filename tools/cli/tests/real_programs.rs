//! Programs of Debian's, and one on tokio, plain and under `mod-alloc run`: standard output, standard
//! error and exit status are the same, the report loads, nothing is lost that need not be, and the
//! functions of libraries have their names.
//!
//! `tools/check/setup` installs what is missing.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use traced::compared::{assert_alike_for_a_shell, wrapped_like_plain};
use traced::native;
use traced::program::{Ended, Program};
use traced::recorded::Recorded;

macro_rules! script {
    ($name:literal) => {
        include_str!(concat!("scripts/", $name))
    };
}

/// Runs it both ways, and looks for these names in the report.
fn unnoticed(program: &Program, status: i32, names: &[&str]) -> Ended {
    unnoticed_but(program, status, names, &[])
}

/// As above, where there are losses by these causes.
fn unnoticed_but(program: &Program, status: i32, names: &[&str], losses: &[&str]) -> Ended {
    let (wrapped, report) = wrapped_like_plain(program);
    let wrapped = wrapped.with_status(status);
    assert_sound(&report, names, losses);
    wrapped
}

fn assert_sound(report: &Recorded, names: &[&str], losses: &[&str]) {
    let sum = report.report.sum();
    assert!(sum.get("tb") > 0 && sum.get("tbk") > 0, "it allocates");
    assert_eq!(report.other_losses(losses), [], "{:?}", report.report.json["cmd"]);
    let frames = &report.report.frames;
    for name in names {
        assert!(frames.iter().any(|frame| frame.contains(name)), "no {name} in {frames:#?}");
    }
}

/// Deeper than is kept: compilers, Python and what its modules call. Node's own code has no tables.
const DEEP: [&str; 1] = ["truncated_stacks"];

/// With its children, which have a report each; of all of them there is one more.
fn with_children(program: &Program, status: i32, children: &[&str]) -> (Ended, Ended) {
    let plain = program.plain();
    // The next run empties the folder.
    let kept = plain.results.join("work");
    let _ = fs::remove_dir_all(&kept);
    fs::rename(&plain.work, &kept).expect("both are in one folder");
    let plain = Ended { work: kept, ..plain };
    let wrapped = program.wrapped_with_children().with_status(status);
    assert_alike_for_a_shell(&without_us(&plain), &without_us(&wrapped));
    assert_sound(&wrapped.report(), &[], &DEEP);
    let reports = wrapped.files("report.");
    let reports: Vec<_> = reports.iter().filter(|path| !path.ends_with("report.json")).collect();
    let commands: Vec<String> = reports
        .iter()
        .map(|path| {
            let report = Recorded::of_report(path);
            assert_eq!(report.other_losses(&DEEP), [], "{}", path.display());
            report.report.json["cmd"].as_str().expect("a text").to_owned()
        })
        .collect();
    for child in children {
        let is_it = |command: &String| {
            command.split(' ').next().is_some_and(|program| program.ends_with(child))
        };
        assert!(commands.iter().any(is_it), "no {child} in {commands:#?}");
    }
    (plain, wrapped)
}

/// Without our variables, which children see that are recorded.
fn without_us(ended: &Ended) -> Ended {
    let is_ours = |line: &str| line.starts_with("LD_PRELOAD=") || line.starts_with("MOD_ALLOC_");
    let stdout = ended.stdout.split_inclusive('\n').filter(|line| !is_ours(line)).collect();
    let (stderr, said) = (ended.stderr.clone(), ended.said.clone());
    let (work, results) = (ended.work.clone(), ended.results.clone());
    Ended { stdout, stderr, said, work, results, ..*ended }
}

#[test]
fn python_with_extensions_threads_and_subprocesses() {
    let program = Program::new("/usr/bin/python3", &["extensions.py"]);
    let program = program.input("extensions.py", script!("extensions.py"));
    let names =
        ["PyObject_", "_PyEval_EvalFrameDefault", "sqlite3_", "SSL_CTX_new", "lzma_", "CRYPTO_"];
    let ended = unnoticed_but(&program, 1, &names, &DEEP);
    assert!(ended.stderr.ends_with("ValueError: as it should\n"), "{}", ended.stderr);
}

#[test]
fn perl() {
    let program = Program::new("/usr/bin/perl", &["perl.pl"]).input("perl.pl", script!("perl.pl"));
    let program = program.env("PERL_HASH_SEED", "0");
    let ended = unnoticed(&program, 6, &["Perl_safesysmalloc", "Perl_pp_", "perl_run"]);
    assert!(ended.stderr.starts_with("warned\n"), "{}", ended.stderr);
}

/// A repository of thirty commits.
fn repository() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let script = script!("repository.sh");
        let program = Program::new("/bin/sh", &["-c", script]).called("repository");
        program.plain().with_status(0).work.join("repository")
    })
}

#[test]
fn git() {
    let repository = repository().to_str().expect("a path in UTF-8");
    let git = |arguments: &[&str]| {
        let name = format!("git-{}", arguments.last().expect("a command")).replace('/', "_");
        let arguments: Vec<_> = ["-C", repository].iter().chain(arguments).copied().collect();
        Program::new("/usr/bin/git", &arguments).called(&name).env("GIT_CONFIG_NOSYSTEM", "1")
    };
    let log = unnoticed(&git(&["log", "-p", "--stat"]), 0, &["inflateInit", "libz.so"]);
    assert_eq!(log.stdout.matches("\ncommit ").count(), 29);
    unnoticed(&git(&["gc"]), 0, &[]);
    unnoticed(&git(&["fsck"]), 0, &[]);
    unnoticed(&git(&["grep", "-c", "77"]), 0, &[]);
    unnoticed(&git(&["rev-parse", "no-such-thing"]), 128, &[]);
    let clone = Program::new("/usr/bin/git", &["clone", "--no-local", repository, "copy"]);
    let clone = unnoticed(&clone, 0, &[]);
    assert!(clone.work.join("copy/file3").exists());
    let clone = Program::new("/usr/bin/git", &["clone", "--no-local", repository, "copy"]);
    with_children(&clone.called("clone-with-children"), 0, &["git"]);
}

/// And what it makes is the same, to the bit.
#[test]
fn gcc_and_gxx() {
    let compile = ["-O2", "-g", "-ffile-prefix-map=/=/", "words.cpp", "-o", "words"];
    let program = Program::new("/usr/bin/g++", &compile).input("words.cpp", script!("words.cpp"));
    let children = ["g++", "cc1plus", "as", "collect2", "ld"];
    let (plain, wrapped) = with_children(&program, 0, &children);
    let made = |ended: &Ended| fs::read(ended.work.join("words")).expect("it was compiled");
    assert!(made(&plain) == made(&wrapped), "another program was made");
    let ended = Program::new(wrapped.work.join("words"), &[]).plain().with_status(3);
    assert_eq!(ended.stdout, "313 31\n");

    let source = "#include <stdio.h>\nint main(void) { return printf(\"%d\\n\") }\n";
    let program = Program::new("/usr/bin/gcc", &["-Wall", "-c", "wrong.c"]);
    let ended = unnoticed(&program.input("wrong.c", source), 1, &[]);
    assert!(ended.stderr.contains("error: expected"), "{}", ended.stderr);
}

#[test]
fn sqlite3() {
    let program = Program::new("/usr/bin/sqlite3", &["words.db", ".read tables.sql"]);
    let program = program.input("tables.sql", script!("tables.sql"));
    let ended = unnoticed(&program, 1, &["sqlite3_exec", "sqlite3_step", "libsqlite3.so"]);
    assert!(ended.stderr.contains("no such column"), "{}", ended.stderr);
}

#[test]
fn node() {
    let program = Program::new("/usr/bin/node", &["workers.js"]);
    let program = program.input("workers.js", script!("workers.js"));
    let names = ["node::", "v8::", "uv_", "deflateInit"];
    let ended = unnoticed_but(&program, 1, &names, &["broken_stacks", "truncated_stacks"]);
    assert!(ended.stderr.contains("Error: as it should"), "{}", ended.stderr);
    let lost = ended.said.iter().find(|line| line.starts_with("Lost: ")).expect("a line");
    assert!(lost.contains("in code made at run time (JIT), which has no tables"), "{lost}");
}

#[test]
fn bash() {
    let program = Program::new("/bin/bash", &["shell.sh"]).input("shell.sh", script!("shell.sh"));
    let ended = unnoticed(&program, 17, &["xmalloc", "execute_command"]);
    assert!(ended.stdout.contains("\nHOME="), "the environment is printed: {}", ended.stdout);
    let program = program.called("with-children");
    with_children(&program, 17, &["bash", "env", "sort", "seq"]);
}

#[test]
fn tar_with_xz_and_zstd() {
    for (option, program) in [("--xz", "xz"), ("--zstd", "zstd"), ("--gzip", "gzip")] {
        let pack = ["--sort=name", option, "-cf", "packed", "-C", "/usr/share", "common-licenses"];
        let tar = Program::new("/usr/bin/tar", &pack).called(program);
        unnoticed(&tar, 0, &[]);
        let (plain, wrapped) = with_children(&tar, 0, &["tar", program]);
        let made = |ended: &Ended| fs::read(ended.work.join("packed")).expect("it was packed");
        assert!(made(&plain) == made(&wrapped), "another archive was made");
        let packed = wrapped.work.join("packed");
        let list = ["-tvf", packed.to_str().expect("a path in UTF-8")];
        let list = Program::new("/usr/bin/tar", &list).called(&format!("list-{program}"));
        with_children(&list, 0, &["tar", program]);
    }
}

#[test]
fn openssl() {
    let openssl = |arguments: &[&str]| Program::new("/usr/bin/openssl", arguments);
    let key = openssl(&["genrsa", "-out", "key", "2048"]);
    let key = fs::read(key.plain().with_status(0).work.join("key")).expect("it was made");
    unnoticed(&openssl(&["genrsa", "-out", "key", "2048"]), 0, &["BN_", "CRYPTO_"]);
    let hashed = openssl(&["dgst", "-sha256", "key"]).input("key", &key);
    unnoticed(&hashed, 0, &["EVP_", "libcrypto.so"]);
    let request = ["req", "-new", "-key", "key", "-subj", "/CN=example.org", "-out", "request"];
    let request = openssl(&request).input("key", &key);
    unnoticed(&request, 0, &["ASN1_", "X509_"]);
    let shown = openssl(&["rsa", "-in", "key", "-noout", "-text", "-check"]).input("key", &key);
    unnoticed(&shown, 0, &["CRYPTO_"]);
    unnoticed(&openssl(&["x509", "-in", "nowhere"]), 1, &[]);
}

#[test]
fn gdb_with_python_inside() {
    let debugged = native::program("entry_points");
    let debugged = debugged.to_str().expect("a path in UTF-8");
    let batch = ["-q", "-nx", "-batch", "-x", "debugged.gdb", debugged];
    let program =
        Program::new("/usr/bin/gdb", &batch).input("debugged.gdb", script!("debugged.gdb"));
    let ended = unnoticed_but(&program, 5, &["_PyEval_EvalFrameDefault"], &DEEP);
    assert!(ended.stdout.contains("Breakpoint 1, case_calloc"), "{}", ended.stdout);
}

#[test]
fn vim() {
    let batch = ["-es", "-u", "NONE", "-i", "NONE", "-n", "-S", "edit.vim", "text"];
    let program = Program::new("/usr/bin/vim", &batch).input("edit.vim", script!("edit.vim"));
    let ended = unnoticed_but(&program, 4, &[], &DEEP);
    assert!(fs::read(ended.work.join("result")).expect("it was written").len() > 10_000);
}

#[test]
fn cmake() {
    let configure = ["-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Release"];
    let inputs = |program: Program| {
        let program = program.input("CMakeLists.txt", script!("CMakeLists.txt"));
        program.input("words.cpp", script!("words.cpp")).input("empty.cpp", "int empty;\n")
    };
    let configured = inputs(Program::new("/usr/bin/cmake", &configure));
    // It calls itself for each level of its language.
    unnoticed_but(&configured, 0, &["std::"], &["truncated_stacks"]);
    let all = "cmake -S . -B build && cmake --build build && ctest --test-dir build -Q; echo $?";
    let all = inputs(Program::new("/bin/sh", &["-c", all]).called("all"));
    with_children(&all, 0, &["cmake", "ctest", "cc1plus", "make", "words"]);
}

/// Built as its users would.
fn tokio_load() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tokio-load");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path"]);
    cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tokio-load/Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "{cargo:?}: {status}");
    target.join("release/tokio-load")
}

#[test]
fn a_server_on_tokio_and_thousands_of_connections() {
    let program = Program::new(tokio_load(), &[]);
    let names = ["tokio::runtime::", "tokio_load::serve", "alloc::"];
    let ended = unnoticed(&program, 0, &names);
    assert_eq!(ended.stdout, "112492500 112492500\n");
    let [bytes, blocks, live_bytes, live] = ended.report().site("site_reversed");
    assert!(blocks >= 15_000 && bytes >= 41 * 15_000, "{blocks} blocks of {bytes} bytes");
    assert_eq!([live_bytes, live], [0; 2]);
}
