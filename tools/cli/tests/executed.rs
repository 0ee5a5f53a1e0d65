//! Programs that the wrapped program executes, in its place or in processes of their own: they run
//! as ever, and are recorded, or named with the reason.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use run_support::{Scratch, json, of_program, ours, status, sum_of, text};

/// The functions that put another program in a process's place.
const IN_PLACE: [&str; 9] =
    ["execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat"];
/// Those that start it in a new process.
const BESIDE: [&str; 3] = ["posix_spawn", "posix_spawnp", "vfork"];

const NOBODY: u32 = 65_534;

struct Programs {
    scratch: Scratch,
    executes: PathBuf,
    shows: PathBuf,
}

impl Programs {
    fn new(name: &str) -> Self {
        Self::with_flags(Scratch::new(name), &[])
    }

    /// The loader of `shows` has the name of musl's. It is glibc's, and would load our library.
    fn with_other_loader(name: &str) -> Self {
        let scratch = Scratch::new(name);
        let loader = scratch.join("ld-musl-x86_64.so.1");
        fs::copy("/lib64/ld-linux-x86-64.so.2", &loader).unwrap();
        fs::set_permissions(&loader, fs::Permissions::from_mode(0o755)).unwrap();
        let flag = format!("-Wl,--dynamic-linker={}", loader.display());
        Self::with_flags(scratch, &[&flag])
    }

    fn with_flags(scratch: Scratch, flags: &[&str]) -> Self {
        let (executes, shows) = (scratch.compile("executes", &[]), scratch.compile("shows", flags));
        Self { scratch, executes, shows }
    }

    fn command(&self, children: &str, words: &[&str]) -> Command {
        let program = self.executes.to_str().unwrap();
        let run = ["run", "--children", children, "-o", "r.json", "--", program];
        self.scratch.command(&[&run, words].concat())
    }

    fn run(&self, children: &str, way: &str) -> Output {
        let shows = self.shows.to_str().unwrap();
        self.command(children, &[way, shows]).output().unwrap()
    }

    fn bytes_of(&self, function: &str) -> u64 {
        sum_of(&json(&self.scratch.join("r.json")), function, "tb")
    }
}

/// The variables that `shows` found in its environment.
fn is_as_ever(output: &Output, way: &str) -> String {
    let out = text(&output.stdout);
    assert_eq!(status(output), 3, "{way}: {out}{}", ours(output));
    assert_eq!(of_program(output), "", "{way}");
    let found = out.strip_prefix("7 arguments, last 7; LD_PRELOAD ");
    found.unwrap_or_else(|| panic!("{way}: {out}")).trim_end().to_owned()
}

#[test]
fn a_program_in_its_place_is_named() {
    let programs = Programs::new("in-place");
    for way in IN_PLACE {
        let output = programs.run("no", way);
        assert_eq!(is_as_ever(&output, way), "is not set");
        let told = ours(&output);
        let expected = "executes executed shows in its place: the report ends there. \
                        --children yes records";
        assert!(told.contains(expected), "{way}: {told}");
        assert_eq!(programs.bytes_of("main"), 11, "{way}");
    }
}

/// The time of the program that took its place is not its own. Compared with the time that the other
/// takes for certain.
#[test]
fn a_recording_ends_when_another_program_takes_its_place() {
    const OTHER: u64 = 1_500_000;
    let scratch = Scratch::new("its-time");
    let began = std::time::Instant::now();
    let output = scratch.run(&["run", "-o", "r.json", "sh", "-c", "exec sleep 1.5"]);
    let all = began.elapsed().as_micros() as u64;
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let own = json(&scratch.join("r.json"))["te"].as_u64().unwrap();
    assert!(own + OTHER <= all, "{own} of {all}");
}

#[test]
fn what_could_not_be_executed_is_not_named() {
    let programs = Programs::with_flags(Scratch::new("lives"), &["-static"]);
    fs::set_permissions(&programs.shows, fs::Permissions::from_mode(0o644)).unwrap();
    for way in IN_PLACE.iter().chain(&BESIDE) {
        for children in ["no", "yes"] {
            let output = programs.run(children, way);
            let (status, told) = (status(&output), ours(&output));
            assert!(status == 98 || status == 99, "{way}: {status}, {told}");
            assert!(!told.contains("shows"), "{way}: {told}");
        }
    }
}

#[test]
fn with_children_every_way_is_recorded() {
    let programs = Programs::new("all-ways");
    for way in IN_PLACE.iter().chain(&BESIDE) {
        let output = programs.run("yes", way);
        assert!(is_as_ever(&output, way).ends_with("libmod_alloc_preload.so"), "{way}");
        assert_eq!(programs.bytes_of("by_shows"), 100_000, "{way}");
        assert!(!ours(&output).contains("not recorded"), "{way}: {}", ours(&output));
    }
}

/// As containers do whose filter is older than the kernel. glibc asks by the newer call first.
#[test]
fn a_sandbox_that_refuses_a_question_leaves_children_recorded() {
    let programs = Programs::new("refusing");
    for error in [libc::EPERM, libc::ENOSYS] {
        for way in ["execv", "execvp", "posix_spawn", "vfork"] {
            let mut command = programs.command("yes", &[way, programs.shows.to_str().unwrap()]);
            let output = refusing(&mut command, CALLS, error).output().unwrap();
            let told = ours(&output);
            assert!(is_as_ever(&output, way).ends_with("libmod_alloc_preload.so"), "{way}");
            assert_eq!(programs.bytes_of("by_shows"), 100_000, "{way}: {told}");
            assert!(!told.contains("not recorded"), "{way}: {told}");
        }
    }
}

#[test]
fn a_sandbox_that_refuses_a_question_hides_no_program_that_is_searched() {
    let programs = Programs::with_other_loader("searched");
    // Not in the folder that the program runs in.
    let folder = programs.scratch.join("folder");
    fs::create_dir(&folder).unwrap();
    fs::rename(&programs.shows, folder.join("shows")).unwrap();
    let path = format!("/no-such-folder:{}:/usr/bin:/bin", folder.display());
    for error in [libc::EPERM, libc::ENOSYS] {
        let mut command = programs.command("yes", &["execvp", "shows"]);
        let output = refusing(command.env("PATH", &path), CALLS, error).output().unwrap();
        assert_eq!(is_as_ever(&output, "execvp"), "is not set");
        assert!(ours(&output).contains("shows: not recorded"), "{}", ours(&output));
    }
}

/// The calls that ask for a right to a file.
const CALLS: [libc::c_long; 2] = [libc::SYS_faccessat, libc::SYS_faccessat2];

/// The kernel refuses these calls to the command and to all that it starts.
fn refusing(command: &mut Command, calls: [libc::c_long; 2], error: i32) -> &mut Command {
    let step = |code, if_true, if_false, k| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt: if_true,
        jf: if_false,
        k,
    };
    let is_call = calls.map(|call| u32::try_from(call).unwrap());
    let refused = libc::SECCOMP_RET_ERRNO | error.unsigned_abs();
    let compare = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    // The number of the call is the first word that the filter is given.
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(compare, 2, 0, is_call[0]),
        step(compare, 1, 0, is_call[1]),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, refused),
    ];
    let install = move || {
        let len = libc::c_ushort::try_from(filter.len()).unwrap();
        let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: plain numbers.
        let failed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0
            // SAFETY: the program points at the filter, as long as it says.
            || unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) } != 0;
        if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the new process makes two calls of the system.
    unsafe { command.pre_exec(install) }
}

/// musl's loader dies of a library for glibc, and a loader of another machine complains.
#[test]
fn programs_for_another_library_run_without_ours() {
    let programs = Programs::with_other_loader("musl");
    for way in IN_PLACE.iter().chain(&BESIDE) {
        let output = programs.run("yes", way);
        assert_eq!(is_as_ever(&output, way), "is not set");
        let told = ours(&output);
        let expected = "shows: not recorded, and neither is what it starts: it is linked against \
                        another C library";
        assert!(told.contains(expected), "{way}: {told}");
    }
}

/// The user's own libraries stay, and so do all variables.
#[test]
fn the_rest_of_the_environment_stays() {
    let programs = Programs::with_other_loader("rest");
    let shows = programs.shows.to_str().unwrap();
    let mut command = programs.command("yes", &["execv", shows]);
    let output = command.env("LD_PRELOAD", "libm.so.6:libdl.so.2").output().unwrap();
    assert_eq!(is_as_ever(&output, "execv"), "libm.so.6:libdl.so.2");
    let many = programs.command("yes", &["execv", shows, "many"]).output().unwrap();
    assert_eq!(is_as_ever(&many, "many variables"), "is not set");
}

#[test]
fn scripts_are_judged_by_their_interpreter() {
    let programs = Programs::with_other_loader("script");
    let script =
        executable(&programs.scratch, "script", &format!("#! {} x\n", programs.shows.display()));
    let script = script.to_str().unwrap();
    let output = programs.command("yes", &["execv", script]).output().unwrap();
    assert!(text(&output.stdout).ends_with("LD_PRELOAD is not set\n"), "{output:?}");
    assert!(ours(&output).contains("script: not recorded"), "{}", ours(&output));
}

fn executable(scratch: &Scratch, name: &str, content: &str) -> PathBuf {
    let path = scratch.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn static_programs_and_those_that_gain_rights_are_named() {
    let programs = Programs::with_flags(Scratch::new("static-child"), &["-static"]);
    let told = ours(&programs.run("yes", "execv"));
    assert!(told.contains("shows: not recorded: it is statically linked"), "{told}");

    let programs = Programs::new("rights");
    chown(&programs.shows, Some(NOBODY), None)
        .expect("this test gives files away, and needs root for it");
    fs::set_permissions(&programs.shows, fs::Permissions::from_mode(0o4755)).unwrap();
    let output = programs.run("yes", "posix_spawn");
    is_as_ever(&output, "set-user-id");
    let told = ours(&output);
    assert!(
        told.contains("shows: not recorded, and neither is what it starts: it gains"),
        "{told}"
    );
}

#[test]
fn a_program_whose_environment_was_cleared_is_named() {
    let scratch = Scratch::new("cleared");
    let shows = scratch.compile("shows", &[]);
    let shows = shows.to_str().unwrap();
    let output = scratch.run(&["run", "--children", "yes", "env", "-i", shows]);
    let told = ours(&output);
    assert!(told.contains("shows: not recorded, and neither"), "{told}");
    assert!(told.contains("its environment lacks LD_PRELOAD"), "{told}");
}

/// As servers do that root starts, and entry points of containers.
#[test]
fn processes_that_become_another_user_are_recorded() {
    let scratch = Scratch::new("users");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (drops, shows) = (scratch.compile("drops", &[]), scratch.compile("shows", &[]));
    let words = [drops.to_str().unwrap(), shows.to_str().unwrap()];
    let run = ["run", "--children", "yes", "-o", "r.json"];
    let output = scratch.run(&[&run[..], &words].concat());
    let told = ours(&output);
    assert_eq!(status(&output), 3, "this test needs root: {told}");
    assert_eq!(of_program(&output), "", "the loader does not complain");
    let report = json(&scratch.join("r.json"));
    let bytes = ["by_worker", "by_shows"].map(|function| sum_of(&report, function, "tb"));
    assert_eq!(bytes, [50_000, 100_000], "{told}");
    assert!(!told.contains("not recorded"), "{told}");
}

/// The user keeps the recordings in a folder of root's: there is no place for those of others.
#[test]
fn processes_that_cannot_make_recordings_are_named() {
    let scratch = Scratch::new("no-place");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (drops, shows) = (scratch.compile("drops", &[]), scratch.compile("shows", &[]));
    let words = [drops.to_str().unwrap(), shows.to_str().unwrap()];
    let run = ["run", "--children", "yes", "-o", "r.json", "--record", "kept"];
    let output = scratch.run(&[&run[..], &words].concat());
    let told = ours(&output);
    assert_eq!(status(&output), 3, "this test needs root: {told}");
    assert_eq!(of_program(&output), "", "the loader does not complain");
    assert!(text(&output.stdout).ends_with("LD_PRELOAD is not set\n"), "{output:?}");
    let expected = "no recording can be made";
    assert!(told.contains(expected), "{told}");
}
