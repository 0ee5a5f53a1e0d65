//! Programs that `mod-alloc run` cannot record: it says why, and the way out.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use run_support::{Scratch, json, ours, status, sum, text};

const NOBODY: u32 = 65_534;

fn refused(scratch: &Scratch, program: &Path, parts: &[&str]) {
    let output = scratch.run(&["run", program.to_str().unwrap()]);
    is_refused(&output, parts);
}

fn is_refused(output: &Output, parts: &[&str]) {
    let told = ours(output);
    assert_eq!(status(output), 125, "{told}");
    assert_eq!(told, text(&output.stderr), "every line is ours");
    for part in parts {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
}

fn copy_of(scratch: &Scratch, program: &Path, name: &str) -> PathBuf {
    let copy = scratch.join(name);
    fs::copy(program, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

fn script(scratch: &Scratch, name: &str, first_line: &str) -> PathBuf {
    let path = scratch.join(name);
    fs::write(&path, format!("{first_line}\necho from a script\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn static_programs() {
    let scratch = Scratch::new("static");
    for flag in ["-static", "-static-pie"] {
        let program = scratch.compile("work", &[flag]);
        refused(&scratch, &program, &["work is statically linked", "the crate `mod-alloc`"]);
    }
    let program = scratch.compile("work", &["-static"]);
    let by_script = script(&scratch, "script", &format!("#!{}", program.display()));
    refused(&scratch, &by_script, &["work is statically linked"]);
}

#[test]
fn places_for_a_recording_where_no_file_can_be() {
    let scratch = Scratch::new("record");
    let ran = scratch.join("ran");
    let script = format!("echo >{}", ran.display());
    let output = scratch.run(&["run", "--record", "no/such/place", "sh", "-c", &script]);
    is_refused(&output, &["no/such/place: No such file or directory"]);
    assert!(!ran.exists(), "the program is not started in vain");
}

#[test]
fn programs_of_other_machines_and_libraries() {
    let scratch = Scratch::new("machines");
    let program = scratch.compile("work", &[]);
    let damaged = |name: &str, at: usize, byte: u8| {
        let copy = copy_of(&scratch, &program, name);
        let mut bytes = fs::read(&copy).unwrap();
        bytes[at] = byte;
        fs::write(&copy, bytes).unwrap();
        copy
    };
    // The class, and the machine: RISC-V.
    refused(
        &scratch,
        &damaged("small", 4, 1),
        &["small is a program for a 32-bit machine", "Use a mod-alloc"],
    );
    refused(&scratch, &damaged("riscv", 18, 243), &["riscv is a program for Riscv64"]);
    let musl = scratch.compile("work", &["-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"]);
    refused(
        &scratch,
        &musl,
        &["another C library (its loader is /lib/ld-musl-x86_64.so.1)", "glibc"],
    );
}

#[test]
fn programs_that_gain_rights() {
    let scratch = Scratch::new("rights");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = scratch.compile("work", &[]);
    let copy = copy_of(&scratch, &program, "copy");
    chown(&copy, Some(NOBODY), Some(NOBODY))
        .expect("this test gives files away, and needs root for it");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    refused(
        &scratch,
        &copy,
        &["set-user-id and runs as user 65534", "Run mod-alloc as user 65534", "a copy"],
    );
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o2755)).unwrap();
    refused(&scratch, &copy, &["set-group-id and runs as group 65534"]);
    // Its own owner gains nothing.
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o4755)).unwrap();
    let output = as_nobody(&scratch, &copy);
    assert_eq!(status(&output), 0, "{}", ours(&output));
}

#[test]
fn programs_with_capabilities() {
    let scratch = Scratch::new("capabilities");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = scratch.compile("work", &[]);
    let path = CString::new(program.as_os_str().as_bytes()).unwrap();
    // Version 2, effective; permitted: CAP_NET_RAW.
    let mut value = [0_u8; 20];
    value[..4].copy_from_slice(&0x0200_0001_u32.to_le_bytes());
    value[4..8].copy_from_slice(&(1_u32 << 13).to_le_bytes());
    // SAFETY: C strings, and a value of the size given.
    let failed = unsafe {
        libc::setxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            value.as_ptr().cast(),
            value.len(),
            0,
        )
    };
    assert_eq!(failed, 0, "this test gives a file capabilities, and needs root for it");
    is_refused(&as_nobody(&scratch, &program), &["has file capabilities", "Run mod-alloc as root"]);
    let output = scratch.run(&["run", program.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "root gains nothing: {}", ours(&output));
}

/// Runs `program` as a user without rights.
fn as_nobody(scratch: &Scratch, program: &Path) -> Output {
    // Where the tests are built, that user may not look.
    let ours = copy_of(scratch, Path::new(env!("CARGO_BIN_EXE_mod-alloc")), "mod-alloc");
    let mut command = std::process::Command::new(ours);
    command.args(["run", "-o", "r.json"]).arg(program).current_dir(scratch.path());
    command
        .env("HOME", scratch.path())
        .env_remove("XDG_CACHE_HOME")
        .stdin(std::process::Stdio::null());
    command.uid(NOBODY).gid(NOBODY).output().unwrap()
}

#[test]
fn programs_that_are_not_there() {
    let scratch = Scratch::new("missing");
    let run = |name: &str| scratch.run(&["run", name]);
    for (name, expected, part) in [
        ("no-such-program", 127, "no such program in the folders of PATH"),
        ("./no-such-program", 127, "no such file"),
        ("/etc/passwd/x", 126, "cannot be started"),
        ("/etc/passwd", 126, "not executable"),
        ("/etc", 126, "a folder"),
        ("", 127, "no such file"),
    ] {
        let output = run(name);
        assert_eq!(
            (status(&output), ours(&output).contains(part)),
            (expected, true),
            "{name}: {}",
            ours(&output)
        );
    }
    let link = scratch.join("link");
    symlink("/nonexistent", &link).unwrap();
    assert_eq!(status(&run("./link")), 127);
    assert_eq!(scratch.names(), ["link"]);
}

#[test]
fn path_is_searched_as_execvp_does() {
    let scratch = Scratch::new("path");
    let (denied, good) = (scratch.join("denied"), scratch.join("good"));
    for folder in [&denied, &good] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(denied.join("prog"), "#!/bin/sh\necho wrong\n").unwrap();
    fs::rename(script(&scratch, "prog", "#!/bin/sh"), good.join("prog")).unwrap();
    let run = |path: String| scratch.command(&["run", "prog"]).env("PATH", path).output().unwrap();
    let (denied, good) = (denied.display(), good.display());
    assert_eq!(text(&run(format!("/nonexistent:{denied}:{good}")).stdout), "from a script\n");
    let only_denied = run(format!("{denied}"));
    assert_eq!(status(&only_denied), 126, "{}", ours(&only_denied));
}

#[test]
fn scripts_run_and_it_is_said_who_is_recorded() {
    let scratch = Scratch::new("scripts");
    for first_line in
        ["#!/bin/sh", "#!/usr/bin/env sh", "#! /bin/sh -e", "# no interpreter is named"]
    {
        let path = script(&scratch, "script", first_line);
        let output = scratch.run(&["run", path.to_str().unwrap()]);
        let told = ours(&output);
        assert_eq!(
            (text(&output.stdout).as_str(), status(&output)),
            ("from a script\n", 0),
            "{told}"
        );
        assert_eq!(told.matches("script is a script").count(), 1, "{told}");
        let report = scratch.only("mod-alloc.script.", ".json");
        assert!(sum(&json(&report), "tbk") > 0);
        fs::remove_file(report).unwrap();
    }
    let path = script(&scratch, "script", "#!/bin/sh");
    let output = scratch.run(&["run", "--children", "yes", path.to_str().unwrap()]);
    assert!(!ours(&output).contains("is a script"), "{}", ours(&output));
    let lost = script(&scratch, "lost", "#!/no/such/interpreter");
    let output = scratch.run(&["run", lost.to_str().unwrap()]);
    assert_eq!(status(&output), 125);
    assert!(ours(&output).contains("/no/such/interpreter"), "{}", ours(&output));
}

fn is_refused_for(scratch: &Scratch, program: &Path, option: &str) {
    let output = scratch.run(&["run", program.to_str().unwrap()]);
    assert_eq!((status(&output), text(&output.stdout).as_str()), (125, ""), "{option}");
    assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    assert!(ours(&output).contains(&format!("the sanitizer -fsanitize={option},")));
}

/// Compilers differ in their sanitizers, and some link the runtime in: these programs have its
/// function or its library, and nothing else of it.
#[test]
fn runtimes_of_sanitizers_are_known_by_function_and_by_library() {
    for (option, name) in [
        ("address", "asan"),
        ("hwaddress", "hwasan"),
        ("thread", "tsan"),
        ("memory", "msan"),
        ("leak", "lsan"),
    ] {
        let scratch = Scratch::new(name);
        let function = format!("-Wl,--defsym=__{name}_init=main");
        let linked = scratch.compile("work", &["-rdynamic", &function]);
        is_refused_for(&scratch, &linked, option);
        // The name that the program needs is the library's own.
        let library = scratch.join("empty.so");
        let own_name = format!("-Wl,-soname,lib{name}.so.8");
        let mut cc = std::process::Command::new("cc");
        cc.args(["-shared", "-nostdlib", &own_name, "-x", "c", "/dev/null", "-o"]);
        assert!(cc.arg(&library).status().unwrap().success());
        let flags = ["-Wl,--no-as-needed", library.to_str().unwrap()];
        is_refused_for(&scratch, &scratch.compile("work", &flags), option);
    }
}

#[test]
fn sanitized_programs_are_refused_before_they_start() {
    for option in ["address", "thread", "leak"] {
        let scratch = Scratch::new(option);
        let program = scratch.compile("work", &[&format!("-fsanitize={option}")]);
        is_refused_for(&scratch, &program, option);
    }
    let scratch = Scratch::new("undefined");
    let program = scratch.compile("work", &["-fsanitize=undefined"]);
    let output = scratch.run(&["run", program.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
}

#[test]
fn programs_with_an_allocator_of_their_own_are_warned_of() {
    let scratch = Scratch::new("allocators");
    let own = scratch.compile("own_malloc", &["-fno-builtin"]);
    let output = scratch.run(&["run", own.to_str().unwrap()]);
    let told = ours(&output);
    assert_eq!((text(&output.stdout).as_str(), status(&output)), ("hello\n", 0), "{told}");
    assert!(
        told.contains("no allocation was recorded")
            && told.contains("a malloc of its own (it has malloc)"),
        "{told}"
    );
    assert!(told.contains("the crate `mod-alloc`"), "{told}");
    let brings = scratch.compile("brings_allocator", &["-fno-builtin"]);
    let output = scratch.run(&["run", brings.to_str().unwrap()]);
    let told = ours(&output);
    assert!(told.contains("brings jemalloc (it has _rjem_malloc)"), "{told}");
    assert!(!told.contains("no event"), "{told}");
    let script = format!("{0}; {0}; exit 3", own.display());
    let output = scratch.run(&["run", "--children", "yes", "sh", "-c", &script]);
    let told = ours(&output);
    assert_eq!(status(&output), 3, "{told}");
    let line = format!("no allocation was recorded: {} brings a malloc of its own", own.display());
    assert_eq!(told.matches(&line).count(), 1, "{told}");
    assert_eq!(told.matches("warning").count(), 1, "{told}");
    let script = format!("{}; {}; exit 3", brings.display(), own.display());
    let words = ["run", "--children", "yes", "--sum", "-o", "sum.json", "sh", "-c", &script];
    let told = ours(&scratch.run(&words));
    assert!(told.contains(&format!("{} brings jemalloc", brings.display())), "{told}");
    assert_eq!(told.matches(&line).count(), 1, "{told}");
    let shown = text(&scratch.run(&["report", "sum.json"]).stdout);
    for part in
        ["brings jemalloc (it has _rjem_malloc), whose", "brings a malloc of its own (it has"]
    {
        assert_eq!(shown.matches(part).count(), 1, "{shown}");
    }
    let folder = scratch.only("mod-alloc.sh.", "");
    let mut reports = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_child = |path: &PathBuf| path.to_string_lossy().contains("/mod-alloc.own_malloc.");
    let child = reports.find(is_child).unwrap();
    let report = scratch.run(&["report", child.to_str().unwrap()]);
    let report = text(&report.stdout);
    assert!(report.contains("Nothing was recorded.") && !report.contains("lost"), "{report}");
    let plain = scratch.compile("work", &[]);
    let told = ours(&scratch.run(&["run", plain.to_str().unwrap()]));
    assert!(!told.contains("warning"), "{told}");
}

#[test]
fn a_home_that_does_not_exist_is_not_made() {
    let scratch = Scratch::new("no-home");
    let home = scratch.join("home");
    let mut command = scratch.command(&["run", "-o", "r.json", "sh", "-c", ":"]);
    let output = command.env("HOME", &home).env_remove("XDG_CACHE_HOME").output().unwrap();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert!(!home.exists());
}
